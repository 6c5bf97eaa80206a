//! Symbolic links inside a tree. They are followed as text, component by component, so that none leads out.

use crate::{Error, Files, Mode, clean_join};

/// How many links one look-up follows; Linux's own cap.
pub const MAX_LINKS: usize = 40;

/// The path of the file or directory that `path` names when every symbolic link on the way is followed.
///
/// # Errors
/// [`Error::NotFound`] where nothing is there, [`Error::LinkOutside`] where a link is absolute or leaves the tree,
/// [`Error::TooManyLinks`] for a cycle, [`Error::NotADirectory`] where a file stands in the middle of the path.
pub fn resolve<F: Files + ?Sized>(files: &F, path: &str) -> Result<String, Error> {
    let mut done = String::new();
    let mut rest: Vec<String> = components_reversed(&clean_join("", path)?);
    let mut links = 0;
    while let Some(part) = rest.pop() {
        let here = clean_join(&done, &part)?;
        match files.entry(&here) {
            Some(entry) if entry.mode == Mode::Symlink => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Error::TooManyLinks { path: path.to_owned(), limit: MAX_LINKS });
                }
                // The whole target is judged as one path: each `..` of it is taken from where the link stands.
                let target = link_target(files, path, &here)?;
                rest.extend(target.split('/').rev().filter(|p| !p.is_empty() && *p != ".").map(str::to_owned));
            }
            Some(_) if !rest.is_empty() => {
                return Err(Error::NotADirectory { path: path.to_owned(), file: here });
            }
            Some(_) => done = here,
            None if files.is_dir(&here) => done = here,
            None => return Err(Error::NotFound { path: path.to_owned() }),
        }
    }
    Ok(done)
}

fn components_reversed(path: &str) -> Vec<String> {
    path.split('/').rev().filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// What the link at `link` holds, if it stays in the tree.
fn link_target<F: Files + ?Sized>(files: &F, path: &str, link: &str) -> Result<String, Error> {
    let stored = files.stored(link)?;
    let target = String::from_utf8_lossy(&stored).into_owned();
    match clean_join(crate::parent(link), &target) {
        Ok(_) => Ok(target),
        Err(_) => Err(Error::LinkOutside { path: path.to_owned(), link: link.to_owned(), target }),
    }
}

//! Paths inside a tree: pure text, never looked up. Used by every engine that joins a path from a file to its own place.

use crate::Error;

/// `path` without `.`, doubled and trailing slashes, and with `..` taken away. The root is `""`.
///
/// # Errors
/// [`Error::BadPath`] for an absolute path or a NUL, [`Error::Outside`] for a `..` that leaves the tree.
pub fn normalise(path: &str) -> Result<String, Error> {
    clean_join("", path)
}

/// The path `relative`, seen from the directory `base` (itself normalised), as a normalised path of the tree.
///
/// # Errors
/// [`Error::BadPath`] for an absolute path or a NUL, [`Error::Outside`] where the result would leave the tree.
pub fn clean_join(base: &str, relative: &str) -> Result<String, Error> {
    let bad = |reason| Err(Error::BadPath { path: relative.to_owned(), reason });
    if relative.starts_with('/') {
        return bad("the path must be relative");
    }
    if relative.contains('\0') {
        return bad("the path holds a NUL character");
    }
    let mut clean = String::with_capacity(base.len() + relative.len() + 1);
    for part in base.split('/').chain(relative.split('/')) {
        match part {
            "" | "." => {}
            ".." if clean.is_empty() => {
                return Err(Error::Outside { path: relative.to_owned(), base: base.to_owned() });
            }
            ".." => clean.truncate(clean.rfind('/').unwrap_or(0)),
            part => {
                if !clean.is_empty() {
                    clean.push('/');
                }
                clean.push_str(part);
            }
        }
    }
    Ok(clean)
}

/// The directory that holds `path`; `""` for a name at the root.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// The last component of `path`.
#[must_use]
pub fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Whether a path is that of something in the directory `dir`, or deeper; everything is in the root, which is empty.
#[must_use]
pub fn is_below(dir: &str, path: &str) -> bool {
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

/// A relative path as Go's `path.Clean` writes it: `.` for nothing, and a leading `..` stays. Looks up nothing, and may
/// lead out of the tree: for what programs print and compare, not for what is read ([`normalise`]).
#[must_use]
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

//! Reading files, seen from the directory of a kustomization.
//!
//! kustomize: api/internal/loader/{fileloader,loadrestrictions}.go. A tree stands in for the file system; nothing outside
//! of it exists.

use std::borrow::Cow;

use file_tree::{Files, clean_join, resolve};

use crate::remote;
use crate::{Error, Options};

/// A directory from which files are read.
#[derive(Clone)]
pub(crate) struct Loader<'f> {
    files: &'f dyn Files,
    options: &'f Options<'f>,
    /// The path of the directory in the tree, links followed.
    root: String,
    /// The directories of the kustomizations that led here, the outermost first.
    referrers: Vec<String>,
}

impl std::fmt::Debug for Loader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("root", &self.root).finish_non_exhaustive()
    }
}

fn refused(error: &file_tree::Error) -> Error {
    Error::new(error.to_string())
}

/// Whether `path` is `directory` or lies below it.
fn is_in(path: &str, directory: &str) -> bool {
    directory.is_empty() || path == directory || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

impl<'f> Loader<'f> {
    /// The loader of the directory that is built.
    ///
    /// # Errors
    /// There is no such directory.
    pub(crate) fn at(files: &'f dyn Files, options: &'f Options<'f>, dir: &str) -> Result<Self, Error> {
        if remote::is_repository(dir) {
            return Err(is_remote(dir));
        }
        let root = directory(files, dir)?;
        Ok(Self { files, options, root, referrers: Vec::new() })
    }

    /// The loader of a base or component, which must not be a directory that led here, nor hold one.
    ///
    /// # Errors
    /// There is no such directory; it is on another machine; it would be a cycle.
    pub(crate) fn descend(&self, path: &str) -> Result<Self, Error> {
        if path.is_empty() {
            return Err(Error::new("new root cannot be empty"));
        }
        if remote::is_repository(path) || remote::is_file(path) {
            return Err(is_remote(path));
        }
        if path.starts_with('/') {
            return Err(Error::new(format!("new root '{path}' cannot be absolute")));
        }
        let joined = clean_join(&self.root, path).map_err(|error| refused(&error))?;
        let root = directory(self.files, &joined)?;
        if let Some(visited) = self.referrers.iter().chain([&self.root]).find(|visited| is_in(visited, &root)) {
            let message = format!(
                "cycle detected: candidate root '{}' contains visited root '{}'",
                self.shown_path(&root),
                self.shown_path(visited)
            );
            return Err(Error::new(message));
        }
        let referrers = [&self.referrers[..], std::slice::from_ref(&self.root)].concat();
        Ok(Self { files: self.files, options: self.options, root, referrers })
    }

    /// The directory in the tree.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// The tree.
    pub(crate) fn files(&self) -> &'f dyn Files {
        self.files
    }

    /// The directory as messages show it.
    pub(crate) fn shown_root(&self) -> String {
        self.shown_path(&self.root)
    }

    /// A file of the directory as messages show it.
    pub(crate) fn shown(&self, path: &str) -> String {
        self.shown_path(&clean_join(&self.root, path).unwrap_or_else(|_| path.to_owned()))
    }

    fn shown_path(&self, path: &str) -> String {
        match self.options.tree_path {
            Some(tree) => format!("{}/{path}", tree.trim_end_matches('/')),
            None if path.is_empty() => ".".to_owned(),
            None => path.to_owned(),
        }
    }

    /// Whether a base of that path exists. Only then it is worth telling what is wrong with it.
    pub(crate) fn is_directory(&self, path: &str) -> bool {
        clean_join(&self.root, path)
            .ok()
            .and_then(|path| resolve(self.files, &path).ok())
            .is_some_and(|path| self.files.is_dir(&path))
    }

    /// Whether there is a file of that name that may be read.
    pub(crate) fn is_readable(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// Where a path leads: to a file of the tree, in or below the directory unless the options allow others.
    fn place(&self, path: &str) -> Result<String, Error> {
        if remote::is_file(path) {
            return Err(is_remote(path));
        }
        let joined = match path.strip_prefix('/') {
            Some(_) => self.inside_of_tree(path)?,
            None => clean_join(&self.root, path).map_err(|error| refused(&error))?,
        };
        let place = resolve(self.files, &joined).map_err(|error| refused(&error))?;
        if self.files.is_dir(&place) {
            return Err(Error::new(format!("'{}' must resolve to a file", self.shown_path(&place))));
        }
        if !self.options.load_from_anywhere && !is_in(file_tree::parent(&place), &self.root) {
            let (file, root) = (self.shown_path(&joined), self.shown_root());
            return Err(Error::new(format!("security; file '{file}' is not in or below '{root}'")));
        }
        Ok(place)
    }

    fn inside_of_tree(&self, path: &str) -> Result<String, Error> {
        let Some(tree) = self.options.tree_path else {
            return Err(Error::new(format!("'{path}': an absolute path leads out of the tree")));
        };
        let inside = path.strip_prefix(tree.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
        let inside = inside.ok_or_else(|| Error::new(format!("'{path}' lies outside of the tree")))?;
        clean_join("", inside).map_err(|error| refused(&error))
    }

    /// The content of a file.
    ///
    /// # Errors
    /// There is none; it may not be read; it is on another machine.
    pub(crate) fn load(&self, path: &str) -> Result<Cow<'f, [u8]>, Error> {
        let place = self.place(path)?;
        self.files.stored(&place).map_err(|error| refused(&error))
    }

    /// The content of a file that should be text.
    ///
    /// # Errors
    /// As [`Loader::load`]; it is not UTF-8.
    pub(crate) fn load_text(&self, path: &str) -> Result<Cow<'f, str>, Error> {
        let not_utf8 = |bytes: &[u8], valid: usize| {
            let line = bytes[..valid].iter().filter(|byte| **byte == b'\n').count() + 1;
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            Error::new("the file is not UTF-8").at_line(line).in_file(self.shown(path))
        };
        match self.load(path)? {
            Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(error) => Err(not_utf8(bytes, error.valid_up_to())),
            },
            Cow::Owned(bytes) => String::from_utf8(bytes)
                .map(Cow::Owned)
                .map_err(|error| not_utf8(error.as_bytes(), error.utf8_error().valid_up_to())),
        }
    }
}

fn is_remote(path: &str) -> Error {
    Error::new(format!(
        "'{path}' is on another machine; a build reads local files alone. Put it beside the kustomization"
    ))
}

fn directory(files: &dyn Files, path: &str) -> Result<String, Error> {
    let root = resolve(files, path).map_err(|error| refused(&error).context("must build at directory"))?;
    if files.is_dir(&root) { Ok(root) } else { Err(Error::new(format!("must build at directory: '{path}' is a file"))) }
}

//! Field specs: which fields of which kinds a transformer works on.
//!
//! kustomize: api/types/fieldspec.go.

mod walk;

pub(crate) use walk::{Create, split_path, walk, walk_all, walk_path};

use crate::Error;
use crate::id::Pattern;

/// A field of the objects of some kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    /// The kinds; all of them if it is empty.
    pub pattern: Pattern,
    /// The fields that lead there, separated by `/`; lists on the way are gone through.
    pub path: String,
    /// Whether what is missing is made.
    pub create: bool,
}

impl FieldSpec {
    pub(crate) fn new(path: &str, create: bool) -> Self {
        Self { pattern: Pattern::default(), path: path.to_owned(), create }
    }
}

/// Adds those of `incoming` that `specs` does not have. Go: `FsSlice.MergeAll`.
///
/// # Errors
/// One stands in both, with another `create`.
pub(crate) fn merge_all(specs: &mut Vec<FieldSpec>, incoming: &[FieldSpec]) -> Result<(), Error> {
    incoming.iter().try_for_each(|spec| merge_one(specs, spec))
}

/// As [`merge_all`], of one.
pub(crate) fn merge_one(specs: &mut Vec<FieldSpec>, incoming: &FieldSpec) -> Result<(), Error> {
    // Go: `effectivelyEquals`.
    let same = |known: &&FieldSpec| known.pattern.is_selected(&incoming.pattern) && known.path == incoming.path;
    match specs.iter().find(same) {
        Some(known) if known.create != incoming.create => {
            Err(Error::new(format!("conflicting fieldspecs for {} {}", incoming.pattern, incoming.path)))
        }
        Some(_) => Ok(()),
        None => {
            specs.push(incoming.clone());
            Ok(())
        }
    }
}

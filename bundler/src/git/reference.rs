//! What a GitRepo follows: a branch, a tag, or one commit.

use std::fmt;

use super::object::ObjectId;
use crate::spelling::distance;

/// What `spec.branch` and `spec.revision` of a GitRepo ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reference {
    /// The newest commit of a branch.
    Branch(String),
    /// The commit of a tag, annotated or not.
    Tag(String),
    /// One commit.
    Commit(ObjectId),
    /// What the repository itself gives whoever names nothing (its `HEAD`).
    Default,
}

/// What Fleet follows when neither branch nor revision is set (`gitrepo_types.go`).
const DEFAULT_BRANCH: &str = "master";

impl Reference {
    /// From the two fields of a GitRepo's spec, as Fleet reads them (`gitrepo_types.go`): a revision wins over the
    /// branch; it is a commit if it has 40 hexadecimal digits, and a tag otherwise; with neither, branch `master`.
    pub fn from_spec(branch: Option<&str>, revision: Option<&str>) -> Self {
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        match (given(revision), given(branch)) {
            (Some(revision), _) => match revision.parse() {
                Ok(commit) => Self::Commit(commit),
                Err(_) => Self::Tag(revision),
            },
            (None, Some(branch)) => Self::Branch(branch),
            (None, None) => Self::Branch(DEFAULT_BRANCH.to_owned()),
        }
    }

    /// The full name on the server (`refs/heads/main`); `None` for a commit. A name that starts with `refs/` is
    /// taken as it is.
    pub fn full_name(&self) -> Option<String> {
        match self {
            Self::Branch(name) | Self::Tag(name) if name.starts_with("refs/") => Some(name.clone()),
            Self::Branch(name) => Some(format!("refs/heads/{name}")),
            Self::Tag(name) => Some(format!("refs/tags/{name}")),
            Self::Commit(_) => None,
            Self::Default => Some("HEAD".to_owned()),
        }
    }

    /// The folder of names in which the reference lives, for suggestions.
    pub(super) fn folder(&self) -> &'static str {
        match self {
            Self::Tag(_) => "refs/tags/",
            Self::Branch(_) | Self::Commit(_) | Self::Default => "refs/heads/",
        }
    }

    /// Whether git allows the name (`git check-ref-format`), which keeps control characters and newlines out of the
    /// protocol's lines.
    pub(super) fn is_well_formed(&self) -> bool {
        match self {
            Self::Commit(_) | Self::Default => true,
            Self::Branch(name) | Self::Tag(name) => {
                git2::Reference::is_valid_name(&self.full_name().unwrap_or_default()) && !name.starts_with('-')
            }
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(f, "branch {name:?}"),
            Self::Tag(name) => write!(f, "tag {name:?}"),
            Self::Commit(id) => write!(f, "commit {id}"),
            Self::Default => f.write_str("branch of its own (HEAD)"),
        }
    }
}

/// What is not there, in words: `spec.revision` takes tags and commits, and only 40 digits are a commit.
pub(super) fn missing(reference: &Reference) -> String {
    match reference {
        Reference::Tag(name) if (4..40).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("commit or tag {name:?} (a commit is given with all 40 digits of its id)")
        }
        other => other.to_string(),
    }
}

/// The names nearest to `wanted`, best first, at most five: equal but for case, then by edit distance.
pub(super) fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut ranked: Vec<(usize, &str)> =
        names.map(|name| (distance(&wanted.to_lowercase(), &name.to_lowercase()), name)).collect();
    ranked.sort_unstable();
    ranked.into_iter().take(5).map(|(_, name)| name.to_owned()).collect()
}

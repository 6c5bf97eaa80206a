//! Versions and version ranges as Helm understands them: Masterminds' semver 3.5, in charts (`kubeVersion`, versions of
//! dependencies), in repositories, and in the functions `semver` and `semverCompare`.
//!
//! ```
//! use helm_rs::semver::{Constraint, Version};
//!
//! let range: Constraint = ">=1.20-0 || ^0.9".parse()?;
//! assert!(range.check(&Version::parse("v1.31.4-gke.1")?));
//! # Ok::<(), helm_rs::semver::Error>(())
//! ```

mod constraint;
mod operator;
#[cfg(test)]
mod tests;
mod version;

pub use constraint::Constraint;
pub use version::Version;
pub(crate) use version::{check_metadata, check_prerelease};

/// Why a text is no version or no range. The texts are those of the Go library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It does not look like a version.
    #[error("invalid semantic version")]
    Invalid,
    /// A strict version is empty.
    #[error("version string empty")]
    Empty,
    /// A strict version has something else than digits in a number.
    #[error("invalid characters in version")]
    Characters,
    /// A number begins with 0.
    #[error("version segment starts with 0")]
    LeadingZero,
    /// What follows the `-` is malformed.
    #[error("invalid prerelease string")]
    Prerelease,
    /// What follows the `+` is malformed.
    #[error("invalid metadata string")]
    Metadata,
    /// A version of more than 256 bytes.
    #[error("version string is too long (max 256 bytes)")]
    TooLong,
    /// A number above 2^64-1.
    #[error("error parsing version segment: strconv.ParseUint: parsing {0:?}: value out of range")]
    Segment(String),
    /// A range that follows no known form.
    #[error("improper constraint: {0:?}")]
    Constraint(String),
    /// A range with a version that is none.
    #[error("constraint parser error")]
    ConstraintVersion,
    /// A range of more than 512 bytes.
    #[error("constraint string is too long (max 512 bytes)")]
    ConstraintTooLong,
    /// More than 32 alternatives.
    #[error("too many constraint groups (max 32)")]
    TooManyGroups,
}

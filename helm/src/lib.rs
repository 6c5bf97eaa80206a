//! Helm charts rendered in memory.
//!
//! - [`value`]: Go's dynamic values.
//! - [`template`]: Go's `text/template`, which knows nothing of Helm.
//! - [`functions`]: the functions of Helm's templates, by subject.
//! - [`semver`]: versions and version ranges, as Helm understands them.
//! - [`engine`]: Helm's engine: the templates of a chart together, and its error texts.

pub mod engine;
pub mod functions;
pub mod semver;
mod stack;
pub mod template;
pub mod value;

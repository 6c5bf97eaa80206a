//! Helm charts rendered in memory.
//!
//! - [`value`]: Go's dynamic values.
//! - [`template`]: Go's `text/template`, which knows nothing of Helm.

mod stack;
pub mod template;
pub mod value;

//! Helm charts rendered in memory.
//!
//! - [`value`]: Go's dynamic values.
//! - [`template`]: Go's `text/template`, which knows nothing of Helm.
//! - [`engine`]: Helm's engine: the templates of a chart together, and its error texts.

pub mod engine;
mod stack;
pub mod template;
pub mod value;

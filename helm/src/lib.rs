//! Helm charts rendered in memory.
//!
//! - [`value`]: Go's dynamic values.
//! - [`template`]: Go's `text/template`, which knows nothing of Helm.
//! - [`functions`]: the functions of Helm's templates, by subject.
//! - [`semver`]: versions and version ranges, as Helm understands them.
//! - [`engine`]: Helm's engine: the templates of a chart together, and its error texts.
//! - [`chart`], [`values`], [`strvals`], [`capabilities`], [`manifest`]: charts, what is said to them, and what they make.
//! - [`render()`]: all of it together.

pub mod capabilities;
pub mod chart;
pub mod command;
#[cfg(test)]
mod cve_replay;
pub mod engine;
pub mod functions;
pub mod manifest;
pub mod render;
mod schema;
pub mod semver;
mod stack;
pub mod strvals;
pub mod template;
pub mod value;
pub mod values;

pub use chart::Chart;
pub use render::{Error, Options, Output, Release, render};
pub use values::Values;

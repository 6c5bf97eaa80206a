//! What templates find under `.`: the objects that Helm makes, by their Go types.

mod capabilities;
mod chart;
mod files;
mod glob;

pub use capabilities::{Capabilities, HelmVersion, KubeVersion};
pub use chart::chart_object;
pub use files::Files;

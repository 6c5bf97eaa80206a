//! git repositories become Trees and Bundles.

pub mod git;
pub mod poll;

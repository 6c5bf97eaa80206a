//! git repositories become Trees and Bundles.

pub mod charts;
pub mod discover;
pub mod git;
pub mod poll;
pub mod spelling;

//! A tree, an overlay and facts about a cluster become ordered objects.

pub mod style;

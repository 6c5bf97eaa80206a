//! Helm charts rendered in memory.

//! The agent of one cluster.

//! Skiff on the command line.

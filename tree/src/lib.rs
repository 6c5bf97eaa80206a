//! A tree of files that engines read: in memory, or over a directory.

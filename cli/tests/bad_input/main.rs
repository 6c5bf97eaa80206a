//! Bad input for what `skiff bundle` and `skiff render` do with a repository: no panic, bounded time and memory, and what is
//! wrong is said with its place.

#![expect(clippy::unwrap_used, reason = "tests, whose helpers are not test functions themselves")]

mod hostile;
mod inputs;
mod mutation;
mod pipeline;
mod wire;

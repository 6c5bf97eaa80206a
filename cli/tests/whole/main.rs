//! Tier 3: the real hub and the real agent in one process, over the in-memory API server, on their bad days.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests, whose helpers are not test functions themselves")]
#![expect(clippy::print_stdout, reason = "figures of docs/RELIABILITY.md")]

mod absence;
mod api;
mod bad_days;
mod canaries;
mod crash;
mod cve_replay;
mod disk;
mod hub_crash;
mod kills;
mod pool;
mod repo;
mod restore;
mod slow_disk;
#[path = "../../../hub/tests/hub/sweep.rs"]
mod sweep;
mod values;
mod wire;
mod world;

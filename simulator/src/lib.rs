//! A virtual fleet (tier 2): the machines, courier, turns, documents and codecs that hub and agent ship, over a virtual
//! network, disks, clocks and API servers, in one thread and virtual time. One seed is one run, and the same trace
//! always; after every event the rules of docs/ARCHITECTURE.md are looked at, by an oracle that shares no decision with
//! what it watches.
//!
//! | module | what it holds |
//! |---|---|
//! | [`schedule`] | what goes wrong and what people do, from the seed |
//! | `world`, `acts` | the queue of events; the steps performed |
//! | `agent`, `hub` | the hosts of the real machines |
//! | `net` | networks, and the requests to API servers, with their faults |
//! | [`api`] | a lean API server |
//! | `git` | repositories, and what their users mean |
//! | [`oracle`] | what must never happen |
//! | [`run`](mod@run) | one run; liveness; shrinking |
//! | [`tell`](fn@tell) | what is printed of a run that failed |
//!
//! What is a stand-in: rendering (the files of a bundle are its objects), the reading of git (what a read finds is told as
//! the hub's reader tells it), the Lease (two agents run when a step says so, which is the worst that a Lease can do), and
//! TLS (who calls is known).

mod acts;
mod agent;
pub mod api;
mod git;
mod hub;
mod net;
pub mod oracle;
mod rng;
pub mod run;
pub mod schedule;
mod tell;
mod world;

pub use oracle::Violation;
pub use run::{Outcome, Settings, run, run_steps, shrink};
pub use schedule::{Act, Profile, Step};
pub use tell::tell;

//! The whole hub over real loopback TLS, with an agent that is a test.

mod access;
mod agents;
mod bad_input;
mod canaries;
mod chance;
mod charts;
mod common;
mod copies;
mod cve_replay;
mod restart;
mod sweep;
mod templating;

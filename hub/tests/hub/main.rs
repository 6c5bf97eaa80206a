//! The whole hub over real loopback TLS, with an agent that is a test.

mod agents;
mod common;
mod restart;

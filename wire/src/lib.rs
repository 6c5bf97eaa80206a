//! The bytes of what hub and agent exchange, and of what an agent keeps in its cluster. No I/O: hub, agent and the
//! simulator call the same functions.
//!
//! | module | what it holds |
//! |---|---|
//! | [`encode`] | what the hub sends |
//! | [`decode`] | what the agent makes of it, and what it does not believe |
//! | [`document`] | what an agent keeps in Secrets |
//! | [`status`], [`classify`] | what an API server answers, and what that means |
//! | [`record`] | a Desired as the hub stores it |

pub mod classify;
#[cfg(test)]
mod cve_replay;
pub mod decode;
pub mod document;
pub mod encode;
pub mod record;
pub mod status;

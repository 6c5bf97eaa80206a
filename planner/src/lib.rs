//! Every decision of hub and agent, as pure functions: no I/O, no clock, no randomness, no async.
//!
//! | module | what it decides |
//! |---|---|
//! | [`selector`] | whether labels match a selector |
//! | [`target`] | which clusters a Bundle goes to, with which customizations, and why not to the others |
//! | [`options`] | the options of a Bundle with a customization laid over them |
//! | [`order`] | the order in which kinds are applied and removed |
//! | [`hub`] | what the hub does: Bundles, placements, documents, statuses |
//! | [`agent`] | what the agent of one cluster does next, and what it never does |
//! | [`health`] | whether an object is healthy |
//! | [`status`] | the state of a Deployment, and what it adds up to |

pub mod agent;
pub mod health;
pub mod hub;
pub mod options;
pub mod order;
pub mod selector;
pub mod status;
pub mod target;

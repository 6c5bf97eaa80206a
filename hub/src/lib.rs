//! The hub: store, snapshot, agent API, user API (DESIGN §6).
//!
//! One task decides: [`machine`] feeds events into the pure machine of `skiff_planner::hub` and performs what it
//! answers. Everything else is a shell around it.
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | what the operator chose |

//! | [`core`] | the handle by which the APIs ask the deciding task for something |
//! | [`store`] | resources and records on disk, in one SQLite file |
//! | [`blobs`] | content by digest, beside it |
//! | [`identity`], [`tls`] | the hub's keys, and who is at the other end |
//! | [`agent_api`] | `/v1/enroll`, `/v1/sync`, `/v1/blobs` |
//! | [`user_api`] | the paths of the Kubernetes API |
//! | [`repositories`] | polls git, and reads what changed |
//! | [`rendering`] | renders on threads of its own, each input once |
//! | [`metrics`] | `/metrics` |

pub mod config;
pub mod core;
pub mod store;
pub mod user_api;

pub use config::Config;

//! The hub: store, snapshot, agent API, user API (DESIGN §6).
//!
//! One task decides: it feeds events into the pure machine of `skiff_planner::hub` and performs what it answers.
//! Everything else is a shell around it.
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | what the operator chose |
//! | [`run`] | starts all of it, and stops it |
//! | [`core`] | the handle by which the APIs ask the deciding task for something |
//! | [`store`] | resources and records on disk, in one SQLite file |
//! | [`blobs`] | content by digest, beside it |
//! | [`identity`], [`tls`] | the hub's keys, and who is at the other end |
//! | `machine`, `slots` | the deciding task, and what of it the handlers see |
//! | `agent_api` | `/v1/enroll`, `/v1/sync`, `/v1/blobs` |
//! | [`user_api`] | the paths of the Kubernetes API |
//! | `repositories` | polls git, and reads what changed |
//! | `copies` | Secrets and ConfigMaps that Bundles take along to their clusters |
//! | [`rendering`] | renders on threads of its own, each input once |
//! | [`crash`] | where a test lets a hub die |
//! | [`metrics`] | `/metrics` |
//! | [`routes`] | every route, and who may use it |

mod agent_api;
pub mod blobs;
pub mod config;
mod copies;
pub mod core;
pub mod crash;
pub mod identity;
mod machine;
pub mod metrics;
mod private;
pub mod rendering;
mod repositories;
pub mod routes;
pub mod run;
mod slots;
pub mod standard;
pub mod store;
pub mod tls;
mod turns;
pub mod user_api;
mod uses;

pub use agent_api::LONGEST_WAIT;
pub use config::Config;
pub use run::{Hub, StartError, backup};
pub use standard::StandardRenderer;

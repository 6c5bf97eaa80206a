//! Starts a real etcd, kube-apiserver and kube-controller-manager on loopback ports, for the tests of tier 4.
//!
//! Used by the test targets of `agent`, `sim`, `hub`, `cli` and by `bench`; nothing that is shipped depends on it.
//! The binaries come from `KUBEBUILDER_ASSETS` or from `controlplane/build` (see [`Binaries`]).
//!
//! What it keeps: no process outlives the program that started it, however that program ends (panic, `kill -9`,
//! Ctrl-C), and nothing is written outside one temporary directory. Any number of control planes run side by side.
//!
//! A test target of tier 4 has `harness = false` and this shape:
//!
//! ```no_run
//! use skiff_controlplane::{Binaries, ControlPlane, Options, harness, scenarios};
//!
//! async fn a_scenario_is_named_as_a_statement(binaries: Binaries) -> harness::Outcome {
//!     let plane = ControlPlane::start(&binaries, Options::default()).await?;
//!     plane.client().await?.apiserver_version().await?;
//!     Ok(())
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     harness::run(scenarios![a_scenario_is_named_as_a_statement])
//! }
//! ```

mod audit;
mod binaries;
mod certs;
mod error;
mod flags;
pub mod harness;
mod plane;
mod ports;
mod process;

pub use audit::{AuditEvent, AuditMark, Counts, count};
pub use binaries::{Binaries, Missing, REQUIRE, gate};
pub use error::{Error, Result};
pub use plane::{ControlPlane, Options};
pub use ports::free as free_port;
pub use process::Process;

//! An in-memory Kubernetes API server and a virtual fleet.
//!
//! [`ApiServer`] is a `tower::Service`: `kube::Client::new(server.clone(), "default")` talks to it, without a socket and
//! under tokio's paused time. It models what a GitOps agent, kube-rs watchers and kubectl send, after the sources of
//! Kubernetes 1.36, and answers 501 with the reason `NotModelled` to anything else. A differential test
//! (`tests/differential.rs`) compares it with a real kube-apiserver, request by request; what differs on purpose is
//! listed there.
//!
//! It is built as the real one is: a store with one counter of versions ([`store`]), server-side apply over typed
//! field sets ([`apply`], [`schema`]), and one file per verb ([`verbs`]). The whole state is behind one lock that no
//! await holds; a watch is a cursor into the store's history.

mod apply;
mod base64;
mod controllers;
mod defaults;
mod direct;
mod discovery;
mod faults;
mod log;
mod openapi_v3;
mod patch;
mod request;
mod resources;
mod respond;
mod schema;
mod selector;
mod serve;
mod server;
mod settle;
mod state;
mod status;
mod store;
mod validate;
mod verbs;
mod watch;

pub use controllers::Controllers;
pub use faults::{Fault, FaultRule};
pub use log::{Counters, LoggedRequest};
pub use request::Verb;
pub use serve::Serving;
pub use server::{ApiServer, Clock, ObjectKey, Options, Refused, ResponseBody};

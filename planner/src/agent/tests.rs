//! The machine against a small model of a cluster: what it does, what it never does, and that a crash changes nothing.

mod ablation;
mod cve_replay;
mod hooks;
mod intents;
mod namespaces;
mod rules;
mod sources;
mod stepwise;
mod table;
mod unknown;
mod world;

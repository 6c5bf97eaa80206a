//! YAML as Kubernetes reads and writes it.
//!
//! Kubernetes, Helm and Fleet read YAML through Go's `sigs.k8s.io/yaml` (1.6, over go-yaml v2), kustomize through
//! go-yaml v3; both differ from YAML 1.2 and from what Rust's libraries do: `on` is a boolean, `0777` is 511, `1e3` is
//! an integer. This crate follows Go, so that a manifest means here what it means to `kubectl`.
//!
//! - [`parse`] and [`from_bytes`] read a stream of documents into [`Node`]s that know where they stand in the text;
//! - [`Node::to_json`] gives the value that Go's conversion to JSON gives;
//! - [`from_node`] and [`from_str`] fill a type, with errors that name the field and its place;
//! - [`from_node_with_schema`] does so for types with flattened fields;
//! - [`to_string`] writes what `sigs.k8s.io/yaml` writes, byte for byte, and [`v3`] what go-yaml v3 writes.
//!
//! Every reader of manifests, values, charts and `fleet.yaml` in the workspace goes through here. The crate does no
//! I/O, and no input makes it panic or use more than its [`Limits`].

mod compose;
#[cfg(test)]
mod cve_replay;
mod de;
mod emit;
mod error;
mod everyday;
mod flow;
mod json;
mod locate;
mod mapping;
mod node;
mod number;
mod options;
mod scalar;
mod schema;
mod timestamp;

pub use compose::{from_bytes, parse, parse_first, parse_in_full};
pub use de::{from_node, from_str};
pub use emit::v3;
pub use emit::{Quotes, documents_to_string, scalar_line, to_string, to_string_exact, to_string_ordered};
pub use error::{Error, ErrorKind, Position};
pub use everyday::{Outcome, Step, read_everyday};
pub use flow::with_libyaml_brackets;
pub use granit_parser::ScalarStyle;
pub use mapping::{Duplicate, Entry, Key, Mapping};
pub use node::{Content, Document, Node};
pub use number::format_float;
pub use options::{DuplicateKeys, Limits, Mode, Options};
pub use scalar::{Scalar, needs_quotes, resolve_tagged, resolve_untagged};
pub use schema::{conform, from_node_with_schema};

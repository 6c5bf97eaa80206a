//! The tree that the engine works on: YAML as kyaml keeps it.
//!
//! A [`Node`] remembers of a scalar its text, tag and style, because kustomize decides by them (`"1"` and `1`, a text that
//! is set over a quoted one). Anchors and merges are expanded when a file is read, comments are not kept.
//! What a build prints goes through [`Node::to_json`], as in kustomize, where every resource is printed from its JSON.
//!
//! kustomize: kyaml/yaml/{rnode,fns,types}.go over go.yaml.in/yaml/v3.

mod access;
mod change;
mod comments;
mod json;
mod node;
mod parse;
mod path;
mod quoting;
mod reread;
mod shared;
mod strict;
mod texts;
mod write;

pub(crate) use comments::{Commented, to_text_with_comments};
pub use json::from_json;
pub use node::{Field, Key, Kind, Node, Style, Tag, Value};
pub(crate) use parse::parse_sharing;
pub use parse::{parse_documents, parse_one};
pub use path::{is_index_number, is_list_index, kind_before, split_index};
pub use quoting::reads_as_non_string;
pub use shared::{Group, Membership};
pub(crate) use strict::check_begin;
pub(crate) use texts::Texts;
pub use write::{scalar_text, to_text};

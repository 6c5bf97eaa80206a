//! kustomize build, in memory.
//!
//! # Modules
//! | module | what |
//! |---|---|
//! | [`yaml`] | the tree that all of it works on |
//! | `openapi*` | the schema of Kubernetes 1.21.2: merge keys, which kinds are cluster-scoped; schemas given by `openapi` |
//! | `merge*` | strategic merge (kyaml/yaml/{walk,merge2}) |
//! | `patch_json*` | JSON 6902 |
//! | `replacement*` | `replacements` |
//! | `generator*`, `hash*` | ConfigMaps, Secrets, and the suffix of their names |
//! | everything else | reading kustomizations, the set of resources, names, transformers, the build itself |

#![expect(dead_code, reason = "the engine that uses what stands below is to come")]

mod error;
mod generator;
mod go_json;
mod hash;
mod merge;
mod openapi;
mod patch_json;
pub mod yaml;

pub use error::Error;

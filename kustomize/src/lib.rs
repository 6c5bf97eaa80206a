//! kustomize build, in memory.
//!
//! [`build`] makes of a directory with a kustomization what `kustomize build` of v5.8.1 makes of it, byte for byte: the
//! objects, and what is printed ([`Output::to_yaml`]). It reads through a [`file_tree::Files`] alone, so it needs no disk,
//! no network and no program, and the same tree always gives the same bytes.
//!
//! ```
//! let mut tree = file_tree::MemoryTree::new();
//! let mode = file_tree::Mode::Regular;
//! tree.insert("app/kustomization.yaml", mode, *b"namePrefix: my-\nresources: [map.yaml]\n").unwrap();
//! tree.insert("app/map.yaml", mode, *b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\n").unwrap();
//! let output = kustomize_rs::build(&tree, "app", &kustomize_rs::Options::default()).unwrap();
//! assert_eq!(output.to_yaml(), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: my-map\n");
//! ```
//!
//! # Modules
//! | module | what |
//! |---|---|
//! | [`yaml`] | the tree that all of it works on |
//! | `build` | the entry, and what is done once at the end |
//! | `target` | one kustomization: its resources, then its generators, components, transformers, validators |
//! | `kustomization`, `decode`, `loader`, `remote` | reading the file `kustomization.yaml`, and what it names |
//! | `factory`, `resource`, `resmap`, `id` | objects, their names now and before, and sets of them |
//! | `config`, `fieldspec` | which fields the transformers work on, and the way to them |
//! | `transform` | what changes objects: one module per transformer |
//! | `print` | what kustomize prints of an object |
//! | `plugin` | transformers and generators configured by objects |
//! | `note` | what has no effect, for who looks for mistakes |
//! | `helm` | charts, rendered by who calls |
//! | `selector`, `label_selector` | which objects a patch is for |
//! | `openapi` | the schema of Kubernetes 1.21.2: merge keys, which kinds are cluster-scoped; schemas given by `openapi` |
//! | `merge` | strategic merge |
//! | `patch_json`, `go_json` | JSON 6902 |
//! | `replacement` | `replacements` |
//! | `generator`, `hash` | ConfigMaps, Secrets, and the suffix of their names |
//! | `gosort` | Go's unstable sort |

mod build;
mod config;
#[cfg(test)]
mod cve_replay;
mod decode;
mod error;
mod factory;
mod fieldspec;
mod generator;
mod go_json;
mod gosort;
mod hash;
mod helm;
mod id;
mod kustomization;
mod label_selector;
mod loader;
mod merge;
mod note;
mod openapi;
mod patch_json;
mod plugin;
mod print;
mod remote;
mod replacement;
mod resmap;
mod resource;
mod selector;
mod target;
mod transform;
pub mod yaml;

pub use build::{Options, Order, Output, build, build_texts, build_yaml};
pub use error::Error;
pub use helm::{ChartRequest, Charts, FilesRef};
pub use kustomization::KUSTOMIZATION_FILES;
pub use note::Note;

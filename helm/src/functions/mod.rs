//! The functions of Helm's templates: all of Sprig that Helm keeps, and Helm's own. One file a subject.
//!
//! Each is declared with its Go signature; the executor checks the arguments, so a function begins where the Go function does.
//! What would ask a machine (the clock, chance, the cluster) asks the [`Environment`] of the render.

mod args;
mod cast;
mod copy;
mod crypto;
mod decimal;
mod dicts;
mod encoding;
mod environment;
mod equal;
mod flow;
mod gofmt;
mod gostr;
mod json;
mod lists;
mod math;
mod merge;
mod random;
mod regex;
mod semver;
mod signatures;
mod strings;
mod time;
mod toml;
mod types;
mod url;
mod words;
mod yaml;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::template::{Function, Functions};

pub use environment::{Environment, Lookup};
pub use random::Seed;

/// All functions, by name.
#[derive(Debug, Default)]
pub struct Library(());

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static Function>> =
    LazyLock::new(|| subjects().into_iter().flat_map(|(_, functions)| functions).map(|f| (f.name, f)).collect());

impl Library {
    /// The functions that Helm 4 gives to templates, besides those of the language.
    pub fn new() -> Self {
        Self::default()
    }

    /// The functions in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &'static Function> + '_ {
        BY_NAME.values().copied()
    }
}

impl Functions for Library {
    fn get(&self, name: &str) -> Option<&Function> {
        BY_NAME.get(name).copied()
    }
}

/// The functions by subject, in the words of the documentation.
pub fn subjects() -> Vec<(&'static str, Vec<&'static Function>)> {
    let of = |parts: &[&'static [Function]]| parts.iter().flat_map(|part| part.iter()).collect();
    vec![
        ("Rendering and flow", of(&[flow::FUNCTIONS])),
        ("Strings", of(&[strings::FUNCTIONS])),
        ("Words and case", of(&[words::FUNCTIONS])),
        ("Regular expressions", of(&[regex::FUNCTIONS.as_flattened(), regex::MORE])),
        ("Lists", of(&[lists::FUNCTIONS.as_flattened(), lists::MORE])),
        ("Dictionaries", of(&[dicts::FUNCTIONS])),
        ("Numbers", of(&[math::FUNCTIONS])),
        ("Dates and durations", of(&[time::FUNCTIONS])),
        ("Types", of(&[types::FUNCTIONS])),
        ("YAML, JSON and TOML", of(&[yaml::FUNCTIONS, json::FUNCTIONS, toml::FUNCTIONS])),
        ("Encoding and quoting", of(&[encoding::FUNCTIONS])),
        ("Versions", of(&[semver::FUNCTIONS])),
        ("URLs and paths", of(&[url::FUNCTIONS, url::PATHS.as_flattened()])),
        ("Cryptography", of(&[crypto::FUNCTIONS])),
        ("Chance", of(&[random::FUNCTIONS])),
    ]
}

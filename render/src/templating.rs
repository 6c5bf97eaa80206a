//! The templates `${ … }`: what they see, and where `templating: all` has them beside the values of Helm (reference §2.6).
//!
//! Fleet has them in the values alone. With `templating: all` they work in every file of a bundle as well, in `namespace`,
//! `defaultNamespace` and `helm.releaseName`, with the same functions and the same data.

use crate::error::RenderError;
use crate::helm::check_chance;
use crate::{Chance, ClusterFacts, Input, outside, style};
use file_tree::{Entry, Files, Mode};
use fleet_api::names::{RELEASE_NAME_LIMIT, is_dns_subdomain};
use fleet_api::v1alpha1::{BundleDeploymentOptions, Templating};
use helm_rs::functions::{Environment, Library, Seed};
use helm_rs::template::{Delimiters, Function, Functions, Limits, MissingKey, Options, Run, Spent, Templates};
use helm_rs::value::{Map as GoMap, Value as GoValue};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

const DELIMITERS: Delimiters = Delimiters { left: "${", right: "}" };

/// The functions of Helm's templates that Sprig does not bring, and those of Sprig that Fleet takes away.
const NOT_SPRIG: &[&str] = &[
    "env",
    "expandenv",
    "fromJsonArray",
    "fromToml",
    "fromYaml",
    "fromYamlArray",
    "getHostByName",
    "include",
    "lookup",
    "mustToToml",
    "mustToYaml",
    "required",
    "toToml",
    "toYaml",
    "toYamlPretty",
    "tpl",
];

/// Whether a text may hold a template `${ … }`.
#[must_use]
pub fn holds_template(text: &str) -> bool {
    text.contains(DELIMITERS.left)
}

/// Executes the templates of one render for one cluster.
pub(crate) struct Engine<'a> {
    cluster: &'a ClusterFacts,
    chance: Option<Chance>,
    environment: Environment,
    data: GoValue,
    /// By all texts so far: a thousand files have no more than one.
    spent: Cell<Spent>,
}

impl<'a> Engine<'a> {
    /// `purpose` keeps what chance gives here apart from what it gives elsewhere; for values it is empty.
    pub(crate) fn new(cluster: &'a ClusterFacts, chance: Option<Chance>, purpose: &[u8]) -> Self {
        let Chance { seed, time } = chance.unwrap_or_default();
        let seed = Seed::new(seed);
        let seed = if purpose.is_empty() { seed } else { seed.derived(purpose) };
        let data = GoValue::Map(context(cluster));
        Self { cluster, chance, environment: Environment::new(seed, time), data, spent: Cell::default() }
    }

    /// What a template makes. Fleet: `target/builder.go`, `renderTemplate`.
    pub(crate) fn execute(&self, name: &str, template: &str) -> Result<Vec<u8>, String> {
        let templates = Templates::new(name, Arc::new(Sprig(Library::new())));
        let mut templates = templates.with_delimiters(DELIMITERS);
        templates.parse(name, template.as_bytes()).map_err(|error| error.to_string())?;
        let options = Options { missing_key: MissingKey::Error, limits: Limits::default() };
        let mut run = Run::new(&templates, options, &self.environment).after(self.spent.get());
        let output = run.execute(name, &self.data);
        self.spent.set(run.spent());
        output.map_err(|error| error.to_string())
    }

    /// A field of `fleet.yaml` that went wrong.
    pub(crate) fn failed(&self, place: &str, field: &str, message: &str) -> RenderError {
        RenderError::file(place, format!("{field}, {}: {message}", self.whose()))
    }

    /// Refuses what was made of chance where there is none.
    pub(crate) fn check(&self, place: &str) -> Result<(), RenderError> {
        check_chance(self.chance, self.environment.is_random(), self.environment.reads_clock(), place)
    }

    fn whose(&self) -> String {
        format!("for cluster {}/{}", self.cluster.namespace, self.cluster.name)
    }
}

#[derive(Debug)]
struct Sprig(Library);

impl Functions for Sprig {
    fn get(&self, name: &str) -> Option<&Function> {
        if NOT_SPRIG.contains(&name) { None } else { self.0.get(name) }
    }
}

fn context(cluster: &ClusterFacts) -> GoMap {
    let map = |entries: BTreeMap<&str, &str>| GoValue::map(entries.into_iter().map(|(k, v)| (k, GoValue::from(v))));
    GoMap::from_iter([
        ("ClusterNamespace", GoValue::from(cluster.namespace.as_str())),
        ("ClusterName", GoValue::from(cluster.name.as_str())),
        ("ClusterLabels", map(visible(&cluster.labels, true))),
        ("ClusterAnnotations", map(visible(&cluster.annotations, false))),
        ("ClusterValues", GoValue::from_json(&Value::Object(cluster.template_values.clone()))),
    ])
}

/// The labels or annotations that templates see: without Rancher's own, of which two groups of labels stay.
pub(crate) fn visible(all: &BTreeMap<String, String>, are_labels: bool) -> BTreeMap<&str, &str> {
    let kept = |key: &str| {
        let hidden = key.starts_with("kubectl.kubernetes.io/") || key.contains("cattle.io/");
        let back = key.starts_with("fleet.cattle.io/") || key.starts_with("management.cattle.io/");
        !hidden || (are_labels && back)
    };
    all.iter().filter(|(key, _)| kept(key)).map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// Whether the files of a bundle are templates.
pub(crate) fn is_all(options: &BundleDeploymentOptions) -> bool {
    options.templating == Some(Templating::All)
}

/// Executes the templates in `namespace`, `defaultNamespace` and `helm.releaseName`, where the options ask for it.
///
/// # Errors
/// A template that is malformed or fails, or that makes nothing or no name of a release. Whether a namespace can be one
/// is looked at where it is used.
pub(crate) fn names(input: &Input<'_>, options: &mut BundleDeploymentOptions) -> Result<(), RenderError> {
    if !is_all(options) {
        return Ok(());
    }
    let engine = Engine::new(input.cluster, input.chance, b"names");
    let place = input.place("fleet.yaml");
    let release_name = options.helm.as_mut().map(|helm| ("helm.releaseName", &mut helm.release_name));
    let namespaces =
        [("namespace", &mut options.target_namespace), ("defaultNamespace", &mut options.default_namespace)];
    for (field, text) in namespaces.into_iter().chain(release_name).filter(|(_, text)| holds_template(text)) {
        let failed = |message: &str| engine.failed(&place, field, message);
        let made = engine.execute(field, text).map_err(|message| failed(&message))?;
        let made = String::from_utf8_lossy(&made).into_owned();
        if made.is_empty() {
            // What holds without the field is not what its author means.
            return Err(failed("the template makes nothing; give it a default"));
        }
        if field == "helm.releaseName" && !(made.len() <= RELEASE_NAME_LIMIT && is_dns_subdomain(&made)) {
            let allowed = format!("at most {RELEASE_NAME_LIMIT} of a-z, 0-9, `-` and `.` are allowed");
            return Err(failed(&format!("`{made}` is no name of a release: {allowed}")));
        }
        *text = made;
    }
    engine.check(&place)
}

/// The files of a bundle with their templates executed: each when it is read, so that what nothing reads (a README)
/// fails nothing. Charts that were fetched, and files that are no text, are as they are.
pub(crate) struct Executed<'a> {
    input: &'a Input<'a>,
    engine: Engine<'a>,
    /// What went wrong first: who reads passes on a text alone, and not always that.
    failed: RefCell<Option<RenderError>>,
}

impl<'a> Executed<'a> {
    pub(crate) fn new(input: &'a Input<'a>) -> Self {
        let engine = Engine::new(input.cluster, input.chance, b"files");
        Self { input, engine, failed: RefCell::default() }
    }

    /// What went wrong in a file.
    pub(crate) fn into_error(self) -> Option<RenderError> {
        self.failed.into_inner()
    }

    fn execute(&self, path: &str, text: &str) -> Result<Vec<u8>, RenderError> {
        let place = outside::path_of(path).map_or_else(|| self.input.place(path), str::to_owned);
        let failed = |message: String| {
            let (place, rest) = located(&place, &message);
            let hint = "`${ \"${\" }` stands for a plain `${`";
            RenderError::file(place, format!("{}: {rest} ({hint})", self.engine.whose()))
        };
        let made = self.engine.execute(&place, text).map_err(failed)?;
        self.engine.check(&place)?;
        Ok(made)
    }
}

/// The place that an error of a template in the file `name` tells of, and the rest of it: `template: NAME:LINE:COLUMN: …`.
fn located(name: &str, message: &str) -> (String, String) {
    let rest = message.strip_prefix("template: ").and_then(|rest| rest.strip_prefix(name)).unwrap_or(message);
    let mut place = name.to_owned();
    let mut left = rest;
    while let Some((number, behind)) = left.strip_prefix(':').and_then(|left| left.split_once(':'))
        && number.parse::<u32>().is_ok()
    {
        place = format!("{place}:{number}");
        // The colon behind a number may begin another one.
        left = left.get(left.len() - behind.len() - 1..).unwrap_or_default();
    }
    (place, left.trim_start_matches([':', ' ']).to_owned())
}

impl Files for Executed<'_> {
    fn entry(&self, path: &str) -> Option<Entry> {
        self.input.files.entry(path)
    }

    fn stored(&self, path: &str) -> Result<Cow<'_, [u8]>, file_tree::Error> {
        let bytes = self.input.files.stored(path)?;
        let Some(text) = std::str::from_utf8(&bytes).ok().filter(|text| holds_template(text)) else { return Ok(bytes) };
        let is_link = self.entry(path).is_some_and(|entry| entry.mode == Mode::Symlink);
        if is_link || style::is_fetched(path) {
            return Ok(bytes);
        }
        self.execute(path, text).map(Cow::Owned).map_err(|error| {
            let source = std::io::Error::other(error.to_string());
            self.failed.borrow_mut().get_or_insert(error);
            file_tree::Error::Io { path: path.to_owned(), source }
        })
    }

    fn list_under(&self, dir: &str) -> Vec<Entry> {
        self.input.files.list_under(dir)
    }

    fn is_dir(&self, path: &str) -> bool {
        self.input.files.is_dir(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_a_render_share_its_limits() {
        let cluster = ClusterFacts::default();
        let engine = Engine::new(&cluster, None, b"");
        let mut before = engine.spent.get();
        for name in ["a", "b"] {
            assert_eq!(engine.execute(name, "${ range until 3 }x${ end }").unwrap(), b"xxx");
            assert_ne!(engine.spent.get(), before, "{name}");
            before = engine.spent.get();
        }
    }
}

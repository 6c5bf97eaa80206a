//! `helm template` as a pure function: the words of a command line and what a [`Host`] reads become text to print and files to
//! write. Helm: `pkg/cmd/template.go`.

mod flags;
mod show;
#[cfg(test)]
mod tests;

pub use flags::Arguments;

use std::collections::BTreeSet;

use crate::chart::Chart;
use crate::functions::Seed;
use crate::render::{self, Options, Output, Release};
use crate::values::Values;

/// The machine that the command runs on.
pub trait Host {
    /// The bytes of a file, or why there are none.
    ///
    /// # Errors
    /// `open nope.yaml: no such file or directory` and the like.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// Whether there is something at a path.
    fn exists(&self, path: &str) -> bool;

    /// The chart at a path.
    ///
    /// # Errors
    /// Why there is none.
    fn chart(&self, path: &str) -> Result<Chart, String>;

    /// What random functions draw from.
    fn seed(&self) -> Seed;

    /// Seconds since 1970.
    fn time(&self) -> i64;
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Its path.
    pub path: String,
    /// What goes into it.
    pub text: String,
    /// Whether it goes to the end of what is there.
    pub append: bool,
}

/// What the command leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// For stdout.
    pub text: String,
    /// For stderr, a line each.
    pub warnings: Vec<String>,
    /// Files, in order.
    pub writes: Vec<Write>,
}

/// Runs `helm template`.
///
/// # Errors
/// What Helm prints behind `Error: `.
pub fn template(arguments: &Arguments, host: &dyn Host) -> Result<Done, String> {
    let mut options = Options::new(host.seed(), host.time());
    if let Some(version) = &arguments.kube_version {
        options.kube_version.clone_from(version);
        render::check_kube_version_text(version)?;
    }
    options.api_versions.extend(arguments.api_versions.iter().cloned());
    options.skip_schema_validation = arguments.skip_schema_validation;
    options.subchart_notes = arguments.render_subchart_notes;
    let (name, chart) = name_and_chart(arguments, host)?;
    locate(chart, host)?;
    let values = values(arguments, host)?;
    let chart = host.chart(chart)?;
    chart.check_installable().map_err(|error| error.to_string())?;
    let release =
        Release { is_upgrade: arguments.is_upgrade, ..Release::new(name.clone(), arguments.namespace.clone()) };
    let output = render::render(&chart, &release, &values, &options).map_err(|error| told(&error))?;
    let is_deprecated = chart.metadata.deprecated;
    drop(chart);
    let mut done = printed(arguments, host, &name, &output)?;
    if is_deprecated {
        done.warnings.push("this chart is deprecated".to_owned());
    }
    done.warnings.extend(output.warnings);
    Ok(done)
}

fn told(error: &render::Error) -> String {
    let hint = if error.is_of_rendering() { "\n\nUse --debug flag to render out invalid YAML" } else { "" };
    format!("{error}{hint}")
}

/// Helm: `NameAndChart`.
fn name_and_chart<'a>(arguments: &'a Arguments, host: &dyn Host) -> Result<(String, &'a str), String> {
    match arguments.positional.as_slice() {
        [] => {
            Err("\"helm template\" requires at least 1 argument\n\nUsage:  helm template [NAME] [CHART] [flags]"
                .to_owned())
        }
        [chart] if arguments.name_template.is_empty() => Ok(("release-name".to_owned(), chart)),
        [chart] => {
            let name = render::name_from_template(&arguments.name_template, host.seed(), host.time());
            Ok((name?, chart))
        }
        [_, _] if arguments.generate_name => Err("cannot set --generate-name and also specify a name".to_owned()),
        [_, _] if !arguments.name_template.is_empty() => {
            Err("cannot set --name-template and also specify a name".to_owned())
        }
        [name, chart] => Ok((name.clone(), chart)),
        [_, _, more @ ..] => Err(format!("expected at most two arguments, unexpected arguments: {}", more.join(", "))),
    }
}

/// Helm: `LocateChart`, without repositories.
fn locate(chart: &str, host: &dyn Host) -> Result<(), String> {
    let path = chart.trim();
    if host.exists(path) {
        return Ok(());
    }
    if path.starts_with(['/', '.']) {
        return Err(format!("path {path:?} not found"));
    }
    if path.contains("://") {
        return Err(format!("{path}: charts are read from directories and packages; fetch the chart first"));
    }
    match path.split_once('/') {
        Some((repository, _)) => Err(format!("repo {repository} not found (and there is no file {path})")),
        None => Err(format!("non-absolute URLs should be in form of repo_name/path_to_chart, got: {path}")),
    }
}

/// Helm: `pkg/cli/values/options.go`, `MergeValues`.
fn values(arguments: &Arguments, host: &dyn Host) -> Result<Values, String> {
    let mut values = Values::new();
    for path in &arguments.values_files {
        let bytes = host.read(path)?;
        let text = String::from_utf8(bytes);
        let text = text.map_err(|error| format!("failed to parse {path}: it is not UTF-8 ({})", error.utf8_error()))?;
        values.merge(Values::from_yaml(&text).map_err(|error| format!("failed to parse {path}: {error}"))?);
    }
    for argument in &arguments.set_json {
        // Helm does not say why.
        values.set_json(argument).map_err(|error| format!("failed parsing --set-json data {argument}: {error}"))?;
    }
    let failed = |flag: &str, error: &dyn std::fmt::Display| format!("failed parsing --{flag} data: {error}");
    for argument in &arguments.set {
        values.set(argument).map_err(|error| failed("set", &error))?;
    }
    for argument in &arguments.set_string {
        values.set_string(argument).map_err(|error| failed("set-string", &error))?;
    }
    let mut read = |path: &str| {
        let bytes = host.read(path)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    for argument in &arguments.set_file {
        values.set_file(argument, &mut read).map_err(|error| failed("set-file", &error))?;
    }
    for argument in &arguments.set_literal {
        values.set_literal(argument).map_err(|error| failed("set-literal", &error))?;
    }
    Ok(values)
}

/// One document as Helm prints it.
fn document(path: &str, text: &str) -> String {
    let mut out = String::new();
    add_document(&mut out, path, text);
    out
}

fn add_document(out: &mut String, path: &str, text: &str) {
    const MARKS: usize = "---\n# Source: \n\n".len();
    out.reserve(MARKS + path.len() + text.len());
    for part in ["---\n# Source: ", path, "\n", text, "\n"] {
        out.push_str(part);
    }
}

fn printed(arguments: &Arguments, host: &dyn Host, name: &str, output: &Output) -> Result<Done, String> {
    let hooks = output.hooks.iter().filter(|hook| !(arguments.skip_tests && hook.is_test()));
    let hooks = hooks.filter(|_| !arguments.no_hooks).map(|hook| (hook.path.as_str(), hook.content.as_str()));
    let crds: Vec<(String, String)> = if arguments.include_crds { crds(output) } else { Vec::new() };
    let crds = crds.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let manifests = output.manifests.iter().map(|manifest| (manifest.path.as_str(), manifest.content.as_str()));
    let mut done = Done::default();
    let mut text = String::new();
    if arguments.output_dir.is_empty() {
        crds.chain(manifests).for_each(|(path, document)| add_document(&mut text, path, document));
        text.truncate(text.trim_end().len());
        let space = text.len() - text.trim_start().len();
        text.drain(..space);
        text.push('\n');
        hooks.for_each(|(path, document)| add_document(&mut text, path, document));
    } else {
        let mut files = Files { host, done: &mut done, written: BTreeSet::new() };
        let dir = &arguments.output_dir;
        let below = if arguments.use_release_name { format!("{dir}/{name}") } else { dir.clone() };
        crds.for_each(|(path, text)| files.write(dir, path, text, false));
        manifests.for_each(|(path, text)| files.write(&below, path, text, false));
        hooks.for_each(|(path, text)| files.write(&below, path, text, true));
        text.push('\n');
    }
    if !arguments.show_only.is_empty() {
        text = show::only(&text, &arguments.show_only)?;
    }
    if done.text.is_empty() {
        done.text = text;
    } else {
        done.text.push_str(&text);
    }
    Ok(done)
}

fn crds(output: &Output) -> Vec<(String, String)> {
    let text = |data: &[u8]| String::from_utf8_lossy(data).into_owned();
    output.crds.iter().map(|crd| (crd.path.clone(), text(&crd.data))).collect()
}

/// Files of `--output-dir`.
struct Files<'h> {
    host: &'h dyn Host,
    done: &'h mut Done,
    written: BTreeSet<String>,
}

impl Files<'_> {
    /// Writes a document. What is there from an earlier run is replaced, except by hooks, as in Helm.
    fn write(&mut self, dir: &str, name: &str, text: &str, keep: bool) {
        let path = format!("{dir}/{name}");
        let append = self.written.contains(&path) || (keep && self.host.exists(&path));
        self.done.text.push_str(&format!("wrote {path}\n"));
        self.done.writes.push(Write { path: path.clone(), text: document(name, text), append });
        self.written.insert(path);
    }
}

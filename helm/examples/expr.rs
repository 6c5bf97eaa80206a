//! Renders single templates: JSON lines in, JSON lines out, for the conformance collection.
//!
//! Each line has `id`, `template` and `values` (or `valuesYaml`), and perhaps `set`, `templates`, `strict` and `lint`; the
//! environment variable `CONTEXT` names the JSON file that describes the chart around it. What comes out is
//! `{"id", "output"}` or `{"id", "error"}`.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a program for people and scripts, not the crate")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead as _;
use std::sync::Arc;

use helm_rs::Values;
use helm_rs::engine::objects::{Capabilities, Files, HelmVersion, KubeVersion, chart_object};
use helm_rs::engine::{Engine, Settings, Source, VALUES};
use helm_rs::functions::{Environment, Library, Seed};
use helm_rs::value::{Map, Value};
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let context: Json = serde_json::from_slice(&std::fs::read(std::env::var("CONTEXT")?)?)?;
    let library: Arc<Library> = Arc::new(Library::new());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let case: BTreeMap<&str, &RawValue> = serde_json::from_str(&line)?;
        let id: String = serde_json::from_str(case.get("id").ok_or("a line without id")?.get())?;
        let answer = match answer(&context, &case, library.clone()) {
            Ok(output) => json!({"id": id, "output": output}),
            Err(error) => json!({"id": id, "error": error.to_string()}),
        };
        println!("{answer}");
    }
    Ok(())
}

fn member<T: serde::de::DeserializeOwned + Default>(case: &BTreeMap<&str, &RawValue>, name: &str) -> Result<T> {
    Ok(case.get(name).map(|raw| serde_json::from_str(raw.get())).transpose()?.unwrap_or_default())
}

fn answer(context: &Json, case: &BTreeMap<&str, &RawValue>, library: Arc<Library>) -> Result<String> {
    let scope = scope(context, &values(case)?)?;
    let name = format!("demo/{}", context["template"].as_str().unwrap_or("templates/t.yaml"));
    let more: BTreeMap<String, String> = member(case, "templates")?;
    let more = more.into_iter().map(|(file, text)| (format!("demo/templates/{file}"), text));
    let source =
        |(name, text): (String, String)| Source { name, base: BASE.to_owned(), text: text.into_bytes().into() };
    let sources: Vec<Source> =
        std::iter::once((name.clone(), member(case, "template")?)).chain(more).map(source).collect();
    let mut environment = Environment::new(Seed::new([7; 32]), 1_795_000_000);
    environment.lint = member(case, "lint")?;
    let settings = Settings { strict: member(case, "strict")?, ..Settings::default() };
    let scopes = BTreeMap::from([(BASE.to_owned(), scope)]);
    let engine = Engine::parse(&sources, library)?;
    let mut rendered = engine.render(&scopes, settings, &environment)?;
    let output = rendered.remove(&name).unwrap_or_default();
    Ok(String::from_utf8(output)?)
}

const BASE: &str = "demo/templates";

/// The values as `-f` and `--set` give them.
fn values(case: &BTreeMap<&str, &RawValue>) -> Result<Map> {
    let text: String = match case.get("valuesYaml") {
        Some(raw) => serde_json::from_str(raw.get())?,
        None => case.get("values").map_or("{}", |raw| raw.get()).to_owned(),
    };
    let mut values = Values::from_yaml(&text)?;
    for argument in member::<Vec<String>>(case, "set")? {
        values.set(&argument)?;
    }
    let entries = values.as_map().iter().map(|(key, value)| (key.as_str(), Value::from_json_exact(value)));
    Ok(entries.collect())
}

fn yaml(text: &str) -> Result<Json> {
    let documents = k8s_yaml::parse(text, &k8s_yaml::Options::sigs())?;
    Ok(documents.into_iter().next().map(|document| document.node.to_json()).transpose()?.unwrap_or(Json::Null))
}

fn scope(context: &Json, values: &Map) -> Result<Map> {
    let release = Value::from_json_exact(&context["release"]);
    let release = release.as_map().ok_or("the release is no mapping")?;
    release.insert("Revision", Value::int(context["release"]["Revision"].as_i64().unwrap_or(1)));
    release.insert("Service", "Helm".into());
    let texts =
        |list: &Json| list.as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect();
    let kube_version =
        context["kubeVersion"].as_str().and_then(KubeVersion::parse).ok_or("no version of Kubernetes")?;
    let api_versions: Vec<String> = texts(&context["apiVersions"]);
    let capabilities =
        Capabilities { kube_version, api_versions: api_versions.into(), helm_version: HelmVersion::default() };
    let files = context["files"].as_object().into_iter().flatten();
    let bytes = |text: &Json| Arc::from(text.as_str().unwrap_or_default().as_bytes());
    let files = files.map(|(name, text)| (name.clone(), bytes(text))).collect();
    let chart = yaml(context["chartYaml"].as_str().unwrap_or_default())?;
    Ok(Map::from_iter([
        ("Values", Value::Map(values.retyped(VALUES))),
        ("Release", Value::Map(release.clone())),
        ("Chart", Value::Map(chart_object(&chart, true))),
        ("Capabilities", Value::object(capabilities)),
        ("Files", Value::object(Files::new(files))),
        ("Subcharts", Value::Map(Map::new())),
    ]))
}

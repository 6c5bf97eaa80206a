//! Helm's engine: the templates of a chart, parsed once and rendered with the values of each target. Helm: `pkg/engine`.

mod error;
pub mod objects;
#[cfg(test)]
mod tests;
mod values;

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use error::{Error, warning};

use crate::template::{Functions, Limits, MissingKey, Options, Run, Templates};
use crate::value::{Map, Type, Value};
use values::WithMethods;

/// The name of the set of templates, which is that of a text given to `tpl`. Helm: `engine.go`, `render`.
const SET: &str = "gotpl";

/// A template of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path with the names of its charts: `top/charts/sub/templates/x.yaml`.
    pub name: String,
    /// The folder of the templates of its chart: `top/charts/sub/templates`.
    pub base: String,
    /// Its text.
    pub text: Arc<[u8]>,
}

/// How to render.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// Whether a missing key is an error.
    pub strict: bool,
    /// How far a render may go.
    pub limits: Limits,
}

/// The parsed templates of a chart and its subcharts. They can be rendered any number of times, by any number of threads.
#[derive(Debug, Clone)]
pub struct Engine {
    templates: Templates,
    /// Names and folders, in the order of parsing and rendering.
    files: Vec<(String, String)>,
}

impl Engine {
    /// Parses the templates of a chart in Helm's order: the longest paths first, so that charts further up win where they
    /// define the same name.
    ///
    /// # Errors
    ///
    /// The first text that is not a template.
    pub fn parse(sources: &[Source], functions: Arc<dyn Functions>) -> Result<Self, Error> {
        let mut sources: Vec<&Source> = sources.iter().collect();
        sources.sort_by(|a, b| order(&b.name).cmp(&order(&a.name)));
        let mut templates = Templates::new(SET, Arc::new(WithMethods(functions)));
        for source in &sources {
            templates.parse(&source.name, source.text.clone()).map_err(|error| Error::parse(&source.name, &error))?;
        }
        let files = sources.iter().map(|source| (source.name.clone(), source.base.clone())).collect();
        Ok(Self { templates, files })
    }

    /// Renders every template that is not a partial, in the order of parsing: from the last path to the first.
    ///
    /// `scopes` holds what `.` is, by the folder of the templates; `Template` is set in it for each file, and what one file
    /// changes in it the next one sees. `environment` is for the functions.
    ///
    /// # Errors
    ///
    /// The first template that fails.
    pub fn render(
        &self,
        scopes: &BTreeMap<String, Map>,
        settings: Settings,
        environment: &dyn Any,
    ) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        let missing_key = if settings.strict { MissingKey::Error } else { MissingKey::Zero };
        let mut run = Run::new(&self.templates, Options { missing_key, limits: settings.limits }, environment);
        let mut rendered = BTreeMap::new();
        for (name, base) in &self.files {
            if is_partial(name) {
                continue;
            }
            let scope = scopes.get(base).cloned().unwrap_or_default();
            let this = [("Name", Value::from(name.as_str())), ("BasePath", Value::from(base.as_str()))];
            scope.insert("Template", Value::Map(Map::from_iter(this).retyped(VALUES)));
            let output =
                run.execute(name, &Value::Map(scope.retyped(VALUES))).map_err(|error| Error::execute(name, &error))?;
            let clean = without_no_value(&output).unwrap_or(output);
            rendered.insert(name.clone(), clean);
        }
        Ok(rendered)
    }
}

/// Helm's `common.Values`, the type of `.Values` and `.Template`.
pub const VALUES: Type = Type::Named("common.Values", &Type::DICT);

/// Files whose name begins with an underscore are only included. Helm: `engine.go`, `render`.
fn is_partial(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|file| file.starts_with('_'))
}

/// Helm: `engine.go`, `byPathLen`.
fn order(name: &str) -> (usize, &str) {
    (name.matches('/').count(), name)
}

/// Go prints `<no value>` for nil; Helm takes it out of what it renders, wherever it comes from. `None` where it is not
/// there.
pub fn without_no_value(text: &[u8]) -> Option<Vec<u8>> {
    const NO_VALUE: &[u8] = b"<no value>";
    let mut next = Some(memchr::memmem::find(text, NO_VALUE)?);
    let mut rest = text;
    let mut out = Vec::with_capacity(text.len());
    while let Some(at) = next {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + NO_VALUE.len()..];
        next = memchr::memmem::find(rest, NO_VALUE);
    }
    out.extend_from_slice(rest);
    Some(out)
}

//! Values: what files and `--set` say, and what charts make of them. Helm: `pkg/cli/values`, `pkg/chart/common/util`,
//! `pkg/chart/v2/util/dependencies.go`.

mod coalesce;
mod dependencies;
mod file;
#[cfg(test)]
mod tests;
mod tree;

use serde_json::{Map, Value};

pub(crate) use coalesce::coalesced;
pub(crate) use dependencies::{is_compatible, process, table};
pub use file::Error;
pub(crate) use file::floats;
pub(crate) use tree::{ChartId, Tree};

use crate::strvals;

/// The values that a user gives.
///
/// As in Helm, numbers of files are floats, and those of [`Values::set`] integers; both show in templates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Values(Map<String, Value>);

impl Values {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// The values of a file: the mappings of its documents, merged. Helm: `loader.LoadValues`.
    ///
    /// # Errors
    /// A document that is no YAML or no mapping.
    pub fn from_yaml(text: &str) -> Result<Self, Error> {
        file::read(text).map(Self)
    }

    /// Values that are JSON already, with every number as a float, as if they came from a file.
    pub fn from_json(values: Map<String, Value>) -> Self {
        Self(values.into_iter().map(|(key, value)| (key, floats(value))).collect())
    }

    /// Puts other values over these: mappings are merged, everything else (null too) is replaced. Helm: `loader.MergeMaps`.
    pub fn merge(&mut self, over: Self) {
        merge(&mut self.0, over.0);
    }

    /// Sets what an argument of `--set` says: `a.b=1,c[0]=x`.
    ///
    /// # Errors
    /// What the argument's grammar does not allow, or what does not fit the values that are there.
    pub fn set(&mut self, argument: &str) -> Result<(), strvals::Error> {
        strvals::set(argument, &mut self.0)
    }

    /// As [`Values::set`], but every value is a string: `--set-string`.
    ///
    /// # Errors
    /// As [`Values::set`].
    pub fn set_string(&mut self, argument: &str) -> Result<(), strvals::Error> {
        strvals::set_string(argument, &mut self.0)
    }

    /// Sets what an argument of `--set-json` says: `a.b={"c": 1}`, or one object with all values.
    ///
    /// # Errors
    /// As [`Values::set`], and what is no JSON.
    pub fn set_json(&mut self, argument: &str) -> Result<(), strvals::Error> {
        if argument.trim_start().starts_with('{') {
            let object: Map<String, Value> =
                serde_json::from_str(argument).map_err(|error| strvals::Error::new(error.to_string()))?;
            self.merge(Self::from_json(object));
            return Ok(());
        }
        strvals::set_json(argument, &mut self.0)
    }

    /// Sets the texts of files: `--set-file a.b=path`. `read` gives the text of a path, or why there is none.
    ///
    /// # Errors
    /// As [`Values::set`], and what `read` says.
    pub fn set_file(
        &mut self,
        argument: &str,
        read: &mut dyn FnMut(&str) -> Result<String, String>,
    ) -> Result<(), strvals::Error> {
        strvals::set_file(argument, &mut self.0, read)
    }

    /// Sets one string as it stands: `--set-literal a.b=x,y`.
    ///
    /// # Errors
    /// As [`Values::set`].
    pub fn set_literal(&mut self, argument: &str) -> Result<(), strvals::Error> {
        strvals::set_literal(argument, &mut self.0)
    }

    /// The values as JSON: integers are those of [`Values::set`], everything else is a float.
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(crate) fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

fn merge(values: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (values.get_mut(&key), value) {
            (Some(Value::Object(here)), Value::Object(over)) => merge(here, over),
            (_, value) => {
                values.insert(key, value);
            }
        }
    }
}

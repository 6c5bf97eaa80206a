//! Chart.yaml and Chart.lock. Helm: `pkg/chart/v2/metadata.go`, `dependency.go`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Error;
use crate::semver::Version;
use crate::template::print::is_print;

/// Chart.yaml.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// `v1` or `v2`; a chart that says nothing is of v1.
    pub api_version: String,
    /// The name of the chart.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The version of what it installs.
    pub app_version: String,
    /// One sentence about it.
    pub description: String,
    /// `application`, `library`, or nothing, which means `application`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The range of versions of Kubernetes that it needs, or nothing.
    pub kube_version: String,
    /// The address of its project.
    pub home: String,
    /// The address of its picture.
    pub icon: String,
    /// Addresses of its sources.
    pub sources: Vec<String>,
    /// What it is about.
    pub keywords: Vec<String>,
    /// Who keeps it.
    pub maintainers: Vec<Option<Maintainer>>,
    /// Whether it should no longer be used.
    pub deprecated: bool,
    /// What others keep here.
    pub annotations: Option<std::collections::BTreeMap<String, String>>,
    /// A condition for the chart itself, which nothing reads.
    pub condition: String,
    /// Tags of the chart itself, which nothing reads.
    pub tags: String,
    /// The charts that it needs; `None` if Chart.yaml does not speak of them, which is not the same as none.
    #[serde(deserialize_with = "dependencies")]
    pub dependencies: Option<Vec<Dependency>>,
}

/// Who keeps a chart.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Maintainer {
    /// A name.
    pub name: String,
    /// An address for mail.
    pub email: String,
    /// A home page.
    pub url: String,
}

/// A chart that another one needs.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Dependency {
    /// The name of the chart.
    pub name: String,
    /// The range of its versions.
    pub version: String,
    /// Where it comes from: `https://…`, `oci://…`, `file://…`, `@name`.
    pub repository: String,
    /// Paths into the values, separated by commas: the first that holds a boolean switches the chart.
    pub condition: String,
    /// Names below `tags` in the values that switch the chart.
    pub tags: Vec<String>,
    /// Whether it is on. Only what Helm finds out counts, not what a file says.
    pub enabled: bool,
    /// What of its values goes into those of the chart that needs it.
    #[serde(deserialize_with = "import_values")]
    pub import_values: Vec<ImportValue>,
    /// Another name for it.
    pub alias: String,
}

/// One entry of `import-values`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(from = "Value", into = "Value")]
pub enum ImportValue {
    /// A key below `exports` of the child.
    Export(String),
    /// A table of the child and where it goes in the parent.
    Pair {
        /// The path in the child.
        child: String,
        /// The path in the parent.
        parent: String,
    },
    /// A pair that has been imported: it is not imported again where a chart is used twice.
    Done {
        /// The path in the child.
        child: String,
        /// The path in the parent.
        parent: String,
    },
    /// Something else, which has no effect.
    Other(Value),
}

impl From<Value> for ImportValue {
    fn from(value: Value) -> Self {
        // Go prints what is there, a missing one as `<nil>`.
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => "<nil>".to_owned(),
            Some(other) => other.to_string(),
        };
        match &value {
            Value::String(key) => Self::Export(key.clone()),
            Value::Object(pair) => Self::Pair { child: text(pair.get("child")), parent: text(pair.get("parent")) },
            _ => Self::Other(value),
        }
    }
}

impl From<ImportValue> for Value {
    fn from(value: ImportValue) -> Self {
        match value {
            ImportValue::Export(key) => Self::String(key),
            ImportValue::Pair { child, parent } | ImportValue::Done { child, parent } => {
                json!({"child": child, "parent": parent})
            }
            ImportValue::Other(value) => value,
        }
    }
}

/// Null is as good as no list; in a list it is an error that is found later.
fn import_values<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<ImportValue>, D::Error> {
    let values: Option<Vec<Value>> = Option::deserialize(deserializer)?;
    Ok(values.unwrap_or_default().into_iter().map(ImportValue::from).collect())
}

fn dependencies<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Dependency>>, D::Error> {
    let found: Option<Vec<Option<Dependency>>> = Option::deserialize(deserializer)?;
    let empty = || serde::de::Error::custom("dependencies must not contain empty or null nodes");
    found.map(|found| found.into_iter().map(|dependency| dependency.ok_or_else(empty)).collect()).transpose()
}

/// Chart.lock (or requirements.lock): the dependencies with definite versions.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Lock {
    /// The digest of the dependencies of Chart.yaml that it was made for.
    pub digest: String,
    /// When it was made.
    pub generated: String,
    /// The dependencies.
    #[serde(deserialize_with = "dependencies")]
    pub dependencies: Option<Vec<Dependency>>,
}

impl Metadata {
    /// Reads Chart.yaml. What it does not say about its version means v1.
    pub(super) fn decode(text: &str) -> Result<Self, k8s_yaml::Error> {
        let mut metadata: Self = k8s_yaml::from_str(text)?;
        if metadata.api_version.is_empty() {
            metadata.api_version = "v1".to_owned();
        }
        Ok(metadata)
    }

    /// Reads the dependencies of a requirements.yaml; `None` if it does not speak of them.
    pub(super) fn decode_dependencies(text: &str) -> Result<Option<Vec<Dependency>>, k8s_yaml::Error> {
        let metadata: Self = k8s_yaml::from_str(text)?;
        Ok(metadata.dependencies)
    }

    /// The metadata with characters that cannot be printed taken out, if it keeps Helm's rules. Helm: `Metadata.Validate`.
    pub(super) fn validated(mut self) -> Result<Self, Error> {
        self.sanitize();
        let refuse = |text: String| Err(Error::Validation(text));
        if self.name.is_empty() {
            return refuse("chart.metadata.name is required".to_owned());
        }
        if self.name == "." || self.name == ".." {
            return refuse(format!("chart.metadata.name {:?} is not allowed", self.name));
        }
        if self.name.contains('/') {
            return refuse(format!("chart.metadata.name {:?} is invalid", self.name));
        }
        if self.version.is_empty() {
            return refuse("chart.metadata.version is required".to_owned());
        }
        if Version::parse(&self.version).is_err() {
            return refuse(format!("chart.metadata.version {:?} is invalid", self.version));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return refuse("chart.metadata.type must be application or library".to_owned());
        }
        if self.maintainers.iter().any(Option::is_none) {
            return refuse("maintainers must not contain empty or null nodes".to_owned());
        }
        self.validate_dependencies()?;
        Ok(self)
    }

    fn validate_dependencies(&self) -> Result<(), Error> {
        let mut keys: Vec<&str> = Vec::new();
        for dependency in self.dependencies.iter().flatten() {
            let alias = &dependency.alias;
            if !alias.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
                let name = &dependency.name;
                return Err(Error::Validation(format!("dependency {name:?} has disallowed characters in the alias")));
            }
            let key = if alias.is_empty() { &dependency.name } else { alias };
            if keys.contains(&key.as_str()) {
                return Err(Error::Validation(format!("more than one dependency with name or alias {key:?}")));
            }
            keys.push(key);
        }
        Ok(())
    }

    fn sanitize(&mut self) {
        let texts = [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ];
        let lists = self.sources.iter_mut().chain(&mut self.keywords);
        let maintainers = self.maintainers.iter_mut().flatten();
        let maintainers = maintainers.flat_map(|m| [&mut m.name, &mut m.email, &mut m.url]);
        texts.into_iter().chain(lists).chain(maintainers).for_each(sanitize);
        for dependency in self.dependencies.iter_mut().flatten() {
            let texts =
                [&mut dependency.name, &mut dependency.version, &mut dependency.repository, &mut dependency.condition];
            texts.into_iter().chain(&mut dependency.tags).for_each(sanitize);
        }
    }
}

/// Makes every space a plain one and drops what cannot be printed. Helm: `sanitizeString`.
fn sanitize(text: &mut String) {
    if text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return;
    }
    let clean = |c: char| if c.is_whitespace() { Some(' ') } else { is_print(c).then_some(c) };
    *text = text.chars().filter_map(clean).collect();
}

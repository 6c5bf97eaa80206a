//! `.Capabilities`. Helm: `pkg/chart/common/capabilities.go`, `internal/version`.

use std::rc::Rc;

use crate::template::{FunctionError, Signature};
use crate::value::{Object, Type, Value};

/// What the cluster and Helm can do, as `.Capabilities` (`*common.Capabilities`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The version of Kubernetes.
    pub kube_version: KubeVersion,
    /// The API versions, and perhaps kinds: `apps/v1`, `apps/v1/Deployment`.
    pub api_versions: Rc<[String]>,
    /// The version of Helm that templates are told.
    pub helm_version: HelmVersion,
}

const CAPABILITIES: Type = Type::Struct("common.Capabilities");

impl Object for Capabilities {
    fn type_of(&self) -> Type {
        Type::Pointer(&CAPABILITIES)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("KubeVersion", Value::object(self.kube_version.clone())),
            ("APIVersions", Value::object(VersionSet(self.api_versions.clone()))),
            ("HelmVersion", Value::object(self.helm_version.clone())),
        ]
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "KubeVersion" => Some(Value::object(self.kube_version.clone())),
            "APIVersions" => Some(Value::object(VersionSet(self.api_versions.clone()))),
            "HelmVersion" => Some(Value::object(self.helm_version.clone())),
            _ => None,
        }
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "Copy").then_some(Signature::new(&[], Type::Pointer(&CAPABILITIES)))
    }

    fn call(&self, _name: &str, _args: &[Value]) -> Result<Value, FunctionError> {
        Ok(Value::object(self.clone()))
    }
}

/// A version of Kubernetes (`common.KubeVersion`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// As the cluster or the user names it, with a `v`: `v1.33.4-gke.1245000`.
    pub version: String,
    /// Without what vendors append: `v1.33.4`.
    pub normalized: String,
    /// The first number.
    pub major: String,
    /// The second number.
    pub minor: String,
}

impl KubeVersion {
    /// Parses a version such as `1.33`, `v1.33.4` or `v1.33.4-gke.1245000`: two or three numbers, and what vendors append.
    /// Kubernetes: `apimachinery/pkg/util/version`, `ParseGeneric`.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.trim();
        let bare = bare.strip_prefix('v').unwrap_or(bare);
        let end = bare.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(bare.len());
        let numbers = bare[..end].strip_suffix('.').unwrap_or(&bare[..end]);
        let parts: Vec<&str> = numbers.split('.').collect();
        let first = parts.first()?;
        if parts.len() < 2 || (*first != "0" && first.starts_with('0')) {
            return None;
        }
        let parsed: Option<Vec<u64>> = parts.iter().map(|part| part.parse().ok()).collect();
        let normalized: Vec<String> = parsed?.iter().map(u64::to_string).collect();
        Some(Self {
            version: if text.starts_with('v') { text.to_owned() } else { format!("v{text}") },
            major: normalized[0].clone(),
            minor: normalized[1].clone(),
            normalized: format!("v{}", normalized.join(".")),
        })
    }
}

impl Object for KubeVersion {
    fn type_of(&self) -> Type {
        Type::Struct("common.KubeVersion")
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", self.version.as_str().into()),
            ("normalizedVersion", self.normalized.as_str().into()),
            ("Major", self.major.as_str().into()),
            ("Minor", self.minor.as_str().into()),
        ]
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "String" | "GitVersion").then_some(Signature::new(&[], Type::String))
    }

    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, FunctionError> {
        Ok(if name == "String" { self.normalized.as_str() } else { self.version.as_str() }.into())
    }

    fn to_text_of_pointer(&self) -> Option<String> {
        Some(self.normalized.clone())
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        let other: &dyn std::any::Any = other;
        Some(other.downcast_ref() == Some(self))
    }
}

/// `common.VersionSet`.
#[derive(Debug, Clone)]
struct VersionSet(Rc<[String]>);

impl Object for VersionSet {
    fn type_of(&self) -> Type {
        Type::Named("common.VersionSet", &Type::STRINGS)
    }

    fn underlying(&self) -> Option<Value> {
        Some(Value::strings(self.0.iter().map(String::as_str)))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "Has").then_some(Signature::new(&[Type::String], Type::Bool))
    }

    fn call(&self, _name: &str, args: &[Value]) -> Result<Value, FunctionError> {
        let asked = args.first().and_then(Value::as_str);
        Ok(Value::Bool(asked.is_some_and(|asked| self.0.iter().any(|version| version == asked))))
    }
}

/// The version of Helm (`version.BuildInfo`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmVersion {
    /// The version: `v4.3.1`.
    pub version: String,
    /// The git commit it was built from.
    pub git_commit: String,
    /// Whether there were changes beyond that.
    pub git_tree_state: String,
    /// The version of Go.
    pub go_version: String,
    /// The version of Kubernetes that its client was made for: `v1.37`.
    pub kube_client_version: String,
}

impl Default for HelmVersion {
    /// The Helm whose results this crate reproduces.
    fn default() -> Self {
        Self {
            version: "v4.3.1".to_owned(),
            git_commit: String::new(),
            git_tree_state: String::new(),
            go_version: "go1.26.8".to_owned(),
            kube_client_version: "v1.37".to_owned(),
        }
    }
}

impl Object for HelmVersion {
    fn type_of(&self) -> Type {
        Type::Struct("version.BuildInfo")
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("Version", self.version.as_str().into()),
            ("GitCommit", self.git_commit.as_str().into()),
            ("GitTreeState", self.git_tree_state.as_str().into()),
            ("GoVersion", self.go_version.as_str().into()),
            ("KubeClientVersion", self.kube_client_version.as_str().into()),
        ]
    }

    fn to_json(&self) -> Value {
        let optional = [
            ("version", &self.version),
            ("git_commit", &self.git_commit),
            ("git_tree_state", &self.git_tree_state),
            ("go_version", &self.go_version),
        ];
        let optional = optional.into_iter().filter(|(_, text)| !text.is_empty());
        let all = optional.chain([("kube_client_version", &self.kube_client_version)]);
        Value::map(all.map(|(key, text)| (key, Value::from(text.as_str()))))
    }

    fn equals(&self, other: &dyn Object) -> Option<bool> {
        let other: &dyn std::any::Any = other;
        Some(other.downcast_ref() == Some(self))
    }
}

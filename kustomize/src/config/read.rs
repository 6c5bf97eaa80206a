//! Reading field specs: the defaults, and the files of `configurations`.

use std::sync::{Arc, LazyLock};

use k8s_yaml::Options;

use super::{Config, NameReference};
use crate::Error;
use crate::decode::{self, Decode, Rules, record};
use crate::fieldspec::FieldSpec;
use crate::id::Pattern;

record! {
    /// A field spec as it is written.
    pub(crate) struct Spec {
        group: String = "group" promoted,
        version: String = "version" promoted,
        kind: String = "kind" promoted,
        path: String = "path",
        create: bool = "create",
    }
}

impl From<Spec> for FieldSpec {
    fn from(spec: Spec) -> Self {
        let Spec { group, version, kind, path, create } = spec;
        Self { pattern: Pattern { group, version, kind }, path, create }
    }
}

impl Decode for FieldSpec {
    fn decode(node: &k8s_yaml::Node, rules: Rules) -> Result<Self, Error> {
        Spec::decode(node, rules).map(Self::from)
    }
}

record! {
    struct Reference {
        group: String = "group" promoted,
        version: String = "version" promoted,
        kind: String = "kind" promoted,
        referrers: Vec<FieldSpec> = "fieldSpecs",
    }
}

record! {
    struct File {
        name_prefix: Vec<FieldSpec> = "namePrefix",
        name_suffix: Vec<FieldSpec> = "nameSuffix",
        namespace: Vec<FieldSpec> = "namespace",
        common_labels: Vec<FieldSpec> = "commonLabels",
        labels: Vec<FieldSpec> = "labels",
        template_labels: Vec<FieldSpec> = "templateLabels",
        common_annotations: Vec<FieldSpec> = "commonAnnotations",
        name_reference: Vec<Reference> = "nameReference",
        var_reference: Vec<FieldSpec> = "varReference",
        images: Vec<FieldSpec> = "images",
        replicas: Vec<FieldSpec> = "replicas",
    }
}

/// A file of `configurations`. Go: `makeTransformerConfigFromBytes`.
///
/// # Errors
/// The file is not YAML, holds a key twice, or a field that is not known.
pub(crate) fn from_text(text: &str) -> Result<Config, Error> {
    let file: File = decode::from_text(text, &Options::strict(), Rules::CONFIGURATION)?;
    let reference = |reference: Reference| {
        let Reference { group, version, kind, referrers } = reference;
        NameReference { target: Pattern { group, version, kind }, referrers }
    };
    let mut config = Config {
        name_prefix: file.name_prefix,
        name_suffix: file.name_suffix,
        namespace: file.namespace,
        common_labels: file.common_labels,
        labels: file.labels,
        template_labels: file.template_labels,
        common_annotations: file.common_annotations,
        name_reference: file.name_reference.into_iter().map(reference).collect(),
        var_reference: file.var_reference,
        images: file.images,
        replicas: file.replicas,
    };
    config.sort();
    Ok(config)
}

/// Merged once into nothing, as every build does first: that drops what is said twice.
static DEFAULTS: LazyLock<Result<Arc<Config>, Error>> = LazyLock::new(|| {
    let raw = from_text(include_str!("defaults.yaml"))?;
    Config::default().merged_with(&raw).map(Arc::new)
});

/// The field specs of kustomize itself.
///
/// # Errors
/// None that a test of this crate would let pass.
pub(crate) fn defaults() -> Result<Arc<Config>, Error> {
    DEFAULTS.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_read_and_sorted() {
        let config = defaults().unwrap();
        assert_eq!(config.name_prefix, [FieldSpec::new("metadata/name", false)]);
        assert_eq!(config.name_reference.first().unwrap().target.kind, "StorageClass", "in the order of kinds");
        assert_eq!(Config::default().merged_with(&config).unwrap(), *config, "merging again changes nothing");
    }

    #[test]
    fn unknown_fields_and_other_types_are_refused() {
        for (text, expected) in [
            ("namePrefixes: []", "line 1: namePrefixes: unknown field \"namePrefixes\""),
            ("images:\n- pth: x", "line 2: images.[0].pth: unknown field \"pth\""),
            ("images: {}", "line 1: images: expected a list, found a mapping"),
        ] {
            assert_eq!(from_text(text).unwrap_err().to_string(), expected);
        }
    }
}

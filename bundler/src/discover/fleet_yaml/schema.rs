//! The fields of `fleet.yaml`, as Fleet's parser sees them: types, nesting, and where it turns numbers into strings.
//!
//! Source: `pkg/apis/fleet.cattle.io/v1alpha1/{fleetyaml,bundle,bundledeployment}_types.go` of rancher/fleet, and
//! `convertToJSONableObject` of `sigs.k8s.io/yaml`. A test holds that these are the fields of `fleet_api`'s types.

/// What a field may hold.
pub(super) enum Type {
    /// A string. A number or boolean is turned into one where the struct is not inlined.
    Text,
    /// A string, and nothing else anywhere.
    StrictText,
    /// One of a few words.
    Word {
        /// What it is called in errors.
        what: &'static str,
        /// The words.
        known: &'static [&'static str],
    },
    /// A boolean.
    Bool,
    /// An integer.
    Int,
    /// An integer or a string.
    IntOrText,
    /// A mapping of strings.
    TextMap,
    /// A mapping of strings, and nothing else anywhere.
    StrictTextMap,
    /// A mapping of anything.
    Values,
    /// Anything.
    Any,
    /// A list.
    List(&'static Type),
    /// A mapping with these keys.
    Record(&'static Record),
}

/// A key and what it may hold.
pub(super) type Field = (&'static str, Type);

/// A mapping with known keys.
pub(super) struct Record {
    /// Fields of the struct itself.
    pub(super) direct: &'static [Field],
    /// Fields of structs inlined into it; here Go's YAML reader never turns numbers into strings.
    pub(super) inlined: &'static [&'static [Field]],
}

impl Record {
    /// Whether its fields say which clusters are meant, and nothing else.
    pub(super) fn is_selector(&'static self) -> bool {
        [&TARGET_SELECTOR, &LABEL_SELECTOR, &REQUIREMENT].iter().any(|selector| std::ptr::eq(*selector, self))
    }
}

use Type::{Any, Bool, Int, IntOrText, List, StrictText, StrictTextMap, Text, TextMap, Values};

const TEXTS: Type = List(&Text);

macro_rules! record {
    ($($name:ident: $fields:expr;)*) => {$(
        static $name: Record = Record { direct: $fields, inlined: &[] };
    )*};
}

/// The whole file.
pub(super) static FLEET_YAML: Record = Record {
    direct: &[
        ("name", StrictText),
        ("labels", StrictTextMap),
        ("annotations", StrictTextMap),
        ("targetCustomizations", List(&Type::Record(&BUNDLE_TARGET))),
        ("imageScans", List(&Any)),
        ("overrideTargets", List(&Type::Record(&TARGET_SELECTOR))),
    ],
    inlined: &[BUNDLE_SPEC, OPTIONS],
};

static BUNDLE_SPEC: &[Field] = &[
    ("paused", Bool),
    ("rolloutStrategy", Type::Record(&ROLLOUT)),
    ("resources", List(&Type::Record(&RESOURCE))),
    ("targets", List(&Type::Record(&BUNDLE_TARGET))),
    ("targetCustomizationMode", Text),
    ("targetRestrictions", List(&Type::Record(&TARGET_SELECTOR))),
    ("dependsOn", List(&Type::Record(&BUNDLE_REFERENCE))),
    ("contentsId", Text),
    ("valuesHash", Text),
    ("helmOpOptions", Any),
];

static OPTIONS: &[Field] = &[
    ("defaultNamespace", Text),
    ("namespace", Text),
    ("kustomize", Type::Record(&KUSTOMIZE)),
    ("helm", Type::Record(&HELM)),
    ("serviceAccount", Text),
    ("createNamespace", Bool),
    ("forceSyncGeneration", Int),
    ("yaml", Type::Record(&YAML)),
    ("diff", Type::Record(&DIFF)),
    ("keepResources", Bool),
    ("deleteNamespace", Bool),
    ("deleteCRDResources", Bool),
    ("namespaceLabels", TextMap),
    ("namespaceAnnotations", TextMap),
    ("correctDrift", Type::Record(&CORRECT_DRIFT)),
    ("ignore", Type::Record(&IGNORE)),
    ("overwrites", List(&Type::Record(&OVERWRITE))),
    ("downstreamResources", List(&Type::Record(&DOWNSTREAM_RESOURCE))),
    ("allowedTargetNamespaceSelector", Type::Record(&LABEL_SELECTOR)),
    ("templating", Type::Word { what: "word", known: &["values", "all"] }),
];

static BUNDLE_TARGET: Record = Record {
    direct: &[
        ("name", Text),
        ("clusterName", Text),
        ("clusterSelector", Type::Record(&LABEL_SELECTOR)),
        ("clusterGroup", Text),
        ("clusterGroupSelector", Type::Record(&LABEL_SELECTOR)),
        ("doNotDeploy", Bool),
        ("namespaceLabels", TextMap),
        ("namespaceAnnotations", TextMap),
    ],
    inlined: &[OPTIONS],
};

record! {
    TARGET_SELECTOR: &[
        ("name", Text),
        ("clusterName", Text),
        ("clusterSelector", Type::Record(&LABEL_SELECTOR)),
        ("clusterGroup", Text),
        ("clusterGroupSelector", Type::Record(&LABEL_SELECTOR)),
    ];
    LABEL_SELECTOR: &[("matchLabels", TextMap), ("matchExpressions", List(&Type::Record(&REQUIREMENT)))];
    REQUIREMENT: &[("key", Text), ("operator", Text), ("values", TEXTS)];
    BUNDLE_REFERENCE: &[
        ("name", Text),
        ("selector", Type::Record(&LABEL_SELECTOR)),
        ("acceptedStates", List(&Type::Word { what: "state", known: &STATES })),
    ];
    RESOURCE: &[("name", Text), ("content", Text), ("encoding", Text)];
    ROLLOUT: &[
        ("maxUnavailable", IntOrText),
        ("maxUnavailablePartitions", IntOrText),
        ("autoPartitionSize", IntOrText),
        ("autoPartitionThreshold", Int),
        ("maxNew", Int),
        ("partitions", List(&Type::Record(&PARTITION))),
    ];
    PARTITION: &[
        ("name", Text),
        ("maxUnavailable", IntOrText),
        ("clusterName", Text),
        ("clusterSelector", Type::Record(&LABEL_SELECTOR)),
        ("clusterGroup", Text),
        ("clusterGroupSelector", Type::Record(&LABEL_SELECTOR)),
    ];
    KUSTOMIZE: &[("dir", Text)];
    YAML: &[("overlays", TEXTS)];
    HELM: &[
        ("chart", Text),
        ("repo", Text),
        ("releaseName", Text),
        ("version", Text),
        ("timeoutSeconds", Int),
        ("values", Values),
        ("templateValues", TextMap),
        ("valuesFrom", List(&Type::Record(&VALUES_FROM))),
        ("force", Bool),
        ("takeOwnership", Bool),
        ("maxHistory", Int),
        ("valuesFiles", TEXTS),
        ("waitForJobs", Bool),
        ("atomic", Bool),
        ("disablePreProcess", Bool),
        ("disableDNS", Bool),
        ("skipSchemaValidation", Bool),
        ("disableDependencyUpdate", Bool),
    ];
    VALUES_FROM: &[
        ("configMapKeyRef", Type::Record(&KEY_SELECTOR)),
        ("secretKeyRef", Type::Record(&KEY_SELECTOR)),
    ];
    KEY_SELECTOR: &[("name", Text), ("namespace", Text), ("key", Text)];
    DIFF: &[("comparePatches", List(&Type::Record(&COMPARE_PATCH)))];
    COMPARE_PATCH: &[
        ("apiVersion", Text),
        ("kind", Text),
        ("namespace", Text),
        ("name", Text),
        ("operations", List(&Type::Record(&OPERATION))),
        ("jsonPointers", TEXTS),
    ];
    OPERATION: &[("op", Text), ("path", Text), ("value", Text)];
    CORRECT_DRIFT: &[("enabled", Bool), ("force", Bool), ("keepFailHistory", Bool)];
    IGNORE: &[("conditions", List(&TextMap))];
    OVERWRITE: &[("kind", Text), ("name", Text), ("namespace", Text)];
    DOWNSTREAM_RESOURCE: &[("kind", Text), ("name", Text)];
}

/// The states that `dependsOn` knows.
static STATES: [&str; 7] = ["Ready", "NotReady", "Pending", "OutOfSync", "Modified", "WaitApplied", "ErrApplied"];

/// Keys that Fleet reads as metadata of the Bundle. A repository must not be able to block the deletion of its own
/// Bundle or to give it an owner, so they have no effect here.
pub(super) static METADATA: &[&str] = &[
    "generateName",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "finalizers",
    "ownerReferences",
    "managedFields",
];

impl Record {
    /// The field called `key`, without regard to case, as Go's JSON reader finds it; and whether it is one of the
    /// struct itself.
    pub(super) fn field(&self, key: &str) -> Option<(&'static Field, bool)> {
        let all = || {
            let direct = self.direct.iter().map(|field| (field, true));
            direct.chain(self.inlined.iter().flat_map(|fields| fields.iter()).map(|field| (field, false)))
        };
        all().find(|(field, _)| field.0 == key).or_else(|| all().find(|(field, _)| field.0.eq_ignore_ascii_case(key)))
    }

    /// All keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.direct.iter().chain(self.inlined.iter().flat_map(|fields| fields.iter())).map(|field| field.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_api::v1alpha1::FleetYaml;
    use serde_json::{Map, Value, json};
    use std::collections::BTreeSet;

    /// The paths of all fields below a type of the tables.
    fn of_type(kind: &Type, at: &str, paths: &mut BTreeSet<String>) {
        match kind {
            Type::List(item) => of_type(item, &format!("{at}[]"), paths),
            Type::Record(record) => {
                for key in record.keys() {
                    let path = format!("{at}.{key}");
                    if let (Some((field, _)), true) = (record.field(key), paths.insert(path.clone())) {
                        of_type(&field.1, &path, paths);
                    }
                }
            }
            _ => {}
        }
    }

    /// The paths of all fields below a JSON schema.
    fn of_schema(schema: &Value, root: &Value, at: &str, paths: &mut BTreeSet<String>) {
        if let Some(reference) = schema["$ref"].as_str().and_then(|text| text.strip_prefix('#')) {
            return of_schema(root.pointer(reference).unwrap_or(&Value::Null), root, at, paths);
        }
        for alternative in schema["anyOf"].as_array().into_iter().flatten() {
            of_schema(alternative, root, at, paths);
        }
        if schema["items"].is_object() {
            of_schema(&schema["items"], root, &format!("{at}[]"), paths);
        }
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{at}.{key}");
            paths.insert(path.clone());
            of_schema(inner, root, &path, paths);
        }
    }

    #[test]
    fn the_tables_hold_exactly_the_fields_of_the_types() {
        let (mut here, mut there) = (BTreeSet::new(), BTreeSet::new());
        of_type(&Type::Record(&FLEET_YAML), "", &mut here);
        let schema = serde_json::to_value(schemars::schema_for!(FleetYaml)).unwrap();
        of_schema(&schema, &schema, "", &mut there);
        let differing: Vec<&String> = here.symmetric_difference(&there).collect();
        assert!(differing.is_empty(), "{differing:#?}");
    }

    fn sample(kind: &Type) -> Value {
        match kind {
            Type::Text | Type::StrictText => json!("x"),
            Type::Word { known, .. } => json!(known[0]),
            Type::Bool => json!(true),
            Type::Int => json!(7),
            Type::IntOrText => json!("5%"),
            Type::TextMap | Type::StrictTextMap => json!({"k": "x"}),
            Type::Values | Type::Any => json!({"k": 1}),
            Type::List(item) => json!([sample(item)]),
            Type::Record(record) => {
                let field = |key| record.field(key).map(|(field, _)| (key.to_owned(), sample(&field.1)));
                Value::Object(record.keys().filter_map(field).collect::<Map<_, _>>())
            }
        }
    }

    #[test]
    fn what_the_tables_allow_fits_the_types() {
        let whole = sample(&Type::Record(&FLEET_YAML));
        let read: FleetYaml = serde_json::from_value(whole.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), whole);
    }
}

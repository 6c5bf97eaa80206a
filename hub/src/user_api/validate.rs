//! What is refused, with the path of the field and what is expected there.

use super::schema::{self, UnknownField};
use super::status::ApiError;
use crate::store::Kind;
use fleet_api::names::{is_dns_label, is_dns_subdomain};
use fleet_api::v1alpha1::{
    Bundle, BundleNamespaceMapping, BundleTarget, Cluster, ClusterGroup, GitRepo, LabelSelector, TargetSelector,
};
use serde_json::Value;

/// `(field, message)`.
type Causes = Vec<(String, String)>;

/// How many bytes the annotations of an object may have (Kubernetes' limit).
const ANNOTATION_LIMIT: usize = 256 * 1024;

/// Known fields of ObjectMeta.
const METADATA: [&str; 15] = [
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "managedFields",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
];

/// What to do with fields that nothing reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// Refuse the object.
    Strict,
    /// Say so in a warning.
    Warn,
    /// Say nothing.
    Ignore,
}

impl Unknown {
    pub(super) fn parse(text: Option<&str>) -> Result<Self, ApiError> {
        match text {
            Some("Strict") => Ok(Self::Strict),
            None | Some("" | "Warn") => Ok(Self::Warn),
            Some("Ignore") => Ok(Self::Ignore),
            Some(other) => {
                let expected = "Strict, Warn or Ignore is expected";
                Err(ApiError::bad_request(format!("fieldValidation: `{other}`: {expected}")))
            }
        }
    }
}

/// Checks an object that is about to be stored, and takes out what nothing reads. What is returned are warnings.
pub(super) fn check(kind: Kind, name: &str, object: &mut Value, unknown: Unknown) -> Result<Vec<String>, ApiError> {
    let mut findings = schema::prune(schema::of(kind), object);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| {
            let known = METADATA.contains(&key.as_str());
            if !known {
                findings.unknown.push(UnknownField::of_metadata(key, &METADATA));
            }
            known
        });
    }
    if unknown == Unknown::Strict && !findings.unknown.is_empty() {
        let list: Vec<_> = findings.unknown.iter().map(|field| format!("unknown field \"{}\"", field.path)).collect();
        let hints: String = findings.unknown.iter().map(UnknownField::hint).collect();
        return Err(ApiError::bad_request(format!("strict decoding error: {}{hints}", list.join(", "))));
    }
    let mut causes = findings.invalid;
    check_name(kind, name, &mut causes);
    check_metadata(&object["metadata"], &mut causes);
    if causes.is_empty() {
        check_content(kind, object, &mut causes);
    }
    causes.extend(findings.unknown.iter().filter(|field| widens(field)).map(|field| {
        let message = format!("Unknown field: without it more clusters would match than are meant{}", field.hint());
        (field.path.clone(), message)
    }));
    if !causes.is_empty() {
        return Err(ApiError::invalid(kind, name, &causes));
    }
    let warn = unknown == Unknown::Warn;
    let unknown = findings
        .unknown
        .iter()
        .filter(|_| warn)
        .map(|field| format!("unknown field \"{}\"{}", field.path, field.hint()));
    Ok(unknown.chain(password_in_url(kind, object)).collect())
}

/// Whether what selects clusters would select more without it. Kubernetes drops unknown fields with a warning; of a
/// selector that leaves `{}`, which matches everything.
fn widens(field: &UnknownField) -> bool {
    let (above, key) = field.path.rsplit_once('.').unwrap_or(("", &field.path));
    let in_selector = above.split('.').any(|part| {
        let part = part.split('[').next().unwrap_or_default();
        part.ends_with("elector") || part == "matchExpressions"
    });
    let in_target = above.starts_with("spec.targets[") || above.starts_with("spec.targetRestrictions[");
    let criteria = ["clusterName", "clusterSelector", "clusterGroup", "clusterGroupSelector"];
    let is_criterion =
        field.near.as_deref().is_some_and(|near| criteria.contains(&near)) || key.to_lowercase().contains("selector");
    in_selector || (in_target && is_criterion)
}

/// Fleet takes such a URL, and so do we; but whoever may read GitRepos reads it.
fn password_in_url(kind: Kind, object: &Value) -> Option<String> {
    let url = object["spec"]["repo"].as_str().filter(|_| kind == Kind::GitRepo)?;
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    user.contains(':').then(|| {
        "spec.repo: the URL holds a password, which everybody sees who reads the GitRepo; put it into a Secret of type \
         kubernetes.io/basic-auth and name that in spec.clientSecretName"
            .to_owned()
    })
}

fn check_name(kind: Kind, name: &str, causes: &mut Causes) {
    let (good, rule) = if kind == Kind::Namespace {
        (is_dns_label(name), "at most 63 of a-z, 0-9 and `-` are allowed, with a letter or digit at both ends")
    } else {
        let rule = "at most 253 of a-z, 0-9, `-` and `.` are allowed, with a letter or digit at both ends of each part";
        (is_dns_subdomain(name), rule)
    };
    if !good {
        causes.push(("metadata.name".into(), format!("Invalid value: {name:?}: {rule}")));
    }
}

fn check_metadata(metadata: &Value, causes: &mut Causes) {
    for (field, limit) in [("labels", None), ("annotations", Some(ANNOTATION_LIMIT))] {
        let mut size = 0;
        match &metadata[field] {
            Value::Null => {}
            Value::Object(map) => {
                for (key, value) in map {
                    size += key.len() + value.as_str().map_or(0, str::len);
                    check_pair(field, key, value, causes);
                }
            }
            _ => causes.push((format!("metadata.{field}"), "a map of texts is expected".into())),
        }
        if limit.is_some_and(|limit| size > limit) {
            causes.push((format!("metadata.{field}"), format!("Too long: must have at most {ANNOTATION_LIMIT} bytes")));
        }
    }
    let finalizers = &metadata["finalizers"];
    let texts = finalizers.as_array().is_some_and(|list| list.iter().all(Value::is_string));
    if !finalizers.is_null() && !texts {
        causes.push(("metadata.finalizers".into(), "a list of texts is expected".into()));
    }
}

fn check_pair(field: &str, key: &str, value: &Value, causes: &mut Causes) {
    let path = format!("metadata.{field}");
    if !is_label_key(key) {
        causes.push((path, format!("Invalid value: {key:?}: this is not a key: `name` or `prefix/name` is expected")));
        return;
    }
    match value.as_str() {
        None => causes.push((format!("{path}.{key}"), format!("Invalid value: {value}: a text is expected; quote it"))),
        Some(text) if field == "labels" && !is_label_value(text) => {
            let rule = "at most 63 of A-Z, a-z, 0-9, `-`, `_` and `.` are allowed, with a letter or digit at both ends";
            causes.push((format!("{path}.{key}"), format!("Invalid value: {text:?}: {rule}")));
        }
        Some(_) => {}
    }
}

/// Whether it can be the key of a label: `name` or `prefix/name`.
pub(super) fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_dns_subdomain)
}

/// Whether `key=value` can be a label.
pub(super) fn is_label(key: &str, value: &str) -> bool {
    is_label_key(key) && is_label_value(value)
}

fn is_label_value(value: &str) -> bool {
    let bytes = value.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let end = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    value.len() <= 63 && bytes.iter().all(inner) && end(bytes.first()) && end(bytes.last())
}

/// What the types of `fleet-api` say beyond the schema.
fn check_content(kind: Kind, object: &Value, causes: &mut Causes) {
    match kind {
        Kind::GitRepo => typed(object, causes, check_gitrepo),
        Kind::Bundle => typed(object, causes, check_bundle),
        Kind::Cluster => typed::<Cluster>(object, causes, |_, _| {}),
        Kind::ClusterGroup => typed::<ClusterGroup>(object, causes, |group, causes| {
            selector("spec.selector", group.spec.selector.as_ref(), causes);
        }),
        Kind::BundleNamespaceMapping => typed::<BundleNamespaceMapping>(object, causes, |mapping, causes| {
            selector("bundleSelector", mapping.bundle_selector.as_ref(), causes);
            selector("namespaceSelector", mapping.namespace_selector.as_ref(), causes);
        }),
        Kind::Secret => drop(check_values("data", &object["data"], "secret", causes)),
        Kind::ConfigMap => check_config_map(object, causes),
        Kind::BundleDeployment | Kind::Namespace => {}
    }
}

/// How many bytes the values of a Secret or ConfigMap may have in base64 (Kubernetes allows 1 MiB of them decoded).
const VALUES_LIMIT: usize = 1_400_000;

/// A key is of one of the two, and what is in `binaryData` is base64.
fn check_config_map(object: &Value, causes: &mut Causes) {
    use base64::Engine as _;
    let size = check_values("data", &object["data"], "ConfigMap", causes);
    let binary = check_values("binaryData", &object["binaryData"], "ConfigMap", causes);
    if size.max(binary) <= VALUES_LIMIT && size + binary > VALUES_LIMIT {
        causes.push(("data".into(), "Too long: the values of a ConfigMap must have at most 1 MiB".into()));
    }
    for (key, value) in object["binaryData"].as_object().into_iter().flatten() {
        let field = format!("binaryData.{key}");
        if object["data"].get(key).is_some() {
            causes.push((field.clone(), "Invalid value: the key is in data, too".into()));
        }
        let text = value.as_str().unwrap_or_default();
        if base64::engine::general_purpose::STANDARD.decode(text).is_err() {
            causes.push((field, "Invalid value: the value is not base64".into()));
        }
    }
}

/// How large the values are.
fn check_values(field: &str, data: &Value, of: &str, causes: &mut Causes) -> usize {
    let mut size = 0;
    for (key, value) in data.as_object().into_iter().flatten() {
        size += value.as_str().map_or(0, str::len);
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if key.is_empty() || key.len() > 253 || !key.bytes().all(good) {
            causes
                .push((field.into(), format!("Invalid value: {key:?}: letters, digits, `-`, `_` and `.` are allowed")));
        }
    }
    if size > VALUES_LIMIT {
        causes.push((field.into(), format!("Too long: the values of a {of} must have at most 1 MiB")));
    }
    size
}

fn typed<T: serde::de::DeserializeOwned>(object: &Value, causes: &mut Causes, check: impl FnOnce(&T, &mut Causes)) {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
        // A new object has no spec at times; its required fields are told of below.
        map.entry("spec").or_insert_with(|| serde_json::json!({}));
    }
    match T::deserialize(&object) {
        Ok(value) => check(&value, causes),
        Err(error) => {
            // Which field that is, only a text tells.
            let text = object.to_string().into_bytes();
            let place = serde_json::from_slice::<T>(&text).err().map(|error| fleet_api::wire::place_of(&text, &error));
            let place = place.filter(|place| !place.is_empty()).unwrap_or_else(|| "spec".into());
            causes.push((place, error.to_string()));
        }
    }
}

fn check_gitrepo(repo: &GitRepo, causes: &mut Causes) {
    let spec = &repo.spec;
    if spec.repo.trim().is_empty() {
        causes.push(("spec.repo".into(), "Required value: the address of the repository".into()));
    } else if spec.repo.starts_with('-') || spec.repo.chars().any(char::is_control) {
        causes.push(("spec.repo".into(), "Invalid value: this is not the address of a repository".into()));
    }
    if !spec.polling_interval.is_empty() && fleet_api::duration::parse(&spec.polling_interval).is_none() {
        let text = &spec.polling_interval;
        let message = format!("Invalid value: {text:?}: a duration is expected, such as `15s` or `1h30m`");
        causes.push(("spec.pollingInterval".into(), message));
    }
    for (index, bundle) in spec.bundles.iter().enumerate() {
        if bundle.base.is_empty() {
            causes.push((format!("spec.bundles[{index}].base"), "Required value: the directory of the bundle".into()));
        }
    }
    if let Some(limit) = spec.deletion_limit
        && limit.percent > 100
    {
        let message = format!("Invalid value: {}: a percentage is at most 100", limit.percent);
        causes.push(("spec.deletionLimit.percent".into(), message));
    }
    for (index, target) in spec.targets.iter().enumerate() {
        target_selector(&format!("spec.targets[{index}]"), target, causes);
    }
}

fn check_bundle(bundle: &Bundle, causes: &mut Causes) {
    for (index, target) in bundle.spec.targets.iter().enumerate() {
        let BundleTarget { selector, .. } = target;
        target_selector(&format!("spec.targets[{index}]"), selector, causes);
    }
    for (index, restriction) in bundle.spec.target_restrictions.iter().enumerate() {
        target_selector(&format!("spec.targetRestrictions[{index}]"), restriction, causes);
    }
    for (index, dependency) in bundle.spec.depends_on.iter().enumerate() {
        selector(&format!("spec.dependsOn[{index}].selector"), dependency.selector.as_ref(), causes);
    }
}

fn target_selector(path: &str, target: &TargetSelector, causes: &mut Causes) {
    selector(&format!("{path}.clusterSelector"), target.cluster_selector.as_ref(), causes);
    selector(&format!("{path}.clusterGroupSelector"), target.cluster_group_selector.as_ref(), causes);
}

fn selector(path: &str, selector: Option<&LabelSelector>, causes: &mut Causes) {
    if let Some(selector) = selector
        && let Err(error) = skiff_planner::selector::validate(selector)
    {
        causes.push((path.to_owned(), format!("Invalid value: {error}")));
    }
}

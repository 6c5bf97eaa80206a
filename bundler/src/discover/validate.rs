//! What Fleet's loader and the schema of its Bundle refuse. Each problem has the place in `fleet.yaml` of its field.

use super::fleet_yaml::problem;
use fleet_api::names::{RELEASE_NAME_LIMIT, is_dns_label, is_dns_subdomain};
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::{
    Bundle, BundleDeploymentOptions, BundleSpec, DownstreamResource, FleetYaml, IntOrString, Templating,
};
use k8s_yaml::{Node, Position};

/// Where the fields of a bundle come from.
pub(super) struct Origin<'a> {
    /// The options file, from the root of the repository.
    pub(super) path: &'a str,
    /// Its document; none where there is no file.
    pub(super) node: Option<&'a Node>,
}

impl Origin<'_> {
    /// Whether the file has the field.
    fn has(&self, at: &str) -> bool {
        self.node.is_some_and(|node| find(node, at).is_some())
    }

    /// `file:line:column` of a field that the file has.
    pub(super) fn place(&self, at: &str) -> Option<String> {
        let position = self.node.and_then(|node| find(node, at))?;
        Some(format!("{}:{position}", self.path))
    }

    /// A problem with the field at `at` (keys without regard to case, as they are read).
    fn problem(&self, at: &str, message: &str) -> Note {
        let position = self.node.and_then(|node| find(node, at)).unwrap_or(Position { line: 1, column: 1 });
        problem(self.path, position, &format!("{at}: {message}"))
    }
}

fn find(node: &Node, path: &str) -> Option<Position> {
    let mut at = node;
    for part in path.split(['.', '[']) {
        at = match part.strip_suffix(']') {
            Some(index) => at.as_list()?.get(index.parse::<usize>().ok()?)?,
            None => &at.as_mapping()?.iter().rfind(|entry| entry.key.text.eq_ignore_ascii_case(part))?.value,
        };
    }
    Some(at.position)
}

/// What Fleet's loader refuses of the file itself.
pub(super) fn options_file(origin: &Origin<'_>, fleet_yaml: &FleetYaml) -> Result<(), Note> {
    if fleet_yaml.image_scans.is_empty() {
        return Ok(());
    }
    let note = origin.problem("imageScans", "image scanning is switched off, as by default in Fleet");
    Err(Note { reason: Reason::NotSupported, ..note }.with_remedy("remove imageScans"))
}

/// What Fleet's loader and the API server refuse of a finished Bundle.
pub(super) fn bundle(origin: &Origin<'_>, bundle: &Bundle) -> Result<(), Note> {
    let spec = &bundle.spec;
    for (index, dependency) in spec.depends_on.iter().enumerate() {
        if dependency.name.is_empty() && dependency.selector.is_none() {
            return Err(origin.problem(&format!("dependsOn[{index}]"), "name or selector must be given"));
        }
    }
    let mode = spec.target_customization_mode.as_str();
    if !matches!(mode, "" | "FirstMatch" | "AllMatches") {
        let message = format!("`{mode}` is not supported: FirstMatch or AllMatches is expected");
        return Err(origin.problem("targetCustomizationMode", &message));
    }
    let name = bundle.metadata.name.as_deref().unwrap_or_default();
    if !is_dns_subdomain(name) {
        return Err(origin.problem("name", &no_object_name(name)));
    }
    release_names(origin, spec)?;
    metadata(origin, bundle)
}

/// The options of a Bundle and of its customizations, each with what its fields are called before their names.
pub(super) fn all_options(spec: &BundleSpec) -> impl Iterator<Item = (String, &BundleDeploymentOptions)> {
    let targets = (0..).map(|index: usize| format!("targetCustomizations[{index}]."));
    std::iter::once(String::new()).chain(targets).zip(spec.all_options())
}

/// Whether a name is one only when its template is executed for a cluster; who renders it looks at what it makes.
fn is_template(spec: &BundleSpec) -> impl Fn(&str) -> bool {
    let anywhere = spec.all_options().any(|options| options.templating == Some(Templating::All));
    move |name| anywhere && skiff_render::holds_template(name)
}

fn no_object_name(name: &str) -> String {
    format!("`{name}` is no name of an object: at most 253 of a-z, 0-9, `-` and `.` are allowed")
}

/// Namespaces of the file that are no names. As in Fleet this fails the clusters that would get one, not the Bundle; it
/// is told with its place. That of a GitRepo's `targetNamespace` is no matter of the file.
pub(super) fn namespaces(origin: &Origin<'_>, spec: &BundleSpec) -> Vec<Note> {
    let fields = all_options(spec).flat_map(|(at, options)| {
        [
            (format!("{at}namespace"), options.target_namespace.as_str()),
            (format!("{at}defaultNamespace"), options.default_namespace.as_str()),
        ]
    });
    let is_template = is_template(spec);
    let fields = fields.filter(|(_, name)| !is_template(name));
    let wrong = fields.filter(|(at, name)| !name.is_empty() && !is_dns_label(name) && origin.has(at));
    wrong
        .map(|(at, name)| {
            let message = format!("`{name}` is no name of a namespace: at most 63 of a-z, 0-9 and `-` are allowed");
            origin.problem(&at, &message)
        })
        .collect()
}

/// Entries of `downstreamResources` that name nothing that can be copied. As in Fleet the clusters fail that would get it,
/// not the Bundle; it is told with its place.
pub(super) fn downstream_resources(origin: &Origin<'_>, spec: &BundleSpec) -> Vec<Note> {
    let all = all_options(spec).flat_map(|(at, options)| {
        let entries = options.downstream_resources.iter().enumerate();
        entries.map(move |(index, resource)| (format!("{at}downstreamResources[{index}]"), resource))
    });
    let mut notes = Vec::new();
    for (at, resource) in all.filter(|(at, _)| origin.has(at)) {
        let DownstreamResource { kind, name } = resource;
        let place = |key: &str| {
            let field = format!("{at}.{key}");
            if origin.has(&field) { field } else { at.clone() }
        };
        if resource.known_kind().is_none() {
            let message = format!("`{kind}` is not copied from the hub: Secret or ConfigMap is expected");
            notes.push(origin.problem(&place("kind"), &message));
        }
        if !is_dns_subdomain(name) {
            notes.push(origin.problem(&place("name"), &no_object_name(name)));
        }
    }
    notes
}

fn release_names(origin: &Origin<'_>, spec: &BundleSpec) -> Result<(), Note> {
    let is_template = is_template(spec);
    for (at, options) in all_options(spec) {
        let name = options.helm.as_ref().map_or("", |helm| helm.release_name.as_str());
        if is_template(name) {
            continue;
        }
        if name.len() > RELEASE_NAME_LIMIT {
            let message = format!("`{name}` is longer than {RELEASE_NAME_LIMIT} characters");
            return Err(origin.problem(&format!("{at}helm.releaseName"), &message));
        }
        if !name.is_empty() && !is_dns_subdomain(name) {
            let message = format!("`{name}` is no name of a release: a-z, 0-9, `-` and `.` are allowed");
            return Err(origin.problem(&format!("{at}helm.releaseName"), &message));
        }
    }
    Ok(())
}

/// Labels and annotation keys, as the API server checks them on every object.
fn metadata(origin: &Origin<'_>, bundle: &Bundle) -> Result<(), Note> {
    for (key, value) in bundle.metadata.labels.iter().flatten() {
        if !is_label_key(key) {
            return Err(origin.problem("labels", &format!("`{key}` is no valid key of a label")));
        }
        if !value.is_empty() && !is_label_text(value) {
            let message = format!("`{value}` is no valid value of the label `{key}`");
            return Err(origin.problem("labels", &message));
        }
    }
    for key in bundle.metadata.annotations.iter().flatten().map(|(key, _)| key) {
        // The API server lowers the key before it checks it.
        if !is_label_key(&key.to_lowercase()) {
            return Err(origin.problem("annotations", &format!("`{key}` is no valid key of an annotation")));
        }
    }
    Ok(())
}

fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_subdomain) && is_label_text(name)
}

fn is_label_text(text: &str) -> bool {
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.len() <= 63
        && alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// The number or share of a rollout strategy that cannot be read. Fleet says so for each cluster that is targeted, and
/// takes the Bundle.
#[must_use]
pub fn invalid_rollout(spec: &BundleSpec) -> Option<String> {
    let strategy = spec.rollout_strategy.as_ref()?;
    let fields = [
        ("maxUnavailable", &strategy.max_unavailable),
        ("maxUnavailablePartitions", &strategy.max_unavailable_partitions),
        ("autoPartitionSize", &strategy.auto_partition_size),
    ];
    let partitions =
        strategy.partitions.iter().map(|partition| ("partitions.maxUnavailable", &partition.max_unavailable));
    fields.into_iter().chain(partitions).find_map(|(field, value)| match value {
        Some(IntOrString::Text(text)) if text.strip_suffix('%').unwrap_or(text).parse::<i64>().is_err() => {
            Some(format!("rolloutStrategy.{field}: `{text}` is neither a number nor a share such as \"25%\""))
        }
        _ => None,
    })
}

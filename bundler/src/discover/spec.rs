//! The Bundle that a `fleet.yaml` and its GitRepo make together (reference §2.5, "List construction").

use super::scan::Place;
use fleet_api::labels::REPO_NAME_LABEL;
use fleet_api::v1alpha1::{Bundle, BundleSpec, BundleTarget, FleetYaml, GitRepo, ObjectMeta, TargetSelector};

/// The Bundle, without its files. `merge` is called when the targets of `fleet.yaml` are there and those of the GitRepo
/// are not yet.
pub(super) fn assemble<E>(
    fleet_yaml: FleetYaml,
    gitrepo: &GitRepo,
    place: &Place,
    merge: impl FnOnce(&mut BundleSpec) -> Result<(), E>,
) -> Result<Bundle, E> {
    let FleetYaml { name, labels, annotations, mut spec, target_customizations, override_targets, image_scans: _ } =
        fleet_yaml;
    spec.resources.clear();
    spec.targets.extend(target_customizations);
    for (index, target) in spec.targets.iter_mut().enumerate() {
        if target.selector.name.is_empty() {
            target.selector.name = format!("target{index:03}");
        }
    }
    merge(&mut spec)?;
    add_targets(&mut spec, override_targets, gitrepo);
    apply_gitrepo(&mut spec, gitrepo);
    let repo_name = gitrepo.metadata.name.clone().unwrap_or_default();
    let mut all_labels = gitrepo.metadata.labels.clone().unwrap_or_default();
    all_labels.insert(REPO_NAME_LABEL.to_owned(), repo_name);
    all_labels.extend(labels);
    let metadata = ObjectMeta {
        name: Some(if name.is_empty() { place.name.clone() } else { name }),
        namespace: gitrepo.metadata.namespace.clone(),
        labels: Some(all_labels),
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    };
    Ok(Bundle { metadata, spec, status: None })
}

/// Where nothing is said, a bundle goes to the ClusterGroup `default`.
fn default_target() -> TargetSelector {
    TargetSelector { name: "default".into(), cluster_group: "default".into(), ..TargetSelector::default() }
}

fn add_targets(spec: &mut BundleSpec, override_targets: Option<Vec<TargetSelector>>, gitrepo: &GitRepo) {
    let targets = match override_targets {
        Some(targets) => targets,
        None if gitrepo.spec.targets.is_empty() => vec![default_target()],
        None => gitrepo.spec.targets.clone(),
    };
    let plain = |selector: TargetSelector| BundleTarget { selector, ..BundleTarget::default() };
    spec.targets.extend(targets.iter().cloned().map(plain));
    spec.target_restrictions.extend(targets);
    if spec.targets.is_empty() {
        spec.targets.push(plain(default_target()));
    }
}

fn apply_gitrepo(spec: &mut BundleSpec, gitrepo: &GitRepo) {
    let from = &gitrepo.spec;
    spec.paused |= from.paused;
    if !from.target_namespace.is_empty() {
        spec.options.target_namespace.clone_from(&from.target_namespace);
        for target in &mut spec.targets {
            target.options.target_namespace.clone_from(&from.target_namespace);
        }
    }
    if !from.service_account.is_empty() {
        spec.options.service_account.clone_from(&from.service_account);
    }
    spec.options.force_sync_generation = from.force_sync_generation;
    spec.options.keep_resources |= from.keep_resources;
    spec.options.delete_namespace |= from.delete_namespace;
    if from.correct_drift.as_ref().is_some_and(|drift| drift.enabled) {
        spec.options.correct_drift.clone_from(&from.correct_drift);
    }
}

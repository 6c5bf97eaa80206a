//! Which Bundle goes to which cluster, with which options, and what has to be rendered for that.

use super::event::{Labels, Uses};
use super::snapshot::{BundleState, ClusterState, Placement, Render, RenderResult, Snapshot, Variant, subtract};
use super::{Copied, Dirty, RenderInput, copies, index};
use crate::target::{self, GroupView, Resolution};
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::BundleDeploymentOptions;
use fleet_api::wire::{ApiVersions, Facts, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The facts of a cluster that one render looks at; the others are left at their defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterFacts {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its annotations.
    pub annotations: Labels,
    /// `spec.templateValues`.
    pub template_values: Map<String, Value>,
    /// The version of its API server.
    pub kubernetes_version: String,
    /// What its API server serves; its digest stands for it in the name of an input.
    #[serde(serialize_with = "by_digest")]
    pub api_versions: ApiVersions,
    /// What chance and the present are derived from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chance: Option<ChanceFacts>,
}

/// What makes chance and the present of a render, together with a secret that only the shell has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChanceFacts {
    /// UID of the cluster's `kube-system` namespace: a cluster that is installed anew gets other secrets. Empty before it
    /// is enrolled.
    pub cluster_uid: String,
    /// When the Bundle was rendered for the cluster first; none before it is enrolled.
    pub since: Option<Timestamp>,
}

fn by_digest<S: serde::Serializer>(versions: &ApiVersions, serializer: S) -> Result<S::Ok, S::Error> {
    versions.digest().serialize(serializer)
}

impl ClusterFacts {
    fn of(uses: Uses, bundle: &Ref, cluster: &ClusterState) -> Self {
        let resource = cluster.resource.as_ref();
        let none = Facts::default();
        let facts = cluster.memory.as_ref().map_or(&none, |memory| &memory.report.facts);
        let mut used = Self::default();
        if uses.name {
            used.namespace.clone_from(&cluster.view.namespace);
            used.name.clone_from(&cluster.view.name);
        }
        if uses.labels {
            used.labels.clone_from(&cluster.view.labels);
        }
        if uses.annotations {
            used.annotations = resource.map(|resource| resource.annotations.clone()).unwrap_or_default();
        }
        if uses.template_values {
            used.template_values =
                resource.and_then(|resource| resource.spec.template_values.clone()).unwrap_or_default();
        }
        if uses.kubernetes_version {
            used.kubernetes_version.clone_from(&facts.kubernetes_version);
        }
        if uses.api_versions {
            used.api_versions.clone_from(&facts.api_versions);
        }
        if uses.chance {
            let memory = cluster.memory.as_ref();
            used.chance = Some(ChanceFacts {
                cluster_uid: memory.map(|memory| memory.enrollment.kube_system_uid.clone()).unwrap_or_default(),
                since: memory.and_then(|memory| memory.first_renders.get(bundle)).copied(),
            });
        }
        used
    }
}

/// Places a Bundle in all clusters again.
pub(super) fn place_bundle(snapshot: &mut Snapshot, renderer: &str, name: &Ref, now: Timestamp, dirty: &mut Dirty) {
    let Some(mut bundle) = snapshot.bundles.remove(name) else { return };
    bundle.invalid = target::validate(&bundle.record.spec).err().map(|error| {
        Note::new(Reason::InvalidSelector, format!("Bundle {name}: {error}; it stays where it is"))
            .in_file(bundle.record.directory.clone())
    });
    bundle.variants.clear();
    let copies = copies::of(snapshot, name, &bundle.record.spec.options);
    // It stays where it is, and what the index knows of it stays, too.
    if bundle.invalid.is_none() {
        let groups = snapshot.group_views();
        let mut clusters = match snapshot.index.bundle(name, index::wants(&bundle.record.spec)) {
            Some(clusters) => clusters,
            None => snapshot.clusters.keys().cloned().collect(),
        };
        clusters.extend(bundle.placements.keys().cloned());
        for cluster in clusters {
            place(snapshot, (renderer, now), (name, &mut bundle), &cluster, &groups, dirty);
        }
    }
    probe(&mut snapshot.renders, renderer, (name, &mut bundle), copies, dirty);
    dirty.bundle_status.insert(name.clone());
    snapshot.bundles.insert(name.clone(), bundle);
}

/// A Bundle that goes nowhere is rendered once, as it would be without customizations: its errors are told on the
/// GitRepo before a cluster is labelled.
fn probe(
    renders: &mut BTreeMap<Digest, Render>,
    renderer: &str,
    (name, bundle): (&Ref, &mut BundleState),
    copies: Vec<Copied>,
    dirty: &mut Dirty,
) {
    let old = bundle.probe.take();
    if let Some(render) = old.and_then(|key| renders.get_mut(&key)) {
        render.probe = false;
    }
    if !is_probed(bundle) {
        return;
    }
    let variant = variant(&mut bundle.variants, bundle.record.spec.options.clone());
    let input = input((renderer, copies), name, bundle, &variant, ClusterFacts::default());
    let key = input.key();
    let render = renders.entry(key).or_insert_with(|| Render::new(name));
    if !render.is_wanted() && render.result == RenderResult::Pending {
        dirty.render.insert(key, input);
    }
    render.probe = true;
    bundle.probe = Some(key);
}

fn is_probed(bundle: &BundleState) -> bool {
    bundle.placements.is_empty() && bundle.invalid.is_none() && bundle.record.uses == Uses::default()
}

fn input(
    (renderer, copies): (&str, Vec<Copied>),
    name: &Ref,
    bundle: &BundleState,
    variant: &Variant,
    facts: ClusterFacts,
) -> RenderInput {
    RenderInput {
        bundle: name.clone(),
        id: bundle.record.id,
        directory: bundle.record.directory.clone(),
        tree: bundle.record.tree,
        options: Arc::clone(&variant.options),
        options_digest: variant.digest,
        facts,
        renderer: renderer.to_owned(),
        copies,
    }
}

/// Places in one cluster again what it has, and what may go there.
pub(super) fn place_cluster(snapshot: &mut Snapshot, renderer: &str, cluster: &Ref, now: Timestamp, dirty: &mut Dirty) {
    let Some(state) = snapshot.clusters.get(cluster) else { return };
    let mut names = snapshot.index.cluster(cluster, index::has(&state.view, state.claims()));
    names.extend(state.bundles.iter().chain(state.near_misses.keys()).cloned());
    let groups = snapshot.group_views();
    for name in names {
        if let Some(mut bundle) = snapshot.bundles.remove(&name) {
            place(snapshot, (renderer, now), (&name, &mut bundle), cluster, &groups, dirty);
            // What was wrong where it went nowhere would be told beside what is wrong where it goes.
            if is_probed(&bundle) != bundle.probe.is_some() {
                let copies = copies::of(snapshot, &name, &bundle.record.spec.options);
                probe(&mut snapshot.renders, renderer, (&name, &mut bundle), copies, dirty);
                dirty.bundle_status.insert(name.clone());
            }
            snapshot.bundles.insert(name, bundle);
        }
    }
}

fn place(
    snapshot: &mut Snapshot,
    (renderer, now): (&str, Timestamp),
    (name, bundle): (&Ref, &mut BundleState),
    cluster_name: &Ref,
    groups: &[GroupView],
    dirty: &mut Dirty,
) {
    if bundle.invalid.is_some() {
        // Which clusters are meant is not known: what is there stays.
        return;
    }
    let resolution =
        snapshot.clusters.get(cluster_name).and_then(|cluster| resolve(snapshot, (name, bundle), cluster, groups));
    let copies = copies_of(snapshot, name, resolution.as_ref());
    let near_miss = match (&resolution, snapshot.clusters.get(cluster_name)) {
        (Some(Resolution::Skip(note)), Some(cluster)) if note.reason == Reason::NotTargeted => {
            claimed(bundle, cluster, name, groups)
        }
        _ => None,
    };
    let Some(cluster) = snapshot.clusters.get_mut(cluster_name) else {
        unplace(&mut snapshot.renders, bundle, cluster_name);
        return;
    };
    if tell_near_miss(cluster, name, near_miss) {
        dirty.cluster_status.insert(cluster_name.clone());
    }
    let Some(Resolution::Deploy(matched)) = resolution else {
        cluster.bundles.remove(name);
        if unplace(&mut snapshot.renders, bundle, cluster_name) {
            dirty.desired.insert(cluster_name.clone());
            dirty.bundle_status.insert(name.clone());
        }
        return;
    };
    cluster.bundles.insert(name.clone());
    if bundle.record.uses.chance && remember_first_render(cluster, name, now) {
        dirty.memory.insert(cluster_name.clone());
    }
    let issued = issued(cluster, name);
    let variant = variant(&mut bundle.variants, matched.options);
    let alone = bundle.record.uses == Uses::default();
    let mut made = None;
    let key = match variant.key.filter(|_| alone) {
        Some(key) => key,
        None => {
            let facts = ClusterFacts::of(bundle.record.uses, name, cluster);
            let input = input((renderer, copies.clone()), name, bundle, &variant, facts);
            let key = input.key();
            if alone && let Some(known) = bundle.variants.iter_mut().find(|known| known.digest == variant.digest) {
                known.key = Some(key);
            }
            made = Some(input);
            key
        }
    };
    let unchanged = bundle.placements.get(cluster_name).is_some_and(|old| old.input == key);
    if unchanged {
        dirty.plan.insert((name.clone(), cluster_name.clone()));
        return;
    }
    let old = bundle.placements.get(cluster_name).and_then(|old| old.allowed);
    let counted = bundle.placements.get(cluster_name).and_then(|old| old.counted.clone());
    forget(&mut snapshot.renders, bundle.placements.get(cluster_name), cluster_name);
    let render = snapshot.renders.entry(key).or_insert_with(|| Render::new(name));
    let first = !render.is_wanted() && render.result == RenderResult::Pending;
    render.bundle.clone_from(name);
    render.wanted_by.insert(cluster_name.clone());
    if first {
        let uses = bundle.record.uses;
        let of_now = || ClusterFacts::of(uses, name, cluster);
        let input = made.unwrap_or_else(|| input((renderer, copies), name, bundle, &variant, of_now()));
        dirty.render.insert(key, input);
    }
    bundle.placements.insert(
        cluster_name.clone(),
        Placement {
            options: variant.options,
            input: key,
            allowed: old.or(issued),
            staged: None,
            notes: Vec::new(),
            is_rendered: false,
            counted,
        },
    );
    dirty.plan.insert((name.clone(), cluster_name.clone()));
}

fn copies_of(snapshot: &Snapshot, bundle: &Ref, resolution: Option<&Resolution>) -> Vec<Copied> {
    match resolution {
        Some(Resolution::Deploy(matched)) => copies::of(snapshot, bundle, &matched.options),
        Some(Resolution::Skip(_)) | None => Vec::new(),
    }
}

/// True where it was not known.
fn tell_near_miss(cluster: &mut ClusterState, bundle: &Ref, near_miss: Option<Note>) -> bool {
    let is_new = cluster.near_misses.get(bundle) != near_miss.as_ref();
    match near_miss {
        Some(note) => cluster.near_misses.insert(bundle.clone(), note),
        None => cluster.near_misses.remove(bundle),
    };
    is_new
}

/// True where there was none.
fn remember_first_render(cluster: &mut ClusterState, bundle: &Ref, now: Timestamp) -> bool {
    let Some(memory) = &mut cluster.memory else { return false };
    if memory.first_renders.contains_key(bundle) {
        return false;
    }
    memory.first_renders.insert(bundle.clone(), super::whole_seconds(now));
    true
}

fn resolve(
    snapshot: &Snapshot,
    (name, bundle): (&Ref, &BundleState),
    cluster: &ClusterState,
    groups: &[GroupView],
) -> Option<Resolution> {
    cluster.resource.as_ref()?;
    let record = &bundle.record;
    if name.namespace.as_str() != cluster.view.namespace {
        let mappings: Vec<_> = snapshot.mappings.values().cloned().collect();
        let key = (name.namespace.as_str(), &record.labels);
        if !target::reaches(key, &cluster.view.namespace, &mappings, &snapshot.namespaces) {
            return None;
        }
    }
    let groups = target::groups_of(&cluster.view, groups);
    Some(target::resolve(&record.spec, &cluster.view, &groups))
}

/// Whether a target would match if what the agent claims were granted.
fn claimed(bundle: &BundleState, cluster: &ClusterState, name: &Ref, groups: &[GroupView]) -> Option<Note> {
    if cluster.claims().is_empty() {
        return None;
    }
    let mut view = cluster.view.clone();
    view.labels.extend(cluster.claims().iter().map(|(key, value)| (key.clone(), value.clone())));
    let groups = target::groups_of(&view, groups);
    match target::resolve(&bundle.record.spec, &view, &groups) {
        Resolution::Deploy(matched) => {
            let claims: Vec<String> = cluster.claims().iter().map(|(key, value)| format!("{key}={value}")).collect();
            let message = format!(
                "Bundle {name} would go to cluster {}/{} (target `{}`) if its labels were granted; the agent only claims {}",
                view.namespace,
                view.name,
                matched.target,
                claims.join(", ")
            );
            Some(Note::new(Reason::ClaimedLabel, message))
        }
        Resolution::Skip(_) => None,
    }
}

/// What the newest Desired of a cluster says of a Bundle: after a start of the hub, the last good state.
fn issued(cluster: &ClusterState, bundle: &Ref) -> Option<Digest> {
    let desired = cluster.memory.as_ref()?.desired.as_ref()?;
    desired.deployments.iter().find(|deployment| deployment.bundle == *bundle).map(|deployment| deployment.deployment)
}

fn variant(variants: &mut Vec<Variant>, options: BundleDeploymentOptions) -> Variant {
    if let Some(known) = variants.iter().find(|known| *known.options == options) {
        return known.clone();
    }
    let digest = Digest::of_json(&options).unwrap_or_else(|_| Digest::of(b""));
    let variant = Variant { options: Arc::new(options), digest, key: None };
    variants.push(variant.clone());
    variant
}

/// The Bundle goes to the cluster no longer; true where it did.
pub(super) fn unplace(renders: &mut BTreeMap<Digest, Render>, bundle: &mut BundleState, cluster: &Ref) -> bool {
    let old = bundle.placements.remove(cluster);
    if let Some((state, counts)) = old.as_ref().and_then(|old| old.counted.as_ref()) {
        bundle.counts.remove(*state);
        subtract(&mut bundle.resources, counts);
    }
    bundle.non_ready.remove(cluster);
    forget(renders, old.as_ref(), cluster);
    old.is_some()
}

fn forget(renders: &mut BTreeMap<Digest, Render>, placement: Option<&Placement>, cluster: &Ref) {
    let Some(placement) = placement else { return };
    if let Some(render) = renders.get_mut(&placement.input) {
        render.wanted_by.remove(cluster);
    }
}

//! Why something is not as it should be: every wait, refusal, failure and drift of an object and of all below it, each
//! with its remedy. Data for `skiff explain` and the page; the words come from [`Note`] and [`Reason`].

use super::status::ApiError;
use super::{UserApi, read};
use crate::core::{HeldInCluster, Subject};
use crate::store::{Kind, Resources};
use fleet_api::labels::REPO_NAME_LABEL;
use fleet_api::names::Ref;
use fleet_api::reason::Severity;
use fleet_api::v1alpha1::{
    Bundle, BundleDeployment, Cluster, ClusterGroup, Condition, GitRepo, LabelSelector, ModifiedStatus, NonReadyStatus,
};
use fleet_api::{Note, ObjectKey, Reason};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All there is to say of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Its kind.
    pub kind: String,
    /// `namespace/name`.
    pub name: String,
    /// Its state in words.
    pub state: String,
    /// What is to be told, the most pressing first.
    pub entries: Vec<Entry>,
    /// What waits for approval.
    pub held: Vec<Held>,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// How pressing it is.
    pub severity: Severity,
    /// The kind of the object of the hub that says it.
    pub kind: String,
    /// Its name, `namespace/name`.
    pub name: String,
    /// The cluster that it is about, `namespace/name`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// The Bundle that it is about, `namespace/name`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bundle: String,
    /// Further clusters that it is about.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub clusters: BTreeSet<String>,
    /// Further Bundles that it is about.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub bundles: BTreeSet<String>,
    /// The reason, the object, the file, the words.
    pub note: Note,
    /// What to do.
    pub remedy: String,
}

impl Entry {
    /// Takes in what another one, with the same note, says of where it applies.
    fn also(&mut self, other: Self) {
        let merge = |one: &mut String, more: &mut BTreeSet<String>, other: String| {
            if one.is_empty() {
                *one = other;
            } else if !other.is_empty() && other != *one {
                more.insert(other);
            }
        };
        merge(&mut self.cluster, &mut self.clusters, other.cluster);
        merge(&mut self.bundle, &mut self.bundles, other.bundle);
    }
}

/// Says each thing once: a GitRepo, its Bundles and their clusters tell of the same.
fn once(entries: Vec<Entry>) -> Vec<Entry> {
    let mut told: Vec<Entry> = Vec::new();
    let mut places: BTreeMap<Note, usize> = BTreeMap::new();
    for entry in entries {
        match places.get(&entry.note) {
            Some(place) => told[*place].also(entry),
            None => {
                places.insert(entry.note.clone(), told.len());
                told.push(entry);
            }
        }
    }
    told
}

/// The deletions that wait in one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// The cluster, `namespace/name`.
    pub cluster: String,
    /// The objects, and of which Bundle.
    pub objects: Vec<String>,
    /// Why, in words.
    pub message: String,
    /// What to type.
    pub remedy: String,
}

/// What is looked at.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) gitrepos: Vec<GitRepo>,
    pub(super) bundles: Vec<Bundle>,
    pub(super) clusters: Vec<Cluster>,
    pub(super) groups: Vec<ClusterGroup>,
    pub(super) deployments: Vec<BundleDeployment>,
}

/// Gathers what is needed, and explains.
pub(super) async fn serve(api: &UserApi, kind: Kind, namespace: &str, name: &str) -> Result<Explanation, ApiError> {
    let subject = Ref::new(namespace, name).map_err(|error| ApiError::bad_request(error.to_string()))?;
    if read::find(api, kind, namespace, name).await.is_none() {
        return Err(ApiError::not_found(kind, name));
    }
    let world = gather(&api.resources, api.actions.deployments(None).await)?;
    let mut explanation = explain(&world, kind, &subject);
    let held_of = match kind {
        Kind::Cluster => Some(Subject::Cluster(subject)),
        Kind::Bundle => Some(Subject::Bundle(subject)),
        Kind::GitRepo => Some(Subject::GitRepo(subject)),
        _ => None,
    };
    if let Some(subject) = held_of {
        explanation.held = api.actions.held(&subject).await?.iter().map(held).collect();
        let is_listed = |entry: &Entry| explanation.held.iter().any(|held| held.message == entry.note.message);
        explanation.entries.retain(|entry| !is_listed(entry));
    }
    Ok(explanation)
}

fn gather(resources: &Resources, deployments: Vec<BundleDeployment>) -> Result<World, ApiError> {
    Ok(World {
        gitrepos: resources.list(None)?,
        bundles: resources.list(None)?,
        clusters: resources.list(None)?,
        groups: resources.list(None)?,
        deployments,
    })
}

fn held(list: &HeldInCluster) -> Held {
    Held {
        cluster: list.cluster.to_string(),
        objects: list.held.objects.iter().map(|object| format!("{} (bundle {})", object.key, object.bundle)).collect(),
        message: list.held.note.message.clone(),
        remedy: format!(
            "look at the list, then `skiff approve cluster {} -n {}`",
            list.cluster.name, list.cluster.namespace
        ),
    }
}

/// The decision: what is to be told of `subject`.
pub(super) fn explain(world: &World, kind: Kind, subject: &Ref) -> Explanation {
    let mut telling = Telling { entries: Vec::new(), state: String::new() };
    match kind {
        Kind::GitRepo => telling.gitrepo(world, subject),
        Kind::Bundle => telling.bundle(world, subject),
        Kind::Cluster => telling.cluster(world, subject),
        Kind::ClusterGroup => telling.group(world, subject),
        Kind::BundleDeployment => telling.deployments(world, |deployment| is(&deployment.metadata, subject)),
        Kind::BundleNamespaceMapping | Kind::Secret | Kind::ConfigMap | Kind::Namespace => {}
    }
    let Telling { mut entries, state } = telling;
    entries.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| (&a.cluster, &a.name).cmp(&(&b.cluster, &b.name))));
    let entries = once(entries);
    Explanation {
        kind: kind.as_str().to_owned(),
        name: subject.to_string(),
        state: if state.is_empty() { "Ready".into() } else { state },
        entries,
        held: Vec::new(),
    }
}

type Meta = fleet_api::v1alpha1::ObjectMeta;

fn is(metadata: &Meta, subject: &Ref) -> bool {
    metadata.namespace.as_deref() == Some(subject.namespace.as_str())
        && metadata.name.as_deref() == Some(subject.name.as_str())
}

fn full_name(metadata: &Meta) -> String {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}", part(&metadata.namespace), part(&metadata.name))
}

struct Telling {
    entries: Vec<Entry>,
    state: String,
}

/// Who says something, and of what.
#[derive(Clone, Debug, Default)]
struct Speaker {
    kind: &'static str,
    name: String,
    cluster: String,
    bundle: String,
}

impl Telling {
    fn note(&mut self, speaker: &Speaker, note: Note) {
        self.entries.push(Entry {
            severity: note.reason.severity(),
            kind: speaker.kind.to_owned(),
            name: speaker.name.clone(),
            cluster: speaker.cluster.clone(),
            bundle: speaker.bundle.clone(),
            clusters: BTreeSet::new(),
            bundles: BTreeSet::new(),
            remedy: note.remedy().to_owned(),
            note,
        });
    }

    /// Notes and, where there are none, what the conditions say.
    fn status(&mut self, speaker: &Speaker, notes: &[Note], conditions: &[Condition]) {
        for note in notes {
            self.note(speaker, note.clone());
        }
        if !notes.is_empty() {
            return;
        }
        let bad = |condition: &&Condition| {
            let negative = matches!(condition.type_.as_str(), "Stalled" | "Reconciling");
            !condition.message.is_empty() && condition.status == if negative { "True" } else { "False" }
        };
        for condition in conditions.iter().filter(bad) {
            let named = Reason::ALL.iter().copied().find(|reason| reason.as_str() == condition.reason);
            let reason = named.unwrap_or(Reason::NotReady);
            self.note(speaker, Note::new(reason, format!("{}: {}", condition.type_, condition.message)));
        }
    }

    fn gitrepo(&mut self, world: &World, subject: &Ref) {
        let Some(repo) = world.gitrepos.iter().find(|repo| is(&repo.metadata, subject)) else { return };
        let speaker = Speaker { kind: "GitRepo", name: subject.to_string(), ..Speaker::default() };
        if let Some(status) = &repo.status {
            self.state = state_of(&status.display.state, &status.conditions);
            self.status(&speaker, &status.notes, &status.conditions);
        } else {
            self.state = "not read yet".into();
        }
        for cluster in world.clusters.iter().filter(|cluster| cluster.metadata.namespace == repo.metadata.namespace) {
            self.near_miss(repo, cluster);
        }
        for bundle in bundles_of(world, repo) {
            self.bundle_and_deployments(world, bundle);
        }
    }

    /// A label that would match if it were granted, and that the agent only claims.
    fn near_miss(&mut self, repo: &GitRepo, cluster: &Cluster) {
        let Some(status) = &cluster.status else { return };
        if status.claimed_labels.is_empty() {
            return;
        }
        let labels = cluster.metadata.labels.clone().unwrap_or_default();
        let mut granted = labels.clone();
        granted.extend(status.claimed_labels.clone());
        let matches = |selector: &LabelSelector, labels: &BTreeMap<String, String>| {
            skiff_planner::selector::validate(selector).is_ok() && skiff_planner::selector::matches(selector, labels)
        };
        let selectors = || repo.spec.targets.iter().filter_map(|target| target.cluster_selector.as_ref());
        if selectors().any(|selector| matches(selector, &labels)) {
            return;
        }
        if !selectors().any(|selector| matches(selector, &granted)) {
            return;
        }
        let claims: Vec<_> = status.claimed_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let (claims, cluster_name, repo_name) =
            (claims.join(","), full_name(&cluster.metadata), full_name(&repo.metadata));
        let message = format!(
            "gitrepo {repo_name} would match cluster {cluster_name} if {claims} were granted; its agent only claims it"
        );
        let name = cluster.metadata.name.clone().unwrap_or_default();
        let remedy = format!("`skiff label cluster {name} {}`", claims.replace(',', " "));
        let speaker =
            Speaker { kind: "Cluster", name: cluster_name.clone(), cluster: cluster_name, ..Speaker::default() };
        self.note(&speaker, Note::new(Reason::ClaimedLabel, message).with_remedy(remedy));
    }

    fn bundle(&mut self, world: &World, subject: &Ref) {
        let Some(bundle) = world.bundles.iter().find(|bundle| is(&bundle.metadata, subject)) else { return };
        if let Some(status) = &bundle.status {
            self.state = state_of(&status.display.state, &status.conditions);
        }
        self.bundle_and_deployments(world, bundle);
    }

    fn bundle_and_deployments(&mut self, world: &World, bundle: &Bundle) {
        let name = full_name(&bundle.metadata);
        let speaker = Speaker { kind: "Bundle", name: name.clone(), bundle: name.clone(), ..Speaker::default() };
        let below = world.deployments.iter().any(|deployment| deployment.spec.bundle == name);
        if let Some(status) = &bundle.status {
            // What its Deployments say below is not said twice.
            let conditions = if below { &[][..] } else { status.conditions.as_slice() };
            self.status(&speaker, &status.notes, conditions);
        }
        self.each_deployment(world, |deployment| deployment.spec.bundle == name);
    }

    fn cluster(&mut self, world: &World, subject: &Ref) {
        let Some(cluster) = world.clusters.iter().find(|cluster| is(&cluster.metadata, subject)) else { return };
        let name = subject.to_string();
        let speaker = Speaker { kind: "Cluster", name: name.clone(), cluster: name.clone(), ..Speaker::default() };
        let below = world.deployments.iter().any(|deployment| deployment.spec.cluster == name);
        match &cluster.status {
            Some(status) => {
                self.state = state_of(&status.display.state, &status.conditions);
                let conditions = if below { &[][..] } else { status.conditions.as_slice() };
                self.status(&speaker, &status.notes, conditions);
            }
            None => self.state = "not heard of yet".into(),
        }
        for repo in world.gitrepos.iter().filter(|repo| repo.metadata.namespace == cluster.metadata.namespace) {
            self.near_miss(repo, cluster);
        }
        self.each_deployment(world, |deployment| deployment.spec.cluster == name);
    }

    fn group(&mut self, world: &World, subject: &Ref) {
        let Some(group) = world.groups.iter().find(|group| is(&group.metadata, subject)) else { return };
        let Some(selector) = &group.spec.selector else { return };
        for cluster in world.clusters.iter().filter(|cluster| cluster.metadata.namespace == group.metadata.namespace) {
            let labels = cluster.metadata.labels.clone().unwrap_or_default();
            let name = cluster.metadata.name.as_deref().unwrap_or_default();
            if skiff_planner::selector::matches(selector, &labels)
                && let Ok(cluster) = Ref::new(subject.namespace.as_str(), name)
            {
                self.cluster(world, &cluster);
            }
        }
        let display = group.status.as_ref().map(|status| status.display.state.clone());
        self.state = display.unwrap_or_default();
    }

    fn deployments(&mut self, world: &World, wanted: impl Fn(&BundleDeployment) -> bool) {
        if let Some(deployment) = world.deployments.iter().find(|deployment| wanted(deployment))
            && let Some(status) = &deployment.status
        {
            self.state = state_of(&status.display.state, &status.conditions);
        }
        self.each_deployment(world, wanted);
    }

    fn each_deployment(&mut self, world: &World, wanted: impl Fn(&BundleDeployment) -> bool) {
        for deployment in world.deployments.iter().filter(|deployment| wanted(deployment)) {
            let Some(status) = &deployment.status else { continue };
            let speaker = Speaker {
                kind: "BundleDeployment",
                name: full_name(&deployment.metadata),
                cluster: deployment.spec.cluster.clone(),
                bundle: deployment.spec.bundle.clone(),
            };
            let objects = !status.non_ready_status.is_empty() || !status.modified_status.is_empty();
            let conditions = if objects { &[][..] } else { status.conditions.as_slice() };
            self.status(&speaker, &status.notes, conditions);
            let told = |key: &ObjectKey| status.notes.iter().any(|note| note.object.as_ref() == Some(key));
            for object in &status.non_ready_status {
                let (key, note) = not_ready(object);
                if !told(&key) {
                    self.note(&speaker, note);
                }
            }
            for object in &status.modified_status {
                let (key, note) = modified(object);
                if !told(&key) {
                    self.note(&speaker, note);
                }
            }
        }
    }
}

fn state_of(state: &str, conditions: &[Condition]) -> String {
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
    match (state, ready) {
        ("", Some(ready)) if ready.status != "True" => "NotReady".into(),
        (state, _) => state.to_owned(),
    }
}

fn bundles_of<'a>(world: &'a World, repo: &'a GitRepo) -> impl Iterator<Item = &'a Bundle> {
    world.bundles.iter().filter(|bundle| {
        let label = bundle.metadata.labels.as_ref().and_then(|labels| labels.get(REPO_NAME_LABEL));
        bundle.metadata.namespace == repo.metadata.namespace && label == repo.metadata.name.as_ref()
    })
}

fn key(kind: &str, api_version: &str, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey::new(fleet_api::key::group_of(api_version), kind, namespace, name)
}

fn not_ready(object: &NonReadyStatus) -> (ObjectKey, Note) {
    let key = key(&object.kind, &object.api_version, &object.namespace, &object.name);
    let why = if object.message.is_empty() { &object.state } else { &object.message };
    let note = Note::new(Reason::NotReady, format!("{key} is not healthy: {why}")).about(key.clone());
    (key, note)
}

fn modified(object: &ModifiedStatus) -> (ObjectKey, Note) {
    let key = key(&object.kind, &object.api_version, &object.namespace, &object.name);
    let (reason, message) = if object.missing {
        (Reason::ObjectMissing, format!("{key} is gone"))
    } else if object.exist {
        (Reason::OwnedByOther, format!("{key} exists and somebody else owns it"))
    } else {
        (Reason::FieldModified, format!("{key} was changed: {}", object.patch))
    };
    let note = Note::new(reason, message).about(key.clone());
    (key, note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_say_is_told_once_with_all_places() {
        let entry = |kind: &str, cluster: &str, bundle: &str, message: &str| Entry {
            severity: Severity::Failed,
            kind: kind.into(),
            name: String::new(),
            cluster: cluster.into(),
            bundle: bundle.into(),
            clusters: BTreeSet::new(),
            bundles: BTreeSet::new(),
            note: Note::new(Reason::RenderFailed, message),
            remedy: String::new(),
        };
        let told = once(vec![
            entry("GitRepo", "", "", "a.yaml:1: broken"),
            entry("Bundle", "", "f/web", "a.yaml:1: broken"),
            entry("Bundle", "", "f/web", "another"),
            entry("BundleDeployment", "f/one", "f/web", "a.yaml:1: broken"),
            entry("BundleDeployment", "f/two", "f/web", "a.yaml:1: broken"),
            entry("Cluster", "f/one", "", "a.yaml:1: broken"),
        ]);
        assert_eq!(told.len(), 2);
        assert_eq!((told[0].cluster.as_str(), told[0].bundle.as_str()), ("f/one", "f/web"));
        assert!(told[0].clusters.iter().eq(["f/two"]) && told[0].bundles.is_empty(), "{told:?}");
        assert_eq!(told[1].note.message, "another");
    }
}

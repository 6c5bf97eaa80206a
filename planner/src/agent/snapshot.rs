//! Everything that the machine knows. Written by [`Machine::observe`](super::Machine::observe), read by the plans.
//!
//! Invariant: of live objects only digests and short summaries are kept; never a value.

use super::backoff::Tries;
use super::hooks::Ended;
use super::ledger::Ledger;
use super::rules::Rules;
use super::sources::Rendering;
use fleet_api::key::order;
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{Deployment, DeploymentObject, Desired, DesiredDeployment, Tombstone, Version};
use fleet_api::{Digest, Note, ObjectKey, Reason};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// A group and a kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupKind {
    /// The group; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
}

impl GroupKind {
    /// That of an object.
    pub fn of(key: &ObjectKey) -> Self {
        Self { group: key.group.clone(), kind: key.kind.clone() }
    }
}

impl PartialOrd for GroupKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GroupKind {
    fn cmp(&self, other: &Self) -> Ordering {
        order_of(self.parts(), other.parts())
    }
}

fn order_of(a: (&str, &str), b: (&str, &str)) -> Ordering {
    order(a.0, b.0).then_with(|| order(a.1, b.1))
}

/// A group and a kind that are looked up without being copied.
pub(super) trait GroupKindRef {
    fn parts(&self) -> (&str, &str);
}

impl GroupKindRef for GroupKind {
    fn parts(&self) -> (&str, &str) {
        (&self.group, &self.kind)
    }
}

impl GroupKindRef for ObjectKey {
    fn parts(&self) -> (&str, &str) {
        (&self.group, &self.kind)
    }
}

// The order is that of `GroupKind`, as `Borrow` asks for.
impl PartialEq for dyn GroupKindRef + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for dyn GroupKindRef + '_ {}

impl PartialOrd for dyn GroupKindRef + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn GroupKindRef + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        order_of(self.parts(), other.parts())
    }
}

impl<'a> Borrow<dyn GroupKindRef + 'a> for GroupKind {
    fn borrow(&self) -> &(dyn GroupKindRef + 'a) {
        self
    }
}

/// How the API server serves a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// The resource in the path.
    pub plural: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// The versions that are served, the preferred one first.
    pub versions: Vec<String>,
}

/// What is kept of an object in the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// `metadata.uid`.
    pub uid: Box<str>,
    /// `metadata.resourceVersion`.
    pub resource_version: Box<str>,
    /// Value of the label [`OWNER_LABEL`](fleet_api::labels::OWNER_LABEL).
    pub owner: Option<Box<str>>,
    /// Value of the annotation [`DEPLOYMENT_ANNOTATION`](fleet_api::labels::DEPLOYMENT_ANNOTATION).
    pub deployment: Option<Box<str>>,
    /// A manager other than us that has fields outside of `status`.
    pub other_manager: Option<Box<str>>,
    /// It has managers, and all of them are us.
    pub only_ours: bool,
    /// Digest of the fields that we own by apply.
    pub fields: Option<Digest>,
    /// Fields of our content that we no longer own and that have another value; filled in where `fields` is not what
    /// the ledger says. At most [`LIVE_LIST_CAP`].
    pub lost: Vec<Strayed>,
    /// Keys of data, labels and annotations that others added. At most [`LIVE_LIST_CAP`].
    pub added: Vec<Strayed>,
    /// The controller that owns `spec.replicas`.
    pub replicas_owner: Option<Box<str>>,
    /// `helm.sh/resource-policy: keep`.
    pub keep: bool,
    /// The finalizers, where it is being deleted.
    pub deleting: Option<Vec<Box<str>>>,
    /// Why it is not healthy; `None` where it is.
    pub unhealthy: Option<Box<Unhealthy>>,
    /// It says `helm.sh/hook`.
    pub is_hook: bool,
    /// How it has ended, where it is a Job or a Pod that has.
    pub ended: Option<Box<Ended>>,
}

/// How many entries the lists of a [`Live`] have at most.
pub const LIVE_LIST_CAP: usize = 20;

/// An object that is not healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unhealthy {
    /// `in-progress`, `failed`, …
    pub state: Box<str>,
    /// Why.
    pub message: Box<str>,
}

/// A field that is not as we left it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strayed {
    /// JSON pointer in our content (`lost`) or in the object (`added`).
    pub pointer: Box<str>,
    /// Who owns it now; empty where nobody does.
    pub manager: Box<str>,
}

impl Strayed {
    /// Whether a person's client did it.
    pub fn by_person(&self) -> bool {
        self.manager.starts_with("kubectl")
    }
}

impl Live {
    /// Whether label and annotation say that `bundle` in `cluster` put it there.
    pub fn is_marked(&self, cluster: &ClusterUid, bundle: &Ref) -> bool {
        self.is_watched(cluster)
            && self.deployment.as_deref().and_then(|text| text.split_once('/'))
                == Some((bundle.namespace.as_str(), bundle.name.as_str()))
    }

    /// Whether a watch tells what becomes of it: it carries our label.
    pub fn is_watched(&self, cluster: &ClusterUid) -> bool {
        self.owner.as_deref() == Some(cluster.as_str())
    }

    /// Whether we made it without marks (a release namespace), and nobody else has touched it.
    pub const fn is_ours_alone(&self) -> bool {
        self.only_ours && self.owner.is_none() && self.deployment.is_none()
    }
}

/// A failure of an action on one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub tries: Tries,
    pub content: Option<Digest>,
    pub reason: Reason,
    pub message: String,
}

/// The state of fetching.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetching {
    pub in_flight: BTreeSet<Digest>,
    pub tries: Option<Tries>,
    pub refused: BTreeSet<Digest>,
    pub problem: Option<Note>,
}

/// The accepted Desired, by Bundle.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub desired: Desired,
    pub digest: Digest,
}

impl Accepted {
    pub(super) fn deployment(&self, bundle: &Ref) -> Option<&DesiredDeployment> {
        let list = &self.desired.deployments;
        list.iter().find(|deployment| deployment.bundle == *bundle)
    }

    pub(super) fn tombstone(&self, bundle: &Ref) -> Option<&Tombstone> {
        self.desired.tombstones.iter().find(|tombstone| tombstone.bundle == *bundle)
    }
}

/// All that the machine knows.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub rules: Rules,
    pub cluster: ClusterUid,
    pub mark: Version,
    pub desired: Option<Accepted>,
    /// Accepted and not persisted yet.
    pub pending: Option<Accepted>,
    pub rejected: Option<Note>,
    /// The Deployments that are read and understood; whatever is not here may say anything.
    pub docs: BTreeMap<Digest, Deployment>,
    /// Those that this agent does not understand, and why (R10).
    pub unread: BTreeMap<Digest, Note>,
    /// How far Deployments with sources are.
    pub renderings: BTreeMap<Digest, Rendering>,
    pub blobs: BTreeSet<Digest>,
    pub fetching: Fetching,
    pub ledger: Ledger,
    pub live: BTreeMap<ObjectKey, Option<Box<Live>>>,
    pub kinds: BTreeMap<GroupKind, Option<KindInfo>>,
    /// Groups that the API server could not be asked for, and why.
    pub unreadable: BTreeMap<String, String>,
    pub listed: BTreeSet<GroupKind>,
    pub attempts: BTreeMap<ObjectKey, Attempt>,
    pub repairs: BTreeMap<ObjectKey, Tries>,
    pub told: BTreeMap<ObjectKey, Note>,
    pub in_flight: BTreeSet<ObjectKey>,
    /// What was known of an object when a write to it began: a watch may show the outcome before the answer comes.
    pub written_over: BTreeMap<ObjectKey, Option<Box<Live>>>,
    /// What a watch said is gone while a write to it was under way: the answer may be from before that.
    pub doubted: BTreeSet<ObjectKey>,
    pub fresh_namespaces: BTreeSet<String>,
    pub fenced: bool,
    /// Which Bundles of the Desired claim a key.
    pub claims: BTreeMap<ObjectKey, Vec<Ref>>,
}

impl Snapshot {
    pub(super) fn new(rules: Rules, cluster: ClusterUid, ledger: Ledger) -> Self {
        Self {
            rules,
            cluster,
            mark: Version::default(),
            desired: None,
            pending: None,
            rejected: None,
            docs: BTreeMap::new(),
            unread: BTreeMap::new(),
            renderings: BTreeMap::new(),
            blobs: BTreeSet::new(),
            fetching: Fetching::default(),
            ledger,
            live: BTreeMap::new(),
            kinds: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            listed: BTreeSet::new(),
            attempts: BTreeMap::new(),
            repairs: BTreeMap::new(),
            told: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            written_over: BTreeMap::new(),
            doubted: BTreeSet::new(),
            fresh_namespaces: BTreeSet::new(),
            fenced: false,
            claims: BTreeMap::new(),
        }
    }

    /// How a kind is served: `None` where nobody has asked yet.
    pub(super) fn kind(&self, key: &ObjectKey) -> Option<Option<&KindInfo>> {
        self.kinds.get(key as &dyn GroupKindRef).map(Option::as_ref)
    }

    pub(super) fn is_listed(&self, key: &ObjectKey) -> bool {
        self.listed.contains(key as &dyn GroupKindRef)
    }
}

/// What a manifest's object is called in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// So.
    Key(ObjectKey),
    /// Nobody has asked the API server yet.
    Unknown,
    /// The API server does not serve the kind at that version.
    NotServed,
    /// Cluster-scoped in a bundle that forces a namespace.
    ClusterScoped(ObjectKey),
}

/// Resolves the namespace of an object (`reference/fleet.md` §2: `namespace`, `defaultNamespace`).
pub(super) fn resolve(snapshot: &Snapshot, deployment: &Deployment, object: &DeploymentObject) -> Resolved {
    let Some(info) = snapshot.kind(&object.key) else { return Resolved::Unknown };
    let version = object.api_version.rsplit('/').next().unwrap_or_default();
    let Some(info) = info.filter(|info| info.versions.iter().any(|served| served == version)) else {
        return Resolved::NotServed;
    };
    if !info.namespaced {
        let key = object.key.in_namespace("");
        return if deployment.force_namespace { Resolved::ClusterScoped(key) } else { Resolved::Key(key) };
    }
    if deployment.force_namespace || object.key.namespace.is_empty() {
        return Resolved::Key(object.key.in_namespace(&deployment.release_namespace));
    }
    Resolved::Key(object.key.clone())
}

/// What a Deployment has, or may have, for many questions at once; see [`may_contain`].
#[derive(Debug)]
pub(super) struct Contents<'a> {
    /// Resolved.
    keys: BTreeSet<ObjectKey>,
    /// Group, kind and name of what is not.
    names: BTreeSet<(&'a str, &'a str, &'a str)>,
}

impl<'a> Contents<'a> {
    pub(super) fn of(snapshot: &Snapshot, deployment: &'a Deployment) -> Self {
        let mut contents = Self { keys: BTreeSet::new(), names: BTreeSet::new() };
        for object in &deployment.objects {
            match resolve(snapshot, deployment, object) {
                Resolved::Key(key) => _ = contents.keys.insert(key),
                Resolved::Unknown | Resolved::NotServed => _ = contents.names.insert(name_of(&object.key)),
                Resolved::ClusterScoped(_) => {}
            }
        }
        contents
    }

    pub(super) fn may_have(&self, key: &ObjectKey) -> bool {
        self.keys.contains(key) || self.names.contains(&name_of(key))
    }
}

fn name_of(key: &ObjectKey) -> (&str, &str, &str) {
    (&key.group, &key.kind, &key.name)
}

/// Whether `deployment` has, or may have, the object `key`: where the API server does not tell the scope of a kind, the
/// name alone counts (absent is not deleted).
pub(super) fn may_contain(snapshot: &Snapshot, deployment: &Deployment, key: &ObjectKey) -> bool {
    deployment.objects.iter().any(|object| {
        name_of(&object.key) == name_of(key)
            && match resolve(snapshot, deployment, object) {
                Resolved::Key(found) => found == *key,
                Resolved::Unknown | Resolved::NotServed => true,
                // It is an error in its Bundle, and none of its objects.
                Resolved::ClusterScoped(_) => false,
            }
    })
}

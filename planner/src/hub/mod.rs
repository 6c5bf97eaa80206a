//! The decisions of the hub: what goes to which cluster, and what is said of it.
//!
//! The shell (`skiff-hub`) feeds [`Event`]s and [`Sync`]s into a [`Machine`] and performs the [`Action`]s of each
//! [`Decision`]. Observing only changes the snapshot and marks what is dirty; deciding reads the full state of what is
//! dirty. Cost is O(changed). Invariants: absence never removes anything (R13, R14); a document that an agent may have
//! is accounted for (R3).

mod copies;
mod decide;
mod desired;
mod event;
mod index;
mod intake;
mod memory;
mod observe;
mod placement;
mod repository;
mod rollout;
mod rules;
mod session;
mod shelf;
mod snapshot;
mod statuses;
mod turn;
mod view;

pub use copies::{Copied, CopyState};
pub use event::*;
pub use memory::{EpochHold, GrantedApproval, Grave, Memory};
pub use placement::{ChanceFacts, ClusterFacts};
pub use repository::{RepositoryPlan, plan as plan_repository};
pub use rollout::Allowance;
pub use rules::{Rule, Rules};
pub use session::check_identity;
pub use shelf::{Shelf, Signed, Taken};
pub use statuses::{Kind, Status};
pub use turn::Turn;
pub use view::Subject;

use crate::status::StateCounts;
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::state::DeploymentState;
use fleet_api::v1alpha1::{BundleDeploymentOptions, Condition};
use fleet_api::wire::{Have, Timestamp};
use jiff::SignedDuration;
use serde::Serialize;
use snapshot::{BundleState, Snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long documents wait for renders that are under way, so that one commit makes one document.
const GATHER: SignedDuration = SignedDuration::from_millis(500);
/// How long statuses are gathered before they are written.
const STATUS_PERIOD: SignedDuration = SignedDuration::from_millis(400);

/// What the operator chose, as far as decisions depend on it.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a Desired holds (R9). A new one is made when half of it is over and the agent asks.
    pub desired_lifetime: SignedDuration,
    /// A cluster that was silent for longer is shown as Offline (R14: display only).
    pub offline_after: SignedDuration,
    /// The version of the renderer: another one renders everything again.
    pub renderer: String,
    /// The rules that hold: all of them, but in the simulator.
    pub rules: Rules,
}

/// Everything that a render depends on; clusters with equal inputs share one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RenderInput {
    /// The Bundle.
    pub bundle: Ref,
    /// Its content.
    pub id: Digest,
    /// Its directory, from the root of the repository; messages and sources name it.
    pub directory: String,
    /// Its files, a blob.
    #[serde(skip)]
    pub tree: Digest,
    /// The resolved options.
    #[serde(skip)]
    pub options: Arc<BundleDeploymentOptions>,
    /// Their digest.
    pub options_digest: Digest,
    /// What it looks at of the cluster.
    pub facts: ClusterFacts,
    /// The version of the renderer.
    pub renderer: String,
    /// What it takes along from the hub, in the order in which the options name it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<Copied>,
}

impl RenderInput {
    /// What names the input.
    pub fn key(&self) -> Digest {
        Digest::of_json(self).unwrap_or(self.id)
    }
}

/// A new Desired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Whose.
    pub cluster: Ref,
    /// Its version and digest.
    pub have: Have,
    /// The bytes; what is signed.
    pub bytes: Arc<[u8]>,
    /// The Deployments that it names: what its agent may read.
    pub deployments: BTreeSet<Digest>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Store a Bundle ([`Machine::bundle`]).
    PutBundle(Ref),
    /// A Bundle ended: remove it from the store.
    DeleteBundle(Ref),
    /// A deleted GitRepo has withdrawn all that it had.
    GitRepoGone(Ref),
    /// Render, and answer with [`Event::Rendered`].
    Render(Box<RenderInput>),
    /// Nobody wants that render's result any more.
    ForgetRender(Digest),
    /// Sign, store, and give to the agent.
    Issue(Issue),
    /// Store what is remembered of a cluster ([`Machine::memory`]).
    Remember(Ref),
    /// Store the report of a cluster.
    RememberReport(Ref),
    /// Remove what is remembered of a cluster: its identity is revoked.
    Forget(Ref),
    /// Write a status.
    Status(Box<Status>),
}

/// What is to be done now, and when to ask again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// To be done in this order; those of one decision belong into one transaction.
    pub actions: Vec<Action>,
    /// When to decide again, if nothing happens before.
    pub wake_at: Option<Timestamp>,
    /// Whether the Bundles of all that was taken in are among these actions, or those of before. Until then nobody may be
    /// told that a repository was read, and nothing may say that its commit was taken in: a hub that ends reads it again.
    pub stored: bool,
}

/// What has to be decided anew.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    gitrepos: BTreeSet<Ref>,
    bundles: BTreeSet<Ref>,
    clusters: BTreeSet<Ref>,
    plan: BTreeSet<(Ref, Ref)>,
    render: BTreeMap<Digest, RenderInput>,
    desired: BTreeSet<Ref>,
    memory: BTreeSet<Ref>,
    report: BTreeSet<Ref>,
    bundle_status: BTreeSet<Ref>,
    cluster_status: BTreeSet<Ref>,
    gitrepo_status: BTreeSet<Ref>,
    group_status: BTreeSet<Ref>,
    put: BTreeSet<Ref>,
    deleted: BTreeSet<Ref>,
    forgotten: BTreeSet<Ref>,
    gone: BTreeSet<Ref>,
}

/// The hub's decisions, as a machine without I/O and without a clock.
#[derive(Debug)]
pub struct Machine {
    options: Options,
    snapshot: Snapshot,
    dirty: Dirty,
    conditions: BTreeMap<(Kind, Ref), Vec<Condition>>,
    pending: usize,
    gather_until: Option<Timestamp>,
    status_after: Option<Timestamp>,
    deadlines: BTreeSet<(Timestamp, Ref)>,
}

impl Machine {
    /// A machine that knows nothing yet. Feed it all that the store has before the first [`Machine::decide`].
    pub fn new(options: Options) -> Self {
        Self {
            options,
            snapshot: Snapshot::default(),
            dirty: Dirty::default(),
            conditions: BTreeMap::new(),
            pending: 0,
            gather_until: None,
            status_after: None,
            deadlines: BTreeSet::new(),
        }
    }

    /// Conditions of a stored status, so that their times go on.
    pub fn restore_conditions(&mut self, kind: Kind, name: Ref, conditions: Vec<Condition>) {
        self.conditions.insert((kind, name), conditions);
    }
}

impl BundleState {
    fn new(record: BundleRecord) -> Self {
        Self {
            record,
            invalid: None,
            placements: BTreeMap::new(),
            probe: None,
            variants: Vec::new(),
            counts: StateCounts::default(),
            resources: fleet_api::v1alpha1::ResourceCounts::default(),
            non_ready: BTreeSet::new(),
            warned: BTreeSet::new(),
        }
    }

    /// Takes down which renders warned, and lets those go that are forgotten.
    fn warns(&mut self, input: Digest, renders: &BTreeMap<Digest, snapshot::Render>) {
        let has_warned = renders.get(&input).is_some_and(|render| !render.warnings.is_empty());
        if has_warned && self.warned.insert(input) {
            self.warned.retain(|input| renders.contains_key(input));
        }
    }

    /// Keeps the counters when a placement changes its state.
    fn account(&mut self, cluster: &Ref, state: DeploymentState, counts: &fleet_api::v1alpha1::ResourceCounts) {
        let Some(placement) = self.placements.get_mut(cluster) else { return };
        if let Some(old) = placement.counted.replace((state, counts.clone())) {
            self.counts.remove(old.0);
            snapshot::subtract(&mut self.resources, &old.1);
        }
        self.counts.add(state);
        self.resources = crate::status::add_counts(&self.resources, counts);
        if state == DeploymentState::Ready {
            self.non_ready.remove(cluster);
        } else {
            self.non_ready.insert(cluster.clone());
        }
    }
}

fn replace<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => map.insert(key, value),
        None => map.remove(&key),
    };
}

fn is_of(state: &BundleState, bundle: &Ref, gitrepo: &Ref) -> bool {
    bundle.namespace == gitrepo.namespace && state.record.gitrepo.as_ref() == Some(&gitrepo.name)
}

fn state_is_deleting(snapshot: &Snapshot, gitrepo: &Ref) -> bool {
    snapshot.gitrepos.get(gitrepo).is_some_and(|state| state.resource.deleting)
}

/// A render that was loaded and that no Bundle has asked for yet.
fn unknown_bundle() -> Ref {
    Ref::new("none", "none").expect("both are names")
}

fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

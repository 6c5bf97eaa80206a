//! The hub's decisions, at the entry of the machine: events in, documents and statuses out.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "hub/cve_replay.rs"]
mod cve_replay;

use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::ClusterStatus;
use fleet_api::wire::{
    Approval, DeploymentReport, Desired, Facts, Have, HeldDeletions, Report, ReportDelta, Timestamp, Version,
};
use serde_json::{Value, json};
use skiff_planner::hub::{
    Action, BundleRecord, ClusterResource, Copied, CopyState, Copyable, DeploymentFacts, Enrollment, Event,
    FailedEntry, FoundBundle, GitRepoResource, Machine, Options, RenderInput, RepositoryRead, Rules, Status, Subject,
    Sync, SyncOutcome, Uses,
};
use std::collections::{BTreeMap, BTreeSet};

fn r(name: &str) -> Ref {
    Ref::new("fleet-default", name).unwrap()
}

/// A hub without I/O: renders give one object each, or what the test says; stores nothing.
struct World {
    machine: Machine,
    now: Timestamp,
    renders: Vec<RenderInput>,
    /// By bundle name: what rendering it gives.
    results: BTreeMap<String, Result<u32, String>>,
    /// The bundles whose templates make something up.
    random: BTreeSet<String>,
    /// The bundles with hooks that run when they go.
    delete_hooks: BTreeSet<String>,
    /// The bundles that are rendered in the cluster.
    in_cluster: BTreeSet<String>,
    /// What agents speak.
    protocol: u32,
    /// By bundle name: what rendering it warns of.
    warnings: BTreeMap<String, Vec<Note>>,
    issued: BTreeMap<Ref, (Have, Desired)>,
    statuses: BTreeMap<String, Status>,
    deleted: Vec<Ref>,
    issues: usize,
}

impl World {
    fn new() -> Self {
        Self::with(Rules::all())
    }

    fn with(rules: Rules) -> Self {
        let options = Options {
            desired_lifetime: jiff::SignedDuration::from_hours(720),
            offline_after: jiff::SignedDuration::from_mins(15),
            renderer: "1".into(),
            rules,
        };
        Self {
            machine: Machine::new(options),
            now: "2026-11-25T12:00:00Z".parse().unwrap(),
            renders: Vec::new(),
            results: BTreeMap::new(),
            random: BTreeSet::new(),
            delete_hooks: BTreeSet::new(),
            in_cluster: BTreeSet::new(),
            protocol: fleet_api::wire::PROTOCOL,
            warnings: BTreeMap::new(),
            issued: BTreeMap::new(),
            statuses: BTreeMap::new(),
            deleted: Vec::new(),
            issues: 0,
        }
    }

    fn settle(&mut self) {
        loop {
            let decision = self.machine.decide(self.now);
            let mut again = false;
            for action in decision.actions {
                match action {
                    Action::Render(input) => {
                        again = true;
                        let name = input.bundle.name.to_string();
                        if self.random.contains(&name) && input.facts.chance.is_none() {
                            self.machine.observe(Event::NeedsChance { input: input.key() });
                            continue;
                        }
                        let warnings = self.warnings.get(&name).cloned().unwrap_or_default();
                        let result = match self.results.get(&name).cloned().unwrap_or(Ok(1)) {
                            Ok(objects) => {
                                let has_delete_hooks = self.delete_hooks.contains(&name);
                                let rendered_in_cluster = self.in_cluster.contains(&name);
                                let objects = if rendered_in_cluster { 0 } else { objects };
                                let facts = DeploymentFacts {
                                    objects,
                                    has_delete_hooks,
                                    rendered_in_cluster,
                                    ..Default::default()
                                };
                                Ok((deployment(&input), facts))
                            }
                            Err(message) => Err(vec![Note::new(Reason::RenderFailed, message)]),
                        };
                        self.machine.observe(Event::Rendered { input: input.key(), result, warnings });
                        self.renders.push(*input);
                    }
                    Action::Issue(issue) => {
                        self.issues += 1;
                        assert_eq!(Digest::of(&issue.bytes), issue.have.digest);
                        let desired = serde_json::from_slice(&issue.bytes).unwrap();
                        self.issued.insert(issue.cluster, (issue.have, desired));
                    }
                    Action::Status(status) => {
                        let key = match &*status {
                            Status::GitRepo(name, _) => format!("gitrepo/{}", name.name),
                            Status::Bundle(name, _) => format!("bundle/{}", name.name),
                            Status::Cluster(name, _) => format!("cluster/{}", name.name),
                            Status::ClusterGroup(name, _) => format!("group/{}", name.name),
                        };
                        self.statuses.insert(key, *status);
                    }
                    Action::DeleteBundle(name) => self.deleted.push(name),
                    _ => {}
                }
            }
            self.now += jiff::SignedDuration::from_secs(1);
            if !again && decision.wake_at.is_none_or(|at| at > self.now) {
                break;
            }
        }
    }

    fn cluster(&mut self, name: &str, labels: &Value) {
        let resource =
            ClusterResource { labels: serde_json::from_value(labels.clone()).unwrap(), ..Default::default() };
        self.machine.observe(Event::Cluster(r(name), Some(Box::new(resource))));
    }

    fn enroll(&mut self, name: &str, labels: &Value) {
        self.cluster(name, labels);
        let enrollment = Enrollment {
            uid: format!("uid-{name}").parse().unwrap(),
            key: Digest::of(name.as_bytes()),
            kube_system_uid: format!("ks-{name}"),
        };
        self.machine.observe(Event::Enrolled(r(name), enrollment));
    }

    fn gitrepo(&mut self, name: &str, spec: &Value) {
        let spec = serde_json::from_value(spec.clone()).unwrap();
        let resource = GitRepoResource { spec, generation: 1, deleting: false };
        self.machine.observe(Event::GitRepo(r(name), Some(resource)));
    }

    fn read(&mut self, read: RepositoryRead) {
        self.machine.observe(Event::Read(Box::new(read)));
        self.settle();
    }

    /// What a cluster is told to have, and of what it is told that it is gone.
    fn told(&self, cluster: &str) -> (Vec<String>, Vec<String>) {
        let desired = &self.issued[&r(cluster)].1;
        (
            desired.deployments.iter().map(|entry| entry.bundle.name.to_string()).collect(),
            desired.tombstones.iter().map(|tombstone| tombstone.bundle.name.to_string()).collect(),
        )
    }

    fn sync(&mut self, cluster: &str, start: Option<u64>, report: Option<ReportDelta>) -> SyncOutcome {
        let have = self.issued.get(&r(cluster)).map(|(have, _)| *have);
        self.sync_with(cluster, start, "i", have, report)
    }

    fn sync_with(
        &mut self,
        cluster: &str,
        start: Option<u64>,
        instance: &str,
        have: Option<Have>,
        report: Option<ReportDelta>,
    ) -> SyncOutcome {
        let protocol = self.protocol;
        let sync = Sync { cluster: r(cluster), start, instance: instance.into(), protocol, have, report };
        let outcome = self.machine.sync(&sync, self.now).unwrap();
        self.settle();
        outcome
    }

    fn gitrepo_notes(&self, name: &str) -> Vec<Reason> {
        match &self.statuses[&format!("gitrepo/{name}")] {
            Status::GitRepo(_, status) => status.notes.iter().map(|note| note.reason).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// A full report that everything told is applied and ready, and nothing else is left.
    fn all_ready(&self, cluster: &str, sequence: u64) -> ReportDelta {
        let (have, desired) = &self.issued[&r(cluster)];
        let deployments =
            desired.deployments.iter().map(|entry| (entry.bundle.clone(), ready(entry.deployment))).collect();
        let report = Report { version: have.version, deployments, ..Report::default() };
        report.delta_from(None, sequence).unwrap()
    }
}

fn deployment(input: &RenderInput) -> Digest {
    Digest::of_json(&json!({"of": input.key()})).unwrap()
}

fn ready(deployment: Digest) -> DeploymentReport {
    DeploymentReport {
        deployment: Some(deployment),
        applied: true,
        ready: true,
        unmodified: true,
        waiting: false,
        objects: 1,
        ready_objects: 1,
        not_ready: vec![],
        modified: vec![],
        notes: vec![],
        incomplete: false,
    }
}

/// A bundle in directory `dir` found by `entry`, for clusters with env=prod.
fn bundle(name: &str, entry: &str, dir: &str, content: &str) -> FoundBundle {
    bundle_with(name, entry, dir, content, &json!({}))
}

fn bundle_with(name: &str, entry: &str, dir: &str, content: &str, spec: &Value) -> FoundBundle {
    let mut whole = json!({
        "targets": [{"name": "prod", "clusterSelector": {"matchLabels": {"env": "prod"}}}],
        "targetRestrictions": [{"name": "prod", "clusterSelector": {"matchLabels": {"env": "prod"}}}],
    });
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    FoundBundle {
        name: name.parse().unwrap(),
        record: BundleRecord {
            id: Digest::of_json(&json!([name, content, whole])).unwrap(),
            tree: Digest::of(content.as_bytes()),
            spec: serde_json::from_value(whole).unwrap(),
            labels: BTreeMap::from([("app".into(), name.into())]),
            annotations: BTreeMap::new(),
            gitrepo: Some("shop".parse().unwrap()),
            commit: "c".into(),
            entry: entry.into(),
            directory: dir.into(),
            uses: Uses::default(),
            rewound: false,
        },
    }
}

fn read(entries: &[&str], found: Vec<FoundBundle>) -> RepositoryRead {
    RepositoryRead {
        gitrepo: r("shop"),
        generation: 1,
        commit: "3f2c00000000000000".into(),
        entries: entries
            .iter()
            .map(|entry| ((*entry).to_owned(), found.iter().any(|bundle| bundle.record.entry == *entry)))
            .collect(),
        found,
        failed: vec![],
        present: BTreeSet::new(),
        rewound: false,
        notes: vec![],
    }
}

/// One GitRepo with two bundles, one prod cluster and one dev cluster.
fn shop() -> World {
    shop_in(World::new())
}

fn shop_in(mut world: World) -> World {
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    world.enroll("prod", &json!({"env": "prod"}));
    world.enroll("dev", &json!({"env": "dev"}));
    world.read(read(
        &["apps/*"],
        vec![bundle("web", "apps/*", "apps/web", "1"), bundle("db", "apps/*", "apps/db", "1")],
    ));
    world
}

#[test]
fn a_bundle_goes_to_the_clusters_that_its_targets_name() {
    let world = shop();
    assert_eq!(world.told("prod"), (vec!["db".into(), "web".into()], vec![]));
    assert_eq!(world.told("dev"), (vec![], vec![]));
    assert_eq!(world.renders.len(), 2, "one for each distinct input");
    assert!(world.issued[&r("prod")].1.deletions_allowed);
}

#[test]
fn clusters_with_equal_inputs_share_a_render() {
    let mut world = shop();
    for name in ["p2", "p3"] {
        world.enroll(name, &json!({"env": "prod", "name": name}));
    }
    world.settle();
    assert_eq!(world.renders.len(), 2);
    let mut labelled = bundle("label", "apps/*", "apps/label", "1");
    labelled.record.uses.labels = true;
    world.read(read(
        &["apps/*"],
        vec![bundle("web", "apps/*", "apps/web", "1"), bundle("db", "apps/*", "apps/db", "1"), labelled],
    ));
    assert_eq!(world.renders.len(), 2 + 3, "a render that looks at labels is made for each");
}

#[test]
fn what_templates_make_up_is_each_clusters_own_and_stays() {
    let mut world = World::new();
    world.random.insert("web".into());
    let mut world = shop_in(world);
    world.enroll("p2", &json!({"env": "prod"}));
    world.settle();
    let of = |world: &World, cluster: &str| {
        let desired = &world.issued[&r(cluster)].1;
        let web = desired.deployments.iter().find(|entry| entry.bundle == r("web")).unwrap();
        let input = world.renders.iter().find(|input| deployment(input) == web.deployment).unwrap();
        input.facts.chance.clone().unwrap()
    };
    let (first, second) = (of(&world, "prod"), of(&world, "p2"));
    assert_eq!((first.cluster_uid.as_str(), second.cluster_uid.as_str()), ("ks-prod", "ks-p2"));
    assert!(first.since.is_some());

    // Another commit, much later: it learns again that the Bundle needs it, and takes the same present.
    world.now += jiff::SignedDuration::from_hours(100);
    let changed = vec![bundle("web", "apps/*", "apps/web", "2"), bundle("db", "apps/*", "apps/db", "1")];
    world.read(read(&["apps/*"], changed.clone()));
    assert_eq!(of(&world, "prod"), first);
    let renders = world.renders.len();
    world.read(read(&["apps/*"], changed));
    assert_eq!(world.renders.len(), renders, "what was learnt stays with the same files");

    // Withdrawn, and installed anew.
    world.cluster("prod", &json!({}));
    world.settle();
    world.sync("prod", None, None);
    let report = world.all_ready("prod", 1);
    world.sync("prod", Some(1), Some(report));
    world.now += jiff::SignedDuration::from_hours(100);
    world.cluster("prod", &json!({"env": "prod"}));
    world.settle();
    assert_ne!(of(&world, "prod").since, first.since);
}

#[test]
fn a_changed_bundle_changes_that_bundle_alone() {
    let mut world = shop();
    let before = world.issued.clone();
    world.read(read(
        &["apps/*"],
        vec![bundle("web", "apps/*", "apps/web", "2"), bundle("db", "apps/*", "apps/db", "1")],
    ));
    assert_eq!(world.renders.len(), 3);
    let (old, new) = (&before[&r("prod")].1, &world.issued[&r("prod")].1);
    assert_eq!(old.deployments[0], new.deployments[0]);
    assert_ne!(old.deployments[1], new.deployments[1]);
    assert_eq!(before[&r("dev")], world.issued[&r("dev")], "who is not concerned gets no new document");
    let issues = world.issues;
    world.read(read(
        &["apps/*"],
        vec![bundle("web", "apps/*", "apps/web", "2"), bundle("db", "apps/*", "apps/db", "1")],
    ));
    assert_eq!(world.issues, issues, "nothing new, nothing done");
}

#[test]
fn labels_bring_and_withdraw() {
    let mut world = shop();
    world.cluster("dev", &json!({"env": "prod"}));
    world.settle();
    assert_eq!(world.told("dev"), (vec!["db".into(), "web".into()], vec![]));
    world.cluster("dev", &json!({}));
    world.settle();
    assert_eq!(world.told("dev"), (vec![], vec!["db".into(), "web".into()]));
    let cause = &world.issued[&r("dev")].1.tombstones[0].cause;
    assert!(cause.contains("no longer targeted"), "{cause}");
    world.cluster("dev", &json!({"env": "prod"}));
    world.settle();
    assert_eq!(world.told("dev"), (vec!["db".into(), "web".into()], vec![]), "a tombstone ends when it is meant again");
}

/// A branch that went back, or a mirror that lags behind: its content is followed, and every deletion waits.
#[test]
fn what_a_branch_that_went_back_lacks_waits_for_an_approval() {
    let mut world = shop();
    let older = |rewound, commit: &str| {
        let mut web = bundle("web", "apps/*", "apps/web", "0");
        web.record.commit = commit.into();
        RepositoryRead { rewound, commit: commit.into(), ..read(&["apps/*"], vec![web]) }
    };
    let limits = |world: &World| {
        let desired = &world.issued[&r("prod")].1;
        let limit = |limit: Option<fleet_api::wire::DeletionLimit>| limit.map(|limit| (limit.objects, limit.percent));
        (
            limit(desired.deployments[0].deletion_limit),
            desired.tombstones.first().map(|grave| limit(grave.deletion_limit)),
        )
    };
    world.read(older(true, "b"));
    assert_eq!(world.told("prod"), (vec!["web".into()], vec!["db".into()]));
    assert_eq!(limits(&world), (Some((0, 0)), Some(Some((0, 0)))));
    world.read(older(false, "b"));
    assert_eq!(limits(&world).0, Some((0, 0)), "the same commit, read again, went back all the same");
    world.read(older(false, "c"));
    assert_eq!(limits(&world).0, None, "who builds on it means it");
}

/// Found by the simulator (seed 103155): what waited because a part of a repository could not be read was deleted when its
/// branch went back to a commit from before it was there.
#[test]
fn what_waited_when_a_branch_went_back_waits_for_an_approval() {
    let at = |rewound, commit: &str, entries: &[&str], names: &[&str]| {
        let found = |name: &&str| {
            let mut found = bundle(name, "apps/*", &format!("apps/{name}"), "1");
            found.record.commit = commit.into();
            found
        };
        RepositoryRead { rewound, commit: commit.into(), ..read(entries, names.iter().map(found).collect()) }
    };
    let mut world = shop();
    // `db` left, and so did all of another entry: it may have gone there.
    world.read(at(false, "b", &["apps/*", "solo"], &["web"]));
    assert!(waits(&world, "prod", "web") && waits(&world, "prod", "db"));
    world.read(at(true, "a", &["apps/*"], &["web"]));
    assert!(waits(&world, "prod", "db"), "the commit is older: it does not say where that went");
    assert!(waits(&world, "prod", "web"), "an object of it may have gone there, too");
    world.read(at(false, "a", &["apps/*"], &["web"]));
    assert!(waits(&world, "prod", "web"), "the same commit, read again");
    world.read(at(false, "c", &["apps/*"], &["web"]));
    assert!(!waits(&world, "prod", "web"), "who builds on it means it");
    // Where nothing waited, going back takes nothing from what it did not change.
    world.read(at(true, "a", &["apps/*"], &["web"]));
    assert!(!waits(&world, "prod", "web"));
}

#[test]
fn the_second_bundle_of_a_name_is_refused() {
    let mut world = shop();
    let mut other = read(&[""], vec![bundle("web", "", ".", "x")]);
    other.gitrepo = r("intruder");
    other.found[0].record.gitrepo = Some("intruder".parse().unwrap());
    let before = world.issued.clone();
    world.gitrepo("intruder", &json!({"repo": "y"}));
    world.read(other);
    assert_eq!(before, world.issued);
    assert_eq!(world.gitrepo_notes("intruder"), [Reason::DuplicateBundleName]);
}

#[test]
fn a_deleted_gitrepo_withdraws_and_keep_resources_releases() {
    for keep in [false, true] {
        let mut world = shop();
        world.gitrepo("shop", &json!({"repo": "x", "keepResources": keep}));
        world.settle();
        let spec = serde_json::from_value(json!({"repo": "x", "keepResources": keep})).unwrap();
        let deleting = GitRepoResource { spec, generation: 2, deleting: true };
        world.machine.observe(Event::GitRepo(r("shop"), Some(deleting)));
        world.settle();
        let desired = &world.issued[&r("prod")].1;
        assert!(desired.deployments.is_empty());
        assert_eq!(desired.tombstones.len(), 2);
        assert!(desired.tombstones.iter().all(|tombstone| tombstone.keep_resources == keep));
        assert_eq!(desired.tombstones[0].cause, "GitRepo shop was deleted");
        assert_eq!(world.deleted, [r("db"), r("web")]);
    }
}

#[test]
fn a_tombstone_names_the_deployment_whose_hooks_run_before_it_goes() {
    let mut world = World::new();
    world.delete_hooks.insert("web".into());
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"], "targets": [{"clusterSelector": {}}]}));
    world.enroll("prod", &json!({"env": "prod"}));
    let bundles = ["web", "db"].map(|name| bundle(name, "apps/*", &format!("apps/{name}"), "1"));
    world.read(read(&["apps/*"], bundles.to_vec()));
    let before = world.issued[&r("prod")].1.clone();
    let had = |name: &str| before.deployments.iter().find(|entry| entry.bundle == r(name)).unwrap().deployment;
    world.read(read(&["apps/*"], vec![bundle("other", "apps/*", "apps/other", "1")]));
    let desired = &world.issued[&r("prod")].1;
    let named: Vec<_> = desired.tombstones.iter().map(|entry| (entry.bundle.clone(), entry.deployment)).collect();
    assert_eq!(named, [(r("db"), None), (r("web"), Some(had("web")))]);
    // The agent may read it, and it is not collected.
    assert!(desired.named().any(|digest| digest == had("web")));
    assert!(world.machine.live_deployments().contains(&had("web")));
    assert!(!desired.named().any(|digest| digest == had("db")));
}

#[test]
fn a_tombstone_lives_until_the_agent_has_nothing_left() {
    let mut world = shop();
    let report = world.all_ready("prod", 1);
    world.sync("prod", None, Some(report));
    world.read(read(&["apps/*"], vec![bundle("db", "apps/*", "apps/db", "1")]));
    assert_eq!(world.told("prod").1, ["web"]);
    // A report of the older document does not know of it.
    let (have, desired) = world.issued[&r("prod")].clone();
    let old = Version { generation: have.version.generation - 1, ..have.version };
    let delta = |sequence, version, web: bool| {
        let mut deployments: BTreeMap<_, _> =
            desired.deployments.iter().map(|entry| (entry.bundle.clone(), ready(entry.deployment))).collect();
        if web {
            deployments.insert(r("web"), DeploymentReport { deployment: None, ..ready(Digest::of(b"")) });
        }
        Report { version, deployments, ..Report::default() }.delta_from(None, sequence)
    };
    world.sync("prod", Some(1), delta(2, old, false));
    assert_eq!(world.told("prod").1, ["web"]);
    world.sync("prod", Some(1), delta(3, have.version, true));
    assert_eq!(world.told("prod").1, ["web"], "the ledger still has objects of it");
    world.sync("prod", Some(1), delta(4, have.version, false));
    assert_eq!(world.told("prod").1, Vec::<String>::new());
}

#[test]
fn what_cannot_be_rendered_keeps_the_last_good() {
    for (result, reason) in [(Err("line 3".to_owned()), Reason::RenderFailed), (Ok(0), Reason::EmptyRender)] {
        let mut world = shop();
        let before = world.issued.clone();
        world.results.insert("web".into(), result);
        world.read(read(
            &["apps/*"],
            vec![bundle("web", "apps/*", "apps/web", "2"), bundle("db", "apps/*", "apps/db", "2")],
        ));
        let (old, new) = (&before[&r("prod")].1, &world.issued[&r("prod")].1);
        assert_ne!(old.deployments[0].deployment, new.deployments[0].deployment, "the other bundle goes on");
        assert_eq!(old.deployments[1].deployment, new.deployments[1].deployment);
        assert!(new.tombstones.is_empty());
        assert!(world.gitrepo_notes("shop").contains(&reason));
    }
}

/// Whether every deletion of what came from a Bundle waits for an approval in the cluster.
fn waits(world: &World, cluster: &str, bundle: &str) -> bool {
    let desired = &world.issued[&r(cluster)].1;
    let live = desired.deployments.iter().filter(|entry| entry.bundle == r(bundle)).map(|entry| entry.deletion_limit);
    let ended = desired.tombstones.iter().filter(|entry| entry.bundle == r(bundle)).map(|entry| entry.deletion_limit);
    let [limit] = live.chain(ended).collect::<Vec<_>>()[..] else { panic!("{bundle} is told once") };
    limit.is_some_and(|limit| limit.objects == 0 && limit.percent == 0)
}

#[test]
fn what_may_have_moved_to_a_place_that_cannot_be_rendered_is_not_deleted() {
    let www = || bundle("www", "apps/*", "apps/www", "1");
    let db = |content| bundle("db", "apps/*", "apps/db", content);
    let mut world = shop();
    // `apps/web` was renamed, and something in its new place cannot be rendered.
    world.results.insert("www".into(), Err("apps/www/more.yaml:2:4: broken".into()));
    world.read(read(&["apps/*"], vec![www(), db("1")]));
    assert_eq!(world.told("prod"), (vec!["db".into()], vec!["web".into()]));
    assert!(waits(&world, "prod", "web"));
    assert!(waits(&world, "prod", "db"), "an object of it may have moved, too");

    // Put right: what is claimed is handed over, and the rest is gone as was asked.
    world.results.remove("www");
    world.read(read(&["apps/*"], vec![bundle("www", "apps/*", "apps/www", "2"), db("1")]));
    assert_eq!(world.told("prod"), (vec!["db".into(), "www".into()], vec!["web".into()]));
    assert!(!waits(&world, "prod", "web") && !waits(&world, "prod", "db"));
}

#[test]
fn what_may_have_moved_to_a_place_that_renders_to_nothing_is_not_deleted() {
    let mut world = shop();
    let both = |web, db| vec![bundle("web", "apps/*", "apps/web", web), bundle("db", "apps/*", "apps/db", db)];
    world.results.insert("db".into(), Ok(0));
    world.read(read(&["apps/*"], both("2", "2")));
    assert!(world.gitrepo_notes("shop").contains(&Reason::EmptyRender));
    assert!(waits(&world, "prod", "web") && waits(&world, "prod", "db"));
    world.results.remove("db");
    world.read(read(&["apps/*"], both("2", "3")));
    assert!(!waits(&world, "prod", "web") && !waits(&world, "prod", "db"));
}

#[test]
fn what_moved_to_a_new_place_that_renders_to_nothing_waits_for_an_approval() {
    let db = || bundle("db", "apps/*", "apps/db", "1");
    let www = |content| bundle("www", "apps/*", "apps/www", content);
    let mut world = shop();
    // `apps/web` was renamed, and its new place renders to nothing: nobody claims what it had.
    world.results.insert("www".into(), Ok(0));
    world.read(read(&["apps/*"], vec![www("1"), db()]));
    assert_eq!(world.told("prod"), (vec!["db".into(), "www".into()], vec!["web".into()]));
    assert!(waits(&world, "prod", "web") && !waits(&world, "prod", "db"));
    // A later commit does not make an answer of silence.
    world.read(read(&["apps/*"], vec![www("2"), db()]));
    assert!(waits(&world, "prod", "web"));
    // What is empty for long holds up nothing that leaves later.
    world.read(read(&["apps/*"], vec![www("2")]));
    assert!(waits(&world, "prod", "web") && !waits(&world, "prod", "db"));
}

/// Found by the simulator (seed 105667): a directory that renders to nothing was renamed, the branch went back, and a commit
/// that builds on that ended the wait: the Bundle was a new one, which never had anything.
#[test]
fn what_is_back_and_renders_to_nothing_keeps_what_the_cluster_still_has() {
    let db = || bundle("db", "apps/*", "apps/db", "1");
    let empty = |name: &str, commit: &str| {
        let mut found = bundle(name, "apps/*", &format!("apps/{name}"), commit);
        found.record.commit = commit.into();
        found
    };
    let of = |commit: &str, found| RepositoryRead { commit: commit.into(), ..read(&["apps/*"], found) };
    let mut world = shop();
    world.sync("prod", None, None);
    let had = world.all_ready("prod", 1);
    let still = had.deployments.iter().map(|(name, report)| (name.clone(), report.clone())).collect::<BTreeMap<_, _>>();
    world.sync("prod", Some(1), Some(had));
    for name in ["web", "www"] {
        world.results.insert(name.into(), Ok(0));
    }
    world.read(of("b", vec![empty("web", "b"), db()]));
    world.read(of("c", vec![empty("www", "c"), db()]));
    assert_eq!(world.told("prod").1, ["web"]);
    assert!(waits(&world, "prod", "web"));
    world.read(RepositoryRead { rewound: true, ..of("b", vec![empty("web", "b"), db()]) });
    world.read(of("d", vec![empty("web", "d"), db()]));
    assert!(waits(&world, "prod", "web"), "it has what it had; that nothing replaces it is no word");
    assert!(world.gitrepo_notes("shop").contains(&Reason::EmptyRender));

    // It says so also after the agent was heard of, and once nothing is left the Bundle is as empty as it should be.
    let report = |world: &World, deployments| Report {
        version: world.issued[&r("prod")].0.version,
        deployments,
        ..Report::default()
    };
    let told = report(&world, still).delta_from(None, 2).unwrap();
    world.sync("prod", Some(1), Some(told));
    assert!(waits(&world, "prod", "web"));
    let told = report(&world, BTreeMap::new()).delta_from(None, 3).unwrap();
    world.sync("prod", Some(1), Some(told));
    assert_eq!(world.told("prod"), (vec!["db".into(), "web".into()], vec![]));
    assert!(!waits(&world, "prod", "web") && !world.gitrepo_notes("shop").contains(&Reason::EmptyRender));
}

/// What was rendered in the cluster, or before a start that could not read it, has as many objects as the cluster says.
#[test]
fn what_renders_to_nothing_where_only_the_cluster_knows_how_much_there_was_keeps_that() {
    for (objects, restarted) in [(3, false), (0, false), (3, true), (0, true)] {
        let mut world = World::new();
        world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
        world.enroll("prod", &json!({"env": "prod"}));
        world.sync("prod", None, None);
        if !restarted {
            world.in_cluster.insert("web".into());
        }
        world.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "1")]));
        let told = |world: &World| world.issued[&r("prod")].1.deployments[0].deployment;
        let before = told(&world);
        let has = DeploymentReport { objects, ..ready(before) };
        let version = world.issued[&r("prod")].0.version;
        let report = Report { version, deployments: [(r("web"), has)].into(), ..Report::default() };
        world.sync("prod", Some(1), Some(report.delta_from(None, 1).unwrap()));
        if restarted {
            let mut again = World::new();
            again.cluster("prod", &json!({"env": "prod"}));
            again.machine.observe(Event::Memory(r("prod"), Box::new(reloaded(&world, "prod"))));
            for (name, record) in world.machine.bundles() {
                again.machine.observe(Event::Bundle(name.clone(), Some(Box::new(record.clone()))));
            }
            (again.now, again.issued) = (world.now, world.issued);
            world = again;
            world.results.insert("web".into(), Ok(0));
            world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
        }
        // `valuesFrom` goes, and without it the chart renders nothing.
        world.in_cluster.clear();
        world.results.insert("web".into(), Ok(0));
        world.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "2")]));
        assert_eq!(told(&world) == before, objects > 0, "{objects} {restarted}");
        assert_eq!(world.gitrepo_notes("shop").contains(&Reason::EmptyRender), objects > 0);
    }
}

/// What was taken away and is meant again, but may not go out yet, is not deleted meanwhile.
#[test]
fn what_is_back_and_paused_waits() {
    let both = || vec![bundle("web", "apps/*", "apps/web", "1"), bundle("db", "apps/*", "apps/db", "1")];
    let mut world = shop();
    world.read(read(&["apps/*"], vec![both().remove(1)]));
    assert!(!waits(&world, "prod", "web"));
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"], "paused": true}));
    world.read(read(&["apps/*"], both()));
    assert_eq!(world.told("prod"), (vec!["db".into()], vec!["web".into()]));
    assert!(waits(&world, "prod", "web"));
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    world.settle();
    assert_eq!(world.told("prod"), (vec!["db".into(), "web".into()], vec![]));
}

#[test]
fn while_a_part_of_a_repository_cannot_be_read_what_left_it_is_not_deleted() {
    let failed = FailedEntry {
        entry: "apps/*".into(),
        bundle: None,
        directory: Some("apps/www".into()),
        notes: vec![Note::new(Reason::InvalidFleetYaml, "apps/www/fleet.yaml:1:19: a text is expected")],
    };
    let db = || vec![bundle("db", "apps/*", "apps/db", "1")];
    let mut world = shop();
    world.read(RepositoryRead { failed: vec![failed], ..read(&["apps/*"], db()) });
    assert_eq!(world.told("prod").1, ["web"]);
    assert!(waits(&world, "prod", "web"));
    assert!(world.gitrepo_notes("shop").contains(&Reason::DeletionHeld));
    world.read(read(&["apps/*"], db()));
    assert!(!waits(&world, "prod", "web"));

    // A typo in spec.paths: the old entry is gone, the new one yields nothing.
    let mut world = shop();
    world.read(read(&["wbe"], vec![]));
    assert_eq!(world.told("prod").1, ["db", "web"]);
    assert!(waits(&world, "prod", "db") && waits(&world, "prod", "web"));
    world.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "1"), db().remove(0)]));
    assert_eq!(world.told("prod"), (vec!["db".into(), "web".into()], vec![]));

    // A deleted GitRepo is an explicit end, whatever is wrong with it.
    world.read(read(&["wbe"], vec![]));
    let resource = GitRepoResource { deleting: true, ..GitRepoResource::default() };
    world.machine.observe(Event::GitRepo(r("shop"), Some(resource)));
    world.settle();
    assert!(!waits(&world, "prod", "db"));
}

/// Found by the simulator (seed 1189): a directory was removed, and a branch that went back brought it again, broken.
#[test]
fn what_is_back_and_cannot_be_read_is_not_said_to_be_gone() {
    let db = || vec![bundle("db", "apps/*", "apps/db", "1")];
    let mut world = shop();
    world.sync("prod", None, None);
    let had = world.all_ready("prod", 1);
    world.read(read(&["apps/*"], db()));
    let failed = FailedEntry {
        entry: "apps/*".into(),
        bundle: Some("web".parse().unwrap()),
        directory: Some("apps/web".into()),
        notes: vec![Note::new(Reason::InvalidFleetYaml, "apps/web/fleet.yaml:1:19: a text is expected")],
    };
    world.read(RepositoryRead { failed: vec![failed], ..read(&["apps/*"], db()) });

    // A cluster that is enrolled anew still has it.
    world.machine.observe(Event::Cluster(r("prod"), None));
    world.enroll("prod", &json!({"env": "prod"}));
    world.settle();
    world.sync("prod", None, None);
    world.sync("prod", Some(1), Some(had));
    assert_eq!(world.told("prod"), (vec!["db".into()], vec![]), "nobody says that it is to go");

    // Seed 102427: the entry yields nothing, which says nothing of it either.
    world.read(read(&["apps/*"], vec![]));
    assert_eq!(world.told("prod"), (vec!["db".into()], vec![]), "nobody says so now");
    let failed = FailedEntry {
        entry: "apps/*".into(),
        bundle: None,
        directory: None,
        notes: vec![Note::new(Reason::InvalidFleetYaml, "`apps/*` cannot be read")],
    };
    world.read(RepositoryRead { failed: vec![failed], ..read(&["apps/*"], db()) });
    assert_eq!(world.told("prod"), (vec!["db".into()], vec![]), "nor now");
    let failed = FailedEntry {
        entry: "more/*".into(),
        bundle: Some("web".parse().unwrap()),
        directory: Some("more/web".into()),
        notes: vec![Note::new(Reason::InvalidFleetYaml, "more/web/fleet.yaml:1:19: a text is expected")],
    };
    world.read(RepositoryRead { failed: vec![failed], ..read(&["apps/*", "more/*"], db()) });
    world.read(read(&["apps/*", "more/*"], db()));
    assert_eq!(world.told("prod"), (vec!["db".into()], vec![]), "it was back elsewhere, and that yields nothing");
    world.read(read(&["apps/*"], db()));
    assert_eq!(world.told("prod").1, ["web"], "now it is gone for good");
}

#[test]
fn a_wait_ends_with_its_cause_also_for_what_ended_meanwhile() {
    let both =
        || read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "1"), bundle("db", "apps/*", "apps/db", "1")]);
    // Everything vanished from the repository: all of it stays, and waits. Then its GitRepo is deleted.
    let mut world = shop();
    world.read(read(&["apps/*"], vec![]));
    assert!(waits(&world, "prod", "web") && waits(&world, "prod", "db"));
    world.machine.observe(Event::GitRepo(r("shop"), None));
    world.settle();
    assert_eq!(world.told("prod"), (vec![], vec!["db".into(), "web".into()]));
    assert!(!waits(&world, "prod", "web") && !waits(&world, "prod", "db"), "that was asked for");

    // The cluster is no longer targeted while the repository is broken, which is then put right.
    let mut world = shop();
    world.read(read(&["apps/*"], vec![]));
    world.cluster("prod", &json!({}));
    world.settle();
    assert_eq!(world.told("prod"), (vec![], vec!["db".into(), "web".into()]));
    assert!(waits(&world, "prod", "web"));
    world.read(both());
    assert!(!waits(&world, "prod", "web") && !waits(&world, "prod", "db"));
}

#[test]
fn an_invalid_selector_leaves_the_bundle_where_it_is() {
    let mut world = shop();
    let before = world.issued.clone();
    let bad = json!({"targets": [{"clusterSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}]});
    world.read(read(
        &["apps/*"],
        vec![bundle_with("web", "apps/*", "apps/web", "2", &bad), bundle("db", "apps/*", "apps/db", "1")],
    ));
    assert_eq!(before[&r("prod")].1.deployments, world.issued[&r("prod")].1.deployments);
    assert!(world.gitrepo_notes("shop").contains(&Reason::InvalidSelector));
}

#[test]
fn pausing_stages_and_does_not_withdraw() {
    let mut world = shop();
    let before = world.issued.clone();
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"], "paused": true}));
    world.read(read(
        &["apps/*"],
        vec![bundle("web", "apps/*", "apps/web", "2"), bundle("db", "apps/*", "apps/db", "1")],
    ));
    assert_eq!(before[&r("prod")], world.issued[&r("prod")]);
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    world.settle();
    assert_ne!(before[&r("prod")], world.issued[&r("prod")]);
}

#[test]
fn dependencies_are_resolved_for_each_cluster() {
    let mut world = shop();
    let needs = json!({"dependsOn": [
        {"name": "db"},
        {"selector": {"matchLabels": {"app": "db"}}, "acceptedStates": ["Ready", "Modified"]},
        {"name": "nowhere"},
    ]});
    world.read(read(
        &["apps/*"],
        vec![bundle_with("web", "apps/*", "apps/web", "1", &needs), bundle("db", "apps/*", "apps/db", "1")],
    ));
    let web = &world.issued[&r("prod")].1.deployments[1];
    let resolved: Vec<(Vec<String>, usize)> = web
        .depends_on
        .iter()
        .map(|one| (one.bundles.iter().map(ToString::to_string).collect(), one.accepted_states.len()))
        .collect();
    let db = || vec!["fleet-default/db".to_owned()];
    assert_eq!(resolved, [(db(), 1), (db(), 2), (vec![], 1)]);
    assert_eq!(web.depends_on[0].description, "bundle \"db\"");
}

#[test]
fn a_document_that_was_not_issued_here_begins_an_epoch_in_which_nothing_is_deleted() {
    let mut world = shop();
    let foreign = Have { version: Version { epoch: 1, generation: 9 }, digest: Digest::of(b"other") };
    let outcome = world.sync_with("prod", None, "i", Some(foreign), None);
    assert!(outcome.new_epoch && outcome.resend);
    let (have, desired) = world.issued[&r("prod")].clone();
    assert_eq!(have.version, Version { epoch: 2, generation: 1 });
    assert!(!desired.deletions_allowed);
    assert_eq!(desired.deployments.len(), 2);
    // A version of ours with other content is not ours either.
    let forged = Have { digest: Digest::of(b"other"), ..have };
    world.sync_with("prod", Some(1), "i", Some(forged), None);
    assert_eq!(world.issued[&r("prod")].0.version, Version { epoch: 3, generation: 1 });

    // Approved, but one repository was not read since: still nothing.
    world.gitrepo("late", &json!({"repo": "z"}));
    let held = held(&["web", "db"]);
    let approval = Approval { list: held.digest, by: "admin".into() };
    let report = ReportDelta { held: Some(held), ..world.all_ready("prod", 1) };
    world.sync_with("prod", Some(1), "i", Some(world.issued[&r("prod")].0), Some(report));
    world.machine.observe(Event::Approved(r("prod"), approval.clone()));
    world.settle();
    assert!(!world.issued[&r("prod")].1.deletions_allowed);
    let mut late = read(&[""], vec![]);
    late.gitrepo = r("late");
    world.read(late);
    let desired = &world.issued[&r("prod")].1;
    assert!(desired.deletions_allowed);
    assert_eq!(desired.approvals, [approval]);
}

#[test]
fn what_was_withdrawn_while_a_hub_was_restored_is_told_when_the_agent_still_has_it() {
    let mut world = shop();
    let foreign = Have { version: Version { epoch: 1, generation: 9 }, digest: Digest::of(b"other") };
    world.sync_with("prod", None, "i", Some(foreign), None);
    let mut full = world.all_ready("prod", 1);
    full.deployments.insert(r("unheard-of"), ready(Digest::of(b"x")));
    world.read(read(&["apps/*"], vec![bundle("db", "apps/*", "apps/db", "1")]));
    world.sync("prod", Some(1), Some(full));
    assert_eq!(world.told("prod").1, ["web"], "withdrawn positively; what nobody knows of gets no tombstone");
}

/// Found by the simulator (seed 104434): nothing but another report of that cluster had it looked at again.
#[test]
fn what_a_cluster_has_from_before_is_told_to_go_as_soon_as_its_bundle_is_known_or_ends() {
    let both = || vec![bundle("web", "apps/*", "apps/web", "1"), bundle("db", "apps/*", "apps/db", "1")];
    for ends in [false, true] {
        let mut world = World::new();
        world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
        world.enroll("prod", &json!({"env": if ends { "prod" } else { "test" }}));
        if ends {
            world.results.insert("web".into(), Err("it fails".into()));
            world.read(read(&["apps/*"], both()));
        }
        world.settle();
        world.sync("prod", None, None);
        let mut full = world.all_ready("prod", 1);
        full.deployments.insert(r("web"), ready(Digest::of(b"x")));
        world.sync("prod", Some(1), Some(full));
        assert_eq!(world.told("prod").1, [""; 0], "ends: {ends}");
        world.read(read(&["apps/*"], if ends { both().split_off(1) } else { both() }));
        assert_eq!(world.told("prod").1, ["web"], "ends: {ends}");
    }
}

#[test]
fn old_documents_of_ours_are_accounted_for() {
    let mut world = shop();
    let first = world.issued[&r("prod")].0;
    world.machine.served(&r("prod"), first.version);
    world.read(read(
        &["apps/*"],
        vec![bundle("web", "apps/*", "apps/web", "2"), bundle("db", "apps/*", "apps/db", "1")],
    ));
    world.machine.served(&r("prod"), world.issued[&r("prod")].0.version);
    assert!(!world.sync_with("prod", None, "i", Some(first), None).new_epoch, "an answer can be lost");
    let second = world.issued[&r("prod")].0;
    assert!(!world.sync_with("prod", Some(1), "i", Some(second), None).new_epoch);
    let outcome = world.sync_with("prod", Some(1), "i", Some(first), None);
    assert!(!outcome.new_epoch, "a request was overtaken by a later one: agents drop polls when they have news");
    assert_eq!(world.issued[&r("prod")].0, second);
}

#[test]
fn an_epoch_begins_once_however_often_its_cause_is_told() {
    let mut world = shop();
    let first = world.issued[&r("prod")].0;
    let foreign = Have { version: Version { epoch: 1, generation: 9 }, digest: Digest::of(b"other") };
    assert!(world.sync_with("prod", None, "i", Some(foreign), None).new_epoch);
    for again in [foreign, first, foreign] {
        assert!(!world.sync_with("prod", Some(1), "i", Some(again), None).new_epoch, "{again:?}");
    }
    let (newest, desired) = world.issued[&r("prod")].clone();
    assert_eq!(newest.version, Version { epoch: 2, generation: 1 });
    assert!(!desired.deletions_allowed);
}

#[test]
fn the_younger_process_fences_the_older() {
    let mut world = shop();
    let table = [
        (None, "a", 1, false),
        (None, "a", 1, false),
        (Some(1), "a", 1, false),
        (None, "b", 2, false),
        (Some(1), "a", 2, true),
        (Some(2), "c", 2, true),
        (Some(2), "b", 2, false),
        // A restored hub forgot what it granted.
        (Some(7), "d", 7, false),
        (Some(2), "b", 7, true),
    ];
    for (start, instance, granted, fenced) in table {
        let have = world.issued.get(&r("prod")).map(|(have, _)| *have);
        let outcome = world.sync_with("prod", start, instance, have, None);
        assert_eq!((outcome.start, outcome.fenced), (granted, fenced), "{start:?} {instance}");
    }
}

#[test]
fn a_report_never_goes_back() {
    let mut world = shop();
    let full = |sequence, world: &World| world.all_ready("prod", sequence);
    let delta = |sequence, world: &World| ReportDelta { full: false, ..world.all_ready("prod", sequence) };
    // (report, acknowledged, resend)
    let rows: Vec<(ReportDelta, u64, bool)> = vec![
        (delta(1, &world), 0, true),
        (full(2, &world), 2, false),
        (full(2, &world), 2, false),
        (full(1, &world), 2, false),
        (delta(3, &world), 3, false),
        (delta(5, &world), 3, true),
        (full(6, &world), 6, false),
    ];
    let first = world.sync("prod", None, None);
    assert_eq!(first.start, 1);
    for (report, acknowledged, resend) in rows {
        let what = format!("{} {}", report.sequence, report.full);
        let outcome = world.sync("prod", Some(1), Some(report));
        assert_eq!((outcome.acknowledged, outcome.resend), (acknowledged, resend), "{what}");
    }
    let mut stale = world.all_ready("prod", 4);
    stale.deployments.clear();
    world.sync("prod", Some(1), Some(stale));
    assert_eq!(world.machine.memory(&r("prod")).unwrap().report.deployments.len(), 2);
}

#[test]
fn what_is_not_rendered_yet_is_not_ready() {
    let mut world = shop();
    let report = world.all_ready("prod", 1);
    world.sync("prod", None, Some(report));
    let changed = vec![bundle("web", "apps/*", "apps/web", "2"), bundle("db", "apps/*", "apps/db", "1")];
    world.machine.observe(Event::Read(Box::new(read(&["apps/*"], changed))));
    world.now += jiff::SignedDuration::from_secs(1);
    let decision = world.machine.decide(world.now);
    assert!(decision.actions.iter().any(|action| matches!(action, Action::Render(_))));
    assert!(
        !decision.actions.iter().any(|action| matches!(action, Action::Status(_))),
        "it is told before it is stored"
    );
    world.now = decision.wake_at.unwrap();
    let decision = world.machine.decide(world.now);
    let told = decision.actions.iter().find_map(|action| match action {
        Action::Status(status) => match &**status {
            Status::GitRepo(_, status) => Some(status),
            _ => None,
        },
        _ => None,
    });
    let told = told.unwrap();
    assert_eq!((told.summary.ready, told.summary.out_of_sync), (1, 1), "the old state of web is no news of the new");
    assert!(told.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "False"));
}

fn cluster_status<'w>(world: &'w World, name: &str) -> &'w ClusterStatus {
    let Status::Cluster(_, status) = &world.statuses[&format!("cluster/{name}")] else { panic!() };
    status
}

/// The agent of `dev`, which has no label `env=prod`, claims it.
fn claiming() -> World {
    let mut world = shop();
    let facts = Facts { claimed_labels: BTreeMap::from([("env".into(), "prod".into())]), ..Facts::default() };
    let report = ReportDelta { facts: Some(facts), ..world.all_ready("dev", 1) };
    world.sync("dev", None, Some(report));
    world
}

#[test]
fn claimed_labels_are_seen_under_their_prefix_only_and_a_near_miss_is_told() {
    let world = claiming();
    assert_eq!(world.told("dev").0, Vec::<String>::new());
    let dev = cluster_status(&world, "dev");
    assert!(dev.notes.iter().any(|note| note.reason == Reason::ClaimedLabel), "{:?}", dev.notes);
    assert_eq!(dev.claimed_labels["env"], "prod");
}

/// Who is not meant is told nothing of a Bundle that is gone.
#[test]
fn a_near_miss_goes_with_its_bundle() {
    let mut world = claiming();
    let near = |world: &World| {
        let dev = cluster_status(world, "dev");
        dev.notes.iter().filter(|note| note.reason == Reason::ClaimedLabel).count()
    };
    assert_eq!(near(&world), 2);
    world.read(read(&["apps/*"], vec![bundle("db", "apps/*", "apps/db", "1")]));
    assert_eq!(near(&world), 1);
}

#[test]
fn a_deleted_cluster_is_revoked_and_told_nothing() {
    let mut world = shop();
    let issues = world.issues;
    world.machine.observe(Event::Cluster(r("prod"), None));
    let decision = world.machine.decide(world.now);
    assert!(decision.actions.contains(&Action::Forget(r("prod"))));
    assert_eq!(issues, world.issues);
    let sync = Sync { cluster: r("prod"), start: None, instance: "i".into(), protocol: 1, have: None, report: None };
    assert_eq!(world.machine.sync(&sync, world.now), None);
}

/// What ends a Bundle is stored with the tombstone, however long that waits for renders: a hub that ends in between
/// finds it, and its `keepResources`, again.
/// Found by the simulator: what was deleted was forgotten after the new enrolment was taken in, and revoked it.
#[test]
fn a_cluster_that_is_deleted_and_enrolled_again_in_one_turn_stays() {
    let mut world = shop();
    world.sync("prod", None, None);
    let report = world.all_ready("prod", 1);
    world.sync("prod", Some(1), Some(report));
    world.machine.observe(Event::Cluster(r("prod"), None));
    world.enroll("prod", &json!({"env": "prod"}));
    let actions = world.machine.decide(world.now).actions;
    let is_about_it = |action: &&Action| matches!(action, Action::Forget(name) | Action::Remember(name) | Action::RememberReport(name) if *name == r("prod"));
    let done: Vec<&Action> = actions.iter().filter(is_about_it).collect();
    assert_eq!(
        done,
        [&Action::Remember(r("prod")), &Action::RememberReport(r("prod"))],
        "nothing is left of the old one"
    );
    assert!(world.machine.memory(&r("prod")).is_some_and(|memory| memory.report.deployments.is_empty()));
}

#[test]
fn a_bundle_ends_together_with_what_its_clusters_are_told() {
    let mut world = shop();
    world.gitrepo("late", &json!({"repo": "z"}));
    let mut late = read(&[""], vec![bundle("late", "", "late", "1")]);
    late.gitrepo = r("late");
    late.found[0].record.gitrepo = Some("late".parse().unwrap());
    world.machine.observe(Event::Read(Box::new(late)));
    let spec = serde_json::from_value(json!({"repo": "x", "keepResources": true})).unwrap();
    let resource = GitRepoResource { spec, generation: 2, deleting: true };
    world.machine.observe(Event::GitRepo(r("shop"), Some(resource)));
    // The render of `late` is not answered.
    let ends = |action: &Action| matches!(action, Action::DeleteBundle(_) | Action::GitRepoGone(_));
    let first = world.machine.decide(world.now).actions;
    assert!(first.iter().any(|action| matches!(action, Action::Render(_))), "{first:?}");
    assert!(!first.iter().any(|action| ends(action) || matches!(action, Action::Issue(_))), "{first:?}");
    let later = world.machine.decide(world.now + jiff::SignedDuration::from_mins(5)).actions;
    assert_eq!(later.iter().filter(|action| ends(action)).count(), 3, "{later:?}");
    let issue = later.iter().find_map(|action| match action {
        Action::Issue(issue) if issue.cluster == r("prod") => Some(issue),
        _ => None,
    });
    let desired: Desired = serde_json::from_slice(&issue.unwrap().bytes).unwrap();
    assert!(desired.tombstones.len() == 2 && desired.tombstones.iter().all(|tombstone| tombstone.keep_resources));
}

/// Found by the simulator (seed 103481): a hub ended between what a commit brings and what it takes away, and what the
/// directory that a commit renamed and emptied had left was deleted by the hub that came after it.
#[test]
fn what_a_commit_brings_goes_to_disk_together_with_what_it_takes_away() {
    let mut world = shop();
    let commit =
        || read(&["apps/*"], vec![bundle("www", "apps/*", "apps/www", "1"), bundle("db", "apps/*", "apps/db", "1")]);
    let mut stored: BTreeMap<Ref, BundleRecord> =
        world.machine.bundles().map(|(name, record)| (name.clone(), record.clone())).collect();
    let memory = world.machine.memory(&r("prod")).unwrap().clone();
    // `apps/web` was renamed, and its new place renders to nothing. This hub ends before that is rendered.
    world.machine.observe(Event::Read(Box::new(commit())));
    let decision = world.machine.decide(world.now);
    assert!(!decision.stored, "it must not be told that the commit was taken in");
    for action in decision.actions {
        match action {
            Action::PutBundle(name) => drop(stored.insert(name.clone(), world.machine.bundle(&name).unwrap().clone())),
            Action::DeleteBundle(name) => drop(stored.remove(&name)),
            Action::Issue(_) => panic!("its render is not answered"),
            _ => {}
        }
    }
    let mut again = World::new();
    again.now = world.now;
    again.issued = world.issued;
    again.results.insert("www".into(), Ok(0));
    again.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    again.cluster("prod", &json!({"env": "prod"}));
    again.machine.observe(Event::Memory(r("prod"), Box::new(memory)));
    for (name, record) in stored {
        again.machine.observe(Event::Bundle(name, Some(Box::new(record))));
    }
    again.settle();
    again.read(commit());
    assert_eq!(again.told("prod"), (vec!["db".into(), "www".into()], vec!["web".into()]));
    assert!(waits(&again, "prod", "web"));
}

#[test]
fn a_bundle_that_is_gone_without_a_word_stays_and_that_is_told() {
    let mut world = shop();
    let memory = world.machine.memory(&r("prod")).unwrap().clone();
    let mut again = World::new();
    again.now = world.now;
    again.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    again.cluster("prod", &json!({"env": "prod"}));
    again.machine.observe(Event::Memory(r("prod"), Box::new(memory)));
    again.settle();
    assert_eq!(again.issues, 0, "it has what it had");
    let status = cluster_status(&again, "prod");
    assert!(status.notes.iter().any(|note| note.message.contains("fleet-default/web is gone")), "{:?}", status.notes);
    world.settle();
}

/// A list with one claim of each bundle.
fn held(bundles: &[&str]) -> HeldDeletions {
    let object = |bundle: &&str| {
        let key = json!({"kind": "PersistentVolumeClaim", "namespace": bundle, "name": "data"});
        serde_json::from_value(json!({"bundle": r(bundle), "key": key, "uid": "u"})).unwrap()
    };
    let mut objects: Vec<fleet_api::wire::HeldObject> = bundles.iter().map(object).collect();
    objects.sort();
    let note = Note::new(Reason::DeletionHeld, "claims");
    HeldDeletions { digest: Digest::of_json(&objects).unwrap(), objects, note }
}

/// Also of a bundle that is gone, and no longer than they wait.
#[test]
fn deletions_that_wait_are_told_in_the_ready_condition_of_cluster_and_gitrepo() {
    let mut world = shop();
    let report = world.all_ready("prod", 1);
    world.sync("prod", None, Some(report));
    world.read(read(&["apps/*"], vec![bundle("db", "apps/*", "apps/db", "1")]));
    let message = |world: &World, key: &str| {
        let conditions = match &world.statuses[key] {
            Status::GitRepo(_, status) => status.conditions.clone(),
            Status::Cluster(_, status) => status.conditions.clone(),
            other => panic!("{other:?}"),
        };
        conditions.iter().find(|condition| condition.type_ == "Ready").unwrap().message.clone()
    };
    let mut delta = world.all_ready("prod", 2);
    delta.held = Some(held(&["web"]));
    world.sync("prod", Some(1), Some(delta));
    for key in ["cluster/prod", "gitrepo/shop"] {
        let told = message(&world, key);
        assert!(told.starts_with("1 deletion waits for approval"), "{key}: {told}");
    }
    let delta = world.all_ready("prod", 3);
    world.sync("prod", Some(1), Some(delta));
    for key in ["cluster/prod", "gitrepo/shop"] {
        assert!(!message(&world, key).contains("approval"), "{key}");
    }
}

#[test]
fn a_deployment_says_whether_it_is_deployed_and_looked_after() {
    let mut world = shop();
    let conditions = |world: &World| -> Vec<(String, String)> {
        let list = world.machine.deployments(None, world.now);
        let one = list.into_iter().find(|one| one.spec.cluster == "fleet-default/prod").unwrap();
        one.status.unwrap().conditions.into_iter().map(|condition| (condition.type_, condition.status)).collect()
    };
    let expected = |status: &str| -> Vec<(String, String)> {
        ["Ready", "Deployed", "Monitored"].iter().map(|name| ((*name).to_owned(), status.to_owned())).collect()
    };
    assert_eq!(conditions(&world), expected("False"));
    let report = world.all_ready("prod", 1);
    world.sync("prod", None, Some(report));
    assert_eq!(conditions(&world), expected("True"));
}

#[test]
fn an_approval_of_one_gitrepo_is_none_of_another_whose_name_begins_with_it() {
    let mut world = shop();
    world.gitrepo("shop-b", &json!({"repo": "x", "paths": ["apps/*"]}));
    let mut other = read(&["apps/*"], vec![bundle("shop-b-x", "apps/*", "apps/x", "1")]);
    other.gitrepo = r("shop-b");
    for found in &mut other.found {
        found.record.gitrepo = Some("shop-b".parse().unwrap());
    }
    world.read(other);
    let whole = held(&["web", "db", "shop-b-x", "unheard-of", "shop-unheard-of"]);
    let report = ReportDelta { held: Some(whole.clone()), ..world.all_ready("prod", 1) };
    world.sync("prod", None, Some(report));
    let (a, b) = (Subject::GitRepo(r("shop")), Subject::GitRepo(r("shop-b")));
    let of = |subject: &Subject| world.machine.held(subject)[0].1.clone();
    assert_eq!(of(&a).objects, held(&["web", "db"]).objects);
    assert_eq!(of(&b).objects, held(&["shop-b-x"]).objects);
    let approvals = |subject: &Subject, shown: &Digest| world.machine.approvals(subject, &r("prod"), shown);
    let parts = vec![held(&["db"]).digest, held(&["web"]).digest];
    assert_eq!(approvals(&a, &of(&a).digest), Some(parts), "one for each bundle, as the agent takes them");
    assert_eq!(approvals(&a, &whole.digest), None);
    assert_eq!(approvals(&Subject::Cluster(r("prod")), &whole.digest), Some(vec![whole.digest]));
}

#[test]
fn an_approval_of_a_part_does_not_end_the_hold_of_an_epoch() {
    let mut world = shop();
    let foreign = Have { version: Version { epoch: 1, generation: 9 }, digest: Digest::of(b"other") };
    world.sync_with("prod", None, "i", Some(foreign), None);
    let report = ReportDelta { held: Some(held(&["web", "db"])), ..world.all_ready("prod", 1) };
    world.sync_with("prod", Some(1), "i", Some(world.issued[&r("prod")].0), Some(report));
    for (list, allowed) in [(held(&["web"]), false), (held(&["web", "db"]), true)] {
        world.machine.observe(Event::Approved(r("prod"), Approval { list: list.digest, by: "admin".into() }));
        world.settle();
        assert_eq!(world.issued[&r("prod")].1.deletions_allowed, allowed);
    }
}

#[test]
fn approvals_name_the_list_and_end_with_it() {
    let mut world = shop();
    let held = held(&["web"]);
    let digest = held.digest;
    let report = ReportDelta { held: Some(held), ..world.all_ready("prod", 1) };
    world.sync("prod", None, Some(report));
    for subject in [Subject::Cluster(r("prod")), Subject::Bundle(r("web")), Subject::GitRepo(r("shop"))] {
        assert_eq!(world.machine.held(&subject).len(), 1, "{subject:?}");
    }
    assert!(world.machine.held(&Subject::Bundle(r("db"))).is_empty());
    world.machine.observe(Event::Approved(r("prod"), Approval { list: digest, by: "admin".into() }));
    world.settle();
    assert_eq!(world.issued[&r("prod")].1.approvals[0].list, digest);
    let report = world.all_ready("prod", 2);
    world.sync("prod", Some(1), Some(report));
    assert!(world.issued[&r("prod")].1.approvals.is_empty());
}

/// What a hub that starts again reads of a cluster.
fn reloaded(world: &World, cluster: &str) -> skiff_planner::hub::Memory {
    let memory = world.machine.memory(&r(cluster)).unwrap();
    let mut loaded: skiff_planner::hub::Memory = serde_json::from_value(serde_json::to_value(memory).unwrap()).unwrap();
    loaded.desired.clone_from(&memory.desired);
    loaded.report = memory.report.clone();
    loaded
}

/// A hub that starts again from what it stored decides the same, and issues nothing.
#[test]
fn deciding_from_what_was_stored_changes_nothing() {
    let mut world = shop();
    let report = world.all_ready("prod", 1);
    world.sync("prod", None, Some(report));
    world.read(read(&["apps/*"], vec![bundle("db", "apps/*", "apps/db", "1")]));
    let mut again = World::new();
    again.now = world.now;
    again.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    for (name, labels) in [("prod", json!({"env": "prod"})), ("dev", json!({"env": "dev"}))] {
        again.cluster(name, &labels);
        again.machine.observe(Event::Memory(r(name), Box::new(reloaded(&world, name))));
    }
    for (name, record) in world.machine.bundles() {
        again.machine.observe(Event::Bundle(name.clone(), Some(Box::new(record.clone()))));
    }
    again.settle();
    assert_eq!(again.issues, 0);
    let memory = |world: &World| world.machine.memory(&r("prod")).unwrap().newest();
    assert_eq!(memory(&world), memory(&again));
}

#[test]
fn what_is_wrong_with_a_bundle_is_told_before_any_cluster_gets_it() {
    let mut world = World::new();
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    world.results.insert("web".into(), Err("web/more.yaml:4:8: broken".into()));
    world.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "1")]));
    assert!(world.gitrepo_notes("shop").contains(&Reason::RenderFailed));
    let Status::GitRepo(_, shop) = &world.statuses["gitrepo/shop"] else { panic!() };
    let ready = shop.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!((ready.status.as_str(), ready.message.as_str()), ("False", "web/more.yaml:4:8: broken"));
    world.results.clear();
    world.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "2")]));
    assert!(!world.gitrepo_notes("shop").contains(&Reason::RenderFailed));
    world.enroll("prod", &json!({"env": "prod"}));
    world.settle();
    assert_eq!(world.told("prod").0, ["web"]);
    assert_eq!(world.renders.len(), 2, "what was tried is used");
}

/// Whichever comes first, the failed render or the cluster: each is told once.
#[test]
fn what_is_wrong_with_a_bundle_is_told_once_as_clusters_come_and_go() {
    let mut world = World::new();
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    world.results.insert("web".into(), Err("web/more.yaml:4:8: broken".into()));
    world.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "1")]));
    let of_bundle = |world: &World| {
        let Status::Bundle(_, web) = &world.statuses["bundle/web"] else { panic!() };
        web.notes.iter().map(|note| note.reason).collect::<Vec<_>>()
    };
    assert_eq!(of_bundle(&world), [Reason::NoTargets, Reason::RenderFailed]);
    world.enroll("prod", &json!({"env": "prod"}));
    world.settle();
    assert_eq!(of_bundle(&world), [Reason::RenderFailed]);
    assert_eq!(world.gitrepo_notes("shop"), [Reason::RenderFailed]);
    world.cluster("prod", &json!({"env": "lab"}));
    world.settle();
    assert_eq!(of_bundle(&world), [Reason::NoTargets, Reason::RenderFailed]);
}

/// Before and after a cluster gets it, from a render that is known already, and no longer than it holds.
#[test]
fn what_a_render_warns_of_is_told_and_is_no_error() {
    let mut world = World::new();
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    world.warnings.insert("web".into(), vec![Note::new(Reason::LikelyMistake, "web/a.yaml:2:1: no effect")]);
    world.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "1")]));
    assert_eq!(world.gitrepo_notes("shop"), [Reason::LikelyMistake]);
    for cluster in ["prod", "prod2"] {
        world.enroll(cluster, &json!({"env": "prod"}));
        world.settle();
        let report = world.all_ready(cluster, 1);
        world.sync(cluster, None, Some(report));
        assert_eq!(world.gitrepo_notes("shop"), [Reason::LikelyMistake], "once for all clusters");
    }
    let ready = |world: &World| {
        let Status::GitRepo(_, shop) = &world.statuses["gitrepo/shop"] else { panic!() };
        let ready = shop.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
        (ready.status.clone(), ready.message.clone())
    };
    assert_eq!(ready(&world), ("True".into(), String::new()));

    let mut again = World::new();
    again.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    let input = world.renders.last().unwrap();
    let warnings = world.warnings["web"].clone();
    let facts = DeploymentFacts { objects: 1, ..Default::default() };
    again.machine.observe(Event::Deployment(deployment(input), facts));
    again.machine.observe(Event::RenderKnown { input: input.key(), deployment: deployment(input), warnings });
    again.enroll("prod", &json!({"env": "prod"}));
    again.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "1")]));
    assert_eq!((again.renders.len(), again.gitrepo_notes("shop")), (0, vec![Reason::LikelyMistake]));

    world.warnings.clear();
    world.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "2")]));
    assert_eq!(world.gitrepo_notes("shop"), []);
}

/// Sources go to agents that can render them. Another one keeps what it has, and the reason is told; once it is updated
/// it gets them.
#[test]
fn an_agent_that_cannot_render_keeps_what_it_has() {
    let mut world = World::new();
    world.protocol = 1;
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    world.enroll("prod", &json!({"env": "prod"}));
    world.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "1")]));
    world.sync("prod", None, None);
    let plain = world.issued[&r("prod")].1.deployments[0].clone();
    assert!(!plain.rendered_in_cluster);
    world.in_cluster.insert("web".into());
    world.read(read(&["apps/*"], vec![bundle("web", "apps/*", "apps/web", "2")]));
    assert_eq!(world.issued[&r("prod")].1.deployments, std::slice::from_ref(&plain));
    let told = |world: &World| match &world.statuses["cluster/prod"] {
        Status::Cluster(_, status) => {
            status.notes.iter().map(|note| (note.reason, note.remedy().to_owned())).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(told(&world), [(Reason::ProtocolTooOld, "update the agent".to_owned())]);
    world.protocol = fleet_api::wire::SOURCES_PROTOCOL;
    world.sync("prod", Some(1), None);
    let sourced = &world.issued[&r("prod")].1.deployments[0];
    assert!(sourced.rendered_in_cluster && sourced.deployment != plain.deployment);
    assert_eq!(told(&world), []);
    // Who has never been heard of may be of any age.
    world.enroll("new", &json!({"env": "prod"}));
    world.settle();
    assert_eq!(world.told("new").0, [] as [&str; 0]);
    world.sync("new", None, None);
    assert_eq!(world.told("new").0, ["web"]);
}

fn copying(version: &str, resources: &Value) -> FoundBundle {
    let mut found = bundle("web", "apps/*", "apps/web", version);
    found.record.spec.options.downstream_resources = serde_json::from_value(resources.clone()).unwrap();
    found
}

fn copyable(kind: &str, name: &str) -> Copyable {
    Copyable { kind: kind.into(), name: r(name) }
}

/// What a Bundle takes along from the hub is an input of its render: by version, and by what is in the way.
#[test]
fn what_a_bundle_takes_along_is_rendered_again_when_it_changes_and_nothing_else_is() {
    let mut world = World::new();
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"], "clientSecretName": "git"}));
    world.enroll("prod", &json!({"env": "prod"}));
    let wanted = json!([{"kind": "secret", "name": "registry"}, {"kind": "CONFIGMAP", "name": "settings"},
        {"kind": "Secret", "name": "registry"}, {"kind": "Secret", "name": "git"}, {"kind": "Secret", "name": "gitcredential"},
        {"kind": "Pod", "name": "x"}, {"kind": "Secret", "name": "../x"}]);
    world.machine.observe(Event::Copyable(copyable("Secret", "registry"), Some("1".into())));
    world.machine.observe(Event::Copyable(copyable("Secret", "git"), Some("1".into())));
    let plain = bundle("plain", "apps/*", "apps/plain", "1");
    world.read(read(&["apps/*"], vec![copying("1", &wanted), plain]));
    let copied = |kind: &str, name: &str, state| Copied { kind: kind.into(), name: name.into(), state };
    let version = |text: &str| CopyState::Version(text.into());
    let of = |world: &World| world.renders.iter().rev().find(|input| input.bundle == r("web")).unwrap().copies.clone();
    let mut expected = vec![
        copied("Secret", "registry", version("1")),
        copied("ConfigMap", "settings", CopyState::Missing),
        copied("Secret", "git", CopyState::Credential(r("shop"))),
        copied("Secret", "gitcredential", CopyState::Missing),
        copied("Pod", "x", CopyState::UnknownKind),
        copied("Secret", "../x", CopyState::Missing),
    ];
    assert_eq!(of(&world), expected);
    let renders = |world: &mut World, event: Event| {
        let before = world.renders.len();
        world.machine.observe(event);
        world.settle();
        world.renders.len() - before
    };
    // Made later; changed; the same again; of another name, kind or namespace.
    let settings = || copyable("ConfigMap", "settings");
    let elsewhere = Copyable { kind: "Secret".into(), name: Ref::new("other", "registry").unwrap() };
    let cases = [
        (settings(), Some("7"), 1),
        (settings(), Some("7"), 0),
        (settings(), Some("8"), 1),
        (copyable("Secret", "settings"), Some("9"), 0),
        (copyable("ConfigMap", "other"), Some("9"), 0),
        (elsewhere, Some("9"), 0),
        (settings(), None, 1),
    ];
    for (what, version, expected) in cases {
        let event = Event::Copyable(what.clone(), version.map(Into::into));
        assert_eq!(renders(&mut world, event), expected, "{what:?} {version:?}");
    }
    assert_eq!(of(&world), expected);
    // The GitRepo is read with another Secret now.
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    world.settle();
    world.machine.observe(Event::Copyable(copyable("Secret", "gitcredential"), Some("3".into())));
    world.settle();
    expected[2].state = version("1");
    expected[3].state = CopyState::Credential(r("shop"));
    assert_eq!(of(&world), expected);
}

/// A customization takes along what the others do not get.
#[test]
fn clusters_get_copies_of_what_their_own_customization_names() {
    let mut world = World::new();
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    world.enroll("prod", &json!({"env": "prod"}));
    world.machine.observe(Event::Copyable(copyable("Secret", "till"), Some("1".into())));
    let mut found = copying("1", &json!([]));
    let target = &mut found.record.spec.targets[0];
    target.options.downstream_resources = serde_json::from_value(json!([{"kind": "Secret", "name": "till"}])).unwrap();
    world.read(read(&["apps/*"], vec![found]));
    assert_eq!(world.renders.last().unwrap().copies.len(), 1);
    world.renders.clear();
    world.machine.observe(Event::Copyable(copyable("Secret", "till"), Some("2".into())));
    world.settle();
    assert_eq!(world.renders.last().unwrap().copies[0].state, CopyState::Version("2".into()));
}

/// What is missing keeps what runs, like every render that fails; what is there at last is deployed.
#[test]
fn a_bundle_whose_copy_is_missing_keeps_its_last_state() {
    let mut world = World::new();
    world.gitrepo("shop", &json!({"repo": "x", "paths": ["apps/*"]}));
    world.enroll("prod", &json!({"env": "prod"}));
    let wanted = json!([{"kind": "Secret", "name": "registry"}]);
    world.machine.observe(Event::Copyable(copyable("Secret", "registry"), Some("1".into())));
    world.read(read(&["apps/*"], vec![copying("1", &wanted)]));
    let of = |world: &World| world.issued[&r("prod")].1.deployments[0].deployment;
    let deployed = of(&world);
    world.results.insert("web".into(), Err("it does not exist at the hub".into()));
    world.machine.observe(Event::Copyable(copyable("Secret", "registry"), None));
    world.settle();
    assert_eq!(of(&world), deployed);
    assert_eq!(world.gitrepo_notes("shop"), [Reason::RenderFailed]);
    world.results.clear();
    world.machine.observe(Event::Copyable(copyable("Secret", "registry"), Some("2".into())));
    world.settle();
    assert_ne!(of(&world), deployed);
    assert_eq!(world.gitrepo_notes("shop"), []);
}

/// Each rule of the hub, switched off: the harm that it prevents happens, so it is the rule that holds.
#[cfg(feature = "ablation")]
mod ablation {
    use super::*;
    use skiff_planner::hub::Rule;

    fn without(rule: Rule) -> World {
        shop_in(World::with(Rules::all().without(rule)))
    }

    fn foreign() -> Have {
        Have { version: Version { epoch: 1, generation: 9 }, digest: Digest::of(b"other") }
    }

    fn web(world: &World) -> bool {
        world.told("prod").0.contains(&"web".to_owned())
    }

    #[test]
    fn each_rule_is_what_holds() {
        let mut world = without(Rule::R3Epoch);
        world.sync_with("prod", None, "i", Some(foreign()), None);
        assert_eq!(world.issued[&r("prod")].0.version.epoch, 1);

        let mut world = without(Rule::R3Hold);
        world.sync_with("prod", None, "i", Some(foreign()), None);
        assert!(world.issued[&r("prod")].1.deletions_allowed);

        let mut world = without(Rule::R11Report);
        let (first, second) = (world.all_ready("prod", 5), world.all_ready("prod", 4));
        world.sync("prod", None, Some(first));
        assert_eq!(world.sync("prod", Some(1), Some(second)).acknowledged, 4);

        let mut world = without(Rule::R12Start);
        world.sync_with("prod", None, "a", None, None);
        world.sync_with("prod", None, "b", None, None);
        assert!(!world.sync_with("prod", Some(1), "a", None, None).fenced);

        let mut world = without(Rule::R13Absent);
        world.read(read(&["apps/*"], vec![]));
        assert!(!web(&world));

        for (rule, result) in [(Rule::R13Empty, Ok(0)), (Rule::R13Failed, Err("broken".to_owned()))] {
            let mut world = without(rule);
            let before = world.issued[&r("prod")].1.deployments.clone();
            world.results.insert("web".into(), result);
            let next = vec![bundle("web", "apps/*", "apps/web", "2"), bundle("db", "apps/*", "apps/db", "1")];
            world.read(read(&["apps/*"], next));
            assert_ne!(before, world.issued[&r("prod")].1.deployments, "{rule:?}");
        }

        let mut world = without(Rule::R13Moved);
        world.results.insert("www".into(), Err("broken".into()));
        world.read(read(&["apps/*"], vec![bundle("www", "apps/*", "apps/www", "1")]));
        assert!(!super::waits(&world, "prod", "web"));

        let mut world = without(Rule::R14Silence);
        let report = world.all_ready("prod", 1);
        world.sync("prod", None, Some(report));
        world.now += jiff::SignedDuration::from_mins(16);
        world.settle();
        assert!(!web(&world));
    }
}

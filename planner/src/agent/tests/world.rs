//! A cluster, a hub's blobs and a disk, in memory: performs actions at once.

use super::super::*;
use fleet_api::v1alpha1::CorrectDrift;
use fleet_api::wire::{
    ApplyOptions, Approval, COPY_SOURCE, ClusterIdentity, DeploymentObject, DesiredDeployment, Hook, Tombstone,
};
use fleet_api::{Note, Reason};

pub(super) const NOW: &str = "2026-11-25T12:00:00Z";

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub live: Live,
    pub content: Option<Digest>,
}

pub(super) struct World {
    pub now: Timestamp,
    pub machine: Machine,
    pub persisted: Persisted,
    pub blobs: BTreeMap<Digest, Option<Deployment>>,
    pub objects: BTreeMap<ObjectKey, Object>,
    pub kinds: BTreeMap<(&'static str, &'static str), (&'static str, bool)>,
    /// Groups that the API server cannot be asked for.
    pub broken_groups: BTreeSet<&'static str>,
    pub log: Vec<String>,
    pub refuse: BTreeMap<ObjectKey, (Reason, &'static str)>,
    pub finalizers: BTreeSet<ObjectKey>,
    /// What is not healthy when it is applied.
    pub unhealthy: BTreeSet<ObjectKey>,
    pub generation: u64,
    pub rules: Rules,
    pub report: Report,
    /// What `valuesFrom` names, or why it cannot be read.
    pub values: Result<&'static str, Note>,
    /// What values give.
    pub renders: BTreeMap<&'static str, Result<Spec, Note>>,
    /// What of that the hub sent along, and was not rendered.
    pub copies: BTreeSet<ObjectKey>,
    /// Stop after that many actions: a crash.
    pub fuel: Option<usize>,
    /// The watch shows what was applied before the answer comes.
    pub watch_is_first: bool,
    /// What somebody does to an object right after it was applied, and a watch shows before the answer comes.
    pub meanwhile: Option<Meanwhile>,
    /// After each decision every plan is compared with one that is made anew.
    pub looks_at_plans: bool,
    /// Applies that are under way, where they take their time.
    pub late: Option<Vec<Apply>>,
    /// Kinds whose watch has not begun yet.
    pub unlisted: BTreeSet<GroupKind>,
    next: u64,
}

/// See [`World::meanwhile`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Meanwhile {
    Changed,
    Deleted,
}

pub(super) fn name(text: &str) -> Ref {
    Ref::new("fleet-default", text).unwrap()
}

pub(super) fn cluster() -> ClusterUid {
    "c-1".parse().unwrap()
}

pub(super) fn cm(text: &str) -> ObjectKey {
    ObjectKey::new("", "ConfigMap", "shop", text)
}

/// What a Deployment in a test is made of.
#[derive(Clone)]
pub(super) struct Spec {
    pub bundle: &'static str,
    pub objects: Vec<(ObjectKey, &'static str)>,
    pub hooks: BTreeMap<ObjectKey, Hook>,
    /// Those of the objects that are copies of the hub's.
    pub copied: BTreeSet<ObjectKey>,
    pub options: ApplyOptions,
    pub create_namespace: bool,
}

impl Spec {
    pub(super) fn new(bundle: &'static str, objects: &[(ObjectKey, &'static str)]) -> Self {
        Self {
            bundle,
            objects: objects.to_vec(),
            hooks: BTreeMap::new(),
            copied: BTreeSet::new(),
            options: ApplyOptions::default(),
            create_namespace: false,
        }
    }

    pub(super) fn correcting(mut self) -> Self {
        self.options.correct_drift = Some(CorrectDrift { enabled: true, ..CorrectDrift::default() });
        self
    }

    pub(super) fn deployment(&self) -> Deployment {
        Deployment {
            protocol: 1,
            bundle: name(self.bundle),
            release_namespace: "shop".into(),
            force_namespace: false,
            create_namespace: self.create_namespace,
            namespace_labels: BTreeMap::new(),
            namespace_annotations: BTreeMap::new(),
            options: self.options.clone(),
            objects: self
                .objects
                .iter()
                .map(|(key, content)| DeploymentObject {
                    api_version: if key.group.is_empty() { "v1".into() } else { format!("{}/v1", key.group) },
                    key: key.clone(),
                    digest: Digest::of(format!("{key}{content}").as_bytes()),
                    size: 1,
                    source: if self.copied.contains(key) {
                        format!("{COPY_SOURCE}{key}")
                    } else {
                        format!("{}.yaml:1", key.name)
                    },
                    hook: self.hooks.get(key).cloned(),
                    unknown: BTreeMap::new(),
                })
                .collect(),
            sources: None,
            rendered_from: None,
            unknown: BTreeMap::new(),
        }
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Rules::all())
    }

    pub(super) fn with(rules: Rules) -> Self {
        let kinds = [
            (("", "ConfigMap"), ("configmaps", true)),
            (("", "Secret"), ("secrets", true)),
            (("", "Namespace"), ("namespaces", false)),
            (("", "PersistentVolumeClaim"), ("persistentvolumeclaims", true)),
            (("apps", "Deployment"), ("deployments", true)),
            (("batch", "Job"), ("jobs", true)),
            (("apiextensions.k8s.io", "CustomResourceDefinition"), ("customresourcedefinitions", false)),
        ];
        Self {
            now: NOW.parse().unwrap(),
            machine: Machine::new(rules, cluster(), Persisted::default()),
            persisted: Persisted::default(),
            blobs: BTreeMap::new(),
            objects: BTreeMap::new(),
            kinds: kinds.into(),
            log: Vec::new(),
            broken_groups: BTreeSet::new(),
            refuse: BTreeMap::new(),
            finalizers: BTreeSet::new(),
            values: Ok(""),
            renders: BTreeMap::new(),
            copies: BTreeSet::new(),
            unhealthy: BTreeSet::new(),
            generation: 0,
            rules,
            report: Report::default(),
            fuel: None,
            watch_is_first: false,
            meanwhile: None,
            looks_at_plans: false,
            late: None,
            unlisted: BTreeSet::new(),
            next: 100,
        }
    }

    /// A Desired with these Deployments and tombstones, changed by `edit`.
    pub(super) fn desired(&mut self, specs: &[Spec], tombstones: &[&str], edit: impl FnOnce(&mut Desired)) -> Desired {
        self.generation += 1;
        let mut deployments = Vec::new();
        for spec in specs {
            let deployment = spec.deployment();
            let digest = Digest::of_json(&deployment).unwrap();
            for object in &deployment.objects {
                self.blobs.insert(object.digest, None);
            }
            self.blobs.insert(digest, Some(deployment));
            deployments.push(DesiredDeployment {
                bundle: name(spec.bundle),
                deployment: digest,
                rendered_in_cluster: false,
                depends_on: Vec::new(),
                deletion_limit: None,
                unknown: BTreeMap::new(),
            });
        }
        let mut desired = Desired {
            protocol: 1,
            identity: ClusterIdentity { cluster: name("c"), uid: cluster() },
            version: Version { epoch: 1, generation: self.generation },
            issued: self.now,
            expires: "2027-01-01T00:00:00Z".parse().unwrap(),
            deployments,
            tombstones: tombstones.iter().map(|bundle| tombstone(bundle)).collect(),
            deletions_allowed: true,
            approvals: Vec::new(),
        };
        edit(&mut desired);
        desired
    }

    pub(super) fn send(&mut self, desired: Desired) {
        let digest = Digest::of_json(&desired).unwrap();
        self.machine.observe(Event::Desired { desired: Box::new(desired), digest });
        self.run();
    }

    pub(super) fn deploy(&mut self, specs: &[Spec], tombstones: &[&str]) {
        let desired = self.desired(specs, tombstones, |_| {});
        self.send(desired);
    }

    pub(super) fn approve_held(&mut self, specs: &[Spec], tombstones: &[&str]) {
        let list = self.report.held.as_ref().expect("something is held").digest;
        let desired = self.desired(specs, tombstones, |desired| {
            desired.approvals.push(Approval { list, by: "admin".into() });
        });
        self.send(desired);
    }

    /// A new machine from what is persisted; the cache stays, the watches begin again.
    pub(super) fn restart(&mut self) {
        self.begin_again();
        self.run();
    }

    /// The same, and nothing is done yet.
    pub(super) fn begin_again(&mut self) {
        self.machine = Machine::new(self.rules, cluster(), self.persisted.clone());
        self.fuel = None;
        let digests = self.blobs.keys().copied().collect();
        self.machine.observe(Event::BlobsPresent { digests });
    }

    /// Decides and performs until there is nothing to do; time goes on only where something waits for less than a minute.
    pub(super) fn run(&mut self) {
        for _ in 0..400 {
            let decision = self.machine.decide(self.now);
            if self.looks_at_plans {
                assert_eq!(self.machine.stale(self.now), Vec::<&Ref>::new(), "out of date after {:?}", self.log);
            }
            if let Some(report) = decision.report {
                self.report = report;
            }
            let idle = decision.actions.is_empty();
            for action in decision.actions {
                if self.fuel == Some(0) {
                    return;
                }
                self.fuel = self.fuel.map(|fuel| fuel - 1);
                self.perform(action);
            }
            let news = self.list_new_kinds();
            if idle && !news {
                match decision.wake_at {
                    Some(at) if at.duration_since(self.now) < jiff::SignedDuration::from_secs(8) => {
                        self.now = self.now.max(at);
                    }
                    Some(_) | None => return,
                }
            }
        }
        panic!("does not come to rest: {:#?}", &self.log[self.log.len().saturating_sub(12)..]);
    }

    /// Every watched kind is listed, once.
    fn list_new_kinds(&mut self) -> bool {
        let mut news = false;
        for kind in self.machine.watched().into_keys() {
            if self.machine.snapshot.listed.contains(&kind) || self.unlisted.contains(&kind) {
                continue;
            }
            news = true;
            let of_kind: Vec<(ObjectKey, Live)> = self
                .objects
                .iter()
                .filter(|(key, object)| GroupKind::of(key) == kind && object.live.is_watched(&cluster()))
                .map(|(key, object)| (key.clone(), object.live.clone()))
                .collect();
            let seen = of_kind.iter().map(|(key, _)| key.clone()).collect();
            for (key, live) in of_kind {
                self.see(key, Some(live), Source::Watch);
            }
            self.machine.observe(Event::Listed { kind, seen });
        }
        news
    }

    pub(super) fn see(&mut self, key: ObjectKey, live: Option<Live>, source: Source) {
        self.machine.observe(Event::Object { key, live: live.map(Box::new), source, at: self.now });
    }

    /// Somebody changes an object of the cluster, and the watch tells.
    pub(super) fn meddle(&mut self, key: &ObjectKey, change: impl FnOnce(&mut Live)) {
        let version = self.version();
        let object = self.objects.get_mut(key).expect("the object exists");
        change(&mut object.live);
        object.live.resource_version = version;
        let live = object.live.clone();
        self.see(key.clone(), Some(live), Source::Watch);
        self.run();
    }

    /// Somebody deletes an object, and the watch tells.
    pub(super) fn delete(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
        self.machine.observe(Event::Suspect { key: key.clone() });
        self.run();
    }

    /// Somebody takes our label off an object, and the watch tells that it is not among ours any more.
    pub(super) fn unlabel(&mut self, key: &ObjectKey) {
        self.objects.get_mut(key).expect("the object exists").live.owner = None;
        self.machine.observe(Event::Suspect { key: key.clone() });
        self.run();
    }

    pub(super) fn foreign(&mut self, key: &ObjectKey, manager: &str) {
        let uid = format!("foreign-{}", self.version()).into();
        let live =
            Live { uid, resource_version: self.version(), other_manager: Some(manager.into()), ..Live::default() };
        self.objects.insert(key.clone(), Object { live, content: None });
    }

    pub(super) fn uid(&self, key: &ObjectKey) -> String {
        self.objects[key].live.uid.to_string()
    }

    /// The applies that are under way are done, and answered.
    pub(super) fn arrive(&mut self) {
        self.late.take().into_iter().flatten().for_each(|apply| self.apply(apply));
        self.run();
    }

    fn version(&mut self) -> Box<str> {
        self.next += 1;
        self.next.to_string().into()
    }

    pub(super) fn writes(&self) -> Vec<&str> {
        let is_write =
            |line: &&str| !line.starts_with("read") && !line.starts_with("fetch") && !line.starts_with("discover");
        self.log.iter().map(String::as_str).filter(is_write).collect()
    }

    pub(super) fn reasons(&self, bundle: &str) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = self
            .report
            .deployments
            .get(&name(bundle))
            .into_iter()
            .flat_map(|said| said.notes.iter().map(|n| n.reason))
            .collect();
        reasons.dedup();
        reasons
    }

    pub(super) fn perform(&mut self, action: Action) {
        let at = self.now;
        match action {
            Action::SaveDesired { digest } => {
                self.log.push("save".into());
                let pending = self.machine.snapshot.pending.clone().expect("something to save");
                self.persisted.mark = pending.desired.version;
                self.persisted.desired = Some((pending.desired, digest));
                self.machine.observe(Event::DesiredSaved { digest });
            }
            Action::Journal { revision } => {
                self.log.push("journal".into());
                self.persisted.ledger = self.machine.ledger().clone();
                self.machine.observe(Event::Journaled { revision });
            }
            Action::Fetch { wants } => {
                self.log.push(format!("fetch {}", wants.len()));
                let (mut missing, mut present) = (Vec::new(), Vec::new());
                for want in wants {
                    match self.blobs.get(&want.digest) {
                        Some(Some(deployment)) => self.machine.observe(Event::Deployment {
                            digest: want.digest,
                            deployment: Box::new(deployment.clone()),
                        }),
                        Some(None) => present.push(want.digest),
                        None => missing.push(want.digest),
                    }
                }
                self.machine.observe(Event::BlobsPresent { digests: present });
                self.machine.observe(Event::Fetched { missing, refused: Vec::new(), problem: None, at });
            }
            Action::Discover { kinds } => self.discover(kinds),
            Action::Read { target } => {
                self.log.push(format!("read {}", target.key));
                let live = self.objects.get(&target.key).map(|object| object.live.clone());
                self.see(target.key, live, Source::Read);
            }
            Action::EnsureNamespace(ensure) => {
                self.log.push(format!("namespace {}", ensure.namespace));
                let EnsureNamespace { bundle, namespace, token, delete, .. } = *ensure;
                let key = ObjectKey::new("", "Namespace", "", &namespace);
                let created = !self.objects.contains_key(&key);
                if created {
                    let live = Live { uid: self.version(), only_ours: true, ..Live::default() };
                    self.objects.insert(key.clone(), Object { live, content: None });
                }
                let live = &self.objects[&key].live;
                let ours = (delete && live.only_ours).then(|| live.uid.clone());
                self.machine.observe(Event::NamespaceEnsured { bundle, namespace, token, created, ours });
            }
            Action::Apply(apply) => match &mut self.late {
                Some(late) => late.push(*apply),
                None => self.apply(*apply),
            },
            Action::RemoveKeys(remove) => {
                self.log.push(format!("remove {} from {}", remove.pointers.join(" "), remove.target.key));
                let version = self.version();
                let live = &mut self.objects.get_mut(&remove.target.key).expect("it exists").live;
                live.added.retain(|stray| !remove.pointers.iter().any(|pointer| **pointer == *stray.pointer));
                live.resource_version = version;
                self.machine.observe(Event::Touched { key: remove.target.key, repaired: true, at });
            }
            Action::Delete(delete) => self.delete_as_told(*delete),
            Action::ReadValues(read) => {
                let from = |of: &ValueRef| if of.copy.is_some() { " of the hub" } else { "" };
                let refs: Vec<String> =
                    read.refs.iter().map(|of| format!("{} {}{}", of.object, of.key, from(of))).collect();
                self.log.push(format!("values {} as {:?}", refs.join(", "), read.service_account));
                let result = self.values.clone().map(|text| Digest::of(text.as_bytes()));
                self.machine.observe(Event::Values { deployment: read.deployment, result, at });
            }
            Action::Render { deployment, values } => {
                self.log.push("render".into());
                let text = self.renders.keys().find(|text| Digest::of(text.as_bytes()) == values);
                let result = self.renders[text.expect("values that give something")].clone();
                let result = result.map(|spec| Box::new(self.made(&spec, deployment)));
                self.machine.observe(Event::Rendered { deployment, values: Some(values), result, at });
            }
        }
    }

    /// What comes of sources; it is in the cache.
    fn made(&mut self, spec: &Spec, from: Digest) -> Made {
        let mut deployment = Deployment { rendered_from: Some(from), ..spec.deployment() };
        for object in deployment.objects.iter_mut().filter(|object| self.copies.contains(&object.key)) {
            object.source = fleet_api::wire::COPY_SOURCE.to_owned();
        }
        let digest = Digest::of_json(&deployment).unwrap();
        self.blobs.extend(deployment.objects.iter().map(|object| (object.digest, None)));
        self.blobs.insert(digest, Some(deployment.clone()));
        Made { digest, deployment }
    }

    fn discover(&mut self, kinds: Vec<GroupKind>) {
        let at = self.now;
        self.log.push("discover".into());
        let find = |kind: &GroupKind| {
            self.kinds.iter().find(|((group, name), _)| *group == kind.group && *name == kind.kind).map(
                |(_, (plural, namespaced))| KindInfo {
                    plural: (*plural).into(),
                    namespaced: *namespaced,
                    versions: vec!["v1".into()],
                },
            )
        };
        let (broken, kinds): (Vec<_>, Vec<_>) =
            kinds.into_iter().partition(|kind| self.broken_groups.contains(kind.group.as_str()));
        let kinds: Vec<_> = kinds.into_iter().map(|kind| (kind.clone(), find(&kind))).collect();
        if !kinds.is_empty() {
            self.machine.observe(Event::Kinds { kinds, at });
        }
        if !broken.is_empty() {
            let groups = broken.into_iter().map(|kind| (kind.group, "503".to_owned())).collect();
            self.machine.observe(Event::DiscoveryFailed { groups, at });
        }
    }

    fn delete_as_told(&mut self, delete: Delete) {
        let at = self.now;
        self.log.push(format!("delete {}", delete.target.key));
        let key = delete.target.key;
        if let Some((reason, message)) = self.refuse.get(&key).copied() {
            return self.machine.observe(Event::Failed(Box::new(Failed {
                bundle: Some(delete.bundle),
                key,
                content: None,
                reason,
                message: message.into(),
                namespace_missing: false,
                stale: false,
                at,
            })));
        }
        let matches = self.objects.get(&key).is_some_and(|object| *object.live.uid == *delete.uid);
        if matches && self.finalizers.contains(&key) {
            let live = &mut self.objects.get_mut(&key).expect("it exists").live;
            live.deleting = Some(vec!["example.com/hangs".into()]);
        } else if matches {
            self.objects.remove(&key);
        }
        self.machine.observe(Event::Touched { key, repaired: false, at });
    }

    fn apply(&mut self, apply: Apply) {
        let key = apply.target.key.clone();
        self.log.push(format!("apply{} {key} {:?}", if apply.force { "!" } else { "" }, apply.cause));
        let fail = |reason, message: &str, at| {
            Event::Failed(Box::new(Failed {
                bundle: Some(apply.bundle.clone()),
                key: key.clone(),
                content: Some(apply.content),
                reason,
                message: message.into(),
                namespace_missing: false,
                stale: false,
                at,
            }))
        };
        if let Some((reason, message)) = self.refuse.get(&key).copied() {
            let event = fail(reason, message, self.now);
            return self.machine.observe(event);
        }
        let version = self.version();
        let uid = self.objects.get(&key).map_or_else(|| format!("uid-{version}").into(), |old| old.live.uid.clone());
        let live = Live {
            uid,
            resource_version: version,
            owner: Some(cluster().as_str().into()),
            deployment: Some(apply.bundle.to_string().into()),
            only_ours: true,
            fields: Some(apply.content),
            is_hook: apply.cause == Cause::Hook,
            unhealthy: self
                .unhealthy
                .contains(&key)
                .then(|| Box::new(Unhealthy { state: "in-progress".into(), message: "".into() })),
            ended: self.objects.get(&key).and_then(|old| old.live.ended.clone()),
            replicas_owner: self.objects.get(&key).and_then(|old| old.live.replicas_owner.clone()),
            added: self.objects.get(&key).map(|old| old.live.added.clone()).unwrap_or_default(),
            ..Live::default()
        };
        self.objects.insert(key.clone(), Object { live: live.clone(), content: Some(apply.content) });
        if key.kind == "CustomResourceDefinition" {
            self.kinds.insert(("example.com", "Widget"), ("widgets", true));
        }
        if self.watch_is_first {
            self.see(key.clone(), Some(live.clone()), Source::Watch);
        }
        match self.meanwhile.take() {
            None => {}
            Some(Meanwhile::Changed) => {
                let resource_version = self.version();
                let object = self.objects.get_mut(&key).expect("it was applied");
                let lost = vec![Strayed { pointer: "/data/a".into(), manager: "kubectl-edit".into() }];
                object.live = Live { resource_version, fields: None, lost, ..live.clone() };
                let seen = object.live.clone();
                self.see(key.clone(), Some(seen), Source::Watch);
            }
            Some(Meanwhile::Deleted) => {
                self.objects.remove(&key);
                self.machine.observe(Event::Suspect { key: key.clone() });
            }
        }
        self.machine.observe(Event::Applied(Box::new(Applied {
            bundle: apply.bundle,
            key,
            api_version: apply.target.api_version,
            content: apply.content,
            live,
            cause: apply.cause,
            sync: apply.sync,
            keep: false,
            left_out: apply.leave_out,
            at: self.now,
        })));
    }
}

pub(super) fn tombstone(bundle: &str) -> Tombstone {
    Tombstone {
        bundle: name(bundle),
        cause: "removed from git".into(),
        keep_resources: false,
        deployment: None,
        delete_crd_resources: false,
        deletion_limit: None,
        unknown: BTreeMap::new(),
    }
}

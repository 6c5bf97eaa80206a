//! How events change the snapshot, and which Bundles they concern.
//!
//! Invariant: nothing is decided here.

use super::backoff::Tries;
use super::event::{Applied, Event, Failed, Made, Source};
use super::hooks::HookLedger;
use super::rules::Rule;
use super::snapshot::{Accepted, Attempt, GroupKind, Live};
use super::{Cause, Machine, accept, sources};
use fleet_api::names::Ref;
use fleet_api::wire::{Deployment, DeploymentObject, Timestamp};
use fleet_api::{Digest, Note, ObjectKey, Reason};
use std::collections::BTreeSet;

impl Machine {
    /// Takes in what happened.
    pub fn observe(&mut self, event: Event) {
        match event {
            Event::Desired { desired, digest } => self.desired(Accepted { desired: *desired, digest }),
            Event::DesiredSaved { digest } => self.desired_saved(digest),
            Event::Journaled { revision } => {
                self.journal.persisted = self.journal.persisted.max(revision);
                self.journal.in_flight = false;
                self.journal.tries = None;
                self.journal.problem = None;
                self.journal.dirty_since = None;
            }
            Event::JournalFailed { message, at } => self.journal_failed(message, at),
            Event::Deployment { digest, deployment } => {
                let verdict = accept::understand(self.snapshot.rules, digest, &deployment);
                self.deployment(digest, verdict.map(|()| *deployment));
            }
            Event::Unreadable { digest, why } => self.deployment(digest, Err(accept::unreadable(digest, &why))),
            Event::Values { deployment, result, at } => self.values(deployment, result, at),
            Event::Rendered { deployment, values, result, at } => self.rendered(deployment, values, result, at),
            Event::BlobsPresent { digests } => {
                for digest in digests {
                    self.snapshot.fetching.in_flight.remove(&digest);
                    self.snapshot.blobs.insert(digest);
                }
                self.wake_fetchers();
            }
            Event::BlobLost { digest } => {
                self.snapshot.blobs.remove(&digest);
                self.all_dirty = true;
            }
            Event::Fetched { missing, refused, problem, at } => self.fetched(&missing, refused, problem, at),
            Event::Kinds { kinds, at } => self.kinds(kinds, at),
            Event::DiscoveryFailed { groups, at } => self.discovery_failed(groups, at),
            Event::Listed { kind, seen } => self.listed(kind, &seen),
            Event::Unwatched { kind } => {
                self.snapshot.listed.remove(&kind);
            }
            Event::Object { key, live, source, at } => self.object(&key, live, source, at),
            Event::Suspect { key } if !self.snapshot.rules.on(Rule::R7Deleted) => {
                self.snapshot.live.insert(key.clone(), None);
                self.touch(&key);
            }
            Event::Suspect { key } => {
                self.snapshot.live.remove(&key);
                self.touch(&key);
                self.doubt(key);
            }
            Event::NamespaceEnsured { bundle, namespace, token, created, ours } => {
                let key = super::ensure_key(&bundle, &namespace);
                self.snapshot.in_flight.remove(&key);
                self.snapshot.written_over.remove(&key);
                self.snapshot.attempts.remove(&key);
                let ledger = self.snapshot.ledger.begin(&bundle);
                if ledger.namespace != Some(token) {
                    ledger.namespace = Some(token);
                    self.journal.revision += 1;
                }
                self.note_namespace(&bundle, &namespace, ours);
                if created {
                    self.namespace_is_fresh(namespace);
                }
                self.dirty.insert(bundle);
            }
            Event::Applied(applied) => self.applied(*applied),
            Event::Failed(failed) => self.failed(*failed),
            Event::Touched { key, repaired, at } => {
                self.snapshot.in_flight.remove(&key);
                self.snapshot.doubted.remove(&key);
                self.snapshot.attempts.remove(&key);
                if repaired {
                    self.repaired(&key, at);
                }
                self.snapshot.written_over.remove(&key);
                self.snapshot.live.remove(&key);
                self.touch(&key);
            }
            Event::Fenced(fenced) => {
                self.all_dirty |= self.snapshot.fenced != fenced;
                self.snapshot.fenced = fenced;
            }
        }
    }

    /// R10: what is not understood is as if it had not come, but for the note.
    fn deployment(&mut self, digest: Digest, understood: Result<Deployment, Note>) {
        match understood {
            Ok(deployment) => drop(self.snapshot.docs.insert(digest, deployment)),
            Err(note) => drop(self.snapshot.unread.insert(digest, note)),
        }
        self.snapshot.fetching.in_flight.remove(&digest);
        self.snapshot.blobs.insert(digest);
        self.claims_stale = true;
    }

    fn values(&mut self, deployment: Digest, result: Result<Digest, Note>, at: Timestamp) {
        let rendering = self.snapshot.renderings.entry(deployment).or_default();
        rendering.reading = false;
        rendering.looked = Some(at);
        match result {
            Ok(values) => (rendering.values, rendering.trouble) = (Some(values), None),
            Err(note) => rendering.trouble = Some(note),
        }
        self.touch_rendered(deployment);
    }

    fn rendered(&mut self, source: Digest, values: Option<Digest>, result: Result<Box<Made>, Note>, at: Timestamp) {
        let bundles = self.snapshot.desired.iter().flat_map(|accepted| &accepted.desired.deployments);
        let bundle = bundles.filter(|desired| desired.deployment == source).map(|desired| &desired.bundle).next();
        let has = bundle.and_then(|bundle| self.snapshot.ledger.bundle(bundle));
        let copies = has.and_then(|ledger| self.snapshot.docs.get(&ledger.deployment?));
        let copies = copies.map_or(0, |before| before.objects.iter().filter(|object| object.is_copy()).count());
        let has = has.map_or(0, |ledger| ledger.objects().len()).saturating_sub(copies);
        let rendering = self.snapshot.renderings.entry(source).or_default();
        rendering.rendering = false;
        match (values, result) {
            (None, result) => {
                (rendering.values, rendering.looked, rendering.trouble) = (None, Some(at), result.err());
            }
            (Some(values), Err(note)) => rendering.failed = Some((values, note)),
            // R13, as at the hub: a render that gives nothing, where there was something, changes nothing.
            (Some(values), Ok(made)) if made.deployment.objects.iter().all(DeploymentObject::is_copy) && has > 0 => {
                let message = format!("the values give no object at all; the {has} objects that the bundle had stay");
                rendering.failed = Some((values, Note::new(Reason::EmptyRender, message)));
            }
            (Some(values), Ok(made)) => {
                rendering.failed = None;
                rendering.made = Some((values, made.digest));
                let Made { digest, deployment } = *made;
                self.snapshot.blobs.extend(deployment.objects.iter().map(|object| object.digest));
                self.deployment(digest, Ok(deployment));
            }
        }
        self.touch_rendered(source);
    }

    fn touch_rendered(&mut self, deployment: Digest) {
        let desired = self.snapshot.desired.iter().flat_map(|accepted| &accepted.desired.deployments);
        let of = desired.filter(|desired| desired.deployment == deployment).map(|desired| desired.bundle.clone());
        self.dirty.extend(of);
    }

    fn journal_failed(&mut self, message: String, at: Timestamp) {
        self.journal.in_flight = false;
        self.journal.tries = Some(Tries::again(self.journal.tries, at));
        self.journal.problem = Some(message);
        // Nobody knows how long it will be: what rests on a namespace that was just made is looked at by then.
        self.all_dirty |= !self.snapshot.fresh_namespaces.is_empty();
        self.snapshot.fresh_namespaces.clear();
    }

    fn desired(&mut self, accepted: Accepted) {
        let known = self.snapshot.desired.as_ref().map(|current| current.digest);
        if known == Some(accepted.digest) {
            self.snapshot.rejected = None;
            return;
        }
        let snapshot = &mut self.snapshot;
        let verdict =
            accept::accept(snapshot.rules, &snapshot.cluster, snapshot.mark, known, &accepted.desired, accepted.digest);
        match verdict {
            Ok(()) => {
                snapshot.rejected = None;
                if !snapshot.rules.on(Rule::R2Saved) {
                    snapshot.desired = Some(accepted.clone());
                    self.claims_stale = true;
                }
                self.snapshot.pending = Some(accepted);
                self.saving = false;
            }
            Err(note) => snapshot.rejected = Some(note),
        }
    }

    fn desired_saved(&mut self, digest: Digest) {
        let Some(accepted) = self.snapshot.pending.take_if(|pending| pending.digest == digest) else { return };
        self.saving = false;
        self.snapshot.mark = self.snapshot.mark.max(accepted.desired.version);
        self.snapshot.desired = Some(accepted);
        self.snapshot.fetching.refused.clear();
        self.snapshot.fetching.tries = None;
        self.forget_docs();
        self.claims_stale = true;
    }

    /// Drops Deployments that neither the Desired nor the ledger names.
    fn forget_docs(&mut self) {
        let snapshot = &mut self.snapshot;
        let desired = snapshot.desired.iter().flat_map(|accepted| &accepted.desired.deployments);
        let mut needed: BTreeSet<Digest> = desired.map(|deployment| deployment.deployment).collect();
        snapshot.renderings.retain(|digest, _| needed.contains(digest));
        needed.extend(snapshot.renderings.values().filter_map(|rendering| rendering.made).map(|(_, made)| made));
        needed.extend(snapshot.ledger.bundles().values().filter_map(|bundle| bundle.deployment));
        snapshot.docs.retain(|digest, _| needed.contains(digest));
        snapshot.unread.retain(|digest, _| needed.contains(digest));
    }

    fn wake_fetchers(&mut self) {
        let waiting = self.plans.iter().filter(|(_, plan)| !plan.wants.is_empty());
        self.dirty.extend(waiting.map(|(bundle, _)| bundle.clone()));
    }

    fn fetched(&mut self, missing: &[Digest], refused: Vec<Digest>, problem: Option<Note>, at: Timestamp) {
        let fetching = &mut self.snapshot.fetching;
        for digest in missing.iter().chain(&refused) {
            fetching.in_flight.remove(digest);
        }
        let again = missing.iter().any(|digest| !refused.contains(digest)).then(|| Tries::again(fetching.tries, at));
        fetching.tries = again;
        fetching.refused.extend(refused);
        fetching.problem = problem;
        self.wake_fetchers();
    }

    fn kinds(&mut self, kinds: Vec<(GroupKind, Option<super::KindInfo>)>, at: Timestamp) {
        self.discovery.in_flight = false;
        self.discovery.failed = false;
        let all_there = kinds.iter().all(|(_, info)| info.is_some());
        for (kind, info) in kinds {
            self.all_dirty |= self.snapshot.unreadable.remove(&kind.group).is_some();
            self.claims_stale |= self.snapshot.kinds.get(&kind) != Some(&info);
            self.snapshot.kinds.insert(kind, info);
        }
        self.discovery.tries = (!all_there).then(|| Tries::again(self.discovery.tries, at));
    }

    fn discovery_failed(&mut self, groups: Vec<(String, String)>, at: Timestamp) {
        self.discovery.in_flight = false;
        self.discovery.failed = true;
        self.discovery.tries = Some(Tries::again(self.discovery.tries, at));
        for (group, why) in groups {
            self.all_dirty |= self.snapshot.unreadable.insert(group, why.clone()) != Some(why);
        }
    }

    fn listed(&mut self, kind: GroupKind, seen: &BTreeSet<ObjectKey>) {
        let bundles = self.snapshot.ledger.bundles().values();
        let ours = bundles.flat_map(|of| of.objects().keys().chain(of.hooks.iter().flat_map(HookLedger::watched)));
        let unseen: Vec<ObjectKey> = ours
            .filter(|key| key.group == kind.group && key.kind == kind.kind && !seen.contains(*key))
            .cloned()
            .collect();
        for key in unseen {
            if !self.snapshot.rules.on(Rule::R7Listed) {
                self.snapshot.live.insert(key, None);
                continue;
            }
            // Absent from a list is not deleted: it is read before it is believed.
            if !matches!(self.snapshot.live.get(&key), Some(None)) {
                self.snapshot.live.remove(&key);
                self.doubt(key);
            }
        }
        self.touch_kind(&kind);
        self.snapshot.listed.insert(kind);
    }

    /// What an answer that is under way shows may not be so any more.
    fn doubt(&mut self, key: ObjectKey) {
        if self.snapshot.in_flight.contains(&key) {
            self.snapshot.doubted.insert(key);
        }
    }

    /// A release namespace that is to go with its Bundle is in the ledger, with its UID (R6), unless somebody has it already.
    fn note_namespace(&mut self, bundle: &Ref, namespace: &str, ours: Option<Box<str>>) {
        let key = ObjectKey::new("", "Namespace", "", namespace);
        let Some(uid) = ours.filter(|_| self.snapshot.ledger.owner(&key).is_none()) else { return };
        let entry = super::Entry { api_version: "v1".into(), uid: Some(uid), made: true, ..super::Entry::default() };
        self.snapshot.ledger.put(bundle, key, entry);
        self.journal.revision += 1;
    }

    /// Nothing can be in a namespace that was just made: whatever is to come there is not read first.
    fn namespace_is_fresh(&mut self, namespace: String) {
        self.all_dirty |= self.snapshot.fresh_namespaces.insert(namespace);
    }

    /// Marks the Bundles that have objects of a kind, or are to have some.
    fn touch_kind(&mut self, kind: &GroupKind) {
        let is_of = |key: &ObjectKey| key.group == kind.group && key.kind == kind.kind;
        let snapshot = &self.snapshot;
        let has = |digest: Digest| {
            snapshot.docs.get(&digest).is_some_and(|of| of.objects.iter().any(|object| is_of(&object.key)))
        };
        let desired = snapshot.desired.iter().flat_map(|accepted| &accepted.desired.deployments);
        let to_have = desired.filter(|desired| sources::effective(snapshot, desired).is_some_and(has));
        let to_have = to_have.map(|desired| &desired.bundle);
        let holders = snapshot.ledger.bundles().iter().filter(|(_, of)| {
            of.deployment.is_some_and(has)
                || of.objects().keys().any(is_of)
                || of.hooks.iter().flat_map(HookLedger::watched).any(is_of)
        });
        let concerned: Vec<Ref> = to_have.chain(holders.map(|(bundle, _)| bundle)).cloned().collect();
        self.dirty.extend(concerned);
    }

    fn object(&mut self, key: &ObjectKey, live: Option<Box<Live>>, source: Source, at: Timestamp) {
        let is_read = source == Source::Read;
        if is_read {
            self.snapshot.in_flight.remove(key);
            if self.snapshot.attempts.get(key).is_some_and(|attempt| attempt.content.is_none()) {
                self.snapshot.attempts.remove(key);
            }
        }
        let is_hook = self.snapshot.ledger.of_hooks(key).next().is_some();
        let is_ours = is_hook || self.snapshot.ledger.owner(key).is_some();
        if !is_ours && !self.snapshot.claims.contains_key(key) {
            return;
        }
        if !is_ours && !is_read {
            // A first apply rests on a read of its own.
            return;
        }
        let is_doubted = is_read && self.snapshot.doubted.remove(key);
        let known = self.snapshot.live.get(key).and_then(Option::as_deref);
        if let (Some(known), Some(live)) = (known, &live) {
            let is_past = is_older(&live.resource_version, &known.resource_version);
            if !is_read && (is_past || *known == **live) {
                return;
            }
            // A watch was faster than the answer.
            if is_read && is_past {
                return self.touch(key);
            }
        }
        if is_doubted {
            // It went after the answer was given, or before: it is read again.
            return self.touch(key);
        }
        let recorded = self.snapshot.ledger.owner(key).and_then(|owner| self.snapshot.ledger.entry(owner, key));
        let recorded = recorded.and_then(|entry| entry.uid.as_deref());
        // What turns out to be somebody else's, or to go without our label, is looked at again in its time; an apply
        // forgets it.
        let cluster = &self.snapshot.cluster;
        let is_unseen =
            |live: &Live| recorded != Some(&*live.uid) || (live.deleting.is_some() && !live.is_watched(cluster));
        if is_read && !is_hook && live.as_deref().is_some_and(is_unseen) {
            let tries = Tries::again(self.snapshot.repairs.get(key).copied(), at);
            self.snapshot.repairs.insert(key.clone(), tries);
        }
        self.snapshot.live.insert(key.clone(), live);
        self.touch(key);
    }

    fn applied(&mut self, applied: Applied) {
        let Applied { bundle, key, api_version, content, live, cause, sync, keep, left_out, at } = applied;
        self.snapshot.in_flight.remove(&key);
        self.snapshot.attempts.remove(&key);
        if cause == Cause::Create && key.group.is_empty() && key.kind == "Namespace" {
            self.namespace_is_fresh(key.name.clone());
        }
        if key.kind == "CustomResourceDefinition" {
            self.discovery.tries = self.discovery.tries.map(|_| Tries { count: 0, last: at });
        }
        if cause == Cause::Hook {
            return self.hook_applied(&bundle, &key, live, at);
        }
        self.tell(&key, cause, &left_out, at);
        let owner = self.snapshot.ledger.owner(&key).cloned().unwrap_or(bundle);
        let entry = super::Entry {
            api_version: api_version.into(),
            uid: Some(live.uid.clone()),
            content: Some(content),
            fields: live.fields,
            sync,
            keep,
            doomed: false,
            made: false,
        };
        let ledger = &mut self.snapshot.ledger;
        if ledger.entry(&owner, &key) != Some(&entry) {
            ledger.put(&owner, key.clone(), entry);
            self.journal.revision += 1;
        }
        // Who changed or deleted it right after the apply may have been seen before the answer came: then it is read.
        let known = self.snapshot.live.get(&key).and_then(Option::as_deref);
        let is_past = known.is_some_and(|known| is_older(&live.resource_version, &known.resource_version));
        if self.snapshot.doubted.remove(&key) || is_past {
            self.snapshot.live.remove(&key);
        } else {
            self.snapshot.live.insert(key.clone(), Some(Box::new(live)));
        }
        self.touch(&key);
    }

    /// What is worth knowing of an apply.
    fn tell(&mut self, key: &ObjectKey, cause: Cause, left_out: &[String], at: Timestamp) {
        if cause == Cause::Repair {
            return self.repaired(key, at);
        }
        self.snapshot.repairs.remove(key);
        self.snapshot.told.remove(key);
        let before = self.before(key);
        let live = before.as_deref();
        let lost = live.map(|live| live.lost.as_slice()).unwrap_or_default();
        let note = if !left_out.is_empty() {
            let owner = live.and_then(|live| live.replicas_owner.as_deref()).unwrap_or("its controller").to_owned();
            let fields: Vec<String> = left_out.iter().map(|pointer| super::pointer::dotted(pointer)).collect();
            Some(Note::new(Reason::LeftToController, format!("{} of {key} is left to {owner}", fields.join(", "))))
        } else if lost.is_empty() {
            None
        } else {
            let fields: Vec<String> = lost.iter().map(|stray| super::pointer::dotted(&stray.pointer)).collect();
            let by = lost.iter().map(|stray| &*stray.manager).find(|name| !name.is_empty()).unwrap_or("somebody");
            let message = format!("the newer state of {key} overruled {by} in {}", fields.join(", "));
            Some(Note::new(Reason::Overruled, message))
        };
        if let Some(note) = note {
            self.snapshot.told.insert(key.clone(), note.about(key.clone()));
        }
    }

    /// What was known of an object before it was written over.
    fn before(&mut self, key: &ObjectKey) -> Option<Box<Live>> {
        let live = &self.snapshot.live;
        self.snapshot.written_over.remove(key).unwrap_or_else(|| live.get(key).cloned().flatten())
    }

    fn repaired(&mut self, key: &ObjectKey, at: Timestamp) {
        let tries = Tries::repair(self.snapshot.repairs.get(key).copied(), at);
        self.snapshot.repairs.insert(key.clone(), tries);
        let what = match self.before(key) {
            Some(live) => {
                let strays = live.lost.iter().chain(live.added.iter().filter(|stray| stray.by_person()));
                let (mut fields, mut managers) = (Vec::new(), BTreeSet::new());
                for stray in strays {
                    fields.push(super::pointer::dotted(&stray.pointer));
                    managers.insert(&*stray.manager);
                }
                let managers: Vec<&str> = managers.into_iter().filter(|name| !name.is_empty()).collect();
                let by = if managers.is_empty() { String::new() } else { format!(" (by {})", managers.join(", ")) };
                format!("{}{by} of {key} was put right", fields.join(", "))
            }
            None => format!("{key} was deleted, and made again"),
        };
        self.snapshot.told.insert(key.clone(), Note::new(Reason::DriftCorrected, what).about(key.clone()));
    }

    fn failed(&mut self, failed: Failed) {
        let Failed { bundle, key, content, reason, message, namespace_missing, stale, at } = failed;
        self.snapshot.in_flight.remove(&key);
        self.snapshot.doubted.remove(&key);
        self.snapshot.written_over.remove(&key);
        let previous = self.snapshot.attempts.get(&key).filter(|attempt| attempt.content == content);
        let tries = Tries::again(previous.map(|attempt| attempt.tries), at);
        self.snapshot.attempts.insert(key.clone(), Attempt { tries, content, reason, message });
        if stale {
            self.snapshot.live.remove(&key);
        }
        if reason == Reason::WaitingForKind {
            // Its path is not served; whether the kind is, is asked again.
            self.snapshot.kinds.remove(&GroupKind::of(&key));
            self.discovery.all_known_at = None;
            self.claims_stale = true;
        }
        if namespace_missing {
            let ledger = bundle.as_ref().and_then(|bundle| self.snapshot.ledger.bundle_mut(bundle));
            if let Some(ledger) = ledger.filter(|ledger| ledger.namespace.is_some()) {
                ledger.namespace = None;
                self.journal.revision += 1;
            }
        }
        self.dirty.extend(bundle);
        self.touch(&key);
    }

    /// Marks the Bundles that have or claim an object.
    fn touch(&mut self, key: &ObjectKey) {
        self.dirty.extend(self.snapshot.ledger.owner(key).cloned());
        self.dirty.extend(self.snapshot.claims.get(key).into_iter().flatten().cloned());
        self.dirty.extend(self.snapshot.ledger.of_hooks(key).cloned());
    }
}

/// Whether a resourceVersion is older than another one (numbers since Kubernetes 1.35 says so; else never).
fn is_older(this: &str, that: &str) -> bool {
    match (this.parse::<u64>(), that.parse::<u64>()) {
        (Ok(this), Ok(that)) => this < that,
        _ => false,
    }
}

//! What went wrong elsewhere, replayed against the agent's decisions (docs/ADVISORIES.md).

use super::super::*;
use super::rules::many;
use super::world::{Spec, World, cm, name};
use fleet_api::Reason;
use serde_json::{Value, json};

fn deletions(world: &World) -> Vec<&String> {
    world.log.iter().filter(|line| line.starts_with("delete")).collect()
}

/// CVE-2022-29173 (go-tuf), CVE-2024-23332 (notation): an older document, rightly signed, was taken. The mark is durable.
#[test]
fn c54_an_older_document_is_refused_also_after_a_restart() {
    let mut world = World::new();
    let old = world.desired(&[], &["a"], |_| {});
    let spec = Spec::new("a", &[(cm("x"), "1")]);
    world.deploy(std::slice::from_ref(&spec), &[]);
    for _ in 0..2 {
        world.log.clear();
        world.send(old.clone());
        assert_eq!(world.report.notes[0].reason, Reason::Rollback);
        assert_eq!(world.writes(), [] as [&str; 0]);
        world.restart();
    }
    assert!(world.objects.contains_key(&cm("x")));
}

/// CVE-2026-40886 (Argo Workflows): an annotation of a live object brought the controller down, again at each start. What
/// lies in a cluster is as hostile as what comes from outside.
#[test]
fn c43_a_live_object_of_any_shape_brings_nobody_down() {
    let mut world = World::new();
    let web = ObjectKey::new("apps", "Deployment", "shop", "web");
    world.deploy(&[Spec::new("a", &[(web.clone(), "1"), (cm("x"), "1")]).correcting()], &[]);
    let good = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"skiff.dev/cluster": "c-1"},
            "annotations": {"skiff.dev/deployment": "fleet-default/a", "helm.sh/hook": "pre-install", "helm.sh/hook-weight": "x"},
            "finalizers": ["a"], "ownerReferences": [{"uid": "1"}],
            "managedFields": [
                {"manager": "skiff-agent", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "time": "2026-01-01T00:00:00Z",
                 "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:image": {}}}}}}}},
                {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {"v:1": {}, "i:9": {}, "k:[": {}}}},
            ],
        },
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}},
        "status": {"observedGeneration": 3, "replicas": 1, "conditions": [{"type": "Available", "status": "True", "message": "m"}]},
    });
    let content = serde_json::to_vec(&good).unwrap();
    let mut shapes = mutations(&good);
    shapes.push(json!({"metadata": {"annotations": {"skiff.dev/deployment": "/".repeat(100_000)}}}));
    shapes.push(json!({"metadata": {"managedFields": [{"manager": "skiff-agent", "operation": "Apply", "fieldsV1": nested()}]}}));
    assert!(shapes.len() > 400, "{}", shapes.len());
    for shape in shapes {
        let at = world.now;
        let live = world.machine.look_at(&web, shape, |_| Some(content.clone()));
        for source in [Source::Watch, Source::Read] {
            world.machine.observe(Event::Object { key: web.clone(), live: Some(Box::new(live.clone())), source, at });
            drop(world.machine.decide(at));
        }
    }
    // The others are looked after as before, also by the next process.
    world.restart();
    world.meddle(&cm("x"), |live| live.fields = None);
    assert!(world.objects.contains_key(&cm("x")) && deletions(&world).is_empty());
}

fn nested() -> Value {
    (0..100).fold(json!({}), |inner, _| json!({"f:a": inner}))
}

/// The value with each of its parts in turn replaced by what does not belong there.
fn mutations(value: &Value) -> Vec<Value> {
    let odd = "\u{1b}]0;x\u{7}\u{202e}\u{0}";
    let mut found =
        vec![Value::Null, json!([]), json!({}), json!(""), json!(-1), json!(true), json!(odd), json!([null])];
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                found.extend(mutations(inner).into_iter().map(|mutated| {
                    let mut copy = map.clone();
                    copy.insert(key.clone(), mutated);
                    Value::Object(copy)
                }));
            }
        }
        Value::Array(items) => {
            for (at, inner) in items.iter().enumerate() {
                found.extend(mutations(inner).into_iter().map(|mutated| {
                    let mut copy = items.clone();
                    copy[at] = mutated;
                    Value::Array(copy)
                }));
            }
        }
        _ => {}
    }
    found
}

/// fleet#5406: an agent with a cold cache took "not found" for "deleted", and uninstalled all.
#[test]
fn d01_an_agent_that_has_not_read_what_it_should_have_deletes_nothing() {
    let specs = [Spec::new("a", &many(5)), Spec::new("b", &[(cm("y"), "1")])];
    let mut world = World::new();
    world.deploy(&specs, &[]);
    // It starts, and the document is not there, is an empty one of no version, or its content is away.
    let desired = world.persisted.desired.take();
    world.restart();
    world.now += jiff::SignedDuration::from_hours(48);
    world.run();
    world.persisted.desired = desired;
    let content = std::mem::take(&mut world.blobs);
    world.restart();
    world.now += jiff::SignedDuration::from_hours(48);
    world.run();
    world.deploy(&[], &[]);
    assert_eq!(deletions(&world), [] as [&String; 0]);
    assert_eq!((world.objects.len(), world.persisted.ledger.bundles().len()), (6, 2));
    world.blobs = content;
}

/// fleet#1650: a size limit was hit half-way; what was old had gone, and what was new could not be made.
#[test]
fn d03_nothing_goes_before_all_that_replaces_it_is_there() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1"), (cm("keep"), "1")])], &[]);
    for missing in ["the list", "an object"] {
        let desired = world.desired(&[Spec::new("a", &[(cm("y"), "1"), (cm("keep"), "1")])], &[], |_| {});
        let list = desired.deployments[0].deployment;
        let object = world.blobs[&list].clone().unwrap().objects[0].digest;
        let digest = if missing == "the list" { list } else { object };
        let kept = world.blobs.remove(&digest);
        world.send(desired);
        assert!(world.objects.contains_key(&cm("x")), "{missing} is not there");
        world.blobs.insert(digest, kept.unwrap());
    }
}

/// fleet#4157: a path that moved in git; what the old bundle had was cleaned up after the new one had made it.
#[test]
fn d04_a_renamed_bundle_is_handed_over_with_its_uids_and_nothing_is_deleted() {
    let mut world = World::new();
    let objects = many(30);
    world.deploy(&[Spec::new("old", &objects)], &[]);
    let uids: Vec<String> = objects.iter().map(|(key, _)| world.uid(key)).collect();
    world.log.clear();
    world.deploy(&[Spec::new("new", &objects)], &["old"]);
    assert_eq!(objects.iter().map(|(key, _)| world.uid(key)).collect::<Vec<_>>(), uids);
    assert!(!world.log.iter().any(|line| line.starts_with("delete")));
    assert!(!world.report.deployments.contains_key(&name("old")));
    assert!(world.report.deployments[&name("new")].ready);
    assert_eq!(world.objects[&cm("m00")].live.deployment.as_deref(), Some("fleet-default/new"));
}

/// fleet#4572, #4600: a release that hung half-way was uninstalled to recover from it.
#[test]
fn d05_what_failed_half_way_is_gone_on_with_and_never_taken_down() {
    let spec = Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")]);
    let mut world = World::new();
    world.refuse.insert(cm("y"), (Reason::ObjectRefused, "no"));
    world.deploy(std::slice::from_ref(&spec), &[]);
    for fuel in 0..6 {
        world.begin_again();
        world.fuel = Some(fuel);
        world.now += jiff::SignedDuration::from_hours(1);
        world.run();
    }
    world.refuse.clear();
    world.restart();
    world.now += jiff::SignedDuration::from_hours(1);
    world.run();
    assert!(world.report.deployments[&name("a")].ready);
    assert_eq!(deletions(&world), [] as [&String; 0]);
}

/// fleet#448, #523: what a name did not lead to was taken for foreign, and deleted every few minutes.
#[test]
fn d06_a_bundle_that_nobody_speaks_of_is_kept_and_named() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1")]), Spec::new("b", &[(cm("y"), "1")])], &[]);
    world.deploy(&[Spec::new("b", &[(cm("y"), "1")])], &[]);
    world.restart();
    assert!(world.objects.contains_key(&cm("x")));
    assert_eq!(world.reasons("a"), [Reason::Unaccounted]);
}

/// argo-cd#23645: a guard that counted the rows of a difference was passed by with one odd object among them.
#[test]
fn d10_the_guard_counts_the_ledger_whatever_else_changes() {
    for also in [&[][..], &[(cm("new"), "1")], &[(cm("m00"), "2")]] {
        let mut world = World::new();
        let objects = many(12);
        world.deploy(&[Spec::new("a", &objects)], &[]);
        world.deploy(&[Spec::new("a", also)], &[]);
        assert_eq!(deletions(&world), [] as [&String; 0]);
        assert!(objects.iter().all(|(key, _)| world.objects.contains_key(key)), "{also:?}");
        assert!(also.is_empty() || world.report.held.is_some(), "{also:?}");
    }
}

/// argocd-agent#660, #813, #1056: what was told again after a restart were deletions. State is compared, events are not
/// believed.
#[test]
fn d12_events_that_are_told_again_after_a_restart_delete_nothing() {
    let specs = [Spec::new("a", &many(5)).correcting()];
    let mut world = World::new();
    world.deploy(&specs, &[]);
    world.log.clear();
    world.begin_again();
    // Before it has looked at anything, and when it knows all of it.
    for _ in 0..2 {
        for (key, _) in many(5) {
            world.machine.observe(Event::Suspect { key });
        }
        world.run();
    }
    let desired = world.persisted.desired.clone().unwrap().0;
    world.send(desired);
    assert_eq!(world.writes(), [] as [&str; 0]);
}

/// flux2#3949, #4570, flux-operator#391: a bundle came to own the controller's own namespace, and took it away again.
#[test]
fn d13_the_agents_own_objects_cannot_come_from_a_bundle_nor_go_with_one() {
    let rbac = |kind: &str| ObjectKey::new("rbac.authorization.k8s.io", kind, "", "skiff-agent");
    let own = [
        ObjectKey::new("", "Namespace", "", "skiff-system"),
        ObjectKey::new("", "Secret", "skiff-system", "skiff-agent-ledger"),
        ObjectKey::new("", "ServiceAccount", "skiff-system", "skiff-agent"),
        ObjectKey::new("coordination.k8s.io", "Lease", "skiff-system", "skiff-agent"),
        rbac("ClusterRole"),
        rbac("ClusterRoleBinding"),
    ];
    let mut world = World::new();
    for (kind, plural, namespaced) in [
        (("", "ServiceAccount"), "serviceaccounts", true),
        (("coordination.k8s.io", "Lease"), "leases", true),
        (("rbac.authorization.k8s.io", "ClusterRole"), "clusterroles", false),
        (("rbac.authorization.k8s.io", "ClusterRoleBinding"), "clusterrolebindings", false),
    ] {
        world.kinds.insert(kind, (plural, namespaced));
    }
    let mut objects: Vec<_> = own.iter().map(|key| (key.clone(), "1")).collect();
    objects.push((cm("x"), "1"));
    world.deploy(&[Spec::new("a", &objects)], &[]);
    assert!(world.objects.contains_key(&cm("x")));
    for key in &own {
        assert!(!world.objects.contains_key(key), "{key} was applied");
    }
    // Of a ledger that an older agent wrote: the entry goes, the object stays.
    for key in &own {
        world.foreign(key, "kubectl");
        let uid = world.uid(key);
        let entry = world.machine.ledger().entry(&name("a"), &cm("x")).unwrap().clone();
        world.persisted.ledger.put(&name("a"), key.clone(), Entry { uid: Some(uid.as_str().into()), ..entry });
    }
    world.restart();
    world.deploy(&[], &["a"]);
    assert!(own.iter().all(|key| world.objects.contains_key(key)), "{:?}", world.log);
    assert!(!world.objects.contains_key(&cm("x")) && world.persisted.ledger.is_empty());
}

/// kustomize-controller#1664, #409: what could not be deleted was forgotten, and stayed for ever.
#[test]
fn d14_what_could_not_be_deleted_or_was_half_applied_stays_in_the_ledger() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1")])], &[]);
    world.refuse.insert(cm("x"), (Reason::ObjectRefused, "denied by a policy"));
    world.deploy(&[], &["a"]);
    world.restart();
    assert!(world.persisted.ledger.find(&cm("x")).is_some());
    assert_eq!(world.reasons("a"), [Reason::ObjectRefused]);
    world.refuse.clear();
    world.now += jiff::SignedDuration::from_hours(1);
    world.run();
    assert!(world.objects.is_empty() && world.persisted.ledger.is_empty());
    // Of a first apply that was cut short after one object.
    let objects = [(cm("x"), "1"), (cm("y"), "1"), (cm("z"), "1")];
    for fuel in 1..8 {
        world.fuel = Some(fuel);
        world.deploy(&[Spec::new("b", &objects)], &[]);
        world.begin_again();
        world.deploy(&[], &["b"]);
        world.restart();
        assert!(world.objects.is_empty() && world.persisted.ledger.is_empty(), "{fuel}: {:?}", world.log);
    }
}

/// sveltos#650: a restart deployed everything again.
#[test]
fn d15_a_restart_with_nothing_changed_writes_nothing() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &many(30)).correcting(), Spec::new("b", &[(cm("y"), "1")])], &[]);
    for _ in 0..3 {
        world.log.clear();
        world.restart();
        let desired = world.persisted.desired.clone().unwrap().0;
        world.send(desired);
        assert_eq!(world.writes(), [] as [&str; 0]);
    }
}

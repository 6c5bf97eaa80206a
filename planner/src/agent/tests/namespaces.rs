//! `deleteNamespace`: the release namespace goes with its Bundle where the agent made it and nobody else is in it, and
//! never without an approval.

use super::super::*;
use super::world::{Spec, World, cm, name};

fn spec(bundle: &'static str, objects: &[(ObjectKey, &'static str)]) -> Spec {
    let mut spec = Spec::new(bundle, objects);
    (spec.create_namespace, spec.options.delete_namespace) = (true, true);
    spec
}

fn shop() -> ObjectKey {
    ObjectKey::new("", "Namespace", "", "shop")
}

fn waits_for_approval(world: &World) -> bool {
    let held = world.report.held.as_ref();
    held.is_some_and(|held| held.objects.iter().any(|object| object.key == shop()))
}

#[test]
fn it_goes_last_and_only_when_it_is_approved() {
    let mut world = World::new();
    world.deploy(&[spec("a", &[(cm("x"), "1")])], &[]);
    let said = &world.report.deployments[&name("a")];
    assert!(said.ready && said.objects == 1, "it is no object of the bundle: {said:?}");
    world.restart();
    assert!(world.objects.contains_key(&shop()));
    world.deploy(&[], &["a"]);
    assert_eq!(world.objects.keys().collect::<Vec<_>>(), [&shop()]);
    assert!(waits_for_approval(&world));
    world.restart();
    assert!(world.objects.contains_key(&shop()) && waits_for_approval(&world));
    world.log.clear();
    world.approve_held(&[], &["a"]);
    assert!(world.objects.is_empty() && world.machine.ledger().is_empty(), "{:?}", world.log);
}

#[test]
fn what_was_there_before_stays_and_so_does_what_is_not_asked_for() {
    type Case = (&'static str, fn(&mut World), fn(&mut Spec));
    let cases: [Case; 4] = [
        ("somebody else made it", |world| world.foreign(&shop(), "kubectl"), |_| {}),
        ("it is not asked for", |_| {}, |spec| spec.options.delete_namespace = false),
        ("all is kept", |_| {}, |_| {}),
        ("it is asked for no longer", |_| {}, |_| {}),
    ];
    for (what, before, edit) in cases {
        let mut world = World::new();
        before(&mut world);
        let mut spec = spec("a", &[(cm("x"), "1")]);
        edit(&mut spec);
        world.deploy(std::slice::from_ref(&spec), &[]);
        if what == "it is asked for no longer" {
            spec.options.delete_namespace = false;
            world.deploy(&[spec], &[]);
        }
        let mut desired = world.desired(&[], &["a"], |_| {});
        desired.tombstones[0].keep_resources = what == "all is kept";
        world.send(desired);
        assert!(world.objects.contains_key(&shop()) && !waits_for_approval(&world), "{what}");
        assert!(world.machine.ledger().is_empty(), "{what}");
    }
}

#[test]
fn it_stays_where_another_bundle_is_and_waits_for_one_that_leaves() {
    let mut world = World::new();
    let (a, b) = (spec("a", &[(cm("x"), "1")]), spec("b", &[(cm("y"), "1")]));
    world.deploy(&[a.clone(), b.clone()], &[]);
    world.deploy(&[b], &["a"]);
    assert!(world.objects.contains_key(&shop()) && world.report.held.is_none());
    assert!(world.machine.ledger().bundle(&name("a")).is_none(), "it is let go of");

    let mut world = World::new();
    let held = ObjectKey::new("", "PersistentVolumeClaim", "shop", "data");
    world.deploy(&[a, spec("b", &[(held.clone(), "1")])], &[]);
    world.deploy(&[], &["a", "b"]);
    assert!(world.objects.contains_key(&held) && !waits_for_approval(&world), "b has not left it");
    world.approve_held(&[], &["a", "b"]);
    assert!(!world.objects.contains_key(&held) && waits_for_approval(&world));
    world.approve_held(&[], &["a", "b"]);
    assert!(world.objects.is_empty());
}

#[test]
fn an_object_that_is_to_be_kept_keeps_its_namespace() {
    let mut world = World::new();
    world.deploy(&[spec("a", &[(cm("x"), "1"), (cm("y"), "1")])], &[]);
    world.meddle(&cm("x"), |live| live.keep = true);
    world.deploy(&[], &["a"]);
    assert!(world.objects.contains_key(&cm("x")) && world.objects.contains_key(&shop()));
    assert!(!waits_for_approval(&world) && world.machine.ledger().is_empty());
}

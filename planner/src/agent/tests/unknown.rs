//! R10 of Deployments: what a later hub says is neither applied nor a ground for a deletion, and the report says so.

use super::super::*;
use super::world::{Spec, World, cm, name};
use fleet_api::Reason;
use fleet_api::wire::PROTOCOL;

fn later(world: &mut World, spec: &Spec, edit: impl FnOnce(&mut Deployment)) -> (Desired, Digest) {
    let mut desired = world.desired(std::slice::from_ref(spec), &[], |_| {});
    let mut deployment = spec.deployment();
    edit(&mut deployment);
    let digest = Digest::of_json(&deployment).unwrap();
    world.blobs.insert(digest, Some(deployment));
    desired.deployments[0].deployment = digest;
    (desired, digest)
}

fn sources(deployment: &mut Deployment) {
    deployment.unknown.insert("sources".into(), serde_json::json!({"tree": "sha256:…"}));
    deployment.objects.clear();
}

#[test]
fn r10_a_deployment_that_is_not_understood_changes_nothing() {
    type Case = (&'static str, fn(&mut Deployment), Reason, &'static str);
    let cases: [Case; 5] = [
        ("a field of the document", sources, Reason::UnknownSafetyField, "it says sources, which"),
        (
            "a field of the options",
            |of| drop(of.options.unknown.insert("pruneOnly".into(), true.into())),
            Reason::UnknownSafetyField,
            "it says options.pruneOnly, which",
        ),
        (
            "a field of an object",
            |of| drop(of.objects[0].unknown.insert("wave".into(), 1.into())),
            Reason::UnknownSafetyField,
            "it says objects[0].wave, which",
        ),
        ("a newer protocol", |of| of.protocol = PROTOCOL + 1, Reason::ProtocolTooOld, "this agent reads up to"),
        (
            "more fields than a note has room for",
            |of| (0..7).for_each(|at| drop(of.unknown.insert(format!("f{at}"), 1.into()))),
            Reason::UnknownSafetyField,
            "f0, f1, f2, f3, f4 and 2 more",
        ),
    ];
    for (what, edit, reason, words) in cases {
        let mut world = World::new();
        let spec = Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")]).correcting();
        world.deploy(&[spec], &[]);
        world.log.clear();
        let (desired, digest) = later(&mut world, &Spec::new("a", &[(cm("x"), "2")]), edit);
        world.send(desired.clone());
        assert_eq!(world.writes(), ["save"], "{what}");
        assert!(world.report.held.is_none(), "{what}");
        let said = &world.report.deployments[&name("a")];
        assert_eq!((said.deployment, said.applied), (Some(digest), false), "{what}");
        let note = &said.notes[0];
        assert_eq!((note.reason, note.remedy()), (reason, "update the agent"), "{what}");
        assert!(note.message.contains(words), "{what}: {}", note.message);
        // What runs is looked after, over a restart, too.
        world.restart();
        world.delete(&cm("y"));
        assert_eq!(world.objects.len(), 2, "{what}");
        // A hub that is put back to what this agent knows goes on.
        world.deploy(&[Spec::new("a", &[(cm("x"), "2")])], &[]);
        assert_eq!(world.objects.len(), 1, "{what}");
        assert!(world.report.deployments[&name("a")].ready, "{what}");
    }
}

#[test]
fn r10_what_cannot_even_be_parsed_is_told_and_not_asked_for_again() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1")])], &[]);
    let (desired, digest) = later(&mut world, &Spec::new("a", &[(cm("y"), "1")]), |_| {});
    world.blobs.remove(&digest);
    world.send(desired);
    world.machine.observe(Event::Unreadable { digest, why: "unknown variant `pre-sync`".into() });
    world.now += jiff::SignedDuration::from_mins(10);
    world.log.clear();
    world.run();
    assert_eq!(world.log, [] as [&str; 0]);
    let note = &world.report.deployments[&name("a")].notes[0];
    assert_eq!(note.reason, Reason::UnknownSafetyField);
    assert!(note.message.contains("unknown variant `pre-sync`"), "{}", note.message);
}

#[test]
fn r10_a_deployment_that_is_not_understood_may_have_what_others_leave() {
    let mut world = World::new();
    world.deploy(&[Spec::new("old", &[(cm("x"), "1")]), Spec::new("new", &[(cm("y"), "1")])], &[]);
    // The directory was renamed, and the new bundle has objects that only a newer agent can see.
    let (mut desired, _) = later(&mut world, &Spec::new("new", &[]), sources);
    desired.tombstones.push(super::world::tombstone("old"));
    world.send(desired);
    assert!(world.objects.contains_key(&cm("x")) && world.objects.contains_key(&cm("y")));
    let note = &world.report.deployments[&name("old")].notes[0];
    assert_eq!(note.reason, Reason::UnknownSafetyField);
    assert!(note.message.contains("does not understand bundle fleet-default/new"), "{}", note.message);
}

#[test]
fn r10_an_agent_that_was_put_back_keeps_what_the_newer_one_began() {
    let mut world = World::new();
    let spec = Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")]);
    let (desired, digest) = later(&mut world, &spec, |_| {});
    world.send(desired);
    // The same document, as an agent reads it that lacks a field.
    let Some(Some(deployment)) = world.blobs.get_mut(&digest) else { panic!("it is there") };
    sources(deployment);
    world.log.clear();
    world.restart();
    assert_eq!(world.writes(), [] as [&str; 0]);
    assert_eq!(world.objects.len(), 2);
    assert_eq!(world.reasons("a"), [Reason::UnknownSafetyField]);
}

#[cfg(feature = "ablation")]
#[test]
fn r10_without_the_rule_all_that_runs_would_go() {
    let mut world = World::with(Rules::all().without(Rule::R10Unknown));
    world.deploy(&[Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")])], &[]);
    let (desired, _) = later(&mut world, &Spec::new("a", &[]), sources);
    world.send(desired);
    assert!(world.objects.is_empty(), "the rule is what holds");
}

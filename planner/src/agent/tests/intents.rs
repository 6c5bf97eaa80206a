//! R7: what is known of an apply whose answer is not there yet, or never comes.

use super::world::{Spec, World, cluster, cm};
use fleet_api::Reason;
use fleet_api::wire::Version;

/// Found by the simulator (seed 101177): an apply whose answer was lost, and the cluster was enrolled anew.
#[test]
fn r7_what_came_of_an_intent_is_known_by_the_mark_of_an_identity_before() {
    let lost = || {
        let mut world = World::new();
        world.late = Some(Vec::new());
        world.deploy(&[Spec::new("a", &[(cm("x"), "1")])], &[]);
        let intent = world.persisted.clone();
        world.arrive();
        world.objects.get_mut(&cm("x")).unwrap().live.owner = Some("c-0".into());
        world.persisted = intent;
        world.persisted.ledger.begin_anew(&"c-0".parse().unwrap());
        let written = serde_json::to_vec(&world.persisted.ledger).unwrap();
        world.persisted.ledger = serde_json::from_slice(&written).unwrap();
        (world.persisted.mark, world.persisted.desired) = (Version::default(), None);
        world.restart();
        world
    };

    let mut world = lost();
    world.deploy(&[], &["a"]);
    let held = world.report.held.as_ref().expect("it waits for an approval, and is named");
    assert_eq!((held.note.reason, held.objects.len()), (Reason::EpochHeld, 1));
    assert!(world.persisted.ledger.owner(&cm("x")).is_some());
    world.approve_held(&[], &["a"]);
    assert!(!world.objects.contains_key(&cm("x")) && world.persisted.ledger.is_empty());

    // Who claims it has it again.
    let mut world = lost();
    let uid = world.uid(&cm("x"));
    world.deploy(&[Spec::new("a", &[(cm("x"), "2")])], &[]);
    assert_eq!(world.reasons("a"), []);
    assert_eq!(world.objects[&cm("x")].live.owner.as_deref(), Some(cluster().as_str()));
    assert_eq!(world.uid(&cm("x")), uid);

    // What somebody else made meanwhile is his.
    let mut world = lost();
    world.foreign(&cm("x"), "helm");
    world.deploy(&[], &["a"]);
    assert!(world.objects.contains_key(&cm("x")) && world.persisted.ledger.is_empty());
}

/// Found by the simulator (seed 101647): a Desired without the Bundle came while its apply was under way, and what was
/// read before that apply was taken for the end of the object.
#[test]
fn r7_what_is_being_applied_stays_in_the_ledger() {
    let y = || Spec::new("a", &[(cm("y"), "1")]);
    for (specs, tombstones) in [(vec![], vec!["a"]), (vec![y()], vec![])] {
        let mut world = World::new();
        world.deploy(&[y()], &[]);
        world.late = Some(Vec::new());
        world.deploy(&[Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")])], &[]);
        world.deploy(&specs, &tombstones);
        assert!(world.persisted.ledger.owner(&cm("x")).is_some(), "{tombstones:?}");
        world.arrive();
        assert!(!world.objects.contains_key(&cm("x")), "it goes with the others: {:?}", world.log);
        assert!(world.persisted.ledger.owner(&cm("x")).is_none());
    }
}

//! Whatever happens in whatever order: deciding step by step equals deciding from nothing, and nothing of somebody else's
//! is ever deleted.

use super::super::*;
use super::world::{Spec, World, cluster, cm, name};
use fleet_api::Reason;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Deploy(u8),
    Withdraw(u8),
    Meddle(u8),
    AddKey(u8),
    Delete(u8),
    Foreign(u8),
    Refuse(u8),
    Restart,
    Later,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => any::<u8>().prop_map(Step::Deploy),
        1 => any::<u8>().prop_map(Step::Withdraw),
        2 => any::<u8>().prop_map(Step::Meddle),
        1 => any::<u8>().prop_map(Step::AddKey),
        2 => any::<u8>().prop_map(Step::Delete),
        1 => any::<u8>().prop_map(Step::Foreign),
        1 => any::<u8>().prop_map(Step::Refuse),
        1 => Just(Step::Restart),
        1 => Just(Step::Later),
    ]
}

/// Of two kinds, whose lists do not come at the same time.
fn key(seed: u8) -> ObjectKey {
    match seed % 4 {
        3 => ObjectKey::new("", "Secret", "shop", "w"),
        place => cm(["x", "y", "z"][usize::from(place)]),
    }
}

/// Three bundles over four objects, so that they get into each other's way.
fn specs(seed: u8) -> Vec<Spec> {
    let contents = ["1", "2"];
    let spec = |bundle: &'static str, bits: u8| {
        let keys = (0..4).filter(|bit| bits & (1 << bit) != 0);
        let objects: Vec<_> = keys.map(|bit| (key(bit), contents[usize::from((seed >> 5) & 1)])).collect();
        Spec::new(bundle, &objects).correcting()
    };
    vec![spec("a", seed & 7), spec("b", seed >> 1 & 13), spec("c", seed >> 3 & 10)]
}

fn perform(world: &mut World, step: &Step) {
    let stray = |pointer: &str| vec![Strayed { pointer: pointer.into(), manager: "kubectl".into() }];
    match step {
        Step::Deploy(seed) => world.deploy(&specs(*seed), &[]),
        Step::Withdraw(seed) => {
            let gone = usize::from(seed % 3);
            let mut specs = specs(*seed);
            let bundle = specs.remove(gone).bundle;
            world.deploy(&specs, &[bundle]);
        }
        Step::Meddle(seed) if is_ours(world, &key(*seed)) => {
            world.meddle(&key(*seed), |live| live.lost = stray("/data/a"));
        }
        Step::AddKey(seed) if is_ours(world, &key(*seed)) => {
            world.meddle(&key(*seed), |live| live.added = stray("/data/b"));
        }
        Step::Delete(seed) if is_ours(world, &key(*seed)) => world.delete(&key(*seed)),
        Step::Foreign(seed) => {
            world.foreign(&key(*seed), "helm");
            world.machine.observe(Event::Suspect { key: key(*seed) });
            world.run();
        }
        Step::Refuse(seed) => {
            let key = key(*seed);
            if world.refuse.remove(&key).is_none() {
                world.refuse.insert(key, (Reason::ObjectRefused, "no"));
            }
        }
        Step::Restart => world.restart(),
        Step::Later => {
            world.now += jiff::SignedDuration::from_secs(700);
            world.run();
        }
        Step::Meddle(_) | Step::AddKey(_) | Step::Delete(_) => {}
    }
}

fn is_ours(world: &World, key: &ObjectKey) -> bool {
    world.objects.get(key).is_some_and(|object| object.live.owner.is_some())
}

/// Found by the simulator (seeds 100365, 102477, 105504): it is read before it is tried again.
#[test]
fn what_fails_in_a_new_namespace_is_planned_again_when_that_is_new_no_more() {
    let mut world = World::new();
    world.looks_at_plans = true;
    world.refuse.insert(cm("x"), (Reason::ApiServerUnreachable, "connection reset"));
    let (bundle, namespace) = (name("a"), "shop".to_owned());
    let token = Digest::of(b"another");
    world.machine.observe(Event::NamespaceEnsured { bundle, namespace, token, created: true, ours: None });
    world.deploy(&[Spec::new("a", &[(cm("x"), "1")])], &[]);
    let place = |what: &str| world.log.iter().position(|line| line.starts_with(what));
    assert!(place("apply").is_some() && place("apply") < place("read"), "{:?}", world.log);
}

/// Found by the simulator (seed 105912): the reason that was told was that of the first try.
#[test]
fn why_kinds_cannot_be_asked_for_is_told_anew_when_it_is_another_reason() {
    let mut world = World::new();
    world.broken_groups.insert("metrics.example.com");
    world.deploy(&[Spec::new("a", &[(ObjectKey::new("metrics.example.com", "Metric", "shop", "m"), "1")])], &[]);
    let why = |world: &World| format!("{:?}", world.report.deployments[&name("a")].notes);
    assert!(why(&world).contains(": 503"), "{}", why(&world));
    let groups = vec![("metrics.example.com".to_owned(), "403 Forbidden".to_owned())];
    world.machine.observe(Event::DiscoveryFailed { groups, at: world.now });
    let decision = world.machine.decide(world.now);
    world.report = decision.report.expect("it is told");
    assert!(why(&world).contains(": 403 Forbidden"), "{}", why(&world));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn deciding_step_by_step_equals_deciding_from_nothing(steps in prop::collection::vec(step(), 1..14)) {
        let mut world = World::new();
        for step in &steps {
            let foreign: Vec<ObjectKey> =
                world.objects.iter().filter(|(_, object)| object.live.owner.is_none()).map(|(key, _)| key.clone()).collect();
            perform(&mut world, step);
            for key in foreign {
                prop_assert!(world.objects.contains_key(&key), "{key} is somebody else's, after {step:?}");
            }
            prop_assert_eq!(world.machine.stale(world.now), Vec::<&Ref>::new(), "after {:?}", step);
            let stepwise = world.machine.decide(world.now);
            let mut fresh = Machine::new(world.rules, cluster(), Persisted::default());
            fresh.snapshot = world.machine.snapshot.clone();
            fresh.journal.revision = world.machine.journal.revision;
            fresh.journal.persisted = world.machine.journal.persisted;
            let from_nothing = fresh.decide(world.now);
            prop_assert_eq!(stepwise.actions, from_nothing.actions, "after {:?}", step);
            prop_assert_eq!(Some(&world.report), from_nothing.report.as_ref(), "after {:?}", step);
            let keys: Vec<&ObjectKey> = world.machine.ledger().bundles().values().flat_map(|of| of.objects().keys()).collect();
            let distinct: BTreeSet<&ObjectKey> = keys.iter().copied().collect();
            prop_assert_eq!(keys.len(), distinct.len(), "one owner each");
            prop_assert_eq!(world.machine.ledger(), &world.persisted.ledger, "what is known is on disk at rest");
        }
    }
}

//! Each rule of DESIGN §8 by itself: with it nothing bad happens, and without it the bad thing does (so that the test is
//! known to be able to fail). Without the feature `ablation` only the first half can be asked.

use super::super::*;
use super::world::{Spec, World, cm};

/// Whether, under `rules`, what `rule` forbids happens.
#[expect(clippy::too_many_lines, reason = "a table: one arm for each rule")]
fn is_violated(rules: Rules, rule: Rule) -> bool {
    let mut world = World::with(rules);
    let x = Spec::new("a", &[(cm("x"), "1")]);
    match rule {
        Rule::R1Cluster => {
            let desired = world.desired(&[x], &[], |desired| desired.identity.uid = "c-11".parse().unwrap());
            world.send(desired);
            world.objects.contains_key(&cm("x"))
        }
        Rule::R2Mark => {
            let old = world.desired(&[x], &[], |_| {});
            world.deploy(&[], &[]);
            world.send(old);
            world.objects.contains_key(&cm("x"))
        }
        Rule::R2Saved => {
            let desired = world.desired(&[x], &[], |_| {});
            world.machine.observe(Event::Desired { desired: Box::new(desired), digest: Digest::of(b"d") });
            world.machine.have().is_some()
        }
        Rule::R1Copy => {
            let cluster = super::world::cluster();
            let desired = serde_json::to_vec(&world.desired(&[x], &[], |_| {})).unwrap();
            let document = encode_desired(&cluster, "k", Version::default(), Digest::of(&desired), &desired);
            restore(rules, &cluster, "another", Some(&document), None).is_ok()
        }
        Rule::R3Anew => {
            world.deploy(&[x], &[]);
            let document = encode_desired(&"c-0".parse().unwrap(), "k", Version::default(), Digest::of(b"{}"), b"{}");
            let ledger = encode_ledger(world.machine.ledger());
            let restored = restore(rules, &super::world::cluster(), "k", Some(&document), Some(&ledger)).unwrap();
            !restored.persisted.ledger.anew
        }
        Rule::R6Read | Rule::R6Foreign => {
            world.foreign(&cm("x"), "helm");
            world.deploy(&[x], &[]);
            world.objects[&cm("x")].live.owner.is_some()
        }
        Rule::R6Precondition => {
            let target = Target {
                key: cm("x"),
                api_version: "v1".into(),
                plural: "configmaps".into(),
                service_account: "".into(),
            };
            let delete = Delete { bundle: super::world::name("a"), target, uid: "u".into(), resource_version: None };
            delete.options(rules)["preconditions"]["uid"] != "u"
        }
        Rule::R7Deleted | Rule::R7Listed => {
            // The object is there all the time; only its label was lost.
            world.deploy(&[x], &[]);
            let kind = GroupKind::of(&cm("x"));
            world.machine.observe(match rule {
                Rule::R7Deleted => Event::Suspect { key: cm("x") },
                _ => Event::Listed { kind, seen: BTreeSet::new() },
            });
            world.deploy(&[], &["a"]);
            world.objects.contains_key(&cm("x")) && world.machine.ledger().owner(&cm("x")).is_none()
        }
        Rule::R8Counted => {
            world.deploy(&[x], &[]);
            (0..8).any(|fuel| {
                let mut world = World::with(rules);
                world.deploy(&[Spec::new("a", &[(cm("x"), "1")])], &[]);
                world.fuel = Some(fuel);
                world.deploy(&[], &["a"]);
                !world.objects.contains_key(&cm("x")) && world.persisted.ledger.spent.count == 0
            })
        }
        Rule::R12Document => unreachable!("it decides in `skiff_wire::document`, and is tested there"),
        Rule::R4Digest => has_digest(rules, b"this", Digest::of(b"that")),
        Rule::R6Uid => {
            world.deploy(&[x], &[]);
            world.foreign(&cm("x"), "kubectl");
            world.machine.observe(Event::Suspect { key: cm("x") });
            world.deploy(&[], &["a"]);
            !world.objects.contains_key(&cm("x"))
        }
        Rule::R6Claim => {
            world.deploy(&[x], &[]);
            let desired = world.desired(&[Spec::new("b", &[(cm("x"), "1")])], &["a"], |_| {});
            world.blobs.remove(&desired.deployments[0].deployment);
            world.send(desired);
            !world.objects.contains_key(&cm("x"))
        }
        Rule::R6Complete => {
            world.deploy(&[x], &[]);
            world.deploy(&[], &[]);
            !world.objects.contains_key(&cm("x"))
        }
        Rule::R7Journal => (0..8).any(|fuel| {
            let mut world = World::with(rules);
            world.fuel = Some(fuel);
            world.deploy(&[Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")])], &[]);
            world.objects.keys().any(|key| world.persisted.ledger.owner(key).is_none())
        }),
        Rule::R3Epoch | Rule::R9Expired | Rule::R10Unknown => {
            world.deploy(&[x], &[]);
            let now = world.now;
            let desired = world.desired(&[], &["a"], |desired| match rule {
                Rule::R3Epoch => desired.deletions_allowed = false,
                Rule::R9Expired => desired.expires = now,
                _ => {
                    desired.tombstones[0].unknown.insert("onlyIf".into(), true.into());
                }
            });
            world.send(desired);
            !world.objects.contains_key(&cm("x"))
        }
        Rule::R8Limit => {
            let objects: Vec<_> = (0..11).map(|index| (cm(&format!("m{index}")), "1")).collect();
            world.deploy(&[Spec::new("a", &objects)], &[]);
            world.deploy(&[], &["a"]);
            world.objects.is_empty()
        }
        Rule::R8Kinds => {
            let claim = ObjectKey::new("", "PersistentVolumeClaim", "shop", "data");
            world.deploy(&[Spec::new("a", &[(claim, "1")])], &[]);
            world.deploy(&[], &["a"]);
            world.objects.is_empty()
        }
        Rule::R12Fenced => {
            world.machine.observe(Event::Fenced(true));
            world.deploy(&[x], &[]);
            world.objects.contains_key(&cm("x"))
        }
    }
}

/// The rules that the machine decides by.
fn here() -> impl Iterator<Item = Rule> {
    Rule::ALL.into_iter().filter(|rule| *rule != Rule::R12Document)
}

#[test]
fn with_all_rules_nothing_that_they_forbid_happens() {
    for rule in here() {
        assert!(!is_violated(Rules::all(), rule), "{rule:?}");
    }
}

#[cfg(feature = "ablation")]
#[test]
fn it_is_the_rule_that_holds() {
    for rule in here() {
        assert!(is_violated(Rules::all().without(rule), rule), "{rule:?} switched off changes nothing");
    }
}

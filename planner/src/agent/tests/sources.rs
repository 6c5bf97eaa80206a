//! Deployments that are rendered in the cluster: values that change, that are missing or forbidden, and that do not render.

use super::super::*;
use super::world::{Spec, World, cm, name, tombstone};
use fleet_api::v1alpha1::{BundleDeploymentOptions, HelmOptions, KeySelector, ValuesFrom};
use fleet_api::wire::{DeploymentObject, Sources};
use fleet_api::{Note, Reason};

/// A document with sources whose options name `refs`: kind, namespace, name, key.
fn document(spec: &Spec, refs: &[(&str, &str, &str, &str)]) -> Deployment {
    let selector = |(_, namespace, name, key): &(&str, &str, &str, &str)| {
        Some(KeySelector { name: (*name).into(), namespace: (*namespace).into(), key: (*key).into() })
    };
    let values_from = refs.iter().map(|of| match of.0 {
        "Secret" => ValuesFrom { secret_key_ref: selector(of), ..ValuesFrom::default() },
        _ => ValuesFrom { config_map_key_ref: selector(of), ..ValuesFrom::default() },
    });
    let helm = HelmOptions { values_from: values_from.collect(), ..HelmOptions::default() };
    let sources = Sources {
        tree: Digest::of(b"tree"),
        directory: "web".into(),
        options: BundleDeploymentOptions { helm: Some(helm), ..BundleDeploymentOptions::default() },
        seed: spec.bundle.into(),
        time: 0,
        cluster: None,
        unknown: BTreeMap::new(),
    };
    let plain = spec.deployment();
    Deployment { protocol: fleet_api::wire::SOURCES_PROTOCOL, objects: Vec::new(), sources: Some(sources), ..plain }
}

const SECRET: [(&str, &str, &str, &str); 1] = [("Secret", "", "web", "")];

/// A Desired in which the first Bundle is rendered in the cluster.
fn desired(world: &mut World, specs: &[Spec], refs: &[(&str, &str, &str, &str)]) -> Desired {
    world.blobs.insert(Digest::of(b"tree"), None);
    let mut desired = world.desired(specs, &[], |_| {});
    let document = document(&specs[0], refs);
    let digest = Digest::of_json(&document).unwrap();
    world.blobs.insert(digest, Some(document));
    desired.deployments[0].deployment = digest;
    desired.deployments[0].rendered_in_cluster = true;
    desired
}

fn missing() -> Note {
    Note::new(Reason::WaitingForValues, "Secret shop/web is not there")
}

fn x(content: &'static str) -> Spec {
    Spec::new("a", &[(cm("x"), content)]).correcting()
}

/// A world in which the values "1" give `x` and `y`, and "2" gives another `x` alone.
fn world() -> World {
    let mut world = World::new();
    world.renders.insert("1", Ok(Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")]).correcting()));
    world.renders.insert("2", Ok(x("2")));
    world.values = Ok("1");
    world
}

fn later(world: &mut World, seconds: i64) {
    world.now += SignedDuration::from_secs(seconds);
    world.run();
}

#[test]
fn a_missing_secret_is_waited_for_by_name_and_then_all_is_applied() {
    let mut world = world();
    world.values = Err(missing());
    let mut spec = x("0");
    spec.options.service_account = "tenant".into();
    let desired = desired(&mut world, &[spec], &SECRET);
    world.send(desired.clone());
    assert_eq!(world.writes().into_iter().filter(|line| !line.starts_with("values")).collect::<Vec<_>>(), ["save"]);
    assert!(
        world.log.contains(&"values v1/Secret shop/web values.yaml as \"tenant\"".to_owned()) || {
            world.log.iter().any(|line| line.starts_with("values ") && line.ends_with("values.yaml as \"tenant\""))
        }
    );
    let said = &world.report.deployments[&name("a")];
    assert_eq!((said.applied, said.deployment), (false, Some(desired.deployments[0].deployment)));
    assert_eq!(said.notes, [missing()]);
    world.values = Ok("1");
    later(&mut world, 15);
    assert_eq!(world.objects.len(), 2);
    let said = &world.report.deployments[&name("a")];
    assert!(said.ready && said.unmodified && said.notes.is_empty(), "{said:?}");
    assert_eq!(said.deployment, Some(desired.deployments[0].deployment), "the hub hears of what it knows");
    world.log.clear();
    world.restart();
    assert!(world.log.iter().any(|line| line == "render"), "{:?}", world.log);
    assert!(!world.log.iter().any(|line| line.starts_with("apply") || line == "journal"), "{:?}", world.log);
}

#[test]
fn values_that_change_are_rendered_again_and_what_they_no_longer_give_goes() {
    let mut world = world();
    let desired = desired(&mut world, &[x("0")], &SECRET);
    world.send(desired);
    assert_eq!(world.objects.len(), 2);
    let uid = world.uid(&cm("x"));
    world.values = Ok("2");
    world.log.clear();
    later(&mut world, 20);
    assert_eq!(world.log, [] as [&str; 0]);
    later(&mut world, 20);
    assert_eq!(world.objects.keys().collect::<Vec<_>>(), [&cm("x")]);
    assert_eq!(world.objects[&cm("x")].content, Some(Digest::of(format!("{}2", cm("x")).as_bytes())));
    assert_eq!(world.uid(&cm("x")), uid);
    assert!(world.report.deployments[&name("a")].ready);
    // Nothing changes: the values are read, and nothing else.
    world.log.clear();
    later(&mut world, 60);
    assert_eq!(world.log.len(), 1, "{:?}", world.log);
}

#[test]
fn what_cannot_be_rendered_keeps_what_runs_and_looks_after_it() {
    let failure = Note::new(Reason::RenderFailed, "web/templates/a.yaml:3: nil pointer");
    type Case = (&'static str, Result<&'static str, Note>, Result<Spec, Note>, Reason);
    let cases: [Case; 5] = [
        ("it is gone", Err(missing()), Ok(x("2")), Reason::WaitingForValues),
        ("it is forbidden", Err(Note::new(Reason::Forbidden, "no")), Ok(x("2")), Reason::Forbidden),
        ("it does not render", Ok("3"), Err(failure), Reason::RenderFailed),
        ("it renders to nothing", Ok("3"), Ok(Spec::new("a", &[])), Reason::EmptyRender),
        ("it is gone, and the bundle is another", Err(missing()), Ok(x("2")), Reason::WaitingForValues),
    ];
    for (what, values, renders, reason) in cases {
        let mut world = world();
        let first = desired(&mut world, &[x("0")], &SECRET);
        world.send(first);
        assert_eq!(world.objects.len(), 2);
        world.values = values;
        world.renders.insert("3", renders);
        if what.ends_with("another") {
            let second = desired(&mut world, &[x("0")], &[("Secret", "", "web", "other")]);
            world.send(second);
        }
        world.log.clear();
        later(&mut world, 61);
        let said = &world.report.deployments[&name("a")];
        assert!(!said.applied && said.notes.iter().any(|note| note.reason == reason), "{what}: {said:?}");
        world.delete(&cm("y"));
        assert_eq!(world.objects.len(), 2, "{what}: what is deleted by hand comes back");
        world.restart();
        later(&mut world, 600);
        assert_eq!(world.objects.len(), 2, "{what}");
        assert!(world.report.held.is_none(), "{what}");
        let said = &world.report.deployments[&name("a")];
        assert!(!said.applied && said.notes.iter().any(|note| note.reason == reason), "{what}: {said:?}");
        world.values = Ok("2");
        later(&mut world, 61);
        assert_eq!(world.objects.len(), 1, "{what}: it goes on by itself");
        assert!(world.report.deployments[&name("a")].ready, "{what}");
    }
}

#[test]
fn what_does_not_render_is_not_tried_again_with_the_same_values() {
    let mut world = world();
    world.renders.insert("1", Err(Note::new(Reason::RenderFailed, "no")));
    let desired = desired(&mut world, &[x("0")], &SECRET);
    world.send(desired);
    for _ in 0..5 {
        later(&mut world, 61);
    }
    assert_eq!(world.log.iter().filter(|line| *line == "render").count(), 1);
}

#[test]
fn an_api_server_that_is_away_is_no_news_of_the_values() {
    let mut world = world();
    let desired = desired(&mut world, &[x("0")], &SECRET);
    world.send(desired);
    world.values = Err(Note::new(Reason::ApiServerUnreachable, "no answer"));
    later(&mut world, 61);
    assert!(world.report.deployments[&name("a")].ready);
}

#[test]
fn values_are_read_only_where_a_bundle_may_read() {
    type Case = (&'static str, &'static [(&'static str, &'static str, &'static str, &'static str)], &'static str);
    let cases: [(Case, Result<&str, &str>); 8] = [
        (("", &[("Secret", "", "web", "")], "both defaults"), Ok("Secret shop/web values.yaml")),
        (("", &[("ConfigMap", "shop", "web", "prod.yaml")], "its own namespace"), Ok("ConfigMap shop/web prod.yaml")),
        (
            ("", &[("Secret", "kube-system", "token", "")], "another namespace"),
            Err("only with the rights of a service account"),
        ),
        (("tenant", &[("Secret", "other", "web", "")], "with its own rights"), Ok("Secret other/web values.yaml")),
        (
            ("tenant", &[("Secret", "skiff-system", "skiff-agent-identity", "")], "the agent's own"),
            Err("it is the agent's own"),
        ),
        (("tenant", &[("Secret", "", "", "")], "no name"), Err("which is no name")),
        (("tenant", &[("Secret", "..", "web", "")], "no namespace"), Err("which is no name")),
        (
            ("", &[("ConfigMap", "", "a", ""), ("Secret", "", "b", "k")], "in order"),
            Ok("ConfigMap shop/a values.yaml, Secret shop/b k"),
        ),
    ];
    for ((account, refs, what), expected) in cases {
        let mut world = world();
        let mut spec = x("0");
        spec.options.service_account = account.into();
        let desired = desired(&mut world, &[spec], refs);
        world.send(desired);
        let read: Vec<&String> = world.log.iter().filter(|line| line.starts_with("values ")).collect();
        match expected {
            Ok(wanted) => {
                let line = read.first().expect(what).replace("secret ", "Secret ").replace("configmap ", "ConfigMap ");
                assert_eq!(line, format!("values {wanted} as {account:?}"), "{what}");
            }
            Err(why) => {
                assert!(read.is_empty() && world.objects.is_empty(), "{what}");
                let note = &world.report.deployments[&name("a")].notes[0];
                assert_eq!(note.reason, Reason::Forbidden, "{what}");
                assert!(note.message.contains(why), "{what}: {}", note.message);
            }
        }
    }
}

/// The document takes a Secret along from the hub: values are read from what was sent, with nobody's rights, and not before
/// it is here; the copy is applied with what is rendered, and goes with it.
#[test]
fn values_that_the_hub_sends_along_are_read_from_what_it_sent() {
    let key = ObjectKey::new("", "Secret", "shop", "web");
    let copy = |content: &'static str| DeploymentObject {
        source: format!("{}Secret fleet-default/web", fleet_api::wire::COPY_SOURCE),
        ..Spec::new("a", &[(key.clone(), content)]).deployment().objects.remove(0)
    };
    let with = |world: &mut World, content: &'static str| {
        let mut desired = desired(world, &[x("0")], &[("Secret", "", "web", ""), ("Secret", "", "other", "")]);
        let digest = desired.deployments[0].deployment;
        let mut document = world.blobs[&digest].clone().unwrap();
        document.objects.push(copy(content));
        let digest = Digest::of_json(&document).unwrap();
        world.blobs.insert(digest, Some(document));
        desired.deployments[0].deployment = digest;
        desired
    };
    let mut world = world();
    let first = with(&mut world, "v1");
    world.send(first);
    let read = |world: &World| world.log.iter().filter(|line| line.starts_with("values ")).count();
    assert_eq!((read(&world), world.objects.len()), (0, 0), "the copy is not here yet: {:?}", world.log);
    world.blobs.insert(copy("v1").digest, None);
    later(&mut world, 60);
    let line = world.log.iter().find(|line| line.starts_with("values ")).unwrap();
    assert_eq!(line, "values secret shop/web values.yaml of the hub, secret shop/other values.yaml as \"\"");
    assert!(world.machine.needed_blobs().contains(&copy("v1").digest));
    assert_eq!(world.objects.len(), 2);
    // A render that gives nothing but the copy changes nothing (R13): the copy is no object of the render.
    let only = Spec::new("a", &[(key.clone(), "v2")]);
    world.renders.insert("nothing", Ok(only));
    world.copies.insert(key.clone());
    world.values = Ok("nothing");
    later(&mut world, 61);
    let said = &world.report.deployments[&name("a")];
    assert!(said.notes.iter().any(|note| note.reason == Reason::EmptyRender), "{said:?}");
    assert_eq!(world.objects.len(), 2);
}

#[test]
fn what_others_leave_is_kept_until_it_is_known_who_has_it_now() {
    let mut world = world();
    world.deploy(&[Spec::new("old", &[(cm("x"), "0"), (cm("z"), "0")])], &[]);
    let uid = world.uid(&cm("x"));
    world.values = Err(missing());
    let mut desired = desired(&mut world, &[x("0")], &SECRET);
    desired.tombstones.push(tombstone("old"));
    world.send(desired);
    assert_eq!(world.objects.len(), 2);
    let note = &world.report.deployments[&name("old")].notes[0];
    assert!(note.message.contains("bundle fleet-default/a, which may have them now"), "{}", note.message);
    world.values = Ok("2");
    later(&mut world, 61);
    assert_eq!(world.objects.keys().collect::<Vec<_>>(), [&cm("x")]);
    assert_eq!(world.uid(&cm("x")), uid, "it was handed over");
}

#[test]
fn what_was_rendered_and_is_not_in_the_cache_any_more_is_rendered_again() {
    let mut world = world();
    let desired = desired(&mut world, &[x("0")], &SECRET);
    world.send(desired.clone());
    world.blobs.retain(|digest, _| *digest == desired.deployments[0].deployment || *digest == Digest::of(b"tree"));
    world.log.clear();
    world.restart();
    assert!(world.report.deployments[&name("a")].ready);
    assert!(!world.log.iter().any(|line| line.starts_with("apply") || line.starts_with("delete")), "{:?}", world.log);
    let lost = *world.blobs.keys().find(|digest| world.objects[&cm("x")].content == Some(**digest)).unwrap();
    world.blobs.remove(&lost);
    world.machine.observe(Event::BlobLost { digest: lost });
    world.delete(&cm("x"));
    assert_eq!(world.objects.len(), 2);
}

#[test]
fn the_hub_is_told_of_no_digest_of_what_was_rendered_here() {
    let mut world = world();
    let first = desired(&mut world, &[x("0")], &SECRET);
    world.send(first);
    world.machine.snapshot.blobs.clear();
    let plain = world.desired(&[x("9")], &[], |_| {});
    let digest = Digest::of_json(&plain).unwrap();
    world.machine.observe(Event::Desired { desired: Box::new(plain.clone()), digest });
    world.machine.observe(Event::DesiredSaved { digest });
    let mut asked = 0;
    for _ in 0..20 {
        for action in world.machine.decide(world.now).actions {
            if let Action::Fetch { wants } = &action {
                asked += wants.len();
                let told = |want: &Want| plain.deployments[0].deployment == want.digest || want.base.is_none();
                assert!(wants.iter().all(|want| want.base.is_none() && told(want)), "{wants:?}");
            }
            world.perform(action);
        }
    }
    assert!(asked >= 2 && world.objects.len() == 1, "{asked}");
}

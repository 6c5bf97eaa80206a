//! DESIGN §7's table, row by row, and the order of things.

use super::super::*;
use super::world::{Meanwhile, Spec, World, cm, name};
use fleet_api::DeploymentState;
use fleet_api::Reason;
use fleet_api::wire::Dependency;

fn strayed(pointer: &str, manager: &str) -> Strayed {
    Strayed { pointer: pointer.into(), manager: manager.into() }
}

fn ready(world: &World, bundle: &str) -> bool {
    let said = &world.report.deployments[&name(bundle)];
    said.applied && said.ready && said.unmodified
}

#[test]
fn a_bundle_is_journaled_then_applied_then_recorded_and_a_restart_writes_nothing() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")])], &[]);
    assert_eq!(
        world.writes(),
        ["save", "journal", "apply configmap shop/x Create", "apply configmap shop/y Create", "journal"]
    );
    assert!(ready(&world, "a"));
    assert_eq!(world.report.deployments[&name("a")].objects, 2);
    world.log.clear();
    world.restart();
    assert_eq!(world.writes(), [] as [&str; 0]);
    assert!(!world.log.iter().any(|line| line.starts_with("read")), "{:?}", world.log);
    assert!(ready(&world, "a"));
}

#[test]
fn a_repair_whose_answer_was_lost_is_not_told_as_a_failure_once_the_object_is_right() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1")]).correcting()], &[]);
    world.refuse.insert(cm("x"), (Reason::ApiServerUnreachable, "connection reset"));
    world.meddle(&cm("x"), |live| live.lost.push(strayed("/data/key", "kubectl")));
    assert!(world.reasons("a").contains(&Reason::ApiServerUnreachable), "{:?}", world.reasons("a"));
    // It was done all the same, and the watch shows it.
    world.meddle(&cm("x"), |live| live.lost.clear());
    assert!(ready(&world, "a"), "{:?}", world.report);
    assert_eq!(world.reasons("a"), []);
}

#[test]
fn only_what_changed_is_written() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")])], &[]);
    world.log.clear();
    world.deploy(&[Spec::new("a", &[(cm("x"), "2"), (cm("y"), "1")])], &[]);
    assert_eq!(world.writes(), ["save", "apply! configmap shop/x Change", "journal"]);
}

#[test]
fn an_object_of_somebody_else_is_left_alone_unless_ownership_is_taken() {
    let mut world = World::new();
    world.foreign(&cm("x"), "helm");
    let mut spec = Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")]);
    world.deploy(std::slice::from_ref(&spec), &[]);
    assert!(world.objects[&cm("x")].content.is_none(), "left as it was");
    assert!(world.objects[&cm("y")].content.is_some(), "the other one is applied");
    let said = &world.report.deployments[&name("a")];
    assert!(!said.applied && said.modified[0].foreign && said.modified[0].managers == ["helm"]);
    assert_eq!(world.reasons("a"), [Reason::OwnedByOther]);
    spec.options.take_ownership = true;
    world.deploy(&[spec], &[]);
    assert!(ready(&world, "a"));
}

#[test]
fn an_object_of_somebody_else_that_goes_away_is_made() {
    let mut world = World::new();
    world.foreign(&cm("x"), "helm");
    world.deploy(&[Spec::new("a", &[(cm("x"), "1")])], &[]);
    assert!(!ready(&world, "a"));
    world.objects.remove(&cm("x"));
    world.now = "2026-11-25T13:00:00Z".parse().unwrap();
    world.run();
    assert!(ready(&world, "a"), "{:?}", world.log);
}

/// The answer to an apply that is slower than a watch says how the object was, not how it is.
#[test]
fn what_happens_between_an_apply_and_its_answer_is_put_right() {
    for meanwhile in [Meanwhile::Changed, Meanwhile::Deleted] {
        let mut world = World::new();
        let spec = |content| Spec::new("a", &[(cm("x"), content)]).correcting();
        world.deploy(&[spec("1")], &[]);
        world.log.clear();
        world.meanwhile = Some(meanwhile);
        world.deploy(&[spec("2")], &[]);
        let repair = if matches!(meanwhile, Meanwhile::Changed) {
            "apply! configmap shop/x Repair"
        } else {
            "apply configmap shop/x Repair"
        };
        let applies: Vec<&str> = world.writes().into_iter().filter(|line| line.starts_with("apply")).collect();
        assert_eq!(applies, ["apply! configmap shop/x Change", repair], "{meanwhile:?}");
        assert!(ready(&world, "a"));
        assert!(world.objects[&cm("x")].live.lost.is_empty());
    }
}

#[test]
fn a_changed_field_is_put_right_or_reported() {
    for (correct, watch_is_first) in [(true, false), (false, false), (true, true), (false, true)] {
        let mut world = World::new();
        world.watch_is_first = watch_is_first;
        let spec = Spec::new("a", &[(cm("x"), "1")]);
        let spec = if correct { spec.correcting() } else { spec };
        world.deploy(std::slice::from_ref(&spec), &[]);
        world.log.clear();
        world.meddle(&cm("x"), |live| {
            live.fields = None;
            live.lost = vec![strayed("/data/a", "kubectl-edit")];
        });
        if correct {
            assert_eq!(world.writes(), ["apply! configmap shop/x Repair"]);
            assert!(ready(&world, "a"));
            assert_eq!(world.reasons("a"), [Reason::DriftCorrected]);
            let said = &world.report.deployments[&name("a")].notes[0].message;
            assert!(said.contains(".data.a") && said.contains("kubectl-edit"), "{said}");
        } else {
            assert_eq!(world.writes(), [] as [&str; 0]);
            let modified = &world.report.deployments[&name("a")].modified[0];
            assert_eq!((modified.fields[0].as_str(), modified.managers[0].as_str()), (".data.a", "kubectl-edit"));
            world.deploy(&[Spec::new("a", &[(cm("x"), "2")])], &[]);
            assert!(ready(&world, "a"), "a change of the content overrules");
            assert_eq!(world.reasons("a"), [Reason::Overruled]);
        }
    }
}

#[test]
fn whoever_fights_back_is_met_ever_more_slowly() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1")]).correcting()], &[]);
    let before = world.now;
    world.log.clear();
    for _ in 0..8 {
        world.meddle(&cm("x"), |live| live.lost = vec![strayed("/data/a", "other")]);
    }
    assert_eq!(world.writes().len(), 8);
    assert_eq!(world.now.duration_since(before).as_secs(), 8, "five at once, then 1 + 2 + 5");
}

#[test]
fn a_deleted_object_is_made_again_or_reported_and_a_watch_is_not_believed() {
    for correct in [true, false] {
        let mut world = World::new();
        let spec = Spec::new("a", &[(cm("x"), "1")]);
        world.deploy(&[if correct { spec.correcting() } else { spec }], &[]);
        world.log.clear();
        world.machine.observe(Event::Suspect { key: cm("x") });
        world.run();
        assert_eq!(world.writes(), [] as [&str; 0], "it is still there");
        world.delete(&cm("x"));
        assert_eq!(world.objects.contains_key(&cm("x")), correct);
        if !correct {
            assert!(world.report.deployments[&name("a")].modified[0].missing);
            world.deploy(&[Spec::new("a", &[(cm("x"), "2")])], &[]);
            assert!(ready(&world, "a"), "made again with its new content");
        }
    }
}

#[test]
fn a_key_added_by_a_person_is_removed_or_reported_and_one_of_another_client_is_reported_and_left() {
    for (manager, correct, writes) in
        [("kubectl-edit", true, 1), ("kubectl-edit", false, 0), ("service-ca", true, 0), ("service-ca", false, 0)]
    {
        let mut world = World::new();
        let spec = Spec::new("a", &[(cm("x"), "1")]);
        world.deploy(&[if correct { spec.correcting() } else { spec }], &[]);
        world.log.clear();
        world.meddle(&cm("x"), |live| live.added = vec![strayed("/data/extra", manager)]);
        assert_eq!(world.writes().len(), writes, "{manager} {correct}");
        let is_drift = manager.starts_with("kubectl") && !correct;
        assert_eq!(ready(&world, "a"), !is_drift, "{manager} {correct}");
        let is_told = world.reasons("a").contains(&Reason::KeyAdded);
        assert_eq!(is_told, writes == 0, "{manager} {correct}");
    }
}

#[test]
fn replicas_are_left_to_an_autoscaler() {
    let mut world = World::new();
    let web = ObjectKey::new("apps", "Deployment", "shop", "web");
    world.deploy(&[Spec::new("a", &[(web.clone(), "1")]).correcting()], &[]);
    world.log.clear();
    world.meddle(&web, |live| {
        live.replicas_owner = Some("kube-controller-manager".into());
        live.lost = vec![strayed("/spec/replicas", "kube-controller-manager")];
    });
    assert_eq!(world.writes(), [] as [&str; 0]);
    assert!(ready(&world, "a"));
    world.deploy(&[Spec::new("a", &[(web, "2")]).correcting()], &[]);
    assert_eq!(world.reasons("a"), [Reason::LeftToController]);
}

#[test]
fn compare_patches_leave_fields_out_of_drift() {
    let mut world = World::new();
    let mut spec = Spec::new("a", &[(cm("x"), "1")]).correcting();
    spec.options.compare_patches = vec![fleet_api::v1alpha1::ComparePatch {
        kind: "ConfigMap".into(),
        json_pointers: vec!["/data".into()],
        ..Default::default()
    }];
    world.deploy(&[spec], &[]);
    world.log.clear();
    world.meddle(&cm("x"), |live| live.lost = vec![strayed("/data/a", "kubectl")]);
    assert_eq!(world.writes(), [] as [&str; 0]);
    assert!(ready(&world, "a"));
}

#[test]
fn a_bad_object_does_not_stop_the_others_and_is_named_with_its_file() {
    let mut world = World::new();
    world.refuse.insert(cm("bad"), (Reason::ObjectRefused, "no"));
    world.deploy(&[Spec::new("a", &[(cm("bad"), "1"), (cm("good"), "1")])], &[]);
    assert!(world.objects.contains_key(&cm("good")));
    let said = &world.report.deployments[&name("a")];
    assert!(!said.applied);
    assert_eq!((said.notes[0].reason, said.notes[0].file.as_str()), (Reason::ObjectRefused, "bad.yaml:1"));
    world.refuse.clear();
    world.now = "2026-11-25T13:00:00Z".parse().unwrap();
    world.run();
    assert!(ready(&world, "a"));
}

#[test]
fn an_object_whose_name_is_no_name_is_refused_without_a_request() {
    for bad in ["", ".", "..", "a/b", "../secrets/x", "a%2fb"] {
        let mut world = World::new();
        world.deploy(&[Spec::new("a", &[(cm(bad), "1"), (cm("good"), "1")])], &[]);
        assert!(world.objects.contains_key(&cm("good")) && !world.objects.contains_key(&cm(bad)), "{bad:?}");
        assert_eq!(world.reasons("a"), [Reason::ObjectRefused], "{bad:?}");
        assert_eq!(world.report.deployments[&name("a")].notes[0].file, format!("{bad}.yaml:1"));
    }
}

#[test]
fn a_custom_resource_waits_for_its_definition_and_then_converges() {
    let mut world = World::new();
    let crd = ObjectKey::new("apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com");
    let widget = ObjectKey::new("example.com", "Widget", "shop", "w");
    world.deploy(&[Spec::new("a", &[(widget.clone(), "1")])], &[]);
    assert_eq!(world.reasons("a"), [Reason::WaitingForKind]);
    world.deploy(&[Spec::new("a", &[(widget.clone(), "1"), (crd, "1")])], &[]);
    assert!(world.objects.contains_key(&widget));
    assert!(ready(&world, "a"));
}

#[test]
fn an_aggregated_api_that_is_down_holds_up_only_its_own_objects() {
    let mut world = World::new();
    let metric = ObjectKey::new("metrics.example.com", "Metric", "shop", "load");
    world.broken_groups.insert("metrics.example.com");
    let specs = [Spec::new("a", &[(cm("one"), "1"), (metric.clone(), "1")])];
    world.deploy(&specs, &[]);
    assert!(world.objects.contains_key(&cm("one")));
    assert_eq!(world.reasons("a"), [Reason::WaitingForKind]);
    let note = &world.report.deployments[&name("a")].notes[0];
    assert!(note.message.contains("metrics.example.com") && note.message.contains("503"), "{}", note.message);

    world.broken_groups.clear();
    world.kinds.insert(("metrics.example.com", "Metric"), ("metrics", true));
    world.now += jiff::SignedDuration::from_mins(5);
    world.run();
    assert!(world.objects.contains_key(&metric));
    assert!(ready(&world, "a"));
}

#[test]
fn a_release_namespace_is_made_once_before_the_objects_and_they_are_not_read_first() {
    let mut world = World::new();
    let mut spec = Spec::new("a", &[(cm("x"), "1")]);
    spec.create_namespace = true;
    world.deploy(std::slice::from_ref(&spec), &[]);
    assert!(ready(&world, "a"));
    world.log.clear();
    world.restart();
    world.deploy(&[spec.correcting()], &[]);
    assert_eq!(world.writes(), ["save", "journal"]);
}

#[test]
fn a_dependency_holds_the_newer_state_back_until_it_is_satisfied() {
    let mut world = World::new();
    let specs = [Spec::new("a", &[(cm("x"), "1")]), Spec::new("b", &[(cm("y"), "1")])];
    world.refuse.insert(cm("y"), (Reason::ObjectRefused, "no"));
    let desired = world.desired(&specs, &[], |desired| {
        desired.deployments[0].depends_on = vec![Dependency {
            description: "bundle \"b\"".into(),
            bundles: vec![name("b")],
            accepted_states: vec![DeploymentState::Ready],
        }];
    });
    world.send(desired);
    assert!(!world.objects.contains_key(&cm("x")));
    assert!(world.report.deployments[&name("a")].waiting);
    assert_eq!(world.reasons("a"), [Reason::WaitingForDependency]);
    world.refuse.clear();
    world.now = "2026-11-25T13:00:00Z".parse().unwrap();
    world.run();
    assert!(ready(&world, "a") && ready(&world, "b"));
}

#[test]
fn kinds_are_applied_in_order() {
    let mut world = World::new();
    let namespace = ObjectKey::new("", "Namespace", "", "other");
    let web = ObjectKey::new("apps", "Deployment", "other", "web");
    world.deploy(&[Spec::new("a", &[(web, "1"), (cm("x"), "1"), (namespace, "1")])], &[]);
    let applies: Vec<&str> = world.log.iter().map(String::as_str).filter(|line| line.starts_with("apply")).collect();
    assert_eq!(
        applies,
        ["apply namespace other Create", "apply configmap shop/x Create", "apply deployment.apps other/web Create"]
    );
}

#[test]
fn deciding_step_by_step_equals_deciding_from_nothing() {
    let mut world = World::new();
    let web = ObjectKey::new("apps", "Deployment", "shop", "web");
    world.foreign(&cm("f"), "helm");
    world.refuse.insert(cm("bad"), (Reason::ObjectRefused, "no"));
    world.deploy(
        &[Spec::new("a", &[(cm("x"), "1"), (cm("f"), "1"), (web, "1")]), Spec::new("b", &[(cm("bad"), "1")])],
        &[],
    );
    world.meddle(&cm("x"), |live| live.lost = vec![strayed("/data/a", "kubectl")]);
    world.deploy(&[Spec::new("a", &[(cm("x"), "1"), (cm("f"), "1")]), Spec::new("b", &[(cm("x"), "1")])], &[]);
    let stepwise = world.machine.decide(world.now);
    let mut fresh = Machine::new(world.rules, super::world::cluster(), Persisted::default());
    fresh.snapshot = world.machine.snapshot.clone();
    fresh.journal.revision = world.machine.journal.revision;
    fresh.journal.persisted = world.machine.journal.persisted;
    let from_nothing = fresh.decide(world.now);
    assert_eq!(stepwise.actions, from_nothing.actions);
    assert_eq!(from_nothing.report.as_ref(), Some(&world.report));
}

#[test]
fn what_took_the_place_of_an_object_of_ours_is_looked_at_again() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1")])], &[]);
    world.foreign(&cm("x"), "kubectl-create");
    world.machine.observe(Event::Suspect { key: cm("x") });
    world.run();
    assert_eq!(world.reasons("a"), [Reason::OwnedByOther]);
    // No watch tells that it is gone: it does not carry our label.
    world.objects.remove(&cm("x"));
    world.now += jiff::SignedDuration::from_secs(700);
    world.run();
    assert!(world.objects.contains_key(&cm("x")), "it is made again: {:?}", world.report);
}

#[test]
fn what_somebody_else_made_before_our_apply_was_done_is_not_read_for_ever() {
    let mut world = World::new();
    // The intent is in the ledger, the apply is refused, and then the object is there, and another's.
    world.refuse.insert(cm("x"), (Reason::ObjectRefused, "no"));
    world.deploy(&[Spec::new("a", &[(cm("x"), "1")]).correcting()], &[]);
    world.foreign(&cm("x"), "helm");
    world.machine.observe(Event::Suspect { key: cm("x") });
    world.run();
    world.deploy(&[Spec::new("a", &[(cm("x"), "2")]).correcting()], &[]);
    assert!(world.reasons("a").contains(&Reason::OwnedByOther), "{:?}", world.report);
}

#[test]
fn what_a_bundle_released_is_taken_up_by_the_bundle_that_claims_it_later() {
    let mut world = World::new();
    let keeps = |bundle: &'static str| {
        let mut spec = Spec::new(bundle, &[(cm("x"), "1")]);
        spec.options.keep_resources = true;
        spec
    };
    world.deploy(&[keeps("a")], &[]);
    let uid = world.objects[&cm("x")].live.uid.clone();
    // `a` was renamed to `b`, whose render takes longer than the withdrawal.
    let released = world.desired(&[], &["a"], |desired| desired.tombstones[0].keep_resources = true);
    world.send(released);
    assert!(world.machine.ledger().owner(&cm("x")).is_none(), "released");
    world.deploy(&[keeps("b")], &[]);
    assert!(ready(&world, "b"), "{:?}", world.report);
    assert_eq!(world.objects[&cm("x")].live.uid, uid, "it is the same object");
    assert_eq!(world.machine.ledger().owner(&cm("x")), Some(&name("b")));
}

#[test]
fn a_clock_that_was_ahead_puts_nothing_off_once_it_is_set_back() {
    let mut world = World::new();
    let right = world.now;
    world.now += jiff::SignedDuration::from_hours(24 * 3650);
    world.refuse.insert(cm("x"), (Reason::ObjectRefused, "no"));
    world.foreign(&cm("y"), "kubectl-create");
    world.deploy(&[Spec::new("a", &[(cm("x"), "1"), (cm("y"), "1")])], &[]);
    assert!(!ready(&world, "a"));
    world.refuse.clear();
    world.objects.remove(&cm("y"));
    world.now = right;
    world.run();
    world.now += jiff::SignedDuration::from_secs(700);
    world.run();
    assert!(ready(&world, "a"), "{:?}", world.report);
}

/// Health is judged as the Deployment says; where the next one says otherwise, nobody waits for the object to change.
#[test]
fn conditions_that_are_ignored_from_now_on_are_ignored_at_once() {
    let mut world = World::new();
    let spec = || Spec::new("a", &[(cm("x"), "1")]);
    world.deploy(&[spec()], &[]);
    let in_progress = || Some(Box::new(Unhealthy { state: "in-progress".into(), message: "Dark".into() }));
    world.meddle(&cm("x"), |live| live.unhealthy = in_progress());
    assert!(!world.report.deployments[&name("a")].ready);
    // How the shell judges it with the new options, once it is asked.
    world.objects.get_mut(&cm("x")).unwrap().live.unhealthy = None;
    let mut options = spec();
    options.options.ignore_conditions = vec![BTreeMap::from([("reason".into(), "Dark".into())])];
    world.deploy(&[options], &[]);
    assert!(world.report.deployments[&name("a")].ready);
    world.objects.get_mut(&cm("x")).unwrap().live.unhealthy = in_progress();
    world.deploy(&[spec()], &[]);
    assert!(!world.report.deployments[&name("a")].ready);
}

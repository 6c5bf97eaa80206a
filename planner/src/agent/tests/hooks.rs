//! Hooks: their order, their ends, what is deleted of them, and that each runs once for each revision.

use super::super::*;
use super::world::{Spec, World, cm, name};
use fleet_api::DeploymentState;
use fleet_api::Reason;
use fleet_api::wire::Hook;
use fleet_api::wire::HookDeletion::{self, BeforeHookCreation, HookFailed, HookSucceeded};
use fleet_api::wire::HookEvent::{self, PostDelete, PostInstall, PostUpgrade, PreDelete, PreInstall, PreUpgrade};

fn job(text: &str) -> ObjectKey {
    ObjectKey::new("batch", "Job", "shop", text)
}

impl Spec {
    fn hook(self, key: ObjectKey, content: &'static str, events: &[HookEvent]) -> Self {
        self.policy(key, content, events, &[BeforeHookCreation])
    }

    fn policy(mut self, key: ObjectKey, content: &'static str, events: &[HookEvent], delete: &[HookDeletion]) -> Self {
        let hook =
            Hook { events: events.iter().copied().collect(), weight: 0, delete: delete.iter().copied().collect() };
        self.objects.push((key.clone(), content));
        self.hooks.insert(key, hook);
        self
    }

    fn copy(mut self, key: &ObjectKey, content: &'static str) -> Self {
        self.objects.insert(0, (key.clone(), content));
        self.copied.insert(key.clone());
        self
    }

    fn weighing(mut self, key: &ObjectKey, weight: i64) -> Self {
        self.hooks.get_mut(key).unwrap().weight = weight;
        self
    }
}

impl World {
    fn end(&mut self, key: &ObjectKey, succeeded: bool) {
        let message = if succeeded { "" } else { "BackoffLimitExceeded: it gave up" };
        self.meddle(key, |live| live.ended = Some(Box::new(Ended { succeeded, message: message.into() })));
    }

    fn state(&self, bundle: &str) -> DeploymentState {
        report::state(&self.report.deployments[&name(bundle)])
    }

    fn has(&self, key: &ObjectKey) -> bool {
        self.objects.contains_key(key)
    }

    /// What was done to objects, without the bookkeeping.
    fn done(&mut self) -> Vec<String> {
        let is_doing = |line: &&String| line.starts_with("apply") || line.starts_with("delete");
        let done =
            self.log.iter().filter(is_doing).map(|line| line.replace("configmap ", "").replace("job.batch ", ""));
        let done = done.collect();
        self.log.clear();
        done
    }

    fn later(&mut self, seconds: i64) {
        self.now = self.now.saturating_add(SignedDuration::from_secs(seconds)).unwrap();
        self.run();
    }
}

/// A release with a hook before and one after each event of a rollout.
fn shop(content: &'static str) -> Spec {
    Spec::new("a", &[(cm("x"), content)])
        .hook(job("install"), content, &[PreInstall])
        .hook(job("upgrade"), content, &[PreUpgrade])
        .hook(job("after"), content, &[PostInstall, PostUpgrade])
}

/// Installs [`shop`]; the hooks succeed.
fn installed(spec: &Spec) -> World {
    let mut world = World::new();
    world.deploy(std::slice::from_ref(spec), &[]);
    for key in [job("install"), job("after")] {
        if world.has(&key) {
            world.end(&key, true);
        }
    }
    assert_eq!(world.state("a"), DeploymentState::Ready, "{:?}", world.report);
    world.done();
    world
}

#[test]
fn hooks_come_before_and_after_the_objects_and_a_restart_runs_none_again() {
    let mut world = World::new();
    world.deploy(&[shop("1")], &[]);
    assert_eq!(world.writes(), ["save", "journal", "apply job.batch shop/install Hook", "journal"]);
    assert_eq!((world.state("a"), world.reasons("a")), (DeploymentState::WaitApplied, vec![Reason::HookRunning]));
    let said = &world.report.deployments[&name("a")].notes[0];
    assert_eq!(said.message, "the pre-install hook job.batch shop/install (1 of 1) runs");
    assert_eq!(said.file, "install.yaml:1");
    world.restart();
    world.done();
    world.end(&job("install"), true);
    assert_eq!(world.done(), ["apply shop/x Create", "apply shop/after Hook"]);
    assert_eq!(world.state("a"), DeploymentState::WaitApplied, "the release is not complete yet");
    world.end(&job("after"), true);
    assert_eq!(world.state("a"), DeploymentState::Ready);
    assert_eq!(world.report.deployments[&name("a")].objects, 1, "hooks are no objects that are looked after");
    world.log.clear();
    world.restart();
    assert_eq!(world.writes(), [] as [&str; 0]);
    let mut options = shop("1").correcting();
    options.options.ignore_conditions = vec![BTreeMap::new()];
    world.deploy(&[options], &[]);
    assert_eq!(world.done(), [] as [&str; 0], "options alone make no new revision");
    assert_eq!(world.state("a"), DeploymentState::Ready);
    let mut forced = shop("1");
    forced.options.force_sync_generation = 1;
    world.deploy(&[forced], &[]);
    assert_eq!(world.done(), ["apply shop/upgrade Hook"], "forceSyncGeneration runs them again");
}

#[test]
fn a_change_runs_the_hooks_of_an_upgrade_and_the_old_object_of_a_hook_goes_first() {
    let mut world = installed(&shop("1"));
    let old = world.uid(&job("after"));
    world.deploy(&[shop("2")], &[]);
    assert_eq!(world.done(), ["apply shop/upgrade Hook"]);
    world.end(&job("upgrade"), true);
    assert_eq!(world.done(), ["apply! shop/x Change", "delete shop/after", "apply shop/after Hook"]);
    assert_ne!(world.uid(&job("after")), old);
    world.end(&job("after"), true);
    assert_eq!(world.state("a"), DeploymentState::Ready);
}

#[test]
fn a_revision_is_what_is_applied_and_not_where_it_stands() {
    let same = revision(&shop("1").deployment());
    /// What is changed, whether that makes another revision, the change.
    type Case = (&'static str, bool, fn(&mut Deployment));
    let table: [Case; 6] = [
        ("a line above it", false, |it| it.objects[0].source = "x.yaml:2".into()),
        ("another order", false, |it| it.objects.reverse()),
        ("options", false, |it| it.options.correct_drift = shop("1").correcting().options.correct_drift),
        ("content", true, |it| it.objects[0].digest = Digest::of(b"another")),
        ("namespace", true, |it| it.release_namespace = "other".into()),
        ("forceSyncGeneration", true, |it| it.options.force_sync_generation = 1),
    ];
    for (what, is_other, change) in table {
        let mut deployment = shop("1").deployment();
        change(&mut deployment);
        assert_eq!(revision(&deployment) != same, is_other, "{what}");
    }
}

#[test]
fn a_hook_that_fails_before_an_upgrade_touches_nothing_that_runs() {
    let mut world = installed(&shop("1").correcting());
    let new = || Spec::new("a", &[(cm("y"), "2")]).hook(job("upgrade"), "2", &[PreUpgrade]).correcting();
    world.deploy(&[new()], &[]);
    world.end(&job("upgrade"), false);
    assert_eq!((world.state("a"), world.reasons("a")), (DeploymentState::ErrApplied, vec![Reason::HookFailed]));
    let said = &world.report.deployments[&name("a")].notes[0];
    let why = "failed: BackoffLimitExceeded: it gave up; nothing of the new state is applied";
    assert_eq!(said.message, format!("the pre-upgrade hook job.batch shop/upgrade {why}"));
    assert!(world.has(&cm("x")) && !world.has(&cm("y")));
    world.done();
    world.restart();
    world.later(100_000);
    assert_eq!(world.done(), [] as [&str; 0], "it is not run again by itself");
    // The older release is looked after.
    world.delete(&cm("x"));
    assert_eq!(world.done(), ["apply shop/x Repair"]);
    let fixed = Spec::new("a", &[(cm("y"), "2")]).hook(job("upgrade"), "3", &[PreUpgrade]);
    world.deploy(&[fixed], &[]);
    assert_eq!(world.done(), ["delete shop/upgrade", "apply shop/upgrade Hook"]);
    world.end(&job("upgrade"), true);
    assert_eq!(world.state("a"), DeploymentState::Ready);
    assert!(!world.has(&cm("x")) && world.has(&cm("y")));
    assert!(world.has(&job("after")), "a hook that is no longer there leaves its object, as with Helm");
}

#[test]
fn a_release_that_was_never_whole_is_installed_again() {
    let mut world = World::new();
    world.deploy(&[shop("1")], &[]);
    world.end(&job("install"), false);
    assert!(!world.has(&cm("x")) && world.state("a") == DeploymentState::ErrApplied);
    world.deploy(&[shop("2")], &[]);
    assert!(world.done().ends_with(&["delete shop/install".to_owned(), "apply shop/install Hook".to_owned()]));
}

#[test]
fn copies_of_the_hub_are_there_and_new_before_the_hooks_that_may_need_them() {
    let (registry, dropped) = (ObjectKey::new("", "Secret", "shop", "registry"), cm("dropped"));
    let mut world = World::new();
    world.deploy(&[shop("1").copy(&registry, "1").copy(&dropped, "1").correcting()], &[]);
    let before = ["apply secret shop/registry Create", "apply shop/dropped Create", "apply shop/install Hook"];
    assert_eq!(world.done(), before, "objects of the bundle itself come after the hook");
    world.end(&job("install"), true);
    assert_eq!(world.done(), ["apply shop/x Create", "apply shop/after Hook"]);
    world.end(&job("after"), true);
    assert_eq!(world.state("a"), DeploymentState::Ready);

    world.deploy(&[shop("2").copy(&registry, "2").correcting()], &[]);
    assert_eq!(world.done(), ["apply! secret shop/registry Change", "apply shop/upgrade Hook"]);
    for restarts in [false, true] {
        if restarts {
            world.restart();
        }
        world.later(60);
        assert_eq!(world.done(), [] as [&str; 0], "the older release, which is in force, leaves the copy alone");
    }
    for (key, said) in [(&registry, "apply secret shop/registry Repair"), (&dropped, "apply shop/dropped Repair")] {
        world.delete(key);
        assert_eq!(world.done(), [said], "each is looked after by one release");
    }
    assert_eq!(world.report.deployments[&name("a")].objects, 3);
    // A credential that was changed is what the next try may need.
    world.end(&job("upgrade"), false);
    world.later(100_000);
    world.delete(&registry);
    assert_eq!(world.done(), ["apply secret shop/registry Repair"], "also when the hook has failed");
    world.deploy(&[shop("3").copy(&registry, "3").correcting()], &[]);
    world.end(&job("upgrade"), true);
    world.end(&job("after"), true);
    assert_eq!(world.state("a"), DeploymentState::Ready);
    assert!(!world.has(&dropped) && world.has(&registry));
}

/// The hook of a revision runs with what was applied before it, whatever the next revision waits for.
#[test]
fn a_revision_that_waits_does_not_put_an_older_copy_back_under_a_hook_that_runs() {
    /// What keeps the next revision from its turn.
    type Case = (&'static str, fn(&mut World, &mut Desired));
    let cases: [Case; 3] = [
        ("the hook", |_, _| {}),
        ("a dependency", |_, desired| {
            let accepted_states = [DeploymentState::Ready].into();
            let description = "nothing".to_owned();
            desired.deployments[0].depends_on =
                vec![fleet_api::wire::Dependency { description, bundles: Vec::new(), accepted_states }];
        }),
        ("its list of objects", |world, desired| {
            world.blobs.remove(&desired.deployments[0].deployment);
        }),
    ];
    let registry = ObjectKey::new("", "Secret", "shop", "registry");
    let with = |content| shop(content).copy(&registry, content).correcting();
    for (case, keep) in cases {
        let mut world = World::new();
        world.deploy(&[with("1")], &[]);
        world.end(&job("install"), true);
        world.end(&job("after"), true);
        world.deploy(&[with("2")], &[]);
        world.done();
        let mut desired = world.desired(&[with("3")], &[], |_| {});
        keep(&mut world, &mut desired);
        world.send(desired);
        world.later(60);
        assert_eq!(world.done(), [] as [&str; 0], "{case}");

        world.deploy(&[with("3")], &[]);
        world.end(&job("upgrade"), true);
        let applied = ["apply! secret shop/registry Change", "delete shop/upgrade", "apply shop/upgrade Hook"];
        assert_eq!(world.done(), applied, "{case}");
    }
}

#[test]
fn a_hook_waits_for_a_copy_that_cannot_be_made() {
    let registry = ObjectKey::new("", "Secret", "shop", "registry");
    let mut world = World::new();
    world.refuse.insert(registry.clone(), (Reason::Forbidden, "secrets is forbidden"));
    world.deploy(&[shop("1").copy(&registry, "1")], &[]);
    assert!(!world.has(&job("install")));
    assert_eq!((world.state("a"), world.reasons("a")), (DeploymentState::ErrApplied, vec![Reason::Forbidden]));
    world.refuse.clear();
    world.later(1000);
    assert!(world.has(&registry) && world.has(&job("install")));
}

#[test]
fn hooks_run_by_weight_then_by_name() {
    let config = |text: &str| cm(text);
    let spec = Spec::new("a", &[])
        .hook(config("c"), "1", &[PreInstall])
        .hook(config("b"), "1", &[PreInstall])
        .hook(job("a"), "1", &[PreInstall])
        .hook(config("first"), "1", &[PreInstall])
        .weighing(&config("first"), -5)
        .hook(config("d"), "1", &[PreInstall])
        .weighing(&config("d"), 3);
    let mut world = World::new();
    world.deploy(&[spec], &[]);
    assert_eq!(world.done(), ["apply shop/first Hook", "apply shop/a Hook"], "a Job is waited for");
    world.end(&job("a"), true);
    assert_eq!(world.done(), ["apply shop/b Hook", "apply shop/c Hook", "apply shop/d Hook"], "others are not");
    assert_eq!(world.state("a"), DeploymentState::Ready);
}

#[test]
fn policies_delete_what_a_hook_has_made() {
    // Policies, how it ends, whether it is there after that, whether it is made anew by the next revision.
    let cases: [(&[HookDeletion], bool, bool, bool); 7] = [
        (&[BeforeHookCreation], true, true, true),
        (&[HookSucceeded], true, false, true),
        (&[HookSucceeded], false, true, false),
        (&[HookFailed], false, false, true),
        (&[HookFailed], true, true, false),
        (&[HookSucceeded, HookFailed], false, false, true),
        (&[HookSucceeded, BeforeHookCreation], false, true, true),
    ];
    for (delete, succeeded, stays, anew) in cases {
        let case = format!("{delete:?} {succeeded}");
        let spec = |content| Spec::new("a", &[]).policy(job("h"), content, &[PreInstall, PreUpgrade], delete);
        let mut world = World::new();
        world.deploy(&[spec("1")], &[]);
        let uid = world.uid(&job("h"));
        world.end(&job("h"), succeeded);
        assert_eq!(world.has(&job("h")), stays, "{case}");
        assert_eq!(world.state("a") == DeploymentState::Ready, succeeded, "{case}");
        world.deploy(&[spec("2")], &[]);
        assert_eq!(world.uid(&job("h")) != uid, anew, "{case}: {:?}", world.log);
    }
}

#[test]
fn earlier_hooks_that_succeeded_go_when_a_later_one_fails() {
    let spec = Spec::new("a", &[])
        .policy(job("a"), "1", &[PreInstall], &[HookSucceeded])
        .policy(job("b"), "1", &[PreInstall], &[HookSucceeded])
        .policy(job("c"), "1", &[PreInstall], &[HookFailed]);
    let mut world = World::new();
    world.deploy(&[spec], &[]);
    world.end(&job("a"), true);
    assert!(world.has(&job("a")), "not before all of them are through");
    world.end(&job("b"), false);
    assert_eq!([job("a"), job("b"), job("c")].map(|key| world.has(&key)), [false, true, false]);
}

#[test]
fn a_hook_that_hangs_has_a_timeout() {
    for (seconds, default) in [(0, 300), (20, 20)] {
        let mut world = World::new();
        let mut spec = shop("1");
        spec.options.timeout_seconds = seconds;
        world.deploy(&[spec], &[]);
        world.later(default - 15);
        assert_eq!(world.reasons("a"), [Reason::HookRunning]);
        world.later(15);
        assert_eq!(world.reasons("a"), [Reason::HookFailed]);
        let said = &world.report.deployments[&name("a")].notes[0].message;
        assert!(said.contains(&format!("did not end within {default} seconds")), "{said}");
        // What has ended by then has ended, however late that is looked at.
        world.end(&job("install"), true);
        assert_eq!(world.state("a"), DeploymentState::ErrApplied);
    }
}

#[test]
fn with_a_timeout_the_hooks_after_the_objects_wait_until_these_are_ready() {
    let mut world = World::new();
    let mut spec = Spec::new("a", &[(cm("x"), "1")]).hook(job("after"), "1", &[PostInstall]).correcting();
    spec.options.timeout_seconds = 20;
    world.deploy(std::slice::from_ref(&spec), &[]);
    assert!(world.has(&job("after")), "it is ready at once");
    let mut world = World::new();
    world.unhealthy.insert(cm("x"));
    world.deploy(&[spec], &[]);
    assert!(world.has(&cm("x")) && !world.has(&job("after")));
    world.meddle(&cm("x"), |live| live.unhealthy = None);
    assert!(world.has(&job("after")));
}

#[test]
fn an_agent_that_dies_anywhere_makes_each_hook_once_for_each_revision() {
    for fuel in 0..40 {
        let mut world = World::new();
        world.fuel = Some(fuel);
        world.deploy(&[shop("1")], &[]);
        world.restart();
        if !world.has(&job("install")) {
            world.deploy(&[shop("1")], &[]);
        }
        for key in [job("install"), job("after")] {
            world.end(&key, true);
            world.restart();
        }
        assert_eq!(world.state("a"), DeploymentState::Ready, "{fuel}: {:?}", world.log);
        world.log.clear();
        world.fuel = Some(fuel);
        world.deploy(&[shop("2")], &[]);
        world.restart();
        if !world.has(&job("upgrade")) {
            world.deploy(&[shop("2")], &[]);
        }
        world.end(&job("upgrade"), true);
        let made = world.uid(&job("after"));
        world.end(&job("after"), true);
        world.restart();
        assert_eq!(world.uid(&job("after")), made);
        assert_eq!(world.state("a"), DeploymentState::Ready, "{fuel}");
        let deleted = world.done().into_iter().filter(|line| line.starts_with("delete")).collect::<Vec<_>>();
        assert_eq!(deleted, ["delete shop/after"], "{fuel}");
    }
}

#[test]
fn what_is_not_the_hooks_own_is_never_deleted_for_it() {
    let spec = || Spec::new("a", &[(cm("x"), "1")]).hook(job("h"), "1", &[PreInstall]);
    let mut world = World::new();
    world.foreign(&job("h"), "helm");
    world.deploy(&[spec()], &[]);
    assert_eq!(world.done(), [] as [&str; 0]);
    let said = &world.report.deployments[&name("a")].notes[0].message;
    assert!(said.contains("cannot be made: it exists and belongs to helm"), "{said}");
    // A plain object of another bundle.
    let mut world = World::new();
    world.deploy(&[Spec::new("b", &[(job("h"), "1")])], &[]);
    world.done();
    world.deploy(&[Spec::new("b", &[(job("h"), "1")]), spec()], &[]);
    assert_eq!(world.done(), [] as [&str; 0]);
    assert_eq!(world.reasons("a"), [Reason::HookFailed]);
    // One that took the place of what the hook had made.
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[]).policy(job("h"), "1", &[PreInstall], &[HookFailed])], &[]);
    world.foreign(&job("h"), "kubectl");
    world.machine.observe(Event::Suspect { key: job("h") });
    world.run();
    assert_eq!(world.reasons("a"), [Reason::HookFailed]);
    assert!(world.uid(&job("h")).starts_with("foreign"));
}

#[test]
fn an_object_that_becomes_a_hook_is_its_own_and_is_not_pruned() {
    let mut world = World::new();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1"), (job("h"), "1")])], &[]);
    world.done();
    world.deploy(&[Spec::new("a", &[(cm("x"), "1")]).hook(job("h"), "1", &[PostUpgrade])], &[]);
    assert_eq!(world.done(), ["delete shop/h", "apply shop/h Hook"]);
    world.end(&job("h"), true);
    assert_eq!(world.report.deployments[&name("a")].objects, 1);
    world.delete(&job("h"));
    assert_eq!(world.done(), [] as [&str; 0], "no drift of it is repaired");
    assert_eq!(world.state("a"), DeploymentState::Ready);
}

#[test]
fn a_hook_that_runs_is_not_cut_off_by_a_newer_revision() {
    let spec = |content| Spec::new("a", &[(cm("x"), content)]).hook(job("h"), content, &[PreInstall]);
    let mut world = World::new();
    world.deploy(&[spec("1")], &[]);
    let first = world.uid(&job("h"));
    world.deploy(&[spec("2")], &[]);
    assert_eq!((world.uid(&job("h")), world.reasons("a")), (first.clone(), vec![Reason::HookRunning]));
    world.end(&job("h"), true);
    assert_ne!(world.uid(&job("h")), first);
    assert!(!world.has(&cm("x")));
    world.end(&job("h"), true);
    assert_eq!(world.state("a"), DeploymentState::Ready);
}

#[test]
fn definitions_and_the_namespace_come_before_the_hooks_of_an_install() {
    let crd = ObjectKey::new("apiextensions.k8s.io", "CustomResourceDefinition", "", "widgets.example.com");
    let widget = ObjectKey::new("example.com", "Widget", "shop", "w");
    let mut spec = Spec::new("a", &[(cm("x"), "1"), (crd, "1")]).hook(widget, "1", &[PreInstall]);
    spec.create_namespace = true;
    let mut world = World::new();
    world.deploy(&[spec], &[]);
    let order: Vec<&str> = world.writes().into_iter().filter(|line| *line != "journal" && *line != "save").collect();
    let widget = "apply widget.example.com shop/w Hook";
    let crd = "apply customresourcedefinition.apiextensions.k8s.io widgets.example.com Create";
    assert_eq!(order, ["namespace shop", crd, widget, "apply configmap shop/x Create"]);
}

#[test]
fn hooks_of_deleting_run_in_a_removal_that_was_asked_for() {
    let spec =
        Spec::new("a", &[(cm("x"), "1")]).hook(job("pre"), "1", &[PreDelete]).hook(job("post"), "1", &[PostDelete]);
    let mut world = installed(&spec);
    // Silence about a bundle is no removal.
    world.deploy(&[], &[]);
    assert_eq!((world.done(), world.has(&cm("x"))), (Vec::new(), true));
    world.deploy(std::slice::from_ref(&spec), &[]);
    world.done();
    world.deploy(&[], &["a"]);
    assert_eq!((world.done(), world.has(&cm("x"))), (vec!["apply shop/pre Hook".to_owned()], true));
    world.restart();
    world.end(&job("pre"), true);
    assert_eq!(world.done(), ["delete shop/x", "apply shop/post Hook"]);
    assert!(world.report.deployments.contains_key(&name("a")), "it is not gone yet");
    world.end(&job("post"), true);
    assert!(!world.report.deployments.contains_key(&name("a")) && world.machine.ledger().bundles().is_empty());
    // And again: what was left of the hooks is their own.
    world.deploy(std::slice::from_ref(&spec), &[]);
    world.deploy(&[], &["a"]);
    assert!(world.done().contains(&"delete shop/pre".to_owned()));
}

#[test]
fn hooks_of_deleting_do_not_run_where_nothing_is_deleted() {
    let spec = |bundle| Spec::new(bundle, &[(cm("x"), "1")]).hook(job("pre"), "1", &[PreDelete]);
    // Kept.
    let mut world = installed(&spec("a"));
    let desired = world.desired(&[], &["a"], |desired| desired.tombstones[0].keep_resources = true);
    world.send(desired);
    assert_eq!((world.done(), world.machine.ledger().is_empty()), (Vec::new(), true));
    // Handed over.
    let mut world = installed(&spec("a"));
    world.deploy(&[spec("b")], &["a"]);
    assert_eq!(world.done(), ["apply! shop/x Change"]);
    assert!(!world.machine.ledger().bundles().contains_key(&name("a")));
    // Held, until it is approved.
    let mut world = installed(&spec("a"));
    let limit = Some(DeletionLimit { objects: 0, percent: 0 });
    let desired = world.desired(&[], &["a"], |desired| desired.tombstones[0].deletion_limit = limit);
    world.send(desired);
    assert_eq!((world.done(), world.report.held.is_some()), (Vec::new(), true));
    let list = world.report.held.as_ref().unwrap().digest;
    let desired = world.desired(&[], &["a"], |desired| {
        desired.tombstones[0].deletion_limit = limit;
        desired.approvals.push(fleet_api::wire::Approval { list, by: "admin".into() });
    });
    world.send(desired);
    assert_eq!(world.done(), ["apply shop/pre Hook"]);
    world.end(&job("pre"), true);
    assert_eq!(world.done(), ["delete shop/x"]);
    // Called off.
    let mut world = installed(&spec("a"));
    world.deploy(&[], &["a"]);
    world.deploy(&[spec("a")], &[]);
    world.end(&job("pre"), true);
    assert_eq!((world.has(&cm("x")), world.state("a")), (true, DeploymentState::Ready));
}

#[test]
fn a_hook_that_fails_before_a_removal_deletes_nothing_and_is_tried_again() {
    let spec = Spec::new("a", &[(cm("x"), "1")]).hook(job("pre"), "1", &[PreDelete]);
    let mut world = installed(&spec);
    world.deploy(&[], &["a"]);
    world.end(&job("pre"), false);
    assert_eq!((world.has(&cm("x")), world.reasons("a")), (true, vec![Reason::HookFailed]));
    world.done();
    world.later(580);
    assert_eq!(world.done(), [] as [&str; 0]);
    world.later(20);
    assert_eq!(world.done(), ["delete shop/pre", "apply shop/pre Hook"]);
    world.end(&job("pre"), true);
    assert!(!world.has(&cm("x")) && world.machine.ledger().bundles().is_empty());
}

#[test]
fn without_its_hooks_a_removal_waits() {
    let spec = Spec::new("a", &[(cm("x"), "1")]).hook(job("pre"), "1", &[PreDelete]);
    let mut world = installed(&spec);
    let lost = Digest::of_json(&spec.deployment()).unwrap();
    let document = world.blobs.remove(&lost);
    world.restart();
    world.deploy(&[], &["a"]);
    assert_eq!((world.done(), world.has(&cm("x"))), (Vec::new(), true));
    assert_eq!(world.reasons("a"), [Reason::WaitingForCluster]);
    world.blobs.insert(lost, document.unwrap());
    world.later(400);
    assert_eq!(world.done(), ["apply shop/pre Hook"]);
}

#[test]
fn a_hook_that_the_api_server_refuses_has_failed() {
    let mut world = World::new();
    world.refuse.insert(job("install"), (Reason::ObjectRefused, "spec.template: Required value"));
    world.deploy(&[shop("1")], &[]);
    let said = &world.report.deployments[&name("a")].notes[0];
    assert!(said.message.contains("cannot be made: spec.template: Required value"), "{}", said.message);
    assert_eq!(said.reason, Reason::HookFailed);
    assert!(!world.has(&cm("x")));
}

//! What went wrong elsewhere, replayed against the hub's decisions (docs/ADVISORIES.md).

use super::*;

/// fleet#1650: an upgrade with no resources at all took away what ran.
#[test]
fn d03_a_render_that_comes_to_nothing_keeps_the_last_good() {
    let mut world = shop();
    let before = world.issued.clone();
    world.results.insert("web".into(), Ok(0));
    world.read(read(
        &["apps/*"],
        vec![bundle("web", "apps/*", "apps/web", "2"), bundle("db", "apps/*", "apps/db", "1")],
    ));
    let content = |issued: &BTreeMap<Ref, (Have, Desired)>| -> Vec<Digest> {
        issued[&r("prod")].1.deployments.iter().map(|entry| entry.deployment).collect()
    };
    assert_eq!(content(&world.issued), content(&before));
    assert!(world.issued[&r("prod")].1.tombstones.is_empty());
    let Status::Bundle(_, web) = &world.statuses["bundle/web"] else { panic!() };
    assert!(format!("{web:?}").contains("EmptyRender"), "{web:?}");
}

/// fleet#1163: the controller started again, labels were away for a moment, and targets changed. What a report leaves out
/// has not changed.
#[test]
fn d07_labels_that_a_report_leaves_out_are_as_they_were() {
    let mut world = shop();
    let claimed = json!({"matchLabels": {"claims.skiff.dev/store": "yes"}});
    let targets = json!({
        "targets": [{"name": "t", "clusterSelector": claimed}],
        "targetRestrictions": [{"name": "t", "clusterSelector": claimed}],
    });
    let found = || read(&["apps/*"], vec![bundle_with("web", "apps/*", "apps/web", "1", &targets)]);
    world.read(found());
    let labels = BTreeMap::from([("store".into(), "yes".into())]);
    let facts = Facts { claimed_labels: labels, ..Facts::default() };
    let report = ReportDelta { facts: Some(facts), ..world.all_ready("dev", 1) };
    world.sync("dev", None, Some(report));
    assert_eq!(world.told("dev").0, ["web"]);
    let before = world.issued[&r("dev")].clone();
    // The agent starts again and has looked at nothing yet; then it tells all but its facts.
    world.sync("dev", None, None);
    let report = ReportDelta { facts: None, ..world.all_ready("dev", 2) };
    world.sync("dev", Some(2), Some(report));
    // The repository is read again, as after a start of the hub.
    world.read(found());
    assert_eq!(world.issued[&r("dev")], before);
}

/// argo-cd#18212, #18480, #9227: an error gave an empty list, and an empty list deletes. R13, row by row: what a read means
/// for the Bundle `web` that was there before.
#[test]
fn d09_absence_is_not_withdrawal() {
    let db = || bundle("db", "apps/*", "apps/db", "1");
    let failed = |failed: FailedEntry| RepositoryRead { failed: vec![failed], ..read(&["apps/*"], vec![db()]) };
    let note = || vec![Note::new(Reason::InvalidFile, "broken")];
    let entry = |bundle: Option<&str>, directory: Option<&str>| FailedEntry {
        entry: "apps/*".into(),
        directory: directory.map(Into::into),
        bundle: bundle.map(|name| name.parse().unwrap()),
        notes: note(),
    };
    let table: Vec<(&str, RepositoryRead, bool, Option<Reason>)> = vec![
        ("the directory was removed", read(&["apps/*"], vec![db()]), false, None),
        ("the entry was taken out", read(&["other"], vec![bundle("o", "other", "other", "1")]), false, None),
        ("the entry yields nothing", read(&["apps/*"], vec![]), true, Some(Reason::NoBundleFound)),
        ("the repository is empty", read(&["apps/*"], vec![]), true, Some(Reason::NoBundleFound)),
        ("its directory failed", failed(entry(None, Some("apps/web"))), true, Some(Reason::InvalidFile)),
        ("a directory below it failed", failed(entry(None, Some("apps/web/x"))), true, Some(Reason::InvalidFile)),
        ("its name failed", failed(entry(Some("web"), Some("elsewhere"))), true, Some(Reason::InvalidFile)),
        ("the whole entry failed", failed(entry(None, None)), true, Some(Reason::InvalidFile)),
        ("another directory failed", failed(entry(None, Some("apps/webshop"))), false, Some(Reason::InvalidFile)),
        (
            "the directory is there and no bundle",
            RepositoryRead { present: ["apps/web".to_owned()].into(), ..read(&["apps/*"], vec![db()]) },
            true,
            Some(Reason::NoBundleFound),
        ),
        (
            "the directory has another name",
            RepositoryRead {
                present: ["apps/web".to_owned()].into(),
                ..read(&["apps/*"], vec![db(), bundle("web2", "apps/*", "apps/web", "1")])
            },
            false,
            None,
        ),
    ];
    for (what, next, stays, reason) in table {
        let mut world = shop();
        world.read(next);
        let (live, gone) = world.told("prod");
        assert_eq!(live.contains(&"web".to_owned()), stays, "{what}");
        assert_eq!(gone.contains(&"web".to_owned()), !stays, "{what}");
        let notes = world.gitrepo_notes("shop");
        match reason {
            Some(reason) => assert!(notes.contains(&reason), "{what}: {notes:?}"),
            None => assert!(notes.is_empty(), "{what}: {notes:?}"),
        }
    }
}

/// The same for a whole repository.
#[test]
fn d09_an_unreachable_repository_changes_nothing_and_says_so() {
    let mut world = shop();
    let before = world.issued.clone();
    world.machine.observe(Event::ReadFailed(r("shop"), vec![Note::new(Reason::RepositoryUnreachable, "no route")]));
    world.settle();
    assert_eq!(before, world.issued);
    assert_eq!(world.gitrepo_notes("shop"), [Reason::RepositoryUnreachable]);
}

/// karmada#5406, #5150: a cluster that was away for a while was evicted, and lost everything when it came back.
#[test]
fn d11_silence_changes_only_what_is_shown() {
    let mut world = shop();
    world.settle();
    let report = world.all_ready("prod", 1);
    world.sync("prod", None, Some(report));
    let Status::Bundle(_, web) = &world.statuses["bundle/web"] else { panic!() };
    assert_eq!((web.summary.ready, web.display.ready_clusters.as_str()), (1, "1/1"));
    let Status::GitRepo(_, shop) = &world.statuses["gitrepo/shop"] else { panic!() };
    assert_eq!((shop.summary.ready, shop.summary.desired_ready, shop.ready_clusters), (2, 2, 1));
    assert!(shop.conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True"));
    let before = world.issued.clone();
    world.now += jiff::SignedDuration::from_mins(16);
    world.settle();
    let Status::Cluster(_, prod) = &world.statuses["cluster/prod"] else { panic!() };
    assert_eq!(prod.display.state, "Offline");
    let Status::Bundle(_, web) = &world.statuses["bundle/web"] else { panic!() };
    assert_eq!((web.summary.ready, web.summary.offline), (0, 1));
    assert_eq!(before, world.issued, "R14");
    world.sync("prod", Some(1), None);
    let Status::Bundle(_, web) = &world.statuses["bundle/web"] else { panic!() };
    assert_eq!((web.summary.ready, web.summary.offline), (1, 0));
}

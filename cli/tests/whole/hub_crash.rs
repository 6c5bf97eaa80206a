//! The hub dies before and after each write that lasts: transactions and blobs, of an enrolment, commits, reports, an
//! approval, a withdrawal; and in the middle of a backup. A run without
//! a death counts the writes of a plan; then there is one run for each place to die, and another hub starts on what was on
//! the disk at that moment, while the agent goes on. What was acknowledged is there, what was not is asked for again; in
//! the end nothing is lost, nothing is there too much, and nothing was deleted or made anew that nobody asked for.

use crate::crash::{committed, everything, is, is_of};
use crate::pool;
use crate::world::{NAMESPACE, World, files, r, without};
use futures::future::LocalBoxFuture;
use serde_json::json;
use skiff_hub::core::Subject;
use skiff_hub::crash::{Point, watch};
use skiff_hub::store::Kind;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Something that a person asks of the hub; whether it was acknowledged.
type Ask = for<'a> fn(&'a mut World) -> LocalBoxFuture<'a, bool>;

/// What is asked, and how a hub shows that it knows of it.
struct Step {
    ask: Ask,
    known: fn(&World) -> bool,
}

#[derive(Clone, Copy)]
struct Plan {
    name: &'static str,
    before: for<'a> fn(&'a mut World) -> LocalBoxFuture<'a, ()>,
    steps: fn() -> Vec<Step>,
    /// As of the plans under which an agent dies.
    after: fn() -> BTreeMap<String, Option<String>>,
    /// What goes, and nothing else.
    goes: &'static [&'static str],
    owner: &'static str,
}

const SHOP: &str = "fleet-default/shop-apps-shop";

const PLANS: [Plan; 6] = [
    Plan {
        name: "an enrolment",
        before: |world| Box::pin(committed(world, files(), json!({}))),
        steps: || vec![Step { ask: |world| Box::pin(token(world)), known: |_| true }],
        after: everything,
        goes: &[],
        owner: SHOP,
    },
    Plan {
        name: "a first commit",
        before: |world| Box::pin(joined(world)),
        steps: || {
            vec![
                Step { ask: |world| Box::pin(put(world, json!({}))), known: |world| has(world, Kind::GitRepo, "shop") },
                Step { ask: |world| Box::pin(look(world)), known: |world| has(world, Kind::Bundle, "shop-apps-shop") },
            ]
        },
        after: everything,
        goes: &[],
        owner: SHOP,
    },
    Plan {
        name: "a removal and a change",
        before: |world| Box::pin(at_work(world, json!({}))),
        steps: || {
            let ask: Ask = |world| {
                Box::pin(async {
                    let changed = without("apps/shop/b.yaml").into_iter();
                    let changed = changed.map(|(path, text)| match path.as_str() {
                        "apps/shop/a.yaml" => (path, text.replace("one", "two")),
                        _ => (path, text),
                    });
                    push(world, changed.collect()).await
                })
            };
            vec![Step { ask, known: |_| true }]
        },
        after: || changed(&["configmaps/b"], &[("configmaps/a", "two")]),
        goes: &["configmaps/b"],
        owner: SHOP,
    },
    Plan {
        name: "a hand-over",
        before: |world| Box::pin(at_work(world, json!({"paths": ["apps/*"]}))),
        steps: || {
            let ask: Ask = |world| {
                Box::pin(async {
                    let renamed =
                        files().into_iter().map(|(path, text)| (path.replace("apps/shop", "apps/store"), text));
                    push(world, renamed.collect()).await
                })
            };
            vec![Step { ask, known: |world| has(world, Kind::Bundle, "shop-apps-store") }]
        },
        after: everything,
        goes: &[],
        owner: "fleet-default/shop-apps-store",
    },
    Plan {
        name: "an approval",
        before: |world| {
            Box::pin(async {
                at_work(world, json!({"deletionLimit": {"objects": 0, "percent": 0}})).await;
                world.repo.commit(&without("apps/shop/b.yaml"));
                world.look().await;
                world.until("it is held", is_held).await;
            })
        },
        steps: || vec![Step { ask: |world| Box::pin(approve(world)), known: |_| true }],
        after: || changed(&["configmaps/b"], &[]),
        goes: &["configmaps/b"],
        owner: SHOP,
    },
    Plan {
        name: "a withdrawal",
        before: |world| Box::pin(at_work(world, json!({}))),
        steps: || {
            let ask: Ask = |world| {
                Box::pin(async {
                    let deleted = world.hub().resources().delete(Kind::GitRepo, NAMESPACE, "shop").await;
                    deleted.is_ok() || !has(world, Kind::GitRepo, "shop")
                })
            };
            vec![Step { ask, known: is_ending }]
        },
        after: BTreeMap::new,
        goes: &["configmaps/a", "configmaps/b", "configmaps/o", "secrets/s", "deployments/web"],
        owner: SHOP,
    },
];

fn changed(gone: &[&str], values: &[(&str, &str)]) -> BTreeMap<String, Option<String>> {
    let mut after = everything();
    after.retain(|name, _| !gone.contains(&name.as_str()));
    after.extend(values.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))));
    after
}

fn has(world: &World, kind: Kind, name: &str) -> bool {
    let all = world.hub().resources().objects(kind, Some(NAMESPACE)).0;
    all.iter().any(|object| object.value()["metadata"]["name"] == name)
}

/// Gone, or on its way.
fn is_ending(world: &World) -> bool {
    let gitrepo: Option<fleet_api::v1alpha1::GitRepo> = world.hub().resources().get(NAMESPACE, "shop").unwrap();
    gitrepo.is_none_or(|gitrepo| gitrepo.metadata.deletion_timestamp.is_some())
}

fn is_held(world: &World) -> bool {
    world.cluster().status.is_some_and(|status| status.held_deletions > 0)
}

async fn token(world: &mut World) -> bool {
    let made = world.try_enroll().await;
    if made {
        world.start_agent();
    }
    made
}

async fn put(world: &mut World, more: serde_json::Value) -> bool {
    world.try_put_gitrepo(&more).await
}

/// Commits these files, and has the hub look.
async fn push(world: &mut World, files: Vec<(String, String)>) -> bool {
    world.repo.commit(&files);
    look(world).await
}

async fn look(world: &mut World) -> bool {
    world.hub().core().sync_now(&r("shop")).await.is_ok()
}

async fn approve(world: &mut World) -> bool {
    let core = world.hub().core().clone();
    let subject = Subject::Cluster(r("shop-1"));
    let Ok(held) = core.held(&subject).await else { return false };
    // An approval that was stored unacknowledged: nothing is held any more.
    if held.is_empty() {
        return world.value("b").is_none();
    }
    let lists: Vec<_> = held.iter().map(|one| (one.cluster.clone(), one.held.digest)).collect();
    core.approve(&subject, &lists, "admin").await.is_ok()
}

async fn joined(world: &mut World) {
    world.repo.commit(&files());
    world.enroll().await;
    world.start_agent();
    world.until("the agent is enrolled", World::hub_has_heard).await;
}

async fn at_work(world: &mut World, spec: serde_json::Value) {
    committed(world, files(), spec).await;
    world.enroll().await;
    world.start_agent();
    world.until("everything is deployed", |world| is(world) == everything()).await;
    world.until("the hub hears of it", World::is_ready).await;
}

/// The death of one hub: what its disk held then, and whether it has come.
struct Death {
    points: Arc<Mutex<Vec<Point>>>,
    left: PathBuf,
    came: tokio::sync::watch::Receiver<bool>,
    /// The time for it is over: what is written from here on is no part of the plan.
    over: Arc<AtomicBool>,
}

impl Death {
    /// Of the hub in `data`, at its write number `at`.
    fn of(data: PathBuf, left: PathBuf, at: Option<usize>) -> Self {
        let (sender, came) = tokio::sync::watch::channel(false);
        let death = Self { points: Arc::default(), left, came, over: Arc::default() };
        let (points, left, over) = (death.points.clone(), death.left.clone(), death.over.clone());
        watch(&data.clone(), move |point| {
            // Held over all of it, so that it is either over or has come.
            let mut points = points.lock().unwrap();
            if over.load(Ordering::SeqCst) {
                return false;
            }
            points.push(point);
            let dies = at.is_some_and(|at| points.len() == at + 1);
            if dies {
                copy(&data, &left);
                sender.send_replace(true);
            }
            dies
        });
        death
    }

    fn has_come(&self) -> bool {
        *self.came.borrow()
    }

    /// What is asked of a hub that dies meanwhile is not acknowledged.
    async fn or(&self, acknowledged: impl Future<Output = bool>) -> bool {
        let mut came = self.came.clone();
        tokio::select! {
            biased;
            acknowledged = acknowledged => acknowledged,
            _ = came.wait_for(|came| *came) => false,
        }
    }

    /// Whether something was written within a moment.
    async fn is_busy(&self) -> bool {
        let number = || self.points.lock().unwrap().len();
        let before = number();
        tokio::time::sleep(Duration::from_millis(700)).await;
        number() > before
    }

    /// The points that were passed; from here on it does not come any more.
    fn end(&self) -> Vec<Point> {
        let points = self.points.lock().unwrap();
        self.over.store(true, Ordering::SeqCst);
        points.clone()
    }
}

/// Copies what is there now. Who reads a repository meanwhile may take files of its own away.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let path = entry.path();
        let target = to.join(entry.file_name());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            drop(std::fs::copy(&path, &target));
        }
    }
}

/// Runs a plan with one death, or with none; the points that were passed until then.
async fn bring_about(plan: Plan, at: Option<usize>) -> Vec<Point> {
    let mut world = World::new().await;
    (plan.before)(&mut world).await;
    let uids = world.uids();
    let death = Death::of(world.data(), world.path("left"), at);
    let after = (plan.after)();
    let done = |world: &World| is(world) == after && is_of(world, plan.owner) && !is_held(world);
    let mut asked = (plan.steps)().into_iter().peekable();
    let mut acknowledged = Vec::new();
    while let Some(step) = asked.peek()
        && !death.has_come()
    {
        if death.or((step.ask)(&mut world)).await {
            acknowledged.extend(asked.next().map(|step| step.known));
        } else {
            // A GitRepo is known to the polls a moment after it was acknowledged.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let begun = Instant::now();
    while asked.peek().is_none() && !death.has_come() && !(at.is_none() && done(&world)) {
        // The writes of two runs differ a little: this one may have had fewer.
        if at.is_some() && begun.elapsed() > Duration::from_secs(4) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(45), "{:?} is not {after:?}", is(&world));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What the agent then reports is written down, too.
    while at.is_none() && death.is_busy().await {}
    let points = death.end();
    if death.has_come() {
        world.hub_dies(&death.left).await;
        assert!(acknowledged.iter().all(|known| known(&world)), "what was acknowledged is lost");
    }
    for step in asked {
        let begun = Instant::now();
        while !(step.ask)(&mut world).await {
            assert!(begun.elapsed() < Duration::from_secs(45), "what was not acknowledged cannot be done again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    world.until(&format!("{after:?} is there"), done).await;
    ends_well(&plan, &world, &uids).await;
    world.stop().await;
    points
}

/// Nothing is another one, nothing went that should not, and what is there goes when it is withdrawn: it is known.
async fn ends_well(plan: &Plan, world: &World, before: &BTreeMap<skiff_sim::ObjectKey, String>) {
    let name = |key: &skiff_sim::ObjectKey| format!("{}/{}", key.resource, key.name);
    let now = world.uids();
    for (key, uid) in before.iter().filter(|(key, _)| !plan.goes.contains(&name(key).as_str())) {
        assert_eq!(now.get(key), Some(uid), "{key:?} is another one");
    }
    for deletion in world.deletions() {
        assert!(plan.goes.iter().any(|goes| deletion.contains(&format!("/{goes} "))), "nobody asked for {deletion}");
    }
    if has(world, Kind::GitRepo, "shop") {
        world.until("the hub hears of it", World::is_ready).await;
        world.withdraw().await;
    }
}

/// A plan, and the points that it passes without a death.
type Counted = (Plan, Vec<Point>);

#[test]
fn a_hub_may_die_at_every_write() {
    let wanted = std::env::var("SKIFF_CRASH").unwrap_or_default();
    let begun = Instant::now();
    let plans: Vec<Plan> =
        PLANS.into_iter().filter(|plan| plan.name.contains(&wanted) || wanted.contains(plan.name)).collect();
    let counted: Arc<Mutex<Vec<Counted>>> = Arc::default();
    let whole = plans.into_iter().map(|plan| (plan.name.to_owned(), plan)).collect();
    let failed = pool::run(whole, |plan| {
        let counted = counted.clone();
        async move {
            let points = bring_about(plan, None).await;
            println!("{}: {points:?}", plan.name);
            counted.lock().unwrap().push((plan, points));
        }
    });
    assert!(failed.is_empty(), "without a death: {failed:?}");
    let mut runs = Vec::new();
    for (plan, points) in counted.lock().unwrap().iter() {
        runs.extend((0..points.len()).map(|at| (format!("{}, write {at}", plan.name), (*plan, at))));
    }
    runs.retain(|(name, _)| name.contains(&wanted));
    let number = runs.len();
    let failed = pool::run(runs, |(plan, at)| async move {
        bring_about(plan, Some(at)).await;
    });
    println!("hub crash: {number} places to die in {:.0} s, {} failed", begun.elapsed().as_secs_f32(), failed.len());
    assert!(
        failed.is_empty(),
        "`SKIFF_CRASH='NAME' cargo test -p skiff --test whole a_hub_may_die` repeats one: {failed:#?}"
    );
    assert!(!wanted.is_empty() || number > 60, "{number}");
}

/// What a backup that died leaves behind either starts no hub, or one under which nothing is deleted.
async fn half_a_backup(at: usize) -> usize {
    let mut world = World::new().await;
    at_work(&mut world, json!({})).await;
    let before = world.uids();
    let to = world.path("backup");
    let passed = Arc::new(Mutex::new(0));
    let count = passed.clone();
    watch(&to, move |_| {
        let mut passed = count.lock().unwrap();
        *passed += 1;
        *passed == at + 1
    });
    let whole = skiff_hub::backup(&world.data(), &to).is_ok();
    assert_eq!(whole, *passed.lock().unwrap() <= at);
    world.stop_hub().await;
    std::fs::rename(world.data(), world.path("hub.broken")).unwrap();
    if to.exists() {
        copy(&to, &world.data());
    }
    match world.try_start_hub().await {
        Ok(()) => tokio::time::sleep(Duration::from_secs(1)).await,
        Err(error) => println!("backup, write {at}: {error}"),
    }
    assert_eq!(world.deletions(), [] as [&str; 0]);
    assert_eq!(world.uids(), before);
    let number = *passed.lock().unwrap();
    world.stop().await;
    number
}

#[test]
fn a_backup_that_dies_deletes_nothing() {
    let places: Vec<(String, usize)> = [0, 1, 2, 3, 5, 8, 100].map(|at| (format!("backup, write {at}"), at)).into();
    let number = places.len();
    let failed = pool::run(places, |at| async move {
        let passed = half_a_backup(at).await;
        assert!(passed > 8 || passed == at + 1, "{passed}");
    });
    println!("hub crash: {number} places to die in a backup, {} failed", failed.len());
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn no_released_binary_can_be_made_to_die() {
    for package in ["skiff", "skiff-agent"] {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "-p", package, "-e", "normal,build,features", "--offline", "--locked"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .unwrap();
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && tree.contains("skiff-planner"), "{tree}");
        let switches: Vec<_> =
            tree.lines().filter(|line| line.contains("crash-points") || line.contains("ablation")).collect();
        assert!(switches.is_empty(), "{package}: {switches:?}");
    }
}

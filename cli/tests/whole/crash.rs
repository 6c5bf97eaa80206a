//! The agent dies before and after each of its calls to the API server. A run without a death counts the calls of a plan;
//! then there is one run for each place to die, with a new process over the same durable state. In the end nothing is
//! lost, nothing is there too much, and it cost at most twice the writes.

use crate::api::Fate;
use crate::pool;
use crate::repo::Files;
use crate::world::{World, files, objects, with, without};
use futures::future::LocalBoxFuture;
use serde_json::json;
use skiff_sim::ObjectKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Something that the agent has to bring about.
#[derive(Clone, Copy)]
struct Plan {
    name: &'static str,
    /// The world before; no agent runs.
    before: for<'a> fn(&'a mut World) -> LocalBoxFuture<'a, ()>,
    /// What is asked for.
    act: for<'a> fn(&'a mut World) -> LocalBoxFuture<'a, ()>,
    /// What is there then: `plural/name`, with `v` where it is a ConfigMap.
    after: fn() -> BTreeMap<String, Option<String>>,
    /// Who keeps its UID.
    keeps: &'static [&'static str],
    /// Which bundle the objects of `shop` are of.
    owner: &'static str,
    deletes: bool,
}

const PLANS: [Plan; 5] = [
    Plan {
        name: "a rollout",
        before: |world| Box::pin(enrolled(world)),
        act: |world| Box::pin(committed(world, files(), json!({}))),
        after: everything,
        keeps: &[],
        owner: "fleet-default/shop-apps-shop",
        deletes: false,
    },
    Plan {
        name: "a removal",
        before: |world| Box::pin(deployed(world, json!({}))),
        act: |world| {
            let changed = without("apps/shop/b.yaml").into_iter().map(|(path, text)| match path.as_str() {
                "apps/shop/a.yaml" => (path, text.replace("one", "two")),
                _ => (path, text),
            });
            let changed = changed.collect();
            Box::pin(committed(world, changed, json!({})))
        },
        after: || {
            let mut after = everything();
            after.remove("configmaps/b");
            after.insert("configmaps/a".into(), Some("two".into()));
            after
        },
        keeps: &["configmaps/a", "configmaps/o", "secrets/s", "deployments/web"],
        owner: "fleet-default/shop-apps-shop",
        deletes: true,
    },
    Plan {
        name: "a hand-over",
        before: |world| Box::pin(deployed(world, json!({"paths": ["apps/*"]}))),
        act: |world| {
            let renamed = files().into_iter().map(|(path, text)| (path.replace("apps/shop", "apps/store"), text));
            let renamed = renamed.collect();
            Box::pin(committed(world, renamed, json!({"paths": ["apps/*"]})))
        },
        after: everything,
        keeps: &["configmaps/a", "configmaps/b", "configmaps/o", "secrets/s", "deployments/web"],
        owner: "fleet-default/shop-apps-store",
        deletes: false,
    },
    Plan {
        name: "a definition and its object",
        before: |world| Box::pin(enrolled(world)),
        act: |world| {
            let files = with("apps/shop/boats.yaml", BOATS);
            Box::pin(committed(world, files, json!({})))
        },
        after: || {
            let mut after = everything();
            after.insert("boats/skiff".into(), None);
            after
        },
        keeps: &[],
        owner: "fleet-default/shop-apps-shop",
        deletes: false,
    },
    Plan {
        name: "a withdrawal",
        before: |world| Box::pin(deployed(world, json!({}))),
        act: |world| {
            Box::pin(async move {
                let resources = world.hub().resources();
                resources.delete(skiff_hub::store::Kind::GitRepo, crate::world::NAMESPACE, "shop").await.unwrap();
            })
        },
        after: BTreeMap::new,
        keeps: &[],
        owner: "fleet-default/shop-apps-shop",
        deletes: true,
    },
];

const BOATS: &str = "apiVersion: crash.example.com/v1
kind: Boat
metadata: {name: skiff}
spec: {oars: 2}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.crash.example.com}
spec:
  group: crash.example.com
  names: {kind: Boat, plural: boats, singular: boat, listKind: BoatList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

pub(crate) fn everything() -> BTreeMap<String, Option<String>> {
    let value = |key: &ObjectKey| (key.resource == "configmaps").then(|| "one".to_owned());
    objects().iter().map(|key| (format!("{}/{}", key.resource, key.name), value(key))).collect()
}

async fn enrolled(world: &mut World) {
    world.enroll().await;
    world.start_agent();
    world.until("the agent is enrolled", |world| !world.wire.answers().is_empty()).await;
    world.kill_agent().await;
}

async fn deployed(world: &mut World, spec: serde_json::Value) {
    world.repo.commit(&files());
    world.put_gitrepo(&spec).await;
    world.enroll().await;
    world.start_agent();
    world.until("everything is deployed", |world| is(world) == everything()).await;
    world.until("the hub hears of it", World::is_ready).await;
    world.until("it is written down", |world| quiet(world, Duration::from_millis(600))).await;
    world.kill_agent().await;
}

pub(crate) async fn committed(world: &mut World, files: Files, spec: serde_json::Value) {
    world.repo.commit(&files);
    world.put_gitrepo(&spec).await;
    world.look().await;
}

/// What is there.
pub(crate) fn is(world: &World) -> BTreeMap<String, Option<String>> {
    let name = |key: &ObjectKey| format!("{}/{}", key.resource, key.name);
    world
        .uids()
        .keys()
        .map(|key| (name(key), world.value(&key.name).filter(|_| key.resource == "configmaps")))
        .collect()
}

/// Whether `a` is of that bundle.
pub(crate) fn is_of(world: &World, owner: &str) -> bool {
    let object = world.server.object(&ObjectKey::new("", "configmaps", "shop", "a"));
    object.is_none_or(|object| object["metadata"]["annotations"]["skiff.dev/deployment"] == owner)
}

/// The agent's writes, but for the Lease and the start counter.
fn writes(world: &World) -> usize {
    let requests = world.server.requests();
    requests.iter().filter(|request| request.verb.is_write() && request.resource != "leases").count()
}

/// Whether there was no write for a while; asked again and again.
fn quiet(world: &World, pause: Duration) -> bool {
    use std::cell::Cell;
    thread_local! { static LAST: Cell<(usize, Option<Instant>)> = const { Cell::new((0, None)) }; }
    let now = writes(world);
    let (before, since) = LAST.get();
    match since {
        Some(since) if before == now => since.elapsed() > pause,
        _ => {
            LAST.set((now, Some(Instant::now())));
            false
        }
    }
}

/// Where the agent dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    Never,
    Before(usize),
    After(usize),
}

/// One call, as it is counted: whether it writes.
type Calls = Arc<std::sync::Mutex<Vec<bool>>>;

/// Runs a plan with one death; the calls of the first process, and the writes of all.
async fn bring_about(plan: Plan, death: Death) -> (Vec<bool>, usize) {
    let mut world = World::new().await;
    world.repo.commit(&[("README.md".into(), "Nothing yet.\n".into())]);
    (plan.before)(&mut world).await;
    let uids = world.uids();
    world.server.reset_log();
    (plan.act)(&mut world).await;
    let (calls, count) = (Calls::default(), AtomicUsize::new(0));
    let counted = calls.clone();
    world.between.set(Arc::new(move |method, path| {
        if path.contains("/leases") {
            return Fate::Pass;
        }
        counted.lock().unwrap().push(method != "GET");
        let at = count.fetch_add(1, Ordering::SeqCst);
        match death {
            Death::Before(place) if place == at => Fate::DieBefore,
            Death::After(place) if place == at => Fate::DieAfter,
            Death::Never | Death::Before(_) | Death::After(_) => Fate::Pass,
        }
    }));
    let after = (plan.after)();
    world.start_agent();
    if death != Death::Never {
        // The calls of two runs differ a little: this one may be over before its agent dies.
        drop(tokio::time::timeout(Duration::from_secs(8), world.between.died()).await);
        world.kill_agent().await;
        world.between.clear();
        world.start_agent();
    }
    let done = |world: &World| is(world) == after && is_of(world, plan.owner);
    world.until(&format!("{after:?} is there"), done).await;
    world.until("the agent rests", |world| quiet(world, Duration::from_millis(700))).await;
    assert_eq!(is(&world), after, "lost, or too much");
    let now = world.uids();
    let name = |key: &ObjectKey| format!("{}/{}", key.resource, key.name);
    for (key, uid) in uids.iter().filter(|(key, _)| plan.keeps.contains(&name(key).as_str())) {
        assert_eq!(now.get(key), Some(uid), "{key:?} is another one");
    }
    assert!(plan.deletes || world.deletions().is_empty(), "{:?}", world.deletions());
    let written = writes(&world);
    // What it put there, it knows of.
    if !after.is_empty() {
        world.server.reset_log();
        world.withdraw().await;
    }
    world.stop().await;
    let calls = calls.lock().unwrap().clone();
    (calls, written)
}

/// A plan; of each of its calls whether it writes; how many do.
type Counted = (Plan, Vec<bool>, usize);

#[test]
fn an_agent_may_die_at_every_call() {
    let wanted = std::env::var("SKIFF_CRASH").unwrap_or_default();
    let begun = Instant::now();
    let plans: Vec<Plan> =
        PLANS.into_iter().filter(|plan| plan.name.contains(&wanted) || wanted.contains(plan.name)).collect();
    let counted: Arc<std::sync::Mutex<Vec<Counted>>> = Arc::default();
    let whole = plans.into_iter().map(|plan| (plan.name.to_owned(), plan)).collect();
    let failed = pool::run(whole, |plan| {
        let counted = counted.clone();
        async move {
            let (calls, written) = bring_about(plan, Death::Never).await;
            println!("{}: {} calls, {written} of them write", plan.name, calls.len());
            counted.lock().unwrap().push((plan, calls, written));
        }
    });
    assert!(failed.is_empty(), "without a death: {failed:?}");
    let mut runs = Vec::new();
    for (plan, calls, written) in counted.lock().unwrap().iter() {
        for (at, is_write) in calls.iter().enumerate() {
            runs.push((format!("{}, before call {at}", plan.name), (*plan, Death::Before(at), *written)));
            // To die after a read is to die before the next call.
            if *is_write {
                runs.push((format!("{}, after call {at}", plan.name), (*plan, Death::After(at), *written)));
            }
        }
    }
    runs.retain(|(name, _)| name.contains(&wanted));
    let number = runs.len();
    let failed = pool::run(runs, |(plan, death, alone)| async move {
        let (_, written) = bring_about(plan, death).await;
        assert!(written <= 2 * alone, "{written} writes in place of {alone}");
    });
    println!("crash: {number} places to die in {:.0} s, {} failed", begun.elapsed().as_secs_f32(), failed.len());
    assert!(
        failed.is_empty(),
        "`SKIFF_CRASH='NAME' cargo test -p skiff --test whole an_agent_may_die` repeats one: {failed:#?}"
    );
    assert!(!wanted.is_empty() || number > 150, "{number}");
}

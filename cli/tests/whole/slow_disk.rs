//! A hub whose disk takes two seconds for each write: what it acknowledges is there after it has died, its agents stay, nothing
//! is deleted, and what waits for the disk does not grow.

use crate::repo::config_map;
use crate::world::{NAMESPACE, World, with};
use fleet_api::wire::{EnrollRequest, SyncRequest};
use serde_json::json;
use skiff_agent::identity::{Identity, parse_token};
use skiff_agent::link::Hub as _;
use skiff_agent::link::http::HttpHub;
use skiff_hub::core::TokenRequest;
use skiff_hub::crash::{Point, watch};
use skiff_hub::store::Kind;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long each write takes.
const WRITE: Duration = Duration::from_secs(2);
/// How long anything may take under that.
const PATIENCE: Duration = Duration::from_secs(120);

/// The disk of a hub.
#[derive(Clone, Default)]
struct Disk {
    slow: Arc<AtomicBool>,
    writes: Arc<AtomicUsize>,
    /// Where the disk is copied to when the process dies, at the end of its next transaction.
    grave: Arc<Mutex<Option<PathBuf>>>,
    dead: Arc<AtomicBool>,
}

impl Disk {
    fn of(data: &Path) -> Self {
        let disk = Self::default();
        let (watched, data) = (disk.clone(), data.to_owned());
        watch(&data.clone(), move |point| watched.write(point, &data));
        disk
    }

    fn write(&self, point: Point, data: &Path) -> bool {
        if matches!(point, Point::BeforeTransaction | Point::BeforeBlob) && self.slow.load(Ordering::SeqCst) {
            self.writes.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(WRITE);
        }
        let grave = if point == Point::AfterTransaction { self.grave.lock().unwrap().take() } else { None };
        let Some(grave) = grave else { return false };
        let copied = Command::new("cp").arg("-a").args([data, &grave]).status().unwrap();
        assert!(copied.success());
        self.dead.store(true, Ordering::SeqCst);
        true
    }
}

async fn put(world: &World, name: &str) -> bool {
    let gitrepo = serde_json::from_value::<fleet_api::v1alpha1::GitRepo>(json!({
        "apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"repo": "https://127.0.0.1:9/x.git", "pollingInterval": "1h", "paused": true},
    }));
    world.hub().resources().put(&gitrepo.unwrap()).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_seconds_a_write_lose_nothing_and_no_agent() {
    let mut world = World::new().await;
    let disk = Disk::of(&world.data());
    world.deploy().await;
    let before = world.uids();
    disk.slow.store(true, Ordering::SeqCst);

    let begun = Instant::now();
    let names: Vec<String> = (0..12).map(|number| format!("w-{number}")).collect();
    let acknowledged = futures::future::join_all(names.iter().map(|name| put(&world, name))).await;
    assert!(acknowledged.iter().all(|acknowledged| *acknowledged), "{acknowledged:?}");
    println!("twelve writes at once were acknowledged after {:.1} s", begun.elapsed().as_secs_f32());
    assert!(begun.elapsed() >= WRITE, "the disk is not slow");

    let begun = Instant::now();
    world.repo.commit(&with("apps/shop/a.yaml", &config_map("a", "two")));
    world.look().await;
    world.within(PATIENCE, "the commit arrives", |world| world.value("a").as_deref() == Some("two")).await;
    println!(
        "a commit arrived after {:.1} s and {} writes",
        begun.elapsed().as_secs_f32(),
        disk.writes.load(Ordering::SeqCst)
    );
    world.within(PATIENCE, "the hub hears of it", World::is_ready).await;
    assert!(!world.agent_has_ended());
    assert_ne!(world.cluster().status.unwrap_or_default().display.state, "Offline");

    // It dies when the next transaction is on the disk, and before anybody is told.
    let grave = world.path("grave");
    *disk.grave.lock().unwrap() = Some(grave.clone());
    let last = tokio::time::timeout(PATIENCE, put(&world, "last")).await;
    assert_ne!(last, Ok(true), "it died before it told");
    assert!(disk.dead.load(Ordering::SeqCst));
    world.hub_dies(&grave).await;
    for name in &names {
        assert!(world.hub().resources().object(Kind::GitRepo, NAMESPACE, name).is_some(), "{name} was acknowledged");
    }
    assert_eq!(world.uids(), before);
    world.repo.commit(&with("apps/shop/a.yaml", &config_map("a", "three")));
    world.look().await;
    world.until("the work goes on", |world| world.value("a").as_deref() == Some("three")).await;
    assert_eq!(world.deletions(), [] as [&str; 0]);
    assert_eq!(world.uids(), before);
    world.withdraw().await;
    world.stop().await;
}

/// An agent that is no agent: it has an identity, and says that it is there.
async fn enrolled(world: &World, number: usize) -> (HttpHub, SyncRequest) {
    let request = TokenRequest {
        namespace: NAMESPACE.parse().unwrap(),
        name: Some(format!("c-{number}").parse().unwrap()),
        labels: BTreeMap::new(),
        lifetime: Duration::from_secs(3600),
    };
    let token = parse_token(&world.hub().core().create_token(request).await.unwrap()).unwrap();
    let link = HttpHub::new(&Identity::generate(&token).unwrap(), None).unwrap();
    let kube_system_uid = format!("ks-{number}");
    let enroll = EnrollRequest {
        protocol: 1,
        secret: token.secret,
        name: None,
        kube_system_uid: kube_system_uid.clone(),
        claimed_labels: BTreeMap::new(),
    };
    let enrolled = link.enroll(enroll).await.unwrap();
    let sync = SyncRequest {
        protocol: 1,
        cluster: enrolled.identity.uid,
        kube_system_uid,
        start: None,
        instance: "one".into(),
        have: None,
        report: None,
        wait: 0,
    };
    (link, sync)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn agents_that_give_up_and_come_again_wait_once() {
    const AGENTS: usize = 20;
    let world = World::new().await;
    let disk = Disk::of(&world.data());
    let agents = futures::future::join_all((0..AGENTS).map(|number| enrolled(&world, number))).await;
    disk.slow.store(true, Ordering::SeqCst);
    let until = Instant::now() + Duration::from_secs(12);
    let attempts = AtomicUsize::new(0);
    let asking = futures::future::join_all(agents.iter().map(async |(link, sync)| {
        while Instant::now() < until {
            attempts.fetch_add(1, Ordering::SeqCst);
            drop(tokio::time::timeout(Duration::from_millis(100), link.sync(sync.clone())).await);
        }
    }));
    let deciding = async {
        while Instant::now() < until {
            // Each is a turn of its own, with a write of two seconds.
            drop(world.new_token().await);
        }
    };
    let most = async {
        let mut most = 0;
        while Instant::now() < until {
            let metrics = world.hub().metrics();
            let line = metrics.lines().find_map(|line| line.strip_prefix("skiff_hub_turn_messages "));
            most = line.unwrap().parse::<usize>().unwrap().max(most);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        most
    };
    let (_, (), most) = tokio::join!(asking, deciding, most);
    println!("{} attempts of {AGENTS} agents; {most} messages waited at most", attempts.load(Ordering::SeqCst));
    assert!(attempts.load(Ordering::SeqCst) > 20 * AGENTS, "they do not come again");
    // One of each agent, what is told when a document is given out, and the token.
    assert!(most <= 2 * AGENTS + 5, "{most} messages waited");
    disk.slow.store(false, Ordering::SeqCst);
    for (link, sync) in &agents {
        link.sync(sync.clone()).await.unwrap();
    }
    world.stop().await;
}

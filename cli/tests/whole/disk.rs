//! Disks that are full or read-only, for real: a small tmpfs is mounted, filled and remounted under the running programs.
//! Nothing that was acknowledged is lost, nothing is deleted, and with room the work goes on by itself. To mount takes
//! root; where it is not permitted the tests say so and end.

use crate::kills;
use crate::repo::config_map;
use crate::world::{NAMESPACE, World, with, without};
use fleet_api::Reason;
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const FULL: &str = "ballast";

/// A small disk; it is gone when this is dropped.
struct Disk {
    at: TempDir,
}

impl Disk {
    /// None where nobody may mount one.
    fn mounted() -> Option<Self> {
        let at = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=16m,mode=0700", "skiff-test"]).arg(at.path());
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self { at }),
            Ok(output) => {
                println!("SKIPPED: no disk can be mounted: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("SKIPPED: no disk can be mounted: mount: {error}");
                None
            }
        }
    }

    /// A world that has this disk as `place` of its directory.
    async fn world(&self, place: &str) -> World {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join(place);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(self.at.path(), place).unwrap();
        World::in_directory(directory).await
    }

    /// Leaves no byte.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.at.path().join(FULL)).unwrap();
        for size in [64 << 10, 4 << 10, 1] {
            let zeros = vec![0; size];
            while ballast.write_all(&zeros).is_ok() {}
        }
        assert!(std::fs::write(self.at.path().join("more"), [0; 4097]).is_err(), "there is room");
        drop(std::fs::remove_file(self.at.path().join("more")));
    }

    fn make_room(&self) {
        std::fs::remove_file(self.at.path().join(FULL)).unwrap();
    }

    /// Refused by the kernel while somebody has a file open to write.
    fn remount(&self, mode: &str) {
        let output =
            Command::new("mount").args(["-o", &format!("remount,{mode}")]).arg(self.at.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Makes it `full`, or read-only (`ro`).
    fn harm(&self, how: &str) {
        match how {
            "ro" => self.remount("ro"),
            _ => self.fill(),
        }
    }

    /// As it was before [`Disk::harm`].
    fn mend(&self, how: &str) {
        match how {
            "ro" => self.remount("rw"),
            _ => self.make_room(),
        }
    }

    /// What an interrupted write has left.
    fn halves(&self) -> Vec<String> {
        let mut halves = Vec::new();
        let mut directories = vec![self.at.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for path in std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
                if path.is_dir() {
                    directories.push(path);
                } else if path.extension().is_some_and(|extension| extension == "new") {
                    halves.push(path.display().to_string());
                }
            }
        }
        halves
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whatever still runs on it keeps it until it ends.
        drop(Command::new("umount").arg("-l").arg(self.at.path()).output());
    }
}

/// Writes until one is refused; the names of those that were acknowledged, and the refusal.
async fn write_until_refused(api: &Api<DynamicObject>) -> (BTreeSet<String>, String) {
    let mut kept = BTreeSet::new();
    for n in 0..2_000 {
        let name = format!("g{n}");
        let object: Value = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "ClusterGroup",
            "metadata": {"name": name, "annotations": {"filler": "x".repeat(200)}}, "spec": {}});
        match api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await {
            Ok(_) => kept.insert(name),
            Err(error) => return (kept, error.to_string()),
        };
    }
    panic!("a full disk took {} objects", kept.len());
}

/// Waits until the hub says that it is ready, or not. The client asks again where it hears that a server is not
/// available: who is ready answers before that.
async fn ready(client: &kube::Client, wanted: bool) {
    let begun = Instant::now();
    loop {
        let request = http::Request::get("/readyz").body(Vec::new()).unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(2), client.request_text(request)).await;
        if answer.is_ok_and(|answer| answer.is_ok()) == wanted {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not say that it is ready ({wanted})");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn stored(api: &Api<DynamicObject>) -> BTreeSet<String> {
    let list = api.list(&ListParams::default()).await.unwrap();
    list.items.into_iter().filter_map(|object| object.metadata.name).collect()
}

/// `a` has another value, and `b` is gone.
fn next(value: &str) -> Vec<(String, String)> {
    let mut files = without("apps/shop/b.yaml");
    files.retain(|(path, _)| path != "apps/shop/a.yaml");
    files.push(("apps/shop/a.yaml".to_owned(), config_map("a", value)));
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_whose_disk_is_full_refuses_honestly_keeps_what_it_has_and_comes_back_with_room() {
    let Some(disk) = Disk::mounted() else { return };
    let mut world = disk.world("hub").await;
    world.deploy().await;
    let before = world.uids();
    let client = kills::client(&world.hub().admin_file()).await;
    let api = kills::groups(&client);
    disk.fill();
    let (kept, refusal) = write_until_refused(&api).await;
    println!("a full disk: {} writes acknowledged, then: {refusal}", kept.len());
    for part in ["the hub's disk took nothing", "full", "make room", "InsufficientStorage"] {
        assert!(refusal.contains(part), "{refusal}");
    }
    assert_eq!(stored(&api).await, kept, "what is served is what was acknowledged");

    // A commit meanwhile: the hub cannot say a word about it, and deletes nothing.
    world.repo.commit(&next("two"));
    drop(tokio::time::timeout(Duration::from_secs(3), world.look()).await);
    ready(&client, false).await;
    assert_eq!(stored(&api).await, kept);
    assert!(world.deletions().is_empty() && world.uids() == before && !world.agent_has_ended());

    disk.make_room();
    ready(&client, true).await;
    // The next poll; this repository's would be in an hour.
    world.look().await;
    world.until("the commit arrives", |world| world.value("a").as_deref() == Some("two")).await;
    world.until("what was removed goes", |world| world.value("b").is_none()).await;
    assert_eq!(disk.halves(), Vec::<String>::new());
    world.stop_hub().await;
    world.start_hub().await;
    let api = kills::groups(&kills::client(&world.hub().admin_file()).await);
    assert_eq!(stored(&api).await, kept, "what was acknowledged is on the disk");
    assert_eq!(world.deletions().len(), 1, "{:?}", world.deletions());
    world.withdraw().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_does_not_start_on_a_disk_that_takes_nothing_and_says_why() {
    let Some(disk) = Disk::mounted() else { return };
    let mut world = disk.world("hub").await;
    world.deploy().await;
    let before = world.uids();
    world.stop_hub().await;
    disk.remount("ro");
    let error = world.try_start_hub().await.unwrap_err().to_string();
    println!("a read-only disk at the start: {error}");
    assert!(error.to_lowercase().contains("read-only") || error.contains("readonly"), "{error}");
    // The agent repairs without its hub.
    let a = skiff_sim::ObjectKey::new("", "configmaps", "shop", "a");
    world.server.delete(&a).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(world.deletions().is_empty() && !world.agent_has_ended());
    disk.remount("rw");
    world.start_hub().await;
    world.repo.commit(&next("two"));
    world.look().await;
    world.until("the work goes on", |world| world.value("a").as_deref() == Some("two")).await;
    world.until("what was removed goes", |world| world.value("b").is_none()).await;
    let now = world.uids();
    let others = before.iter().filter(|(key, _)| key.name != "a" && key.name != "b");
    assert!(others.clone().all(|(key, uid)| now.get(key) == Some(uid)), "{now:?}");
    world.withdraw().await;
    world.stop().await;
}

/// The disk of the content alone: the database takes everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_the_disk_did_not_take_is_told_and_read_again() {
    let Some(disk) = Disk::mounted() else { return };
    let mut world = disk.world("hub/blobs").await;
    world.deploy().await;
    let before = world.uids();
    for (mode, value) in [("ro", "two"), ("full", "three")] {
        let one = world.value("a");
        disk.harm(mode);
        world.repo.commit(&next(value));
        for _ in 0..2 {
            // It is not forgotten when it is looked at again.
            world.look().await;
            world.told(&[Reason::HubDiskFailing]).await;
        }
        assert_eq!(disk.halves(), Vec::<String>::new());
        assert_eq!(world.value("a"), one);
        if mode == "ro" {
            assert!(world.deletions().is_empty() && world.uids() == before);
        }
        disk.mend(mode);
        world.look().await;
        world.until("the commit arrives", |world| world.value("a").as_deref() == Some(value)).await;
        world.until("what was removed goes", |world| world.value("b").is_none()).await;
        world.told_no_longer(Reason::HubDiskFailing).await;
    }
    assert_eq!(world.deletions().len(), 1, "{:?}", world.deletions());
    world.withdraw().await;
    world.stop().await;
}

/// The files of the Bundle are there, and what a label asks for has yet to be rendered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_render_that_the_disk_did_not_take_is_made_again() {
    let Some(disk) = Disk::mounted() else { return };
    let mut world = disk.world("hub/blobs").await;
    let fleet = "defaultNamespace: shop\ntargetCustomizations:\n- name: gold\n  clusterSelector: {matchLabels: {tier: gold}}\n  yaml: {overlays: [gold]}\n";
    let mut files = with("apps/shop/fleet.yaml", fleet);
    files.push(("apps/shop/overlays/gold/a.yaml".into(), config_map("a", "gold")));
    world.deploy_files(&files).await;
    let before = world.uids();
    disk.remount("ro");
    let mut cluster = world.cluster();
    cluster.metadata.labels.get_or_insert_default().insert("tier".into(), "gold".into());
    world.hub().resources().put(&cluster).await.unwrap();
    world.told(&[Reason::HubDiskFailing]).await;
    let not_stored = |world: &World, count: usize| {
        world.hub().metrics().contains(&format!("\nskiff_hub_renders_not_stored {count}\n"))
    };
    assert!(not_stored(&world, 1));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.value("a").as_deref(), Some("one"));
    assert!(world.deletions().is_empty() && world.uids() == before);
    disk.remount("rw");
    world.until("it is rendered by itself", |world| world.value("a").as_deref() == Some("gold")).await;
    world.told_no_longer(Reason::HubDiskFailing).await;
    assert!(not_stored(&world, 0));
    assert_eq!(world.uids(), before);
    world.withdraw().await;
    world.stop().await;
}

/// A Bundle that a user made: the object is stored, its files are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_of_a_user_that_the_disk_did_not_take_is_taken_in_again() {
    let Some(disk) = Disk::mounted() else { return };
    let mut world = disk.world("hub/blobs").await;
    world.deploy().await;
    disk.remount("ro");
    let bundle: fleet_api::v1alpha1::Bundle = serde_json::from_value(json!({
        "apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Bundle",
        "metadata": {"name": "mine", "namespace": NAMESPACE},
        "spec": {"defaultNamespace": "shop", "resources": [{"name": "m.yaml", "content": config_map("m", "one")}],
            "targets": [{"clusterSelector": {}}]},
    }))
    .unwrap();
    world.hub().resources().put(&bundle).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.value("m"), None);
    disk.remount("rw");
    world.until("it arrives by itself", |world| world.value("m").as_deref() == Some("one")).await;
    assert!(world.deletions().is_empty());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_disk_is_full_or_read_only_goes_on_and_says_so() {
    let Some(disk) = Disk::mounted() else { return };
    let mut world = disk.world("agent").await;
    world.deploy().await;
    let before = world.uids();
    for (harm, value) in [("full", "two"), ("ro", "three")] {
        disk.harm(harm);
        world.repo.commit(&with("apps/shop/a.yaml", &config_map("a", value)));
        world.look().await;
        world.until("the commit arrives", |world| world.value("a").as_deref() == Some(value)).await;
        world.told(&[Reason::DiskFailing]).await;
        // A new process has what is on the disk, and asks for the rest.
        world.restart_agent().await;
        let later = format!("{value}-later");
        world.repo.commit(&with("apps/shop/a.yaml", &config_map("a", &later)));
        world.look().await;
        world.until("the next one, too", |world| world.value("a").as_ref() == Some(&later)).await;
        assert!(world.deletions().is_empty() && world.uids() == before);
        disk.mend(harm);
        world.repo.commit(&with("apps/shop/a.yaml", &config_map("a", &format!("{value}-room"))));
        world.look().await;
        world.told_no_longer(Reason::DiskFailing).await;
    }
    assert_eq!(world.uids(), before);
    world.withdraw().await;
    world.stop().await;
}

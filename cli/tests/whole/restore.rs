//! A hub that comes back from a backup, or not at all, while its agents stay connected: nothing is deleted, the work goes
//! on, and what waits for an approval is listed. The commands are those of docs/OPERATIONS.md, taken from there.

use crate::repo::config_map;
use crate::world::{World, files, objects, with, without};
use fleet_api::Reason;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The commands below a heading of the manual: its indented lines.
fn commands(heading: &str) -> Vec<String> {
    let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/OPERATIONS.md")).unwrap();
    let start = manual.find(&format!("\n### {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    let section = &manual[start + 5..];
    let section = &section[..section.find("\n## ").into_iter().chain(section.find("\n### ")).min().unwrap()];
    section.lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
}

/// Runs a command of the manual where the hub's directory is `./hub`; gives what it said.
fn run(world: &World, line: &str) -> String {
    let skiff = PathBuf::from(env!("CARGO_BIN_EXE_skiff"));
    let path = format!("{}:{}", skiff.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(world.path(""))
        .env("PATH", path)
        .env("HOME", world.path(""))
        .env("SKIFF_CONFIG", world.path("hub/admin.yaml"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "`{line}`: {said}{}", String::from_utf8_lossy(&output.stderr));
    println!("$ {line}\n{said}");
    said
}

fn backup(world: &World) {
    let commands = commands("Backup");
    assert_eq!(commands.len(), 1, "{commands:?}");
    run(world, &commands[0]);
}

/// Loses the hub, and puts the backup in its place.
async fn restore(world: &mut World) {
    world.stop_hub().await;
    let commands = commands("Restore");
    let (place, look): (Vec<String>, Vec<String>) = commands.into_iter().partition(|line| !line.starts_with("skiff"));
    assert_eq!((place.len(), look.len()), (2, 2));
    for line in place {
        run(world, &line);
    }
    world.start_hub().await;
}

fn changed(path: &str, text: &str) -> Vec<(String, String)> {
    with(path, text)
}

async fn keeps_all_for(
    world: &World,
    before: &std::collections::BTreeMap<skiff_sim::ObjectKey, String>,
    pause: Duration,
) {
    tokio::time::sleep(pause).await;
    assert_eq!(world.deletions(), [] as [&str; 0]);
    let now = world.uids();
    assert!(before.iter().all(|(key, uid)| now.get(key) == Some(uid)), "{now:?}");
}

/// A commit without `b`: its deletion waits, is listed, and is done when it was approved.
async fn what_waits_is_listed_and_goes_when_it_is_approved(world: &World, section: &str, more: &[(String, String)]) {
    let before = world.uids();
    let commit = |gone: &[&str]| {
        let mut files = without("apps/shop/b.yaml");
        files.extend(more.to_vec());
        files.retain(|(path, _)| !gone.contains(&path.as_str()));
        world.repo.commit(&files);
    };
    commit(&[]);
    world.look().await;
    world.until("it is held", |world| world.cluster().status.is_some_and(|status| status.held_deletions > 0)).await;
    keeps_all_for(world, &before, Duration::from_millis(500)).await;
    let look: Vec<String> = commands(section).into_iter().filter(|line| line.contains(" cluster shop-1")).collect();
    let [explain, approve] = look.as_slice() else { panic!("{look:?}") };
    let said = run(world, explain);
    let words = ["waits for approval: 1 deletions", "shop/b", "skiff approve cluster shop-1"];
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    run(world, approve);
    world.until("it goes", |world| world.uids().len() == before.len() - 1).await;
    assert!(world.value("b").is_none());
    // From here on nothing waits any more.
    commit(&["apps/shop/s.yaml"]);
    world.look().await;
    world.until("the next one goes by itself", |world| world.uids().len() == before.len() - 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_backup_under_agents_that_have_newer_things() {
    let mut world = World::deployed().await;
    backup(&world);
    world.repo.commit(&changed("apps/shop/more.yaml", &config_map("more", "one")));
    world.look().await;
    world.until("the newer commit is there", |world| world.uids().len() == objects().len() + 1).await;
    let before = world.uids();
    let told = world.wire.issued();
    // A document says the second that it was made in. A hub that reads the same commit within it makes the very document that
    // the agent has: then it knows all that the agent knows, and nothing has to wait.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    restore(&mut world).await;
    keeps_all_for(&world, &before, Duration::from_secs(1)).await;
    let epoch = |documents: &[fleet_api::wire::Desired]| documents.last().map(|desired| desired.version.epoch);
    world.until("a new epoch has begun", |world| epoch(&world.wire.issued()) > epoch(&told)).await;
    // The work goes on.
    world.repo.commit(&files().into_iter().map(|(path, text)| (path, text.replace("one", "two"))).collect::<Vec<_>>());
    world.look().await;
    world.until("the next commit arrives", |world| world.value("a").as_deref() == Some("two")).await;
    keeps_all_for(&world, &before, Duration::from_millis(500)).await;
    world.repo.commit(&changed("apps/shop/more.yaml", &config_map("more", "one")));
    world.look().await;
    world.until("it goes back", |world| world.value("a").as_deref() == Some("one")).await;
    let more = [("apps/shop/more.yaml".to_owned(), config_map("more", "one"))];
    what_waits_is_listed_and_goes_when_it_is_approved(&world, "Restore", &more).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_newer_than_what_the_agents_have() {
    let mut world = World::deployed().await;
    let before = world.uids();
    world.kill_agent().await;
    world.repo.commit(&changed("apps/shop/a.yaml", &config_map("a", "two")));
    world.look().await;
    backup(&world);
    restore(&mut world).await;
    world.start_agent();
    world.until("the newer commit arrives", |world| world.value("a").as_deref() == Some("two")).await;
    keeps_all_for(&world, &before, Duration::from_millis(500)).await;
    // It has issued what the agent has: nothing waits.
    world.repo.commit(&without("apps/shop/b.yaml"));
    world.look().await;
    world.until("a removal goes by itself", |world| world.value("b").is_none()).await;
    world.stop().await;
}

/// A hub in a new directory: with the keys of the old one (a backup from its first day), or without.
pub(crate) async fn a_new_hub(keys: bool) {
    let mut world = World::new().await;
    if keys {
        backup(&world);
    }
    world.repo.commit(&files());
    world.put_gitrepo(&serde_json::json!({})).await;
    world.enroll().await;
    world.start_agent();
    world.until("everything is deployed", |world| objects().iter().all(|key| world.server.object(key).is_some())).await;
    world.until("the hub hears of it", World::is_ready).await;
    let before = world.uids();
    if keys {
        restore(&mut world).await;
    } else {
        world.stop_hub().await;
        std::fs::rename(world.path("hub"), world.path("hub.broken")).unwrap();
        world.start_hub().await;
    }
    keeps_all_for(&world, &before, Duration::from_secs(1)).await;
    // Everything that the new hub knows comes from people.
    let gitrepo = format!(
        "apiVersion: fleet.cattle.io/v1alpha1\nkind: GitRepo\nmetadata: {{name: shop, namespace: fleet-default}}\nspec:\n  repo: {}\n  branch: main\n  pollingInterval: 1h\n  paths: [apps/shop, apps/other]\n  targets: [{{clusterSelector: {{matchLabels: {{env: prod}}}}}}]\n",
        world.repo.url()
    );
    std::fs::write(world.path("gitrepos.yaml"), gitrepo).unwrap();
    let section = "A new hub in place of a lost one";
    for line in commands(section).iter().filter(|line| !line.contains(" cluster shop-1")) {
        run(&world, line);
    }
    let token = std::fs::read_to_string(world.path("shop-1.token")).unwrap();
    world.use_token(&token);
    world.restart_agent().await;
    world.until("the new hub hears of it", |world| world.hub_has_heard() && world.is_ready()).await;
    keeps_all_for(&world, &before, Duration::from_millis(500)).await;
    what_waits_is_listed_and_goes_when_it_is_approved(&world, section, &[]).await;
    world.withdraw().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_hub_with_the_old_keys() {
    a_new_hub(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_that_a_new_hub_does_not_know_is_kept_and_named() {
    let mut world = World::deployed().await;
    let before = world.uids();
    world.stop_hub().await;
    std::fs::rename(world.path("hub"), world.path("hub.broken")).unwrap();
    world.start_hub().await;
    world.enroll().await;
    world.restart_agent().await;
    world
        .until("it is named", |world| {
            let reasons = |note: &(Reason, String)| note.0 == Reason::Unaccounted;
            world.hub_has_heard()
                && (world.notes().iter().any(reasons)
                    || run(world, "skiff explain cluster shop-1").contains("Unaccounted"))
        })
        .await;
    keeps_all_for(&world, &before, Duration::from_millis(500)).await;
    world.stop().await;
}

//! What the hub has on its disk. It is stopped, its files are harmed, it starts again, or does not.

use super::{Way, harm_files};
use crate::repo::copy;
use crate::world::{World, with};
use std::fs;
use std::path::{Path, PathBuf};

/// The whole data directory as it was before the harm.
fn saved(world: &World) -> PathBuf {
    world.path("saved")
}

async fn stop_and_save(world: &mut World) {
    world.stop_hub().await;
    copy(&world.data(), &saved(world));
}

/// Starts what can be started; the agent hears of it, or cannot.
async fn start(world: &mut World, starts: bool) {
    let outcome = world.try_start_hub().await;
    assert_eq!(outcome.is_ok(), starts, "{:?}", outcome.err().map(|error| error.to_string()));
    if starts {
        let before = world.wire.answers().len();
        world.look().await;
        // An agent that is revoked hears nothing but that.
        let mut looks = 0;
        world
            .until("the agent has asked", |world| {
                looks += 1;
                world.wire.answers().len() > before + 1 || looks > 100
            })
            .await;
    }
}

/// The disk is as it was.
pub(super) async fn restored(_: Way, world: &mut World) {
    world.stop_hub().await;
    fs::remove_dir_all(world.data()).unwrap();
    copy(&saved(world), &world.data());
    world.start_hub().await;
    world.restart_agent().await;
    world.look().await;
}

fn blob_files(data: &Path) -> Vec<PathBuf> {
    let shards = fs::read_dir(data.join("blobs")).unwrap().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        shards.flat_map(|shard| fs::read_dir(shard).unwrap().flatten().map(|entry| entry.path())).collect();
    files.sort();
    files
}

/// Content by digest. The agent has lost its copies, so that it asks for them; the repository is away.
pub(super) async fn blobs(way: Way, world: &mut World) {
    stop_and_save(world).await;
    world.kill_agent().await;
    fs::remove_dir_all(world.cache()).unwrap();
    fs::rename(world.repo.path(), world.repo.away()).unwrap();
    let files = blob_files(&world.data());
    harm_files(way, &files);
    world.start_agent();
    start(world, true).await;
    fs::rename(world.repo.away(), world.repo.path()).unwrap();
}

fn sql(world: &World, statement: &str) {
    let database = rusqlite::Connection::open(world.data().join("hub.db")).unwrap();
    assert!(database.execute(statement, []).unwrap() > 0, "{statement}");
}

/// Yesterday's data, under an agent of today.
async fn keep_yesterday(world: &mut World) {
    world.stop_hub().await;
    copy(&world.data(), &world.path("yesterday"));
    world.start_hub().await;
    world.repo.commit(&with("apps/shop/more.yaml", &crate::repo::config_map("more", "one")));
    world.look().await;
    world.until("the newer commit is there", |world| world.uids().len() == 6).await;
}

/// What the hub keeps of Bundles. The repository is away, so that it cannot be read anew.
pub(super) async fn records(way: Way, world: &mut World) {
    if way == Way::Stale {
        keep_yesterday(world).await;
    }
    stop_and_save(world).await;
    fs::rename(world.repo.path(), world.repo.away()).unwrap();
    let starts = match way {
        Way::Absent => {
            sql(world, "DELETE FROM records WHERE tbl IN ('bundles', 'renders')");
            true
        }
        Way::Empty => {
            sql(world, "UPDATE records SET value = '{}' WHERE tbl = 'bundles'");
            false
        }
        Way::Partial => {
            sql(world, "UPDATE records SET value = substr(value, 1, length(value) / 2) WHERE tbl = 'bundles'");
            false
        }
        Way::Stale => {
            fs::remove_dir_all(world.data()).unwrap();
            copy(&world.path("yesterday"), &world.data());
            true
        }
        Way::Unreadable => {
            sql(world, "UPDATE resources SET json = 'x' WHERE kind = 'Bundle' OR kind = 'GitRepo'");
            false
        }
        Way::Forbidden => {
            fs::write(world.data().join("secrets.key"), "11".repeat(32)).unwrap();
            false
        }
    };
    start(world, starts).await;
    fs::rename(world.repo.away(), world.repo.path()).unwrap();
}

/// What the hub remembers of the cluster.
pub(super) async fn memory(way: Way, world: &mut World) {
    let remembered = "tbl IN ('clusters', 'reports', 'desired')";
    if way == Way::Stale {
        keep_yesterday(world).await;
    }
    stop_and_save(world).await;
    let starts = match way {
        Way::Absent => {
            sql(world, &format!("DELETE FROM records WHERE {remembered}"));
            true
        }
        Way::Empty => {
            sql(world, &format!("UPDATE records SET value = '{{}}' WHERE {remembered}"));
            false
        }
        Way::Partial => {
            sql(world, "UPDATE records SET value = substr(value, 1, length(value) / 2) WHERE tbl = 'desired'");
            true
        }
        Way::Stale => {
            let yesterday = world.path("yesterday").join("hub.db");
            let database = rusqlite::Connection::open(world.data().join("hub.db")).unwrap();
            database.execute("ATTACH ?1 AS yesterday", [yesterday.to_str().unwrap()]).unwrap();
            let update = format!(
                "UPDATE records SET value = (SELECT value FROM yesterday.records AS old
                 WHERE old.tbl = records.tbl AND old.key = records.key) WHERE {remembered}"
            );
            assert_eq!(database.execute(&update, []).unwrap(), 3);
            true
        }
        Way::Unreadable => {
            sql(world, &format!("UPDATE records SET value = randomblob(100) WHERE {remembered}"));
            false
        }
        Way::Forbidden => {
            sql(world, "DELETE FROM resources WHERE kind = 'Cluster'");
            true
        }
    };
    start(world, starts).await;
}

//! "Absent" is not "deleted" (ARCHITECTURE, deletion): every place that the desired state comes by, times every way in
//! which it can be missing there. In every cell the cluster loses nothing while the harm lasts, also under an agent that
//! starts anew; afterwards the work goes on, and what is then positively withdrawn, and nothing else, goes.

mod agent;
mod cluster;
mod hub;
mod source;
mod wire;

use crate::world::{World, objects};
use futures::future::LocalBoxFuture;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How the desired state is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is not there.
    Absent,
    /// It is there and says nothing.
    Empty,
    /// A part of it is there.
    Partial,
    /// It is what it was before.
    Stale,
    /// It makes no sense.
    Unreadable,
    /// It may not be had.
    Forbidden,
}

/// Harms files that hold content by digest, each in this way.
fn harm_files(way: Way, files: &[PathBuf]) {
    assert!(files.len() >= 7, "{files:?}");
    let contents: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for (at, (file, bytes)) in files.iter().zip(&contents).enumerate() {
        match way {
            Way::Absent => fs::remove_file(file).unwrap(),
            Way::Empty => fs::write(file, b"").unwrap(),
            Way::Partial => fs::write(file, &bytes[..bytes.len() / 2]).unwrap(),
            // Each has the content of another one.
            Way::Stale => fs::write(file, &contents[(at + 1) % contents.len()]).unwrap(),
            Way::Unreadable => fs::write(file, bytes.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>()).unwrap(),
            Way::Forbidden => {
                fs::remove_file(file).unwrap();
                fs::create_dir(file).unwrap();
            }
        }
    }
}

const WAYS: [Way; 6] = [Way::Absent, Way::Empty, Way::Partial, Way::Stale, Way::Unreadable, Way::Forbidden];

type Step = for<'a> fn(Way, &'a mut World) -> LocalBoxFuture<'a, ()>;

/// A place that the desired state comes by: how it is harmed there (seen to the moment where the harm was felt), and
/// how that ends.
struct Hop {
    name: &'static str,
    harm: Step,
    heal: Step,
}

macro_rules! hops {
    ($($name:literal $harm:path, $heal:path;)*) => {
        [$(Hop { name: $name, harm: |way, world| Box::pin($harm(way, world)), heal: |way, world| Box::pin($heal(way, world)) }),*]
    };
}

const HOPS: [Hop; 14] = hops! {
    "the repository" source::repository, source::repository_again;
    "an entry of spec.paths" source::entry, source::commit_again;
    "the render" source::render, source::commit_again;
    "the hub's blobs" hub::blobs, hub::restored;
    "the hub's records" hub::records, hub::restored;
    "the hub's memory of the cluster" hub::memory, hub::restored;
    "the answer to a sync" wire::sync, wire::healed;
    "the Desired" wire::desired, wire::healed;
    "the answer with blobs" wire::blobs, wire::healed;
    "the agent's copy of the Desired" agent::desired, agent::healed;
    "the agent's ledger" agent::ledger, agent::healed;
    "the agent's cache" agent::cache, agent::healed;
    "the kinds of the API server" cluster::kinds, cluster::healed;
    "the objects of the API server" cluster::objects, cluster::healed;
};

fn name(hop: &Hop, way: Way) -> String {
    format!("{}, {}", hop.name, format!("{way:?}").to_lowercase())
}

/// Nothing was deleted, and what was there is there, the same.
fn nothing_is_lost(world: &World, before: &std::collections::BTreeMap<skiff_sim::ObjectKey, String>, when: &str) {
    assert_eq!(world.deletions(), [] as [&str; 0], "{when}: nobody asked for a deletion; told: {:#?}", world.notes());
    let now = world.uids();
    for (key, uid) in before {
        assert_eq!(now.get(key), Some(uid), "{when}: {key:?} is another one, or gone");
    }
}

async fn cell(hop: &'static Hop, way: Way) {
    let mut world = World::deployed().await;
    let before = world.uids();
    assert_eq!(before.len(), objects().len());
    (hop.harm)(way, &mut world).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    nothing_is_lost(&world, &before, "while it is so");
    // An agent without a memory, in the midst of it. One that cannot start does no harm either.
    world.kill_agent().await;
    world.start_agent();
    tokio::time::sleep(Duration::from_millis(800)).await;
    nothing_is_lost(&world, &before, "under an agent that starts anew");
    let there = world.uids();
    (hop.heal)(way, &mut world).await;
    world.withdraw().await;
    for deletion in world.deletions() {
        let is_ours = there.keys().any(|key| deletion.contains(&format!("/{}/{} ", key.resource, key.name)));
        assert!(is_ours, "afterwards: {deletion} was not withdrawn");
    }
    world.stop().await;
}

#[test]
fn nothing_is_deleted_in_any_cell() {
    let wanted = std::env::var("SKIFF_CELL").unwrap_or_default();
    let begun = Instant::now();
    let cells = HOPS.iter().flat_map(|hop| WAYS.map(|way| (name(hop, way), (hop, way))));
    let cells: Vec<_> = cells.filter(|(name, _)| name.contains(&wanted)).collect();
    let number = cells.len();
    let failed = crate::pool::run(cells, |(hop, way)| cell(hop, way));
    println!("absence: {number} cells in {:.0} s, {} failed", begun.elapsed().as_secs_f32(), failed.len());
    assert!(failed.is_empty(), "`SKIFF_CELL='NAME' cargo test -p skiff --test whole absence` repeats one: {failed:#?}");
    assert!(!wanted.is_empty() || number == 84, "{number}");
}

//! Where people write: the repository, the entries of `spec.paths`, and what a bundle renders to.

use super::Way;
use crate::repo::{Repo, entry as index_entry};
use crate::world::{World, files, with, without};
use fleet_api::Reason;
use serde_json::json;
use std::fs;

/// The repository cannot be read, or not as it is.
pub(super) async fn repository(way: Way, world: &mut World) {
    let (path, away) = (world.repo.path(), world.repo.away());
    let expected: &[Reason] = match way {
        Way::Absent => {
            fs::rename(path, away).unwrap();
            &[Reason::RepositoryNotFound]
        }
        Way::Empty => {
            fs::rename(&path, away).unwrap();
            git2::Repository::init_bare(&path).unwrap();
            &[Reason::NoBundleFound]
        }
        Way::Partial => {
            // The newest commit has removed something; a file of it did not arrive.
            let changed: Vec<_> = without("apps/shop/b.yaml")
                .into_iter()
                .map(
                    |(path, text)| {
                        if path == "apps/shop/a.yaml" { (path, text.replace("one", "two")) } else { (path, text) }
                    },
                )
                .collect();
            let commit = world.repo.commit(&changed);
            let repository = world.repo.open();
            let tree = repository.find_commit(commit).unwrap().tree().unwrap();
            let blob = tree.get_path("apps/shop/a.yaml".as_ref()).unwrap().id();
            fs::rename(world.repo.loose(blob), world.path("lost object")).unwrap();
            &[Reason::InvalidFile, Reason::RepositoryUnreachable, Reason::Internal]
        }
        Way::Stale => {
            // A mirror that lags behind: what was read last is not there yet.
            let first = world.repo.open().head().unwrap().peel_to_commit().unwrap().id();
            let (more, another) = (crate::repo::config_map("more", "one"), crate::repo::config_map("p", "one"));
            let mut newer = with("apps/shop/more.yaml", &more);
            newer.push(("apps/shop/p/fleet.yaml".into(), "defaultNamespace: shop\n".into()));
            newer.push(("apps/shop/p/p.yaml".into(), another));
            world.repo.commit(&newer);
            world.look().await;
            world.until("the newer commit is there", |world| world.uids().len() == 7).await;
            world.repo.reset(first);
            &[Reason::ForcePushed]
        }
        Way::Unreadable => {
            fs::copy(path.join("refs/heads/main"), world.path("lost ref")).unwrap();
            fs::write(path.join("refs/heads/main"), "0123456789abcdef0123456789abcdef01234567\n").unwrap();
            &[Reason::ReferenceNotFound, Reason::RepositoryUnreachable, Reason::InvalidFile, Reason::Internal]
        }
        Way::Forbidden => {
            world.stop_hub().await;
            world.allow_files = false;
            world.start_hub().await;
            &[Reason::AddressRefused]
        }
    };
    world.look().await;
    world.told(expected).await;
}

pub(super) async fn repository_again(way: Way, world: &mut World) {
    let (path, away) = (world.repo.path(), world.repo.away());
    match way {
        Way::Absent => fs::rename(away, path).unwrap(),
        Way::Empty => {
            fs::remove_dir_all(&path).unwrap();
            fs::rename(away, path).unwrap();
        }
        Way::Partial => {
            let text = crate::repo::config_map("a", "two");
            let id = git2::Oid::hash_object(git2::ObjectType::Blob, text.as_bytes()).unwrap();
            fs::rename(world.path("lost object"), world.repo.loose(id)).unwrap();
        }
        Way::Stale => {}
        Way::Unreadable => drop(fs::copy(world.path("lost ref"), path.join("refs/heads/main")).unwrap()),
        Way::Forbidden => {
            world.stop_hub().await;
            world.allow_files = true;
            world.start_hub().await;
        }
    }
    world.look().await;
}

/// An entry of `spec.paths` yields nothing.
pub(super) async fn entry(way: Way, world: &mut World) {
    let mut files = without("apps/shop");
    let mut special = None;
    match way {
        Way::Absent => {}
        Way::Empty => files.push(("apps/shop/.gitkeep".into(), String::new())),
        Way::Partial => files.push(("apps/shop/fleet.yaml".into(), "defaultNamespace: shop\n".into())),
        Way::Stale => {
            // The revision is one from before the directory.
            let before = world.repo.commit(&[("README.md".into(), "Nothing yet.\n".into())]);
            world.repo.commit(&self::files());
            world.put_gitrepo(&json!({"revision": before.to_string()})).await;
        }
        Way::Unreadable => special = Some(0o160_000),
        Way::Forbidden => special = Some(0o120_000),
    }
    if let Some(mode) = special {
        commit_special(&world.repo, &files, mode);
    } else if way != Way::Stale {
        world.repo.commit(&files);
    }
    world.look().await;
    world.told(&[Reason::NoBundleFound, Reason::InvalidFile]).await;
}

/// `apps/shop` is a submodule, or a link to outside of the repository.
fn commit_special(repo: &Repo, files: &[(String, String)], mode: u32) {
    let repository = repo.open();
    let mut index = git2::Index::new().unwrap();
    for (path, text) in files {
        index.add(&index_entry(path, repository.blob(text.as_bytes()).unwrap(), 0o100_644)).unwrap();
    }
    let id = match mode {
        0o160_000 => repository.head().unwrap().peel_to_commit().unwrap().id(),
        _ => repository.blob(b"../../../etc").unwrap(),
    };
    index.add(&index_entry("apps/shop", id, mode)).unwrap();
    repo.commit_tree(index.write_tree_to(&repository).unwrap());
}

/// A bundle that does not render, or to nothing.
pub(super) async fn render(way: Way, world: &mut World) {
    let shop = |name: &str| format!("apps/shop/{name}");
    let files = match way {
        Way::Absent => with(&shop("kustomization.yaml"), "resources: [a.yaml, is-not-here.yaml]\n"),
        Way::Empty => {
            let nothing = |(path, text): (String, String)| match path.as_str() {
                "apps/shop/fleet.yaml" => (path, text),
                path if path.starts_with("apps/shop") => (path.to_owned(), "# switched off\n".to_owned()),
                _ => (path, text),
            };
            files().into_iter().map(nothing).collect()
        }
        Way::Partial => {
            let mut files = without("apps/shop/b.yaml");
            files.retain(|(path, _)| *path != shop("a.yaml"));
            files.push((shop("a.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a\n".into()));
            files
        }
        Way::Stale => with(&shop("b.yaml"), "a: [\n"),
        Way::Unreadable => with(&shop("b.yaml"), "apiVersion: v1\nkind: ConfigMap\u{0}\u{1}\n"),
        Way::Forbidden => with(
            &shop("fleet.yaml"),
            "defaultNamespace: shop\nhelm: {chart: 'https://169.254.169.254/latest/chart.tgz'}\n",
        ),
    };
    world.repo.commit(&files);
    world.look().await;
    if way == Way::Stale {
        // The last good state is all that a hub has that starts now.
        world.stop_hub().await;
        world.start_hub().await;
        world.look().await;
    }
    let what = "it is told";
    world
        .until(what, |world| {
            world.notes().iter().any(|(reason, _)| reason.severity() >= fleet_api::reason::Severity::Held)
        })
        .await;
}

/// The repository is as it was.
pub(super) async fn commit_again(way: Way, world: &mut World) {
    world.repo.commit(&files());
    if way == Way::Stale {
        world.put_gitrepo(&json!({})).await;
    }
    world.look().await;
}

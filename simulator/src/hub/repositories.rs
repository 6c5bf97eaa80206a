//! What the hub reads and renders: its repositories (`hub/src/repositories.rs`), and a stub of the renderer.

use super::Message;
use super::store::{COMMITS, GITREPO, GitRepoRow};
use crate::git::{Tree, content, named};
use crate::world::{Ev, World};
use fleet_api::wire::{Deployment, DeploymentObject};
use fleet_api::{Digest, Note, Reason};
use skiff_planner::hub::{BundleRecord, Event, RenderInput, RepositoryRead};
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// The renderer is a stub: the files of a Bundle are its objects. It stores before it tells, as the shell does.
    pub(crate) fn render(&mut self, id: u32, input: &RenderInput) {
        if self.hub.running.as_ref().is_none_or(|running| running.id != id) {
            return;
        }
        if self.now < self.hub.disk_full_until {
            return self.push(self.now + 2000, Ev::Render(id, Box::new(input.clone())));
        }
        let bytes = self.hub.disk.blobs.get(&input.tree).filter(|bytes| Digest::of(bytes) == input.tree);
        let tree = bytes.and_then(|bytes| serde_json::from_slice::<Tree>(bytes).ok());
        let result = match tree {
            None => Err(vec![Note::new(Reason::Internal, "the files are not there")]),
            Some(tree) if tree.fails => Err(vec![Note::new(Reason::RenderFailed, "deploy.yaml:1:1: it fails")]),
            Some(tree) => {
                let deployment = self.deployment_of(input, tree);
                let json = serde_json::to_vec(&deployment).unwrap_or_default();
                let digest = Digest::of(&json);
                self.hub.disk.blobs.insert(digest, json);
                Ok((digest, Box::new(deployment)))
            }
        };
        self.tell_hub(Message::Rendered(input.key(), result));
    }

    fn deployment_of(&mut self, input: &RenderInput, tree: Tree) -> Deployment {
        let mut objects = Vec::new();
        for (key, value) in tree.objects {
            let content = content(&key, value);
            let json = serde_json::to_vec(&content).unwrap_or_default();
            let digest = Digest::of(&json);
            self.oracle.rendered(&key, digest);
            let api_version = content["apiVersion"].as_str().unwrap_or_default().to_owned();
            let size = json.len() as u64;
            let unknown = BTreeMap::new();
            objects.push(DeploymentObject {
                api_version,
                key,
                digest,
                size,
                source: String::new(),
                hook: None,
                unknown,
            });
            self.hub.disk.blobs.insert(digest, json);
        }
        Deployment {
            protocol: fleet_api::wire::PLAIN_PROTOCOL,
            bundle: input.bundle.clone(),
            release_namespace: crate::git::SHOP.to_owned(),
            force_namespace: false,
            create_namespace: true,
            namespace_labels: BTreeMap::new(),
            namespace_annotations: BTreeMap::new(),
            options: tree.options,
            objects,
            sources: None,
            rendered_from: None,
            unknown: BTreeMap::new(),
        }
    }

    /// A repository is looked at.
    pub(crate) fn poll(&mut self, id: u32, name: &str) {
        if self.hub.running.as_ref().is_none_or(|running| running.id != id) {
            return;
        }
        let delay = self.rng.between(15_000, 25_000);
        self.push(self.now + delay, Ev::Poll(id, name.to_owned()));
        let Some(running) = &self.hub.running else { return };
        let (Some(row), Some(repo)) = (self.hub.disk.read::<GitRepoRow>(GITREPO, name), self.repos.get(name)) else {
            return;
        };
        if row.deleting {
            return;
        }
        if self.now < self.unreachable_until.get(name).copied().unwrap_or(0) {
            let note = Note::new(Reason::RepositoryUnreachable, "connection refused");
            return self.tell_hub(Message::Observe(Box::new(Event::ReadFailed(named(name), vec![note]))));
        }
        let edition = (repo.moves, row.generation);
        if running.read.get(name) == Some(&edition) || self.now < self.hub.disk_full_until {
            return;
        }
        let of = |record: &BundleRecord| record.gitrepo.as_ref().is_some_and(|gitrepo| gitrepo.as_str() == name);
        let present: BTreeSet<String> = running
            .machine
            .bundles()
            .filter(|(_, record)| of(record))
            .map(|(_, record)| record.directory.clone())
            .collect();
        // Another branch or revision in the spec is a person's word; nobody here changes these.
        let head = repo.head();
        let before = self.hub.taken.get(name).copied();
        // A store that was put back knows of a newer commit than the copy of the repository, which was not.
        let told = self.hub.disk.read::<usize>(COMMITS, name).filter(|_| !running.read.contains_key(name));
        let rewound = [before, told].into_iter().flatten().any(|before| repo.is_built_on(before, head));
        let (read, blobs): (RepositoryRead, _) = repo.read(name, row.generation, &row.entries, &present, rewound);
        self.oracle.read(name);
        self.oracle.statements_read(name, repo, &row.entries);
        if let Some(repo) = self.repos.get_mut(name) {
            repo.was_read();
        }
        // Blobs are on disk before the rows that name them.
        self.hub.disk.blobs.extend(blobs.into_iter().map(|bytes| (Digest::of(&bytes), bytes)));
        if let Some(running) = &mut self.hub.running {
            running.read.insert(name.to_owned(), edition);
        }
        self.note(|| {
            let found: Vec<&str> = read.found.iter().map(|bundle| bundle.name.as_str()).collect();
            let failed = read.failed.iter().filter_map(|failed| failed.bundle.as_ref());
            let failed: Vec<&str> = failed.map(|bundle| bundle.as_str()).collect();
            let commit = read.commit.trim_start_matches('0');
            format!("hub reads {name} {commit}: {}; failed: {}; {:?}", found.join(" "), failed.join(" "), read.entries)
        });
        self.tell_hub(Message::Read(Box::new(read), head));
    }
}

//! What the hub remembers of a repository between fetches: one small file beside the packs.
//!
//! It is a cache: a file that is missing or unreadable means that everything is fetched again, and nothing worse.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::object::ObjectId;

const FILE: &str = "skiff.json";
/// Commits that are named to the server as ours.
const MAX_COMPLETE: usize = 16;

/// The file's content, ids in hexadecimal.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// For the person who looks into the folder.
    pub(super) url: String,
    /// What each reader last took in, by its name and the reference.
    readers: BTreeMap<String, BTreeMap<String, String>>,
    /// Commits whose files are all there, the newest last.
    complete: Vec<String>,
}

impl State {
    pub(super) fn load(directory: &Path) -> Self {
        std::fs::read(directory.join(FILE)).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Replaces the file whole.
    pub(super) fn save(&self, directory: &Path) -> Result<(), Error> {
        let (path, part) = (directory.join(FILE), directory.join("skiff.json.part"));
        let failed = || format!("writing {}", path.display());
        let text = serde_json::to_vec_pretty(self).map_err(|error| Error::io(failed())(error.into()))?;
        let mut file = std::fs::File::create(&part).map_err(Error::io(failed()))?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(Error::io(failed()))?;
        std::fs::rename(&part, &path).map_err(Error::io(failed()))
    }

    pub(super) fn previous(&self, reader: &str, reference: &str) -> Option<ObjectId> {
        self.readers.get(reader)?.get(reference)?.parse().ok()
    }

    pub(super) fn take(&mut self, reader: &str, reference: &str, commit: ObjectId) {
        self.readers.entry(reader.to_owned()).or_default().insert(reference.to_owned(), commit.to_string());
    }

    pub(super) fn complete(&self) -> Vec<ObjectId> {
        self.complete.iter().filter_map(|id| id.parse().ok()).collect()
    }

    pub(super) fn add_complete(&mut self, commit: ObjectId) {
        let commit = commit.to_string();
        self.complete.retain(|other| *other != commit);
        self.complete.push(commit);
        let excess = self.complete.len().saturating_sub(MAX_COMPLETE);
        self.complete.drain(..excess);
    }

    pub(super) fn forget_objects(&mut self) {
        self.complete.clear();
    }
}

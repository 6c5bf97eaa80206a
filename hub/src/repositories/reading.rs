//! From a commit to what the deciding task is told: Bundles, their files as blobs, and what could not be read.

use super::{Failure, Polling, State};
use crate::blobs::{BlobError, Blobs, NewBlob};
use crate::machine::Message;
use crate::uses::uses;
use file_tree::{Files as _, Mode};
use fleet_api::names::Ref;
use fleet_api::reason::Reason;
use fleet_api::v1alpha1::GitRepo;
use fleet_api::{Digest, Note};
use skiff_bundler::charts::Charts;
use skiff_bundler::discover::{Cache, Discovery, FoundBundle as Found, discover_with};
use skiff_bundler::git::{Access, CommitTree, Remote};
use skiff_planner::hub::{BundleRecord, FailedEntry, FoundBundle, RepositoryRead};
use skiff_render::packed;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::oneshot;

/// One read of a commit for a GitRepo.
pub(super) struct Reading<'a> {
    pub(super) name: &'a Ref,
    pub(super) gitrepo: &'a GitRepo,
    pub(super) commit: &'a str,
    /// Its repository and how to get in to it.
    pub(super) own: (Remote, Access),
    /// The directories of its present Bundles.
    pub(super) present: BTreeSet<String>,
    pub(super) notes: Vec<Note>,
    /// See [`RepositoryRead::rewound`].
    pub(super) rewound: bool,
}

impl Reading<'_> {
    /// Reads the commit, and has it stored. Gives whether it is to be read again, because a chart could not be fetched.
    pub(super) async fn read(self, tree: CommitTree, polling: &Polling, state: &mut State) -> Result<bool, Failure> {
        let generation = self.gitrepo.metadata.generation.unwrap_or_default();
        let input = Input {
            name: self.name.clone(),
            gitrepo: self.gitrepo.clone(),
            commit: self.commit.to_owned(),
            present: self.present,
            notes: self.notes,
            rewound: self.rewound,
            generation,
        };
        let charts = super::charts::of(polling, self.name.namespace.as_str(), self.gitrepo, self.own).await?;
        let mut cache = std::mem::take(&mut state.cache);
        let mut trees = std::mem::take(&mut state.trees);
        let blobs = polling.blobs.clone();
        let work = tokio::task::spawn_blocking(move || {
            let read = input.read(&tree, &charts, &mut cache, &mut trees, &blobs);
            (read, cache, trees)
        });
        let (read, cache, trees) =
            work.await.map_err(|error| Failure::internal(format!("reading the repository ended early: {error}")))?;
        state.cache = cache;
        state.trees = trees;
        let (reply, stored) = oneshot::channel();
        let stopping = || Failure::internal("the hub is stopping".to_owned());
        let (read, again) = read?;
        polling.machine.send(Message::Read(Box::new(read), reply)).map_err(|_| stopping())?;
        stored.await.map_err(|_| stopping())?;
        Ok(again)
    }
}

struct Input {
    name: Ref,
    gitrepo: GitRepo,
    commit: String,
    present: BTreeSet<String>,
    notes: Vec<Note>,
    rewound: bool,
    generation: i64,
}

impl Input {
    fn read(
        self,
        tree: &CommitTree,
        charts: &dyn Charts,
        cache: &mut Cache,
        trees: &mut BTreeMap<Digest, Digest>,
        blobs: &Blobs,
    ) -> Result<(RepositoryRead, bool), Failure> {
        let known = std::mem::take(trees);
        let discovery = discover_with(tree, &self.gitrepo, charts, cache);
        let again = discovery.again;
        let mut failed: Vec<FailedEntry> = Vec::new();
        let mut notes = self.notes;
        let mut found = Vec::new();
        for (bundle, entry) in discovery.bundles.iter().zip(&discovery.entries) {
            notes.extend(bundle.notes.iter().cloned());
            // The id is also one of the files: the same id is the same blob.
            let stored = known.get(&bundle.id).copied().filter(|blob| blobs.has(blob));
            let stored = match stored {
                Some(blob) => Ok(blob),
                None => content(tree, bundle, blobs)?,
            };
            let read = stored.and_then(|blob| {
                trees.insert(bundle.id, blob);
                self_record(&self.name, &self.commit, bundle, entry, blob)
            });
            match read {
                Ok(bundle) => found.push(bundle),
                Err(note) => failed.push(FailedEntry {
                    entry: entry.clone(),
                    directory: Some(bundle.dir.clone()),
                    bundle: bundle.name().parse().ok(),
                    notes: vec![note],
                }),
            }
        }
        let entries = entries(&self.gitrepo, &discovery);
        failed.extend(discovery.failed.into_iter().map(|failure| FailedEntry {
            entry: failure.entry,
            directory: failure.dir,
            bundle: failure.bundle.and_then(|name| name.parse().ok()),
            notes: vec![failure.note],
        }));
        let present = self.present.into_iter().filter(|dir| tree.is_dir(dir)).collect();
        let read = RepositoryRead {
            gitrepo: self.name,
            generation: self.generation,
            commit: self.commit,
            entries,
            found,
            failed,
            present,
            rewound: self.rewound,
            notes,
        };
        Ok((read, again))
    }
}

/// The entries of the spec, and whether each yielded anything.
fn entries(gitrepo: &GitRepo, discovery: &Discovery) -> BTreeMap<String, bool> {
    let spec = &gitrepo.spec;
    let mut entries: BTreeMap<String, bool> = if spec.bundles.is_empty() {
        spec.paths.iter().map(|path| (path.clone(), true)).collect()
    } else {
        BTreeMap::new()
    };
    if entries.is_empty() && spec.bundles.is_empty() {
        entries.insert(".".to_owned(), true);
    }
    entries.extend(discovery.entries.iter().map(|entry| (entry.clone(), true)));
    for failure in &discovery.failed {
        let yields = entries.entry(failure.entry.clone()).or_insert(true);
        *yields &= failure.dir.is_some();
    }
    entries
}

/// Stores the files of a Bundle as one blob; gives its digest, or what is wrong with the Bundle.
///
/// # Errors
/// Where the disk does not take it: then nothing was read of this commit, and it is read again.
fn content(tree: &CommitTree, bundle: &Found, blobs: &Blobs) -> Result<Result<Digest, Note>, Failure> {
    let files = match files(tree, bundle) {
        Ok(files) => files,
        Err(note) => return Ok(Err(note)),
    };
    let secret = files.values().any(|(_, bytes)| holds_secret(bytes));
    let blob = NewBlob::new(packed::pack(&files), secret);
    let digest = blob.digest;
    match blobs.put_all(&[blob]) {
        Ok(()) => Ok(Ok(digest)),
        Err(error @ BlobError::Io { .. }) => {
            Err(Failure::disk(format!("the files of bundle {} cannot be stored: {error}", bundle.name())))
        }
        Err(error) => Ok(Err(Note::new(Reason::Internal, error.to_string()))),
    }
}

/// The files of a Bundle, with their modes.
fn files(tree: &CommitTree, bundle: &Found) -> Result<BTreeMap<String, (Mode, Vec<u8>)>, Note> {
    let mut files = BTreeMap::new();
    for file in &bundle.files {
        let unreadable = |error: file_tree::Error| {
            Note::new(Reason::InvalidFile, error.to_string()).in_file(bundle.place_of(&file.path))
        };
        let bytes = bundle.content(tree, &file.path).map_err(unreadable)?;
        let mode = if file.mode == Mode::Executable { Mode::Executable } else { Mode::Regular };
        files.insert(file.path.clone(), (mode, bytes.into_owned()));
    }
    Ok(files)
}

/// Whether a file may be the manifest of a Secret. What is packed is not looked into.
fn holds_secret(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x1f\x8b") || bytes.windows(6).any(|window| window == b"Secret")
}

fn self_record(gitrepo: &Ref, commit: &str, bundle: &Found, entry: &str, tree: Digest) -> Result<FoundBundle, Note> {
    let name = bundle.name().parse().map_err(|error: fleet_api::names::NameError| {
        Note::new(Reason::InvalidFleetYaml, error.to_string()).in_file(bundle.dir.clone())
    })?;
    let spec = &bundle.bundle.spec;
    let metadata = &bundle.bundle.metadata;
    let record = BundleRecord {
        id: bundle.id,
        tree,
        spec: spec.clone(),
        labels: metadata.labels.clone().unwrap_or_default(),
        annotations: metadata.annotations.clone().unwrap_or_default(),
        gitrepo: Some(gitrepo.name.clone()),
        commit: commit.to_owned(),
        entry: entry.to_owned(),
        directory: bundle.dir.clone(),
        uses: uses(spec, bundle.files.iter().map(|file| file.path.as_str())),
        rewound: false,
    };
    Ok(FoundBundle { name, record })
}

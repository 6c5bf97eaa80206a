//! Polls git, and reads what changed.
//!
//! One task per repository and access: however many GitRepos use it, it is asked once a poll and fetched once. What is
//! read is on disk before the deciding task hears of it. What cannot be reached or read changes nothing (R13): the
//! GitRepo says why.

mod access;
mod branch;
mod charts;
mod reading;

use crate::blobs::Blobs;
use crate::machine::Message;
use crate::metrics::Metrics;
use crate::store::{Event as StoreEvent, EventType, Kind, Resources};
use fleet_api::Note;
use fleet_api::names::Ref;
use fleet_api::reason::Reason;
use fleet_api::v1alpha1::GitRepo;
use skiff_bundler::discover::Cache;
use skiff_bundler::git::{Access, Error, Limits, Policy, Reference, Remote, Repository, Resolved};
use skiff_bundler::poll::{DEFAULT_INTERVAL, next_poll};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;

/// How many repositories are polled at once.
const POLLS: usize = 16;
/// The secret that is used where none is named and it exists (Fleet's).
const DEFAULT_SECRET: &str = "gitcredential";

/// What a poll that a user asked for came to.
#[derive(Debug)]
pub(crate) enum Polled {
    /// The repository was looked at.
    Done,
    /// It could not be: why.
    Failed(Note),
    /// There is no such GitRepo.
    Unknown,
}

/// A reason to look at a repository before its time.
#[derive(Debug)]
pub(crate) enum Nudge {
    /// A user asked for it; answered when it was looked at.
    Now(Ref, oneshot::Sender<Polled>),
    /// The GitRepo was changed or deleted.
    Changed(Ref),
    /// A Secret of the namespace was changed.
    Secret { namespace: String, name: String },
}

/// What a change of an object means for polling.
pub(crate) fn nudge_of(event: &StoreEvent) -> Option<Nudge> {
    let object = &event.object;
    match object.kind() {
        Kind::GitRepo => {
            let generation = |object: &crate::store::Object| object.value()["metadata"]["generation"].clone();
            let same = event.event_type == EventType::Modified
                && event.previous.as_ref().is_some_and(|previous| generation(previous) == generation(object));
            let name = Ref::new(object.namespace(), object.name()).ok()?;
            (!same).then_some(Nudge::Changed(name))
        }
        Kind::Secret => Some(Nudge::Secret { namespace: object.namespace().into(), name: object.name().into() }),
        _ => None,
    }
}

/// What polling needs.
#[derive(Clone)]
pub(crate) struct Polling {
    pub(crate) resources: Resources,
    pub(crate) blobs: Blobs,
    pub(crate) machine: mpsc::UnboundedSender<Message>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) cache: PathBuf,
    /// Packages that were fetched.
    pub(crate) charts: PathBuf,
    pub(crate) allow_file: bool,
    /// Turns true when the hub stops.
    pub(crate) stop: watch::Receiver<bool>,
}

/// What is known of one GitRepo between polls.
struct Watched {
    due: Instant,
    failures: u32,
    /// A poll is under way.
    running: bool,
    /// It has to be looked at again after that.
    again: bool,
    waiting: Vec<oneshot::Sender<Polled>>,
    state: Arc<Mutex<State>>,
}

/// What a poll of one GitRepo goes on from.
#[derive(Default)]
pub(super) struct State {
    pub(super) cache: Cache,
    /// The blob with the files of each Bundle that was found last, by the Bundle's id.
    pub(super) trees: BTreeMap<fleet_api::Digest, fleet_api::Digest>,
    /// Commit of the last complete read, and [`edition`] of the GitRepo then.
    pub(super) read: Option<(String, String)>,
    /// [`branch::followed`] then.
    followed: Option<String>,
    /// A chart could not be fetched then: the same commit is read again.
    pub(super) again: bool,
}

/// The polls of one repository share what the server said, as long as it is fresh.
#[derive(Default)]
struct Shared {
    resolved: Mutex<BTreeMap<String, (Instant, Resolved)>>,
}

/// Runs until `stop` turns true.
pub(crate) async fn run(polling: Polling, mut nudges: mpsc::UnboundedReceiver<Nudge>, mut stop: watch::Receiver<bool>) {
    let mut watched: BTreeMap<Ref, Watched> = BTreeMap::new();
    let (done_to, mut done) = mpsc::unbounded_channel::<(Ref, Outcome)>();
    let permits = Arc::new(Semaphore::new(POLLS));
    let shared: Arc<Mutex<BTreeMap<String, Arc<Shared>>>> = Arc::default();
    for object in polling.resources.objects(Kind::GitRepo, None).0 {
        if let Ok(name) = Ref::new(object.namespace(), object.name()) {
            watched.insert(name, Watched::new());
        }
    }
    loop {
        start_due(&polling, &mut watched, &permits, &shared, &done_to);
        let next = watched.values().filter(|one| !one.running).map(|one| one.due).min();
        let next = next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            nudge = nudges.recv() => match nudge {
                Some(nudge) => take_nudge(&polling, &mut watched, nudge),
                None => break,
            },
            Some((name, outcome)) = done.recv() => finished(&mut watched, &name, &outcome),
            () = tokio::time::sleep_until(next) => {}
        }
    }
    // Each poll holds the store until it has ended; what it reads on a thread of its own may still write blobs, which
    // nothing refers to.
    drop(done_to);
    while done.recv().await.is_some() {}
}

impl Watched {
    fn new() -> Self {
        Self {
            due: Instant::now(),
            failures: 0,
            running: false,
            again: false,
            waiting: Vec::new(),
            state: Arc::default(),
        }
    }

    fn hurry(&mut self) {
        self.due = Instant::now();
        self.again = self.running;
    }
}

fn take_nudge(polling: &Polling, watched: &mut BTreeMap<Ref, Watched>, nudge: Nudge) {
    match nudge {
        Nudge::Now(name, reply) => match watched.get_mut(&name) {
            Some(one) => {
                one.hurry();
                one.waiting.push(reply);
            }
            // Who asked may be gone.
            None => drop(reply.send(Polled::Unknown)),
        },
        Nudge::Changed(name) => {
            let there = polling.resources.object(Kind::GitRepo, name.namespace.as_str(), name.name.as_str());
            match there {
                Some(_) => watched.entry(name).or_insert_with(Watched::new).hurry(),
                None => drop(watched.remove(&name)),
            }
        }
        Nudge::Secret { namespace, name } => {
            for (gitrepo, one) in watched.iter_mut().filter(|(gitrepo, _)| gitrepo.namespace.as_str() == namespace) {
                let found = polling.resources.get::<GitRepo>(&namespace, gitrepo.name.as_str()).ok().flatten();
                let spec = found.map(|gitrepo| gitrepo.spec).unwrap_or_default();
                let uses = &spec.client_secret_name;
                let is_used = [uses.as_str(), charts::secret_of(&spec).0].contains(&name.as_str());
                if is_used || uses.is_empty() && name == DEFAULT_SECRET {
                    one.hurry();
                }
            }
        }
    }
}

/// How a poll ended.
struct Outcome {
    interval: Duration,
    /// It failed, and may not the next time.
    failed: bool,
    /// Why it failed.
    note: Option<Note>,
}

fn finished(watched: &mut BTreeMap<Ref, Watched>, name: &Ref, outcome: &Outcome) {
    let Some(one) = watched.get_mut(name) else { return };
    one.running = false;
    one.failures = if outcome.failed { one.failures.saturating_add(1) } else { 0 };
    if std::mem::take(&mut one.again) {
        one.due = Instant::now();
        return;
    }
    let seed = fleet_api::Digest::of(format!("{name} {}", jiff::Timestamp::now()).as_bytes());
    let seed = u64::from_le_bytes(*seed.as_bytes().first_chunk().unwrap_or(&[0; 8]));
    one.due = Instant::now() + next_poll(outcome.interval, one.failures, seed);
    for reply in one.waiting.drain(..) {
        // Who asked may be gone.
        let _gone = reply.send(outcome.note.clone().map_or(Polled::Done, Polled::Failed));
    }
}

fn start_due(
    polling: &Polling,
    watched: &mut BTreeMap<Ref, Watched>,
    permits: &Arc<Semaphore>,
    shared: &Arc<Mutex<BTreeMap<String, Arc<Shared>>>>,
    done: &mpsc::UnboundedSender<(Ref, Outcome)>,
) {
    let now = Instant::now();
    for (name, one) in watched.iter_mut().filter(|(_, one)| !one.running && one.due <= now) {
        one.running = true;
        let job = Job {
            polling: polling.clone(),
            name: name.clone(),
            state: Arc::clone(&one.state),
            asked: !one.waiting.is_empty(),
            shared: Arc::clone(shared),
        };
        let (done, permits) = (done.clone(), Arc::clone(permits));
        let mut stop = polling.stop.clone();
        tokio::spawn(async move {
            let work = async {
                let _permit = permits.acquire_owned().await;
                let name = job.name.clone();
                (name, job.poll().await)
            };
            tokio::select! {
                // What was not stored is read again at the next start.
                _ = stop.wait_for(|stop| *stop) => {}
                outcome = work => {
                    // Gone only when the hub stops.
                    let _gone = done.send(outcome);
                }
            }
        });
    }
}

/// One poll of one GitRepo.
struct Job {
    polling: Polling,
    name: Ref,
    state: Arc<Mutex<State>>,
    asked: bool,
    shared: Arc<Mutex<BTreeMap<String, Arc<Shared>>>>,
}

impl Job {
    async fn poll(self) -> Outcome {
        let idle = Outcome { interval: Duration::from_secs(3600), failed: false, note: None };
        let gitrepo = self.polling.resources.get::<GitRepo>(self.name.namespace.as_str(), self.name.name.as_str());
        let gitrepo = match gitrepo {
            Ok(Some(gitrepo)) if gitrepo.metadata.deletion_timestamp.is_none() => gitrepo,
            Ok(_) => return idle,
            Err(error) => {
                let note = Note::new(Reason::Internal, error.to_string());
                self.fail(vec![note.clone()]);
                return Outcome { note: Some(note), ..idle };
            }
        };
        let interval = interval_of(&gitrepo);
        let edition = edition(&gitrepo);
        let known = {
            let state = self.state.lock().await;
            !state.again && state.read.as_ref().is_some_and(|(_, read)| *read == edition)
        };
        if gitrepo.spec.disable_polling && known && !self.asked {
            return Outcome { interval, ..idle };
        }
        self.polling.metrics.polls.inc();
        match self.look(&gitrepo, interval).await {
            // A chart that is away is not a matter of how often somebody pushes.
            Ok(true) => Outcome { interval: interval.min(DEFAULT_INTERVAL), failed: true, note: None },
            Ok(false) => Outcome { interval, ..idle },
            Err(failure) => {
                self.polling.metrics.failed_polls.inc();
                let Failure { note, transient } = failure;
                tracing::warn!(gitrepo = %self.name, error = note.message, "a repository could not be read");
                self.fail(vec![note.clone()]);
                Outcome { interval, failed: transient, note: Some(note) }
            }
        }
    }

    fn fail(&self, notes: Vec<Note>) {
        // Gone only when the hub stops.
        let _gone = self.polling.machine.send(Message::ReadFailed(self.name.clone(), notes));
    }

    /// Reads what is new. Gives whether there is more to be had of the same commit.
    async fn look(&self, gitrepo: &GitRepo, interval: Duration) -> Result<bool, Failure> {
        let spec = &gitrepo.spec;
        let policy = Policy { allow_file: self.polling.allow_file, ..Policy::default() };
        let remote = Remote::parse(&spec.repo, &policy).map_err(Failure::git)?;
        let access = access::of(&self.polling.resources, &self.name, spec).await?;
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let reference = Reference::from_spec(text(&spec.branch).as_deref(), text(&spec.revision).as_deref());
        let cache = self.polling.cache.clone();
        crate::private::create_dir(&cache).map_err(|error| Failure::disk(format!("{}: {error}", cache.display())))?;
        let repository = Repository::open(&cache, &remote).map_err(Failure::git)?;
        let resolved =
            self.resolve(&repository, &remote, &access.access, &access.identity, &reference, interval).await?;
        let commit = resolved.commit.to_string();
        let mut state = self.state.lock().await;
        if state.read.as_ref() == Some(&(commit.clone(), edition(gitrepo))) && !state.again {
            // All is as it was: what failed before does not any more.
            self.fail(Vec::new());
            return Ok(false);
        }
        let limits = Limits::default();
        let reader = self.name.to_string();
        let fetched =
            repository.fetch(&remote, &access.access, &resolved, &limits, &reader).await.map_err(Failure::git)?;
        let tree = repository.tree(fetched.commit, &limits).await.map_err(Failure::git)?;
        let mut notes = Vec::new();
        let source = (&repository, &remote, &access.access, &limits);
        let before = branch::before(source, &fetched, state.followed.as_deref(), gitrepo).await;
        let before = before.map_err(Failure::git)?;
        let rewound = branch::went_back(before.ancestry, state.followed.as_deref(), gitrepo);
        if before.forced() {
            let message = branch::message(&before, &reference, rewound, self.name.name.as_str());
            notes.push(Note::new(Reason::ForcePushed, message));
        }
        let present = self.directories().await;
        let own = (remote, access.access);
        let reading = reading::Reading { name: &self.name, gitrepo, commit: &commit, own, present, notes, rewound };
        let again = reading.read(tree, &self.polling, &mut state).await?;
        // Only now, as it is in the store: a hub that ends before compares the next commit with the one before this, too.
        repository.taken(&resolved, &reader).await.map_err(Failure::git)?;
        state.read = Some((commit, edition(gitrepo)));
        state.followed = Some(branch::followed(gitrepo));
        state.again = again;
        Ok(again)
    }

    /// The directories of the GitRepo's Bundles.
    async fn directories(&self) -> BTreeSet<String> {
        let (reply, answer) = oneshot::channel();
        if self.polling.machine.send(Message::Directories(self.name.clone(), reply)).is_err() {
            return BTreeSet::new();
        }
        answer.await.unwrap_or_default()
    }

    /// What the reference points to. GitRepos of one repository and one access ask once.
    async fn resolve(
        &self,
        repository: &Repository,
        remote: &Remote,
        access: &Access,
        identity: &str,
        reference: &Reference,
        interval: Duration,
    ) -> Result<Resolved, Failure> {
        let key = format!("{} {identity}", remote.canonical());
        let shared = Arc::clone(self.shared.lock().await.entry(key).or_default());
        let mut resolved = shared.resolved.lock().await;
        let fresh = interval.min(DEFAULT_INTERVAL) / 2;
        let name = reference.to_string();
        if let Some((at, known)) = resolved.get(&name)
            && at.elapsed() < fresh
            && !self.asked
        {
            return Ok(known.clone());
        }
        let new = repository.resolve(remote, access, reference).await.map_err(Failure::git)?;
        resolved.retain(|_, (at, _)| at.elapsed() < fresh);
        resolved.insert(name, (Instant::now(), new.clone()));
        Ok(new)
    }
}

/// A text that changes with the spec of a GitRepo, and for one that is made anew under the same name.
pub(super) fn edition(gitrepo: &GitRepo) -> String {
    let metadata = &gitrepo.metadata;
    format!("{} {}", metadata.uid.as_deref().unwrap_or_default(), metadata.generation.unwrap_or_default())
}

fn interval_of(gitrepo: &GitRepo) -> Duration {
    let asked = fleet_api::duration::parse(&gitrepo.spec.polling_interval).filter(|asked| !asked.is_zero());
    asked.unwrap_or(DEFAULT_INTERVAL).max(Duration::from_secs(1))
}

/// Why a poll came to nothing.
pub(super) struct Failure {
    pub(super) note: Note,
    /// It may pass by itself.
    pub(super) transient: bool,
}

impl Failure {
    pub(super) fn internal(message: String) -> Self {
        Self { note: Note::new(Reason::Internal, message), transient: true }
    }

    /// The hub's disk did not take something.
    pub(super) fn disk(message: String) -> Self {
        Self { note: Note::new(Reason::HubDiskFailing, message), transient: true }
    }

    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(super) fn git(error: Error) -> Self {
        Self { note: Note::new(error.reason(), error.to_string()), transient: error.is_transient() }
    }
}

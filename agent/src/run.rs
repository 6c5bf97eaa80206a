//! The loop of one agent: events in, decide, perform, sleep until something happens. One task; nothing else decides.
//!
//! Invariant: the machine sees everything in one order, and nothing is written by an instance that does not hold the
//! Lease.

use crate::api::Api;
use crate::cache::Cache;
use crate::execute::{Done, Tools};
use crate::facts;
use crate::identity::{Enrolled, Identity, IdentityError};
use crate::lease::{self, Lease};
use crate::link::{Hub, LinkError};
use crate::state::{self, Document, StateError};
use crate::watch::{Sighting, Watched, watch};
use crate::{Config, Connect};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::names::ClusterUid;
use fleet_api::wire::{EnrollRequest, EnrollResponse, EnrollmentToken, Facts, Have, PROTOCOL, Report, SyncResponse};
use fleet_api::{Digest, Note, ObjectKey, Reason};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;
use skiff_planner::agent::{
    Action, Courier, DESIRED_DOCUMENT, Decision, Event, GroupKind, LEDGER_DOCUMENT, Live, Machine, Restored, Rules,
    Source, encode_desired, encode_ledger, ensure_key,
};
use skiff_wire::decode;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// How many requests to the API server are under way at once.
const CONCURRENCY: usize = 24;
/// How many objects of watches wait to be looked at.
const SIGHTINGS: usize = 16;
/// How many events are taken in before the next decision.
const BATCH: usize = 256;
/// How long the hub is not asked after it sent what was refused.
const REFUSED: Duration = Duration::from_secs(20);
/// After this time a report is sent though the picture is not complete.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why an agent has ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is no identity.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The state cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The API server.
    #[error("{0}")]
    Api(#[from] crate::api::ApiError),
    /// The hub said no to the enrollment.
    #[error("the cluster cannot be enrolled: {0}")]
    Enrollment(LinkError),
    /// The hub cannot be used at all.
    #[error("{0}")]
    Link(LinkError),
    /// The signing key is not the one that the token named.
    #[error("the hub gave a signing key that is not the one in the token")]
    SigningKey,
    /// The cache directory cannot be used.
    #[error("the state directory cannot be used: {0}")]
    Cache(#[from] std::io::Error),
    /// Another instance has taken over, or the state that this one goes by is not the cluster's any more.
    #[error("this process of the agent ends, and the next one goes on from what is in the cluster: {0}")]
    Superseded(String),
}

impl RunError {
    /// Whether it may go away by itself: an API server that starts (it refuses everybody until it has read who may do
    /// what), or is too busy.
    fn is_passing(&self) -> bool {
        let error = match self {
            Self::Api(error) | Self::Identity(IdentityError::Api(error)) => error,
            Self::State(StateError::Api { error, .. }) => error,
            Self::Identity(_)
            | Self::State(_)
            | Self::Enrollment(_)
            | Self::Link(_)
            | Self::SigningKey
            | Self::Cache(_)
            | Self::Superseded(_) => return false,
        };
        error.code().is_none_or(|code| matches!(code, 401 | 403 | 429) || code >= 500)
    }
}

/// Runs the agent until `shutdown`, or until another instance takes over.
///
/// # Errors
/// Why it ended before `shutdown`.
pub async fn run(
    config: Config,
    client: kube::Client,
    connect: Connect,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    let api = Api::new(client);
    let mut lease = Lease::new(config.holder.clone());
    let work = async {
        patiently("the agent's namespace", || state::ensure_namespace(&api)).await;
        hold_lease(&mut lease, &api, &config).await;
        let kube_system = kube_system_uid(&api).await;
        let mut agent = loop {
            match Agent::begin(&config, &api, &connect, &kube_system).await {
                Err(error) if error.is_passing() => tracing::warn!(%error, "starting: trying again"),
                result => break result?,
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        };
        still_held(&mut lease, &api, &config).await?;
        agent.main_loop(&mut lease).await
    };
    let result = tokio::select! {
        result = work => result,
        () = shutdown => Ok(()),
    };
    if result.is_ok() {
        drop(tokio::time::timeout(Duration::from_secs(2), lease.release(&api)).await);
    }
    result
}

/// Tries until it works: a cluster that starts is not there yet.
async fn patiently<T, F: Future<Output = Result<T, crate::api::ApiError>>>(
    what: &str,
    mut each: impl FnMut() -> F,
) -> T {
    let mut pause = Duration::from_millis(250);
    loop {
        match each().await {
            Ok(value) => return value,
            Err(error) => tracing::warn!(%error, "{what}: trying again"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(15));
    }
}

async fn hold_lease(lease: &mut Lease, api: &Api, config: &Config) {
    loop {
        match lease.acquire(api, (config.clock)()).await {
            Ok(true) => return,
            Ok(false) => tracing::info!("another instance holds the lease; standing by"),
            Err(error) => tracing::warn!(%error, "the lease cannot be had; trying again"),
        }
        tokio::time::sleep(lease::STAND_BY.min(Duration::from_secs(15))).await;
    }
}

/// Enrollment may have taken longer than the Lease is good: what was read of the state counts only while it is held.
async fn still_held(lease: &mut Lease, api: &Api, config: &Config) -> Result<(), RunError> {
    loop {
        match lease.acquire(api, (config.clock)()).await {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(RunError::Superseded("another instance holds the lease".into())),
            Err(error) => tracing::warn!(%error, "the lease cannot be renewed; trying again"),
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

async fn kube_system_uid(api: &Api) -> String {
    let namespace = patiently("namespace kube-system", || api.get("/api/v1/namespaces/kube-system")).await;
    namespace["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// The identity, enrolled. The hub is asked where there is none yet, and where the token is one that was not used yet:
/// then the cluster was removed at the hub, or moves to another one.
async fn enroll(
    config: &Config,
    api: &Api,
    connect: &Connect,
    kube_system_uid: &str,
) -> Result<(Identity, Enrolled, Arc<dyn Hub>), RunError> {
    let known = Identity::read(api).await?;
    let identity = match (known.clone(), &config.token) {
        (Some(identity), None) => identity,
        (Some(identity), Some(token)) if identity.enrolled.is_some() && identity.is_of(token) => identity,
        (Some(identity), Some(token)) => identity.for_token(token),
        (None, Some(token)) => Identity::generate(token)?,
        (None, None) => return Err(IdentityError::NotEnrolled.into()),
    };
    let connected = connect(&identity, config.hub.as_deref()).map_err(RunError::Link)?;
    if let Some(enrolled) = identity.enrolled.clone() {
        return Ok((identity, enrolled, connected));
    }
    let Some(token) = &config.token else { return Err(IdentityError::NotEnrolled.into()) };
    let before = known.filter(|identity| identity.enrolled.is_some());
    let asking = Asking { config, api, token, hub: &*connected, kube_system_uid, once: before.is_some() };
    match (asking.enroll(identity).await, before) {
        (Ok((identity, enrolled)), _) => Ok((identity, enrolled, connected)),
        (Err(RunError::Enrollment(error)), Some(identity)) => {
            tracing::warn!(%error, "the new token is not used; going on with the identity that there is");
            let enrolled = identity.enrolled.clone().ok_or(IdentityError::NotEnrolled)?;
            let connected = connect(&identity, config.hub.as_deref()).map_err(RunError::Link)?;
            Ok((identity, enrolled, connected))
        }
        (Err(error), _) => Err(error),
    }
}

/// An enrollment. With an identity to fall back on there is one attempt.
struct Asking<'a> {
    config: &'a Config,
    api: &'a Api,
    token: &'a EnrollmentToken,
    hub: &'a dyn Hub,
    kube_system_uid: &'a str,
    once: bool,
}

impl Asking<'_> {
    async fn enroll(&self, mut identity: Identity) -> Result<(Identity, Enrolled), RunError> {
        if !self.once {
            // The key is on record before it is enrolled: a lost answer can be asked for again with it.
            identity.write(self.api).await?;
        }
        let response = self.ask().await?;
        let signing_key = STANDARD.decode(&response.signing_key).map_err(|_| RunError::SigningKey)?;
        if Digest::of(&signing_key) != self.token.signing_key {
            return Err(RunError::SigningKey);
        }
        let enrolled = Enrolled { cluster: response.identity, signing_key };
        tracing::info!(cluster = %enrolled.cluster.cluster, uid = %enrolled.cluster.uid, "enrolled");
        identity.enrolled = Some(enrolled.clone());
        identity.write(self.api).await?;
        Ok((identity, enrolled))
    }

    async fn ask(&self) -> Result<EnrollResponse, RunError> {
        let request = EnrollRequest {
            protocol: PROTOCOL,
            secret: self.token.secret.clone(),
            name: self.config.name.clone(),
            kube_system_uid: self.kube_system_uid.to_owned(),
            claimed_labels: self.config.claimed_labels.clone(),
        };
        let mut pause = Duration::from_secs(1);
        loop {
            match self.hub.enroll(request.clone()).await {
                Ok(response) => return Ok(response),
                Err(LinkError::Refused { status: 429, message, .. }) if !self.once => {
                    tracing::warn!("{message}; trying again");
                }
                Err(error @ LinkError::Refused { status: 400..=499, .. }) => return Err(RunError::Enrollment(error)),
                Err(error) if self.once => return Err(RunError::Enrollment(error)),
                Err(error) => tracing::warn!(%error, "enrollment: trying again"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(60));
        }
    }
}

struct Agent {
    tools: Tools,
    machine: Machine,
    courier: Courier,
    signing_key: Vec<u8>,
    kube_system: String,
    facts: Facts,
    desired: Vec<u8>,
    /// What came and is not accepted or persisted yet.
    pending: Option<(Digest, Vec<u8>)>,
    documents: Arc<tokio::sync::Mutex<Documents>>,
    queue: VecDeque<Action>,
    running: FuturesUnordered<BoxFuture<'static, Done>>,
    watches: BTreeMap<GroupKind, (Watched, AbortHandle)>,
    watchers: JoinSet<()>,
    sightings: (mpsc::Sender<Sighting>, mpsc::Receiver<Sighting>),
    watched_revision: Option<u64>,
    sync: Option<BoxFuture<'static, Result<SyncResponse, LinkError>>>,
    link_note: Option<Note>,
    last_report: Report,
    /// The last report as it is, where messages were left out of it.
    withheld: Option<Report>,
    /// Which values it is without.
    scrubbed: u64,
    settled: bool,
    reported: bool,
    wake_at: Option<fleet_api::wire::Timestamp>,
    /// When what the API server serves is read again.
    facts_due: Instant,
    started: Instant,
    collect_garbage: bool,
}

struct Documents {
    desired: Document,
    ledger: Document,
}

impl Agent {
    async fn begin(config: &Config, api: &Api, connect: &Connect, kube_system: &str) -> Result<Self, RunError> {
        let (identity, enrolled, hub) = enroll(config, api, connect, kube_system).await?;
        Self::start(config, api.clone(), &identity, enrolled, hub, kube_system.to_owned()).await
    }

    async fn start(
        config: &Config,
        api: Api,
        identity: &Identity,
        enrolled: Enrolled,
        hub: Arc<dyn Hub>,
        kube_system_uid: String,
    ) -> Result<Self, RunError> {
        let cluster = enrolled.cluster.uid.clone();
        let directory = config.state_dir.as_ref().map(|directory| directory.join(cluster.as_str()));
        let cache = Arc::new(Cache::open(directory.as_deref(), &identity.cache_key)?);
        let mut documents = Documents {
            desired: Document::new(DESIRED_DOCUMENT, config.rules),
            ledger: Document::new(LEDGER_DOCUMENT, config.rules),
        };
        let Restored { persisted, desired, .. } =
            restore(config.rules, &mut documents, &api, &cluster, &kube_system_uid).await?;
        let facts = Facts {
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            kubernetes_version: patiently("/version", || facts::kubernetes_version(&api)).await,
            api_versions: patiently("/apis", || facts::api_versions_at_start(&api)).await,
            claimed_labels: config.claimed_labels.clone(),
        };
        let mut machine = Machine::new(config.rules, cluster.clone(), persisted);
        machine.observe(Event::BlobsPresent { digests: cache.list() });
        let now = Instant::now();
        let courier =
            Courier::new(cluster.clone(), kube_system_uid.clone(), instance(), config.poll_interval, Duration::ZERO);
        let tools = Tools {
            api,
            cache,
            hub,
            cluster,
            rules: config.rules,
            clock: config.clock.clone(),
            values: Arc::default(),
            renderer: config.renderer.clone(),
        };
        Ok(Self {
            tools,
            machine,
            courier,
            signing_key: enrolled.signing_key,
            kube_system: kube_system_uid,
            facts,
            desired,
            pending: None,
            documents: Arc::new(tokio::sync::Mutex::new(documents)),
            queue: VecDeque::new(),
            running: FuturesUnordered::new(),
            watches: BTreeMap::new(),
            watchers: JoinSet::new(),
            sightings: mpsc::channel(SIGHTINGS),
            watched_revision: None,
            sync: None,
            link_note: None,
            last_report: Report::default(),
            withheld: None,
            scrubbed: 0,
            settled: false,
            reported: false,
            wake_at: None,
            facts_due: now + facts::PERIOD,
            started: now,
            collect_garbage: true,
        })
    }

    async fn main_loop(&mut self, lease: &mut Lease) -> Result<(), RunError> {
        let mut renew_at = Instant::now() + lease::RENEW;
        let mut renewed = (self.tools.clock)();
        loop {
            let decision = self.machine.decide((self.tools.clock)());
            self.take(decision);
            let wake = self.next_wake().min(renew_at);
            tokio::select! {
                biased;
                Some(done) = self.running.next(), if !self.running.is_empty() => self.done(done)?,
                Some(sighting) = self.sightings.1.recv() => self.sighted(sighting),
                answer = poll_optional(&mut self.sync) => {
                    self.sync = None;
                    self.answered(answer);
                }
                () = self.tools.api.reach().changed() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
            self.drain()?;
            if Instant::now() >= renew_at {
                let now = (self.tools.clock)();
                match lease.acquire(&self.tools.api, now).await {
                    Ok(true) => renewed = now,
                    Ok(false) => return Err(RunError::Superseded("another instance holds the lease".into())),
                    Err(error) if now.duration_since(renewed) > Lease::duration() => {
                        return Err(RunError::Superseded(format!("the lease ran out: {error}")));
                    }
                    Err(error) => tracing::warn!(%error, "the lease cannot be renewed; trying again"),
                }
                renew_at = Instant::now() + if renewed == now { lease::RENEW } else { Duration::from_secs(5) };
            }
        }
    }

    /// Takes in what is there already, so that one decision serves all of it.
    fn drain(&mut self) -> Result<(), RunError> {
        for _ in 0..BATCH {
            if let Some(Some(done)) = self.running.next().now_or_never() {
                self.done(done)?;
            } else if let Ok(sighting) = self.sightings.1.try_recv() {
                self.sighted(sighting);
            } else {
                break;
            }
            self.start_queued();
        }
        Ok(())
    }

    fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let mut wake = (now + Duration::from_secs(600)).min(self.facts_due.max(now));
        if let Some(at) = self.wake_at {
            let pause = at.duration_since((self.tools.clock)());
            wake = wake.min(now + Duration::try_from(pause).unwrap_or(Duration::ZERO));
        }
        wake = self.tools.api.reach().due().map_or(wake, |due| wake.min(due));
        if self.sync.is_none() && self.machine.pending().is_none() {
            wake = wake.min((self.started + self.courier.next_at).max(now));
        }
        if let Some(news) = self.courier.news_at(self.is_settled()) {
            let may_talk = self.sync.is_none() || self.courier.under_way.is_some_and(|(_, wait)| wait > 0);
            if may_talk && self.may_tell() {
                wake = wake.min(self.started + news.max(self.courier.next_at));
            }
        }
        if !self.settled {
            let patient_until = self.started + PATIENCE;
            if now < patient_until {
                wake = wake.min(patient_until);
            }
        }
        wake
    }

    fn is_settled(&self) -> bool {
        self.settled || self.started.elapsed() >= PATIENCE
    }

    fn take(&mut self, decision: Decision) {
        self.wake_at = decision.wake_at;
        self.settled = decision.settled && decision.actions.is_empty() && self.running.is_empty();
        if let Some(report) = decision.report {
            self.last_report = self.without_values(report);
        }
        self.queue.extend(decision.actions);
        self.start_queued();
        if Instant::now() >= self.facts_due {
            self.facts_due = Instant::now() + facts::PERIOD;
            self.running.push(self.tools.clone().read_api_versions().boxed());
        }
        self.update_watches();
        self.collect_garbage();
        if self.scrubbed != self.tools.values.revision() {
            let report = self.withheld.take().unwrap_or_else(|| std::mem::take(&mut self.last_report));
            self.last_report = self.without_values(report);
        }
        // Before the picture is complete for the first time, a report would take back what was told before the restart.
        if self.is_settled() || self.reported {
            self.reported = true;
            let mut report = self.last_report.clone();
            report.facts = self.facts.clone();
            report.notes.extend(self.link_note.clone());
            report.notes.extend(self.tools.cache.trouble().map(|why| Note::new(Reason::DiskFailing, why)));
            let away = self.tools.api.reach().trouble();
            report.notes.extend(away.map(|why| Note::new(Reason::ApiServerUnreachable, why)));
            self.courier.report(report, self.started.elapsed());
        }
        self.talk();
    }

    fn without_values(&mut self, report: Report) -> Report {
        self.scrubbed = self.tools.values.revision();
        self.withheld = self.tools.values.is_withholding().then(|| report.clone());
        self.tools.values.scrub(report)
    }

    /// Lets go of what nothing needs any more.
    fn collect_garbage(&mut self) {
        if !(self.settled && std::mem::take(&mut self.collect_garbage)) {
            return;
        }
        let needed = self.machine.needed_blobs();
        self.tools.values.keep_only(&needed);
        self.tools.cache.keep_only(&needed);
    }

    /// Begins, or interrupts, the conversation with the hub.
    fn talk(&mut self) {
        let now = self.started.elapsed();
        let settled = self.is_settled();
        if self.sync.is_some() && self.courier.interrupts(settled, now) {
            self.sync = None;
            self.courier.dropped();
        }
        if self.sync.is_some() || now < self.courier.next_at {
            return;
        }
        let has_news = self.courier.news_at(settled).is_some_and(|at| at <= now);
        if self.machine.pending().is_some() && !(has_news && self.may_tell()) {
            return;
        }
        let have = self.machine.have().map(|(version, digest)| Have { version, digest });
        let request = self.courier.request(have, settled, now);
        let hub = self.tools.hub.clone();
        self.sync = Some(async move { hub.sync(request).await }.boxed());
    }

    /// What is being written is told as had only when it is; where that cannot be, the hub is told why.
    fn may_tell(&self) -> bool {
        self.machine.pending().is_none() || self.tools.api.reach().trouble().is_some()
    }

    fn start_queued(&mut self) {
        while self.running.len() < CONCURRENCY {
            let Some(action) = self.queue.pop_front() else { return };
            let tools = self.tools.clone();
            let work = match action {
                Action::SaveDesired { digest } => self.save_desired(digest),
                Action::Journal { .. } => self.journal(),
                Action::Fetch { wants } => tools.fetch(wants).boxed(),
                Action::Discover { kinds } => tools.discover(kinds).boxed(),
                Action::Read { target } => tools.read(target).boxed(),
                Action::ReadValues(read) => tools.read_values(read, &self.facts).boxed(),
                Action::Render { deployment, values } => tools.render(deployment, values).boxed(),
                Action::EnsureNamespace(ensure) => tools.ensure_namespace(ensure).boxed(),
                Action::Apply(apply) => tools.apply(apply).boxed(),
                Action::RemoveKeys(remove) => tools.remove_keys(remove).boxed(),
                Action::Delete(delete) => tools.delete(delete).boxed(),
            };
            self.running.push(work);
        }
    }

    fn save_desired(&mut self, digest: Digest) -> BoxFuture<'static, Done> {
        let Some((_, bytes)) = self.pending.as_ref().filter(|(pending, _)| *pending == digest) else {
            return futures::future::ready(Done::Events(Vec::new())).boxed();
        };
        let mark = self.machine.pending().map(|(version, _)| version).unwrap_or_default().max(self.machine.mark());
        let document = encode_desired(&self.tools.cluster, &self.kube_system, mark, digest, bytes);
        let (documents, api) = (self.documents.clone(), self.tools.api.clone());
        async move {
            // Nothing goes on without it: it is the high-water mark.
            loop {
                match state::write(&mut documents.lock().await.desired, &api, &document).await {
                    Ok(()) => return Done::Written(Event::DesiredSaved { digest }),
                    Err(error @ StateError::Superseded(_)) => return Done::Superseded(error.to_string()),
                    Err(error) => tracing::warn!(%error, "the desired state cannot be kept; trying again"),
                }
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        }
        .boxed()
    }

    fn journal(&self) -> BoxFuture<'static, Done> {
        let revision = self.machine.ledger_revision();
        let document = encode_ledger(self.machine.ledger());
        let (documents, tools) = (self.documents.clone(), self.tools.clone());
        async move {
            match state::write(&mut documents.lock().await.ledger, &tools.api, &document).await {
                Ok(()) => Done::Written(Event::Journaled { revision }),
                Err(error @ StateError::Superseded(_)) => Done::Superseded(error.to_string()),
                Err(error) => {
                    let at = (tools.clock)();
                    Done::Events(vec![Event::JournalFailed { message: error.to_string(), at }])
                }
            }
        }
        .boxed()
    }

    fn done(&mut self, done: Done) -> Result<(), RunError> {
        match done {
            Done::Events(events) => {
                // What it made before is not needed any more.
                self.collect_garbage |= events.iter().any(|event| matches!(event, Event::Rendered { .. }));
                events.into_iter().for_each(|event| self.machine.observe(event));
            }
            Done::Read(key, object) => {
                let live = object.map(|object| Box::new(self.look_at(&key, *object)));
                let at = (self.tools.clock)();
                self.machine.observe(Event::Object { key, live, source: Source::Read, at });
            }
            Done::Applied(apply, answer, keep) => {
                if facts::changes_api_versions(&apply.target.key) {
                    self.facts_due = self.facts_due.min(Instant::now() + facts::SETTLING);
                }
                let at = (self.tools.clock)();
                self.machine.observe(self.machine.look_at_applied(*apply, &answer, keep, at));
            }
            Done::Written(event) => {
                if let Event::DesiredSaved { digest } = event {
                    if let Some((_, bytes)) = self.pending.take_if(|(pending, _)| *pending == digest) {
                        self.desired = bytes;
                    }
                    self.collect_garbage = true;
                }
                self.machine.observe(event);
            }
            Done::Served(versions) => self.facts.api_versions = versions,
            Done::Superseded(why) => return Err(RunError::Superseded(why)),
        }
        Ok(())
    }

    fn sighted(&mut self, sighting: Sighting) {
        match sighting {
            Sighting::Object(key, object) => {
                let live = Some(Box::new(self.look_at(&key, *object)));
                let at = (self.tools.clock)();
                self.machine.observe(Event::Object { key, live, source: Source::Watch, at });
            }
            Sighting::Deleted(key) => self.machine.observe(Event::Suspect { key }),
            Sighting::Listed(kind, seen) => self.machine.observe(Event::Listed { kind, seen }),
        }
    }

    fn look_at(&self, key: &ObjectKey, object: Value) -> Live {
        self.machine.look_at(key, object, |digest| self.tools.cache.read(digest))
    }

    /// R12: what was decided before the fence and has not begun is not done.
    fn drop_queued_writes(&mut self) {
        for action in std::mem::take(&mut self.queue) {
            let key = match action {
                Action::Apply(apply) => apply.target.key,
                Action::RemoveKeys(remove) => remove.target.key,
                Action::Delete(delete) => delete.target.key,
                Action::EnsureNamespace(ensure) => ensure_key(&ensure.bundle, &ensure.namespace),
                action @ (Action::SaveDesired { .. }
                | Action::Journal { .. }
                | Action::Fetch { .. }
                | Action::Discover { .. }
                | Action::ReadValues(_)
                | Action::Render { .. }
                | Action::Read { .. }) => {
                    self.queue.push_back(action);
                    continue;
                }
            };
            self.machine.observe(Event::Touched { key, repaired: false, at: (self.tools.clock)() });
        }
    }

    fn update_watches(&mut self) {
        let revision = self.machine.watch_revision();
        if self.watched_revision == Some(revision) {
            return;
        }
        self.watched_revision = Some(revision);
        let wanted = self.machine.watched();
        let stop: Vec<GroupKind> = self.watches.keys().filter(|kind| !wanted.contains_key(*kind)).cloned().collect();
        for kind in stop {
            if let Some((_, handle)) = self.watches.remove(&kind) {
                handle.abort();
            }
            self.machine.observe(Event::Unwatched { kind });
        }
        for (kind, (version, plural)) in wanted {
            let watched = Watched { kind: kind.clone(), version, plural };
            if self.watches.get(&kind).is_some_and(|(running, _)| *running == watched) {
                continue;
            }
            if let Some((_, handle)) = self.watches.remove(&kind) {
                handle.abort();
            }
            let (api, cluster) = (self.tools.api.clone(), self.tools.cluster.clone());
            let handle = self.watchers.spawn(watch(api, watched.clone(), cluster, self.sightings.0.clone()));
            self.watches.insert(kind, (watched, handle));
        }
        while self.watchers.try_join_next().is_some() {}
    }

    fn answered(&mut self, answer: Result<SyncResponse, LinkError>) {
        let now = self.started.elapsed();
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                let refused = matches!(&error, LinkError::Refused { status: 401 | 403, .. });
                tracing::warn!(%error, "the hub is not heard");
                let reason = match &error {
                    LinkError::AnotherHub { .. } => Reason::HubIdentityChanged,
                    LinkError::Refused { reason, .. } => {
                        let named = Reason::ALL.iter().find(|known| known.as_str() == reason);
                        named.copied().unwrap_or(if refused { Reason::Revoked } else { Reason::HubUnreachable })
                    }
                    LinkError::Unreachable(_) => Reason::HubUnreachable,
                };
                if reason != Reason::HubUnreachable {
                    self.link_note = Some(Note::new(reason, error.to_string()));
                }
                return self.courier.failed(refused, now);
            }
        };
        self.link_note = None;
        self.courier.answered(&response, now);
        self.machine.observe(Event::Fenced(response.fenced));
        if response.fenced {
            self.drop_queued_writes();
        }
        let Some(envelope) = &response.desired else { return };
        if self.pending.as_ref().is_some_and(|(digest, _)| *digest == envelope.digest) {
            return;
        }
        let base = (!self.desired.is_empty()).then_some(self.desired.as_slice());
        match decode::open_envelope(self.tools.rules, envelope, base, &self.signing_key) {
            Ok((bytes, desired)) => {
                tracing::info!(version = %desired.version, deployments = desired.deployments.len(), "a desired state");
                self.pending = Some((envelope.digest, bytes));
                self.machine.observe(Event::Desired { desired: Box::new(desired), digest: envelope.digest });
                if self.machine.pending().is_none_or(|(_, digest)| digest != envelope.digest) {
                    // Refused; the hub will offer it again.
                    self.pending = None;
                    self.courier.next_at = now + REFUSED;
                }
            }
            Err(note) => {
                tracing::warn!("{}", note.message);
                self.link_note = Some(note);
                self.courier.next_at = now + REFUSED;
            }
        }
    }
}

/// What the Secrets hold.
async fn restore(
    rules: Rules,
    documents: &mut Documents,
    api: &Api,
    cluster: &ClusterUid,
    kube_system: &str,
) -> Result<Restored, RunError> {
    let desired = state::read(&mut documents.desired, api).await?;
    let ledger = state::read(&mut documents.ledger, api).await?;
    let restored = skiff_planner::agent::restore(rules, cluster, kube_system, desired.as_deref(), ledger.as_deref())
        .map_err(|broken| StateError::Broken(broken.document.into(), broken.why))?;
    if restored.begins_anew {
        state::write(&mut documents.ledger, api, &encode_ledger(&restored.persisted.ledger)).await?;
    }
    Ok(restored)
}

async fn poll_optional<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => futures::future::pending().await,
    }
}

/// Random for each process.
fn instance() -> String {
    let mut bytes = [0; 8];
    // Without randomness a restart looks like a repeated request; the hub grants a counter all the same.
    if SystemRandom::new().fill(&mut bytes).is_err() {
        tracing::warn!("no randomness for the name of this process");
    }
    hex::encode(bytes)
}

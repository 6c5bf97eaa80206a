//! An agent without a cluster: it enrolls, polls, fetches, verifies and reports Ready at once, over the real wire.
//!
//! Documents and blobs are verified with the code of the real agent. What it has fetched is shared by all virtual agents
//! of the process, as a place to keep it and not as a way around the wire: each asks the hub for all that it lacks.

use crate::Result;
use crate::connection::{self, Connection, Counter};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::wire::{
    BlobsRequest, ClusterIdentity, Deployment, DeploymentReport, Desired, DesiredEnvelope, EnrollRequest,
    EnrollResponse, Facts, Have, PROTOCOL, Report, SyncRequest, SyncResponse,
};
use fleet_api::{Digest, ObjectKey};
use rustls::ClientConfig;
use serde::Serialize;
use serde::de::DeserializeOwned;
use skiff_planner::agent::Rules;
use skiff_wire::decode;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// What the virtual agents of this process have fetched.
pub(crate) type Fetched = Arc<Mutex<BTreeMap<Digest, Arc<Vec<u8>>>>>;

/// How far one of them is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// It has its start counter, its first report was acknowledged, and it waits for news.
    pub(crate) idle: bool,
    /// Polls that were answered with nothing.
    pub(crate) polls: u64,
    /// Deployments in the newest acknowledged report, all of them Ready.
    pub(crate) ready: usize,
    /// The document that the newest acknowledged report is about.
    pub(crate) document: Option<Digest>,
    /// Why it gave up.
    pub(crate) failure: Option<String>,
}

/// An enrolled agent.
pub(crate) struct VirtualAgent {
    hub: String,
    config: Arc<ClientConfig>,
    identity: ClusterIdentity,
    signing_key: Vec<u8>,
    kube_system_uid: String,
}

impl VirtualAgent {
    /// Enrolls with a token, over a connection that is closed again.
    pub(crate) async fn enroll(token: &str) -> Result<Self> {
        let token = skiff_agent::identity::parse_token(token)?;
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::new(Vec::new())?.self_signed(&key)?;
        let config = connection::config(token.hub_key, certificate.der(), &key.serialize_der())?;
        let kube_system_uid = Digest::of(certificate.der()).short();
        let mut connection = Connection::open(&token.hub, Arc::clone(&config), Arc::default()).await?;
        let request = EnrollRequest {
            protocol: PROTOCOL,
            secret: token.secret,
            name: None,
            kube_system_uid: kube_system_uid.clone(),
            claimed_labels: BTreeMap::new(),
        };
        let response: EnrollResponse = ask(&mut connection, "/v1/enroll", &request).await?;
        let signing_key = STANDARD.decode(&response.signing_key)?;
        if Digest::of(&signing_key) != token.signing_key {
            return Err("the hub signs with another key than the token says".into());
        }
        Ok(Self { hub: token.hub, config, identity: response.identity, signing_key, kube_system_uid })
    }

    /// Polls for ever, each time for up to `wait` seconds.
    pub(crate) async fn run(
        &self,
        wait: u32,
        fetched: Fetched,
        counter: Arc<Counter>,
        told: &watch::Sender<Told>,
    ) -> Result<()> {
        let connection = Connection::open(&self.hub, Arc::clone(&self.config), counter).await?;
        let mut session = Session::new(self, connection, fetched);
        loop {
            session.poll(wait, told).await?;
        }
    }
}

/// One connected agent.
struct Session<'a> {
    agent: &'a VirtualAgent,
    connection: Connection,
    fetched: Fetched,
    /// What this agent has fetched.
    mine: BTreeSet<Digest>,
    start: Option<u64>,
    sequence: u64,
    document: Option<(Have, Vec<u8>)>,
    deployments: BTreeMap<String, (Digest, Deployment)>,
    report: Report,
    acknowledged: Option<Report>,
}

impl<'a> Session<'a> {
    fn new(agent: &'a VirtualAgent, connection: Connection, fetched: Fetched) -> Self {
        let facts = Facts { agent_version: "bench".into(), kubernetes_version: "v1.36.3".into(), ..Facts::default() };
        Self {
            agent,
            connection,
            fetched,
            mine: BTreeSet::new(),
            start: None,
            sequence: 0,
            document: None,
            deployments: BTreeMap::new(),
            report: Report { facts, ..Report::default() },
            acknowledged: None,
        }
    }

    /// One sync, and what follows from its answer.
    async fn poll(&mut self, wait: u32, told: &watch::Sender<Told>) -> Result<()> {
        let delta = match self.start {
            Some(_) => self.report.delta_from(self.acknowledged.as_ref(), self.sequence + 1),
            None => None,
        };
        let tells = delta.is_some();
        self.sequence += u64::from(tells);
        let wait = if tells || self.start.is_none() { 0 } else { wait };
        if wait > 0 {
            told.send_if_modified(|told| !std::mem::replace(&mut told.idle, true));
        }
        let request = SyncRequest {
            protocol: PROTOCOL,
            cluster: self.agent.identity.uid.clone(),
            kube_system_uid: self.agent.kube_system_uid.clone(),
            start: self.start,
            instance: self.agent.kube_system_uid.clone(),
            have: self.document.as_ref().map(|(have, _)| *have),
            report: delta,
            wait,
        };
        let response: SyncResponse = ask(&mut self.connection, "/v1/sync", &request).await?;
        if response.fenced {
            return Err("fenced".into());
        }
        self.start = Some(response.start);
        if response.resend {
            self.acknowledged = None;
        } else if tells && response.acknowledged >= self.sequence {
            self.acknowledged = Some(self.report.clone());
            told.send_modify(|told| {
                told.ready = self.report.deployments.len();
                told.document = self.document.as_ref().map(|(have, _)| have.digest);
            });
        }
        match response.desired {
            Some(envelope) => self.take(&envelope).await?,
            None if wait > 0 => told.send_modify(|told| told.polls += 1),
            None => {}
        }
        Ok(())
    }

    /// Takes in a new document: fetches what is missing of it, and makes the report that all of it is ready.
    async fn take(&mut self, envelope: &DesiredEnvelope) -> Result<()> {
        let base = self.document.as_ref().map(|(_, bytes)| bytes.as_slice());
        let opened = decode::open_envelope(rules(), envelope, base, &self.agent.signing_key);
        let (bytes, desired) = opened.map_err(|note| note.message)?;
        if desired.identity.uid != self.agent.identity.uid {
            return Err("a document of another cluster".into());
        }
        self.fetch(&desired).await?;
        self.document = Some((Have { version: desired.version, digest: envelope.digest }, bytes));
        self.report.version = desired.version;
        self.report.deployments = BTreeMap::new();
        for entry in &desired.deployments {
            let objects = self.deployments.get(&entry.bundle.to_string()).map_or(0, |(_, known)| known.objects.len());
            self.report.deployments.insert(entry.bundle.clone(), ready(entry.deployment, objects));
        }
        Ok(())
    }

    async fn fetch(&mut self, desired: &Desired) -> Result<()> {
        let old = std::mem::take(&mut self.deployments);
        let wanted = desired.deployments.iter().map(|entry| {
            let base = old.get(&entry.bundle.to_string()).map(|(digest, _)| *digest);
            (entry.deployment, base)
        });
        self.blobs(wanted.collect()).await?;
        let mut before: BTreeMap<(&str, &ObjectKey), Digest> = BTreeMap::new();
        for (bundle, (_, deployment)) in &old {
            before.extend(deployment.objects.iter().map(|object| ((bundle.as_str(), &object.key), object.digest)));
        }
        let mut objects = Vec::new();
        for entry in &desired.deployments {
            let bundle = entry.bundle.to_string();
            let deployment = match old.get(&bundle) {
                Some((digest, deployment)) if *digest == entry.deployment => deployment.clone(),
                _ => serde_json::from_slice(&self.load(entry.deployment).ok_or("a Deployment did not come")?)?,
            };
            let object_bases =
                deployment.objects.iter().map(|o| (o.digest, before.get(&(bundle.as_str(), &o.key)).copied()));
            objects.extend(object_bases);
            self.deployments.insert(bundle, (entry.deployment, deployment));
        }
        self.blobs(objects).await
    }

    /// Fetches what is missing of `wanted`, each with the older blob that it resembles.
    async fn blobs(&mut self, wanted: Vec<(Digest, Option<Digest>)>) -> Result<()> {
        let mut missing = wanted;
        loop {
            missing.retain(|(digest, _)| !self.mine.contains(digest));
            if missing.is_empty() {
                return Ok(());
            }
            let bases: BTreeSet<Digest> = missing.iter().filter_map(|(_, base)| *base).collect();
            let want: Vec<Digest> = missing.iter().map(|(digest, _)| *digest).collect();
            let request = BlobsRequest { want, bases: bases.into_iter().collect(), sizes: true };
            let body = self.connection.post("/v1/blobs", serde_json::to_vec(&request)?).await?;
            let mut got = Vec::new();
            let load = |digest| self.load(digest).map(|bytes| bytes.to_vec());
            decode::blobs(rules(), &request.want, &body, load, |digest, bytes| got.push((digest, bytes)))?;
            if got.is_empty() {
                return Err("the hub gives none of the blobs that its own document names".into());
            }
            for (digest, bytes) in got {
                self.mine.insert(digest);
                self.lock().entry(digest).or_insert_with(|| Arc::new(bytes));
            }
        }
    }

    fn load(&self, digest: Digest) -> Option<Arc<Vec<u8>>> {
        self.lock().get(&digest).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Digest, Arc<Vec<u8>>>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All rules hold. (A unit struct, except in the builds of the simulator.)
fn rules() -> Rules {
    Default::default()
}

fn ready(deployment: Digest, objects: usize) -> DeploymentReport {
    let objects = u32::try_from(objects).unwrap_or(u32::MAX);
    DeploymentReport {
        deployment: Some(deployment),
        applied: true,
        ready: true,
        unmodified: true,
        waiting: false,
        objects,
        ready_objects: objects,
        not_ready: Vec::new(),
        modified: Vec::new(),
        notes: Vec::new(),
        incomplete: false,
    }
}

async fn ask<Q: Serialize, R: DeserializeOwned>(connection: &mut Connection, path: &str, request: &Q) -> Result<R> {
    let body = connection.post(path, serde_json::to_vec(request)?).await?;
    Ok(serde_json::from_slice(&body)?)
}

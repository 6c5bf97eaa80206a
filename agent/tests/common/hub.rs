//! A hub in memory: signs what a test says, gives blobs, and keeps what it is told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::{
    ApplyOptions, Approval, BlobEntry, BlobsHead, BlobsRequest, ClusterIdentity, Deployment, DeploymentObject,
    DeploymentReport, Desired, DesiredDeployment, DesiredEnvelope, EnrollRequest, EnrollResponse, EnrollmentToken,
    Hook, Report, SyncRequest, SyncResponse, Tombstone, Version,
};
use fleet_api::{Digest, ObjectKey, Reason};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::Value;
use skiff_agent::link::{Hub, LinkError};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Duration;

/// One bundle of a test.
#[derive(Clone, Default)]
pub struct Bundle {
    pub name: &'static str,
    pub namespace: &'static str,
    pub options: ApplyOptions,
    pub objects: Vec<Value>,
    /// What makes hooks of some of them, by name.
    pub hooks: BTreeMap<&'static str, Hook>,
}

impl Bundle {
    /// In namespace `shop`, which is made.
    pub fn new(name: &'static str, objects: &[Value]) -> Self {
        Self { name, namespace: "shop", objects: objects.to_vec(), ..Self::default() }
    }

    pub fn correcting(mut self) -> Self {
        self.options.correct_drift = Some(fleet_api::v1alpha1::CorrectDrift { enabled: true, ..Default::default() });
        self
    }
}

pub struct FakeHub {
    key: Ed25519KeyPair,
    inner: Mutex<Inner>,
    news: tokio::sync::Notify,
}

#[derive(Default)]
struct Inner {
    generation: u64,
    desired: Option<(Digest, Vec<u8>, Desired)>,
    blobs: BTreeMap<Digest, Vec<u8>>,
    report: Report,
    acknowledged: u64,
    starts: BTreeMap<String, u64>,
    away: bool,
    pub syncs: usize,
    pub blob_bytes: usize,
}

pub fn reference(name: &str) -> Ref {
    Ref::new("fleet-default", name).unwrap()
}

fn cluster() -> ClusterUid {
    "11111111-2222-3333-4444-555555555555".parse().unwrap()
}

impl FakeHub {
    pub fn new() -> Self {
        Self {
            key: Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap(),
            inner: Mutex::default(),
            news: tokio::sync::Notify::new(),
        }
    }

    pub fn token(&self) -> EnrollmentToken {
        EnrollmentToken {
            hub: "https://hub.test".into(),
            hub_key: Digest::of(b"tls"),
            signing_key: Digest::of(self.key.public_key().as_ref()),
            secret: "secret".into(),
        }
    }

    pub fn report(&self) -> Report {
        self.inner.lock().unwrap().report.clone()
    }

    pub fn syncs(&self) -> usize {
        self.inner.lock().unwrap().syncs
    }

    pub fn blob_bytes(&self) -> usize {
        self.inner.lock().unwrap().blob_bytes
    }

    pub fn set_away(&self, away: bool) {
        self.inner.lock().unwrap().away = away;
        self.news.notify_waiters();
    }

    /// Whether the report of a bundle is about what it should have now, and `holds`.
    pub fn is_current(&self, bundle: &str, holds: impl Fn(&DeploymentReport) -> bool) -> bool {
        let inner = self.inner.lock().unwrap();
        let wanted = inner.desired.as_ref().and_then(|(_, _, desired)| {
            desired.deployments.iter().find(|deployment| deployment.bundle == reference(bundle))
        });
        let said = inner.report.deployments.get(&reference(bundle));
        said.is_some_and(|said| said.deployment == wanted.map(|wanted| wanted.deployment) && holds(said))
    }

    pub fn reasons(&self, bundle: &str) -> Vec<Reason> {
        let report = self.report();
        let said = report.deployments.get(&reference(bundle));
        said.into_iter().flat_map(|said| said.notes.iter().map(|note| note.reason)).collect()
    }

    /// The next Desired.
    pub fn deploy(&self, bundles: &[Bundle], tombstones: &[&str]) {
        self.publish(bundles, tombstones, Vec::new());
    }

    /// The same again, with an approval of what is held.
    pub fn approve(&self, bundles: &[Bundle], tombstones: &[&str]) {
        let list = self.report().held.expect("something is held").digest;
        self.publish(bundles, tombstones, vec![Approval { list, by: "admin".into() }]);
    }

    fn publish(&self, bundles: &[Bundle], tombstones: &[&str], approvals: Vec<Approval>) {
        let mut inner = self.inner.lock().unwrap();
        inner.generation += 1;
        let mut deployments = Vec::new();
        for bundle in bundles {
            let mut objects = Vec::new();
            for object in &bundle.objects {
                let bytes = fleet_api::canonical::to_vec(object);
                let digest = Digest::of(&bytes);
                objects.push(DeploymentObject {
                    api_version: object["apiVersion"].as_str().unwrap().into(),
                    key: ObjectKey::of(object).unwrap(),
                    digest,
                    size: bytes.len() as u64,
                    source: format!("{}/manifest.yaml:1", bundle.name),
                    hook: bundle.hooks.get(object["metadata"]["name"].as_str().unwrap()).cloned(),
                    unknown: BTreeMap::new(),
                });
                inner.blobs.insert(digest, bytes);
            }
            let deployment = Deployment {
                protocol: 1,
                bundle: reference(bundle.name),
                release_namespace: bundle.namespace.into(),
                force_namespace: false,
                create_namespace: true,
                namespace_labels: BTreeMap::new(),
                namespace_annotations: BTreeMap::new(),
                options: bundle.options.clone(),
                objects,
                sources: None,
                rendered_from: None,
                unknown: BTreeMap::new(),
            };
            let bytes = fleet_api::canonical::of(&deployment).unwrap();
            let digest = Digest::of(&bytes);
            inner.blobs.insert(digest, bytes);
            deployments.push(DesiredDeployment {
                bundle: reference(bundle.name),
                deployment: digest,
                rendered_in_cluster: false,
                depends_on: Vec::new(),
                deletion_limit: None,
                unknown: BTreeMap::new(),
            });
        }
        let tombstone = |bundle: &&str| Tombstone {
            bundle: reference(bundle),
            cause: "removed from git".into(),
            keep_resources: false,
            deployment: None,
            delete_crd_resources: false,
            deletion_limit: None,
            unknown: BTreeMap::new(),
        };
        let now = fleet_api::wire::Timestamp::now();
        let desired = Desired {
            protocol: 1,
            identity: ClusterIdentity { cluster: reference("cluster"), uid: cluster() },
            version: Version { epoch: 1, generation: inner.generation },
            issued: now,
            expires: now + Duration::from_secs(86_400),
            deployments,
            tombstones: tombstones.iter().map(tombstone).collect(),
            deletions_allowed: true,
            approvals,
        };
        let bytes = fleet_api::canonical::of(&desired).unwrap();
        inner.desired = Some((Digest::of(&bytes), bytes, desired));
        drop(inner);
        self.news.notify_waiters();
    }

    fn envelope(&self, inner: &Inner, request: &SyncRequest) -> Option<DesiredEnvelope> {
        let (digest, bytes, _) = inner.desired.as_ref()?;
        if request.have.is_some_and(|have| have.digest == *digest) {
            return None;
        }
        Some(DesiredEnvelope {
            digest: *digest,
            size: bytes.len() as u64,
            signature: STANDARD.encode(self.key.sign(bytes).as_ref()),
            base: None,
            data: STANDARD.encode(zstd::bulk::compress(bytes, 3).unwrap()),
        })
    }

    fn take(&self, request: &SyncRequest) -> Result<SyncResponse, LinkError> {
        let mut inner = self.inner.lock().unwrap();
        if inner.away {
            return Err(LinkError::Unreachable("away".into()));
        }
        inner.syncs += 1;
        let next = inner.starts.values().max().copied().unwrap_or(0) + 1;
        let newest = *inner.starts.entry(request.instance.clone()).or_insert(next);
        if request.start.is_none() {
            inner.acknowledged = 0;
        }
        let mut resend = false;
        if let Some(delta) = request.report.clone() {
            if delta.full || inner.acknowledged > 0 {
                assert!(delta.sequence > inner.acknowledged, "the counter rises strictly");
                inner.acknowledged = delta.sequence;
                inner.report.apply(delta);
            } else {
                resend = true;
            }
        }
        let fenced = inner.starts.values().any(|start| *start > newest);
        Ok(SyncResponse {
            protocol: 1,
            start: newest,
            fenced,
            desired: self.envelope(&inner, request),
            acknowledged: inner.acknowledged,
            resend,
        })
    }
}

impl Hub for FakeHub {
    fn enroll(&self, request: EnrollRequest) -> BoxFuture<'_, Result<EnrollResponse, LinkError>> {
        assert_eq!(request.secret, "secret");
        let response = EnrollResponse {
            protocol: 1,
            identity: ClusterIdentity { cluster: reference("cluster"), uid: cluster() },
            signing_key: STANDARD.encode(self.key.public_key().as_ref()),
        };
        futures::future::ready(Ok(response)).boxed()
    }

    fn sync(&self, mut request: SyncRequest) -> BoxFuture<'_, Result<SyncResponse, LinkError>> {
        async move {
            let deadline = tokio::time::Instant::now() + Duration::from_secs(request.wait.into());
            loop {
                let news = self.news.notified();
                let response = self.take(&request)?;
                if response.desired.is_some() || request.wait == 0 || response.fenced || response.resend {
                    return Ok(response);
                }
                request.report = None;
                if tokio::time::timeout_at(deadline, news).await.is_err() {
                    return Ok(response);
                }
            }
        }
        .boxed()
    }

    fn blobs(&self, request: BlobsRequest) -> BoxFuture<'_, Result<Bytes, LinkError>> {
        let mut inner = self.inner.lock().unwrap();
        if inner.away {
            return futures::future::ready(Err(LinkError::Unreachable("away".into()))).boxed();
        }
        let mut head = BlobsHead::default();
        let (mut prefix, mut content) = (Vec::new(), Vec::new());
        for base in request.bases {
            if let Some(bytes) = inner.blobs.get(&base) {
                prefix.extend_from_slice(bytes);
                head.bases.push(base);
            }
        }
        for want in request.want {
            match inner.blobs.get(&want) {
                Some(bytes) => {
                    head.blobs.push(BlobEntry { digest: want, size: bytes.len() as u64 });
                    content.extend_from_slice(bytes);
                }
                None => head.refused.push(want),
            }
        }
        let head = serde_json::to_vec(&head).unwrap();
        let mut encoder = zstd::stream::write::Encoder::with_ref_prefix(Vec::new(), 3, &prefix).unwrap();
        encoder.write_all(&content).unwrap();
        let frame = encoder.finish().unwrap();
        let length = u32::try_from(head.len()).unwrap().to_le_bytes();
        let body = [&length[..], &head, &frame].concat();
        inner.blob_bytes += body.len();
        futures::future::ready(Ok(Bytes::from(body))).boxed()
    }
}

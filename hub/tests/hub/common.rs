//! A hub on a directory, a repository on the disk, and an agent that speaks the protocol over real TLS.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::wire::{
    BlobsHead, BlobsRequest, Deployment, DeploymentReport, Desired, EnrollRequest, EnrollResponse, EnrollmentToken,
    Have, Report, ReportDelta, SyncRequest, SyncResponse,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use skiff_hub::core::TokenRequest;
use skiff_hub::{Config, Hub, StandardRenderer};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn r(name: &str) -> Ref {
    Ref::new("fleet-default", name).unwrap()
}

pub(crate) fn config(data: &Path) -> Config {
    Config { allow_file_repositories: true, ..Config::new(data) }
}

pub(crate) async fn start(data: &Path) -> Hub {
    Hub::start(config(data), Arc::new(StandardRenderer)).await.unwrap()
}

pub(crate) async fn token(hub: &Hub, name: Option<&str>, labels: &[(&str, &str)]) -> EnrollmentToken {
    token_for(hub, name, labels, Duration::from_secs(3600)).await
}

pub(crate) async fn token_for(
    hub: &Hub,
    name: Option<&str>,
    labels: &[(&str, &str)],
    lifetime: Duration,
) -> EnrollmentToken {
    use base64::Engine as _;
    let request = TokenRequest {
        namespace: "fleet-default".parse().unwrap(),
        name: name.map(|name| name.parse().unwrap()),
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        lifetime,
    };
    let text = hub.core().create_token(request).await.unwrap();
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text.strip_prefix("skiff1.").unwrap()).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// A repository on the disk.
pub(crate) struct Repo {
    pub(crate) dir: tempfile::TempDir,
    repository: git2::Repository,
}

impl Repo {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = git2::RepositoryInitOptions::new();
        options.initial_head("main");
        let repository = git2::Repository::init_opts(dir.path(), &options).unwrap();
        Self { dir, repository }
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.dir.path().display())
    }

    /// Commits exactly these files.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        let mut index = self.repository.index().unwrap();
        index.clear().unwrap();
        for (path, content) in files {
            let id = self.repository.blob(content.as_bytes()).unwrap();
            let entry = git2::IndexEntry {
                ctime: git2::IndexTime::new(0, 0),
                mtime: git2::IndexTime::new(0, 0),
                dev: 0,
                ino: 0,
                mode: 0o100_644,
                uid: 0,
                gid: 0,
                file_size: 0,
                id,
                flags: 0,
                flags_extended: 0,
                path: path.as_bytes().to_vec(),
            };
            index.add(&entry).unwrap();
        }
        let tree = self.repository.find_tree(index.write_tree_to(&self.repository).unwrap()).unwrap();
        let who = git2::Signature::now("Ada", "ada@example.org").unwrap();
        let head = self.repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<&git2::Commit<'_>> = head.iter().collect();
        self.repository.commit(Some("HEAD"), &who, &who, "change", &tree, &parents).unwrap().to_string()
    }

    /// The branch points to an older commit again.
    pub(crate) fn go_back(&self, commit: &str) {
        self.repository.reference("refs/heads/main", commit.parse().unwrap(), true, "back").unwrap();
    }
}

pub(crate) async fn gitrepo(hub: &Hub, name: &str, repo: &Repo, spec: &Value) {
    let mut whole = json!({
        "repo": repo.url(), "branch": "main", "pollingInterval": "1h", "paths": ["*"],
        "targets": [{"name": "prod", "clusterSelector": {"matchLabels": {"env": "prod"}}}],
    });
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    let gitrepo: fleet_api::v1alpha1::GitRepo = serde_json::from_value(json!({
        "apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo",
        "metadata": {"name": name, "namespace": "fleet-default"}, "spec": whole,
    }))
    .unwrap();
    hub.resources().put(&gitrepo).await.unwrap();
}

pub(crate) async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let until = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = check().await {
            return value;
        }
        assert!(std::time::Instant::now() < until, "timed out: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

#[derive(Debug)]
struct Pinned(Digest);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let key = skiff_hub::identity::key_of(end_entity);
        if key == Some(self.0) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("pin".into()))
        }
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let provider = rustls::crypto::ring::default_provider();
        verify_tls12_signature(message, cert, dss, &provider.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let provider = rustls::crypto::ring::default_provider();
        verify_tls13_signature(message, cert, dss, &provider.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Believes the key of this hub and no other.
pub(crate) fn pinned(hub_key: Digest) -> Arc<dyn ServerCertVerifier> {
    Arc::new(Pinned(hub_key))
}

/// An agent that does what it is told, to an imaginary cluster.
pub(crate) struct Agent {
    pub(crate) client: reqwest::Client,
    pub(crate) key: Arc<rcgen::KeyPair>,
    pub(crate) hub: String,
    pub(crate) signing_key: Vec<u8>,
    pub(crate) identity: Option<EnrollResponse>,
    pub(crate) kube_system: String,
    pub(crate) start: Option<u64>,
    pub(crate) instance: String,
    pub(crate) sequence: u64,
    pub(crate) have: Option<Have>,
    pub(crate) document: Vec<u8>,
    pub(crate) desired: Option<Desired>,
    pub(crate) blobs: BTreeMap<Digest, Vec<u8>>,
    pub(crate) received: usize,
}

pub(crate) type Answer<T> = Result<T, (u16, Value)>;

impl Agent {
    pub(crate) fn new(hub: &Hub, kube_system: &str) -> Self {
        Self::with_key(hub, kube_system, Arc::new(rcgen::KeyPair::generate().unwrap()))
    }

    pub(crate) fn with_key(hub: &Hub, kube_system: &str, key: Arc<rcgen::KeyPair>) -> Self {
        Self {
            client: client(hub.hub_key(), Some(&key)),
            key,
            hub: format!("https://{}", hub.address()),
            signing_key: Vec::new(),
            identity: None,
            kube_system: kube_system.into(),
            start: None,
            instance: "one".into(),
            sequence: 0,
            have: None,
            document: Vec::new(),
            desired: None,
            blobs: BTreeMap::new(),
            received: 0,
        }
    }

    /// The same agent after its hub was started again, perhaps elsewhere.
    pub(crate) fn moved(&mut self, hub: &Hub) {
        self.hub = format!("https://{}", hub.address());
        self.client = client(hub.hub_key(), Some(&self.key));
    }

    pub(crate) async fn post(&self, path: &str, body: Vec<u8>) -> Answer<Vec<u8>> {
        let request = self.client.post(format!("{}{path}", self.hub)).header("content-type", "application/json");
        let response = request.body(body).send().await.map_err(|error| (0, json!(error.to_string())))?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(|error| (0, json!(error.to_string())))?.to_vec();
        if status == 200 { Ok(bytes) } else { Err((status, serde_json::from_slice(&bytes).unwrap_or_default())) }
    }

    pub(crate) async fn call<T: Serialize, R: DeserializeOwned>(&self, path: &str, body: &T) -> Answer<R> {
        let bytes = self.post(path, serde_json::to_vec(body).unwrap()).await?;
        Ok(serde_json::from_slice(&bytes).unwrap())
    }

    pub(crate) async fn enroll(&mut self, token: &EnrollmentToken, name: Option<&str>) -> Answer<EnrollResponse> {
        let request = EnrollRequest {
            protocol: 1,
            secret: token.secret.clone(),
            name: name.map(Into::into),
            kube_system_uid: self.kube_system.clone(),
            claimed_labels: BTreeMap::new(),
        };
        let response: EnrollResponse = self.call("/v1/enroll", &request).await?;
        use base64::Engine as _;
        self.signing_key = base64::engine::general_purpose::STANDARD.decode(&response.signing_key).unwrap();
        assert_eq!(Digest::of(&self.signing_key), token.signing_key);
        self.identity = Some(response.clone());
        Ok(response)
    }

    pub(crate) fn request(&self, wait: u32, report: Option<ReportDelta>) -> SyncRequest {
        SyncRequest {
            protocol: 1,
            cluster: self.identity.as_ref().unwrap().identity.uid.clone(),
            kube_system_uid: self.kube_system.clone(),
            start: self.start,
            instance: self.instance.clone(),
            have: self.have,
            report,
            wait,
        }
    }

    pub(crate) async fn sync(&mut self, wait: u32, report: Option<ReportDelta>) -> Answer<SyncResponse> {
        let response: SyncResponse = self.call("/v1/sync", &self.request(wait, report)).await?;
        if !response.fenced {
            self.start = Some(response.start);
        }
        if let Some(envelope) = &response.desired {
            use base64::Engine as _;
            let base64 = base64::engine::general_purpose::STANDARD;
            let data = base64.decode(&envelope.data).unwrap();
            self.received = data.len();
            let prefix = match envelope.base {
                Some(base) => {
                    assert_eq!(base, Digest::of(&self.document));
                    self.document.clone()
                }
                None => Vec::new(),
            };
            let bytes = decompress(&data, &prefix);
            assert_eq!(bytes.len() as u64, envelope.size);
            assert_eq!(Digest::of(&bytes), envelope.digest);
            let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &self.signing_key);
            key.verify(&bytes, &base64.decode(&envelope.signature).unwrap()).unwrap();
            let desired: Desired = serde_json::from_slice(&bytes).unwrap();
            self.have = Some(Have { version: desired.version, digest: envelope.digest });
            self.document = bytes;
            self.desired = Some(desired);
        }
        Ok(response)
    }

    pub(crate) async fn blobs(&mut self, want: &[Digest], bases: &[Digest]) -> Answer<BlobsHead> {
        self.ask_for_blobs(BlobsRequest { want: want.to_vec(), bases: bases.to_vec(), sizes: true }).await
    }

    /// As [`Self::blobs`], the request as it stands.
    pub(crate) async fn ask_for_blobs(&mut self, request: BlobsRequest) -> Answer<BlobsHead> {
        let bytes = self.post("/v1/blobs", serde_json::to_vec(&request).unwrap()).await?;
        self.received = bytes.len();
        let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
        let head: BlobsHead = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
        let prefix: Vec<u8> = head.bases.iter().flat_map(|base| self.blobs[base].clone()).collect();
        let content = decompress(&bytes[4 + length..], &prefix);
        let mut rest = &content[..];
        for blob in head.entries(&request.want) {
            let (one, more) = rest.split_at(usize::try_from(blob.size).unwrap());
            assert_eq!(Digest::of(one), blob.digest);
            self.blobs.insert(blob.digest, one.to_vec());
            rest = more;
        }
        assert!(rest.is_empty());
        Ok(head)
    }

    /// Fetches everything that the newest document needs; gives the objects by bundle.
    pub(crate) async fn fetch(&mut self) -> BTreeMap<String, Vec<Value>> {
        let deployments = self.desired.clone().unwrap().deployments;
        let digests: Vec<Digest> = deployments.iter().map(|entry| entry.deployment).collect();
        self.blobs(&digests, &[]).await.unwrap();
        let mut bundles = BTreeMap::new();
        for entry in deployments {
            let deployment: Deployment = serde_json::from_slice(&self.blobs[&entry.deployment]).unwrap();
            let want: Vec<Digest> = deployment.objects.iter().map(|object| object.digest).collect();
            self.blobs(&want, &[]).await.unwrap();
            let objects = want.iter().map(|digest| serde_json::from_slice(&self.blobs[digest]).unwrap()).collect();
            bundles.insert(entry.bundle.name.to_string(), objects);
        }
        bundles
    }

    /// A full report that all is applied and healthy.
    pub(crate) fn all_ready(&mut self) -> ReportDelta {
        self.sequence += 1;
        let desired = self.desired.clone().unwrap();
        let ready = |deployment| DeploymentReport {
            deployment: Some(deployment),
            applied: true,
            ready: true,
            unmodified: true,
            waiting: false,
            objects: 1,
            ready_objects: 1,
            not_ready: vec![],
            modified: vec![],
            notes: vec![],
            incomplete: false,
        };
        let deployments =
            desired.deployments.iter().map(|entry| (entry.bundle.clone(), ready(entry.deployment))).collect();
        let report = Report { version: desired.version, deployments, ..Report::default() };
        report.delta_from(None, self.sequence).unwrap()
    }

    pub(crate) fn bundles(&self) -> Vec<String> {
        self.desired
            .iter()
            .flat_map(|desired| &desired.deployments)
            .map(|entry| entry.bundle.name.to_string())
            .collect()
    }
}

pub(crate) fn client(hub_key: Digest, key: Option<&rcgen::KeyPair>) -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned(hub_key)));
    let config = match key {
        Some(key) => {
            let certificate = rcgen::CertificateParams::new(vec!["agent".into()]).unwrap().self_signed(key).unwrap();
            let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
            builder.with_client_auth_cert(vec![certificate.der().clone()], private).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    reqwest::Client::builder().tls_backend_preconfigured(config).build().unwrap()
}

fn decompress(data: &[u8], prefix: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut out = Vec::new();
    if prefix.is_empty() {
        zstd::stream::read::Decoder::new(data).unwrap().read_to_end(&mut out).unwrap();
    } else {
        zstd::stream::read::Decoder::with_ref_prefix(data, prefix).unwrap().read_to_end(&mut out).unwrap();
    }
    out
}

/// A directory of data that outlives hubs.
pub(crate) fn data() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("hub");
    (dir, data)
}

pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: {value}\n")
}

/// Syncs until exactly these Bundles are told.
pub(crate) async fn told(agent: &mut Agent, bundles: &[&str]) {
    eventually("the bundles are told", async || {
        agent.sync(1, None).await.unwrap();
        (agent.bundles() == bundles).then_some(())
    })
    .await;
}

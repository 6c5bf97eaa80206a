//! What is between the agent and its hub: the real HTTPS link, a place where answers are replaced, and another server
//! that answers in the hub's place.
//!
//! Documents are signed again with a key of the test, which the token names: so a test can make any Desired that a hub
//! could sign. What the hub signed is verified nowhere here; the agent's own tests do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fleet_api::Digest;
use fleet_api::wire::{
    BlobsRequest, Desired, DesiredEnvelope, EnrollRequest, EnrollResponse, EnrollmentToken, Have, SyncRequest,
    SyncResponse,
};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use skiff_agent::link::http::HttpHub;
use skiff_agent::link::{Hub, LinkError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What the agent is given in place of the document: envelope, from the newest document that the hub signed.
pub(crate) type Rewrite = Arc<dyn Fn(&Wire, &Desired) -> DesiredEnvelope + Send + Sync>;
/// What the agent is given in place of blobs.
pub(crate) type Content = Arc<dyn Fn(&BlobsRequest, Bytes) -> Result<Bytes, LinkError> + Send + Sync>;

/// The wire of one agent. Clones are one.
#[derive(Clone)]
pub(crate) struct Wire {
    key: Arc<Ed25519KeyPair>,
    imposter: Arc<Imposter>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Every answer of the imposter to `/v1/sync`.
    imposter: bool,
    cut: bool,
    /// The protocol that the agent says it speaks, where that is not its own.
    protocol: Option<u32>,
    rewrite: Option<Rewrite>,
    content: Option<Content>,
    /// Documents by digest, as the hub made them.
    documents: BTreeMap<Digest, Vec<u8>>,
    /// All that the hub issued, oldest first.
    issued: Vec<Desired>,
    /// What stands for which document of the hub's.
    stands_for: BTreeMap<Digest, Have>,
    syncs: Vec<SyncResponse>,
    hits: usize,
}

impl Wire {
    pub(crate) async fn new() -> Self {
        let key = Arc::new(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap());
        Self { key, imposter: Arc::new(Imposter::start().await), state: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The same token, for documents that are signed here.
    pub(crate) fn token(&self, token: EnrollmentToken) -> EnrollmentToken {
        EnrollmentToken { signing_key: Digest::of(self.key.public_key().as_ref()), ..token }
    }

    pub(crate) fn connect(&self) -> skiff_agent::Connect {
        let wire = self.clone();
        Arc::new(move |identity, address| {
            let mut to_imposter = identity.clone();
            to_imposter.hub_key = wire.imposter.key;
            let real = HttpHub::new(identity, address)?;
            let imposter = HttpHub::new(&to_imposter, Some(&wire.imposter.address))?;
            Ok(Arc::new(Link { wire: wire.clone(), real, imposter }))
        })
    }

    /// Nothing gets through.
    pub(crate) fn cut(&self, cut: bool) {
        self.lock().cut = cut;
    }

    /// The agent is one that speaks this protocol.
    pub(crate) fn speak(&self, protocol: u32) {
        self.lock().protocol = Some(protocol);
    }

    /// Somebody else answers: with this status and body, cut short where `truncated`.
    pub(crate) fn impersonate(&self, status: u16, content_type: &str, body: Vec<u8>, truncated: bool) {
        *self.imposter.answer.lock().unwrap() = (status, content_type.to_owned(), body, truncated);
        let mut state = self.lock();
        (state.imposter, state.hits) = (true, 0);
    }

    pub(crate) fn rewrite(&self, rewrite: Rewrite) {
        let mut state = self.lock();
        (state.rewrite, state.hits) = (Some(rewrite), 0);
    }

    pub(crate) fn content(&self, content: Content) {
        let mut state = self.lock();
        (state.content, state.hits) = (Some(content), 0);
    }

    /// All is as the hub says.
    pub(crate) fn heal(&self) {
        let mut state = self.lock();
        (state.imposter, state.cut, state.rewrite, state.content) = (false, false, None, None);
        // What the agent has and no hub has issued, the hub hears of now (R3).
        state.stands_for.clear();
    }

    /// How many answers were not the hub's.
    pub(crate) fn hits(&self) -> usize {
        self.lock().hits
    }

    /// All answers of the hub to `/v1/sync`.
    pub(crate) fn answers(&self) -> Vec<SyncResponse> {
        self.lock().syncs.clone()
    }

    /// All documents of the hub that the agent was told, oldest first.
    pub(crate) fn issued(&self) -> Vec<Desired> {
        self.lock().issued.clone()
    }

    /// An envelope of these bytes, signed.
    pub(crate) fn seal(&self, bytes: &[u8]) -> DesiredEnvelope {
        DesiredEnvelope {
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            signature: STANDARD.encode(self.key.sign(bytes).as_ref()),
            base: None,
            data: STANDARD.encode(zstd::bulk::compress(bytes, 3).unwrap()),
        }
    }

    /// An envelope of a document that no hub has made.
    pub(crate) fn forge(&self, desired: &Desired) -> DesiredEnvelope {
        self.seal(&serde_json::to_vec(desired).unwrap())
    }

    /// The hub's own document, signed here.
    fn open(&self, envelope: &DesiredEnvelope) -> DesiredEnvelope {
        let mut state = self.lock();
        let base = envelope.base.map(|base| state.documents[&base].clone()).unwrap_or_default();
        let packed = STANDARD.decode(&envelope.data).unwrap();
        let mut bytes = Vec::new();
        let mut decoder = zstd::stream::read::Decoder::with_ref_prefix(packed.as_slice(), &base).unwrap();
        std::io::Read::read_to_end(&mut decoder, &mut bytes).unwrap();
        if state.documents.insert(envelope.digest, bytes.clone()).is_none() {
            state.issued.push(serde_json::from_slice(&bytes).unwrap());
        }
        drop(state);
        self.seal(&bytes)
    }

    /// The answer that the agent gets for the hub's.
    fn answer(&self, mut response: SyncResponse, has: Option<Digest>) -> SyncResponse {
        self.lock().syncs.push(response.clone());
        response.desired = response.desired.map(|envelope| self.open(&envelope));
        let (rewrite, newest) = {
            let state = self.lock();
            (state.rewrite.clone(), state.issued.last().cloned())
        };
        if let (Some(rewrite), Some(newest)) = (rewrite, newest) {
            let envelope = rewrite(self, &newest);
            if has == Some(envelope.digest) {
                response.desired = None;
                return response;
            }
            let original = serde_json::to_vec(&newest).unwrap();
            let have = Have { version: newest.version, digest: Digest::of(&original) };
            let mut state = self.lock();
            state.hits += 1;
            state.stands_for.insert(envelope.digest, have);
            response.desired = Some(envelope);
        }
        response
    }
}

struct Link {
    wire: Wire,
    real: HttpHub,
    imposter: HttpHub,
}

fn unreachable<T>() -> Result<T, LinkError> {
    Err(LinkError::Unreachable("the wire is cut".into()))
}

impl Hub for Link {
    fn enroll(&self, request: EnrollRequest) -> BoxFuture<'_, Result<EnrollResponse, LinkError>> {
        async move {
            let signing_key = STANDARD.encode(self.wire.key.public_key().as_ref());
            self.real.enroll(request).await.map(|response| EnrollResponse { signing_key, ..response })
        }
        .boxed()
    }

    fn sync(&self, mut request: SyncRequest) -> BoxFuture<'_, Result<SyncResponse, LinkError>> {
        async move {
            let has = request.have.map(|have| have.digest);
            let (cut, imposter, rewriting) = {
                let state = self.wire.lock();
                if let Some(have) = &mut request.have
                    && let Some(original) = state.stands_for.get(&have.digest)
                {
                    *have = *original;
                }
                request.protocol = state.protocol.unwrap_or(request.protocol);
                (state.cut, state.imposter, state.rewrite.is_some())
            };
            if cut {
                return unreachable();
            }
            if imposter {
                self.wire.lock().hits += 1;
                return self.imposter.sync(request).await;
            }
            if rewriting {
                request.wait = request.wait.min(1);
            }
            self.real.sync(request).await.map(|response| self.wire.answer(response, has))
        }
        .boxed()
    }

    fn blobs(&self, request: BlobsRequest) -> BoxFuture<'_, Result<Bytes, LinkError>> {
        async move {
            let (cut, content) = {
                let state = self.wire.lock();
                (state.cut, state.content.clone())
            };
            if cut {
                return unreachable();
            }
            let answer = self.real.blobs(request.clone()).await?;
            let Some(content) = content else { return Ok(answer) };
            self.wire.lock().hits += 1;
            content(&request, answer)
        }
        .boxed()
    }
}

/// Status, content type, body, and whether the body is shorter than was said.
type Answer = (u16, String, Vec<u8>, bool);

/// A server that answers everything with one answer, over TLS, with a key that the agent takes for the hub's.
struct Imposter {
    address: String,
    key: Digest,
    answer: Arc<Mutex<Answer>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Imposter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Imposter {
    async fn start() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["hub".to_owned()]).unwrap().self_signed(&key).unwrap();
        let spki = skiff_hub::identity::key_of(certificate.der()).unwrap();
        let private = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let answer: Arc<Mutex<Answer>> = Arc::default();
        let answers = answer.clone();
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (acceptor, answer) = (acceptor.clone(), answers.lock().unwrap().clone());
                tokio::spawn(async move {
                    if let Ok(mut stream) = acceptor.accept(stream).await {
                        let mut request = vec![0; 64 << 10];
                        // Head and body of a sync fit, and come together.
                        drop(stream.read(&mut request).await);
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        drop(stream.write_all(&raw(&answer)).await);
                        drop(stream.shutdown().await);
                    }
                });
            }
        });
        Self { address, key: spki, answer, task }
    }
}

fn raw((status, content_type, body, truncated): &Answer) -> Vec<u8> {
    let length = body.len() + if *truncated { 100 } else { 0 };
    let head = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

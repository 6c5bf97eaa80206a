//! Starts all of it, and stops it.

use crate::agent_api::AgentApi;
use crate::blobs::{BlobError, Blobs};
use crate::config::Config;
use crate::core::Core;
use crate::crash::{self, Point};
use crate::identity::Identity;
use crate::machine::{Deciding, Message, Parts};
use crate::metrics::Metrics;
use crate::rendering::{Renderer, Rendering};
use crate::slots::Slots;
use crate::store::{Key, ResourceError, Resources, Store, StoreError};
use crate::{tls, user_api};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use fleet_api::digest::Digest;
use skiff_planner::hub::{Machine, Options, Rules};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// What anybody may ask: whether the hub runs, whether it works, and its figures.
pub(crate) const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The directory of blobs in the data directory.
const BLOBS: &str = "blobs";

/// Why a hub cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An object in the store.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// The blobs.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// TLS.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The address.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A running hub. Dropping it stops it without waiting; [`Hub::stop`] waits.
#[derive(Debug)]
pub struct Hub {
    address: SocketAddr,
    advertise: String,
    identity: Identity,
    core: Core,
    resources: Resources,
    data: PathBuf,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Hub {
    /// Starts a hub.
    ///
    /// # Errors
    /// Where its data cannot be read, or it cannot listen.
    pub async fn start(config: Config, renderer: Arc<dyn Renderer>) -> Result<Self, StartError> {
        let key = match &config.key_file {
            Some(path) => Key::read(path)?,
            None => Key::in_directory(&config.data)?,
        };
        let store = Store::open(&config.data, &key)?;
        let resources = Resources::open(&store).await?;
        let identity = Identity::open(&store, &resources).await?;
        let blobs = Blobs::open(&config.data.join(BLOBS), store.sealer().clone())?;
        let listen = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let advertise = config.advertise.clone().unwrap_or_else(|| format!("https://{}", reachable(address)));
        let admin = user_api::Admin::open(&store, &config.data, &advertise, identity.hub_key()).await?;

        let (stop, stopped) = watch::channel(false);
        let (sender, messages) = mpsc::unbounded_channel();
        let (nudges, nudged) = mpsc::unbounded_channel();
        let (slots, metrics, ready) = (Arc::new(Slots::default()), Arc::new(Metrics::default()), Arc::default());
        let core = Core::new(sender.clone(), nudges.clone(), Arc::clone(&slots));
        let seconds = |duration: std::time::Duration| jiff::SignedDuration::try_from(duration).unwrap_or_default();
        let machine = Machine::new(Options {
            desired_lifetime: seconds(config.desired_lifetime),
            offline_after: seconds(config.offline_after),
            renderer: renderer.version(),
            rules: Rules::all(),
        });
        let mut deciding = Deciding::new(Parts {
            machine,
            resources: resources.clone(),
            blobs: blobs.clone(),
            identity: identity.clone(),
            slots: Arc::clone(&slots),
            advertise: advertise.clone(),
            rendering: Rendering::new(
                renderer,
                (blobs.clone(), resources.clone()),
                identity.clone(),
                Arc::clone(&metrics),
            ),
            metrics: Arc::clone(&metrics),
            sender: sender.clone(),
            ready: Arc::clone(&ready),
        });
        // What changes from here on comes as a change; what was before is loaded.
        let changes = resources.subscribe();
        deciding.load().await?;
        ready.store(true, Ordering::Relaxed);

        let router = router(
            AgentApi::new(Arc::clone(&slots), blobs.clone(), sender.clone()).router(),
            user_api::router(resources.clone(), Arc::new(core.clone()), admin),
            Probes { ready, metrics: Arc::clone(&metrics) },
        );
        let known: tls::Known = Arc::new(move |key: &Digest| slots.of_key(key).is_some());
        let tls = tls::server_config(&identity)?;
        let polling = crate::repositories::Polling {
            resources: resources.clone(),
            blobs,
            machine: sender.clone(),
            metrics: Arc::clone(&metrics),
            cache: config.data.join("git"),
            charts: config.data.join("charts"),
            allow_file: config.allow_file_repositories,
            stop: stopped.clone(),
        };
        let tasks = vec![
            tokio::spawn(deciding.run(messages, stopped.clone())),
            tokio::spawn(follow(changes, sender.clone(), nudges, stopped.clone())),
            tokio::spawn(crate::repositories::run(polling, nudged, stopped.clone())),
            tokio::spawn(tls::serve(listener, tls, router, known, stopped)),
        ];
        Deciding::collect_daily(sender);
        tracing::info!(%address, %advertise, key = %identity.hub_key(), "the hub is running");
        Ok(Self { address, advertise, identity, core, resources, data: config.data, metrics, stop, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that tokens carry.
    pub fn advertised(&self) -> &str {
        &self.advertise
    }

    /// SHA-256 of its TLS public key.
    pub fn hub_key(&self) -> Digest {
        self.identity.hub_key()
    }

    /// Its certificate (DER).
    pub fn certificate(&self) -> &[u8] {
        self.identity.certificate()
    }

    /// The file with the admin's credential, written at the first start.
    pub fn admin_file(&self) -> PathBuf {
        self.data.join(user_api::auth::ADMIN_FILE)
    }

    /// What is asked of it beside its objects.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Its objects.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Its figures, in the text format of Prometheus.
    pub fn metrics(&self) -> String {
        self.metrics.text()
    }

    /// Stops it and waits until nothing of it runs any more.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await
                && error.is_panic()
            {
                tracing::error!(%error, "a task of the hub panicked");
            }
        }
    }
}

/// Copies the data of a hub, also while it runs: the database as one consistent state, then the blobs.
///
/// # Errors
/// Where something cannot be read or written.
pub fn backup(data: &Path, to: &Path) -> Result<(), StartError> {
    let died = |source| StoreError::Io { path: to.to_owned(), source };
    crash::pass(to, Point::BeforeCopy).map_err(died)?;
    Store::backup(data, to)?;
    crash::pass(to, Point::AfterCopy).map_err(died)?;
    crate::blobs::backup(&data.join(BLOBS), &to.join(BLOBS))?;
    // Both may be kept elsewhere. Their modes are copied, too.
    for name in [crate::store::seal::KEY_FILE, user_api::auth::ADMIN_FILE] {
        let (file, copy) = (data.join(name), to.join(name));
        if file.exists() {
            crash::pass(&copy, Point::BeforeCopiedFile).map_err(died)?;
            std::fs::copy(&file, &copy).map_err(|source| StoreError::Io { path: copy, source })?;
        }
    }
    Ok(())
}

/// An address that can be dialled: the loopback one where the hub listens at all of them.
fn reachable(address: SocketAddr) -> SocketAddr {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[derive(Clone)]
struct Probes {
    ready: Arc<AtomicBool>,
    metrics: Arc<Metrics>,
}

fn router(agents: Router, users: Router, probes: Probes) -> Router {
    let [healthz, readyz, metrics] = PROBES;
    let of_probes = Router::new()
        .route(healthz, get(|| async { "ok" }))
        .route(readyz, get(ready))
        .route(metrics, get(|State(probes): State<Probes>| async move { probes.metrics.recent() }))
        .with_state(probes);
    users.merge(agents).merge(of_probes)
}

async fn ready(State(probes): State<Probes>) -> (StatusCode, &'static str) {
    if probes.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the hub cannot write to its disk")
    }
}

/// Tells the deciding task and the polls of every change of an object.
async fn follow(
    mut changes: mpsc::UnboundedReceiver<Arc<crate::store::Event>>,
    machine: mpsc::UnboundedSender<Message>,
    repositories: mpsc::UnboundedSender<crate::repositories::Nudge>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let event = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            event = changes.recv() => event,
        };
        let Some(event) = event else { return };
        if let Some(nudge) = crate::repositories::nudge_of(&event) {
            // Gone only when the hub stops.
            let _gone = repositories.send(nudge);
        }
        if machine.send(Message::Store(event)).is_err() {
            return;
        }
    }
}

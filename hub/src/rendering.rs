//! Renders on threads of its own: each distinct input once, whatever asks for it. A panic inside a render is that
//! Bundle's error. What a render gave is on disk before the deciding task hears of it.

use crate::blobs::{BlobError, Blobs, NewBlob};
use crate::identity::Identity;
use crate::machine::{Message, Stored};
use crate::metrics::{Metrics, Waiting};
use crate::store::Resources;
use file_tree::MemoryTree;
use fleet_api::reason::{Note, Reason};
use fleet_api::wire::Deployment;
use serde_json::Value;
use skiff_planner::hub::RenderInput;
use skiff_render::packed;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// What a render gives.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The Deployment; each of its objects is in `objects`.
    pub deployment: Deployment,
    /// The canonical JSON of the objects.
    pub objects: Vec<NewBlob>,
    /// What is likely to be a mistake, though it renders.
    pub warnings: Vec<Note>,
}

/// How many warnings of one render are kept.
const WARNINGS: usize = 20;

/// How a Bundle becomes objects. Pure: the same input gives the same bytes.
pub trait Renderer: Send + Sync + 'static {
    /// Changes whenever the same input could give other bytes.
    fn version(&self) -> String;

    /// Renders the files of a Bundle.
    ///
    /// # Errors
    /// Everything that is wrong, with file, line and column from the root of the repository.
    fn render(
        &self,
        input: &RenderInput,
        files: &MemoryTree,
        chance: Option<skiff_render::Chance>,
    ) -> Result<Rendered, RenderFailure>;
}

/// Why there is no Deployment.
#[derive(Clone, Debug)]
pub enum RenderFailure {
    /// Templates ask for chance or the present.
    NeedsChance,
    /// Something is wrong.
    Wrong(Vec<Note>),
}

/// Why a render came to nothing.
enum Unrendered {
    Failure(RenderFailure),
    /// What it gave could not be stored.
    Disk(BlobError),
}

impl From<RenderFailure> for Unrendered {
    fn from(failure: RenderFailure) -> Self {
        Self::Failure(failure)
    }
}

/// How long a render that the disk did not take waits for its next try at most.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The threads that render. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Rendering {
    renderer: Arc<dyn Renderer>,
    blobs: Blobs,
    identity: Identity,
    resources: Resources,
    metrics: Arc<Metrics>,
    permits: Arc<Semaphore>,
}

impl Rendering {
    pub(crate) fn new(
        renderer: Arc<dyn Renderer>,
        (blobs, resources): (Blobs, Resources),
        identity: Identity,
        metrics: Arc<Metrics>,
    ) -> Self {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        Self { renderer, blobs, identity, resources, metrics, permits: Arc::new(Semaphore::new(threads)) }
    }

    /// Renders, and tells the deciding task.
    pub(crate) fn request(&self, input: RenderInput, to: mpsc::UnboundedSender<Message>) {
        let this = self.clone();
        tokio::spawn(async move {
            let input = Arc::new(input);
            let mut wait = Duration::from_millis(100);
            let mut not_stored: Option<Waiting> = None;
            let result = loop {
                match this.attempt(&input).await {
                    // The Bundle is not to blame: nobody hears of what is not on the disk, but that it is not there.
                    Err(Unrendered::Disk(error)) if !to.is_closed() => {
                        tracing::error!(bundle = %input.bundle, %error, "a render cannot be stored; it is tried again");
                        if not_stored.is_none() {
                            not_stored = Some(this.metrics.not_stored());
                            let _gone = to.send(not_stored_message(&input, &error));
                        }
                        tokio::time::sleep(wait).await;
                        wait = (wait * 2).min(LONGEST_WAIT);
                    }
                    Err(Unrendered::Disk(_)) => return,
                    Err(Unrendered::Failure(failure)) => break Err(failure),
                    Ok(stored) => break Ok(stored),
                }
            };
            // The deciding task is gone only when the hub stops.
            let _gone = to.send(Message::Rendered { input: input.key(), result });
        });
    }

    async fn attempt(&self, input: &Arc<RenderInput>) -> Result<Stored, Unrendered> {
        let _permit = self.permits.clone().acquire_owned().await;
        let copies = crate::copies::read(&self.resources, input).await?;
        let (this, shared) = (self.clone(), Arc::clone(input));
        let done = tokio::task::spawn_blocking(move || this.render(&shared, &copies)).await;
        done.unwrap_or_else(|error| {
            let message = format!("rendering Bundle {} ended early: {error}", input.bundle);
            Err(RenderFailure::Wrong(vec![Note::new(Reason::Internal, message)]).into())
        })
    }

    fn render(&self, input: &RenderInput, copies: &[Value]) -> Result<Stored, Unrendered> {
        let failed = |error: String| {
            RenderFailure::Wrong(vec![Note::new(Reason::Internal, format!("Bundle {}: {error}", input.bundle))])
        };
        let chance = input.facts.chance.as_ref().map(|facts| skiff_render::Chance {
            seed: self.identity.seed(&facts.cluster_uid, &input.bundle),
            time: facts.since.map(fleet_api::wire::Timestamp::as_second).unwrap_or_default(),
        });
        let packed = self.blobs.get(&input.tree).map_err(|error| failed(error.to_string()))?;
        let files = packed::unpack(&packed).map_err(|error| failed(error.to_string()))?;
        let mut rendered = catch_unwind(AssertUnwindSafe(|| self.renderer.render(input, &files, chance)))
            .unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
                Err(failed(format!("the renderer panicked: {text}")))
            })?;
        let from = input.bundle.namespace.as_str();
        let copied = skiff_render::add_copies(&mut rendered.deployment, copies, from);
        let copied = copied.map_err(|note| RenderFailure::Wrong(vec![note]))?;
        // A ConfigMap beside Secrets is no secret, and is sealed all the same.
        rendered.objects.extend(copied.into_iter().map(|(digest, bytes)| NewBlob {
            digest,
            bytes: bytes.into(),
            secret: true,
        }));
        let json = serde_json::to_vec(&rendered.deployment).map_err(|error| failed(error.to_string()))?;
        // Sources hold the seed of what the chart makes up.
        let blob = NewBlob::new(json, rendered.deployment.sources.is_some());
        let digest = blob.digest;
        let mut blobs = rendered.objects;
        blobs.push(blob);
        self.blobs.put_all(&blobs).map_err(|error| match error {
            BlobError::Io { .. } => Unrendered::Disk(error),
            _ => failed(error.to_string()).into(),
        })?;
        let mut warnings = rendered.warnings;
        warnings.truncate(WARNINGS);
        Ok(Stored { digest, deployment: rendered.deployment, warnings })
    }
}

fn not_stored_message(input: &RenderInput, error: &BlobError) -> Message {
    let message = format!("what Bundle {} renders to cannot be stored: {error}", input.bundle);
    Message::NotStored { input: input.key(), note: Note::new(Reason::HubDiskFailing, message) }
}

//! Many virtual agents in a process of their own.

use crate::child::{self, Child};
use crate::connection::Counter;
use crate::virtual_agent::{Fetched, Told, VirtualAgent};
use crate::{Result, note};
use fleet_api::Digest;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{Semaphore, watch};

/// How many connect at once: a fleet does not come in one instant, and what that costs is not what is measured.
const AT_ONCE: usize = 32;

/// What they are asked.
#[derive(Debug, Serialize, Deserialize)]
enum Ask {
    Enroll(Vec<String>),
    Connect { agents: Range<usize>, wait: u32 },
    Ready(usize),
    Mark,
    Changed,
    Totals(Range<usize>),
}

/// What some agents have sent and received, together.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Bytes to the hub.
    pub(crate) up: u64,
    /// Bytes from the hub.
    pub(crate) down: u64,
    /// Polls that were answered with nothing.
    pub(crate) polls: u64,
}

impl Totals {
    /// What came since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self { up: self.up - before.up, down: self.down - before.down, polls: self.polls - before.polls }
    }
}

/// Virtual agents that run in a process of their own.
pub(crate) struct AgentsProcess {
    child: Child,
}

impl AgentsProcess {
    /// Starts the process; there are no agents yet.
    pub(crate) fn start() -> Result<Self> {
        Ok(Self { child: Child::start(&["agents-process"])? })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.pid()
    }

    /// Enrolls one more agent with each of `tokens`.
    pub(crate) async fn enroll(&mut self, tokens: Vec<String>) -> Result<()> {
        self.child.ask(&Ask::Enroll(tokens)).await
    }

    /// Connects some of them; returns when all of these wait for news, for up to `wait` seconds a poll.
    pub(crate) async fn connect(&mut self, agents: Range<usize>, wait: u32) -> Result<()> {
        self.child.ask(&Ask::Connect { agents, wait }).await
    }

    /// Waits until every connected agent has reported that many Deployments as Ready, and the hub has acknowledged it.
    pub(crate) async fn ready(&mut self, deployments: usize) -> Result<()> {
        self.child.ask(&Ask::Ready(deployments)).await
    }

    /// Remembers which document each agent has.
    pub(crate) async fn mark(&mut self) -> Result<()> {
        self.child.ask(&Ask::Mark).await
    }

    /// Waits until every connected agent has reported Ready for another document than the one of [`Self::mark`].
    pub(crate) async fn changed(&mut self) -> Result<()> {
        self.child.ask(&Ask::Changed).await
    }

    /// What these agents have sent and received.
    pub(crate) async fn totals(&mut self, agents: Range<usize>) -> Result<Totals> {
        self.child.ask(&Ask::Totals(agents)).await
    }
}

struct Slot {
    agent: Arc<VirtualAgent>,
    counter: Arc<Counter>,
    told: watch::Receiver<Told>,
    teller: Arc<watch::Sender<Told>>,
    connected: bool,
    marked: Option<Digest>,
}

impl Slot {
    fn new(agent: VirtualAgent) -> Self {
        let (teller, told) = watch::channel(Told::default());
        Self {
            agent: Arc::new(agent),
            counter: Arc::default(),
            told,
            teller: Arc::new(teller),
            connected: false,
            marked: None,
        }
    }

    /// Waits until what it tells is as wished.
    async fn until(&mut self, wished: impl Fn(&Told) -> bool) -> Result<()> {
        let told = self.told.wait_for(|told| told.failure.is_some() || wished(told)).await?;
        told.failure.clone().map_or(Ok(()), |why| Err(format!("a virtual agent gave up: {why}").into()))
    }
}

/// The agents' side.
pub(crate) async fn serve() -> Result<()> {
    note(&format!("agents: process {}", std::process::id()));
    let mut agents = Agents::default();
    child::serve(async |ask: Ask| agents.answer(ask).await).await
}

#[derive(Default)]
struct Agents {
    slots: Vec<Slot>,
    fetched: Fetched,
}

impl Agents {
    async fn answer(&mut self, ask: Ask) -> Result<Option<Totals>> {
        match ask {
            Ask::Enroll(tokens) => self.enroll(tokens).await?,
            Ask::Connect { agents, wait } => self.connect(agents, wait).await?,
            Ask::Ready(deployments) => {
                for slot in self.connected() {
                    slot.until(|told| told.ready == deployments).await?;
                }
            }
            Ask::Mark => {
                for slot in self.connected() {
                    slot.marked = slot.told.borrow().document;
                }
            }
            Ask::Changed => {
                for slot in self.connected() {
                    let marked = slot.marked;
                    slot.until(|told| told.document != marked).await?;
                }
            }
            Ask::Totals(agents) => return self.totals(agents).map(Some),
        }
        Ok(None)
    }

    fn connected(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().filter(|slot| slot.connected)
    }

    async fn enroll(&mut self, tokens: Vec<String>) -> Result<()> {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = Vec::new();
        for token in tokens {
            let permit = Arc::clone(&permits).acquire_owned().await?;
            tasks.push(tokio::spawn(async move {
                let _permit = permit;
                VirtualAgent::enroll(&token).await
            }));
        }
        for task in tasks {
            self.slots.push(Slot::new(task.await??));
        }
        Ok(())
    }

    async fn connect(&mut self, agents: Range<usize>, wait: u32) -> Result<()> {
        let slots = self.slots.get_mut(agents).ok_or("there are not so many agents")?;
        for chunk in slots.chunks_mut(AT_ONCE) {
            for slot in chunk.iter_mut() {
                slot.connected = true;
                let (agent, counter, teller) =
                    (Arc::clone(&slot.agent), Arc::clone(&slot.counter), Arc::clone(&slot.teller));
                let fetched = Arc::clone(&self.fetched);
                tokio::spawn(async move {
                    if let Err(error) = agent.run(wait, fetched, counter, &teller).await {
                        teller.send_modify(|told| told.failure = Some(error.to_string()));
                    }
                });
            }
            for slot in chunk {
                slot.until(|told| told.idle).await?;
            }
        }
        Ok(())
    }

    fn totals(&self, agents: Range<usize>) -> Result<Totals> {
        let mut totals = Totals::default();
        for slot in self.slots.get(agents).ok_or("there are not so many agents")? {
            totals.up += slot.counter.up.load(Ordering::Relaxed);
            totals.down += slot.counter.down.load(Ordering::Relaxed);
            totals.polls += slot.told.borrow().polls;
        }
        Ok(totals)
    }
}

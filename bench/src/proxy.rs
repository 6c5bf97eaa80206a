//! A TCP proxy that counts the bytes between the real agent and the hub.

use crate::Result;
use crate::connection::Counter;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A running proxy; ends with the program.
pub(crate) struct Proxy {
    address: String,
    counter: Arc<Counter>,
}

impl Proxy {
    /// Listens on a free port of the loopback interface.
    pub(crate) async fn start(hub: String) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let counter = Arc::new(Counter::default());
        let shared = Arc::clone(&counter);
        tokio::spawn(async move {
            while let Ok((agent, _)) = listener.accept().await {
                tokio::spawn(relay(agent, hub.clone(), Arc::clone(&shared)));
            }
        });
        Ok(Self { address, counter })
    }

    /// The address that the agent is given.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Bytes so far: to the hub, from the hub.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.counter.up.load(Ordering::Relaxed), self.counter.down.load(Ordering::Relaxed))
    }
}

async fn relay(agent: TcpStream, hub: String, counter: Arc<Counter>) {
    let Ok(hub) = TcpStream::connect(hub).await else { return };
    // Without it a figure would be that of Nagle's algorithm.
    drop(agent.set_nodelay(true).and_then(|()| hub.set_nodelay(true)));
    let (from_agent, to_agent) = agent.into_split();
    let (from_hub, to_hub) = hub.into_split();
    tokio::join!(copy(from_agent, to_hub, &counter.up), copy(from_hub, to_agent, &counter.down));
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    counter: &std::sync::atomic::AtomicU64,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length) = from.read(&mut buffer).await
        && length > 0
    {
        counter.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
    // The other side is gone already, or hears it now.
    drop(to.shutdown().await);
}

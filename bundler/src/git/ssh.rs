//! `git-upload-pack` over ssh, with russh. The host key is checked before anything is sent.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use russh::client::{self, AuthResult, Handle};
use russh::keys::{Algorithm, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Preferred};
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;

use super::address;
use super::credentials::{Access, Credentials};
use super::error::Error;
use super::http::chain;
use super::known_hosts::{self, Verdict};
use super::pktline::PacketReader;
use super::remote::Remote;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A server may count objects for a while before it sends the first byte.
const INACTIVITY_TIMEOUT: Duration = Duration::from_secs(90);
/// What is kept of the server's stderr.
const MAX_STDERR: usize = 2048;

/// A running `git-upload-pack` on the server.
pub(super) struct SshTransport {
    write: ChannelWriteHalf<client::Msg>,
    stderr: Arc<Mutex<String>>,
    /// The connection lives as long as its handle.
    _handle: Handle<Handler>,
}

impl SshTransport {
    /// Connects, checks the host key, authenticates, starts the program. The reader starts at its first byte.
    pub(super) async fn open(remote: &Remote, access: &Access) -> Result<(Self, PacketReader), Error> {
        let mut handle = connect(remote, access).await?;
        authenticate(&mut handle, remote, access).await?;
        let failed = |error: russh::Error| unreachable(remote, &error);
        let channel = handle.channel_open_session().await.map_err(failed)?;
        // Servers that do not accept the variable answer in version 0.
        channel.set_env(false, "GIT_PROTOCOL", "version=2").await.map_err(failed)?;
        channel.exec(false, format!("git-upload-pack {}", quote(&remote.path))).await.map_err(failed)?;
        let (read, write) = channel.split();
        let stderr = Arc::new(Mutex::new(String::new()));
        let (sender, receiver) = mpsc::channel(16);
        tokio::spawn(pump(read, sender, Arc::clone(&stderr)));
        let stream = futures::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|data: Bytes| (Ok::<_, std::io::Error>(data), receiver))
        });
        let reader = PacketReader::new(StreamReader::new(Box::pin(stream)));
        Ok((Self { write, stderr, _handle: handle }, reader))
    }

    /// Sends one request; its answer comes on the reader of [`SshTransport::open`].
    pub(super) async fn request(&mut self, body: Vec<u8>) -> std::io::Result<()> {
        self.write.data_bytes(body).await.map_err(std::io::Error::other)
    }

    /// What the server wrote to stderr, in one line.
    pub(super) fn stderr(&self) -> String {
        let text = self.stderr.lock().map(|text| text.clone()).unwrap_or_default();
        let words: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        words.join("; ")
    }
}

/// Carries data to the reader, which slows the server down by not reading, and keeps some of stderr.
async fn pump(mut read: ChannelReadHalf, sender: mpsc::Sender<Bytes>, stderr: Arc<Mutex<String>>) {
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } => match sender.send(data).await {
                Ok(()) => {}
                Err(_) => return,
            },
            ChannelMsg::ExtendedData { data, .. } => {
                if let Ok(mut text) = stderr.lock()
                    && text.len() < MAX_STDERR
                {
                    text.extend(
                        String::from_utf8_lossy(&data)
                            .chars()
                            .filter(|c| *c == '\n' || !c.is_control())
                            .take(MAX_STDERR),
                    );
                }
            }
            _ => {}
        }
    }
}

async fn connect(remote: &Remote, access: &Access) -> Result<Handle<Handler>, Error> {
    let name = remote.to_string();
    let unreachable_io = |error: &std::io::Error| match address::refusal(error) {
        Some(refused) => Error::RefusedAddress { host: refused.host.clone(), address: refused.address },
        None => Error::Unreachable { remote: name.clone(), reason: chain(error) },
    };
    let dial = async {
        let addresses = address::resolve(&remote.host, remote.port, remote.policy.public_only).await?;
        tokio::net::TcpStream::connect(addresses.as_slice()).await
    };
    let timed_out = || std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 15 seconds");
    let socket = tokio::time::timeout(CONNECT_TIMEOUT, dial)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
        .map_err(|error| unreachable_io(&error))?;
    let host = remote.known_hosts_name();
    let config = client::Config {
        preferred: preferred(access.known_hosts(), &host),
        inactivity_timeout: Some(INACTIVITY_TIMEOUT),
        keepalive_interval: Some(Duration::from_secs(30)),
        nodelay: true,
        ..client::Config::default()
    };
    let handler = Handler { host, lines: access.known_hosts().to_owned(), remote: name.clone() };
    let shake = client::connect_stream(Arc::new(config), socket, handler);
    match tokio::time::timeout(CONNECT_TIMEOUT, shake).await {
        Ok(Ok(handle)) => Ok(handle),
        Ok(Err(HandlerError::HostKey(error))) => Err(*error),
        Ok(Err(HandlerError::Ssh(error))) => Err(unreachable(remote, &error)),
        Err(_) => Err(unreachable_io(&timed_out())),
    }
}

/// Only the kinds of host key that are recorded, so that the server shows one that can be checked.
fn preferred(lines: &str, host: &str) -> Preferred {
    let base = Preferred::default();
    let known = known_hosts::algorithms(lines, host);
    let is_known =
        |offered: &Algorithm| known.iter().any(|known| known == offered || (is_rsa(known) && is_rsa(offered)));
    // `ssh-rsa` signs with SHA-1.
    let modern = |algorithm: &&Algorithm| !matches!(algorithm, Algorithm::Rsa { hash: None });
    let wanted: Vec<Algorithm> = base.key.iter().filter(modern).cloned().collect();
    let checked: Vec<Algorithm> = wanted.iter().filter(|offered| is_known(offered)).cloned().collect();
    Preferred { key: Cow::Owned(if checked.is_empty() { wanted } else { checked }), ..base }
}

fn is_rsa(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rsa { .. })
}

async fn authenticate(handle: &mut Handle<Handler>, remote: &Remote, access: &Access) -> Result<(), Error> {
    let failed = |error: russh::Error| unreachable(remote, &error);
    let user = |fallback: &str| remote.user.clone().unwrap_or_else(|| fallback.to_owned());
    let (result, user) = match &access.credentials {
        Credentials::SshKey { private_key, passphrase, .. } => {
            let passphrase = passphrase.as_ref().map(|text| text.as_str());
            let key = russh::keys::decode_secret_key(private_key, passphrase).map_err(|error| {
                Error::InvalidCredentials { reason: format!("`ssh-privatekey` cannot be read: {error}") }
            })?;
            let hash = handle.best_supported_rsa_hash().await.map_err(failed)?.flatten();
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            let user = user("git");
            (handle.authenticate_publickey(user.as_str(), key).await.map_err(failed)?, user)
        }
        Credentials::Basic { username, password } => {
            let user = user(username);
            (handle.authenticate_password(user.as_str(), password.as_str()).await.map_err(failed)?, user)
        }
        Credentials::None => {
            let user = user("git");
            (handle.authenticate_none(user.as_str()).await.map_err(failed)?, user)
        }
    };
    match result {
        AuthResult::Success => Ok(()),
        AuthResult::Failure { .. } => Err(Error::AuthenticationFailed {
            remote: remote.to_string(),
            offered: format!("{} as user {user:?}", access.credentials.describe()),
            reason: "ssh authentication failed".to_owned(),
        }),
    }
}

fn unreachable(remote: &Remote, error: &russh::Error) -> Error {
    Error::Unreachable { remote: remote.to_string(), reason: chain(error) }
}

/// One word of the shell on the other side, as git quotes it.
pub(super) fn quote(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''").replace('!', "'\\!'"))
}

/// Checks the host key; nothing else that a server starts is accepted.
pub(super) struct Handler {
    host: String,
    lines: String,
    remote: String,
}

/// What ends a handshake.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandlerError {
    #[error(transparent)]
    HostKey(Box<Error>),
    #[error(transparent)]
    Ssh(#[from] russh::Error),
}

impl client::Handler for Handler {
    type Error = HandlerError;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let key = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => key,
            PublicKeyOrCertificate::Certificate(_) => {
                let reason = "the server shows a host certificate that was not asked for".to_owned();
                return Err(HandlerError::HostKey(Box::new(Error::Protocol { remote: self.remote.clone(), reason })));
            }
        };
        match known_hosts::check(&self.lines, &self.host, key) {
            Verdict::Known => Ok(true),
            Verdict::Unknown => Err(HandlerError::HostKey(Box::new(self.unknown(key)))),
            Verdict::Changed(known) => Err(HandlerError::HostKey(Box::new(Error::HostKeyChanged {
                host: self.host.clone(),
                fingerprint: known_hosts::fingerprint(key),
                known,
            }))),
        }
    }
}

impl Handler {
    fn unknown(&self, key: &PublicKey) -> Error {
        let mut bare = key.clone();
        bare.set_comment("");
        Error::HostKeyUnknown {
            host: self.host.clone(),
            algorithm: key.algorithm().to_string(),
            fingerprint: known_hosts::fingerprint(key),
            line: format!("{} {}", self.host, bare.to_openssh().unwrap_or_default().trim()),
        }
    }
}

//! ssh on loopback: `git-upload-pack` and nothing else.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, PrivateKey};
use russh::server::{self, Auth, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId};
use zeroize::Zeroizing;

use super::{Options, upload_pack};

/// An Ed25519 key made from a number: the same number, the same key. For tests alone.
#[derive(Debug, Clone)]
pub struct TestKey(PrivateKey);

impl TestKey {
    /// The key of `number`.
    pub fn new(number: u8) -> Self {
        Self(PrivateKey::from(Ed25519Keypair::from_seed(&[number; 32])))
    }

    /// The private key in OpenSSH's form.
    pub fn private(&self) -> Zeroizing<String> {
        self.0.to_openssh(LineEnding::LF).unwrap_or_default()
    }

    /// The line of a known_hosts file for this key at an address.
    pub fn known_hosts_line(&self, address: SocketAddr) -> String {
        let key = self.0.public_key().to_openssh().unwrap_or_default();
        format!("[{}]:{} {}\n", address.ip(), address.port(), key.trim())
    }
}

/// A git server over ssh.
#[derive(Debug)]
pub struct SshServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    options: Mutex<Options>,
    host_key: Mutex<TestKey>,
    client_key: TestKey,
}

impl SshServer {
    /// Serves the repositories below `root` on a free port of 127.0.0.1 to the holder of `client_key` (or of
    /// [`Options::basic_auth`]).
    ///
    /// # Errors
    /// If there is no port.
    pub async fn start(root: &Path, host_key: TestKey, client_key: TestKey, options: Options) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (root, options, host_key) = (root.to_owned(), Mutex::new(options), Mutex::new(host_key));
        let shared = Arc::new(Shared { root, options, host_key, client_key });
        let accepting = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, Arc::clone(&accepting)));
            }
        });
        Ok(Self { address, shared, task })
    }

    /// The URL of the repository in the folder `name` below the root.
    pub fn url(&self, name: &str) -> String {
        format!("ssh://git@{}/{name}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Shows another host key from the next connection on.
    pub fn set_host_key(&self, key: TestKey) {
        *self.shared.host_key.lock().unwrap_or_else(PoisonError::into_inner) = key;
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: tokio::net::TcpStream, shared: Arc<Shared>) {
    let host_key = shared.host_key.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let config = server::Config {
        keys: vec![host_key.0],
        auth_rejection_time: std::time::Duration::from_millis(10),
        inactivity_timeout: Some(std::time::Duration::from_secs(60)),
        ..server::Config::default()
    };
    let options = shared.options.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let connection = Connection { shared, options, folder: None, version_2: false, input: Vec::new() };
    if let Ok(running) = server::run_stream(Arc::new(config), socket, connection).await {
        // Whether the client left politely is of no interest.
        let _ended = running.await;
    }
}

struct Connection {
    shared: Arc<Shared>,
    options: Options,
    folder: Option<PathBuf>,
    version_2: bool,
    input: Vec<u8>,
}

impl Connection {
    fn end(channel: ChannelId, status: u32, session: &mut Session) -> Result<(), russh::Error> {
        session.exit_status_request(channel, status)?;
        session.eof(channel)?;
        session.close(channel)
    }

    /// A whole request: in version 2 up to a flush, in version 0 up to `done`; a flush alone says goodbye.
    fn complete(&self, lines: &[Option<String>]) -> bool {
        match lines {
            [None] => true,
            [.., None] => self.version_2,
            [.., Some(last)] => !self.version_2 && last == "done",
            [] => false,
        }
    }
}

impl server::Handler for Connection {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let wanted = self.options.basic_auth.as_ref();
        let right = wanted.is_some_and(|(name, word)| name == user && word == password);
        Ok(if right { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, _user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let wanted = self.shared.client_key.0.public_key().key_data();
        Ok(if key.public_key.key_data() == wanted { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: server::ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn env_request(
        &mut self,
        _channel: ChannelId,
        name: &str,
        value: &str,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.version_2 = !self.options.only_version_0 && name == "GIT_PROTOCOL" && value == "version=2";
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let command = String::from_utf8_lossy(command).into_owned();
        let path = command.strip_prefix("git-upload-pack '").and_then(|rest| rest.strip_suffix('\''));
        let Some(folder) = path.and_then(|path| super::find(&self.shared.root, path)) else {
            session.extended_data(channel, 1, &b"ERROR: Repository not found.\n"[..])?;
            return Self::end(channel, 128, session);
        };
        match upload_pack::greeting(&folder, self.version_2, &self.options) {
            Ok(greeting) => session.data(channel, greeting)?,
            Err(_) => return Self::end(channel, 128, session),
        }
        self.folder = Some(folder);
        Ok(())
    }

    async fn data(&mut self, channel: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.input.extend_from_slice(data);
        let (Some(folder), Some(lines)) = (&self.folder, upload_pack::lines(&self.input)) else { return Ok(()) };
        if !self.complete(&lines) {
            return Ok(());
        }
        self.input.clear();
        if lines == [None] {
            return Self::end(channel, 0, session);
        }
        let answer = upload_pack::answer(folder, &lines, self.version_2, &self.options);
        session.data(channel, answer)?;
        if self.options.break_off {
            return Self::end(channel, 1, session);
        }
        Ok(())
    }
}

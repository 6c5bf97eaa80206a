//! One conversation with a git server: what it can do, what it has, and a pack of what we want. Version 2, and
//! version 0 with servers that know no better.

use bytes::{Buf, Bytes};

use super::credentials::Access;
use super::error::{Cap, Error};
use super::http::HttpTransport;
use super::object::ObjectId;
use super::pktline::{Packet, PacketReader};
use super::protocol::{self, AdvertisedRef, AdvertisementV0, Capabilities, FetchRequest};
use super::remote::{Remote, Scheme};
use super::ssh::SshTransport;

/// A list of a million branches of 60 characters has 100 MB; nobody's does.
const MAX_REFERENCE_BYTES: usize = 64 << 20;

/// An open conversation.
pub(super) struct Session {
    remote: String,
    transport: Transport,
    reader: PacketReader,
    server: Server,
}

enum Transport {
    Http(Box<HttpTransport>),
    Ssh(SshTransport),
}

enum Server {
    V2(Capabilities),
    V0(AdvertisementV0),
}

impl Session {
    /// Connects and reads what the server says first. `client` is for http alone.
    pub(super) async fn open(remote: &Remote, access: &Access, client: Option<reqwest::Client>) -> Result<Self, Error> {
        let (transport, reader) = match (remote.scheme, client) {
            (Scheme::Ssh, _) => {
                let (transport, reader) = SshTransport::open(remote, access).await?;
                (Transport::Ssh(transport), reader)
            }
            (_, Some(client)) => {
                let (transport, reader) = HttpTransport::open(client, remote, access).await?;
                (Transport::Http(Box::new(transport)), reader)
            }
            (_, None) => {
                let reason = "no transport for this scheme".to_owned();
                return Err(Error::Protocol { remote: remote.to_string(), reason });
            }
        };
        let server = Server::V2(Capabilities::new());
        let mut session = Self { remote: remote.to_string(), transport, reader, server };
        session.server = session.greet().await?;
        Ok(session)
    }

    async fn greet(&mut self) -> Result<Server, Error> {
        let mut first = self.line().await?;
        if first.as_deref().is_some_and(|line| line.starts_with("# service=")) {
            // The service line of smart HTTP and the flush behind it.
            while first.is_some() {
                first = self.line().await?;
            }
            first = self.line().await?;
        }
        if first.as_deref() == Some("version 2") {
            let mut capabilities = Capabilities::new();
            while let Some(line) = self.line().await? {
                capabilities.extend([protocol::capability(&line)]);
            }
            return self.check_format(capabilities.get("object-format")).map(|()| Server::V2(capabilities));
        }
        let mut advertisement = AdvertisementV0::default();
        let mut bytes = 0;
        while let Some(line) = first {
            bytes += line.len();
            if bytes > MAX_REFERENCE_BYTES {
                return Err(self.too_many_references());
            }
            advertisement.line(&line).map_err(|reason| self.protocol(reason))?;
            first = self.line().await?;
        }
        self.check_format(advertisement.capabilities.get("object-format"))?;
        Ok(Server::V0(advertisement))
    }

    fn check_format(&self, format: Option<&String>) -> Result<(), Error> {
        match format.map(String::as_str) {
            None | Some("sha1") => Ok(()),
            Some(other) => Err(self.protocol(format!("its objects are named by {other}; only sha1 is supported"))),
        }
    }

    /// The references whose full names start with one of `prefixes`.
    pub(super) async fn references(&mut self, prefixes: &[String]) -> Result<Vec<AdvertisedRef>, Error> {
        let matches = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
        let body = match &self.server {
            Server::V0(advertisement) => {
                return Ok(advertisement.refs.iter().filter(|reference| matches(&reference.name)).cloned().collect());
            }
            Server::V2(capabilities) => protocol::ls_refs(capabilities, prefixes),
        };
        self.request(body).await?;
        let mut references = Vec::new();
        let mut bytes = 0;
        while let Some(line) = self.line().await? {
            bytes += line.len();
            if bytes > MAX_REFERENCE_BYTES {
                return Err(self.too_many_references());
            }
            references.extend(protocol::parse_ls_refs(&line).filter(|reference| matches(&reference.name)));
        }
        Ok(references)
    }

    /// Asks for a pack, and reads up to its first byte; [`Session::pack_data`] gives the rest.
    pub(super) async fn fetch(&mut self, request: &FetchRequest) -> Result<(), Error> {
        let body = match &self.server {
            Server::V2(capabilities) => protocol::fetch_v2(capabilities, request),
            Server::V0(advertisement) => {
                if !advertisement.capabilities.contains_key("side-band-64k") {
                    return Err(self.protocol("it does not support side-band-64k".to_owned()));
                }
                protocol::fetch_v0(&advertisement.capabilities, request)
            }
        };
        self.request(body).await?;
        match self.server {
            Server::V2(_) => self.skip_to_packfile().await,
            Server::V0(_) => self.skip_acknowledgments(request.depth.is_some()).await,
        }
    }

    async fn skip_to_packfile(&mut self) -> Result<(), Error> {
        loop {
            let packet = self.packet().await?;
            if packet == Packet::Flush || packet == Packet::ResponseEnd {
                return Err(self.protocol("the answer ends before the pack".to_owned()));
            }
            match packet.text().as_deref() {
                Some("packfile") => return Ok(()),
                Some("packfile-uris") => return Err(self.protocol("it sends packs by URL".to_owned())),
                _ => {}
            }
        }
    }

    async fn skip_acknowledgments(&mut self, deepened: bool) -> Result<(), Error> {
        let shallow = matches!(&self.server, Server::V0(server) if server.capabilities.contains_key("shallow"));
        if deepened && shallow {
            while self.line().await?.is_some() {}
        }
        loop {
            match self.line().await?.as_deref().map(|line| line.split(' ').collect::<Vec<_>>()).as_deref() {
                // `common`, `ready` or `continue`: more is to come.
                Some(["ACK", _, _]) => {}
                Some(["NAK"] | ["ACK", _]) => return Ok(()),
                other => return Err(self.protocol(format!("{other:?} where ACK or NAK was due"))),
            }
        }
    }

    /// The next piece of the pack; `None` at its end.
    pub(super) async fn pack_data(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let Packet::Data(mut data) = self.packet().await? else { return Ok(None) };
            let band = if data.has_remaining() { data.get_u8() } else { 0 };
            match band {
                1 if data.is_empty() => {}
                1 => return Ok(Some(data)),
                2 => {}
                3 => return Err(self.said(&String::from_utf8_lossy(&data))),
                _ => return Err(self.protocol(format!("side band {band} in a pack"))),
            }
        }
    }

    /// Says goodbye where the server waits for more.
    pub(super) async fn close(mut self) {
        if let Transport::Ssh(transport) = &mut self.transport {
            // The server's own end of the matter is of no interest.
            let _ignored = transport.request(b"0000".to_vec()).await;
        }
    }

    async fn request(&mut self, body: Vec<u8>) -> Result<(), Error> {
        match &mut self.transport {
            Transport::Http(transport) => self.reader = transport.request(body).await?,
            Transport::Ssh(transport) => {
                if let Err(error) = transport.request(body).await {
                    return Err(self.broken(&error));
                }
            }
        }
        Ok(())
    }

    /// The next line; `None` for any of the special packets. `ERR` lines are errors.
    async fn line(&mut self) -> Result<Option<String>, Error> {
        Ok(self.packet().await?.text())
    }

    async fn packet(&mut self) -> Result<Packet, Error> {
        let packet = match self.reader.next().await {
            Ok(packet) => packet,
            Err(error) => return Err(self.broken(&error)),
        };
        match &packet {
            Packet::Data(data) if data.starts_with(b"ERR ") => Err(self.said(&String::from_utf8_lossy(&data[4..]))),
            _ => Ok(packet),
        }
    }

    /// An error that the server put into words.
    fn said(&self, words: &str) -> Error {
        let reason: String = words.trim().chars().filter(|c| !c.is_control()).take(300).collect();
        let remote = self.remote.clone();
        let lower = reason.to_lowercase();
        let missing_object =
            lower.contains("not our ref") || lower.contains("unadvertised") || lower.contains("bad object");
        if missing_object && let Some(commit) = lower.split_whitespace().find_map(|word| word.parse::<ObjectId>().ok())
        {
            return Error::CommitRefused { remote, commit, reason };
        }
        if lower.contains("not found") || lower.contains("does not exist") || lower.contains("not appear to be a git") {
            return Error::RepositoryNotFound { remote, reason };
        }
        if lower.contains("denied") || lower.contains("unauthorized") || lower.contains("authentication") {
            return Error::AuthenticationFailed { remote, offered: "these credentials".to_owned(), reason };
        }
        Error::Unreachable { remote, reason }
    }

    /// The connection broke. What an ssh server wrote to stderr is the better text.
    fn broken(&self, error: &std::io::Error) -> Error {
        if let Transport::Ssh(transport) = &self.transport {
            let stderr = transport.stderr();
            if !stderr.is_empty() {
                return self.said(&stderr);
            }
        }
        match error.kind() {
            std::io::ErrorKind::InvalidData => self.protocol(error.to_string()),
            std::io::ErrorKind::UnexpectedEof => Error::Unreachable {
                remote: self.remote.clone(),
                reason: "the server closed the connection in the middle of its answer".to_owned(),
            },
            _ => Error::Unreachable { remote: self.remote.clone(), reason: super::http::chain(error) },
        }
    }

    fn protocol(&self, reason: String) -> Error {
        Error::Protocol { remote: self.remote.clone(), reason }
    }

    fn too_many_references(&self) -> Error {
        Error::CapExceeded {
            what: self.remote.clone(),
            cap: Cap::ReferenceBytes,
            limit: u64::try_from(MAX_REFERENCE_BYTES).unwrap_or(u64::MAX),
        }
    }
}

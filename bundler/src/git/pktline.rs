//! Git's packet lines (`gitprotocol-common(5)`): four hexadecimal digits of length, then that many bytes less four.

use std::io;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packet {
    /// A line or a piece of data.
    Data(Bytes),
    /// `0000`: the end of a message.
    Flush,
    /// `0001`: the end of a section.
    Delimiter,
    /// `0002`: the end of a response on a connection that goes on.
    ResponseEnd,
}

impl Packet {
    /// The line without its newline; `None` for the special packets.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Data(data) => Some(String::from_utf8_lossy(data).trim_end_matches('\n').to_owned()),
            Self::Flush | Self::Delimiter | Self::ResponseEnd => None,
        }
    }
}

/// What a packet can hold at most.
pub(super) const MAX_DATA: usize = 65_516;

/// Appends a line; callers keep it below [`MAX_DATA`].
pub(super) fn put(buffer: &mut Vec<u8>, data: impl AsRef<[u8]>) {
    let data = data.as_ref();
    debug_assert!(data.len() <= MAX_DATA, "a packet holds {MAX_DATA} bytes");
    buffer.extend_from_slice(format!("{:04x}", data.len() + 4).as_bytes());
    buffer.extend_from_slice(data);
}

/// Appends the end of a message.
pub(super) fn put_flush(buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(b"0000");
}

/// Appends the end of a section.
pub(super) fn put_delimiter(buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(b"0001");
}

/// Reads packets from a connection.
pub(super) struct PacketReader {
    inner: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
}

impl PacketReader {
    pub(super) fn new(inner: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self { inner: BufReader::with_capacity(64 * 1024, Box::new(inner)) }
    }

    /// The next packet. `InvalidData` where the bytes are no packet.
    pub(super) async fn next(&mut self) -> io::Result<Packet> {
        let mut head = [0; 4];
        self.inner.read_exact(&mut head).await?;
        let length = std::str::from_utf8(&head).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        match length {
            Some(0) => Ok(Packet::Flush),
            Some(1) => Ok(Packet::Delimiter),
            Some(2) => Ok(Packet::ResponseEnd),
            Some(length) if length >= 4 => {
                let mut data = vec![0; length - 4];
                self.inner.read_exact(&mut data).await?;
                Ok(Packet::Data(data.into()))
            }
            _ => {
                let shown = String::from_utf8_lossy(&head).escape_default().to_string();
                Err(io::Error::new(io::ErrorKind::InvalidData, format!("{shown:?} is not the length of a packet")))
            }
        }
    }
}

//! What the hub sends: the envelope of a Desired, and answers with blobs. No I/O; [`crate::decode`] is the other side.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::wire::{BlobsHead, DesiredEnvelope};
use skiff_planner::hub::Signed;
use std::io::Write as _;

/// The document on its way, compressed against the one that the agent has.
///
/// # Errors
/// Where it cannot be compressed.
pub fn envelope<B: AsRef<[u8]>>(issued: &Signed<B>, base: Option<&Signed<B>>) -> std::io::Result<DesiredEnvelope> {
    let bytes = issued.bytes.as_ref();
    let data = compress(bytes, base.map_or(&[], |base| base.bytes.as_ref()))?;
    Ok(DesiredEnvelope {
        digest: issued.have.digest,
        size: bytes.len() as u64,
        signature: STANDARD.encode(&issued.signature),
        base: base.map(|base| base.have.digest),
        data: STANDARD.encode(data),
    })
}

/// An answer with blobs ([`BlobsHead`]): `content` is all of them one after the other, `prefix` all bases.
///
/// # Errors
/// Where it cannot be compressed.
pub fn blobs(head: &BlobsHead, content: &[u8], prefix: &[u8]) -> std::io::Result<Vec<u8>> {
    let json = serde_json::to_vec(head)?;
    let length = u32::try_from(json.len()).map_err(std::io::Error::other)?;
    let frame = compress(content, prefix)?;
    let mut out = Vec::with_capacity(4 + json.len() + frame.len());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&json);
    out.extend_from_slice(&frame);
    Ok(out)
}

/// One zstd frame of `bytes`, which refers to `prefix` (to none where that is empty). The window covers both.
fn compress(bytes: &[u8], prefix: &[u8]) -> std::io::Result<Vec<u8>> {
    let span = (bytes.len() + prefix.len()).max(1 << 10).next_power_of_two();
    let mut encoder = if prefix.is_empty() {
        zstd::stream::write::Encoder::new(Vec::with_capacity(bytes.len() / 4 + 64), 3)?
    } else {
        zstd::stream::write::Encoder::with_ref_prefix(Vec::with_capacity(256), 3, prefix)?
    };
    encoder.window_log(span.trailing_zeros().clamp(10, 27))?;
    encoder.include_checksum(false)?;
    encoder.set_pledged_src_size(Some(bytes.len() as u64))?;
    encoder.write_all(bytes)?;
    encoder.finish()
}

//! Takes apart what the hub sends: the envelope of a Desired, and the answer with blobs. No I/O.
//!
//! Invariant: no more memory is taken than the sizes say, and those are capped; a digest is verified on the very bytes that
//! are parsed (R4); nothing that was not signed with the pinned key is believed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::wire::{BlobsHead, Desired, DesiredEnvelope};
use fleet_api::{Digest, Note, Reason};
use ring::signature::{ED25519, UnparsedPublicKey};
use skiff_planner::agent::{Rules, has_digest};
use std::io::Read;

/// A Desired is no larger, uncompressed.
const DESIRED_LIMIT: u64 = 128 << 20;
/// A blob is no larger.
const BLOB_LIMIT: u64 = 64 << 20;
/// The largest window that a frame may ask for: 2^25 bytes.
const WINDOW_LOG: u32 = 25;

/// The bytes and the document of an envelope. `base` is what the compression may refer to.
///
/// # Errors
/// The note to report where it is not to be believed.
pub fn open_envelope(
    rules: Rules,
    envelope: &DesiredEnvelope,
    base: Option<&[u8]>,
    signing_key: &[u8],
) -> Result<(Vec<u8>, Desired), Note> {
    let broken = |why: &str| Note::new(Reason::DigestMismatch, format!("refused a desired state: {why}"));
    if envelope.size > DESIRED_LIMIT {
        return Err(Note::new(Reason::CapExceeded, format!("refused a desired state of {} bytes", envelope.size)));
    }
    let packed = STANDARD.decode(&envelope.data).map_err(|_| broken("its data is not base64"))?;
    let base = match (envelope.base, base) {
        (None, _) => &[][..],
        (Some(digest), Some(base)) if Digest::of(base) == digest => base,
        (Some(_), _) => return Err(broken("it refers to one that this agent does not have")),
    };
    let bytes = inflate(&packed, base, envelope.size).ok_or_else(|| broken("its data cannot be decompressed"))?;
    if !has_digest(rules, &bytes, envelope.digest) {
        return Err(broken("its bytes do not have its digest"));
    }
    let signature = STANDARD.decode(&envelope.signature).unwrap_or_default();
    if UnparsedPublicKey::new(&ED25519, signing_key).verify(&bytes, &signature).is_err() {
        let message = "refused a desired state: its signature is not one of the key that was pinned at enrollment";
        return Err(Note::new(Reason::SignatureRefused, message));
    }
    let desired = fleet_api::wire::from_json(&bytes)
        .map_err(|error| Note::new(Reason::ProtocolTooOld, format!("the desired state cannot be read: {error}")))?;
    Ok((bytes, desired))
}

fn inflate(packed: &[u8], base: &[u8], size: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).ok()?);
    let mut decoder = zstd::stream::read::Decoder::with_ref_prefix(packed, base).ok()?;
    decoder.window_log_max(WINDOW_LOG).ok()?;
    decoder.take(size + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == size).then_some(bytes)
}

/// Takes the blobs out of the answer to a request for `want`, one after the other; `load` gives the bases, `each` gets
/// what has its digest. Returns the head.
///
/// # Errors
/// In words, where the answer makes no sense; what came before it was given to `each`.
pub fn blobs(
    rules: Rules,
    want: &[Digest],
    body: &[u8],
    load: impl Fn(Digest) -> Option<Vec<u8>>,
    mut each: impl FnMut(Digest, Vec<u8>),
) -> Result<BlobsHead, String> {
    let (length, rest) = body.split_first_chunk::<4>().ok_or("it is too short")?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| "it is too long")?;
    let head = rest.get(..length).ok_or("its head is cut")?;
    let head: BlobsHead =
        fleet_api::wire::from_json(head).map_err(|error| format!("its head cannot be read: {error}"))?;
    let entries = head.entries(want);
    if entries.is_empty() {
        return Ok(head);
    }
    let mut prefix = Vec::new();
    for base in &head.bases {
        prefix.extend(load(*base).ok_or_else(|| format!("it refers to {base}, which is not in the cache"))?);
    }
    let mut decoder = zstd::stream::read::Decoder::with_ref_prefix(&rest[length..], prefix.as_slice())
        .map_err(|error| error.to_string())?;
    decoder.window_log_max(WINDOW_LOG).map_err(|error| error.to_string())?;
    for entry in &entries {
        if entry.size > BLOB_LIMIT {
            return Err(format!("{} is larger than {BLOB_LIMIT} bytes", entry.digest));
        }
        let mut bytes = Vec::new();
        decoder.by_ref().take(entry.size).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 != entry.size || !has_digest(rules, &bytes, entry.digest) {
            return Err(format!("what came for {} has another digest", entry.digest));
        }
        each(entry.digest, bytes);
    }
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet_api::wire::BlobEntry;
    use std::io::Write as _;

    fn answer(blobs: &[&[u8]], bases: &[&[u8]], lie: bool) -> Vec<u8> {
        let prefix = bases.concat();
        let entry =
            |blob: &&[u8]| BlobEntry { digest: Digest::of(if lie { b"lie" } else { blob }), size: blob.len() as u64 };
        let head = BlobsHead {
            bases: bases.iter().map(|base| Digest::of(base)).collect(),
            blobs: blobs.iter().map(entry).collect(),
            ..BlobsHead::default()
        };
        framed(&head, blobs, &prefix)
    }

    fn framed(head: &BlobsHead, blobs: &[&[u8]], prefix: &[u8]) -> Vec<u8> {
        let head = serde_json::to_vec(head).unwrap();
        let mut encoder = zstd::stream::write::Encoder::with_ref_prefix(Vec::new(), 3, prefix).unwrap();
        encoder.write_all(&blobs.concat()).unwrap();
        let frame = encoder.finish().unwrap();
        [&u32::try_from(head.len()).unwrap().to_le_bytes()[..], &head, &frame].concat()
    }

    #[test]
    fn blobs_are_taken_out_one_by_one_against_their_bases() {
        let base = vec![b'x'; 5_000];
        let body = answer(&[b"one", &base, b""], &[&base], false);
        assert!(body.len() < 500);
        let mut got = Vec::new();
        let head = blobs(Rules::all(), &[], &body, |_| Some(base.clone()), |_, bytes| got.push(bytes)).unwrap();
        assert_eq!(head.blobs.len(), 3);
        assert_eq!(got, [b"one".to_vec(), base, Vec::new()]);
    }

    #[test]
    fn sizes_alone_are_read_in_the_order_of_the_request() {
        let [refused, one, missing, two, cut] = [&b"refused"[..], b"one", b"missing", b"two!", b"cut"];
        let want = [refused, one, missing, two, cut].map(Digest::of);
        let sizes = vec![Some(3), None, Some(4)];
        let head = BlobsHead { sizes, refused: vec![Digest::of(refused)], ..BlobsHead::default() };
        let body = framed(&head, &[one, two], &[]);
        let mut got = Vec::new();
        blobs(Rules::all(), &want, &body, |_| None, |digest, bytes| got.push((digest, bytes))).unwrap();
        assert_eq!(got, [one, two].map(|bytes| (Digest::of(bytes), bytes.to_vec())));

        let wrong = [refused, two, missing, one, cut].map(Digest::of);
        let result = blobs(Rules::all(), &wrong, &body, |_| None, |_, _| panic!("a digest is compared"));
        assert!(result.is_err());
    }

    #[test]
    fn what_has_another_digest_or_is_cut_is_refused() {
        let body = answer(&[b"one"], &[], true);
        assert!(blobs(Rules::all(), &[], &body, |_| None, |_, _| panic!("nothing is believed")).is_err());
        let body = answer(&[b"one", b"two"], &[], false);
        for end in 0..body.len() {
            drop(blobs(
                Rules::all(),
                &[],
                &body[..end],
                |_| None,
                |digest, bytes| assert_eq!(Digest::of(&bytes), digest),
            ));
        }
    }
}

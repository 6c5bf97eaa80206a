//! `POST /v1/blobs`: content by digest; only what is reachable from the caller's own Desired.

use super::{AgentApi, BLOBS_LIMIT, Refusal};
use crate::blobs::Blobs;
use crate::tls::Peer;
use axum::body::Body;
use axum::http::StatusCode;
use bytes::Bytes;
use fleet_api::digest::Digest;
use fleet_api::wire::{BlobEntry, BlobsHead, BlobsRequest};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// How many bytes of content one answer has at most; but always one blob.
const ANSWER: usize = 8 << 20;
/// How many bytes are compressed against at most.
const BASES: usize = 4 << 20;
/// How many finished answers are kept: the agents of one rollout ask for the same.
const PACKS: usize = 64;
/// Larger answers are not kept.
const LARGEST_PACK: usize = 512 << 10;

/// Finished answers, by what they hold.
#[derive(Debug, Default)]
pub(super) struct Packs {
    packs: Mutex<VecDeque<(Digest, Bytes)>>,
}

impl Packs {
    fn get(&self, key: &Digest) -> Option<Bytes> {
        let packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
        packs.iter().find(|(known, _)| known == key).map(|(_, bytes)| bytes.clone())
    }

    fn put(&self, key: Digest, bytes: &Bytes) {
        if bytes.len() > LARGEST_PACK {
            return;
        }
        let mut packs = self.packs.lock().unwrap_or_else(PoisonError::into_inner);
        packs.push_back((key, bytes.clone()));
        while packs.len() > PACKS {
            packs.pop_front();
        }
    }
}

pub(super) async fn blobs(api: &AgentApi, peer: Peer, body: Body) -> Result<Bytes, Refusal> {
    let slot = api.caller(&peer)?;
    let _turn = slot.blobs.acquire().await;
    let request: BlobsRequest = api.body(body, BLOBS_LIMIT).await?;
    let sizes = request.sizes;
    let readable = api.slots.needed(&slot.readable());
    let (want, refused): (Vec<Digest>, Vec<Digest>) =
        request.want.into_iter().partition(|digest| readable.contains(digest));
    let bases: Vec<Digest> = request.bases.into_iter().filter(|digest| readable.contains(digest)).collect();
    let key = Digest::of_json(&(&want, &bases, &refused, sizes));
    if let Some(bytes) = key.as_ref().ok().and_then(|key| api.packs.get(key)) {
        return Ok(bytes);
    }
    let store = api.blobs.clone();
    let packed = tokio::task::spawn_blocking(move || {
        let mut head = BlobsHead { refused, ..BlobsHead::default() };
        let (content, prefix, complete) = gather(&store, &want, &bases, sizes, &mut head);
        Ok::<_, std::io::Error>((Bytes::from(skiff_wire::encode::blobs(&head, &content, &prefix)?), complete))
    })
    .await;
    let (bytes, complete) = packed
        .map_err(|_| Refusal::stopping())?
        .map_err(|error| Refusal::plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    if let Ok(key) = key
        && complete
    {
        api.packs.put(key, &bytes);
    }
    Ok(bytes)
}

/// The content that is given, what it is compressed against, and whether nothing was missing on disk; `head` learns what
/// that is.
fn gather(
    store: &Blobs,
    want: &[Digest],
    bases: &[Digest],
    sizes: bool,
    head: &mut BlobsHead,
) -> (Vec<u8>, Vec<u8>, bool) {
    let mut prefix = Vec::new();
    for digest in bases {
        // What is not here any more, or too much, is no dictionary.
        if let Ok(bytes) = store.get(digest)
            && prefix.len() + bytes.len() <= BASES
        {
            prefix.extend_from_slice(&bytes);
            head.bases.push(*digest);
        }
    }
    let (mut content, mut complete) = (Vec::new(), true);
    for digest in want {
        let size = match store.get(digest) {
            Ok(bytes) => {
                if !content.is_empty() && content.len() + bytes.len() > ANSWER {
                    break;
                }
                content.extend_from_slice(&bytes);
                Some(bytes.len() as u64)
            }
            Err(error) => {
                complete = false;
                tracing::error!(%digest, %error, "a blob that an agent needs cannot be read");
                None
            }
        };
        if sizes {
            head.sizes.push(size);
        } else if let Some(size) = size {
            head.blobs.push(BlobEntry { digest: *digest, size });
        }
    }
    (content, prefix, complete)
}

//! The newest documents of one cluster, as its agent may get them: which one, compressed against which, and what of
//! their content it may read.
//!
//! The invariant: what is on the shelf is on disk; after [`Shelf::withhold`] nothing of an older epoch is given out.

use fleet_api::digest::Digest;
use fleet_api::wire::Have;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// How many older documents are kept to compress newer ones against.
const OLDER: usize = 4;

/// A signed Desired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<B> {
    /// Its version and digest.
    pub have: Have,
    /// What was signed.
    pub bytes: B,
    /// ed25519.
    pub signature: Vec<u8>,
    /// The Deployments that it names.
    pub deployments: BTreeSet<Digest>,
}

/// See the module.
#[derive(Debug)]
pub struct Shelf<B> {
    documents: VecDeque<Arc<Signed<B>>>,
}

/// A document, and an older one that the agent has.
pub type Taken<B> = (Arc<Signed<B>>, Option<Arc<Signed<B>>>);

impl<B> Default for Shelf<B> {
    fn default() -> Self {
        Self { documents: VecDeque::new() }
    }
}

impl<B> Shelf<B> {
    /// A new document is on disk.
    pub fn publish(&mut self, document: Arc<Signed<B>>) {
        self.documents.push_back(document);
        while self.documents.len() > OLDER {
            self.documents.pop_front();
        }
    }

    /// A new epoch has begun (R3): nothing of the old one is given out any more.
    pub fn withhold(&mut self) {
        self.documents.clear();
    }

    /// The newest document, where the agent has another one, and the one that it has, where that is still here.
    pub fn take(&self, have: Option<Have>) -> Option<Taken<B>> {
        let newest = self.documents.back().filter(|newest| Some(newest.have) != have)?;
        let base = self.documents.iter().find(|older| Some(older.have) == have);
        Some((Arc::clone(newest), base.map(Arc::clone)))
    }

    /// The Deployments that the agent may read: those of the newest document and of the one before.
    pub fn readable(&self) -> BTreeSet<Digest> {
        self.documents.iter().rev().take(2).flat_map(|document| document.deployments.iter().copied()).collect()
    }
}

//! The rules of DESIGN §8 that an agent keeps, each by name. Called wherever one of them decides something.
//!
//! Invariant: a released build cannot switch one off; only the feature `ablation`, which dev-dependencies alone
//! enable, makes the switches exist.

/// A rule of DESIGN §8 that the agent's machine keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rule {
    /// R1: a Desired names its cluster by UID, exactly.
    R1Cluster,
    /// R1: what was written in another cluster and copied here is not believed.
    R1Copy,
    /// R2: `(epoch, generation)` never goes back.
    R2Mark,
    /// R3: nothing is deleted in a new epoch until the hub allows it.
    R3Epoch,
    /// R3: a ledger from before the cluster was enrolled anew is deleted from only by lists that an admin approves.
    R3Anew,
    /// R2: a Desired counts only when it is persisted with its mark.
    R2Saved,
    /// R4: a digest is verified on the very bytes that are parsed.
    R4Digest,
    /// R6: an object is deleted only with the recorded UID.
    R6Uid,
    /// R6: an object that another live Deployment claims is not deleted.
    R6Claim,
    /// R6: only a tombstone, or a newer Deployment that is complete and applied, deletes.
    R6Complete,
    /// R6: nothing is applied over an object that was not read.
    R6Read,
    /// R6: what exists and is not ours is not applied over.
    R6Foreign,
    /// R6: a deletion has the UID as its precondition.
    R6Precondition,
    /// R7: a watch that says DELETED is not believed before the object was read.
    R7Deleted,
    /// R7: what a list does not show is not taken for gone.
    R7Listed,
    /// R7: an intent is journaled before the first apply.
    R7Journal,
    /// R8: too many deletions hold all of them.
    R8Limit,
    /// R8: a deletion is counted on disk before it is done.
    R8Counted,
    /// R8: Namespace, PersistentVolume, PersistentVolumeClaim and CRD are always held.
    R8Kinds,
    /// R9: an expired Desired deletes nothing.
    R9Expired,
    /// R10: an unknown field where safety depends on it refuses the deletion; a Deployment with one is not used at all.
    R10Unknown,
    /// R12: a fenced agent writes nothing.
    R12Fenced,
    /// R12: the agent's documents are written only over what this instance read or wrote.
    R12Document,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::R1Cluster,
        Self::R1Copy,
        Self::R2Mark,
        Self::R3Epoch,
        Self::R3Anew,
        Self::R2Saved,
        Self::R4Digest,
        Self::R6Uid,
        Self::R6Claim,
        Self::R6Complete,
        Self::R6Read,
        Self::R6Foreign,
        Self::R6Precondition,
        Self::R7Deleted,
        Self::R7Listed,
        Self::R7Journal,
        Self::R8Limit,
        Self::R8Counted,
        Self::R8Kinds,
        Self::R9Expired,
        Self::R10Unknown,
        Self::R12Fenced,
        Self::R12Document,
    ];
}

/// Which rules hold: all of them.
#[cfg(not(feature = "ablation"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules;

#[cfg(not(feature = "ablation"))]
impl Rules {
    /// All of them hold.
    pub const fn all() -> Self {
        Self
    }

    /// Whether `rule` holds; always.
    #[expect(clippy::unused_self, reason = "the same signature as with the feature")]
    pub const fn on(self, _rule: Rule) -> bool {
        true
    }
}

/// Which rules hold: all but those that a test has switched off.
#[cfg(feature = "ablation")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    off: u32,
}

#[cfg(feature = "ablation")]
impl Rules {
    /// All of them hold.
    pub const fn all() -> Self {
        Self { off: 0 }
    }

    /// Whether `rule` holds.
    pub const fn on(self, rule: Rule) -> bool {
        self.off & (1 << rule as u32) == 0
    }

    /// The same, with `rule` switched off.
    #[must_use]
    pub const fn without(self, rule: Rule) -> Self {
        Self { off: self.off | (1 << rule as u32) }
    }
}

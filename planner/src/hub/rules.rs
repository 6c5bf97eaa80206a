//! The rules of DESIGN §8 that the hub keeps, each by name. Called wherever one of them decides something.
//!
//! Invariant: as for the agent's ([`crate::agent::Rules`]), a released build cannot switch one off.

/// A rule of DESIGN §8 that the hub's machine keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rule {
    /// R1: who an agent says it is must be who its key says, in the cluster that was enrolled.
    R1Identity,
    /// R1: a name that a cluster has is not given to another one.
    R1Name,
    /// R2: nothing is answered, published or acknowledged before it is on disk.
    R2Commit,
    /// R3: a document that this hub did not issue begins a new epoch.
    R3Epoch,
    /// R3: in a new epoch nothing is deleted until all repositories were read and an admin has approved.
    R3Hold,
    /// R6: a tombstone stays until the agent has reported that it holds nothing of the Bundle.
    R6Tombstone,
    /// R8: an approval counts only for the list that was shown.
    R8Shown,
    /// R11: a report's counter rises strictly.
    R11Report,
    /// R12: the younger process fences the older.
    R12Start,
    /// R13: what was not found is not withdrawn.
    R13Absent,
    /// R13: an empty render changes nothing.
    R13Empty,
    /// R13: a render that fails keeps the last good Deployment.
    R13Failed,
    /// R13: while something of a repository is not known, nothing that left a place of it is taken for deleted.
    R13Moved,
    /// R13: the end of a Bundle goes to disk together with what its clusters are told of it.
    R13Ends,
    /// R14: silence changes no desired state.
    R14Silence,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::R1Identity,
        Self::R1Name,
        Self::R2Commit,
        Self::R3Epoch,
        Self::R3Hold,
        Self::R6Tombstone,
        Self::R8Shown,
        Self::R11Report,
        Self::R12Start,
        Self::R13Absent,
        Self::R13Empty,
        Self::R13Failed,
        Self::R13Moved,
        Self::R13Ends,
        Self::R14Silence,
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

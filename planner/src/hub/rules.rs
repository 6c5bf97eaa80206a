//! The rules of DESIGN §8 that the hub keeps, each by name. Called wherever one of them decides something.
//!
//! Invariant: as for the agent's ([`crate::agent::Rules`]), a released build cannot switch one off.

/// A rule of DESIGN §8 that the hub's machine keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rule {
    /// R3: a document that this hub did not issue begins a new epoch.
    R3Epoch,
    /// R3: in a new epoch nothing is deleted until all repositories were read and an admin has approved.
    R3Hold,
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
    /// R14: silence changes no desired state.
    R14Silence,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::R3Epoch,
        Self::R3Hold,
        Self::R11Report,
        Self::R12Start,
        Self::R13Absent,
        Self::R13Empty,
        Self::R13Failed,
        Self::R13Moved,
        Self::R14Silence,
    ];
}

/// Which rules hold: all of them.
#[cfg(not(feature = "ablation"))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules;

#[cfg(not(feature = "ablation"))]
impl Rules {
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
    off: u16,
}

#[cfg(feature = "ablation")]
impl Rules {
    /// Whether `rule` holds.
    pub const fn on(self, rule: Rule) -> bool {
        self.off & (1 << rule as u16) == 0
    }

    /// The same, with `rule` switched off.
    #[must_use]
    pub const fn without(self, rule: Rule) -> Self {
        Self { off: self.off | (1 << rule as u16) }
    }
}

//! One condition on a version. Go: `constraints.go`, the functions of the operators.

use super::Version;
use super::version::compare_prereleases;

/// The operator of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// None or `=`: equal, or like `~` where a part is open.
    Equal,
    /// `!=`.
    NotEqual,
    /// `>`.
    Greater,
    /// `<`.
    Less,
    /// `>=` or `=>`.
    GreaterEqual,
    /// `<=` or `=<`.
    LessEqual,
    /// `~` or `~>`.
    Tilde,
    /// `^`.
    Caret,
}

impl Operator {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" | "=" => Self::Equal,
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            "<" => Self::Less,
            ">=" | "=>" => Self::GreaterEqual,
            "<=" | "=<" => Self::LessEqual,
            "~" | "~>" => Self::Tilde,
            "^" => Self::Caret,
            _ => return None,
        })
    }
}

/// An operator and a version, parts of which may be open (`1.x`).
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) operator: Operator,
    /// The version with 0 for what is open.
    pub(super) version: Version,
    /// Whether anything is open.
    pub(super) open: bool,
    /// Whether the minor version is the first that is open.
    pub(super) open_minor: bool,
    /// Whether the patch version is the only one that is open.
    pub(super) open_patch: bool,
}

impl Condition {
    /// Whether the condition holds; that prereleases may be asked at all is decided for the whole group.
    pub(super) fn holds(&self, v: &Version) -> bool {
        match self.operator {
            Operator::Equal if self.open => self.tilde(v),
            Operator::Equal => *v == self.version,
            Operator::NotEqual => self.not_equal(v),
            Operator::Greater => self.greater(v),
            Operator::Less => *v < self.version,
            Operator::GreaterEqual => *v >= self.version,
            Operator::LessEqual => self.less_equal(v),
            Operator::Tilde => self.tilde(v),
            Operator::Caret => self.caret(v),
        }
    }

    fn not_equal(&self, v: &Version) -> bool {
        let c = &self.version;
        if self.open {
            if c.major != v.major {
                return true;
            }
            if self.open_minor {
                return false;
            }
            if c.minor != v.minor {
                return true;
            }
            if self.open_patch {
                let prereleases = !v.prerelease.is_empty() || !c.prerelease.is_empty();
                return prereleases && compare_prereleases(&v.prerelease, &c.prerelease).is_ne();
            }
            if c.patch != v.patch {
                return true;
            }
        }
        v != c
    }

    /// `>11` wants 12 and `>11.1` wants 11.2: what is open counts as a whole.
    fn greater(&self, v: &Version) -> bool {
        let c = &self.version;
        if !self.open || v.major == c.major && !self.open_minor && !self.open_patch {
            return v > c;
        }
        v.major > c.major || v.major == c.major && self.open_patch && v.minor > c.minor
    }

    fn less_equal(&self, v: &Version) -> bool {
        let c = &self.version;
        if !self.open {
            return v <= c;
        }
        v.major < c.major || v.major == c.major && (v.minor <= c.minor || self.open_minor)
    }

    fn tilde(&self, v: &Version) -> bool {
        let c = &self.version;
        if v < c {
            return false;
        }
        // `~0.0.0` and `*` take everything from there on.
        if (c.major, c.minor, c.patch) == (0, 0, 0) && !self.open_minor && !self.open_patch {
            return true;
        }
        v.major == c.major && (v.minor == c.minor || self.open_minor)
    }

    /// Nothing left of the first number that is not 0 may change.
    fn caret(&self, v: &Version) -> bool {
        let c = &self.version;
        if v < c {
            return false;
        }
        if c.major > 0 || self.open_minor {
            return v.major == c.major;
        }
        if v.major > 0 {
            return false;
        }
        if c.minor > 0 || self.open_patch {
            return v.minor == c.minor;
        }
        v.minor == 0 && v.patch == c.patch
    }
}

//! A version. Go: `version.go`.

use std::cmp::Ordering;
use std::fmt;

use super::Error;

/// The longest version that is read, in bytes.
const MAX_LEN: usize = 256;

/// A semantic version. It compares by precedence: metadata does not count, a prerelease is below its release.
#[derive(Debug, Clone, Default)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number.
    pub minor: u64,
    /// The third number.
    pub patch: u64,
    /// What follows the `-`, or "".
    pub prerelease: String,
    /// What follows the `+`, or "".
    pub metadata: String,
    /// The text that was read.
    pub original: String,
}

impl Version {
    /// Reads a version leniently, as Helm does nearly everywhere: a `v` in front, one or two numbers and leading zeros in them
    /// are allowed. Go: `NewVersion`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_LEN {
            return Err(Error::TooLong);
        }
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (rest, metadata) = cut(rest, '+');
        let (numbers, prerelease) = cut(rest, '-');
        let numbers: Vec<&str> = numbers.split('.').collect();
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let identifiers = |s: &str| s.split('.').all(|part| !part.is_empty() && part.bytes().all(is_allowed));
        if numbers.len() > 3
            || !numbers.iter().all(|s| digits(s))
            || !prerelease.is_none_or(identifiers)
            || !metadata.is_none_or(identifiers)
        {
            return Err(Error::Invalid);
        }
        let number =
            |index: usize| numbers.get(index).map_or(Ok(0), |s| s.parse().map_err(|_| Error::Segment((*s).to_owned())));
        let (major, minor, patch) = (number(0)?, number(1)?, number(2)?);
        let (prerelease, metadata) = (prerelease.unwrap_or_default(), metadata.unwrap_or_default());
        check_prerelease(prerelease)?;
        Ok(Self::new(major, minor, patch, prerelease, metadata, text))
    }

    /// Reads a version strictly by the specification: three numbers, no `v`, no leading zeros. Go: `StrictNewVersion`.
    pub fn parse_strict(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Empty);
        }
        if text.len() > MAX_LEN {
            return Err(Error::TooLong);
        }
        let parts: Vec<&str> = text.splitn(3, '.').collect();
        let [major, minor, rest] = parts[..] else { return Err(Error::Invalid) };
        let (rest, metadata) = cut(rest, '+');
        if let Some(metadata) = metadata
            && !metadata.split('.').all(|part| !part.is_empty() && part.bytes().all(is_allowed))
        {
            return Err(Error::Metadata);
        }
        let (patch, prerelease) = cut(rest, '-');
        if let Some(prerelease) = prerelease {
            check_prerelease(prerelease)?;
        }
        for part in [major, minor, patch] {
            if !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(Error::Characters);
            }
            if part.len() > 1 && part.starts_with('0') {
                return Err(Error::LeadingZero);
            }
        }
        let number = |s: &str| s.parse().map_err(|_| Error::Segment(s.to_owned()));
        let (prerelease, metadata) = (prerelease.unwrap_or_default(), metadata.unwrap_or_default());
        Ok(Self::new(number(major)?, number(minor)?, number(patch)?, prerelease, metadata, text))
    }

    fn new(major: u64, minor: u64, patch: u64, prerelease: &str, metadata: &str, original: &str) -> Self {
        Self {
            major,
            minor,
            patch,
            prerelease: prerelease.to_owned(),
            metadata: metadata.to_owned(),
            original: original.to_owned(),
        }
    }

    /// Whether the text that was read began with `v`.
    pub fn has_v(&self) -> bool {
        self.original.starts_with('v')
    }

    /// With its text made anew, the `v` kept. Go: the `Inc…` and `Set…` methods.
    #[must_use]
    pub fn renamed(mut self) -> Self {
        self.original = format!("{}{self}", if self.has_v() { "v" } else { "" });
        self
    }

    /// Precedence by the specification. Go: `Compare`.
    pub fn precedence(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prereleases(&self.prerelease, &other.prerelease),
            }
        })
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.precedence(other).is_eq()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.precedence(other)
    }
}

/// The normal form: three numbers, no `v`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(head, tail)| (head, Some(tail)))
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

/// Go: `validatePrerelease`. Nothing at all is no prerelease.
pub(crate) fn check_prerelease(text: &str) -> Result<(), Error> {
    if text.is_empty() {
        return Ok(());
    }
    for part in text.split('.') {
        if part.is_empty() || !part.bytes().all(is_allowed) {
            return Err(Error::Prerelease);
        }
        if part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Error::LeadingZero);
        }
    }
    Ok(())
}

/// Go: `validateMetadata`.
pub(crate) fn check_metadata(text: &str) -> Result<(), Error> {
    let fine = text.is_empty() || text.split('.').all(|part| !part.is_empty() && part.bytes().all(is_allowed));
    if fine { Ok(()) } else { Err(Error::Metadata) }
}

/// Part by part: numbers by value and below words, words by their bytes, fewer parts first. Go: `comparePrerelease`.
pub(super) fn compare_prereleases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let (x, y) = (a.next(), b.next());
        if x.is_none() && y.is_none() {
            return Ordering::Equal;
        }
        let order = compare_parts(x.unwrap_or_default(), y.unwrap_or_default());
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_parts(a: &str, b: &str) -> Ordering {
    if a == b || a.is_empty() || b.is_empty() {
        return a.len().min(1).cmp(&b.len().min(1));
    }
    // Go's ParseUint takes no sign.
    let number = |s: &str| if s.starts_with('+') { None } else { s.parse::<u64>().ok() };
    match (number(a), number(b)) {
        (Some(x), Some(y)) => x.cmp(&y),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

//! Go's strings: bytes that are mostly text.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A Go string: any bytes, with text as the fast path. Cloning shares the bytes, or copies them where they are few. Order and
/// equality are those of the bytes.
#[derive(Clone)]
pub struct Str(Repr);

#[derive(Clone)]
enum Repr {
    /// Text of at most [`SHORT`] bytes, as most words of charts are: it needs no memory of its own.
    Short {
        len: u8,
        bytes: [u8; SHORT],
    },
    Text(Arc<str>),
    /// Never valid UTF-8.
    Bytes(Arc<[u8]>),
}

/// As much as makes a string no larger than it is without short ones.
const SHORT: usize = 22;

impl Repr {
    fn short(text: &str) -> Option<Self> {
        let mut bytes = [0; SHORT];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self::Short { len: u8::try_from(text.len()).ok()?, bytes })
    }
}

impl Str {
    /// A string of bytes, which need not be UTF-8.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(error) => Self(Repr::Bytes(error.into_bytes().into())),
        }
    }

    /// As [`Str::from_bytes`], of bytes that stay where they are.
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => Self(Repr::Bytes(bytes.into())),
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Repr::Text(text) => text.as_bytes(),
            Repr::Bytes(bytes) => bytes,
        }
    }

    /// The text, if the bytes are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Repr::Short { .. } => std::str::from_utf8(self.as_bytes()).ok(),
            Repr::Text(text) => Some(text),
            Repr::Bytes(_) => None,
        }
    }

    /// The text, with U+FFFD for each byte that is not part of a character: what a `range` or a conversion to `[]rune` sees.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self.as_str() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(decode(self.as_bytes())),
        }
    }

    /// The number of bytes (`len`).
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Decodes as Go does: U+FFFD for every single byte that is not part of a character, where Rust's lossy conversion takes one
/// for a whole truncated sequence.
fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), f)
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

/// Lets a map be asked with plain bytes; equality, order and hash agree with those of the bytes.
impl std::borrow::Borrow<[u8]> for Str {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Str {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl From<&str> for Str {
    fn from(s: &str) -> Self {
        Self(Repr::short(s).unwrap_or_else(|| Repr::Text(s.into())))
    }
}

impl From<String> for Str {
    fn from(s: String) -> Self {
        s.as_str().into()
    }
}

impl From<Arc<str>> for Str {
    fn from(s: Arc<str>) -> Self {
        Self(Repr::short(&s).unwrap_or(Repr::Text(s)))
    }
}

impl From<&Str> for Str {
    fn from(s: &Str) -> Self {
        s.clone()
    }
}

impl From<Vec<u8>> for Str {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from_bytes(bytes)
    }
}

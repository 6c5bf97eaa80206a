//! The document that operations change: JSON whose scalars keep their text.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::Error;
use crate::go_json;

/// A value. The library compares scalars by their text, so that is what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Document {
    Null,
    /// The text of a string (with quotes and escapes), number or boolean.
    Scalar(String),
    Array(Vec<Document>),
    Object(BTreeMap<String, Document>),
}

/// How deep values may nest.
const MAX_DEPTH: usize = 200;

impl Document {
    pub(super) fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Array(items) => Self::Array(items.iter().map(Self::from_value).collect()),
            Value::Object(fields) => {
                Self::Object(fields.iter().map(|(name, value)| (name.clone(), Self::from_value(value))).collect())
            }
            scalar => Self::Scalar(go_json::to_string(scalar)),
        }
    }

    pub(super) fn from_text(text: &str) -> Result<Self, Error> {
        Self::from_raw(text.trim(), 0)
    }

    fn from_raw(text: &str, depth: usize) -> Result<Self, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::new(format!("not JSON: nested deeper than {MAX_DEPTH}")));
        }
        let inner = |value: &RawValue| Self::from_raw(value.get(), depth + 1);
        match text.bytes().next() {
            Some(b'[') => {
                let items: Vec<&RawValue> = read(text)?;
                Ok(Self::Array(items.into_iter().map(inner).collect::<Result<_, _>>()?))
            }
            Some(b'{') => {
                let fields: BTreeMap<String, &RawValue> = read(text)?;
                let fields = fields.into_iter().map(|(name, value)| Ok((name, inner(value)?)));
                Ok(Self::Object(fields.collect::<Result<_, Error>>()?))
            }
            _ => Ok(match read::<Value>(text)? {
                Value::Null => Self::Null,
                _ => Self::Scalar(text.to_owned()),
            }),
        }
    }

    pub(super) fn into_value(self) -> Result<Value, Error> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Scalar(text) => read(&text)?,
            Self::Array(items) => items.into_iter().map(Self::into_value).collect::<Result<_, _>>()?,
            Self::Object(fields) => {
                let fields = fields.into_iter().map(|(name, value)| Ok((name, value.into_value()?)));
                Value::Object(fields.collect::<Result<_, Error>>()?)
            }
        })
    }

    /// How many values it holds, itself included.
    pub(super) fn size(&self) -> usize {
        1 + match self {
            Self::Null | Self::Scalar(_) => 0,
            Self::Array(items) => items.iter().map(Self::size).sum(),
            Self::Object(fields) => fields.values().map(Self::size).sum(),
        }
    }

    /// Equality of operation `test`. A list with a null in it equals nothing: there the library crashes.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Scalar(a), Self::Scalar(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b)),
            (Self::Object(a), Self::Object(b)) => {
                let same = |a: &Self, b: &Self| a.equals(b) || (*a == Self::Null && *b == Self::Null);
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
            }
            _ => false,
        }
    }

    /// The container at a path, and the last part of the path. `None` if there is none. Go: `findObject`.
    pub(super) fn find(&mut self, path: &str) -> Option<Found<'_>> {
        let (_, path) = path.split_once('/')?;
        let mut parts: Vec<&str> = path.split('/').collect();
        let last = parts.pop()?;
        let mut container = self;
        for part in parts {
            container = Found { container, key: decode(part) }.get_mut()?;
        }
        matches!(container, Self::Array(_) | Self::Object(_)).then(|| Found { container, key: decode(last) })
    }
}

fn read<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::new(format!("not JSON: {error}")))
}

fn decode(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// A place in a container.
pub(super) struct Found<'a> {
    container: &'a mut Document,
    key: String,
}

impl<'a> Found<'a> {
    /// The value there; `None` for a field that is not there.
    pub(super) fn get(self) -> Result<Option<&'a Document>, Error> {
        match self.container {
            Document::Object(fields) => Ok(fields.get(&self.key)),
            Document::Array(items) => {
                let at = index(&self.key, items.len())?;
                Ok(items.get(at))
            }
            Document::Null | Document::Scalar(_) => Ok(None),
        }
    }

    fn get_mut(self) -> Option<&'a mut Document> {
        match self.container {
            Document::Object(fields) => fields.get_mut(&self.key),
            Document::Array(items) => {
                let at = index(&self.key, items.len()).ok()?;
                items.get_mut(at)
            }
            Document::Null | Document::Scalar(_) => None,
        }
    }

    pub(super) fn add(self, value: Document) -> Result<(), Error> {
        match self.container {
            Document::Array(items) if self.key == "-" => items.push(value),
            Document::Array(items) => {
                let at = index(&self.key, items.len() + 1)?;
                items.insert(at, value);
            }
            Document::Object(fields) => {
                fields.insert(self.key, value);
            }
            Document::Null | Document::Scalar(_) => {}
        }
        Ok(())
    }

    pub(super) fn replace(self, value: Document) -> Result<(), Error> {
        match self.container {
            Document::Object(fields) => {
                fields.insert(self.key, value);
            }
            Document::Array(items) => {
                let at = index(&self.key, items.len())?;
                if let Some(item) = items.get_mut(at) {
                    *item = value;
                }
            }
            Document::Null | Document::Scalar(_) => {}
        }
        Ok(())
    }

    pub(super) fn remove(self) -> Result<Document, Error> {
        match self.container {
            Document::Object(fields) => fields
                .remove(&self.key)
                .ok_or_else(|| Error::new(format!("unable to remove nonexistent key: {}", self.key))),
            Document::Array(items) => {
                let at = index(&self.key, items.len())?;
                Ok(items.remove(at))
            }
            Document::Null | Document::Scalar(_) => Ok(Document::Null),
        }
    }
}

/// The index that a part of a path names, negative ones from the end; below `length`.
fn index(key: &str, length: usize) -> Result<usize, Error> {
    let number: i64 =
        key.parse().map_err(|_| Error::new(format!("the value was not a proper array index: '{key}'")))?;
    let invalid = || Error::new(format!("unable to access invalid index: {number}"));
    let at = if number < 0 {
        let back = usize::try_from(number.unsigned_abs()).map_err(|_| invalid())?;
        length.checked_sub(back).ok_or_else(invalid)?
    } else {
        usize::try_from(number).map_err(|_| invalid())?
    };
    if at < length { Ok(at) } else { Err(invalid()) }
}

//! Mappings in the order of the text, with what happened to keys given twice and to merges.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::options::{DuplicateKeys, Mode, Options};
use crate::{Content, Error, ErrorKind, Node, Position};

/// A mapping: keys are unique, in the order in which they first stood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    entries: Vec<Entry>,
    duplicates: Vec<Duplicate>,
}

/// One key of a mapping and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// A key, as the string that it is in JSON: the key of `on: push` is `true`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The string.
    pub text: Arc<str>,
    /// Where it stands; for a merged key, in the mapping that it comes from.
    pub position: Position,
    /// Whether it was a string already; otherwise it was a boolean or a number.
    pub is_string: bool,
}

/// A key that stood in a mapping before. Its value replaced the earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The key.
    pub key: Arc<str>,
    /// Where it stands again.
    pub position: Position,
    /// Where it stood first.
    pub first: Position,
}

impl Mapping {
    /// A mapping of entries whose keys are unique.
    pub(crate) fn new(entries: Vec<Entry>, duplicates: Vec<Duplicate>) -> Self {
        Self { entries, duplicates }
    }

    /// The value at `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The key and value at `key`.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| &*entry.key.text == key)
    }

    /// The entries in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys of this mapping that were given more than once.
    #[must_use]
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }
}

impl<'a> IntoIterator for &'a Mapping {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A mapping that is being read.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    mapping: Mapping,
    /// Whether the entry of the same index came from a merge; empty until a merge is met.
    merged: Vec<bool>,
    /// The places of the keys, once there are too many to look through.
    index: BTreeMap<Arc<str>, usize>,
    /// kyaml: the merge that waits for the mapping's own keys.
    waiting_merge: Option<Node>,
}

/// From how many keys on an index is kept.
const INDEX_FROM: usize = 24;

impl Builder {
    /// Adds a key of the mapping itself.
    pub(crate) fn insert(&mut self, key: Key, value: Node, policy: DuplicateKeys) -> Result<(), Error> {
        let Some(at) = self.find(&key.text) else {
            self.push(key, value, false);
            return Ok(());
        };
        if !self.merged.get(at).copied().unwrap_or(false) {
            let first = self.mapping.entries[at].key.position;
            if policy == DuplicateKeys::Error {
                let message = format!("the key {:?} is given twice, first at {first}", key.text);
                return Err(Error::at(ErrorKind::DuplicateKey, message, key.position));
            }
            self.mapping.duplicates.push(Duplicate { key: Arc::clone(&key.text), position: key.position, first });
        }
        if let Some(merged) = self.merged.get_mut(at) {
            *merged = false;
        }
        self.mapping.entries[at] = Entry { key, value };
        Ok(())
    }

    /// Does what a `<<` asks for. go-yaml v2 does it at once and over the keys so far; v3 at the end, below all keys.
    pub(crate) fn merge(&mut self, position: Position, value: Node, options: &Options) -> Result<(), Error> {
        match options.mode {
            Mode::Sigs => self.merge_now(&value, true),
            Mode::Kyaml if self.waiting_merge.is_some() && options.duplicate_keys == DuplicateKeys::Error => {
                Err(Error::at(ErrorKind::DuplicateKey, "the key \"<<\" is given twice", position))
            }
            Mode::Kyaml => {
                self.waiting_merge = Some(value);
                Ok(())
            }
        }
    }

    pub(crate) fn finish(mut self) -> Result<Mapping, Error> {
        if let Some(value) = self.waiting_merge.take() {
            self.merge_now(&value, false)?;
        }
        Ok(self.mapping)
    }

    fn merge_now(&mut self, value: &Node, overwrite: bool) -> Result<(), Error> {
        match &value.content {
            Content::Mapping(source) => self.merge_mapping(source, overwrite),
            Content::List(items) => {
                // Earlier mappings of the list win: they come last where the last wins, first where the first does.
                let mut items: Vec<&Node> = items.iter().collect();
                if overwrite {
                    items.reverse();
                }
                for item in items {
                    let Content::Mapping(source) = &item.content else { return Err(no_mapping(item)) };
                    self.merge_mapping(source, overwrite);
                }
            }
            _ => return Err(no_mapping(value)),
        }
        Ok(())
    }

    fn merge_mapping(&mut self, source: &Mapping, overwrite: bool) {
        for entry in source {
            match self.find(&entry.key.text) {
                None => self.push(entry.key.clone(), entry.value.clone(), true),
                Some(at) if overwrite => self.mapping.entries[at].value = entry.value.clone(),
                Some(_) => {}
            }
        }
    }

    fn push(&mut self, key: Key, value: Node, merged: bool) {
        let at = self.mapping.entries.len();
        if merged || !self.merged.is_empty() {
            self.merged.resize(at, false);
            self.merged.push(merged);
        }
        if at == INDEX_FROM {
            let known = self.mapping.entries.iter().enumerate();
            self.index = known.map(|(at, entry)| (Arc::clone(&entry.key.text), at)).collect();
        }
        if at >= INDEX_FROM {
            self.index.insert(Arc::clone(&key.text), at);
        }
        self.mapping.entries.push(Entry { key, value });
    }

    fn find(&self, key: &str) -> Option<usize> {
        if self.mapping.entries.len() > INDEX_FROM {
            return self.index.get(key).copied();
        }
        self.mapping.entries.iter().position(|entry| &*entry.key.text == key)
    }
}

fn no_mapping(found: &Node) -> Error {
    let message = format!("<< needs a mapping or a list of mappings, found {}", found.kind_name());
    Error::at(ErrorKind::Merge, message, found.position)
}

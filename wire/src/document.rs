//! A document that an agent keeps in Secrets of its cluster: the high-water mark with the last Desired, and the ledger.
//! Compressed, and split below 1 MiB (etcd's limit is 1.5). What to write and what an answer means is decided here; the
//! agent's shell and the simulator send it.
//!
//! Invariant: a write replaces the whole document or nothing of it: the parts go into the slot that is not in use, then
//! the head names the slot. Each write has the resourceVersion of the last one as its precondition (R12).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet_api::labels::AGENT_NAMESPACE;
use serde_json::{Map, Value, json};
use skiff_planner::agent::{Rule, Rules};
use std::collections::BTreeMap;

/// A part of a document is no larger, compressed.
const PART_LIMIT: usize = 900 * 1024;
/// A document is no larger, uncompressed.
const DOCUMENT_LIMIT: usize = 256 << 20;

/// Why a document cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Another instance wrote in between.
    #[error(
        "secret {AGENT_NAMESPACE}/{0} is not as this process left it: another instance of the agent wrote it, or the cluster \
         was put back to an older state"
    )]
    Superseded(String),
    /// It is not what was written.
    #[error("secret {AGENT_NAMESPACE}/{0} cannot be read: {1}")]
    Broken(String, String),
}

/// What has come of the write of a head.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// It was taken; the head as it is now.
    Taken(&'a Value),
    /// 409: somebody wrote in between.
    Conflict,
    /// It was refused for another reason, and did not happen.
    Refused,
    /// Nobody knows whether it happened: no answer, or a 5xx.
    Unknown,
}

/// One document in one or more Secrets.
#[derive(Debug)]
pub struct Document {
    name: &'static str,
    resource_version: Option<String>,
    slot: u8,
    parts: usize,
    /// What the last write would have put there, where it had no answer: it may have happened.
    uncertain: Option<Value>,
    rules: Rules,
}

/// What one write of a [`Document`] sends.
#[derive(Debug)]
pub struct Writing {
    /// The parts, by name; they go into the slot that is not in use.
    pub parts: Vec<(String, Value)>,
    /// The head; with it the write counts.
    pub head: Value,
    /// Whether the head replaces the one of `metadata.resourceVersion`; else it is made.
    pub replaces: bool,
    slot: u8,
}

impl Document {
    /// Of this name, nothing read yet.
    pub const fn new(name: &'static str, rules: Rules) -> Self {
        Self { name, resource_version: None, slot: 0, parts: 0, uncertain: None, rules }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Takes in the head; gives the names of the parts to read, in order.
    pub fn begin_read(&mut self, head: &Value) -> Vec<String> {
        self.resource_version = version_of(head);
        let data = fields(head);
        let number = |key: &str| data.get(key).and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse::<usize>().ok());
        let (parts, slot) = (number("parts").unwrap_or(0), number("slot").unwrap_or(0));
        self.parts = parts;
        self.slot = u8::try_from(slot).unwrap_or(0);
        (0..parts).map(|part| part_name(self.name, slot, part)).collect()
    }

    /// The document, from its head and what was found of its parts.
    ///
    /// # Errors
    /// Where it is broken.
    pub fn assemble(&self, head: &Value, parts: &[Value]) -> Result<Vec<u8>, DocumentError> {
        let broken = |why: &str| DocumentError::Broken(self.name.to_owned(), why.to_owned());
        let mut packed = fields(head).remove("document").unwrap_or_default();
        if parts.len() != self.parts {
            return Err(broken("a part is missing"));
        }
        for part in parts {
            packed.extend(fields(part).remove("document").ok_or_else(|| broken("a part is empty"))?);
        }
        unpack(&packed).ok_or_else(|| broken("it is damaged"))
    }

    /// Whether nobody knows if the last write happened: the head has to be read, and given to [`Document::resolve`].
    pub const fn is_uncertain(&self) -> bool {
        self.uncertain.is_some()
    }

    /// Finds out whether the last write happened.
    ///
    /// # Errors
    /// Where another instance wrote.
    pub fn resolve(&mut self, head: Option<&Value>) -> Result<(), DocumentError> {
        let Some(tried) = &self.uncertain else { return Ok(()) };
        let version = head.and_then(version_of);
        let is_ours = head.is_some_and(|head| head["data"] == *tried);
        if version != self.resource_version && !is_ours && self.rules.on(Rule::R12Document) {
            return Err(DocumentError::Superseded(self.name.to_owned()));
        }
        self.resource_version = version;
        self.uncertain = None;
        Ok(())
    }

    /// What has to be written, in this order: the parts, then the head.
    ///
    /// # Errors
    /// Where it cannot be compressed.
    pub fn begin_write(&self, document: &[u8]) -> Result<Writing, DocumentError> {
        let packed = zstd::bulk::compress(document, 3)
            .map_err(|error| DocumentError::Broken(self.name.to_owned(), error.to_string()))?;
        let (slot, count) = if packed.len() <= PART_LIMIT {
            (self.slot, 0)
        } else {
            (1 - self.slot.min(1), packed.len().div_ceil(PART_LIMIT))
        };
        let part = |(index, chunk): (usize, &[u8])| {
            let name = part_name(self.name, slot.into(), index);
            let mut part = secret(&name);
            part["data"] = json!({"document": STANDARD.encode(chunk)});
            (name, part)
        };
        let parts = packed.chunks(PART_LIMIT).enumerate().take(count).map(part).collect();
        let mut head = secret(self.name);
        head["data"] = json!({
            "document": STANDARD.encode(if count == 0 { packed.as_slice() } else { b"" }),
            "parts": STANDARD.encode(count.to_string()),
            "slot": STANDARD.encode(slot.to_string()),
        });
        if let Some(version) = self.resource_version.as_ref().filter(|_| self.rules.on(Rule::R12Document)) {
            head["metadata"]["resourceVersion"] = json!(version);
        }
        Ok(Writing { parts, head, replaces: self.resource_version.is_some(), slot })
    }

    /// Takes in the answer to the write of the head.
    ///
    /// # Errors
    /// Where another instance wrote in between.
    pub fn written(&mut self, writing: &Writing, answer: Answer<'_>) -> Result<(), DocumentError> {
        self.uncertain = matches!(answer, Answer::Unknown).then(|| writing.head["data"].clone());
        match answer {
            Answer::Conflict => Err(DocumentError::Superseded(self.name.to_owned())),
            Answer::Refused | Answer::Unknown => Ok(()),
            Answer::Taken(head) => {
                self.resource_version = version_of(head);
                (self.slot, self.parts) = (writing.slot, writing.parts.len());
                Ok(())
            }
        }
    }
}

fn version_of(secret: &Value) -> Option<String> {
    secret["metadata"]["resourceVersion"].as_str().map(str::to_owned)
}

fn part_name(name: &str, slot: usize, part: usize) -> String {
    format!("{name}-{slot}-{part}")
}

fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read as _;
    // A frame that says its size is taken in one go, without the buffers of a stream; what we write does.
    if let Ok(Some(size)) = zstd::zstd_safe::get_frame_content_size(packed)
        && size <= DOCUMENT_LIMIT as u64
    {
        return zstd::bulk::decompress(packed, usize::try_from(size).ok()?).ok();
    }
    let mut bytes = Vec::new();
    let decoder = zstd::Decoder::new(packed).ok()?;
    decoder.take(DOCUMENT_LIMIT as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// An empty Secret of ours.
pub fn secret(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "skiff.dev/state",
        "metadata": {"name": name, "namespace": AGENT_NAMESPACE},
    })
}

/// The decoded fields of a Secret.
pub fn fields(secret: &Value) -> BTreeMap<String, Vec<u8>> {
    let data = secret["data"].as_object().into_iter().flat_map(Map::iter);
    data.filter_map(|(name, value)| Some((name.clone(), STANDARD.decode(value.as_str()?).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Secret store that holds one head, with Kubernetes' rule for `resourceVersion`.
    #[derive(Default)]
    struct Store(Option<Value>);

    impl Store {
        fn put(&mut self, writing: &Writing) -> Option<Value> {
            let found = self.0.as_ref().and_then(version_of);
            let wanted = version_of(&writing.head);
            let is_free = if writing.replaces { wanted.is_none() || wanted == found } else { found.is_none() };
            let mut head = is_free.then(|| writing.head.clone())?;
            let next = found.and_then(|version| version.parse::<u64>().ok()).unwrap_or_default() + 1;
            head["metadata"]["resourceVersion"] = json!(next.to_string());
            self.0 = Some(head.clone());
            Some(head)
        }
    }

    fn write(document: &mut Document, store: &mut Store, text: &str) -> Result<(), DocumentError> {
        let writing = document.begin_write(text.as_bytes())?;
        match store.put(&writing) {
            Some(head) => document.written(&writing, Answer::Taken(&head)),
            None => document.written(&writing, Answer::Conflict),
        }
    }

    /// R12: whether one of two instances writes over what the other wrote since it looked.
    fn is_overwritten(rules: Rules) -> bool {
        let mut store = Store::default();
        let (mut first, mut second) = (Document::new("d", rules), Document::new("d", rules));
        write(&mut first, &mut store, "1").unwrap();
        second.begin_read(store.0.as_ref().unwrap());
        write(&mut second, &mut store, "2").unwrap();
        write(&mut first, &mut store, "3").is_ok()
    }

    #[test]
    fn what_another_instance_wrote_is_not_written_over() {
        assert!(!is_overwritten(Rules::all()));
    }

    #[test]
    fn a_write_without_an_answer_is_found_out_about() {
        let mut store = Store::default();
        let mut document = Document::new("d", Rules::all());
        let writing = document.begin_write(b"1").unwrap();
        store.put(&writing);
        document.written(&writing, Answer::Unknown).unwrap();
        assert!(document.is_uncertain());
        document.resolve(store.0.as_ref()).unwrap();
        write(&mut document, &mut store, "2").unwrap();

        let writing = document.begin_write(b"3").unwrap();
        document.written(&writing, Answer::Unknown).unwrap();
        let mut other = Document::new("d", Rules::all());
        other.begin_read(store.0.as_ref().unwrap());
        write(&mut other, &mut store, "another").unwrap();
        assert!(matches!(document.resolve(store.0.as_ref()), Err(DocumentError::Superseded(_))));
    }
}

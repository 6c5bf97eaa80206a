//! What Helm reads of an object: apiVersion, kind, name, annotations.
//!
//! An object may be long and its head is short, so it is read without keeping the rest, which must be right all the same: a
//! document that cannot be read is an error. Whatever is not plain sailing is left to [`k8s_yaml::from_str`], which the tests
//! hold this to.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use k8s_yaml::{Limits, Mode, Outcome, Scalar, ScalarStyle, Step, read_everyday, resolve_untagged};
use serde::Deserialize;

use super::RESOURCE_POLICY;

/// What Helm reads of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Head {
    /// Its `apiVersion`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its metadata.
    pub metadata: Option<HeadMetadata>,
}

/// What Helm reads of the metadata of an object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct HeadMetadata {
    /// Its name.
    pub name: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Head {
    /// Reads the head of a document.
    ///
    /// # Errors
    /// The document is no YAML or no mapping, or a field of the head is malformed.
    pub fn read(document: &str) -> Result<Self, k8s_yaml::Error> {
        match everyday(document) {
            Some(head) => Ok(head),
            None => k8s_yaml::from_str(document),
        }
    }

    /// The value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata.as_ref().and_then(|metadata| metadata.annotations.get(name)).map(String::as_str)
    }

    /// Whether the object stays when its release goes. Helm: `pkg/action/resource_policy.go`.
    pub fn is_kept(&self) -> bool {
        self.annotation(RESOURCE_POLICY).is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
    }
}

/// The head of a document that is written as most are, and of which nothing is wrong.
pub(super) fn everyday(document: &str) -> Option<Head> {
    let limits = Limits::default();
    if document.len() > limits.bytes {
        return None;
    }
    let mut reader = Reader::default();
    let outcome = read_everyday(document, limits.depth, |step, _| match reader.step(step) {
        Some(()) => ControlFlow::Continue(()),
        None => ControlFlow::Break(()),
    });
    let is_read = outcome == Outcome::Read && reader.nodes <= limits.nodes && reader.documents <= limits.documents;
    is_read.then_some(reader.head)
}

/// A list or mapping that is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    List,
    /// A mapping where a key comes next.
    Key,
    /// A mapping where a value comes next.
    Value,
}

/// What the next value of a mapping of the head is.
#[derive(Clone, Copy, Default)]
enum Field {
    ApiVersion,
    Kind,
    Metadata,
    Name,
    Annotations,
    /// The annotation of [`Reader::annotation`].
    Annotation,
    #[default]
    Other,
}

const OF_ROOT: &[(&str, Field)] =
    &[("apiVersion", Field::ApiVersion), ("kind", Field::Kind), ("metadata", Field::Metadata)];
const OF_METADATA: &[(&str, Field)] = &[("name", Field::Name), ("annotations", Field::Annotations)];

#[derive(Default)]
struct Reader {
    head: Head,
    frames: Vec<Frame>,
    /// How many of the outermost frames belong to the head: the root, the metadata, the annotations.
    inside: usize,
    field: Field,
    annotation: String,
    documents: usize,
    nodes: usize,
}

impl Reader {
    /// Takes a step; nothing where all must be read.
    fn step(&mut self, step: Step<'_>) -> Option<()> {
        match step {
            Step::DocumentStart => self.documents += 1,
            Step::DocumentEnd => {}
            Step::Scalar(text, style) => return self.scalar(&text, style),
            Step::List { .. } => return self.open(Frame::List),
            Step::Mapping { .. } => return self.open(Frame::Key),
            Step::End => {
                self.frames.pop();
                self.inside = self.inside.min(self.frames.len());
            }
        }
        Some(())
    }

    /// Whether the innermost frame is a mapping of the head.
    fn is_inside(&self) -> bool {
        self.frames.len() == self.inside
    }

    fn open(&mut self, frame: Frame) -> Option<()> {
        self.nodes += 1;
        let inside = self.is_inside();
        match self.frames.last_mut() {
            None if self.documents > 1 => {}
            None => {
                self.inside = usize::from(frame == Frame::Key);
                // A list is no object.
                (frame == Frame::Key).then_some(())?;
            }
            Some(Frame::Key) => return None,
            Some(Frame::List) => {}
            Some(last) => {
                *last = Frame::Key;
                if inside {
                    self.open_field(frame)?;
                }
            }
        }
        self.frames.push(frame);
        Some(())
    }

    fn open_field(&mut self, frame: Frame) -> Option<()> {
        match (self.field, frame) {
            (Field::Other, _) => return Some(()),
            (Field::Metadata, Frame::Key) => self.head.metadata = Some(HeadMetadata::default()),
            (Field::Annotations, Frame::Key) => self.metadata().annotations.clear(),
            _ => return None,
        }
        self.inside += 1;
        Some(())
    }

    fn metadata(&mut self) -> &mut HeadMetadata {
        self.head.metadata.get_or_insert_default()
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle) -> Option<()> {
        self.nodes += 1;
        let inside = self.is_inside();
        match self.frames.last_mut() {
            // A document of nothing is an object of nothing; any other scalar is none.
            None => (style == ScalarStyle::Plain && text.is_empty()).then_some(()),
            Some(Frame::List) => Some(()),
            Some(last @ Frame::Key) => {
                *last = Frame::Value;
                if style == ScalarStyle::Plain && is_odd_key(text) {
                    return None;
                }
                if inside { self.key(text, style) } else { Some(()) }
            }
            Some(last @ Frame::Value) => {
                *last = Frame::Key;
                if inside { self.value(text, style) } else { Some(()) }
            }
        }
    }

    /// A key in a mapping of the head. Keys that Go takes for a field in spite of their case are none of every day.
    fn key(&mut self, text: &str, style: ScalarStyle) -> Option<()> {
        let known = match self.inside {
            1 => OF_ROOT,
            2 => OF_METADATA,
            _ => {
                string(text, style)?.clone_into(&mut self.annotation);
                self.field = Field::Annotation;
                return Some(());
            }
        };
        self.field = match known.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
            Some((name, field)) if text == *name => *field,
            Some(_) => return None,
            None => Field::Other,
        };
        Some(())
    }

    /// The value of a field. Null is as good as no value.
    fn value(&mut self, text: &str, style: ScalarStyle) -> Option<()> {
        if let Field::Other = self.field {
            return Some(());
        }
        let null = style == ScalarStyle::Plain && resolve_untagged(Mode::Sigs, text) == Scalar::Null;
        let text = if null { "" } else { string(text, style)? };
        match self.field {
            Field::ApiVersion => text.clone_into(&mut self.head.api_version),
            Field::Kind => text.clone_into(&mut self.head.kind),
            Field::Name => text.clone_into(&mut self.metadata().name),
            Field::Annotation => {
                let key = std::mem::take(&mut self.annotation);
                self.metadata().annotations.insert(key, text.to_owned());
            }
            Field::Metadata if null => self.head.metadata = None,
            Field::Annotations if null => self.metadata().annotations.clear(),
            Field::Metadata | Field::Annotations => return None,
            Field::Other => {}
        }
        Some(())
    }
}

/// A scalar that is a string and no number, boolean or merge.
fn string(text: &str, style: ScalarStyle) -> Option<&str> {
    let is_string = style != ScalarStyle::Plain
        || matches!(resolve_untagged(Mode::Sigs, text), Scalar::Text(_) | Scalar::Timestamp(_));
    is_string.then_some(text)
}

/// Whether an unquoted key is one of those that are refused, or have a meaning of their own.
fn is_odd_key(text: &str) -> bool {
    match text.as_bytes().first() {
        None => true,
        Some(b'~' | b'n' | b'N' | b'<' | b'+' | b'0'..=b'9') => {
            matches!(resolve_untagged(Mode::Sigs, text), Scalar::Null | Scalar::Uint(_) | Scalar::Merge)
        }
        Some(_) => false,
    }
}

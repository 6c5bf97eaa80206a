//! From text to nodes, aliases expanded and merges done.
//!
//! kustomize: kyaml/kio/byteio_reader.go (documents), kyaml/yaml/rnode.go (`DeAnchor`, merges), go-yaml v3 decode.go.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};
use k8s_yaml::{Limits, Mode, Outcome, Scalar, Step, read_everyday, resolve_untagged};

use super::node::{Field, Key, Node, Style, Tag, Value};
use super::strict::{Strict, check_begin};
use super::texts::Texts;
use crate::Error;

/// The documents of a file of resources, empty ones left out.
///
/// Documents are divided at lines that begin with `---`, before anything is parsed, as kustomize does; a `...` ends what
/// is read of a document.
///
/// # Errors
/// The text is not YAML, something stands behind a `---`, aliases expand to too much. Errors carry the line.
pub fn parse_documents(text: &str) -> Result<Vec<Node>, Error> {
    parse_sharing(text, &mut Texts::default())
}

/// As [`parse_documents`], with texts that were read before.
///
/// # Errors
/// As [`parse_documents`].
pub(crate) fn parse_sharing(text: &str, texts: &mut Texts) -> Result<Vec<Node>, Error> {
    let text = if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) };
    let mut nodes = Vec::new();
    for (document, line) in split_documents(&text)? {
        if let Some(node) = parse_at(document, line, texts)?
            && !node.is_null()
        {
            nodes.push(node);
        }
    }
    Ok(nodes)
}

/// The first document of a text; `None` if there is none.
///
/// # Errors
/// As [`parse_documents`].
pub fn parse_one(text: &str) -> Result<Option<Node>, Error> {
    parse_at(text, 0, &mut Texts::default())
}

/// The parts between separators, each with the number of lines before it. Go: `splitDocuments`.
fn split_documents(text: &str) -> Result<Vec<(&str, u32)>, Error> {
    let mut documents = Vec::new();
    let (mut start, mut start_line) = (0, 0);
    let mut line = 0_u32;
    let mut at = 0;
    while let Some(length) = text[at..].find('\n') {
        let next = at + length + 1;
        let row = &text[at..next];
        if at > 0 && row.starts_with("---") {
            let rest = row[3..].trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                return Err(Error::new(format!("invalid document separator: {}", row.trim())).at_line(line + 1));
            }
            // The separator's own line end does not belong to the document after it, that before it does.
            documents.push((&text[start..at], start_line));
            start = next;
            start_line = line + 1;
        }
        line += 1;
        at = next;
    }
    documents.push((&text[start..], start_line));
    Ok(documents)
}

fn parse_at(text: &str, lines_before: u32, texts: &mut Texts) -> Result<Option<Node>, Error> {
    match everyday(text, lines_before, texts) {
        Some(node) => Ok(node),
        None => by_the_parser(text, lines_before, texts),
    }
}

/// The first document of a text that is written as most are, and in which nothing is wrong.
fn everyday(text: &str, lines_before: u32, texts: &mut Texts) -> Option<Option<Node>> {
    let mut builder = Builder::new(lines_before, texts);
    let (mut wrong, mut ended) = (false, false);
    let outcome = read_everyday(text, Limits::default().depth, |step, place| {
        ended = step == Step::DocumentEnd;
        // The parser tells of what is wrong in its own order.
        wrong = !ended && builder.step(step, place.line.saturating_add(lines_before)).is_err();
        if wrong || ended { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (outcome != Outcome::NotEveryday && !wrong).then_some(builder.root)
}

fn by_the_parser(text: &str, lines_before: u32, texts: &mut Texts) -> Result<Option<Node>, Error> {
    let limits = Limits::default();
    let options = granit_parser::options! {
        emit_comments: false,
        emit_anchor_events: true,
        // As libyaml, on which go-yaml rests.
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: limits.depth,
        block_nesting_limit: limits.depth,
    };
    let line = |span: &Span| u32::try_from(span.start.line()).unwrap_or(u32::MAX).saturating_add(lines_before);
    check_begin(text, &["1.1", "1.2"]).map_err(|error| error.after_lines(lines_before))?;
    let text = &*k8s_yaml::with_libyaml_brackets(text).map_err(|error| {
        let line = error.position().map_or(0, |position| position.line);
        Error::new(format!("not YAML: {}", error.message())).at_line(line.saturating_add(lines_before))
    })?;
    let mut strict = Strict::new(text);
    let mut builder = Builder::new(lines_before, texts);
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| {
            let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX).saturating_add(lines_before);
            Error::new(format!("not YAML: {}", error.info())).at_line(line)
        })?;
        strict
            .look(&event, &span, builder.expects_key())
            .map_err(|message| Error::new(format!("not YAML: {message}")).at_line(line(&span)))?;
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        builder.accept(event, span, &limits)?;
    }
    Ok(builder.root)
}

/// The anchor (0 for none) and the tag of a node.
type Marks<'e> = (usize, Option<&'e granit_parser::Tag>);

/// A collection whose end has not come yet.
struct Frame {
    node: Node,
    key: Option<Key>,
    anchor: usize,
    size_before: usize,
}

struct Builder<'t> {
    lines_before: u32,
    texts: &'t mut Texts,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, (Node, usize)>,
    /// Nodes so far, aliases expanded.
    size: usize,
    from_aliases: usize,
    root: Option<Node>,
}

impl<'t> Builder<'t> {
    fn new(lines_before: u32, texts: &'t mut Texts) -> Self {
        let anchors = BTreeMap::new();
        Self { lines_before, texts, frames: Vec::new(), anchors, size: 0, from_aliases: 0, root: None }
    }

    fn step(&mut self, step: Step<'_>, line: u32) -> Result<(), Error> {
        match step {
            Step::Scalar(text, style) => self.scalar(&text, style, (0, None), line),
            Step::List { flow } => self.open(Node { tag: Tag::Seq, ..Node::sequence() }, flow, (0, None), line),
            Step::Mapping { flow } => self.open(Node { tag: Tag::Map, ..Node::mapping() }, flow, (0, None), line),
            Step::End => self.close(line),
            Step::DocumentStart | Step::DocumentEnd => Ok(()),
        }
    }

    fn accept(&mut self, event: Event<'_>, span: Span, limits: &Limits) -> Result<(), Error> {
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX).saturating_add(self.lines_before);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let empty = span.is_empty() && style == ScalarStyle::Plain;
                self.scalar(if empty { "" } else { &text }, style, (anchor, tag.as_deref()), line)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let node = Node { tag: Tag::Seq, ..Node::sequence() };
                self.open(node, style == StructureStyle::Flow, (anchor, tag.as_deref()), line)
            }
            Event::MappingStart(style, anchor, tag) => {
                let node = Node { tag: Tag::Map, ..Node::mapping() };
                self.open(node, style == StructureStyle::Flow, (anchor, tag.as_deref()), line)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(line),
            Event::Alias(anchor) => self.alias(anchor, line, limits),
            // libyaml knows no other characters in names of anchors.
            Event::Anchor(_, name) if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')) => {
                Err(Error::new(format!("not YAML: the anchor &{name} must consist of letters, digits, _ and -"))
                    .at_line(line))
            }
            _ => Ok(()),
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, (anchor, tag): Marks<'_>, line: u32) -> Result<(), Error> {
        let node = scalar(self.texts.share(text), style, tag, line);
        self.size += 1;
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), 1));
        }
        self.place(node, line)
    }

    fn open(&mut self, mut node: Node, flow: bool, (anchor, tag): Marks<'_>, line: u32) -> Result<(), Error> {
        node.line = line;
        open(&mut node, tag, flow);
        if self.expects_key() {
            return Err(self.within(key_error(line)));
        }
        self.size += 1;
        self.frames.push(Frame { node, key: None, anchor, size_before: self.size - 1 });
        Ok(())
    }

    fn alias(&mut self, anchor: usize, line: u32, limits: &Limits) -> Result<(), Error> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(Error::new("the alias stands inside of what it names").at_line(line));
        };
        let node = node.clone();
        self.size += size;
        self.from_aliases += size;
        if self.from_aliases > limits.alias_nodes {
            let message = format!("aliases expand to more than {} values", limits.alias_nodes);
            return Err(Error::new(message).at_line(line));
        }
        self.place(node, line)
    }

    fn close(&mut self, line: u32) -> Result<(), Error> {
        let Some(mut frame) = self.frames.pop() else { return Ok(()) };
        merge(&mut frame.node).map_err(|error| self.within(error.in_field("<<")))?;
        // Most mappings and lists are short, and what a build holds is nearly all of them.
        match &mut frame.node.value {
            Value::Mapping(fields) => fields.shrink_to_fit(),
            Value::Sequence(items) => items.shrink_to_fit(),
            Value::Scalar(_) => {}
        }
        if frame.anchor != 0 {
            self.anchors.insert(frame.anchor, (frame.node.clone(), self.size - frame.size_before));
        }
        self.place(frame.node, line)
    }

    fn expects_key(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.key.is_none() && frame.node.is_mapping())
    }

    /// An error with the fields in which it happened.
    fn within(&self, error: Error) -> Error {
        let keys = self.frames.iter().rev().filter_map(|frame| frame.key.as_ref());
        keys.fold(error, |error, key| error.in_field(&key.text))
    }

    fn place(&mut self, node: Node, line: u32) -> Result<(), Error> {
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut frame.node.value, frame.key.take()) {
            (Value::Sequence(items), _) => items.push(node),
            (Value::Mapping(fields), Some(key)) => fields.push(Field { key, value: node }),
            (Value::Mapping(_), None) => {
                let Value::Scalar(text) = node.value else { return Err(key_error(line)) };
                frame.key = Some(Key { text, tag: node.tag, style: node.style, line: node.line });
            }
            (Value::Scalar(_), _) => {}
        }
        Ok(())
    }
}

fn key_error(line: u32) -> Error {
    Error::new("a key must be a string, not a list or mapping").at_line(line).in_field("?")
}

fn scalar(text: Arc<str>, style: ScalarStyle, tag: Option<&granit_parser::Tag>, line: u32) -> Node {
    let written = match style {
        ScalarStyle::Plain => Style::PLAIN,
        ScalarStyle::SingleQuoted => Style::SINGLE_QUOTED,
        ScalarStyle::DoubleQuoted => Style::DOUBLE_QUOTED,
        ScalarStyle::Literal => Style::LITERAL,
        ScalarStyle::Folded => Style::FOLDED,
    };
    let (tag, style) = match tag.filter(|tag| !is_non_specific(tag)) {
        Some(tag) => (explicit(tag), written.with(Style::TAGGED)),
        None if written == Style::PLAIN => (plain_tag(&text), written),
        None => (Tag::Str, written),
    };
    Node { tag, style, line, ..Node::scalar(text) }
}

/// The tag that go-yaml gives a plain scalar.
fn plain_tag(text: &str) -> Tag {
    match resolve_untagged(Mode::Kyaml, text) {
        Scalar::Null => Tag::Null,
        Scalar::Bool(_) => Tag::Bool,
        Scalar::Int(_) | Scalar::Uint(_) => Tag::Int,
        Scalar::Float(_) => Tag::Float,
        Scalar::Text(_) => Tag::Str,
        Scalar::Timestamp(_) => Tag::Timestamp,
        Scalar::Merge => Tag::Merge,
    }
}

/// Whether the tag is a lone `!`.
fn is_non_specific(tag: &granit_parser::Tag) -> bool {
    matches!(tag.parts(), ("" | "!", "" | "!"))
}

fn explicit(tag: &granit_parser::Tag) -> Tag {
    let Some(name) = tag.suffix_in_namespace("tag:yaml.org,2002:") else {
        return Tag::Other;
    };
    match &*name {
        "str" => Tag::Str,
        "int" => Tag::Int,
        "float" => Tag::Float,
        "bool" => Tag::Bool,
        "null" => Tag::Null,
        "timestamp" => Tag::Timestamp,
        "binary" => Tag::Binary,
        "map" => Tag::Map,
        "seq" => Tag::Seq,
        "merge" => Tag::Merge,
        _ => Tag::Other,
    }
}

fn open(node: &mut Node, tag: Option<&granit_parser::Tag>, flow: bool) {
    if let Some(tag) = tag.filter(|tag| !is_non_specific(tag)) {
        node.tag = explicit(tag);
        node.style = node.style.with(Style::TAGGED);
    }
    if flow {
        node.style = node.style.with(Style::FLOW);
    }
}

/// Takes `<<` out of a mapping and puts what it names in: own keys win, of several the first. Go: `mergeAll`.
fn merge(node: &mut Node) -> Result<(), Error> {
    let Some(fields) = node.fields_mut() else { return Ok(()) };
    let Some(at) = fields.iter().position(|field| field.key.tag == Tag::Merge) else { return Ok(()) };
    let merged = fields.remove(at);
    if let Some(second) = fields.iter().find(|field| field.key.tag == Tag::Merge) {
        return Err(Error::new("duplicate merge key").at_line(second.key.line));
    }
    let own: Vec<Arc<str>> = fields.iter().map(|field| Arc::clone(&field.key.text)).collect();
    let line = merged.key.line;
    for source in merge_values(merged.value, line)?.into_iter().rev() {
        for field in source {
            if own.contains(&field.key.text) {
                continue;
            }
            match fields.iter_mut().find(|old| old.key.text == field.key.text) {
                Some(old) => *old = field,
                None => fields.push(field),
            }
        }
    }
    Ok(())
}

fn merge_values(value: Node, line: u32) -> Result<Vec<Vec<Field>>, Error> {
    let refused = || Error::new("map merge requires map or sequence of maps as the value").at_line(line);
    match value.value {
        Value::Mapping(fields) => Ok(vec![fields]),
        Value::Sequence(items) => (*items)
            .into_iter()
            .map(|item| if let Value::Mapping(fields) = item.value { Ok(fields) } else { Err(refused()) })
            .collect(),
        Value::Scalar(_) => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_every_day_is_what_the_parser_makes_of_it() {
        for text in [
            "a: b\n",
            "\n# c\na:\n- b\n-\n  c: 'd'\n  e: \"f\\n\"\n  g: |\n    h\n  i: >-\n    j\n    k\n",
            "a: {b: [], c: [1, 'd']}\n---\ne: f\n",
            "a: yes\nb: 012\nc: 2001-01-01\nd: ~\ne:\nf: \"1\"\n",
            "a: one\n  two\n\n  three\n<<: {b: c}\n",
            "# nothing\n",
            "---\n",
        ] {
            let read = everyday(text, 7, &mut Texts::default());
            let by_the_parser = by_the_parser(text, 7, &mut Texts::default());
            assert_eq!(read.map(Ok), Some(by_the_parser), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_left_to_the_parser() {
        for text in ["a: &b c\n", "<<: a\n", "? [a]\n: b\n", "a: b\n<<: {c: d}\n<<: {e: f}\n"] {
            assert_eq!(everyday(text, 0, &mut Texts::default()), None, "{text}");
        }
    }
}

//! From the parser's events to [`Document`]s: scalars resolved, aliases expanded, merges done, limits held.
//!
//! There is no recursion: depth is bounded by [`Limits`](crate::Limits), not by the stack.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StructureStyle};

use crate::everyday::{Outcome, Step, read_everyday};
use crate::flow::with_libyaml_brackets;
use crate::mapping::{Builder, Key};
use crate::number::format_float32;
use crate::options::{Mode, Options};
use crate::scalar::{self, Scalar, Tag};
use crate::{Content, Document, Error, ErrorKind, Node, Position};

/// Reads a stream of documents. A byte-order mark is skipped; an empty text holds no document.
///
/// # Errors
/// Whatever [`ErrorKind`] lists, except for types: the first problem, with its place.
pub fn parse(text: &str, options: &Options) -> Result<Vec<Document>, Error> {
    parse_up_to(text, options, usize::MAX)
}

/// Reads the first document of a text; what follows it is not looked at, as by Go's `Unmarshal`. `None` where there is none.
///
/// # Errors
/// As [`parse`].
pub fn parse_first(text: &str, options: &Options) -> Result<Option<Document>, Error> {
    Ok(parse_up_to(text, options, 1)?.into_iter().next())
}

fn parse_up_to(text: &str, options: &Options, wanted: usize) -> Result<Vec<Document>, Error> {
    let limits = &options.limits;
    if text.len() > limits.bytes {
        return Err(Error::new(ErrorKind::Limit, format!("the text is larger than {} bytes", limits.bytes), None));
    }
    match everyday(text, options, wanted) {
        Some(documents) => Ok(documents),
        None => by_the_parser(text, options, wanted),
    }
}

/// As [`parse`], with what is of every day read by the parser, too: what [`parse`] is compared with.
///
/// # Errors
/// As [`parse`].
pub fn parse_in_full(text: &str, options: &Options) -> Result<Vec<Document>, Error> {
    by_the_parser(text, options, usize::MAX)
}

/// The documents of a text that is written as most are, and in which nothing is wrong.
pub(crate) fn everyday(text: &str, options: &Options, wanted: usize) -> Option<Vec<Document>> {
    let mut composer = Composer::new(text, options);
    let mut wrong = false;
    let outcome = read_everyday(text, options.limits.depth, |step, place| {
        // The parser tells of what is wrong in its own order.
        wrong = composer.step(step, place).is_err();
        if wrong || composer.documents.len() >= wanted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (outcome != Outcome::NotEveryday && !wrong).then_some(composer.documents)
}

pub(crate) fn by_the_parser(text: &str, options: &Options, wanted: usize) -> Result<Vec<Document>, Error> {
    let text = with_libyaml_brackets(text)?;
    let mut composer = Composer::new(&text, options);
    for next in Parser::new_from_str_with_options(&text, parser_options(options.limits.depth)) {
        let (event, span) = next.map_err(|error| syntax_error(&error, options))?;
        composer.accept(event, span)?;
        if composer.documents.len() >= wanted {
            break;
        }
    }
    Ok(composer.documents)
}

/// How the parser reads for all that is here.
pub(crate) fn parser_options(depth: usize) -> granit_parser::Options {
    granit_parser::options! {
        emit_comments: false,
        // As libyaml, on which Go's library rests.
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: depth,
        block_nesting_limit: depth,
    }
}

/// As [`parse`], of bytes that should be UTF-8.
///
/// # Errors
/// As [`parse`], and [`ErrorKind::Encoding`] with the place of the first bad byte.
pub fn from_bytes(bytes: &[u8], options: &Options) -> Result<Vec<Document>, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(text, options),
        Err(error) => {
            let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let line_start = good.rfind('\n').map_or(0, |at| at + 1);
            let position = Position {
                line: count(good.matches('\n').count() + 1),
                column: count(good[line_start..].chars().count() + 1),
            };
            let message = if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
                "the text is UTF-16; only UTF-8 is read"
            } else {
                "the text is not UTF-8"
            };
            Err(Error::at(ErrorKind::Encoding, message, position))
        }
    }
}

fn syntax_error(error: &granit_parser::ScanError, options: &Options) -> Error {
    use granit_parser::ErrorKind as Cause;
    let position = position(error.marker());
    match error.kind() {
        Cause::RecursionLimitExceeded => too_deep(options, position),
        _ => Error::at(ErrorKind::Syntax, error.info(), position),
    }
}

fn too_deep(options: &Options, position: Position) -> Error {
    let message = format!("lists and mappings are nested deeper than {}", options.limits.depth);
    Error::at(ErrorKind::Limit, message, position)
}

pub(crate) fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

pub(crate) fn position(marker: &Marker) -> Position {
    Position { line: count(marker.line()), column: count(marker.col() + 1) }
}

/// What an anchor stands for, and what an alias of it costs.
struct Anchored {
    node: Node,
    size: Size,
    height: usize,
}

/// How much there is of something, aliases expanded.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
}

/// A list or mapping whose end has not come yet.
struct Frame {
    holder: Holder,
    anchor: usize,
    position: Position,
    /// What had been read when it began.
    before: Size,
    /// How deep its deepest child goes.
    height: usize,
}

enum Holder {
    List(Vec<Node>),
    Mapping { builder: Box<Builder>, key: Option<PendingKey> },
}

enum PendingKey {
    Plain(Key),
    Merge(Position),
}

/// A value that was read, before it is known whether it is a key.
struct Read {
    node: Node,
    merge: bool,
    is_string: bool,
    /// The text of a scalar as it stands, where kyaml needs it for a key.
    raw: Option<Arc<str>>,
    height: usize,
}

struct Composer<'o> {
    text: &'o str,
    options: &'o Options,
    documents: Vec<Document>,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Anchored>,
    total: Size,
    from_aliases: Size,
    document_start: Position,
    root: Option<(Node, bool)>,
}

impl<'o> Composer<'o> {
    fn new(text: &'o str, options: &'o Options) -> Self {
        Self {
            text,
            options,
            documents: Vec::new(),
            frames: Vec::new(),
            anchors: BTreeMap::new(),
            total: Size::default(),
            from_aliases: Size::default(),
            document_start: Position::default(),
            root: None,
        }
    }

    fn step(&mut self, step: Step<'_>, place: Position) -> Result<(), Error> {
        match step {
            Step::DocumentStart => {
                self.document_start = place;
                self.anchors.clear();
                Ok(())
            }
            Step::DocumentEnd => self.end_document(place),
            Step::Scalar(text, style) => self.scalar(text, style, 0, None, place),
            Step::List { .. } => self.open(Holder::List(Vec::new()), 0, place),
            Step::Mapping { .. } => self.open(Holder::Mapping { builder: Box::default(), key: None }, 0, place),
            Step::End => self.close(),
        }
    }

    fn accept(&mut self, event: Event<'_>, span: Span) -> Result<(), Error> {
        let place = position(&span.start);
        match event {
            Event::DocumentStart(..) => self.step(Step::DocumentStart, place),
            Event::DocumentEnd => self.step(Step::DocumentEnd, place),
            Event::Scalar(text, style, anchor, tag) => {
                let empty = span.is_empty() && style == ScalarStyle::Plain;
                if style == ScalarStyle::DoubleQuoted {
                    check_escapes(self.raw(&span), place)?;
                }
                self.scalar(if empty { Cow::Borrowed("") } else { text }, style, anchor, tag.as_deref(), place)
            }
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::SequenceStart(style, anchor, _) => {
                let place = if style == StructureStyle::Block { self.list_start(&span, place) } else { place };
                self.open(Holder::List(Vec::new()), anchor, place)
            }
            Event::MappingStart(_, anchor, _) => {
                self.open(Holder::Mapping { builder: Box::default(), key: None }, anchor, place)
            }
            Event::SequenceEnd | Event::MappingEnd => self.step(Step::End, place),
            // Stream marks and what the options keep away.
            _ => Ok(()),
        }
    }

    fn end_document(&mut self, place: Position) -> Result<(), Error> {
        let limit = self.options.limits.documents;
        if self.documents.len() >= limit {
            return Err(Error::at(ErrorKind::Limit, format!("the text holds more than {limit} documents"), place));
        }
        let (node, empty) =
            self.root.take().unwrap_or((Node { content: Content::Null, position: self.document_start }, true));
        let position = if empty { self.document_start } else { node.position };
        self.documents.push(Document { node, position, empty });
        Ok(())
    }

    /// The text that a span covers.
    fn raw(&self, span: &Span) -> &str {
        let bytes = span.start.byte_offset().zip(span.end.byte_offset());
        bytes.and_then(|(start, end)| self.text.get(start..end)).unwrap_or_default()
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&granit_parser::Tag>,
        place: Position,
    ) -> Result<(), Error> {
        self.count(Size { nodes: 1, bytes: text.len() }, place)?;
        let tag =
            match tag {
                None if style == ScalarStyle::Plain => Tag::None,
                None => Tag::Str,
                // go-yaml v3 resolves what carries the empty tag as if it had none.
                Some(tag) if is_non_specific(tag) && self.options.mode == Mode::Kyaml => {
                    if style == ScalarStyle::Plain { Tag::None } else { Tag::Str }
                }
                Some(tag) => {
                    let name = tag.suffix_in_namespace("tag:yaml.org,2002:");
                    name.map_or(Tag::Other, |name| Tag::from_core(&name))
                }
            };
        let empty = text.is_empty() && tag == Tag::None && anchor == 0;
        let mode = self.options.mode;
        let raw = (mode == Mode::Kyaml && self.expects_key()).then(|| Arc::from(&*text));
        let scalar = scalar::resolve(mode, tag, text).map_err(|why| Error::at(ErrorKind::Tag, why, place))?;
        let merge = scalar == Scalar::Merge;
        let is_string = match scalar {
            Scalar::Text(_) | Scalar::Merge => true,
            Scalar::Timestamp(_) => mode == Mode::Sigs,
            _ => false,
        };
        let node = Node { content: content(scalar), position: place };
        if anchor != 0 {
            let size = Size { nodes: 1, bytes: node.as_str().map_or(0, str::len) };
            self.anchors.insert(anchor, Anchored { node: node.clone(), size, height: 0 });
        }
        self.place(Read { node, merge, is_string, raw, height: 0 }, empty)
    }

    fn alias(&mut self, anchor: usize, place: Position) -> Result<(), Error> {
        // The parser refuses unknown names; what is known and not finished holds itself.
        let Some(Anchored { node, size, height }) = self.anchors.get(&anchor) else {
            return Err(Error::at(ErrorKind::Syntax, "the alias stands inside of what it names", place));
        };
        let (size, height) = (*size, *height);
        let node = Node { content: node.content.clone(), position: place };
        self.count(size, place)?;
        self.from_aliases.nodes += size.nodes;
        self.from_aliases.bytes += size.bytes;
        let limits = &self.options.limits;
        if self.from_aliases.nodes > limits.alias_nodes {
            let message = format!("aliases expand to more than {} values", limits.alias_nodes);
            return Err(Error::at(ErrorKind::Limit, message, place));
        }
        if self.from_aliases.bytes > limits.alias_bytes {
            let message = format!("aliases expand to more than {} bytes of text", limits.alias_bytes);
            return Err(Error::at(ErrorKind::Limit, message, place));
        }
        let is_string = matches!(node.content, Content::String(_));
        self.place(Read { node, merge: false, is_string, raw: None, height }, false)
    }

    fn open(&mut self, holder: Holder, anchor: usize, place: Position) -> Result<(), Error> {
        if self.expects_key() {
            let message = "a key must be a string, a number or a boolean, not a list or mapping";
            return Err(Error::at(ErrorKind::Key, message, place));
        }
        if self.frames.len() >= self.options.limits.depth {
            return Err(too_deep(self.options, place));
        }
        let before = self.total;
        self.count(Size { nodes: 1, bytes: 0 }, place)?;
        self.frames.push(Frame { holder, anchor, position: place, before, height: 0 });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let content = match frame.holder {
            Holder::List(items) => Content::List(items.into()),
            Holder::Mapping { builder, .. } => Content::Mapping(Arc::new(builder.finish()?)),
        };
        let node = Node { content, position: frame.position };
        let height = frame.height + 1;
        if frame.anchor != 0 {
            let size =
                Size { nodes: self.total.nodes - frame.before.nodes, bytes: self.total.bytes - frame.before.bytes };
            self.anchors.insert(frame.anchor, Anchored { node: node.clone(), size, height });
        }
        self.place(Read { node, merge: false, is_string: false, raw: None, height }, false)
    }

    /// Puts a finished value where it belongs: the root, a list, a key or a value.
    fn place(&mut self, read: Read, empty: bool) -> Result<(), Error> {
        if self.frames.len() + read.height > self.options.limits.depth {
            return Err(too_deep(self.options, read.node.position));
        }
        let nested = self.frames.len() > 1;
        let (mode, policy) = (self.options.mode, self.options.duplicate_keys);
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some((read.node, empty));
            return Ok(());
        };
        frame.height = frame.height.max(read.height);
        match &mut frame.holder {
            Holder::List(items) => items.push(read.node),
            Holder::Mapping { builder, key } => match key.take() {
                None if read.merge => *key = Some(PendingKey::Merge(read.node.position)),
                None => *key = Some(PendingKey::Plain(make_key(read, mode, nested)?)),
                Some(PendingKey::Merge(position)) => builder.merge(position, read.node, self.options)?,
                Some(PendingKey::Plain(key)) => builder.insert(key, read.node, policy)?,
            },
        }
        Ok(())
    }

    /// Where a block list begins. The parser's mark of a list that is not indented under its key stands after the `-`.
    fn list_start(&self, span: &Span, mark: Position) -> Position {
        let before = || {
            let frame = self.frames.last().filter(|frame| matches!(frame.holder, Holder::Mapping { .. }))?;
            let text = self.text.get(..span.start.byte_offset()?)?;
            let upto = text.trim_end_matches([' ', '\t', '\n', '\r']).strip_suffix('-')?;
            let line = &upto[upto.rfind('\n').map_or(0, |at| at + 1)..];
            let column = count(line.chars().count() + 1);
            let skipped = text[upto.len()..].matches('\n').count();
            (column == frame.position.column).then(|| Position { line: mark.line - count(skipped), column })
        };
        before().unwrap_or(mark)
    }

    fn expects_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { holder: Holder::Mapping { key: None, .. }, .. }))
    }

    fn count(&mut self, size: Size, place: Position) -> Result<(), Error> {
        self.total.nodes += size.nodes;
        self.total.bytes += size.bytes;
        let limit = self.options.limits.nodes;
        if self.total.nodes > limit {
            return Err(Error::at(ErrorKind::Limit, format!("the text holds more than {limit} values"), place));
        }
        Ok(())
    }
}

/// Whether the tag is a lone `!`.
fn is_non_specific(tag: &granit_parser::Tag) -> bool {
    matches!(tag.parts(), ("" | "!", "" | "!"))
}

fn content(scalar: Scalar<'_>) -> Content {
    match scalar {
        Scalar::Null => Content::Null,
        Scalar::Bool(value) => Content::Bool(value),
        Scalar::Int(value) => Content::Int(value),
        Scalar::Uint(value) => Content::Uint(value),
        Scalar::Float(value) => Content::Float(value),
        Scalar::Text(text) | Scalar::Timestamp(text) => Content::String(text.into()),
        Scalar::Merge => Content::String("<<".into()),
    }
}

/// The string that `sigs.k8s.io/yaml` makes of a key; kyaml knows only strings, except at the root, where it takes
/// the text as it stands.
fn make_key(read: Read, mode: Mode, nested: bool) -> Result<Key, Error> {
    let Read { node, is_string, raw, .. } = read;
    let position = node.position;
    let bad = |message: &str| Err(Error::at(ErrorKind::Key, message, position));
    let text: Arc<str> = match node.content {
        Content::Null => return bad("a key must not be null"),
        Content::List(_) | Content::Mapping(_) => {
            return bad("a key must be a string, a number or a boolean, not a list or mapping");
        }
        Content::String(text) if is_string => text,
        _ if mode == Mode::Kyaml => match raw {
            Some(raw) if !nested => raw,
            _ => return bad("a key must be a string; kustomize takes no other (quote it)"),
        },
        Content::String(text) => text,
        Content::Bool(value) => if value { "true" } else { "false" }.into(),
        Content::Int(value) => value.to_string().into(),
        Content::Uint(_) => return bad("a key must not be an integer above 9223372036854775807 (quote it)"),
        Content::Float(value) => format_float32(value).into(),
    };
    Ok(Key { text, position, is_string })
}

/// Go refuses two escapes that the parser takes: `\/`, and half of a pair of surrogates.
fn check_escapes(raw: &str, place: Position) -> Result<(), Error> {
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        rest = &rest[at + 1..];
        let message = match rest.as_bytes() {
            [b'/', ..] => "found unknown escape character",
            [b'u', b'd' | b'D', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => {
                "found invalid Unicode character escape code"
            }
            _ => {
                // The escaped character, which may be a backslash itself.
                let mut chars = rest.chars();
                chars.next();
                rest = chars.as_str();
                continue;
            }
        };
        return Err(Error::at(ErrorKind::Syntax, message, place));
    }
    Ok(())
}

//! The YAML that nearly every manifest is written in, read straight from its lines.
//!
//! Block mappings and lists, scalars in every style, brackets on one line, comments, documents: what people and programs write
//! for Kubernetes. Anything else (anchors, tags, `? ` keys, tabs, brackets over several lines, directives, odd
//! characters, what is wrong) is left to the parser, which reads the whole text anew. Whatever is read here is read as the
//! parser reads it, step by step and place by place (the tests and a fuzz target hold the two together); it takes a
//! tenth of the time, and reading is half of what a render or a build costs.

use std::borrow::Cow;
use std::ops::ControlFlow;

use granit_parser::ScalarStyle;

use crate::Position;
use crate::compose::count;

mod flow;
mod scalars;

/// What stands in a text, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'t> {
    /// A document begins: at its `---`, or at its first value.
    DocumentStart,
    /// A document ends.
    DocumentEnd,
    /// A scalar or a key; an absent one is a plain empty text.
    Scalar(Cow<'t, str>, ScalarStyle),
    /// A list begins; whether in brackets.
    List {
        /// Whether it stands in brackets.
        flow: bool,
    },
    /// A mapping begins.
    Mapping {
        /// Whether it stands in brackets.
        flow: bool,
    },
    /// The innermost list or mapping ends. Its place has no meaning.
    End,
}

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// At the end of the text.
    Read,
    /// Where the taker wanted no more.
    Stopped,
    /// At something that the parser has to judge: what was told so far does not count.
    NotEveryday,
}

/// Tells `take` what stands in `text`, nested at most `depth` deep.
pub fn read_everyday<'t>(
    text: &'t str,
    depth: usize,
    take: impl FnMut(Step<'t>, Position) -> ControlFlow<()>,
) -> Outcome {
    let Some(ascii) = everyday_characters(text) else { return Outcome::NotEveryday };
    let mut reader = Reader {
        lines: Lines { text, at: 0, number: 0, ascii },
        depth,
        frames: Vec::new(),
        pending: None,
        state: State::Between,
        take,
    };
    match reader.run() {
        Ok(()) => Outcome::Read,
        Err(Stop::Taker) => Outcome::Stopped,
        Err(Stop::NotEveryday) => Outcome::NotEveryday,
    }
}

/// Whether the text is ASCII; `None` if it holds a character with a meaning of its own somewhere (other line ends, marks of
/// byte order) or one that is not allowed everywhere.
fn everyday_characters(text: &str) -> Option<bool> {
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\n' | b'\t') || *byte == 0x7f;
    // Whole runs without a way out of the loop are compared many bytes at a time.
    let any_control = |bytes: &[u8]| bytes.iter().fold(false, |found, byte| found | control(byte));
    if text.as_bytes().chunks(1_024).any(any_control) {
        return None;
    }
    let ascii = text.is_ascii();
    let odd =
        |c: char| matches!(c, '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    if !ascii && text.contains(odd) { None } else { Some(ascii) }
}

/// Why reading ends before the text does.
enum Stop {
    Taker,
    NotEveryday,
}

type Told = Result<(), Stop>;

/// One line, without its end.
#[derive(Clone, Copy)]
struct Line<'t> {
    text: &'t str,
    number: u32,
    /// Whether a line end follows; the last line of a text may have none.
    ended: bool,
    ascii: bool,
}

impl<'t> Line<'t> {
    /// The place of a byte of the line.
    fn place(&self, at: usize) -> Position {
        let characters = if self.ascii { at } else { self.text[..at].chars().count() };
        Position { line: self.number, column: count(characters + 1) }
    }

    fn from(&self, at: usize) -> &'t str {
        &self.text[at..]
    }

    fn indent(&self) -> usize {
        self.text.bytes().take_while(|byte| *byte == b' ').count()
    }

    /// Where after `at` something stands.
    fn skip_spaces(&self, at: usize) -> usize {
        at + self.text.as_bytes()[at..].iter().take_while(|byte| **byte == b' ').count()
    }

    /// Whether at `at`, with the spaces before it skipped, nothing stands, or a comment.
    fn is_over(&self, at: usize) -> bool {
        matches!(self.text.as_bytes().get(at), None | Some(b'#'))
    }

    /// What follows a value must be nothing, or a comment after a space.
    fn must_be_over(&self, at: usize) -> Told {
        let next = self.skip_spaces(at);
        let over = next == self.text.len() || next > at && self.is_over(next);
        if over { Ok(()) } else { Err(Stop::NotEveryday) }
    }
}

/// The lines that have not been read.
#[derive(Clone, Copy)]
struct Lines<'t> {
    text: &'t str,
    at: usize,
    number: usize,
    ascii: bool,
}

impl<'t> Iterator for Lines<'t> {
    type Item = Line<'t>;

    fn next(&mut self) -> Option<Line<'t>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (text, ended) = memchr::memchr(b'\n', rest.as_bytes()).map_or((rest, false), |end| (&rest[..end], true));
        self.at += text.len() + usize::from(ended);
        self.number += 1;
        Some(Line { text, number: count(self.number), ended, ascii: self.ascii })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    List,
    Mapping,
}

/// A block list or mapping whose end has not come yet, and the column of its dashes or keys, from 0.
#[derive(Clone, Copy)]
struct Frame {
    kind: Kind,
    indent: usize,
}

/// What has been seen of the document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// No document is open.
    Between,
    /// A document is open that has no value yet; where its `---` ends.
    Begun(Position),
    /// It has its value.
    Rooted,
}

struct Reader<'t, T> {
    lines: Lines<'t>,
    depth: usize,
    frames: Vec<Frame>,
    /// A key or dash whose value has not been seen: the place that a null would have.
    pending: Option<Position>,
    state: State,
    take: T,
}

impl<'t, T: FnMut(Step<'t>, Position) -> ControlFlow<()>> Reader<'t, T> {
    fn run(&mut self) -> Told {
        while let Some(line) = self.lines.next() {
            let indent = line.indent();
            if line.is_over(indent) {
                continue;
            }
            match line.text.as_bytes() {
                [b'-', b'-', b'-', ..] => self.divide(line)?,
                [b'.', b'.', b'.', ..] | [b'%', ..] => return Err(Stop::NotEveryday),
                _ => self.line(line, indent)?,
            }
        }
        self.end_document(Position::default())
    }

    fn tell(&mut self, step: Step<'t>, place: Position) -> Told {
        match (self.take)(step, place) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Taker),
        }
    }

    fn null(&mut self, place: Position) -> Told {
        self.tell(Step::Scalar(Cow::Borrowed(""), ScalarStyle::Plain), place)
    }

    /// A line of three dashes.
    fn divide(&mut self, line: Line<'t>) -> Told {
        line.must_be_over(3)?;
        self.end_document(line.place(0))?;
        self.state = State::Begun(line.place(3));
        self.tell(Step::DocumentStart, line.place(0))
    }

    fn end_document(&mut self, place: Position) -> Told {
        if let Some(null) = self.pending.take() {
            self.null(null)?;
        }
        while !self.frames.is_empty() {
            self.close(place)?;
        }
        match std::mem::replace(&mut self.state, State::Between) {
            State::Between => return Ok(()),
            State::Begun(place) => self.null(place)?,
            State::Rooted => {}
        }
        self.tell(Step::DocumentEnd, place)
    }

    fn open(&mut self, kind: Kind, indent: usize, place: Position) -> Told {
        if self.frames.len() >= self.depth {
            return Err(Stop::NotEveryday);
        }
        self.frames.push(Frame { kind, indent });
        let step = match kind {
            Kind::List => Step::List { flow: false },
            Kind::Mapping => Step::Mapping { flow: false },
        };
        self.tell(step, place)
    }

    fn close(&mut self, place: Position) -> Told {
        self.frames.pop();
        self.tell(Step::End, place)
    }

    /// A line that holds something and is not inside of a scalar.
    fn line(&mut self, line: Line<'t>, indent: usize) -> Told {
        let dash = is_dash(line.from(indent));
        if let Some(null) = self.pending.take() {
            let Some(frame) = self.frames.last() else { return Err(Stop::NotEveryday) };
            // A list may stand as far out as the key that it belongs to.
            if indent > frame.indent || indent == frame.indent && frame.kind == Kind::Mapping && dash {
                return self.node(line, indent);
            }
            self.null(null)?;
        }
        while let Some(frame) = self.frames.last()
            && (frame.indent > indent || frame.indent == indent && frame.kind == Kind::List && !dash)
        {
            self.close(line.place(indent))?;
        }
        match self.frames.last() {
            None => self.root(line, indent),
            Some(frame) if frame.indent != indent => Err(Stop::NotEveryday),
            Some(Frame { kind: Kind::List, .. }) => self.item(line, indent),
            Some(Frame { kind: Kind::Mapping, .. }) if dash => Err(Stop::NotEveryday),
            Some(Frame { kind: Kind::Mapping, .. }) => self.entry(line, indent),
        }
    }

    /// The first value of a document: a block list or mapping, of which there is one.
    fn root(&mut self, line: Line<'t>, indent: usize) -> Told {
        match std::mem::replace(&mut self.state, State::Rooted) {
            State::Between => self.tell(Step::DocumentStart, line.place(indent))?,
            State::Begun(_) => {}
            State::Rooted => return Err(Stop::NotEveryday),
        }
        self.node(line, indent)
    }

    /// A value that begins at a place where block lists and mappings may begin.
    fn node(&mut self, line: Line<'t>, at: usize) -> Told {
        if is_dash(line.from(at)) {
            self.open(Kind::List, at, line.place(at))?;
            self.item(line, at)
        } else if let Some(key) = scalars::key(line.from(at))? {
            self.open(Kind::Mapping, at, line.place(at))?;
            self.entry_of(key, line, at)
        } else {
            self.value(line, at)
        }
    }

    /// What follows a dash.
    fn item(&mut self, line: Line<'t>, dash: usize) -> Told {
        if dash + 1 == line.text.len() {
            self.pending = Some(line.place(dash + 1));
            return Ok(());
        }
        let at = line.skip_spaces(dash + 1);
        if line.is_over(at) {
            // The parser's places of what follows depend on what stands here.
            return Err(Stop::NotEveryday);
        }
        self.node(line, at)
    }

    /// A key, and what follows it on its line.
    fn entry(&mut self, line: Line<'t>, at: usize) -> Told {
        match scalars::key(line.from(at))? {
            Some(key) => self.entry_of(key, line, at),
            None => Err(Stop::NotEveryday),
        }
    }

    fn entry_of(&mut self, key: scalars::Key<'t>, line: Line<'t>, at: usize) -> Told {
        let colon = at + key.colon;
        self.tell(Step::Scalar(key.text, key.style), line.place(at))?;
        let next = line.skip_spaces(colon + 1);
        if line.is_over(next) {
            self.pending = Some(line.place(colon));
            return Ok(());
        }
        self.value(line, next)
    }

    /// A scalar, or something in brackets.
    fn value(&mut self, line: Line<'t>, at: usize) -> Told {
        let Some(parent) = self.frames.last().map(|frame| frame.indent) else { return Err(Stop::NotEveryday) };
        let place = line.place(at);
        match line.text.as_bytes().get(at) {
            Some(b'[' | b'{') => {
                let end = flow::read(line, at, self.depth.saturating_sub(self.frames.len()), &mut self.take)?;
                line.must_be_over(end)
            }
            Some(b'|' | b'>') => {
                let block = scalars::block(&mut self.lines, line, at, parent)?;
                self.tell(Step::Scalar(Cow::Owned(block.text), block.style), block.place)
            }
            Some(b'"' | b'\'') => {
                let (text, style) = scalars::quoted(&mut self.lines, line, at, parent)?;
                self.tell(Step::Scalar(text, style), place)
            }
            _ => {
                let text = scalars::plain(&mut self.lines, line, at, parent)?;
                self.tell(Step::Scalar(text, ScalarStyle::Plain), place)
            }
        }
    }
}

/// Whether an item of a list begins here.
fn is_dash(text: &str) -> bool {
    matches!(text.as_bytes(), [b'-'] | [b'-', b' ', ..])
}

#[cfg(test)]
mod tests;

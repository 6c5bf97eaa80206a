//! What YAML 1.2 allows and libyaml, on which go-yaml rests, refuses: `\/` and surrogates (`\ud83d`) in double quotes, tabs
//! where a line's indentation is, a line that begins with the colon of a key that is not there.
//!
//! Go: go.yaml.in/yaml/v3 scannerc.go (`yaml_parser_scan_flow_scalar`, `yaml_parser_scan_to_next_token`,
//! `yaml_parser_scan_plain_scalar`), parserc.go (`yaml_parser_parse_block_mapping_key`).

use granit_parser::{Event, ScalarStyle, Span, StructureStyle};

use crate::Error;

/// What may not stand at the begin of a text: an end of a document that has not begun, directives of other versions of YAML
/// than `versions`, directives that nobody knows. Go: parserc.go (`yaml_parser_parse_document_start`,
/// `yaml_parser_process_directives`); go-yaml v2 knows 1.1 alone.
pub(crate) fn check_begin(text: &str, versions: &[&str]) -> Result<(), Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in (1..).zip(text.lines()) {
        let refuse = |message: String| Err(Error::new(format!("not YAML: {message}")).at_line(number));
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            None => {}
            Some(word) if word.starts_with('#') => {}
            Some("...") if line.starts_with('.') => {
                return refuse("a document ends (...) before it begins".to_owned());
            }
            Some("%YAML") if line.starts_with('%') => match words.next() {
                Some(version) if versions.contains(&version) => {}
                version => return refuse(format!("YAML of version {}", version.unwrap_or("?"))),
            },
            Some("%TAG") if line.starts_with('%') => {}
            Some(word) if line.starts_with('%') => return refuse(format!("found unknown directive {word}")),
            Some(_) => return Ok(()),
        }
    }
    Ok(())
}

/// Looks at the text between what the parser tells of.
#[derive(Debug)]
pub(super) struct Strict<'t> {
    text: &'t str,
    /// How far the text has been looked at.
    end: usize,
    /// The columns of the open collections; none for one in brackets.
    open: Vec<Option<usize>>,
    /// Where a plain scalar ends there, the indentation of its collection: it takes what is blank after it and stands
    /// further in.
    after_plain: Option<usize>,
    after_block: bool,
}

impl<'t> Strict<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, end: 0, open: Vec::new(), after_plain: None, after_block: false }
    }

    /// What is wrong before or in an event, if anything. `is_key`: a key of a mapping is expected.
    pub(super) fn look(&mut self, event: &Event<'_>, span: &Span, is_key: bool) -> Result<(), &'static str> {
        let (Some(start), Some(end)) = (span.start.byte_offset(), span.end.byte_offset()) else { return Ok(()) };
        let is_closing = matches!(event, Event::SequenceEnd | Event::MappingEnd);
        let is_content = is_closing && self.is_in_brackets()
            || matches!(
                event,
                Event::Scalar(..) | Event::Alias(..) | Event::SequenceStart(..) | Event::MappingStart(..)
            );
        let blank_to_the_end = || self.text.get(self.end..).unwrap_or_default().trim().is_empty();
        if matches!(event, Event::DocumentEnd) && blank_to_the_end() {
            self.gap(self.text.len())?;
        } else if is_content || matches!(event, Event::DocumentEnd) {
            self.gap(start.max(self.end))?;
        }
        match event {
            Event::Scalar(_, ScalarStyle::DoubleQuoted, ..) => self.check_escapes(start, end)?,
            Event::Scalar(_, ScalarStyle::Plain, ..) if is_key && start == end => self.check_missing_key(start)?,
            Event::Scalar(_, ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded, ..) => {
                self.check_breaks(start, end)?;
            }
            Event::SequenceStart(style, ..) | Event::MappingStart(style, ..) => {
                self.open.push((*style != StructureStyle::Flow).then(|| span.start.col()));
            }
            _ if is_closing => drop(self.open.pop()),
            _ => {}
        }
        if is_content && end > self.end {
            self.end = end;
            let indent = self.open.last().copied().flatten().map_or(0, |column| column + 1);
            let is_plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, ..)) && end > start;
            self.after_plain = is_plain.then_some(indent);
            self.after_block = matches!(event, Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..));
        }
        Ok(())
    }

    fn is_in_brackets(&self) -> bool {
        self.open.last().is_some_and(Option::is_none)
    }

    /// What stands between double quotes.
    fn check_escapes(&self, start: usize, end: usize) -> Result<(), &'static str> {
        let mut rest = self.text.get(start..end).unwrap_or_default();
        while let Some(at) = rest.find('\\') {
            let escape = rest.get(at + 1..).unwrap_or_default();
            if escape.starts_with('/') {
                return Err("found unknown escape character \\/");
            }
            let digits = escape.strip_prefix('u').and_then(|digits| digits.get(..4));
            if digits.is_some_and(|digits| matches!(u16::from_str_radix(digits, 16), Ok(0xd800..=0xdfff))) {
                return Err("found invalid Unicode character escape code, half of a pair");
            }
            rest = escape.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// The line ends of YAML 1.1 end a line, and what follows must be indented.
    fn check_breaks(&self, start: usize, end: usize) -> Result<(), &'static str> {
        let text = self.text.get(start..end).unwrap_or_default();
        let is_break = |c: char| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
        if text.is_ascii() || !text.contains(is_break) || self.is_in_brackets() {
            return Ok(());
        }
        let unindented = |line: &str| line.starts_with(|c: char| !c.is_whitespace() && !is_break(c));
        if text.split(is_break).skip(1).any(unindented) {
            return Err("a character that ends lines (U+0085, U+2028, U+2029) stands in a text without quotes");
        }
        Ok(())
    }

    /// A key that is not there needs a `?`, an anchor or a tag, but in brackets.
    fn check_missing_key(&self, start: usize) -> Result<(), &'static str> {
        let gap = self.text.get(self.end..start).unwrap_or_default();
        let mut lines = gap.lines().map(|line| line.split('#').next().unwrap_or_default());
        if self.is_in_brackets() || lines.any(|line| line.contains(['?', '!', '&'])) {
            return Ok(());
        }
        Err("did not find expected key")
    }

    /// The text up to `start`, where the next thing begins.
    fn gap(&self, start: usize) -> Result<(), &'static str> {
        let gap = self.text.get(self.end..start).unwrap_or_default();
        if self.is_in_brackets() || !gap.contains('\t') {
            return Ok(());
        }
        let mut plain = self.after_plain;
        for line in gap.split('\n').skip(usize::from(!self.after_block && self.end > 0)) {
            let rest = line.trim_start_matches(' ');
            if rest.starts_with('\t') && plain.is_none_or(|indent| line.len() - rest.len() < indent) {
                return Err("found a tab character that violates indentation");
            }
            plain = plain.filter(|_| !rest.trim_start().starts_with('#'));
        }
        Ok(())
    }
}

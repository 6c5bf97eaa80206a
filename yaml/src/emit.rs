//! YAML as `sigs.k8s.io/yaml` writes it: go-yaml v2's emitter, byte for byte.
//!
//! Charts hash what Helm's `toYaml` gives, and people diff what we print against what `kubectl` prints, so every
//! quirk counts: keys in go-yaml's natural order, lists not indented under their key, lines folded at 80 columns, quotes
//! where YAML 1.1 would read something else. Two exceptions, where Go's text would not read back: strings with U+0085,
//! U+2028 or U+2029 are escaped, and the key `<<` is quoted.

mod scalar;
mod sort;
pub mod v3;

use serde_json::{Map, Number, Value};

use crate::number::{format_float, whole};
use scalar::Style;

/// The value as `sigs.k8s.io/yaml`'s `Marshal` writes it, keys sorted.
#[must_use]
pub fn to_string(value: &Value) -> String {
    let mut emitter = Emitter::new(true);
    emitter.document(value);
    emitter.out
}

/// As [`to_string`], with the keys of mappings in the order that they have.
#[must_use]
pub fn to_string_ordered(value: &Value) -> String {
    let mut emitter = Emitter::new(false);
    emitter.document(value);
    emitter.out
}

/// As [`to_string`], with U+2028 and U+2029 as they are, where Go does not escape them: for output that must equal that of
/// a Go program to the byte.
#[must_use]
pub fn to_string_exact(value: &Value) -> String {
    let mut emitter = Emitter { raw_separators: true, ..Emitter::new(true) };
    emitter.document(value);
    emitter.out
}

/// The values as a stream of documents, each as [`to_string`] writes it, with `---` between them.
#[must_use]
pub fn documents_to_string(values: &[Value]) -> String {
    let mut out = String::new();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push_str("---\n");
        }
        out.push_str(&to_string(value));
    }
    out
}

/// How a scalar is to be written, if its text allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// None.
    No,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
}

/// A scalar on one line, however long it is, as go-yaml v3 writes a node of that style: in single quotes what cannot
/// stand plain, in double quotes what cannot stand in single ones.
#[must_use]
pub fn scalar_line(text: &str, quotes: Quotes) -> String {
    let wanted = match quotes {
        Quotes::No => Style::Plain,
        Quotes::Single => Style::SingleQuoted,
        Quotes::Double => Style::DoubleQuoted,
    };
    // A key may not be folded.
    let mut emitter = Emitter::new(false);
    match scalar::style(text, wanted, true, true, false) {
        Style::Plain => emitter.plain(text, false),
        Style::SingleQuoted => emitter.single_quoted(text, false),
        Style::DoubleQuoted | Style::Literal => emitter.double_quoted(text, false),
    }
    emitter.out
}

/// Columns per level.
const INDENT: usize = 2;
/// Where go-yaml v2 breaks lines.
const WIDTH: usize = 80;

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Root,
    Item,
    Value,
    SimpleKey,
}

/// The writer's state, as libyaml keeps it.
struct Emitter {
    out: String,
    sorted: bool,
    /// Whether U+2028 and U+2029 stand as they are, and count as line ends, as in Go.
    raw_separators: bool,
    /// Beyond this column a line is broken at the next space.
    width: usize,
    /// Whether a tab forces double quotes, but is allowed in blocks, as in go-yaml v3.
    tabs_are_quoted: bool,
    column: usize,
    /// `None` before the first level.
    indent: Option<usize>,
    /// Whether the last thing written was white space.
    whitespace: bool,
    /// Whether only indentation and indicators stand on the line.
    indention: bool,
}

impl Emitter {
    fn new(sorted: bool) -> Self {
        Self {
            out: String::new(),
            sorted,
            raw_separators: false,
            width: WIDTH,
            tabs_are_quoted: false,
            column: 0,
            indent: None,
            whitespace: true,
            indention: true,
        }
    }

    fn document(&mut self, value: &Value) {
        self.node(value, Context::Root);
        self.write_indent();
    }

    fn node(&mut self, value: &Value, context: Context) {
        match value {
            Value::Null => self.scalar("null", Style::Plain, context),
            Value::Bool(value) => self.scalar(if *value { "true" } else { "false" }, Style::Plain, context),
            Value::Number(number) => self.scalar(&number_text(number), Style::Plain, context),
            Value::String(text) => self.scalar(text, scalar::wanted_style(text), context),
            Value::Array(items) if items.is_empty() => self.empty("[]"),
            Value::Array(items) => self.list(items, context),
            Value::Object(map) if map.is_empty() => self.empty("{}"),
            Value::Object(map) => self.mapping(map),
        }
    }

    fn empty(&mut self, brackets: &str) {
        self.indicator(brackets, true, false, false);
    }

    fn list(&mut self, items: &[Value], context: Context) {
        let indentless = context == Context::Value && !self.indention;
        let outer = self.indent;
        self.increase_indent(indentless);
        for item in items {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(item, Context::Item);
        }
        self.indent = outer;
    }

    fn mapping(&mut self, map: &Map<String, Value>) {
        let outer = self.indent;
        self.increase_indent(false);
        let mut entries: Vec<(&String, &Value)> = map.iter().collect();
        if self.sorted {
            sort::by_key(&mut entries);
        }
        for (key, value) in entries {
            self.write_indent();
            let style = scalar::wanted_key_style(key);
            if scalar::is_simple_key(key) {
                self.scalar(key, style, Context::SimpleKey);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.scalar(key, style, Context::Value);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, Context::Value);
        }
        self.indent = outer;
    }

    fn scalar(&mut self, text: &str, wanted: Style, context: Context) {
        let simple_key = context == Context::SimpleKey;
        let style = scalar::style(text, wanted, simple_key, self.raw_separators, self.tabs_are_quoted);
        let outer = self.indent;
        self.indent = Some(outer.map_or(INDENT, |indent| indent + INDENT));
        match style {
            Style::Plain => self.plain(text, !simple_key),
            Style::SingleQuoted => self.single_quoted(text, !simple_key),
            Style::DoubleQuoted => self.double_quoted(text, !simple_key),
            Style::Literal => self.literal(text),
        }
        self.indent = outer;
    }

    fn increase_indent(&mut self, indentless: bool) {
        self.indent = Some(match self.indent {
            None => 0,
            Some(indent) if indentless => indent,
            Some(indent) => indent + INDENT,
        });
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, indicator: &str, need_whitespace: bool, is_whitespace: bool, is_indention: bool) {
        if need_whitespace && !self.whitespace {
            self.put(' ');
        }
        self.out.push_str(indicator);
        self.column += indicator.len();
        self.whitespace = is_whitespace;
        self.indention = self.indention && is_indention;
    }
}

fn number_text(number: &Number) -> String {
    if number.is_i64() || number.is_u64() {
        return number.to_string();
    }
    let value = number.as_f64().unwrap_or_default();
    if value == 0.0 {
        return "0".to_owned();
    }
    whole(value).map_or_else(|| format_float(value), |whole| whole.to_string())
}

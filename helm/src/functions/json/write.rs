//! JSON as Go writes it. Go: `encoding/json/encode.go`, `indent.go`.

use super::super::encoding::encode_base64;
use crate::stack::deeper;
use crate::template::print::format_float;
use crate::value::{List, Map, Str, Type, Value};

/// How JSON is written.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Style {
    /// `<`, `>` and `&` as escapes.
    html: bool,
    /// Two spaces a level.
    indent: bool,
}

impl Style {
    /// `json.Marshal`.
    pub(in super::super) const COMPACT: Self = Self { html: true, indent: false };
    /// `json.MarshalIndent(v, "", "  ")`.
    pub(in super::super) const PRETTY: Self = Self { html: true, indent: true };
    /// An encoder with `SetEscapeHTML(false)`.
    pub(in super::super) const RAW: Self = Self { html: false, indent: false };
}

/// The deepest nesting; only what holds itself is deeper, of which Go says the same.
const MAX_DEPTH: usize = 10_000;
/// The largest text, in bytes: a list that holds another twice, over and over, grows without end.
const MAX_TEXT: usize = 16 << 20;

/// The text of a value, or why it has none.
pub(in super::super) fn write(value: &Value, style: Style) -> Result<String, String> {
    let mut writer = Writer { out: String::new(), style, depth: 0 };
    writer.value(value)?;
    Ok(writer.out)
}

/// The value of a JSON text, however deep: what YAML is made from.
pub(in super::super) fn parsed(text: &str) -> Result<serde_json::Value, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    serde::Deserialize::deserialize(&mut reader).map_err(|error| error.to_string())
}

struct Writer {
    out: String,
    style: Style,
    depth: usize,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Nil => self.out.push_str("null"),
            Value::Bool(b) => self.out.push_str(if *b { "true" } else { "false" }),
            Value::Int(_, n) => self.out.push_str(&n.to_string()),
            Value::Uint(_, n) => self.out.push_str(&n.to_string()),
            Value::Float(f) => self.out.push_str(&float(*f)?),
            Value::Complex(..) => return Err("json: unsupported type: complex128".to_owned()),
            Value::String(text) => self.string(text),
            Value::List(list) if list.is_nil() => self.out.push_str("null"),
            Value::Map(map) if map.is_nil() => self.out.push_str("null"),
            Value::List(list) if list.type_of().underlying() == Type::BYTES => {
                self.out.push_str(&format!("\"{}\"", encode_base64(&list.to_bytes().unwrap_or_default())));
            }
            Value::List(list) => self.nested(value, |writer| writer.list(list))?,
            Value::Map(map) => self.nested(value, |writer| writer.map(map))?,
            Value::Object(object) => match (object.underlying(), object.to_json()) {
                (None, Value::Map(map)) => {
                    let order: Vec<&str> = object.fields().into_iter().map(|(name, _)| name).collect();
                    self.nested(value, |writer| writer.structure(&map, &order))?;
                }
                (_, json) => deeper(|| self.value(&json))?,
            },
        }
        Ok(())
    }

    fn nested(&mut self, value: &Value, write: impl FnOnce(&mut Self) -> Result<(), String>) -> Result<(), String> {
        if self.depth == MAX_DEPTH {
            return Err(format!("json: unsupported value: encountered a cycle via {}", value.type_name()));
        }
        if self.out.len() > MAX_TEXT {
            return Err(format!("JSON of more than {MAX_TEXT} bytes"));
        }
        self.depth += 1;
        deeper(|| write(self))?;
        self.depth -= 1;
        Ok(())
    }

    fn list(&mut self, list: &List) -> Result<(), String> {
        self.out.push('[');
        let items = list.to_vec();
        for (at, item) in items.iter().enumerate() {
            self.separate(at);
            self.value(item)?;
        }
        self.close(items.is_empty(), ']');
        Ok(())
    }

    fn map(&mut self, map: &Map) -> Result<(), String> {
        self.entries(&map.to_vec())
    }

    /// The entries of a struct, in the order of its fields.
    fn structure(&mut self, map: &Map, order: &[&str]) -> Result<(), String> {
        let mut entries = map.to_vec();
        entries.sort_by_key(|(key, _)| order.iter().position(|name| *key == *name).unwrap_or(order.len()));
        self.entries(&entries)
    }

    fn entries(&mut self, entries: &[(Str, Value)]) -> Result<(), String> {
        self.out.push('{');
        for (at, (key, value)) in entries.iter().enumerate() {
            self.separate(at);
            self.string(key);
            self.out.push_str(if self.style.indent { ": " } else { ":" });
            self.value(value)?;
        }
        self.close(entries.is_empty(), '}');
        Ok(())
    }

    fn separate(&mut self, at: usize) {
        if at > 0 {
            self.out.push(',');
        }
        self.line(self.depth);
    }

    fn close(&mut self, empty: bool, bracket: char) {
        if !empty {
            self.line(self.depth - 1);
        }
        self.out.push(bracket);
    }

    fn line(&mut self, depth: usize) {
        if self.style.indent {
            self.out.push('\n');
            self.out.push_str(&"  ".repeat(depth));
        }
    }

    /// Go: `appendString`. Every byte that is not UTF-8 is U+FFFD, and that only then an escape.
    fn string(&mut self, text: &Str) {
        self.out.push('"');
        for chunk in text.as_bytes().utf8_chunks() {
            chunk.valid().chars().for_each(|c| self.character(c));
            chunk.invalid().iter().for_each(|_| self.out.push_str("\\ufffd"));
        }
        self.out.push('"');
    }

    fn character(&mut self, c: char) {
        match c {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            '\u{8}' => self.out.push_str("\\b"),
            '\u{c}' => self.out.push_str("\\f"),
            '<' | '>' | '&' if self.style.html => self.escape(c),
            '\0'..' ' | '\u{2028}' | '\u{2029}' => self.escape(c),
            c => self.out.push(c),
        }
    }

    fn escape(&mut self, c: char) {
        self.out.push_str(&format!("\\u{:04x}", u32::from(c)));
    }
}

/// Go: `floatEncoder`: as in ECMAScript, with exponents below 1e-6 and from 1e21 on.
pub(in super::super) fn float(f: f64) -> Result<String, String> {
    if !f.is_finite() {
        return Err(format!("json: unsupported value: {}", format_float(f, 'g', None)));
    }
    if f == 0.0 || (1e-6..1e21).contains(&f.abs()) {
        return Ok(format_float(f, 'f', None));
    }
    let text = format_float(f, 'e', None);
    Ok(match text.split_once("e-0") {
        Some((mantissa, digit)) => format!("{mantissa}e-{digit}"),
        None => text,
    })
}

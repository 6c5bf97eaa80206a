//! TOML as Go writes it. Go: BurntSushi/toml, `encode.go`.

use super::super::time;
use crate::stack::deeper;
use crate::template::print::format_float;
use crate::value::{List, Map, Str, Value};

/// The deepest nesting; only what holds itself is deeper, where Go's stack ends.
const MAX_DEPTH: usize = 1_000;
/// The largest text, in bytes.
const MAX_TEXT: usize = 16 << 20;

/// The text of a value, or why it has none.
pub(super) fn write(value: &Value) -> Result<Vec<u8>, String> {
    let mut writer = Writer { out: Vec::new() };
    writer.encode(&[], Item::of(value))?;
    Ok(writer.out)
}

struct Writer {
    out: Vec<u8>,
}

/// A value as the encoder sees it: behind pointers and interfaces.
enum Item {
    Nil,
    Map(Map),
    List(List),
    /// Anything else, as its text.
    Plain(Result<Vec<u8>, String>),
}

/// Go: `dblQuotedReplacer`.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = b"\"".to_vec();
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            8 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..32 | 127 => out.extend(format!("\\u{byte:04x}").bytes()),
            byte => out.push(*byte),
        }
    }
    out.push(b'"');
    out
}

/// A float always has a point or an exponent.
fn float(f: f64) -> String {
    if f.is_nan() {
        return if f.is_sign_negative() { "-nan" } else { "nan" }.to_owned();
    }
    if f.is_infinite() {
        return if f < 0.0 { "-inf" } else { "inf" }.to_owned();
    }
    let text = format_float(f, 'g', None);
    if text.contains(['.', 'e']) { text } else { text + ".0" }
}

/// A key; quotes where it is not bare. Go: `Key.maybeQuoted`.
fn key_text(key: &Str) -> Vec<u8> {
    if key.is_empty() {
        return b"\"\"".to_vec();
    }
    let bare = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if key.as_bytes().iter().all(bare) { key.as_bytes().to_vec() } else { quoted(key.as_bytes()) }
}

pub(super) fn path_text(path: &[Str]) -> Vec<u8> {
    path.iter().map(key_text).collect::<Vec<_>>().join(&b'.')
}

impl Item {
    fn of(value: &Value) -> Self {
        let plain = |text: String| Self::Plain(Ok(text.into_bytes()));
        match value {
            Value::Nil => Self::Nil,
            Value::List(list) if list.is_nil() => Self::Nil,
            Value::Map(map) if map.is_nil() => Self::Nil,
            Value::List(list) => Self::List(list.clone()),
            Value::Map(map) => Self::Map(map.clone()),
            Value::Bool(b) => plain(b.to_string()),
            Value::Int(_, n) => plain(n.to_string()),
            Value::Uint(_, n) => plain(n.to_string()),
            Value::Float(f) => plain(float(*f)),
            Value::Complex(..) => Self::Plain(Err("unsupported type: complex128".to_owned())),
            Value::String(text) => Self::Plain(Ok(quoted(text.as_bytes()))),
            Value::Object(object) => match (time::toml(value), object.underlying()) {
                (Some(text), _) => plain(text),
                (None, Some(under)) => Self::of(&under),
                // Versions are text to Go's encoders, structs are tables.
                (None, None) => Self::of(&object.to_json()),
            },
        }
    }

    fn is_table(&self) -> Result<bool, String> {
        match self {
            Self::Map(_) => Ok(true),
            Self::List(list) => is_table_array(list),
            Self::Nil => Ok(false),
            Self::Plain(text) => text.as_ref().map(|_| false).map_err(Clone::clone),
        }
    }
}

/// Whether a list holds nothing but tables; a nil in it is an error. Go: `isTableArray`.
fn is_table_array(list: &List) -> Result<bool, String> {
    let mut all = !list.is_empty();
    for item in list.to_vec() {
        let item = Item::of(&item);
        match &item {
            Item::Nil => return Err("toml: cannot encode array with nil element".to_owned()),
            Item::Map(_) => {}
            // The type of a nested list is found out as well, and with it nils in there.
            other => {
                other.is_table()?;
                all = false;
            }
        }
    }
    Ok(all)
}

impl Writer {
    fn newline(&mut self) {
        if !self.out.is_empty() {
            self.out.push(b'\n');
        }
    }

    fn indent(&mut self, path: &[Str]) {
        let depth = path.len().saturating_sub(1);
        self.out.extend(b"  ".repeat(depth));
    }

    fn check(&self, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("toml: values nested deeper than {MAX_DEPTH} levels"));
        }
        if self.out.len() > MAX_TEXT {
            return Err(format!("toml: more than {MAX_TEXT} bytes"));
        }
        Ok(())
    }

    /// Go: `encode`.
    fn encode(&mut self, path: &[Str], item: Item) -> Result<(), String> {
        self.check(path.len())?;
        match item {
            Item::Nil => Ok(()),
            Item::Map(map) => self.table(path, &map),
            Item::List(list) if is_table_array(&list)? => self.tables(path, &list),
            item => self.key_value(path, &item, false, path.len()),
        }
    }

    fn tables(&mut self, path: &[Str], list: &List) -> Result<(), String> {
        if path.is_empty() {
            return Err("toml: top-level values must be Go maps or structs".to_owned());
        }
        for item in list.to_vec() {
            if let Item::Map(map) = Item::of(&item) {
                self.newline();
                self.indent(path);
                self.out.extend([b"[[".as_slice(), &path_text(path), b"]]"].concat());
                self.newline();
                deeper(|| self.entries(path, &map))?;
            }
        }
        Ok(())
    }

    fn table(&mut self, path: &[Str], map: &Map) -> Result<(), String> {
        if path.len() == 1 {
            self.newline();
        }
        if !path.is_empty() {
            self.indent(path);
            self.out.extend([b"[".as_slice(), &path_text(path), b"]"].concat());
            self.newline();
        }
        deeper(|| self.entries(path, map))
    }

    /// The entries that are no tables come first, so that they stay in this one. Go: `eMap`.
    fn entries(&mut self, path: &[Str], map: &Map) -> Result<(), String> {
        let (direct, tables) = divided(map)?;
        for (key, item) in direct.into_iter().chain(tables) {
            let mut path = path.to_vec();
            path.push(key);
            self.encode(&path, item)?;
        }
        Ok(())
    }

    fn key_value(&mut self, path: &[Str], item: &Item, inline: bool, depth: usize) -> Result<(), String> {
        let Some(key) = path.last() else { return self.element(item, depth) };
        if !inline {
            self.indent(path);
        }
        self.out.extend(key_text(key));
        self.out.extend_from_slice(b" = ");
        self.element(item, depth)?;
        if !inline {
            self.newline();
        }
        Ok(())
    }

    /// Go: `eElement`.
    fn element(&mut self, item: &Item, depth: usize) -> Result<(), String> {
        self.check(depth)?;
        match item {
            Item::Nil => Err("toml: cannot encode array with nil element".to_owned()),
            Item::Plain(text) => {
                self.out.extend(text.clone()?);
                Ok(())
            }
            Item::List(list) => {
                self.out.push(b'[');
                for (at, value) in list.to_vec().iter().enumerate() {
                    if at > 0 {
                        self.out.extend_from_slice(b", ");
                    }
                    deeper(|| self.element(&Item::of(value), depth + 1))?;
                }
                self.out.push(b']');
                Ok(())
            }
            Item::Map(map) => self.inline_table(map, depth),
        }
    }

    /// A comma stands behind every entry but the last, also where a nil left nothing to separate.
    fn inline_table(&mut self, map: &Map, depth: usize) -> Result<(), String> {
        let (direct, tables) = divided(map)?;
        self.out.push(b'{');
        let (direct_count, more) = (direct.len(), !tables.is_empty());
        let table_count = tables.len();
        let commas =
            (1..=direct_count).map(|n| more || n < direct_count).chain((1..=table_count).map(|n| n < table_count));
        for ((key, item), comma) in direct.into_iter().chain(tables).zip(commas) {
            if matches!(item, Item::Nil) {
                continue;
            }
            deeper(|| self.key_value(&[key], &item, true, depth + 1))?;
            if comma {
                self.out.extend_from_slice(b", ");
            }
        }
        self.out.push(b'}');
        Ok(())
    }
}

type Entries = Vec<(Str, Item)>;

/// The entries of a map that are no tables, and those that are, each in the order of their keys.
fn divided(map: &Map) -> Result<(Entries, Entries), String> {
    let (mut direct, mut tables) = (Vec::new(), Vec::new());
    for (key, value) in map.to_vec() {
        let item = Item::of(&value);
        if item.is_table()? { tables.push((key, item)) } else { direct.push((key, item)) }
    }
    Ok((direct, tables))
}

//! TOML as Go reads it: tables and the keys of a document. Go: BurntSushi/toml, `parse.go`, `lex.go`.

use std::collections::BTreeSet;

use super::scan::Scanner;
use crate::stack::deeper;
use crate::value::{List, Map, Str, Type, Value};

/// The type of arrays of tables.
const TABLES: Type = Type::Slice(&Type::DICT);
/// The deepest nesting of arrays and inline tables.
const MAX_DEPTH: usize = 10_000;

/// Why a text is no TOML, in Go's words.
type Failure = String;

/// The tables of a text.
pub(super) fn read(text: &[u8]) -> Result<Map, Failure> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.iter().take(6).any(|b| *b == 0) {
        return Err(
            "toml: line 1: files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8".to_owned()
        );
    }
    let mut reader = Reader {
        scanner: Scanner::new(text),
        root: Map::new(),
        context: Vec::new(),
        key: None,
        implicit: BTreeSet::new(),
        depth: 0,
    };
    match reader.document() {
        Ok(()) => Ok(reader.root),
        Err(message) => Err(reader.located(&message)),
    }
}

type Path = Vec<Str>;

struct Reader<'a> {
    scanner: Scanner<'a>,
    root: Map,
    /// The table that entries go into.
    context: Path,
    /// The last part of the key whose value is being read.
    key: Option<Str>,
    /// Tables that exist only because something in them does, which may still be defined once.
    implicit: BTreeSet<Path>,
    depth: usize,
}

/// As `Key.String` writes it: quotes where a part is not bare.
fn path_text(path: &[Str]) -> String {
    String::from_utf8_lossy(&super::write::path_text(path)).into_owned()
}

impl Reader<'_> {
    fn located(&self, message: &str) -> String {
        let current = match &self.key {
            Some(key) if self.context.is_empty() => key.to_text().into_owned(),
            Some(key) => format!("{}.{}", path_text(&self.context), key.to_text()),
            None => path_text(&self.context),
        };
        let key = if current.is_empty() {
            String::new()
        } else {
            format!(" (last key {})", super::super::gofmt::quote(current.as_bytes()))
        };
        format!("toml: line {}{key}: {message}", self.scanner.line())
    }

    fn document(&mut self) -> Result<(), Failure> {
        loop {
            self.scanner.skip_blank()?;
            match self.scanner.peek() {
                None => return Ok(()),
                Some(b'[') => self.header()?,
                Some(_) => self.entry()?,
            }
            self.scanner.skip_space();
            match self.scanner.peek() {
                None | Some(b'\n' | b'#') => {}
                Some(b'\r') if self.scanner.at_line_end() => {}
                Some(_) => {
                    let found = self.scanner.found();
                    return Err(format!(
                        "expected a top-level item to end with a newline, comment, or EOF, but got {found} instead"
                    ));
                }
            }
        }
    }

    /// `[a.b]` or `[[a.b]]`.
    fn header(&mut self) -> Result<(), Failure> {
        self.scanner.bump();
        let array = self.scanner.accept(b'[');
        let mut path = Vec::new();
        (self.context, self.key) = (Vec::new(), None);
        loop {
            self.scanner.skip_space();
            match self.scanner.peek() {
                None | Some(b']') => {
                    return Err("unexpected end of table name (table names cannot be empty)".to_owned());
                }
                Some(b'.') => return Err("unexpected table separator (table names cannot be empty)".to_owned()),
                Some(_) => path.push(self.scanner.key_part()?),
            }
            self.scanner.skip_space();
            match self.scanner.peek() {
                Some(b'.') => self.scanner.bump(),
                Some(b']') => break,
                _ => {
                    let found = self.scanner.found();
                    return Err(format!("expected '.' or ']' to end table name, but got {found} instead"));
                }
            }
        }
        self.scanner.bump();
        if array && !self.scanner.accept(b']') {
            let found = self.scanner.found();
            return Err(format!("expected end of table array name delimiter ']', but got {found} instead"));
        }
        self.enter(&path, array)
    }

    /// Go: `addContext`.
    fn enter(&mut self, path: &[Str], array: bool) -> Result<(), Failure> {
        let Some((last, parents)) = path.split_last() else { return Ok(()) };
        let mut table = self.root.clone();
        for at in 0..parents.len() {
            let here = &path[..=at];
            if !table.contains(parents[at].as_bytes()) {
                self.implicit.insert(here.to_vec());
                table.insert(&parents[at], Value::Map(Map::new()));
            }
            table = inside(&table, &parents[at])
                .ok_or_else(|| format!("Key '{}' was already created as a hash.", path_text(here)))?;
        }
        self.context = parents.to_vec();
        if array {
            let present = table.get(last.as_bytes());
            let list = match present {
                None => List::typed(TABLES, Vec::new()),
                Some(Value::List(list)) if list.type_of() == TABLES => list,
                Some(_) => {
                    return Err(format!(
                        "Key '{}' was already created and cannot be used as an array.",
                        path_text(path)
                    ));
                }
            };
            list.change(|items| items.push(Value::Map(Map::new())));
            table.insert(last, Value::List(list));
        } else {
            self.set(last, Value::Map(Map::new()))?;
        }
        self.context = path.to_vec();
        Ok(())
    }

    /// Go: `setValue`. A table that was only implied may be defined.
    fn set(&mut self, key: &Str, value: Value) -> Result<(), Failure> {
        let mut table = self.root.clone();
        for at in 0..self.context.len() {
            let defined = || format!("Key '{}' has already been defined.", path_text(&self.context[..=at]));
            table = inside(&table, &self.context[at]).ok_or_else(defined)?;
        }
        if table.contains(key.as_bytes()) {
            let mut path = self.context.clone();
            path.push(key.clone());
            if self.implicit.remove(&path) {
                return Ok(());
            }
            return Err(format!("Key '{}' has already been defined.", path_text(&path)));
        }
        table.insert(key, value);
        Ok(())
    }

    /// `a.b = value`.
    fn entry(&mut self) -> Result<(), Failure> {
        self.key = None;
        let outer = self.context.clone();
        let path = self.scanner.key()?;
        let Some((last, parents)) = path.split_last() else { return Ok(()) };
        for part in parents {
            let mut here = self.context.clone();
            here.push(part.clone());
            self.implicit.insert(here.clone());
            self.enter(&here, false)?;
        }
        self.key = Some(last.clone());
        let value = self.value()?;
        self.set(last, value)?;
        (self.context, self.key) = (outer, None);
        Ok(())
    }

    fn value(&mut self) -> Result<Value, Failure> {
        self.scanner.skip_space();
        match self.scanner.peek() {
            Some(b'[') => self.nested(Self::array),
            Some(b'{') => self.nested(Self::inline_table),
            _ => self.scanner.scalar(),
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Result<Value, Failure>) -> Result<Value, Failure> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("values nested deeper than {MAX_DEPTH} levels"));
        }
        self.scanner.bump();
        let value = deeper(|| read(self))?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, Failure> {
        let mut items = Vec::new();
        loop {
            self.scanner.skip_blank()?;
            match self.scanner.peek() {
                Some(b']') => break,
                Some(b',') => return Err("unexpected comma".to_owned()),
                _ => items.push(self.value()?),
            }
            self.scanner.skip_blank()?;
            match self.scanner.peek() {
                Some(b',') => self.scanner.bump(),
                Some(b']') => break,
                _ => {
                    let found = self.scanner.found_or_end();
                    return Err(format!("expected a comma (',') or array terminator (']'), but got {found}"));
                }
            }
        }
        self.scanner.bump();
        Ok(Value::list(items))
    }

    /// Its keys are its own: it is read as a document of its own inside this one.
    fn inline_table(&mut self) -> Result<Value, Failure> {
        let mut outer_context = self.context.clone();
        outer_context.extend(self.key.clone());
        let (root, implicit) = (std::mem::take(&mut self.root), std::mem::take(&mut self.implicit));
        let (context, key) = (std::mem::take(&mut self.context), self.key.take());
        let read = self.inline_entries();
        if let Err(message) = read {
            // For the text of the error, which names the whole path.
            let inner = std::mem::take(&mut self.context);
            self.context = outer_context.into_iter().chain(inner).collect();
            return Err(message);
        }
        let table = std::mem::replace(&mut self.root, root);
        (self.implicit, self.context, self.key) = (implicit, context, key);
        Ok(Value::Map(table))
    }

    fn inline_entries(&mut self) -> Result<(), Failure> {
        loop {
            self.scanner.skip_blank()?;
            match self.scanner.peek() {
                Some(b'}') => break,
                Some(b',') => return Err("unexpected comma".to_owned()),
                _ => self.entry_keeping_key()?,
            }
            self.scanner.skip_blank()?;
            match self.scanner.peek() {
                Some(b',') => self.scanner.bump(),
                Some(b'}') => break,
                _ => {
                    let found = self.scanner.found_or_end();
                    return Err(format!(
                        "expected a comma or an inline table terminator '}}', but got {found} instead"
                    ));
                }
            }
        }
        self.scanner.bump();
        Ok(())
    }

    /// As an entry, but the key stays for an error behind the value.
    fn entry_keeping_key(&mut self) -> Result<(), Failure> {
        let before = self.scanner.place();
        self.entry()?;
        self.key = self.scanner.again(before, |scanner| scanner.key().ok().and_then(|path| path.last().cloned()));
        Ok(())
    }
}

/// The table under a key: of an array of tables the last one.
fn inside(table: &Map, key: &Str) -> Option<Map> {
    match table.get(key.as_bytes())? {
        Value::Map(map) => Some(map),
        Value::List(list) if list.type_of() == TABLES => {
            let last = list.with(|items| items.last().cloned())?;
            last.as_map().cloned()
        }
        _ => None,
    }
}

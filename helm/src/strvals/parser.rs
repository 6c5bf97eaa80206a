//! The parser of all kinds of settings. Helm: `pkg/strvals/parser.go`, `literal_parser.go`.

use serde_json::{Map, Number, Value};

use super::{Error, MAX_INDEX, MAX_NESTING};

/// What a value is.
pub(super) enum Mode<'r> {
    Typed,
    Strings,
    Json,
    File(&'r mut dyn FnMut(&str) -> std::result::Result<String, String>),
    Literal,
}

pub(super) struct Parser<'a, 'r> {
    rest: &'a str,
    mode: Mode<'r>,
}

/// Why parsing stops. The end of the argument is where it should stop, wherever it comes.
enum Stop {
    End,
    Error(String),
}

type Result<T> = std::result::Result<T, Stop>;

fn error<T>(text: impl Into<String>) -> Result<T> {
    Err(Stop::Error(text.into()))
}

/// Go's panic on a type assertion, which the parser makes an error.
fn conversion<T>(found: &Value, wanted: &str) -> Result<T> {
    let found = match found {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    };
    error(format!("unable to parse key: interface conversion: interface {{}} is {found}, not {wanted}"))
}

impl<'a, 'r> Parser<'a, 'r> {
    pub(super) fn new(argument: &'a str, mode: Mode<'r>) -> Self {
        Self { rest: argument, mode }
    }

    pub(super) fn parse(mut self, values: &mut Map<String, Value>) -> std::result::Result<(), Error> {
        loop {
            match self.key(values, 0) {
                Ok(()) => {}
                Err(Stop::End) => return Ok(()),
                Err(Stop::Error(text)) => return Err(Error::new(text)),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        Some(c)
    }

    /// The text up to one of these characters, and which it was; `None` at the end of the argument.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(c) = self.next() {
            match c {
                c if stops.contains(&c) => return (text, Some(c)),
                '\\' if !matches!(self.mode, Mode::Literal) => match self.next() {
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        (text, None)
    }

    fn key(&mut self, data: &mut Map<String, Value>, nesting: usize) -> Result<()> {
        let stops: &[char] = if matches!(self.mode, Mode::Literal) { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (key, stop) = self.until(stops);
        match stop {
            None if key.is_empty() => Err(Stop::End),
            None => error(format!("key {key:?} has no value")),
            Some('=') => self.value_of_key(data, &key),
            Some('[') => self.list_of_key(data, &key, nesting),
            Some(',') => error(format!("key {key:?} has no value (cannot end with ,)")),
            Some(_) => self.table_of_key(data, &key, nesting + 1),
        }
    }

    fn value_of_key(&mut self, data: &mut Map<String, Value>, key: &str) -> Result<()> {
        match self.value()? {
            Some(value) => set(data, key, value),
            None => {
                set(data, key, Value::from(""));
                return Err(Stop::End);
            }
        }
        Ok(())
    }

    fn list_of_key(&mut self, data: &mut Map<String, Value>, key: &str, nesting: usize) -> Result<()> {
        let index = self.index()?;
        let mut list = match data.get_mut(key) {
            None => Vec::new(),
            Some(Value::Array(list)) => std::mem::take(list),
            Some(other) => return conversion(other, "[]interface {}"),
        };
        let result = self.item(&mut list, index, nesting);
        set(data, key, Value::Array(list));
        result
    }

    fn table_of_key(&mut self, data: &mut Map<String, Value>, key: &str, nesting: usize) -> Result<()> {
        if nesting > MAX_NESTING {
            return error(format!(
                "value name nested level is greater than maximum supported nested level of {MAX_NESTING}"
            ));
        }
        let mut inner = match data.get_mut(key) {
            None => Map::new(),
            Some(Value::Object(table)) => std::mem::take(table),
            Some(other) => return conversion(other, "map[string]interface {}"),
        };
        let result = self.key(&mut inner, nesting);
        if result.is_ok() && inner.is_empty() {
            return error(format!("key map {key:?} has no value"));
        }
        if !inner.is_empty() {
            set(data, key, Value::Object(inner));
        }
        result
    }

    fn index(&mut self) -> Result<i64> {
        let (text, stop) = self.until(&[']']);
        if stop.is_none() {
            return Err(Stop::End);
        }
        let syntax = |_| Stop::Error(format!("error parsing index: strconv.Atoi: parsing {text:?}: invalid syntax"));
        text.parse().map_err(syntax)
    }

    /// What follows the `]` of an index.
    fn item(&mut self, list: &mut Vec<Value>, index: i64, nesting: usize) -> Result<()> {
        let Ok(at) = usize::try_from(index) else { return error(format!("negative {index} index not allowed")) };
        let (key, stop) = self.until(&['[', '.', '=']);
        if !key.is_empty() {
            let runes: Vec<String> = key.chars().map(|c| format!("{c:?}")).collect();
            return error(format!("unexpected data at end of array index: [{}]", runes.join(" ")));
        }
        match stop {
            None => Err(Stop::End),
            Some('=') => {
                let value = self.value()?.unwrap_or_else(|| Value::from(""));
                set_index(list, at, value)
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match list.get_mut(at) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(inner)) => inner.clone(),
                    Some(other) => return conversion(other, "[]interface {}"),
                };
                self.item(&mut inner, next, nesting)?;
                set_index(list, at, Value::Array(inner))
            }
            Some(_) => self.table_of_item(list, at, nesting),
        }
    }

    fn table_of_item(&mut self, list: &mut Vec<Value>, at: usize, nesting: usize) -> Result<()> {
        let Some(there) = list.get_mut(at) else {
            let mut inner = Map::new();
            self.key(&mut inner, nesting)?;
            return set_index(list, at, Value::Object(inner));
        };
        if !there.is_object() {
            *there = Value::Object(Map::new());
        }
        match there {
            Value::Object(inner) => self.key(inner, nesting),
            _ => Ok(()),
        }
    }

    /// The value behind a `=`; `None` where the argument ends, except as JSON, where nothing is null.
    fn value(&mut self) -> Result<Option<Value>> {
        match self.mode {
            Mode::Literal => Ok(Some(Value::from(std::mem::take(&mut self.rest)))),
            Mode::Json => self.json().map(Some),
            _ if self.rest.is_empty() => Ok(None),
            _ => match self.rest.strip_prefix('{') {
                Some(rest) => {
                    self.rest = rest;
                    self.list().map(Some)
                }
                None => {
                    let (text, _) = self.until(&[',']);
                    self.convert(text).map(Some)
                }
            },
        }
    }

    fn list(&mut self) -> Result<Value> {
        let mut list = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            if stop.is_none() {
                return error("list must terminate with '}'");
            }
            list.push(self.convert(text)?);
            if stop == Some('}') {
                self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                return Ok(Value::Array(list));
            }
        }
    }

    fn json(&mut self) -> Result<Value> {
        if self.skip_to_value() {
            return Ok(Value::Null);
        }
        let mut stream = serde_json::Deserializer::from_str(self.rest).into_iter();
        let value: Value = match stream.next() {
            Some(Ok(value)) => value,
            Some(Err(failed)) => return error(failed.to_string()),
            None => return error("EOF"),
        };
        self.rest = self.rest.get(stream.byte_offset()..).unwrap_or_default();
        self.skip_to_value();
        Ok(crate::values::floats(value))
    }

    /// Skips blanks; true if there is no value but a comma (which is skipped too) or the end. Helm: `emptyVal`.
    fn skip_to_value(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        let behind = self.rest.strip_prefix(',');
        let nothing = behind.is_some() || self.rest.is_empty();
        self.rest = behind.unwrap_or(self.rest);
        nothing
    }

    fn convert(&mut self, text: String) -> Result<Value> {
        match &mut self.mode {
            Mode::File(read) => read(&text).map(Value::from).map_err(Stop::Error),
            Mode::Typed => Ok(typed(text)),
            _ => Ok(Value::from(text)),
        }
    }
}

/// Helm: `set`; an empty key is not set.
fn set(data: &mut Map<String, Value>, key: &str, value: Value) {
    if !key.is_empty() {
        data.insert(key.to_owned(), value);
    }
}

fn set_index(list: &mut Vec<Value>, index: usize, value: Value) -> Result<()> {
    if index > MAX_INDEX {
        return error(format!("index of {index} is greater than maximum supported index of {MAX_INDEX}"));
    }
    if list.len() <= index {
        list.resize(index + 1, Value::Null);
    }
    if let Some(place) = list.get_mut(index) {
        *place = value;
    }
    Ok(())
}

/// Helm: `typedVal`.
fn typed(text: String) -> Value {
    for (name, value) in [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)] {
        if text.eq_ignore_ascii_case(name) {
            return value;
        }
    }
    if text == "0" {
        return Value::from(0);
    }
    // What begins with a zero is rather a code than a number.
    match text.parse::<i64>() {
        Ok(n) if !text.starts_with('0') => Value::Number(Number::from(n)),
        _ => Value::String(text),
    }
}

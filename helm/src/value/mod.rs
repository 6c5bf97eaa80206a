//! The values that templates work on: Go's dynamic values, as far as charts can meet them.
//!
//! A [`Value`] is what Go holds in an `interface{}`: `nil`, or a concrete value with a type. What `text/template` knows beyond
//! that (the invalid `reflect.Value`, whether a value came out of an `interface{}`) is the executor's own affair; a function
//! sees only [`Value`]s, and [`Value::Nil`] is its nil interface.
//!
//! - Strings are bytes, as in Go; text is the fast path ([`Str`]).
//! - Lists and maps are shared and changed in place, as in Go: cloning one clones the reference ([`List`], [`Map`]).
//! - Maps always iterate in the order of their keys, which is the order that Go prints and ranges them in.
//! - Everything with methods (`time.Time`, `*semver.Version`, `.Files`, …) is an [`Object`].
//!
//! Values belong to one render and are not [`Send`]; parsed templates are.

mod container;
mod json;
mod object;
mod string;
#[cfg(test)]
mod tests;
mod types;

pub use container::{List, Map};
pub use object::{Object, ObjectRef};
pub use string::Str;
pub use types::{IntKind, Kind, Type, UintKind};

/// A Go value: the content of an `interface{}`.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// The nil interface.
    #[default]
    Nil,
    /// `bool`.
    Bool(bool),
    /// `int` and its signed relatives, by kind.
    Int(IntKind, i64),
    /// `uint` and its relatives, by kind.
    Uint(UintKind, u64),
    /// `float64`.
    Float(f64),
    /// `complex128`: real and imaginary part. Only literals such as `1i` make one.
    Complex(f64, f64),
    /// `string`.
    String(Str),
    /// A slice; its type says of what.
    List(List),
    /// A map with string keys; its type says of what.
    Map(Map),
    /// A value with methods or struct fields.
    Object(ObjectRef),
}

impl Value {
    /// An `int`: what literals, `len` and most of Sprig's functions give.
    pub fn int(n: i64) -> Self {
        Self::Int(IntKind::Int, n)
    }

    /// An `int64`: what Sprig's arithmetic and `--set` give.
    pub fn int64(n: i64) -> Self {
        Self::Int(IntKind::Int64, n)
    }

    /// A string.
    pub fn string(s: impl Into<Str>) -> Self {
        Self::String(s.into())
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(List::new(items))
    }

    /// A `[]string`.
    pub fn strings<S: Into<Str>>(items: impl IntoIterator<Item = S>) -> Self {
        Self::List(List::typed(Type::STRINGS, items.into_iter().map(Self::string).collect()))
    }

    /// A `[]uint8`.
    pub fn bytes(bytes: &[u8]) -> Self {
        Self::List(List::bytes(bytes.to_vec()))
    }

    /// A `map[string]interface {}` of these entries.
    pub fn map<K: Into<Str>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().collect())
    }

    /// An object.
    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(ObjectRef::new(object))
    }

    /// The dynamic type (`reflect.TypeOf`); `None` for nil.
    pub fn type_of(&self) -> Option<Type> {
        Some(match self {
            Self::Nil => return None,
            Self::Bool(_) => Type::Bool,
            Self::Int(kind, _) => Type::Int(*kind),
            Self::Uint(kind, _) => Type::Uint(*kind),
            Self::Float(_) => Type::Float64,
            Self::Complex(..) => Type::Complex128,
            Self::String(_) => Type::String,
            Self::List(list) => list.type_of(),
            Self::Map(map) => map.type_of(),
            Self::Object(object) => object.type_of(),
        })
    }

    /// The kind of the dynamic type (`reflect.ValueOf(v).Kind()`), [`Kind::Invalid`] for nil.
    pub fn kind(&self) -> Kind {
        self.type_of().map_or(Kind::Invalid, |t| t.kind())
    }

    /// The name of the dynamic type as `%T` prints it: `<nil>` for nil.
    pub fn type_name(&self) -> String {
        self.type_of().map_or_else(|| "<nil>".to_owned(), |t| t.to_string())
    }

    /// Whether this is the nil interface.
    pub fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    /// What is behind the name of a named type: the int64 of a `time.Duration`, the `[]string` of a set of versions. Anything
    /// else is itself.
    pub fn underlying(&self) -> Self {
        match self {
            Self::Object(object) => object.underlying().unwrap_or_else(|| self.clone()),
            other => other.clone(),
        }
    }

    /// The text of a string that is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(s) => s.as_str(),
            _ => None,
        }
    }

    /// The list, if this is one.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The map, if this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Go's notion of truth (`template.IsTrue`): false is nil, false, 0, and what is empty. Go: `text/template/exec.go`, `isTrue`.
    pub fn truth(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(b) => *b,
            Self::Int(_, n) => *n != 0,
            Self::Uint(_, n) => *n != 0,
            Self::Float(f) => *f != 0.0,
            Self::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Self::String(s) => !s.is_empty(),
            Self::List(list) => !list.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Object(object) => object.underlying().is_none_or(|v| v.truth()),
        }
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<f64> for Value {
    fn from(f: f64) -> Self {
        Self::Float(f)
    }
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Self::String(s.into())
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Self::String(s.into())
    }
}

impl From<Str> for Value {
    fn from(s: Str) -> Self {
        Self::String(s)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

//! Types from nodes, with Go's leniency and with errors that name the field and its place.

mod access;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, Expected, IntoDeserializer as _, Unexpected, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use access::{Entries, Fields, Items, Variant};

use crate::locate::{self, Segment};
use crate::number::{format_float32, whole};
use crate::{Content, Error, ErrorKind, Node, Options, Position, parse};

/// Fills a type from a node, as `sigs.k8s.io/yaml`'s `Unmarshal` fills a Go struct:
///
/// - `null` leaves a field as if it were absent; in a list, or as the value of a map, it is the zero value (`""`, 0,
///   `false`, an empty list or map);
/// - a number or boolean where a string is wanted becomes one (`version: 1.0` is `"1"`);
/// - names of fields match without regard to case, unless one matches exactly.
///
/// Null keeps its meaning inside `serde_json::Value` and `Option`. `#[serde(flatten)]` and untagged enums take values
/// through a buffer of serde's own, where only the first rule holds, for the fields of the struct itself, and where
/// places of errors are found again only if the value is unmistakable: read such types with
/// [`from_node_with_schema`](crate::from_node_with_schema).
///
/// # Errors
/// [`ErrorKind::Type`], such as `spec.targets[0].clusterSelector: expected a mapping, found a list at 4:8`.
pub fn from_node<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, Error> {
    T::deserialize(NodeDeserializer { node }).map_err(|error| error.located(node))
}

/// Fills a type from the first document of `text`, as [`from_node`]; an empty text counts as `null`.
///
/// # Errors
/// As [`parse`] with [`Options::sigs`], and as [`from_node`].
pub fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let documents = parse(text, &Options::sigs())?;
    let nothing = Node { content: Content::Null, position: Position { line: 1, column: 1 } };
    from_node(documents.first().map_or(&nothing, |document| &document.node))
}

impl de::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(ErrorKind::Type, message.to_string(), None)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let message = format!("expected {}, found {}", expected_name(expected), found_name(found));
        Self::new(ErrorKind::Type, message, None).with_hint(Hint::of(found))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let names: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("unknown value `{variant}`, expected one of {}", names.join(", "));
        Self::new(ErrorKind::Type, message, None).with_hint(Some(Hint::Text(variant.to_owned())))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        // The value itself stays out: it may be secret.
        let message = format!("expected {}, found {} that is none", expected, found_name(found));
        Self::new(ErrorKind::Type, message, None).with_hint(Hint::of(found))
    }
}

/// What an error knows of the value that it complains about, to find it again behind a flattened field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    Bool(bool),
    Int(i128),
    Text(String),
    List,
    Mapping,
}

impl Hint {
    fn of(found: Unexpected<'_>) -> Option<Self> {
        match found {
            Unexpected::Bool(value) => Some(Self::Bool(value)),
            Unexpected::Signed(value) => Some(Self::Int(value.into())),
            Unexpected::Unsigned(value) => Some(Self::Int(value.into())),
            Unexpected::Str(text) => Some(Self::Text(text.to_owned())),
            Unexpected::Seq => Some(Self::List),
            Unexpected::Map => Some(Self::Mapping),
            _ => None,
        }
    }

    fn fits(&self, node: &Node) -> bool {
        match (self, &node.content) {
            (Self::Bool(a), Content::Bool(b)) => a == b,
            (Self::Int(a), Content::Int(b)) => *a == i128::from(*b),
            (Self::Int(a), Content::Uint(b)) => *a == i128::from(*b),
            (Self::Text(a), Content::String(b)) => a.as_str() == &**b,
            (Self::List, Content::List(_)) | (Self::Mapping, Content::Mapping(_)) => true,
            _ => false,
        }
    }
}

impl Error {
    /// The error of `node`, unless it knows its place already.
    fn located(self, node: &Node) -> Self {
        if self.position().is_some() {
            return self;
        }
        let found = self
            .hint()
            .and_then(|hint| if hint.fits(node) { None } else { locate::find_only(node, &|child| hint.fits(child)) });
        match found {
            Some((path, position)) => self.with_path(path).with_position(position),
            None => self.with_position(node.position),
        }
    }

    fn below(self, segment: Segment<'_>, node: &Node) -> Self {
        self.located(node).inside(segment)
    }
}

fn found_name(found: Unexpected<'_>) -> String {
    let name = match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a number",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a mapping",
        other => return other.to_string(),
    };
    name.to_owned()
}

/// What serde says it expects, in the words of YAML.
fn expected_name(expected: &dyn Expected) -> String {
    let name = expected.to_string();
    match name.as_str() {
        "a map" => "a mapping",
        "a sequence" => "a list",
        "string" | "a borrowed string" => "a string",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            "an integer"
        }
        "f32" | "f64" => "a number",
        "unit" => "null",
        _ if name.starts_with("struct ") => "a mapping",
        _ if name.starts_with("enum ") => "a string",
        _ if name.starts_with("tuple ") || name.starts_with("an array ") => "a list",
        _ => return name,
    }
    .to_owned()
}

fn unexpected(node: &Node) -> Unexpected<'_> {
    match &node.content {
        Content::Null => Unexpected::Unit,
        Content::Bool(value) => Unexpected::Bool(*value),
        Content::Int(value) => Unexpected::Signed(*value),
        Content::Uint(value) => Unexpected::Unsigned(*value),
        Content::Float(value) => Unexpected::Float(*value),
        Content::String(text) => Unexpected::Str(text),
        Content::List(_) => Unexpected::Seq,
        Content::Mapping(_) => Unexpected::Map,
    }
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'de> {
    node: &'de Node,
}

impl<'de> NodeDeserializer<'de> {
    fn mismatch<V: Visitor<'de>>(self, visitor: &V) -> Error {
        de::Error::invalid_type(unexpected(self.node), visitor)
    }

    fn number<V: Visitor<'de>>(self, value: f64, visitor: V) -> Result<V::Value, Error> {
        match whole(value) {
            Some(number) => match number.as_i64() {
                Some(value) => visitor.visit_i64(value),
                None => visitor.visit_u64(number.as_u64().unwrap_or_default()),
            },
            None if value.is_finite() => visitor.visit_f64(value),
            None => Err(Error::new(ErrorKind::NotJson, "infinity and not-a-number cannot be written as JSON", None)),
        }
    }

    fn mapping<V: Visitor<'de>>(self, fields: Fields, visitor: V) -> Result<V::Value, Error> {
        match &self.node.content {
            Content::Mapping(mapping) => visitor.visit_map(Entries::new(mapping, fields)),
            Content::Null => visitor.visit_map(Entries::empty()),
            _ => Err(self.mismatch(&visitor)),
        }
    }
}

/// The zero value of a number or boolean for null, else whatever the node is.
macro_rules! zero_for_null {
    ($($method:ident => $visit:ident($zero:expr),)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match &self.node.content {
                Content::Null => visitor.$visit($zero),
                Content::List(_) | Content::Mapping(_) => Err(self.mismatch(&visitor)),
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(value) => visitor.visit_bool(*value),
            Content::Int(value) => visitor.visit_i64(*value),
            Content::Uint(value) => visitor.visit_u64(*value),
            Content::Float(value) => self.number(*value, visitor),
            Content::String(text) => visitor.visit_borrowed_str(text),
            Content::List(items) => visitor.visit_seq(Items { items: items.iter(), at: 0 }),
            Content::Mapping(mapping) => {
                visitor.visit_map(Entries::new(mapping, Fields::Unknown { drop_nulls: false }))
            }
        }
    }

    zero_for_null! {
        deserialize_bool => visit_bool(false),
        deserialize_i8 => visit_i64(0),
        deserialize_i16 => visit_i64(0),
        deserialize_i32 => visit_i64(0),
        deserialize_i64 => visit_i64(0),
        deserialize_i128 => visit_i64(0),
        deserialize_u8 => visit_u64(0),
        deserialize_u16 => visit_u64(0),
        deserialize_u32 => visit_u64(0),
        deserialize_u64 => visit_u64(0),
        deserialize_u128 => visit_u64(0),
        deserialize_f32 => visit_f64(0.0),
        deserialize_f64 => visit_f64(0.0),
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.content {
            Content::String(text) => visitor.visit_borrowed_str(text),
            Content::Null => visitor.visit_borrowed_str(""),
            Content::Bool(value) => visitor.visit_borrowed_str(if *value { "true" } else { "false" }),
            Content::Int(value) => visitor.visit_string(value.to_string()),
            Content::Uint(value) => visitor.visit_string(value.to_string()),
            Content::Float(value) if value.is_finite() => visitor.visit_string(format_float32(*value)),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.content {
            Content::List(items) => visitor.visit_seq(Items { items: items.iter(), at: 0 }),
            Content::Null => visitor.visit_seq(Items { items: [].iter(), at: 0 }),
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // A struct with a flattened field asks for a map; that it is one shows in what it says it expects.
        let drop_nulls = (&visitor as &dyn Expected).to_string().starts_with("struct ");
        self.mapping(Fields::Unknown { drop_nulls }, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.mapping(Fields::Known(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.content {
            Content::String(text) => visitor.visit_enum(StrDeserializer::<Error>::new(text)),
            Content::Bool(value) => visitor.visit_enum((if *value { "true" } else { "false" }).into_deserializer()),
            Content::Mapping(mapping) if mapping.len() == 1 => match mapping.iter().next() {
                Some(entry) => visitor.visit_enum(Variant { entry }),
                None => Err(self.mismatch(&visitor)),
            },
            _ => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct }
}

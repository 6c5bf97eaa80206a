//! The parts of nodes that serde walks: items of lists, entries of mappings, keys, variants of enums.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::{NodeDeserializer, unexpected};
use crate::locate::Segment;
use crate::mapping::{Entry, Mapping};
use crate::{Error, Node};

pub(super) struct Items<'de> {
    pub(super) items: std::slice::Iter<'de, Node>,
    pub(super) at: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.items.next() else { return Ok(None) };
        let at = self.at;
        self.at += 1;
        seed.deserialize(NodeDeserializer { node }).map(Some).map_err(|error| error.below(Segment::Index(at), node))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// What is known of the struct or map that is being filled.
#[derive(Clone, Copy)]
pub(super) enum Fields {
    /// A struct with these fields.
    Known(&'static [&'static str]),
    /// A map, or a struct with a flattened field.
    Unknown { drop_nulls: bool },
}

pub(super) struct Entries<'de> {
    mapping: Option<&'de Mapping>,
    entries: std::slice::Iter<'de, Entry>,
    fields: Fields,
    value: Option<&'de Entry>,
}

impl<'de> Entries<'de> {
    pub(super) fn new(mapping: &'de Mapping, fields: Fields) -> Self {
        Self { mapping: Some(mapping), entries: mapping.iter(), fields, value: None }
    }

    pub(super) fn empty() -> Self {
        Self { mapping: None, entries: [].iter(), fields: Fields::Unknown { drop_nulls: false }, value: None }
    }

    /// The name by which the struct knows the key: Go matches without regard to case.
    fn field_name(&self, key: &'de str) -> &'de str {
        let Fields::Known(fields) = self.fields else { return key };
        if fields.contains(&key) {
            return key;
        }
        let same = fields.iter().find(|field| field.eq_ignore_ascii_case(key));
        match same {
            Some(field) if self.mapping.is_none_or(|mapping| mapping.get(field).is_none()) => field,
            _ => key,
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let drop_nulls = match self.fields {
            Fields::Known(_) => true,
            Fields::Unknown { drop_nulls } => drop_nulls,
        };
        let Some(entry) = self.entries.find(|entry| !(drop_nulls && entry.value.is_null())) else { return Ok(None) };
        self.value = Some(entry);
        let name = self.field_name(&entry.key.text);
        let key = KeyDeserializer { name, is_string: entry.key.is_string };
        seed.deserialize(key)
            .map(Some)
            .map_err(|error| if error.position().is_some() { error } else { error.with_position(entry.key.position) })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some(Entry { key, value }) = self.value.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(NodeDeserializer { node: value }).map_err(|error| error.below(Segment::Key(&key.text), value))
    }
}

/// A key: a string, that a map with numbers for keys may read as one (Go does).
struct KeyDeserializer<'de> {
    name: &'de str,
    is_string: bool,
}

macro_rules! parsed_keys {
    ($($method:ident => $visit:ident($type:ty),)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.name.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_borrowed_str(self.name),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyDeserializer<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.name)
    }

    parsed_keys! {
        deserialize_i8 => visit_i8(i8),
        deserialize_i16 => visit_i16(i16),
        deserialize_i32 => visit_i32(i32),
        deserialize_i64 => visit_i64(i64),
        deserialize_u8 => visit_u8(u8),
        deserialize_u16 => visit_u16(u16),
        deserialize_u32 => visit_u32(u32),
        deserialize_u64 => visit_u64(u64),
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.name {
            "true" if !self.is_string => visitor.visit_bool(true),
            "false" if !self.is_string => visitor.visit_bool(false),
            name => visitor.visit_borrowed_str(name),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(StrDeserializer::<Error>::new(self.name))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// A variant that carries something: a mapping with the variant's name as its only key.
pub(super) struct Variant<'de> {
    pub(super) entry: &'de Entry,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name = seed.deserialize(StrDeserializer::<Error>::new(&self.entry.key.text))?;
        Ok((name, self))
    }
}

impl Variant<'_> {
    fn located(&self, error: Error) -> Error {
        error.below(Segment::Key(&self.entry.key.text), &self.entry.value)
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if self.entry.value.is_null() {
            return Ok(());
        }
        Err(self.located(de::Error::invalid_type(unexpected(&self.entry.value), &"nothing")))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(NodeDeserializer { node: &self.entry.value }).map_err(|error| self.located(error))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        NodeDeserializer { node: &self.entry.value }.deserialize_seq(visitor).map_err(|error| self.located(error))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        NodeDeserializer { node: &self.entry.value }
            .mapping(Fields::Known(fields), visitor)
            .map_err(|error| self.located(error))
    }
}

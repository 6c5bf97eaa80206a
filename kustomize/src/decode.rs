//! Filling types from YAML as Go's `encoding/json` does after `sigs.k8s.io/yaml`: field names match without regard to
//! case, null is as if nothing were there, a value of another type is an error with its line and field.

use std::collections::BTreeMap;

use k8s_yaml::{Content, Node, Options};

use crate::Error;
use crate::yaml::check_begin;

/// What differs from type to type of file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// A field that the type does not have is an error (`DisallowUnknownFields`).
    pub known_fields: bool,
    /// Numbers and booleans are taken where a string is wanted (`yaml.Unmarshal`, but not `YAMLToJSON`).
    pub convert: bool,
}

impl Rules {
    /// A kustomization file.
    pub(crate) const KUSTOMIZATION: Self = Self { known_fields: true, convert: false };
    /// The configuration of a transformer or generator.
    pub(crate) const PLUGIN: Self = Self { known_fields: false, convert: true };
    /// A file of `configurations`.
    pub(crate) const CONFIGURATION: Self = Self { known_fields: true, convert: true };

    /// The rules for a field that the type has from a struct embedded in it. `sigs.k8s.io/yaml` (`convertToJSONableObject`)
    /// takes the embedded struct for its target, and so converts nothing.
    pub(crate) fn promoted(self) -> Self {
        Self { convert: false, ..self }
    }
}

/// A type that is filled from YAML. `Default` is what null gives.
pub(crate) trait Decode: Sized + Default {
    /// Reads a value that is not null.
    ///
    /// # Errors
    /// The value is of another type.
    fn decode(node: &Node, rules: Rules) -> Result<Self, Error>;

    /// Reads a value; null gives the default.
    ///
    /// # Errors
    /// The value is of another type.
    fn decode_or_default(node: &Node, rules: Rules) -> Result<Self, Error> {
        if node.is_null() { Ok(Self::default()) } else { Self::decode(node, rules) }
    }
}

/// The first document of a text; `None` where there is none.
///
/// # Errors
/// The text is not YAML.
pub(crate) fn first_document(text: &str, options: &Options) -> Result<Option<Node>, Error> {
    check_begin(text, &["1.1"])?;
    let document = k8s_yaml::parse_first(text, options).map_err(|error| from_yaml(&error))?;
    Ok(document.map(|document| document.node))
}

/// Reads the first document of a text into a type.
///
/// # Errors
/// The text is not YAML, or does not fit.
pub(crate) fn from_text<T: Decode>(text: &str, options: &Options, rules: Rules) -> Result<T, Error> {
    match first_document(text, options)? {
        Some(node) => T::decode_or_default(&node, rules),
        None => Ok(T::default()),
    }
}

/// A text that begins with a brace as JSON, of any other the first document, by the rules of manifests; null where there is
/// none.
///
/// # Errors
/// The text is neither, or has no JSON form.
pub(crate) fn json_from_text(text: &str) -> Result<serde_json::Value, Error> {
    if text.starts_with('{') {
        return serde_json::from_str(text).map_err(|error| {
            Error::new(format!("not JSON: {error}")).at_line(u32::try_from(error.line()).unwrap_or(u32::MAX))
        });
    }
    match first_document(text, &Options::sigs())? {
        Some(node) => node.to_json().map_err(|error| from_yaml(&error)),
        None => Ok(serde_json::Value::Null),
    }
}

/// Our error for one of reading YAML.
pub(crate) fn from_yaml(error: &k8s_yaml::Error) -> Error {
    let line = error.position().map_or(0, |position| position.line);
    let what = if error.kind() == k8s_yaml::ErrorKind::Syntax { "not YAML: " } else { "" };
    let mut ours = Error::new(format!("{what}{}", error.message())).at_line(line);
    if !error.path().is_empty() {
        ours = ours.in_field(error.path());
    }
    ours
}

/// The error for a value that is not `wanted`.
pub(crate) fn mismatch(node: &Node, wanted: &str) -> Error {
    Error::new(format!("expected {wanted}, found {}", node.kind_name())).at_line(node.position.line)
}

impl Decode for String {
    fn decode(node: &Node, rules: Rules) -> Result<Self, Error> {
        let converted = match &node.content {
            Content::String(text) => return Ok(text.to_string()),
            Content::Bool(value) => value.to_string(),
            Content::Int(value) => value.to_string(),
            Content::Uint(value) => value.to_string(),
            Content::Float(value) => k8s_yaml::format_float(*value),
            _ => return Err(mismatch(node, "a string")),
        };
        if rules.convert { Ok(converted) } else { Err(mismatch(node, "a string (quote it)")) }
    }
}

impl Decode for bool {
    fn decode(node: &Node, _: Rules) -> Result<Self, Error> {
        node.as_bool().ok_or_else(|| mismatch(node, "a boolean"))
    }
}

impl Decode for i64 {
    fn decode(node: &Node, _: Rules) -> Result<Self, Error> {
        node.as_i64().ok_or_else(|| mismatch(node, "an integer"))
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(node: &Node, rules: Rules) -> Result<Self, Error> {
        T::decode(node, rules).map(Some)
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, rules: Rules) -> Result<Self, Error> {
        let items = node.as_list().ok_or_else(|| mismatch(node, "a list"))?;
        let item = |(at, item)| T::decode_or_default(item, rules).map_err(|error| error.in_field(&format!("[{at}]")));
        items.iter().enumerate().map(item).collect()
    }
}

impl<T: Decode> Decode for BTreeMap<String, T> {
    fn decode(node: &Node, rules: Rules) -> Result<Self, Error> {
        let mapping = node.as_mapping().ok_or_else(|| mismatch(node, "a mapping"))?;
        let entry = |entry: &k8s_yaml::Entry| {
            let name = entry.key.text.to_string();
            match T::decode_or_default(&entry.value, rules) {
                Ok(value) => Ok((name, value)),
                Err(error) => Err(error.in_field(&name)),
            }
        };
        mapping.iter().map(entry).collect()
    }
}

impl Decode for serde_json::Value {
    fn decode(node: &Node, _: Rules) -> Result<Self, Error> {
        node.to_json().map_err(|error| from_yaml(&error))
    }
}

/// Declares a struct and how it is read: each field with its name in YAML, and `promoted` where that holds
/// ([`Rules::promoted`]).
macro_rules! record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$field_meta:meta])* $field:ident : $type:ty = $key:literal $($rule:ident)?,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        $vis struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::decode::Decode for $name {
            fn decode(node: &k8s_yaml::Node, rules: $crate::decode::Rules) -> Result<Self, $crate::Error> {
                let mut record = Self::default();
                $crate::decode::each_field(node, rules, &[$($key),*], &mut |name, value| {
                    match name {
                        _ if value.is_null() => {}
                        $($key => record.$field = <$type as $crate::decode::Decode>::decode(value, rules$(.$rule())?)?,)*
                        _ => {}
                    }
                    Ok(())
                })?;
                Ok(record)
            }
        }
    };
}
pub(crate) use record;

/// Calls `set` with the name of each field as the type writes it, and its value. Of names that differ in case alone the
/// last in the order of the alphabet wins, as `encoding/json` reads them in that order.
///
/// # Errors
/// The value is no mapping; a field that is not in `names`, where the rules ask for known ones; those of `set`.
pub(crate) fn each_field(
    node: &Node,
    rules: Rules,
    names: &[&'static str],
    set: &mut dyn FnMut(&'static str, &Node) -> Result<(), Error>,
) -> Result<(), Error> {
    let mapping = node.as_mapping().ok_or_else(|| mismatch(node, "a mapping"))?;
    let mut entries: Vec<&k8s_yaml::Entry> = mapping.iter().collect();
    entries.sort_by(|a, b| a.key.text.cmp(&b.key.text));
    for entry in entries {
        let key = &*entry.key.text;
        let exact = names.iter().find(|name| **name == key);
        match exact.or_else(|| names.iter().find(|name| name.eq_ignore_ascii_case(key))) {
            Some(name) => set(name, &entry.value).map_err(|error| error.in_field(key))?,
            None if rules.known_fields => {
                let error = Error::new(format!("unknown field {key:?}")).at_line(entry.key.position.line);
                return Err(error.in_field(key));
            }
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    record! {
        struct Toy {
            name: String = "name",
            sizes: Vec<i64> = "sizes",
            open: Option<bool> = "openIt",
        }
    }

    fn read(text: &str, rules: Rules) -> Result<Toy, String> {
        from_text(text, &Options::sigs(), rules).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_match_without_regard_to_case_and_null_is_nothing() {
        let toy = read("NAME: a\nname: b\nsizes: [1, null]\nOPENIT: on\n", Rules::KUSTOMIZATION).unwrap();
        assert_eq!(toy, Toy { name: "b".into(), sizes: vec![1, 0], open: Some(true) });
        assert_eq!(read("sizes:\nopenIt: null", Rules::KUSTOMIZATION).unwrap(), Toy::default());
        assert_eq!(read("", Rules::KUSTOMIZATION).unwrap(), Toy::default());
    }

    #[test]
    fn what_does_not_fit_is_told_with_line_and_field() {
        for (text, expected) in [
            ("a: 1", "line 1: a: unknown field \"a\""),
            ("\nsizes: [1, x]", "line 2: sizes.[1]: expected an integer, found a string"),
            ("name: 1", "line 1: name: expected a string (quote it), found an integer"),
            ("[]", "line 1: expected a mapping, found a list"),
        ] {
            assert_eq!(read(text, Rules::KUSTOMIZATION).unwrap_err(), expected);
        }
        assert_eq!(read("name: 1\nx: y", Rules::PLUGIN).unwrap().name, "1");
    }
}

//! The JSON value of a node: what `sigs.k8s.io/yaml`'s `YAMLToJSON` gives.

use serde_json::{Map, Number, Value};

use crate::locate::Segment;
use crate::number::whole;
use crate::{Content, Error, ErrorKind, Node};

impl Node {
    /// The value as JSON, keys in the order of the text.
    ///
    /// # Errors
    /// [`ErrorKind::NotJson`] for infinity and not-a-number, with field and place.
    pub fn to_json(&self) -> Result<Value, Error> {
        Ok(match &self.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Int(value) => Value::Number((*value).into()),
            Content::Uint(value) => Value::Number((*value).into()),
            Content::Float(value) => match whole(*value).or_else(|| Number::from_f64(*value)) {
                Some(number) => Value::Number(number),
                None => {
                    let message = "infinity and not-a-number cannot be written as JSON";
                    return Err(Error::at(ErrorKind::NotJson, message, self.position));
                }
            },
            Content::String(text) => Value::String(text.as_ref().to_owned()),
            Content::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (at, item) in items.iter().enumerate() {
                    list.push(item.to_json().map_err(|error| error.inside(Segment::Index(at)))?);
                }
                Value::Array(list)
            }
            Content::Mapping(mapping) => {
                let mut map = Map::with_capacity(mapping.len());
                for entry in mapping.iter() {
                    let value = entry.value.to_json().map_err(|error| error.inside(Segment::Key(&entry.key.text)))?;
                    map.insert(entry.key.text.as_ref().to_owned(), value);
                }
                Value::Object(map)
            }
        })
    }
}

//! `.Files`. Helm: `pkg/engine/files.go`.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::glob::Glob;
use crate::template::{FunctionError, Signature};
use crate::value::{List, Map, Object, Str, Type, Value};

/// The files of a chart that are neither templates nor what Helm reads itself (`engine.files`, a `map[string][]byte`).
#[derive(Debug, Clone, Default)]
pub struct Files(Rc<BTreeMap<String, Arc<[u8]>>>);

const MAP: Type = Type::Map(&Type::BYTES);
const FILES: Type = Type::Named("engine.files", &MAP);

impl Files {
    /// These files by their paths in the chart.
    pub fn new(files: BTreeMap<String, Arc<[u8]>>) -> Self {
        Self(Rc::new(files))
    }

    fn bytes(&self, name: &[u8]) -> Option<&Arc<[u8]>> {
        std::str::from_utf8(name).ok().and_then(|name| self.0.get(name))
    }

    fn glob(&self, pattern: &str) -> Self {
        let glob = Glob::compile(pattern, Some('/')).unwrap_or_else(Glob::everything);
        let matching = self.0.iter().filter(|(name, _)| glob.matches(name));
        Self::new(matching.map(|(name, bytes)| (name.clone(), bytes.clone())).collect())
    }

    /// The files as one mapping, by the last part of their paths. Of several with the same one Go keeps any; the last path
    /// wins here.
    fn yaml(&self, text: impl Fn(&[u8]) -> String) -> Value {
        let by_base: BTreeMap<&str, String> = self.0.iter().map(|(name, bytes)| (base(name), text(bytes))).collect();
        let json = by_base.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        let yaml = k8s_yaml::to_string(&serde_json::Value::Object(json));
        Value::from(yaml.strip_suffix('\n').unwrap_or(&yaml))
    }

    fn lines(&self, name: &[u8]) -> Value {
        let bytes = self.bytes(name).map_or(&[][..], |bytes| bytes);
        if bytes.is_empty() {
            return Value::strings::<&str>([]);
        }
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        Value::strings(bytes.split(|b| *b == b'\n').map(Str::of))
    }
}

/// Go: `path.Base`.
fn base(name: &str) -> &str {
    let trimmed = name.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        Some("") | None => {
            if name.is_empty() {
                "."
            } else {
                "/"
            }
        }
        Some(last) => last,
    }
}

impl Object for Files {
    fn type_of(&self) -> Type {
        FILES
    }

    fn underlying(&self) -> Option<Value> {
        let entries = self.0.iter().map(|(name, bytes)| (Str::from(name.as_str()), Value::bytes(bytes)));
        Some(Value::Map(Map::typed(FILES, entries.collect())))
    }

    fn entry(&self, key: &[u8]) -> Option<Value> {
        self.bytes(key).map(|bytes| Value::bytes(bytes))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        Some(match name {
            "Get" => Signature::new(&[Type::String], Type::String),
            "GetBytes" => Signature::new(&[Type::String], Type::BYTES),
            "Glob" => Signature::new(&[Type::String], FILES),
            "Lines" => Signature::new(&[Type::String], Type::STRINGS),
            "AsConfig" | "AsSecrets" => Signature::new(&[], Type::String),
            _ => return None,
        })
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, FunctionError> {
        let text = match args.first() {
            Some(Value::String(text)) => text.clone(),
            _ => Str::from(""),
        };
        let bytes = self.bytes(text.as_bytes()).map_or(&[][..], |bytes| bytes);
        Ok(match name {
            "Get" => Value::String(Str::of(bytes)),
            "GetBytes" => Value::List(List::bytes(bytes.to_vec())),
            "Glob" => Value::object(self.glob(&text.to_text())),
            "Lines" => self.lines(text.as_bytes()),
            "AsConfig" => self.yaml(|bytes| String::from_utf8_lossy(bytes).into_owned()),
            "AsSecrets" => self.yaml(|bytes| BASE64_STANDARD.encode(bytes)),
            _ => return Err(format!("no method {name} in {FILES}").into()),
        })
    }
}

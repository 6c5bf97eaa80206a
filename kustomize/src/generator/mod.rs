//! `configMapGenerator` and `secretGenerator`: from keys and values to objects.
//!
//! kustomize: api/internal/generators/{configmap,secret,utils}.go, kyaml/yaml/datamap.go.

mod options;
mod sources;

pub(crate) use options::GeneratorOptions;
pub(crate) use sources::Sources;
pub(crate) use sources::{Load, Pair};

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Error;
use crate::yaml::{Kind, Node, Style, Tag};

/// What becomes of an object of the same name that exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behavior {
    /// There must be none.
    #[default]
    Create,
    /// There must be one; its data goes.
    Replace,
    /// There must be one; what the generator does not name stays.
    Merge,
}

impl Behavior {
    /// Any other text means `create`, as in kustomize.
    #[must_use]
    pub(crate) fn from_text(text: &str) -> Self {
        match text {
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Create,
        }
    }
}

/// Which of the two is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Generated {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret of this type; `Opaque` if empty.
    Secret(String),
}

/// An entry of `configMapGenerator` or `secretGenerator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Generator {
    /// Which of the two.
    pub(crate) kind: Generated,
    /// The name without hash.
    pub(crate) name: String,
    /// The namespace; none if empty.
    pub(crate) namespace: String,
    /// What becomes of one that exists.
    pub(crate) behavior: Behavior,
    /// Where the data comes from.
    pub(crate) sources: Sources,
    /// Its options, with `generatorOptions` merged in.
    pub(crate) options: GeneratorOptions,
}

impl Generator {
    /// Makes the object, without the hash in its name.
    ///
    /// # Errors
    /// There is no name, a key comes twice, a source is malformed or cannot be read.
    pub(crate) fn generate(&self, load: &mut Load<'_>, warnings: &mut Vec<String>) -> Result<Node, Error> {
        let kind = match self.kind {
            Generated::ConfigMap => "ConfigMap",
            Generated::Secret(_) => "Secret",
        };
        if self.name.is_empty() {
            return Err(Error::new(format!("a {kind} generator must have a name")));
        }
        let pairs = self
            .sources
            .pairs(load, warnings)
            .and_then(|pairs| unique(&self.name, pairs))
            .map_err(|error| error.context(format!("generating {kind} {}", self.name)))?;
        let mut object = self.head(kind)?;
        match &self.kind {
            Generated::ConfigMap => add_config(&mut object, &pairs)?,
            Generated::Secret(name) => {
                let name = if name.is_empty() { "Opaque" } else { name.as_str() };
                object.set_field("type", Node::string(name));
                add_secret(&mut object, &pairs)?;
            }
        }
        self.mark(&mut object)?;
        Ok(object)
    }

    fn head(&self, kind: &str) -> Result<Node, Error> {
        let mut object = Node::mapping();
        object.set_field("apiVersion", Node::string("v1"));
        object.set_field("kind", Node::string(kind));
        let metadata = child(&mut object, &["metadata"])?;
        metadata.set_field("name", Node::string(self.name.as_str()));
        if !self.namespace.is_empty() {
            metadata.set_field("namespace", Node::string(self.namespace.as_str()));
        }
        Ok(object)
    }

    fn mark(&self, object: &mut Node) -> Result<(), Error> {
        for (field, map) in [("labels", &self.options.labels), ("annotations", &self.options.annotations)] {
            for (key, value) in map {
                let quoted = Node { style: Style::SINGLE_QUOTED, ..Node::string(value.as_str()) };
                child(object, &["metadata", field])?.set_field(key, quoted);
            }
        }
        if self.options.immutable {
            object.set_field("immutable", Node { tag: Tag::Bool, ..Node::scalar("true") });
        }
        Ok(())
    }
}

fn unique(name: &str, pairs: Vec<Pair>) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut unique = BTreeMap::new();
    for (key, value) in pairs {
        if unique.contains_key(&key) {
            return Err(Error::new(format!("{name} illegally repeats the key `{key}`")));
        }
        unique.insert(key, value);
    }
    Ok(unique)
}

fn child<'a>(object: &'a mut Node, path: &[&str]) -> Result<&'a mut Node, Error> {
    object.lookup_create(Kind::Mapping, path)?.ok_or_else(|| Error::new(format!("{} cannot be made", path.join("."))))
}

/// Text goes to `data`, everything else as base64 to `binaryData`.
fn add_config(object: &mut Node, pairs: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
    for (key, value) in pairs {
        let (field, text) = match std::str::from_utf8(value) {
            Ok(text) => ("data", text.to_owned()),
            Err(_) => ("binaryData", base64_lines(value)),
        };
        child(object, &[field])?.set_field(key, text_node(text));
    }
    Ok(())
}

fn add_secret(object: &mut Node, pairs: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
    let data = child(object, &["data"])?;
    for (key, value) in pairs {
        data.set_field(key, text_node(base64_lines(value)));
    }
    Ok(())
}

fn text_node(text: String) -> Node {
    Node::string(text)
}

/// Base64, in lines of 70 characters that end with a line end if there is more than one. Go: `encodeBase64`.
fn base64_lines(value: &[u8]) -> String {
    const LINE: usize = 70;
    let encoded = STANDARD.encode(value);
    if encoded.len() < LINE {
        return encoded;
    }
    let mut text = String::with_capacity(encoded.len() + encoded.len() / LINE + 1);
    for (at, c) in encoded.chars().enumerate() {
        if at > 0 && at % LINE == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text.push('\n');
    text
}

/// The data of `new` over that of `old`, for `behavior: merge`; `data` and `binaryData` each.
///
/// kustomize: api/resource/resource.go (`MergeDataMapFrom`, `MergeBinaryDataMapFrom`). As there, all that comes out is
/// text, and a text that is no valid UTF-8 cannot occur.
pub(crate) fn merge_data(new: &mut Node, old: &Node) -> Result<(), Error> {
    for field in ["data", "binaryData"] {
        let mut merged = BTreeMap::new();
        for object in [old, &*new] {
            let fields = object.field(field).map(Node::fields).unwrap_or_default();
            for entry in fields {
                let text = if entry.value.is_null() { "" } else { entry.value.text() };
                merged.insert(entry.key.text.to_string(), text.to_owned());
            }
        }
        new.clear(field);
        for (key, value) in merged {
            child(new, &[field])?.set_field(&key, text_node(value));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse_one;
    use serde_json::json;

    fn load(path: &str) -> Result<Vec<u8>, Error> {
        match path {
            "bin" => Ok([0xff, b'h', b'e', b'l', b'l', b'o'].repeat(30)),
            "edge" => Ok(vec![0xff; 52]),
            "ini" => Ok(b"FOO=bar\nBAR=baz\n".to_vec()),
            _ => Err(Error::new(format!("no file {path}"))),
        }
    }

    fn generator(kind: Generated, literals: &[&str], files: &[&str]) -> Generator {
        let own = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Generator {
            kind,
            name: "g".into(),
            namespace: String::new(),
            behavior: Behavior::Create,
            sources: Sources { literals: own(literals), files: own(files), envs: Vec::new() },
            options: GeneratorOptions::default(),
        }
    }

    fn generate(generator: &Generator) -> serde_json::Value {
        generator.generate(&mut load, &mut Vec::new()).unwrap().to_json().unwrap()
    }

    #[test]
    fn a_config_map_holds_text_and_binary_apart() {
        let line = |from: usize, to: usize| {
            STANDARD.encode([0xff, b'h', b'e', b'l', b'l', b'o'].repeat(30))[from..to].to_owned()
        };
        let made = generate(&generator(Generated::ConfigMap, &["a=x", "b=y", "n=1"], &["ini", "bin"]));
        let expected = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "g"},
            "data": {"a": "x", "b": "y", "ini": "FOO=bar\nBAR=baz\n", "n": "1"},
            "binaryData": {"bin": format!("{}\n{}\n{}\n{}\n", line(0, 70), line(70, 140), line(140, 210), line(210, 240))},
        });
        assert_eq!(made, expected);
    }

    #[test]
    fn a_secret_is_base64_and_opaque() {
        let made = generate(&generator(Generated::Secret(String::new()), &["a=x"], &["edge"]));
        assert_eq!(made["type"], "Opaque");
        assert_eq!(made["data"]["a"], "eA==");
        // 52 bytes are 72 characters of base64.
        assert_eq!(made["data"]["edge"].as_str().unwrap().lines().map(str::len).collect::<Vec<_>>(), [70, 2]);
        let typed = generate(&generator(Generated::Secret("kubernetes.io/tls".into()), &[], &[]));
        assert_eq!((&typed["type"], &typed["data"]), (&json!("kubernetes.io/tls"), &json!({})));
    }

    #[test]
    fn options_mark_the_object() {
        let mut generator = generator(Generated::ConfigMap, &[], &[]);
        generator.namespace = "ns".into();
        generator.options.labels.insert("l".into(), "true".into());
        generator.options.annotations.insert("a".into(), "1".into());
        generator.options.immutable = true;
        assert_eq!(
            generate(&generator),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "immutable": true,
                "metadata": {"name": "g", "namespace": "ns", "labels": {"l": "true"}, "annotations": {"a": "1"}},
            })
        );
    }

    #[test]
    fn a_name_must_be_and_keys_must_not_repeat() {
        let twice = generator(Generated::ConfigMap, &["a=1", "a=2"], &[]);
        let error = twice.generate(&mut load, &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "generating ConfigMap g: g illegally repeats the key `a`");
        let nameless = Generator { name: String::new(), ..twice };
        assert!(nameless.generate(&mut load, &mut Vec::new()).is_err());
    }

    #[test]
    fn merging_keeps_what_the_new_one_does_not_name() {
        let old = parse_one("data: {a: '1', b: '2', n: null}\nbinaryData: {x: AA==}").unwrap().unwrap();
        let mut new = parse_one("data: {b: '3', c: '4'}").unwrap().unwrap();
        merge_data(&mut new, &old).unwrap();
        assert_eq!(
            new.to_json().unwrap(),
            json!({"data": {"a": "1", "b": "3", "c": "4", "n": ""}, "binaryData": {"x": "AA=="}})
        );
    }
}

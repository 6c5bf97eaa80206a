//! Reads `fleet.yaml` as Fleet does: not strict, keys without regard to case, the last of several wins, only the first
//! document counts (reference §1). Better than Fleet: every problem has a line, and unknown keys are told of.

mod schema;

use crate::spelling;
use fleet_api::reason::{Note, Reason};
use fleet_api::v1alpha1::{FleetYaml, documentation};
use k8s_yaml::{Content, Error, Node, Options, Position};
use schema::{FLEET_YAML, METADATA, Record, Type};
use serde_json::{Map, Value};

/// What a file says, and what to tell its author.
#[derive(Debug)]
pub(super) struct Read {
    /// The options.
    pub(super) fleet_yaml: FleetYaml,
    /// Unknown keys, keys given twice, further documents.
    pub(super) notes: Vec<Note>,
    /// The document, for the places of fields.
    pub(super) node: Option<Node>,
}

/// Reads the file at `path` (from the root of the repository, for messages).
pub(in crate::discover) fn read(path: &str, bytes: &[u8]) -> Result<Read, Note> {
    let documents = k8s_yaml::from_bytes(bytes, &Options::sigs()).map_err(|error| yaml_error(path, &error))?;
    let mut decoder = Decoder { path, notes: Vec::new(), unknown: 0 };
    if let Some(second) = documents.iter().filter(|document| !document.empty).nth(1) {
        decoder.note(second.position, Reason::LikelyMistake, "only the first document is read");
    }
    let Some(first) = documents.into_iter().next() else {
        return Ok(Read { fleet_yaml: FleetYaml::default(), notes: decoder.notes, node: None });
    };
    for duplicate in first.node.duplicates() {
        let message = format!("`{}` was given before at {}; the last one counts", duplicate.key, duplicate.first);
        decoder.note(duplicate.position, Reason::LikelyMistake, &message);
    }
    let fleet_yaml = match &first.node.content {
        Content::Null => FleetYaml::default(),
        Content::Mapping(_) => {
            let value = decoder.record(&first.node, &FLEET_YAML, true, "")?;
            serde_json::from_value(value).map_err(|error| {
                Note::new(Reason::InvalidFleetYaml, format!("{path}: {error}")).in_file(path.to_owned())
            })?
        }
        _ => return Err(decoder.wrong(&first.node, "", "a mapping of options")),
    };
    if let Some(more @ 1..) = decoder.unknown.checked_sub(UNKNOWN_TOLD) {
        let message = format!("{more} more keys are no fields, and have no effect");
        decoder.note(first.node.position, Reason::UnknownField, &message);
    }
    Ok(Read { fleet_yaml, notes: decoder.notes, node: Some(first.node) })
}

/// A problem that `k8s_yaml` found.
pub(in crate::discover) fn yaml_error(path: &str, error: &Error) -> Note {
    let place = error.position().map_or_else(|| path.to_owned(), |position| format!("{path}:{position}"));
    Note::new(Reason::InvalidFleetYaml, error.in_file(path)).in_file(place)
}

/// How many keys that nothing reads are told of one by one: a person corrects those first, and a file of nothing else (one
/// that was put in the wrong place, or made by somebody who means harm) costs neither time nor a status without end.
const UNKNOWN_TOLD: usize = 20;

struct Decoder<'a> {
    path: &'a str,
    notes: Vec<Note>,
    unknown: usize,
}

impl Decoder<'_> {
    fn record(&mut self, node: &Node, record: &'static Record, coerce: bool, at: &str) -> Result<Value, Note> {
        let Content::Mapping(mapping) = &node.content else { return Err(self.wrong(node, at, "a mapping")) };
        // Go writes the document as JSON with sorted keys and reads that: of two spellings the later one wins.
        let mut entries: Vec<_> = mapping.iter().collect();
        entries.sort_by(|a, b| a.key.text.cmp(&b.key.text));
        let mut object = Map::new();
        for entry in entries {
            let key = &*entry.key.text;
            let Some((field, direct)) = record.field(key) else {
                self.unknown(entry.key.position, key, record, at);
                continue;
            };
            let inner = if at.is_empty() { field.0.to_owned() } else { format!("{at}.{}", field.0) };
            if let Some(value) = self.value(&entry.value, &field.1, coerce && direct, &inner)? {
                merge(&mut object, field.0, value);
            }
        }
        Ok(Value::Object(object))
    }

    /// `None` for null, which leaves a field as if it were absent.
    fn value(&mut self, node: &Node, kind: &'static Type, coerce: bool, at: &str) -> Result<Option<Value>, Note> {
        if node.is_null() {
            return Ok(None);
        }
        Ok(Some(match kind {
            Type::Text => self.text(node, coerce, at)?,
            Type::StrictText => self.text(node, false, at)?,
            Type::Word { what, known } => match node.as_str() {
                Some(word) if known.contains(&word) => Value::from(word),
                Some(word) => {
                    let why = format!("invalid {what} {word:?}: one of {} is expected", known.join(", "));
                    return Err(self.refused(node, at, &why));
                }
                None => return Err(self.wrong(node, at, &format!("one of the {what}s {}", known.join(", ")))),
            },
            Type::Bool => match node.content {
                Content::Bool(value) => Value::Bool(value),
                _ => return Err(self.wrong(node, at, "true or false")),
            },
            Type::Int => node.as_i64().map(Value::from).ok_or_else(|| self.wrong(node, at, "an integer"))?,
            Type::IntOrText => match (node.as_i64(), node.as_str()) {
                (Some(number), _) if i32::try_from(number).is_ok() => Value::from(number),
                (_, Some(text)) => Value::from(text),
                _ => return Err(self.wrong(node, at, "an integer or a share such as \"25%\"")),
            },
            Type::TextMap => self.text_map(node, coerce, at)?,
            Type::StrictTextMap => self.text_map(node, false, at)?,
            Type::Values => match node.content {
                Content::Mapping(_) => self.json(node)?,
                _ => return Err(self.wrong(node, at, "a mapping")),
            },
            Type::Any => self.json(node)?,
            Type::List(item) => {
                let Content::List(items) = &node.content else { return Err(self.wrong(node, at, "a list")) };
                let mut list = Vec::with_capacity(items.len());
                for (index, node) in items.iter().enumerate() {
                    let value = self.value(node, item, coerce, &format!("{at}[{index}]"))?;
                    list.push(value.unwrap_or_else(|| zero(item)));
                }
                Value::Array(list)
            }
            Type::Record(record) => self.record(node, record, coerce, at)?,
        }))
    }

    fn text(&self, node: &Node, coerce: bool, at: &str) -> Result<Value, Note> {
        Ok(match &node.content {
            Content::String(text) => Value::from(&**text),
            Content::Bool(value) if coerce => Value::from(value.to_string()),
            Content::Int(value) if coerce => Value::from(value.to_string()),
            Content::Uint(value) if coerce => Value::from(value.to_string()),
            Content::Float(value) if coerce => Value::from(k8s_yaml::format_float(*value)),
            _ => return Err(self.wrong(node, at, "a string (put it in quotes)")),
        })
    }

    fn text_map(&self, node: &Node, coerce: bool, at: &str) -> Result<Value, Note> {
        let Content::Mapping(mapping) = &node.content else { return Err(self.wrong(node, at, "a mapping")) };
        let mut object = Map::new();
        for entry in mapping.iter() {
            let key = &*entry.key.text;
            let value = if entry.value.is_null() {
                Value::from("")
            } else {
                self.text(&entry.value, coerce, &format!("{at}.{key}"))?
            };
            object.insert(key.to_owned(), value);
        }
        Ok(Value::Object(object))
    }

    fn json(&self, node: &Node) -> Result<Value, Note> {
        node.to_json().map_err(|error| yaml_error(self.path, &error))
    }

    fn wrong(&self, node: &Node, at: &str, wanted: &str) -> Note {
        self.refused(node, at, &format!("{wanted} is expected, found {}", node.kind_name()))
    }

    /// With what the documentation says of the field.
    fn refused(&self, node: &Node, at: &str, why: &str) -> Note {
        let field = if at.is_empty() { String::new() } else { format!("{at}: ") };
        let meaning = documentation::meaning_of(at).map(|field| format!(" ({}: {})", field.path, field.meaning));
        problem(self.path, node.position, &format!("{field}{why}{}", meaning.unwrap_or_default()))
    }

    fn note(&mut self, position: Position, reason: Reason, message: &str) {
        let place = format!("{}:{position}", self.path);
        self.notes.push(Note::new(reason, format!("{place}: {message}")).in_file(place));
    }

    fn unknown(&mut self, position: Position, key: &str, record: &'static Record, at: &str) {
        self.unknown += 1;
        if self.unknown > UNKNOWN_TOLD {
            return;
        }
        let whole = if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
        let message = if at.is_empty() && METADATA.iter().any(|name| name.eq_ignore_ascii_case(key)) {
            format!("`{whole}` is not taken from fleet.yaml: a repository has no say over this part of its Bundle")
        } else {
            let hint = spelling::nearest(key, record.keys())
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            // As in Fleet it fails nothing; where it was to say which clusters are meant, that is worth a word more.
            let widens = if record.is_selector() { ": more clusters may match than are meant" } else { "" };
            format!("`{whole}` is not a field, and has no effect{widens}{hint}")
        };
        self.note(position, Reason::UnknownField, &message);
    }
}

/// A problem at a place of a `fleet.yaml`.
pub(super) fn problem(path: &str, position: Position, message: &str) -> Note {
    let place = format!("{path}:{position}");
    Note::new(Reason::InvalidFleetYaml, format!("{place}: {message}")).in_file(place)
}

/// What Go leaves in a list for a null.
fn zero(kind: &Type) -> Value {
    match kind {
        Type::Text | Type::StrictText | Type::Word { .. } | Type::IntOrText => Value::from(""),
        Type::Bool => Value::Bool(false),
        Type::Int => Value::from(0),
        Type::List(_) => Value::Array(Vec::new()),
        Type::Any => Value::Null,
        Type::TextMap | Type::StrictTextMap | Type::Values | Type::Record(_) => Value::Object(Map::new()),
    }
}

/// Go reads a second spelling of a key into what the first one left: structs and maps are filled further.
fn merge(object: &mut Map<String, Value>, key: &str, value: Value) {
    match (object.get_mut(key), value) {
        (Some(Value::Object(known)), Value::Object(more)) => {
            for (key, value) in more {
                merge(known, &key, value);
            }
        }
        (_, value) => {
            object.insert(key.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ok(text: &str) -> Value {
        let read = read("a/fleet.yaml", text.as_bytes()).unwrap();
        serde_json::to_value(read.fleet_yaml).unwrap()
    }

    fn error(text: &str) -> String {
        read("a/fleet.yaml", text.as_bytes()).unwrap_err().message
    }

    #[test]
    fn the_file_is_read_as_go_reads_it() {
        let table = [
            ("", json!({})),
            ("# nothing\n", json!({})),
            (
                "DEFAULTNAMESPACE: a\nHelm: {ReleaseName: r, VALUES: {Kept: 1}}",
                json!({"defaultNamespace": "a", "helm": {"releaseName": "r", "values": {"Kept": 1}}}),
            ),
            ("namespace: a\nnamespace: b", json!({"namespace": "b"})),
            ("namespace: a\nNamespace: b", json!({"namespace": "a"})),
            ("helm: {chart: a}\nHelm: {repo: b}", json!({"helm": {"chart": "a", "repo": "b"}})),
            ("namespace: a\n---\nnamespace: b", json!({"namespace": "a"})),
            ("namespace:\nhelm: null\ntargetCustomizations: null\noverrideTargets: null\nlabels: ~", json!({})),
            ("overrideTargets: []", json!({"overrideTargets": []})),
            ("paused: yes\nkeepResources: on", json!({"paused": true, "keepResources": true})),
            ("forceSyncGeneration: 1e3", json!({"forceSyncGeneration": 1000})),
            (
                "targetCustomizations:\n- {clusterName: 1, name: true, namespaceLabels: {a: 2, on: yes}}",
                json!({"targetCustomizations": [{"clusterName": "1", "name": "true",
                                              "namespaceLabels": {"a": "2", "true": "true"}}]}),
            ),
            (
                "overrideTargets: [{clusterSelector: {matchLabels: {a: 1}, matchExpressions: [{key: a, operator: In, values: [1]}]}}]",
                json!({"overrideTargets": [{"clusterSelector": {"matchLabels": {"a": "1"},
                    "matchExpressions": [{"key": "a", "operator": "In", "values": ["1"]}]}}]}),
            ),
            (
                "rolloutStrategy: {maxUnavailable: 10%, autoPartitionSize: 3}",
                json!({"rolloutStrategy": {"maxUnavailable": "10%", "autoPartitionSize": 3}}),
            ),
            (
                "helm: {values: {big: 9007199254740993}}",
                json!({"helm": {"values": {"big": 9_007_199_254_740_993_i64}}}),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(ok(text), expected, "{text}");
        }
    }

    #[test]
    fn a_wrong_type_names_the_field_and_its_place() {
        let table = [
            (
                "helm:\n  timeoutSeconds: soon",
                "a/fleet.yaml:2:19: helm.timeoutSeconds: an integer is expected, found a string",
            ),
            ("name: 5", "a/fleet.yaml:1:7: name: a string (put it in quotes) is expected, found an integer"),
            (
                "labels: {a: yes}",
                "a/fleet.yaml:1:13: labels.a: a string (put it in quotes) is expected, found a boolean",
            ),
            ("namespaceLabels: {a: 1}", "a/fleet.yaml:1:22: namespaceLabels.a: a string"),
            ("targets: [{clusterName: 1}]", "a/fleet.yaml:1:25: targets[0].clusterName: a string"),
            ("targetCustomizations: [{helm: {releaseName: 1}}]", "targetCustomizations[0].helm.releaseName: a string"),
            ("targetCustomizations: [{doNotDeploy: \"yes\"}]", "targetCustomizations[0].doNotDeploy: true or false is"),
            ("targetCustomizations: {}", "targetCustomizations: a list is expected, found a mapping"),
            ("helm: [a]", "a/fleet.yaml:1:7: helm: a mapping is expected, found a list"),
            ("helm: {values: [a]}", "helm.values: a mapping is expected, found a list"),
            ("yaml: {overlays: a}", "yaml.overlays: a list is expected"),
            ("yaml: {overlays: [1]}", "yaml.overlays[0]: a string"),
            ("ignore: {conditions: [{status: False}]}", "ignore.conditions[0].status: a string"),
            ("rolloutStrategy: {maxUnavailable: true}", "rolloutStrategy.maxUnavailable: an integer or a share"),
            ("- a", "a/fleet.yaml:1:1: a mapping of options is expected, found a list"),
            ("text", "a mapping of options is expected, found a string"),
            ("a: [", "a/fleet.yaml:"),
            ("helm: {values: {null: 1}}", "a/fleet.yaml:1:"),
            ("helm: {values: {a: .inf}}", "a/fleet.yaml:1:20"),
        ];
        for (text, expected) in table {
            let message = error(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    /// Each field of the documentation, given a value of a type that it never has.
    #[test]
    fn a_wrong_type_in_any_field_gives_its_place_and_what_the_field_means() {
        let fields = documentation::fields();
        assert!(fields.len() > 90, "{}", fields.len());
        for field in fields {
            let wrong = if field.kind.starts_with("list") { json!({"a": "b"}) } else { json!(["x"]) };
            let text = field.path.rsplit('.').fold(wrong, |value, part| match part.strip_suffix("[]") {
                // The outermost of a list is the list itself.
                Some(name) if field.path.ends_with(&format!("{name}[]")) && value == json!({"a": "b"}) => {
                    json!({name: value})
                }
                Some(name) => json!({name: [value]}),
                None => json!({part: value}),
            });
            let message = error(&text.to_string());
            let expected = format!("({}: {})", field.path, field.meaning);
            assert!(message.starts_with("a/fleet.yaml:1:"), "{}: {message}", field.path);
            let path = message.replace("[0]", "[]");
            assert!(path.contains(&format!(": {}: ", field.path.trim_end_matches("[]"))), "{}: {message}", field.path);
            let meant = message.contains(&expected) || message.contains(&expected.replace("[]: ", ": "));
            assert!(meant, "{}: {message}", field.path);
        }
    }

    #[test]
    fn a_key_that_was_to_select_clusters_fails_nothing_and_is_told_of() {
        for (text, expected) in [
            (
                "overrideTargets:\n- clusterGroup: edge\n  clusterSelectr: {matchLabels: {env: prod}}",
                "a/fleet.yaml:3:3: `overrideTargets[0].clusterSelectr` is not a field, and has no effect: more clusters may match than are meant; did you mean `clusterSelector`?",
            ),
            (
                "targetCustomizations: [{clusterSelector: {matchLabls: {env: prod}}}]",
                "a/fleet.yaml:1:43: `targetCustomizations[0].clusterSelector.matchLabls` is not a field, and has no effect: more clusters may match than are meant; did you mean `matchLabels`?",
            ),
        ] {
            let notes = read("a/fleet.yaml", text.as_bytes()).unwrap().notes;
            assert_eq!(notes[0].message, expected);
        }
    }

    #[test]
    fn of_many_unknown_keys_the_first_are_told_of_and_the_others_counted() {
        let text: String = (0..1_000).map(|n| format!("key-{n:04}: value\n")).collect();
        let notes = read("a/fleet.yaml", text.as_bytes()).unwrap().notes;
        assert_eq!(notes.len(), UNKNOWN_TOLD + 1);
        assert!(notes[0].message.starts_with("a/fleet.yaml:1:1: `key-0000`"), "{}", notes[0].message);
        let last = &notes[UNKNOWN_TOLD].message;
        assert_eq!(last, "a/fleet.yaml:1:1: 980 more keys are no fields, and have no effect");
    }

    #[test]
    fn unknown_keys_are_told_of_with_line_and_nearest_key() {
        let text =
            "namspace: a\nhelm:\n  relaseName: x\n  zzz: 1\nfinalizers: [a]\npaused: true\npaused: false\n---\na: 1";
        let messages: Vec<String> =
            read("fleet.yaml", text.as_bytes()).unwrap().notes.into_iter().map(|note| note.message).collect();
        let expected = [
            "fleet.yaml:9:1: only the first document",
            "fleet.yaml:7:1: `paused` was given before at 6:1",
            "fleet.yaml:5:1: `finalizers` is not taken from fleet.yaml",
            "fleet.yaml:3:3: `helm.relaseName` is not a field, and has no effect; did you mean `releaseName`?",
            "fleet.yaml:4:3: `helm.zzz` is not a field, and has no effect",
            "fleet.yaml:1:1: `namspace` is not a field, and has no effect; did you mean `namespace`?",
        ];
        assert_eq!(messages.len(), expected.len(), "{messages:#?}");
        for wanted in expected {
            assert!(messages.iter().any(|message| message.starts_with(wanted)), "{wanted}: {messages:#?}");
        }
    }

    #[test]
    fn bombs_and_endless_nesting_fail_fast() {
        let bomb = "a: &a [1,1,1,1,1,1,1,1,1,1]\n".to_owned()
            + &(1..9)
                .map(|n| {
                    format!(
                        "b{n}: &b{n} [{}]\n",
                        vec![if n == 1 { "*a".to_owned() } else { format!("*b{}", n - 1) }; 10].join(",")
                    )
                })
                .collect::<String>();
        assert!(error(&bomb).starts_with("a/fleet.yaml"));
        assert!(error(&("a: ".to_owned() + &"[".repeat(5000))).starts_with("a/fleet.yaml"));
    }
}

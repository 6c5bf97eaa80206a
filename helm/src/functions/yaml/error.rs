//! The errors of reading YAML in Go's words. Go: go-yaml v2, `scannerc.go`, `parserc.go`, `decode.go`.

use k8s_yaml::{Content, Error, Node};

/// What go-yaml would say. Its texts are those of libyaml, which the messages of the reader are close to.
pub(super) fn in_go(error: &Error, _text: &[u8]) -> String {
    format!("yaml: {}", error.message())
}

/// The first number without a JSON form, in the order in which Go writes: by keys.
pub(super) fn not_json(node: &Node) -> Option<f64> {
    match &node.content {
        Content::Float(f) if !f.is_finite() => Some(*f),
        Content::List(items) => items.iter().find_map(not_json),
        Content::Mapping(mapping) => {
            let mut entries: Vec<_> = mapping.iter().collect();
            entries.sort_by(|a, b| a.key.text.cmp(&b.key.text));
            entries.into_iter().find_map(|entry| not_json(&entry.value))
        }
        _ => None,
    }
}

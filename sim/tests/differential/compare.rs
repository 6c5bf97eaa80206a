//! The differences between two answers, by path.

use serde_json::Value;

/// `path: ours … theirs …`, one line each.
pub(crate) fn differences(ours: &Value, theirs: &Value) -> Vec<String> {
    let mut out = Vec::new();
    walk("", ours, theirs, &mut out);
    out
}

fn short(v: &Value) -> String {
    let text = v.to_string();
    if text.len() > 400 { format!("{}…", text.chars().take(400).collect::<String>()) } else { text }
}

fn walk(path: &str, ours: &Value, theirs: &Value, out: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for (k, v) in a {
                match b.get(k) {
                    Some(w) => walk(&format!("{path}/{k}"), v, w, out),
                    None => out.push(format!("{path}/{k}: only ours: {}", short(v))),
                }
            }
            for (k, w) in b.iter().filter(|(k, _)| !a.contains_key(*k)) {
                out.push(format!("{path}/{k}: only theirs: {}", short(w)));
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (v, w)) in a.iter().zip(b).enumerate() {
                walk(&format!("{path}/{i}"), v, w, out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}: ours {} theirs {}", short(a), short(b))),
    }
}

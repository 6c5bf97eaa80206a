//! Label and field selectors of list and watch requests (`apimachinery/pkg/labels`, `fields`).

use serde_json::Value;

/// One requirement on labels.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    Exists(String),
    Absent(String),
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Greater(String, i64),
    Less(String, i64),
}

/// A label selector and a field selector; the empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    /// Field, value, and whether it must be equal.
    fields: Vec<(String, String, bool)>,
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector`.
    pub(crate) fn parse(labels: &str, fields: &str) -> Result<Self, String> {
        Ok(Self { labels: parse_labels(labels)?, fields: parse_fields(fields)? })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The fields asked for; the caller knows which of them a kind has.
    pub(crate) fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|f| f.0.as_str())
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        let label = |k: &str| labels.and_then(|l| l.get(k)).and_then(Value::as_str);
        let labels_match = self.labels.iter().all(|r| match r {
            Requirement::Exists(k) => label(k).is_some(),
            Requirement::Absent(k) => label(k).is_none(),
            Requirement::In(k, vs) => label(k).is_some_and(|v| vs.iter().any(|x| x == v)),
            Requirement::NotIn(k, vs) => label(k).is_none_or(|v| vs.iter().all(|x| x != v)),
            Requirement::Greater(k, n) => label(k).and_then(|v| v.parse::<i64>().ok()).is_some_and(|v| v > *n),
            Requirement::Less(k, n) => label(k).and_then(|v| v.parse::<i64>().ok()).is_some_and(|v| v < *n),
        });
        labels_match && self.fields.iter().all(|(path, want, equal)| (field(object, path) == *want) == *equal)
    }
}

fn field(object: &Value, path: &str) -> String {
    match object.pointer(&format!("/{}", path.replace('.', "/"))) {
        Some(Value::String(s)) => s.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn parse_fields(text: &str) -> Result<Vec<(String, String, bool)>, String> {
    let mut out = Vec::new();
    for term in text.split(',').filter(|t| !t.is_empty()) {
        let (name, value, equal) = if let Some((n, v)) = term.split_once("!=") {
            (n, v, false)
        } else if let Some((n, v)) = term.split_once("==") {
            (n, v, true)
        } else if let Some((n, v)) = term.split_once('=') {
            (n, v, true)
        } else {
            return Err(format!("invalid selector: '{text}'; can't understand '{term}'"));
        };
        out.push((name.to_owned(), value.to_owned(), equal));
    }
    Ok(out)
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, String> {
    terms(text)?.into_iter().filter(|t| !t.trim().is_empty()).map(|t| requirement(t.trim())).collect()
}

/// Splits at commas outside parentheses.
fn terms(text: &str) -> Result<Vec<&str>, String> {
    let mut out = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (i, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                out.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
        if !(0..=1).contains(&depth) {
            return Err(format!("unable to parse requirement: unbalanced parentheses in '{text}'"));
        }
    }
    if depth != 0 {
        return Err(format!("unable to parse requirement: unbalanced parentheses in '{text}'"));
    }
    out.push(&text[start..]);
    Ok(out)
}

fn key(s: &str) -> Result<String, String> {
    let s = s.trim();
    let ok = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if s.is_empty() || !s.chars().all(ok) {
        return Err(format!(
            "unable to parse requirement: <nil>: Invalid value: {s:?}: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        ));
    }
    Ok(s.to_owned())
}

fn requirement(term: &str) -> Result<Requirement, String> {
    if let Some(open) = term.find('(') {
        let list = term.get(open + 1..term.len() - 1).filter(|_| term.ends_with(')'));
        let list = list.ok_or_else(|| format!("unable to parse requirement: found '{term}', expected: ',' or ')'"))?;
        let values: Vec<String> = list.split(',').map(|v| v.trim().to_owned()).collect();
        let words: Vec<&str> = term.get(..open).unwrap_or("").split_whitespace().collect();
        return match words.as_slice() {
            [k, "in"] => Ok(Requirement::In(key(k)?, values)),
            [k, "notin"] => Ok(Requirement::NotIn(key(k)?, values)),
            _ => Err(format!("unable to parse requirement: found '{term}', expected: in, notin, =, ==, !=, gt, lt")),
        };
    }
    if let Some((k, v)) = term.split_once("!=") {
        return Ok(Requirement::NotIn(key(k)?, vec![v.trim().to_owned()]));
    }
    if let Some((k, v)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(Requirement::In(key(k)?, vec![v.trim().to_owned()]));
    }
    for (sign, greater) in [('>', true), ('<', false)] {
        if let Some((k, v)) = term.split_once(sign) {
            let n = v.trim().parse().map_err(|_| {
                format!("unable to parse requirement: for 'Gt', 'Lt' operators, the value must be an integer: {v}")
            })?;
            let k = key(k)?;
            return Ok(if greater { Requirement::Greater(k, n) } else { Requirement::Less(k, n) });
        }
    }
    let words: Vec<&str> = term.split_whitespace().collect();
    if let [first, second, ..] = words.as_slice()
        && !matches!((*first, *second), ("!", _))
    {
        return Err(format!("unable to parse requirement: found '{second}', expected: in, notin, =, ==, !=, gt, lt"));
    }
    match term.strip_prefix('!') {
        Some(k) => Ok(Requirement::Absent(key(k)?)),
        None => Ok(Requirement::Exists(key(term)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn label_selectors_follow_the_grammar() {
        let object = json!({"metadata": {"name": "x", "labels": {"app": "web", "n": "5", "e": ""}}});
        for (selector, want) in [
            ("", true),
            ("app=web", true),
            ("app==web", true),
            ("app = web", true),
            ("app!=web", false),
            ("other!=web", true),
            ("app in (web, db)", true),
            ("app notin (web,db)", false),
            ("other notin (web)", true),
            ("app", true),
            ("!app", false),
            ("!other", true),
            ("e=", true),
            ("n>4", true),
            ("n<4", false),
            ("app in (web),!other,n>1", true),
            ("app=web,n=6", false),
        ] {
            assert_eq!(Selector::parse(selector, "").expect(selector).matches(&object), want, "{selector}");
        }
        for bad in ["a b", "app in web", "app in (web", "=x", "a>b", "app foo (x)"] {
            assert!(Selector::parse(bad, "").is_err(), "{bad}");
        }
    }

    #[test]
    fn field_selectors_compare_text() {
        let object = json!({"metadata": {"name": "x", "namespace": "n"}, "spec": {"unschedulable": true}});
        for (selector, want) in [
            ("metadata.name=x", true),
            ("metadata.name!=x", false),
            ("metadata.namespace==n,metadata.name=x", true),
            ("spec.nodeName=", true),
            ("spec.unschedulable=true", true),
        ] {
            assert_eq!(Selector::parse("", selector).expect(selector).matches(&object), want, "{selector}");
        }
        assert!(Selector::parse("", "metadata.name").is_err());
    }
}

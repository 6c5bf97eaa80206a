//! `skiff label`: sets and removes labels; an existing value is replaced.

use super::client::Client;
use super::names::Named;
use crate::error::CliError;
use crate::output::Output;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeMap;

/// What becomes of each label: a value, or nothing.
pub(super) type Changes = BTreeMap<String, Option<String>>;

/// `k=v` for each word.
pub(super) fn assignments(words: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let assignment = |word: &String| {
        let pair = word.split_once('=').filter(|(key, _)| !key.is_empty());
        let (key, value) = pair.ok_or_else(|| CliError::Usage(format!("`{word}`: key=value is expected")))?;
        Ok((key.to_owned(), value.to_owned()))
    };
    words.iter().map(assignment).collect()
}

/// The object, and what is to be done to its labels.
pub(super) fn parse(words: &[String], namespace: &str) -> Result<(Named, Changes), CliError> {
    let names = if words.first().is_some_and(|word| word.contains('/') && !word.contains('=')) { 1 } else { 2 };
    let (object, changes) = words.split_at(names.min(words.len()));
    let object = Named::one(object, namespace)?;
    if changes.is_empty() {
        return Err(CliError::Usage("which labels? key=value sets one, key- removes one".into()));
    }
    let mut parsed = Changes::new();
    for word in changes {
        let (key, value) = match (word.split_once('='), word.strip_suffix('-')) {
            (Some((key, value)), _) => (key, Some(value.to_owned())),
            (None, Some(key)) => (key, None),
            (None, None) => return Err(CliError::Usage(format!("`{word}`: key=value or key- is expected"))),
        };
        if key.is_empty() || parsed.insert(key.to_owned(), value).is_some() {
            return Err(CliError::Usage(format!("`{word}`: each label is named once, and has a name")));
        }
    }
    Ok((object, parsed))
}

pub(super) async fn run(hub: &Client, object: &Named, changes: &Changes, output: &mut Output) -> Result<(), CliError> {
    let before = hub.send(Method::GET, &object.path(), None).await?;
    let patch = json!({"metadata": {"labels": changes}});
    let media = "application/merge-patch+json";
    let (after, _) = hub.exchange(Method::PATCH, &object.path(), media, Some(&patch), "application/json").await?;
    let same = super::metadata(&before, "resourceVersion") == super::metadata(&after, "resourceVersion");
    output.line(&format!("{object} {}", if same { "unchanged" } else { "labelled" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_set_and_removed() {
        let words = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
        for line in ["cluster one env=prod old- x.io/a=", "cluster/one env=prod old- x.io/a="] {
            let (object, changes) = parse(&words(line), "team").unwrap();
            assert_eq!((object.name.as_str(), object.namespace.as_str()), ("one", "team"));
            let expected = [("env", Some("prod")), ("old", None), ("x.io/a", Some(""))];
            let expected = expected.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
            assert_eq!(changes, expected.into());
        }
        for bad in ["cluster one", "cluster one env", "cluster one =a", "cluster one a=1 a-", "cluster one -"] {
            assert_eq!(parse(&words(bad), "team").unwrap_err().exit_status(), 2, "{bad}");
        }
    }
}

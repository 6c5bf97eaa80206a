//! `skiff wait`: until a condition holds. What does not exist yet is waited for as well.

use super::client::{Client, Failure};
use super::names::{Named, collection};
use crate::error::CliError;
use crate::output::Output;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// A condition with a status.
    Is(String, String),
    /// The object is gone.
    Gone,
}

impl Condition {
    /// `condition=NAME`, `condition=NAME=STATUS`, `delete`.
    pub(super) fn parse(text: &str) -> Result<Self, CliError> {
        if text == "delete" {
            return Ok(Self::Gone);
        }
        let named = text.strip_prefix("condition=").filter(|rest| !rest.is_empty());
        let named =
            named.ok_or_else(|| CliError::Usage(format!("--for {text}: condition=NAME[=STATUS] is expected")))?;
        let (name, status) = named.split_once('=').unwrap_or((named, "True"));
        Ok(Self::Is(name.to_owned(), status.to_owned()))
    }

    /// Whether it holds of the object; `None` is one that is not there.
    fn holds(&self, object: Option<&Value>) -> bool {
        match (self, object) {
            (Self::Gone, object) => object.is_none(),
            (Self::Is(..), None) => false,
            (Self::Is(name, status), Some(object)) => {
                let found = condition(object, name);
                let is = found.and_then(|found| found["status"].as_str()).unwrap_or_default();
                is_current(object) && is.eq_ignore_ascii_case(status)
            }
        }
    }
}

fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name)))
}

/// Whether the status speaks of the spec that is there now, where it says so.
fn is_current(object: &Value) -> bool {
    let observed = object["status"]["observedGeneration"].as_i64();
    observed.is_none_or(|observed| observed >= object["metadata"]["generation"].as_i64().unwrap_or(0))
}

pub(super) async fn run(
    hub: &Client,
    object: &Named,
    condition: &Condition,
    timeout: Duration,
    output: &mut Output,
) -> Result<(), CliError> {
    let until = Instant::now() + timeout;
    let mut last = None;
    let waited = tokio::time::timeout_at(until, watch(hub, object, condition, &mut last)).await;
    match waited {
        Ok(Ok(())) => output.line(&format!("{object} condition met")),
        Ok(Err(failure)) => Err(failure.into()),
        Err(_) => Err(CliError::Failed(format!("{object}: {}", shortfall(condition, last.as_ref())))),
    }
}

/// Ends when the condition holds. A hub that is away for a moment is waited for, too.
async fn watch(hub: &Client, object: &Named, condition: &Condition, last: &mut Option<Value>) -> Result<(), Failure> {
    loop {
        match super::read(hub, &object.path()).await {
            Ok(found) => {
                last.clone_from(&found);
                if condition.holds(found.as_ref()) {
                    return Ok(());
                }
                if follow(hub, object, condition, last).await? {
                    return Ok(());
                }
            }
            Err(failure) if failure.code.is_some_and(|code| code < 500 && code != 429) => return Err(failure),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// One watch from the state of `last`; whether the condition came to hold.
async fn follow(
    hub: &Client,
    object: &Named,
    condition: &Condition,
    last: &mut Option<Value>,
) -> Result<bool, Failure> {
    let list = collection(object.kind, Some(&object.namespace));
    let path = format!("{list}?watch=true&timeoutSeconds=30&fieldSelector=metadata.name%3D{}", object.name);
    let Ok(mut lines) = hub.watch(&path, "application/json").await else { return Ok(false) };
    while let Some(event) = lines.next().await {
        match event["type"].as_str() {
            Some("ADDED" | "MODIFIED") => *last = Some(event["object"].clone()),
            Some("DELETED") => *last = None,
            Some("BOOKMARK") => continue,
            _ => return Ok(false),
        }
        if condition.holds(last.as_ref()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What is missing when the time is up.
fn shortfall(wanted: &Condition, last: Option<&Value>) -> String {
    match (wanted, last) {
        (Condition::Gone, _) => "it is still there".into(),
        (Condition::Is(..), None) => "it does not exist".into(),
        (Condition::Is(name, status), Some(object)) => match condition(object, name) {
            None => format!("there is no condition {name} yet"),
            Some(_) if !is_current(object) => format!("{name} does not speak of the newest spec yet"),
            Some(found) => {
                let text = |key: &str| found[key].as_str().unwrap_or_default();
                let message = if text("message").is_empty() { text("reason") } else { text("message") };
                format!("{name} is {}, not {status}: {message}; `skiff explain` says more", text("status"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_condition_must_hold_of_the_newest_spec() {
        let ready = Condition::parse("condition=ready").unwrap();
        let object = |status: &str, observed: i64| {
            json!({"metadata": {"generation": 2}, "status": {"observedGeneration": observed,
                "conditions": [{"type": "Ready", "status": status, "message": "1 of 2"}]}})
        };
        assert!(ready.holds(Some(&object("True", 2))));
        assert!(!ready.holds(Some(&object("True", 1))), "what was ready before the change says nothing");
        assert!(!ready.holds(Some(&object("False", 2))));
        assert!(!ready.holds(None));
        assert!(Condition::parse("delete").unwrap().holds(None));
        assert!(Condition::parse("condition=Ready=False").unwrap().holds(Some(&object("False", 2))));
        assert!(shortfall(&ready, Some(&object("False", 2))).contains("1 of 2"));
        for bad in ["", "condition=", "jsonpath=x"] {
            assert_eq!(Condition::parse(bad).unwrap_err().exit_status(), 2);
        }
    }
}

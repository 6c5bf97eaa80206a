//! Whether a Job or a Pod has come to its end. Helm: `internal/statusreaders/{job,pod}_status_reader.go`.

use serde_json::Value;

/// How something that runs has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whether as it should.
    pub succeeded: bool,
    /// Why not; empty where it succeeded.
    pub message: Box<str>,
}

/// How a live Job or Pod has ended; `None` while it runs, and for other kinds.
pub(in crate::agent) fn ended(group: &str, kind: &str, object: &Value) -> Option<Box<Ended>> {
    let ended = match (group, kind) {
        ("batch", "Job") => job(object),
        ("", "Pod") => pod(object),
        _ => None,
    };
    ended.map(Box::new)
}

fn job(object: &Value) -> Option<Ended> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().filter(|condition| condition["status"] == "True").find_map(|condition| {
        let text = |name: &str| condition[name].as_str().unwrap_or_default();
        match text("type") {
            "Complete" => Some(Ended { succeeded: true, message: "".into() }),
            "Failed" => Some(failed(text("reason"), text("message"))),
            _ => None,
        }
    })
}

fn pod(object: &Value) -> Option<Ended> {
    let status = &object["status"];
    let text = |name: &str| status[name].as_str().unwrap_or_default();
    match text("phase") {
        "Succeeded" => Some(Ended { succeeded: true, message: "".into() }),
        "Failed" => {
            let containers = ["initContainerStatuses", "containerStatuses"];
            let exits =
                containers.iter().filter_map(|list| status[list].as_array()).flatten().filter_map(|container| {
                    let code = container["state"]["terminated"]["exitCode"].as_i64().filter(|code| *code != 0)?;
                    Some(format!("container {} ended with {code}", container["name"].as_str().unwrap_or_default()))
                });
            let exits = exits.collect::<Vec<_>>().join(", ");
            Some(failed(text("reason"), if text("message").is_empty() { &exits } else { text("message") }))
        }
        _ => None,
    }
}

fn failed(reason: &str, message: &str) -> Ended {
    let message = match (reason, message) {
        ("", "") => "no reason is given".to_owned(),
        ("", text) | (text, "") => text.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    };
    Ended { succeeded: false, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn jobs_and_pods_end_and_others_do_not() {
        let condition = |kind: &str, status: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "reason": "R", "message": "m"}]}});
        let cases = [
            ("batch", "Job", json!({}), None),
            ("batch", "Job", condition("Complete", "False"), None),
            ("batch", "Job", condition("SuccessCriteriaMet", "True"), None),
            ("batch", "Job", condition("FailureTarget", "True"), None),
            ("batch", "Job", condition("Complete", "True"), Some((true, ""))),
            ("batch", "Job", condition("Failed", "True"), Some((false, "R: m"))),
            ("", "Job", condition("Complete", "True"), None),
            ("", "Pod", json!({"status": {"phase": "Running"}}), None),
            ("", "Pod", json!({"status": {"phase": "Succeeded"}}), Some((true, ""))),
            ("", "Pod", json!({"status": {"phase": "Failed"}}), Some((false, "no reason is given"))),
            (
                "",
                "Pod",
                json!({"status": {"phase": "Failed", "containerStatuses": [
                    {"name": "a", "state": {"terminated": {"exitCode": 0}}},
                    {"name": "b", "state": {"terminated": {"exitCode": 3}}},
                ]}}),
                Some((false, "container b ended with 3")),
            ),
            ("", "ConfigMap", json!({"status": {"phase": "Succeeded"}}), None),
        ];
        for (group, kind, object, expected) in cases {
            let found = ended(group, kind, &object);
            let found = found.as_ref().map(|ended| (ended.succeeded, &*ended.message));
            assert_eq!(found, expected, "{kind} {object}");
        }
    }
}

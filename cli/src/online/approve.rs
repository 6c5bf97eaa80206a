//! `skiff approve`: shows what is held, asks, and approves exactly the lists that were shown.

use super::client::Client;
use super::names::Named;
use crate::error::CliError;
use crate::output::Output;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{BufRead as _, IsTerminal as _};

pub(super) async fn run(hub: &Client, object: &Named, yes: bool, output: &mut Output) -> Result<(), CliError> {
    let held = hub.send(Method::GET, &format!("/v1/admin/held/{}", object.words()), None).await?;
    let clusters = held["clusters"].as_array().cloned().unwrap_or_default();
    if clusters.is_empty() {
        output.note(&format!("nothing is held for {object}"));
        return Ok(());
    }
    let count = show(&clusters, output)?;
    output.finish()?;
    if !yes && !confirmed(count, output)? {
        return Err(CliError::Failed("not approved; nothing was deleted".into()));
    }
    let lists: Vec<_> = clusters
        .iter()
        .map(|cluster| json!({"cluster": cluster["cluster"], "digest": cluster["held"]["digest"]}))
        .collect();
    hub.send(Method::POST, &format!("/v1/admin/approve/{}", object.words()), Some(&json!({"lists": lists}))).await?;
    output.line(&format!("approved {count} deletions in {} clusters", clusters.len()))
}

/// Prints the lists; how many objects they have.
fn show(clusters: &[Value], output: &mut Output) -> Result<usize, CliError> {
    let mut count = 0;
    for cluster in clusters {
        let name = cluster["cluster"].as_str().unwrap_or_default();
        let objects = cluster["held"]["objects"].as_array().cloned().unwrap_or_default();
        output.line(&format!("cluster {name}: {} deletions", objects.len()))?;
        if let Some(why) = cluster["held"]["note"]["message"].as_str() {
            output.line(&format!("  {why}"))?;
        }
        for object in &objects {
            let key = serde_json::from_value::<fleet_api::ObjectKey>(object["key"].clone());
            let key = key.map_or_else(|_| object["key"].to_string(), |key| key.to_string());
            let bundle = object["bundle"].as_str().unwrap_or_default();
            let uid = object["uid"].as_str().unwrap_or_default();
            output.line(&format!("    {key}  (bundle {bundle}, uid {uid})"))?;
        }
        count += objects.len();
    }
    Ok(count)
}

/// Asks on a terminal; without one, `--yes` is needed.
fn confirmed(count: usize, output: &mut Output) -> Result<bool, CliError> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(CliError::Usage("nothing was approved: in a script, say --yes".into()));
    }
    output.note(&format!("delete these {count} objects? type yes:"));
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "yes" | "y"))
}

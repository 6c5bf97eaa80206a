//! Everything that talks to a hub.
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`] | which hub, and as whom |
//! | [`tls`] | the hub's key is compared, and nothing else of its certificate |
//! | [`client`] | requests and their errors |
//! | [`names`] | `KIND NAME`, `KIND/NAME` |
//! | the others | one command each |
//!
//! Called by [`run`](crate::run), and by the demo. Each function does the whole of one command and returns.

mod apply;
mod approve;
pub mod client;
pub mod config;
mod drift;
mod explain;
mod get;
mod label;
mod names;
pub mod tls;
mod wait;

use crate::args::{
    ApplyArgs, ApproveArgs, DeleteArgs, DriftArgs, GetArgs, Global, LabelArgs, ObjectArgs, TokenArgs, TokenCommand,
    WaitArgs,
};
use crate::error::CliError;
use crate::output::Output;
use client::{Client, Failure};
use config::HubConfig;
use names::Named;
use reqwest::Method;
use serde_json::{Value, json};
use skiff_hub::store::Kind;

/// Finds the hub, and runs `command` against it.
fn with_hub<T>(global: &Global, command: impl AsyncFnOnce(&Client) -> Result<T, CliError>) -> Result<T, CliError> {
    let client = Client::new(HubConfig::find(global)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(command(&client))
}

/// Makes enrollment tokens.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn token(args: TokenArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    let TokenCommand::Create(args) = args.command;
    let labels = label::assignments(&args.labels)?;
    if fleet_api::duration::parse(&args.ttl).is_none_or(|ttl| ttl.is_zero()) {
        return Err(CliError::Usage(format!("--ttl {}: a duration is expected, such as 15m or 1h", args.ttl)));
    }
    let mut body = json!({"namespace": global.namespace, "labels": labels, "ttl": args.ttl});
    if let Some(name) = args.name {
        body["name"] = name.into();
    }
    let answer = with_hub(global, async |hub| Ok(hub.send(Method::POST, "/v1/admin/token", Some(&body)).await?))?;
    let token = answer["token"].as_str().ok_or_else(|| CliError::Failed("the hub sent no token".into()))?;
    output.line(token)
}

/// Creates or replaces objects.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn apply(args: &ApplyArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    let objects = apply::read(&args.filename, &global.namespace)?;
    with_hub(global, async |hub| apply::run(hub, &objects, output).await)
}

/// Sets and removes labels.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn label(args: &LabelArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    let (object, changes) = label::parse(&args.words, &global.namespace)?;
    with_hub(global, async |hub| label::run(hub, &object, &changes, output).await)
}

/// Withdraws an object.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn delete(args: &DeleteArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    let object = Named::one(&args.object.object, &global.namespace)?;
    if args.keep_resources && object.kind != Kind::GitRepo {
        return Err(CliError::Usage(
            "--keep-resources is for a gitrepo; a cluster's workloads are never touched".into(),
        ));
    }
    let path = if args.keep_resources { format!("{}?keepResources=true", object.path()) } else { object.path() };
    let answer = with_hub(global, async |hub| Ok(hub.send(Method::DELETE, &path, None).await?))?;
    output.line(&format!("{object} deleted"))?;
    let pending = answer["kind"] != "Status";
    match object.kind {
        Kind::GitRepo if args.keep_resources => output.note("what it deployed stays in the clusters, released"),
        Kind::GitRepo => {
            output.note("what it deployed is withdrawn from the clusters; a large deletion waits for `skiff approve`");
        }
        Kind::Cluster => output.note("its agent is no longer accepted; its workloads are left alone"),
        _ if pending => output.note("it goes when its finalizers are done"),
        _ => {}
    }
    Ok(())
}

/// Lists objects.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn get(args: &GetArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    let wanted = get::Wanted::parse(args, &global.namespace)?;
    with_hub(global, async |hub| get::run(hub, &wanted, output).await)
}

/// Says why something waits, was refused, failed or drifted.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn explain(args: &ObjectArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    let object = Named::one(&args.object, &global.namespace)?;
    let path = format!("/v1/admin/explain/{}", object.words());
    let answer = with_hub(global, async |hub| Ok(hub.send(Method::GET, &path, None).await?))?;
    explain::print(&answer, args.output, output)
}

/// Says what was changed in which cluster.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn drift(args: &DriftArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    let bundle = Named::new(Kind::Bundle, &global.namespace, &args.bundle)?;
    with_hub(global, async |hub| drift::run(hub, &bundle, args.fleet_yaml, args.output, output).await)
}

/// Lets held deletions go.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn approve(args: &ApproveArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    let object = Named::one(&args.object.object, &global.namespace)?;
    with_hub(global, async |hub| approve::run(hub, &object, args.yes, output).await)
}

/// Waits until a condition holds.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn wait(args: &WaitArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    let object = Named::one(&args.object.object, &global.namespace)?;
    let condition = wait::Condition::parse(&args.condition)?;
    let timeout = fleet_api::duration::parse(&args.timeout).ok_or_else(|| {
        CliError::Usage(format!("--timeout {}: a duration is expected, such as 30s or 5m", args.timeout))
    })?;
    with_hub(global, async |hub| wait::run(hub, &object, &condition, timeout, output).await)
}

/// Polls a repository now.
///
/// # Errors
/// What the hub answers, or that it cannot be reached.
pub fn sync(args: &ObjectArgs, global: &Global, output: &mut Output) -> Result<(), CliError> {
    let object = Named::one(&args.object, &global.namespace)?;
    if object.kind != Kind::GitRepo {
        return Err(CliError::Usage(format!("only a gitrepo can be synced, not a {}", object.kind.singular())));
    }
    let path = format!("/v1/admin/sync/{}", object.words());
    // It answers when the repository was read, which may take a while.
    with_hub(global, async |hub| Ok(hub.send_patiently(Method::POST, &path).await?))?;
    output.line(&format!("{object} was polled"))
}

/// Prints a kubeconfig for the hub.
///
/// # Errors
/// That the hub cannot be reached, or is another one.
pub fn kubeconfig(global: &Global, output: &mut Output) -> Result<(), CliError> {
    let text = with_hub(global, async |hub| {
        // Any answer will do: the certificate comes with the handshake.
        hub.send(Method::GET, "/version", None).await?;
        hub.kubeconfig()
    })?;
    output.raw(&text)
}

/// `metadata.<key>` as text; empty where there is none.
fn metadata<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}

/// The object, or `None` where the hub has none of that name.
async fn read(hub: &Client, path: &str) -> Result<Option<Value>, Failure> {
    match hub.send(Method::GET, path, None).await {
        Ok(object) => Ok(Some(object)),
        Err(failure) if failure.code == Some(404) => Ok(None),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests;

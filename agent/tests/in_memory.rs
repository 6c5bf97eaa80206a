//! Tier 3: the agent, whole, against the in-memory API server; no sockets.

mod common;

use common::hub::Bundle;
use common::scenarios::config_map;
use common::{World, Writes};
use fleet_api::Reason;
use serde_json::json;
use skiff_sim::{ApiServer, Fault, FaultRule};
use std::sync::Arc;

fn writes(server: &ApiServer) -> Writes {
    let server = server.clone();
    Arc::new(move || {
        let writes = server
            .requests()
            .iter()
            .filter(|request| request.verb.is_write() && request.user_agent != "kubectl")
            .map(|request| {
                format!("{} {} {}/{}", request.verb.as_str(), request.resource, request.namespace, request.name)
            })
            .collect();
        server.reset_log();
        writes
    })
}

macro_rules! scenarios {
    ($($module:ident::$name:ident)*) => { $(
        #[tokio::test]
        async fn $name() {
            let server = ApiServer::default();
            common::$module::$name(server.client(), writes(&server)).await;
        }
    )* };
}

common::every_scenario!(scenarios);

/// Neither the new state nor anything else can be written: the hub is told all the same.
#[tokio::test]
async fn an_api_server_that_is_away_is_told_until_it_is_back() {
    let server = ApiServer::default();
    let world = World::start(server.client(), writes(&server));
    world.hub.deploy(&[Bundle::new("shop", &[config_map("settings", json!({"a": "1"}))])], &[]);
    world.until_applied("shop").await;
    let told = |holds: bool| {
        let hub = world.hub.clone();
        move || {
            let is_told = hub.report().notes.iter().any(|note| note.reason == Reason::ApiServerUnreachable);
            async move { is_told == holds }
        }
    };
    let away = server.inject(FaultRule::new(Fault::ConnectionError));
    world.hub.deploy(&[Bundle::new("shop", &[config_map("settings", json!({"a": "2"}))])], &[]);
    world.until("it is told", told(true)).await;
    server.remove_fault(away);
    world.until_applied("shop").await;
    world.until("it is over", told(false)).await;
}

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

scenarios! {
    scenarios::a_bundle_is_installed_changed_and_a_restart_writes_nothing
    scenarios::drift_is_repaired_row_by_row
    scenarios::drift_is_only_told_without_correct_drift
    scenarios::replicas_are_left_to_an_autoscaler
    scenarios::a_foreign_object_is_left_alone_unless_ownership_is_taken
    scenarios::a_renamed_bundle_is_handed_over_with_its_uids
    scenarios::a_removed_bundle_is_deleted_and_a_claim_is_held
    scenarios::a_definition_and_its_resources_converge
    scenarios::an_immutable_field_is_named_and_the_others_are_applied
    scenarios::a_finalizer_that_hangs_is_named_and_holds_up_nothing_else
    scenarios::without_a_hub_a_restarted_agent_repairs_drift
    scenarios::a_bad_object_does_not_stop_the_others
    hooks::hooks_run_around_the_objects_and_before_a_removal
    hooks::a_hook_leaves_alone_what_is_not_its_own
}

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

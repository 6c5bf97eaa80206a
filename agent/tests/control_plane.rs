//! Tier 4: the same scenarios against a real kube-apiserver, with etcd and kube-controller-manager.

#![allow(clippy::unwrap_used, clippy::unwrap_in_result, reason = "tests, without the attribute that says so")]

mod common;

use common::Writes;
use skiff_controlplane::{Binaries, ControlPlane, Options, harness};
use std::sync::{Arc, Mutex};

macro_rules! scenarios {
    ($($module:ident::$name:ident)*) => {
        $( async fn $name(binaries: Binaries) -> harness::Outcome {
            let plane = ControlPlane::start(&binaries, Options::default().with_audit().with_controller_manager()).await?;
            let plane = Arc::new(plane);
            let client = plane.client_named("skiff-agent").await?;
            let mark = Mutex::new(plane.audit_mark()?);
            let counted = plane.clone();
            let writes: Writes = Arc::new(move || {
                let mut mark = mark.lock().unwrap();
                let events = counted.audit_since(*mark).unwrap();
                *mark = counted.audit_mark().unwrap();
                events
                    .iter()
                    .filter(|event| event.is_write() && event.user_agent == "skiff-agent")
                    .map(|event| format!("{} {} {}/{}", event.verb, event.resource, event.namespace, event.name))
                    .collect()
            });
            common::$module::$name(client, writes).await;
            Ok(())
        } )*

        fn main() -> std::process::ExitCode {
            harness::run(skiff_controlplane::scenarios![$($name),*])
        }
    };
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

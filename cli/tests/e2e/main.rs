//! Tier 4, by the command line alone: `skiff hub`, two `skiff-agent`s on two real control planes, `skiff …` and kubectl.
//!
//! All scenarios share one [`World`](driver::World): it is started by the first, and each scenario has repositories,
//! labels and namespaces of its own, so that they run in any order, alone or together.

mod bad_days;
mod charts;
mod command;
mod copies;
mod delivery;
mod drift;
mod driver;
mod enrollment;
mod faults;
mod fields;
mod kubectl;
mod outage;
mod repo;
mod trouble;
mod values;

use skiff_controlplane::{harness, scenarios};
use std::process::ExitCode;

fn main() -> ExitCode {
    let verdict = harness::run(scenarios![
        charts::a_chart_has_values_for_each_cluster_and_its_hooks_run,
        copies::a_secret_of_the_hub_goes_along_and_follows_its_original,
        delivery::a_commit_reaches_the_labelled_cluster_with_its_overlay_and_no_other,
        delivery::a_label_brings_a_bundle_and_taking_it_off_withdraws_it_but_a_claim_is_held,
        delivery::a_kustomization_arrives_with_its_base_and_follows_it,
        delivery::a_renamed_directory_is_handed_over_with_its_uids,
        drift::drift_is_repaired_where_that_is_asked_for,
        drift::drift_is_told_and_left_where_that_is_not_asked_for,
        drift::an_object_of_somebody_else_is_left_until_ownership_is_taken,
        drift::replicas_are_left_to_the_controller_that_scales,
        fields::a_service_account_may_do_what_it_may_and_no_more,
        fields::what_is_kept_stays_when_its_bundle_goes,
        fields::a_namespace_gets_its_labels_and_goes_with_its_bundle_after_an_approval,
        fields::a_namespace_that_is_not_to_be_made_is_waited_for,
        fields::three_bundles_come_one_after_the_other,
        fields::a_difference_that_is_accepted_is_no_drift,
        fields::a_definition_goes_only_where_that_is_asked_for,
        fields::a_condition_that_is_ignored_holds_nothing_up,
        kubectl::kubectl_does_its_work_against_the_hub,
        trouble::a_definition_and_its_object_in_one_bundle_converge,
        trouble::a_field_that_cannot_be_changed_is_named,
        trouble::a_finalizer_that_hangs_is_named_and_holds_up_nothing_else,
        trouble::a_bad_object_is_reported_with_its_file_and_the_others_are_applied,
        trouble::of_two_bundles_that_claim_one_object_the_second_is_refused,
        trouble::what_is_wrong_in_a_repository_is_said_with_its_place_and_loses_nothing,
        trouble::secrets_never_come_back,
        outage::drift_is_repaired_without_the_hub_and_its_return_deletes_nothing,
        outage::a_restart_with_nothing_to_do_writes_nothing,
        faults::killing_hub_and_agents_in_running_rollouts_ends_in_the_right_state,
        bad_days::an_api_server_that_restarts_in_a_rollout_and_refuses_at_first_loses_nothing,
        bad_days::a_namespace_that_hangs_in_terminating_is_named_and_filled_again,
        bad_days::an_admission_webhook_that_is_down_holds_up_its_objects_and_nothing_is_forgotten,
        bad_days::an_edge_cluster_whose_etcd_is_put_back_gets_again_what_it_should_have,
        values::values_of_a_secret_are_rendered_in_the_cluster_and_follow_it,
        enrollment::tokens_are_used_once_and_claims_are_only_claims,
    ]);
    driver::end();
    verdict
}

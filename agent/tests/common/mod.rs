//! A hub in memory and the scenarios that tiers 3 and 4 share: one API server is in memory, the other one is real.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "two test targets use parts of this module each")]
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "tests, whose helpers are not test functions themselves"
)]

pub mod hooks;
pub mod hub;
pub mod scenarios;

use hub::FakeHub;
use serde_json::Value;
use skiff_agent::{Config, RunError};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// What is counted at the API server: `patch configmaps shop/x`.
pub type Writes = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

type Running = (JoinHandle<Result<(), RunError>>, tokio::sync::oneshot::Sender<()>);

/// One cluster with an agent and a hub.
pub struct World {
    pub client: kube::Client,
    pub hub: Arc<FakeHub>,
    pub state: tempfile::TempDir,
    pub writes: Writes,
    agent: Option<Running>,
}

impl World {
    /// With an agent that is enrolled and waits.
    pub fn start(client: kube::Client, writes: Writes) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut world = Self { client, hub: Arc::new(FakeHub::new()), state, writes, agent: None };
        world.start_agent();
        world
    }

    pub fn start_agent(&mut self) {
        let config = Config {
            token: Some(self.hub.token()),
            state_dir: Some(self.state.path().to_owned()),
            poll_interval: Duration::from_secs(60),
            ..Config::default()
        };
        let hub = self.hub.clone();
        let connect: skiff_agent::Connect = Arc::new(move |_, _| Ok(hub.clone()));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let client = self.client.clone();
        let work = async move {
            skiff_agent::run(config, client, connect, async {
                drop(stopped.await);
            })
            .await
        };
        self.agent = Some((tokio::spawn(work), stop));
    }

    /// As by kill -9.
    pub async fn kill_agent(&mut self) {
        if let Some((task, _)) = self.agent.take() {
            task.abort();
            drop(task.await);
        }
    }

    /// The request as a person's kubectl sends it.
    pub async fn kubectl(&self, method: &str, path: &str, body: Value) -> Value {
        let content = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let separator = if path.contains('?') { '&' } else { '?' };
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{path}{separator}fieldManager=kubectl-edit"))
            .header("content-type", content)
            .header("user-agent", "kubectl")
            .body(if method == "DELETE" { Vec::new() } else { serde_json::to_vec(&body).unwrap() })
            .unwrap();
        self.client.request::<Value>(request).await.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub async fn find(&self, path: &str) -> Option<Value> {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        match self.client.request::<Value>(request).await {
            Ok(value) => Some(value),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("GET {path}: {error}"),
        }
    }

    pub async fn get(&self, path: &str) -> Value {
        self.find(path).await.unwrap_or_else(|| panic!("{path} does not exist"))
    }

    /// Waits until it holds, for 15 s at most.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, mut holds: impl FnMut() -> F) {
        for _ in 0..300 {
            if holds().await {
                return;
            }
            if self.agent.as_ref().is_some_and(|(task, _)| task.is_finished()) {
                panic!("{what}: the agent has ended");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what}: not in time; the report is {:#?}", self.hub.report());
    }

    /// Waits until the hub is told that a bundle is applied, as a whole and in its newest state.
    pub async fn until_applied(&self, bundle: &str) {
        self.until(&format!("{bundle} is applied"), || async { self.hub.is_current(bundle, |said| said.applied) })
            .await;
    }

    pub async fn until_exists(&self, path: &str, exists: bool) {
        self.until(&format!("{path} exists: {exists}"), || async { self.find(path).await.is_some() == exists }).await;
    }
}

/// Gives the names of all scenarios to a macro, which makes a test of each: every one runs against every API server.
macro_rules! every_scenario {
    ($make_tests:ident) => {
        $make_tests! {
            scenarios::a_bundle_is_installed_changed_and_a_restart_writes_nothing
            scenarios::drift_is_repaired_row_by_row
            scenarios::drift_is_only_told_without_correct_drift
            scenarios::replicas_are_left_to_an_autoscaler
            scenarios::a_foreign_object_is_left_alone_unless_ownership_is_taken
            scenarios::a_renamed_bundle_is_handed_over_with_its_uids
            scenarios::a_removed_bundle_is_deleted_and_a_claim_is_held
            scenarios::the_namespace_of_a_bundle_goes_with_it_after_an_approval
            scenarios::a_definition_and_its_resources_converge
            scenarios::an_immutable_field_is_named_and_the_others_are_applied
            scenarios::a_finalizer_that_hangs_is_named_and_holds_up_nothing_else
            scenarios::without_a_hub_a_restarted_agent_repairs_drift
            scenarios::a_bad_object_does_not_stop_the_others
            hooks::hooks_run_around_the_objects_and_before_a_removal
            hooks::a_hook_leaves_alone_what_is_not_its_own
        }
    };
}
pub(crate) use every_scenario;

//! How long it takes until what somebody did by hand is undone.

use super::scene::Scene;
use crate::repository::{namespace, object_name};
use crate::{Result, figures};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Whose changes are undone: a person's client.
const MANAGER: &str = "kubectl-edit";
const DEADLINE: Duration = Duration::from_secs(60);

/// What is done by hand.
#[derive(Clone, Copy)]
enum Hand {
    Delete,
    Change,
    AddKey,
}

/// Each of them `runs` times, each time on another object.
pub(super) async fn measure(scene: &Scene, runs: usize) -> Result<Value> {
    let client = scene.client().await?;
    let mut told = serde_json::Map::new();
    for (index, (name, hand)) in
        [("deletedObject", Hand::Delete), ("changedField", Hand::Change), ("addedKey", Hand::AddKey)]
            .into_iter()
            .enumerate()
    {
        let mut seconds = Vec::new();
        for run in 0..runs {
            let api = Api::namespaced(client.clone(), &namespace(run));
            seconds.push(once(&api, &object_name(index + 1), hand).await?);
            // The agent's report of it is out before the next.
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
        told.insert(name.to_owned(), figures::spread(&seconds, "s"));
    }
    Ok(Value::Object(told))
}

async fn once(api: &Api<ConfigMap>, name: &str, hand: Hand) -> Result<f64> {
    let original = api.get(name).await?;
    let parameters = PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() };
    match hand {
        Hand::Delete => drop(api.delete(name, &DeleteParams::default()).await?),
        Hand::Change => {
            let patch = json!({"data": {"image": "example/app:by-hand"}});
            api.patch(name, &parameters, &Patch::Merge(patch)).await?;
        }
        Hand::AddKey => {
            let patch = json!({"data": {"added": "by hand"}});
            api.patch(name, &parameters, &Patch::Merge(patch)).await?;
        }
    }
    let begun = Instant::now();
    loop {
        let now = api.get_opt(name).await?;
        if now.is_some_and(|now| {
            now.data == original.data && now.metadata.resource_version != original.metadata.resource_version
        }) {
            return Ok(begun.elapsed().as_secs_f64());
        }
        if begun.elapsed() > DEADLINE {
            return Err(format!("{name} was not repaired within {DEADLINE:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

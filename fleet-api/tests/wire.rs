//! What a later version says survives the reading by this one, and is named.

use fleet_api::wire::Deployment;
use serde_json::{Value, json};

fn later() -> Value {
    json!({
        "protocol": 9,
        "bundle": "fleet-default/web",
        "releaseNamespace": "shop",
        "forceNamespace": false,
        "createNamespace": true,
        "options": {"keepResources": true, "pruneOnly": ["ConfigMap"]},
        "objects": [{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "x",
            "digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "size": 3, "wave": {"at": 1},
        }],
        "renderers": {"tree": "sha256:00"},
    })
}

#[test]
fn unknown_fields_of_a_deployment_are_kept_and_named() {
    let document = later();
    let read: Deployment = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(read.unknown_fields(), ["renderers", "options.pruneOnly", "objects[0].wave"]);
    assert_eq!(serde_json::to_value(&read).unwrap(), document);
}

#[test]
fn a_hook_with_a_field_that_is_not_known_is_an_error() {
    let mut document = later();
    document["objects"][0]["hook"] = json!({"events": ["pre-install"], "delete": ["hook-failed"], "retries": 3});
    let error = serde_json::from_value::<Deployment>(document.clone()).unwrap_err();
    assert!(error.to_string().contains("unknown field `retries`"), "{error}");
    document["objects"][0]["hook"].as_object_mut().unwrap().remove("retries");
    assert!(serde_json::from_value::<Deployment>(document).is_ok());
}

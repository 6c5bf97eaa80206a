//! `/openapi/v3`: enough for `kubectl explain`, and for `kubectl apply` to learn that fields are validated here.

use super::schema;
use crate::store::Kind;
use axum::http::StatusCode;
use axum::response::Response;
use fleet_api::v1alpha1::{API_VERSION, GROUP};
use serde_json::{Map, Value, json};

/// The paths that are answered here.
pub(super) const PATHS: [&str; 3] = [INDEX, CORE, FLEET];
const INDEX: &str = "/openapi/v3";
const CORE: &str = "/openapi/v3/api/v1";
const FLEET: &str = "/openapi/v3/apis/fleet.cattle.io/v1alpha1";

/// The answer, where `path` is one of OpenAPI's.
pub(super) fn serve(path: &str) -> Option<Response> {
    let document = match path {
        INDEX => index(),
        CORE => document(""),
        FLEET => document(GROUP),
        _ => return None,
    };
    Some(super::json(StatusCode::OK, &document))
}

fn index() -> Value {
    // The hash makes clients read the schema again after an update of the hub.
    let url =
        |path: &str| json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={}", env!("CARGO_PKG_VERSION"))});
    let fleet = format!("apis/{API_VERSION}");
    json!({"paths": {"api/v1": url("api/v1"), &fleet: url(&fleet)}})
}

fn document(group: &str) -> Value {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for kind in Kind::ALL.into_iter().filter(|kind| kind.group() == group) {
        let (collection, object) = collection_and_object(kind);
        paths.insert(collection, operations(kind, &["get", "post"]));
        paths.insert(object, operations(kind, &["get", "put", "patch", "delete"]));
        let mut schema = schema::of(kind).clone();
        schema["properties"]["metadata"] =
            json!({"allOf": [{"$ref": format!("#/components/schemas/{METADATA}")}], "default": {}});
        schema["x-kubernetes-group-version-kind"] = json!([gvk(kind)]);
        schemas.insert(component(kind), schema);
    }
    schemas.insert(METADATA.into(), metadata());
    let info = json!({"title": "Skiff", "version": env!("CARGO_PKG_VERSION")});
    json!({"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}})
}

const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

fn component(kind: Kind) -> String {
    match kind.group() {
        "" => format!("io.k8s.api.core.v1.{kind}"),
        _ => format!("io.cattle.fleet.{}.{kind}", kind.version()),
    }
}

fn gvk(kind: Kind) -> Value {
    json!({"group": kind.group(), "version": kind.version(), "kind": kind.as_str()})
}

/// The paths of a kind: of all its objects (in a namespace, where it has one), and of one.
pub(super) fn collection_and_object(kind: Kind) -> (String, String) {
    let base = if kind.group().is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}", kind.api_version()) };
    let scope = if kind.namespaced() { "/namespaces/{namespace}" } else { "" };
    let collection = format!("{base}{scope}/{}", kind.plural());
    let object = format!("{collection}/{{name}}");
    (collection, object)
}

fn operations(kind: Kind, methods: &[&str]) -> Value {
    let parameter =
        |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters: Vec<_> = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter).into();
    let reference = json!({"schema": {"$ref": format!("#/components/schemas/{}", component(kind))}});
    let mut operations = Map::new();
    for method in methods.iter().filter(|method| !kind.read_only() || **method == "get") {
        let action = match *method {
            "get" => "get",
            "post" => "post",
            "put" => "put",
            "patch" => "patch",
            _ => "delete",
        };
        let mut operation = json!({
            "operationId": format!("{method}{kind}"),
            "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": gvk(kind),
        });
        if *method != "get" {
            operation["parameters"] = json!(parameters);
        }
        operations.insert((*method).to_owned(), operation);
    }
    Value::Object(operations)
}

fn metadata() -> Value {
    let text = |description: &str| json!({"type": "string", "description": description});
    let map = |description: &str| json!({"type": "object", "additionalProperties": {"type": "string", "default": ""}, "description": description});
    json!({
        "type": "object",
        "description": "Metadata that every object has.",
        "properties": {
            "name": text("The name; unique in the namespace."),
            "namespace": text("The namespace."),
            "labels": map("Labels, for selectors."),
            "annotations": map("Annotations, for notes."),
            "finalizers": {"type": "array", "items": {"type": "string"}, "description": "What has to be done before it goes."},
            "uid": text("Given by the server."),
            "resourceVersion": text("Given by the server; changes with every change."),
            "generation": {"type": "integer", "format": "int64", "description": "Counts changes of the spec."},
            "creationTimestamp": {"type": "string", "format": "date-time", "description": "Given by the server."},
            "deletionTimestamp": {"type": "string", "format": "date-time", "description": "Given by the server."},
        },
    })
}

//! The schema of a CRD version as a [`Type`], with the rules of kube-openapi's `schemaconv/openapi.go`.

use super::{Field, ListKind, ListType, MapType, Scalar, StructType, Type, builtin};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The type of a custom object whose version has this `openAPIV3Schema`.
pub(crate) fn custom_type(schema: &Value) -> Type {
    let inner = convert(schema, false);
    let mut s = StructType { fields: BTreeMap::new(), atomic: false, extra: None };
    if let Type::Struct(found) = &inner {
        for (name, f) in &found.fields {
            let copy = Field {
                ty: f.ty.clone(),
                required: f.required,
                default: f.default.clone(),
                nullable: f.nullable,
                go: None,
            };
            s.fields.insert(name.clone(), copy);
        }
        s.extra = found.extra.clone();
    } else {
        s.extra = Some(Type::Deduced);
    }
    for name in ["apiVersion", "kind"] {
        let ty = Type::Scalar(Scalar::Str);
        s.fields.insert(name.into(), Field { ty, required: false, default: None, nullable: false, go: None });
    }
    let meta = Field { ty: builtin::object_meta(), required: false, default: None, nullable: false, go: None };
    s.fields.insert("metadata".into(), meta);
    Type::Struct(Arc::new(s))
}

fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn convert(schema: &Value, preserve: bool) -> Type {
    let preserve = preserve || flag(schema, "x-kubernetes-preserve-unknown-fields");
    if flag(schema, "x-kubernetes-int-or-string") {
        return Type::Scalar(Scalar::IntOrString);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => Type::Scalar(Scalar::Str),
        Some("integer") => Type::Scalar(Scalar::Int),
        Some("number") => Type::Scalar(Scalar::Num),
        Some("boolean") => Type::Scalar(Scalar::Bool),
        Some("array") => array(schema, preserve),
        Some("object") => object(schema, preserve),
        Some(_) | None => Type::Deduced,
    }
}

fn array(schema: &Value, preserve: bool) -> Type {
    let kind = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("set") => ListKind::Set,
        Some("map") => ListKind::Map(strings(schema.get("x-kubernetes-list-map-keys"))),
        Some(_) | None => ListKind::Atomic,
    };
    let elem = schema.get("items").map_or(Type::AnyAtomic, |items| convert(items, preserve));
    Type::List(Arc::new(ListType { kind, elem, patch_key: None }))
}

fn strings(v: Option<&Value>) -> Vec<String> {
    v.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn object(schema: &Value, preserve: bool) -> Type {
    if flag(schema, "x-kubernetes-embedded-resource") && schema.get("properties").is_none() {
        return Type::Deduced;
    }
    let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
    let properties = schema.get("properties").and_then(Value::as_object);
    let extra = match schema.get("additionalProperties") {
        Some(v @ Value::Object(_)) => Some(convert(v, preserve)),
        Some(Value::Bool(true)) => Some(Type::Deduced),
        Some(_) => None,
        None => (preserve || properties.is_none_or(serde_json::Map::is_empty)).then_some(Type::Deduced),
    };
    let Some(properties) = properties else {
        let elem = extra.unwrap_or(Type::Deduced);
        // An object without properties has only what its schema says of other keys.
        return Type::Map(Arc::new(MapType { elem, atomic }));
    };
    let required = strings(schema.get("required"));
    let mut fields = BTreeMap::new();
    for (name, sub) in properties {
        let field = Field {
            ty: convert(sub, preserve),
            required: required.contains(name),
            default: sub.get("default").cloned(),
            nullable: flag(sub, "nullable"),
            go: None,
        };
        fields.insert(name.clone(), field);
    }
    Type::Struct(Arc::new(StructType { fields, atomic, extra }))
}

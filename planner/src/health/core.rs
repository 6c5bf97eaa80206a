//! Everything else that has rules of its own.

use super::{Health, Object, Status};

pub(super) fn service(object: &Object<'_>) -> Health {
    if object.text("/spec/type") == "LoadBalancer" && object.text("/spec/clusterIP").is_empty() {
        return Health::in_progress("no cluster IP yet");
    }
    Health::CURRENT
}

pub(super) fn persistent_volume_claim(object: &Object<'_>) -> Health {
    match object.text("/status/phase") {
        "Bound" => Health::CURRENT,
        "Lost" => Health::failed("the volume of the claim is lost"),
        _ => Health::in_progress("the claim is not bound yet"),
    }
}

pub(super) fn namespace(object: &Object<'_>) -> Health {
    if object.text("/status/phase") == "Terminating" {
        return Health { status: Status::Terminating, message: "it is being deleted".into() };
    }
    Health::CURRENT
}

pub(super) fn custom_resource_definition(object: &Object<'_>) -> Health {
    for condition in object.conditions() {
        match (condition.kind, condition.status) {
            ("NamesAccepted", "False") => return Health::failed(condition.text()),
            ("Established", "False") if condition.reason != "Installing" => return Health::failed(condition.text()),
            ("Established", "True") => return Health::CURRENT,
            _ => {}
        }
    }
    Health::in_progress("the definition is not established yet")
}

pub(super) fn api_service(object: &Object<'_>) -> Health {
    match object.condition("Available") {
        Some(available) if available.status == "True" => Health::CURRENT,
        Some(available) => Health::in_progress(available.text()),
        None => Health::in_progress("it is not known yet whether the API is available"),
    }
}

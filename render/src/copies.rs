//! Secrets and ConfigMaps that a bundle takes along from the hub (`downstreamResources`): objects of its Deployment like
//! those that it renders, so that the same rules hold for them.

use crate::deployment::key_in_cluster;
use fleet_api::digest::Digest;
use fleet_api::reason::{Note, Reason};
use fleet_api::wire::{COPIES_PROTOCOL, COPY_SOURCE, Deployment, DeploymentObject};
use fleet_api::{ObjectKey, canonical};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Puts copies of objects (whole manifests of the hub, without a namespace) into a Deployment, into its release namespace,
/// and gives back their canonical JSON by digest. `from` is their namespace at the hub.
///
/// # Errors
/// Where the bundle renders an object of that name itself.
pub fn add_copies(document: &mut Deployment, copies: &[Value], from: &str) -> Result<Vec<(Digest, Vec<u8>)>, Note> {
    let mut blobs = Vec::new();
    let mut objects = Vec::new();
    for copy in copies {
        let mut copy = copy.clone();
        copy["metadata"]["namespace"] = json!(document.release_namespace);
        let bytes = canonical::to_vec(&copy);
        let key = key_in_cluster(&copy, &document.release_namespace);
        let digest = Digest::of(&bytes);
        objects.push(DeploymentObject {
            api_version: "v1".to_owned(),
            source: format!("{COPY_SOURCE}{} {from}/{}", key.kind, key.name),
            key,
            digest,
            size: bytes.len() as u64,
            hook: None,
            unknown: BTreeMap::new(),
        });
        blobs.push((digest, bytes));
    }
    if document.sources.is_some() && !objects.is_empty() {
        document.protocol = document.protocol.max(COPIES_PROTOCOL);
    }
    join(document, objects)?;
    Ok(blobs)
}

/// Puts copies in front of what was rendered.
pub(crate) fn join(document: &mut Deployment, copies: Vec<DeploymentObject>) -> Result<(), Note> {
    for copy in &copies {
        let rendered = document.objects.iter().find(|object| in_cluster(document, &object.key) == copy.key);
        if let Some(object) = rendered {
            let (key, place) = (&copy.key, &object.source);
            let message = format!("{place} has {key}, and downstreamResources copies one of that name from the hub");
            let remedy = "take it out of one of the two, or rename it; what runs is kept";
            return Err(Note::new(Reason::RenderFailed, message).in_file(place.clone()).with_remedy(remedy));
        }
    }
    document.objects.splice(0..0, copies);
    Ok(())
}

fn in_cluster(document: &Deployment, key: &ObjectKey) -> ObjectKey {
    let namespace = if key.namespace.is_empty() { &document.release_namespace } else { &key.namespace };
    ObjectKey::new(&key.group, &key.kind, namespace, &key.name)
}

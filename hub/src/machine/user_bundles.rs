//! Bundles that users make themselves, with their files inside (`kubectl apply -f bundle.yaml`).
//!
//! A Bundle with the label of a GitRepo is the hub's own listing, and never read back.

use super::load::is_status_only;
use super::records::BUNDLES;
use super::{Deciding, Message};
use crate::blobs::NewBlob;
use crate::store::{Event as StoreEvent, EventType, Kind, Object, Write};
use crate::uses::uses;
use base64::Engine as _;
use file_tree::Mode;
use fleet_api::digest::Digest;
use fleet_api::labels::REPO_NAME_LABEL;
use fleet_api::names::Ref;
use fleet_api::v1alpha1::{Bundle, BundleResource};
use skiff_planner::hub::{BundleRecord, Event};
use skiff_render::packed;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

/// How large the files of one Bundle may be, unpacked.
const LIMIT: u64 = 64 << 20;
/// When a Bundle whose files the disk did not take is taken in again.
const AGAIN: Duration = Duration::from_secs(5);

impl Deciding {
    /// A Bundle was made or changed.
    pub(super) fn user_bundle(&mut self, event: &StoreEvent) {
        let status_only = event.previous.as_ref().is_some_and(|previous| is_status_only(previous, &event.object));
        if event.event_type != EventType::Deleted && !status_only {
            self.take_user_bundle(&event.object);
        }
    }

    pub(super) fn take_user_bundle(&mut self, object: &Object) {
        if object.kind() != Kind::Bundle || object.value()["metadata"]["labels"].get(REPO_NAME_LABEL).is_some() {
            return;
        }
        let Ok(name) = Ref::new(object.namespace(), object.name()) else { return };
        if self.machine.bundle(&name).is_some_and(|record| record.gitrepo.is_some()) {
            return;
        }
        let bundle = match object.typed::<Bundle>() {
            Ok(bundle) => bundle,
            Err(error) => return tracing::warn!(bundle = %name, %error, "a Bundle cannot be read; it stays as it was"),
        };
        match record(bundle) {
            Ok((record, blob)) => self.put_user_bundle(&name, record, blob),
            Err(error) => tracing::warn!(bundle = %name, error, "a Bundle cannot be read; it stays as it was"),
        }
    }

    fn put_user_bundle(&mut self, name: &Ref, record: BundleRecord, blob: NewBlob) {
        if self.machine.bundle(name) == Some(&record) {
            return;
        }
        if let Err(error) = self.blobs.put_all(&[blob]) {
            tracing::error!(bundle = %name, %error, "the files of a Bundle cannot be stored; it stays as it was, and is tried again");
            return self.later(Message::UserBundle(name.clone()));
        }
        if let Ok(value) = serde_json::to_vec(&record) {
            self.turn.write(Write::Record { table: BUNDLES, key: name.to_string(), value });
        }
        self.machine.observe(Event::Bundle(name.clone(), Some(Box::new(record))));
    }

    /// Takes a Bundle in again, as it is now.
    pub(super) fn user_bundle_again(&mut self, name: &Ref) {
        if let Some(object) = self.resources.object(Kind::Bundle, name.namespace.as_str(), name.name.as_str()) {
            self.take_user_bundle(&object);
        }
    }

    /// Tells itself so in a while.
    fn later(&self, message: Message) {
        let sender = self.sender.clone();
        tokio::spawn(async move {
            tokio::time::sleep(AGAIN).await;
            // Gone only when the hub stops.
            drop(sender.send(message));
        });
    }
}

fn record(bundle: Bundle) -> Result<(BundleRecord, NewBlob), String> {
    let mut spec = bundle.spec;
    let mut files = BTreeMap::new();
    let mut left = LIMIT;
    for resource in std::mem::take(&mut spec.resources) {
        let path = file_tree::normalise(&resource.name).map_err(|error| error.to_string())?;
        let content = content(&resource, left)?;
        left -= content.len() as u64;
        files.insert(path, (Mode::Regular, content));
    }
    // It may hold anything: at rest it is treated as a secret.
    let blob = NewBlob::new(packed::pack(&files), true);
    let id = Digest::of_json(&(&spec, blob.digest)).map_err(|error| error.to_string())?;
    let uses = uses(&spec, files.keys().map(String::as_str));
    let record = BundleRecord {
        id,
        tree: blob.digest,
        spec,
        labels: bundle.metadata.labels.unwrap_or_default(),
        annotations: bundle.metadata.annotations.unwrap_or_default(),
        gitrepo: None,
        commit: String::new(),
        entry: String::new(),
        directory: String::new(),
        uses,
        rewound: false,
    };
    Ok((record, blob))
}

/// The bytes of a file: text, or gzip in base64 (Fleet's `base64+gz`).
fn content(resource: &BundleResource, left: u64) -> Result<Vec<u8>, String> {
    let wrong = |why: String| format!("{}: {why}", resource.name);
    let bytes = match resource.encoding.as_str() {
        "" => resource.content.clone().into_bytes(),
        "base64+gz" => {
            let packed = base64::engine::general_purpose::STANDARD
                .decode(&resource.content)
                .map_err(|error| wrong(error.to_string()))?;
            let mut bytes = Vec::new();
            let mut unpacked = flate2::read::GzDecoder::new(packed.as_slice()).take(left + 1);
            unpacked.read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
            bytes
        }
        other => return Err(wrong(format!("the encoding `{other}` is not known"))),
    };
    if bytes.len() as u64 > left {
        return Err(wrong(format!("the files of the Bundle are larger than {LIMIT} bytes")));
    }
    Ok(bytes)
}

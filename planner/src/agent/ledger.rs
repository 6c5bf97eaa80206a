//! What an agent knows it put into its cluster (R7). Serialised by the shell into its Secret.
//!
//! Invariant: an entry leaves it only on a confirmed 404, a changed UID, or a recorded release.

use super::hooks::HookLedger;
use fleet_api::names::Ref;
use fleet_api::wire::Version;
use fleet_api::{Digest, ObjectKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All entries, by Bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ledger {
    /// By Bundle.
    pub bundles: BTreeMap<Ref, BundleLedger>,
    /// How many deletions were decided without an approval in one generation (R8).
    pub spent: Spent,
    /// It is from before the cluster was enrolled anew: nothing of it is deleted but by lists that an admin approves (R3).
    #[serde(skip_serializing_if = "is_false")]
    pub anew: bool,
    /// The highest version that was accepted when it was written (R2): a Desired that is older than its ledger was put
    /// back by somebody, and says nothing about what came after it.
    pub seen: Version,
}

/// Deletions that one generation has had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spent {
    /// The generation.
    pub version: Version,
    /// How many.
    pub count: u32,
}

/// What one Bundle put into the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleLedger {
    /// The newest Deployment that was begun: complete, verified, its dependencies satisfied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Digest>,
    /// Digest of the release namespace with its labels and annotations, as it was last made sure of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Digest>,
    /// The service account to act as.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service_account: String,
    /// How far its hooks are; `None` where no Deployment of it ever had any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<HookLedger>,
    /// The objects.
    #[serde(with = "as_list")]
    pub objects: BTreeMap<ObjectKey, Entry>,
}

/// One object. Without a UID it is an intent: an apply may have happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    /// At which version it was applied.
    pub api_version: Box<str>,
    /// The UID that it got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<Box<str>>,
    /// Digest of the content that was last applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
    /// Digest of the fields that we owned right after that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Digest>,
    /// `forceSyncGeneration` of that apply.
    #[serde(skip_serializing_if = "is_zero")]
    pub sync: i64,
    /// It says `helm.sh/resource-policy: keep`.
    #[serde(skip_serializing_if = "is_false")]
    pub keep: bool,
    /// Its deletion was decided, counted and let through (R8).
    #[serde(skip_serializing_if = "is_false")]
    pub doomed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}

impl Ledger {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.bundles.values().map(|bundle| bundle.objects.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bundles.values().all(|bundle| bundle.objects.is_empty())
    }

    /// For a cluster that was enrolled anew: what is there stays recorded, with its UIDs, and is applied again under the
    /// new mark when a Deployment claims it. A hub that never knew what is here must not delete it by the way.
    pub fn begin_anew(&mut self) {
        self.anew |= !self.is_empty();
        self.seen = Version::default();
        self.spent = Spent::default();
        for bundle in self.bundles.values_mut() {
            bundle.deployment = None;
            for entry in bundle.objects.values_mut() {
                (entry.content, entry.fields, entry.doomed) = (None, None, false);
            }
        }
    }

    /// The Bundle that has an entry for `key`.
    pub fn owner(&self, key: &ObjectKey) -> Option<&Ref> {
        self.bundles.iter().find(|(_, bundle)| bundle.objects.contains_key(key)).map(|(name, _)| name)
    }

    /// The Bundles one of whose hooks is, or has made, the object.
    pub fn of_hooks<'a>(&'a self, key: &'a ObjectKey) -> impl Iterator<Item = &'a Ref> {
        let concerned = |of: &BundleLedger| of.hooks.as_ref().is_some_and(|hooks| hooks.concerns(key));
        self.bundles.iter().filter(move |(_, of)| concerned(of)).map(|(name, _)| name)
    }

    /// The entry of `key`, whoever owns it.
    pub fn find(&self, key: &ObjectKey) -> Option<(&Ref, &Entry)> {
        self.bundles.iter().find_map(|(name, bundle)| bundle.objects.get(key).map(|entry| (name, entry)))
    }

    /// The entry that `bundle` has for `key`.
    pub fn entry(&self, bundle: &Ref, key: &ObjectKey) -> Option<&Entry> {
        self.bundles.get(bundle)?.objects.get(key)
    }
}

/// A JSON map cannot have structs as keys: a list of entries, each with its key.
mod as_list {
    use super::{BTreeMap, Entry, ObjectKey};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize)]
    struct RowRef<'a> {
        #[serde(flatten)]
        key: &'a ObjectKey,
        #[serde(flatten)]
        entry: &'a Entry,
    }

    #[derive(Deserialize)]
    struct Row {
        #[serde(flatten)]
        key: ObjectKey,
        #[serde(flatten)]
        entry: Entry,
    }

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<ObjectKey, Entry>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.iter().map(|(key, entry)| RowRef { key, entry }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<ObjectKey, Entry>, D::Error> {
        Ok(Vec::<Row>::deserialize(deserializer)?.into_iter().map(|row| (row.key, row.entry)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_reads_back_what_it_writes() {
        let mut ledger = Ledger::default();
        let bundle = ledger.bundles.entry(Ref::new("fleet-default", "shop").unwrap()).or_default();
        bundle.deployment = Some(Digest::of(b"d"));
        let key = ObjectKey::new("apps", "Deployment", "shop", "web");
        let entry = Entry { api_version: "apps/v1".into(), uid: Some("u".into()), doomed: true, ..Entry::default() };
        bundle.objects.insert(key.clone(), entry);
        bundle.objects.insert(ObjectKey::new("", "Namespace", "", "shop"), Entry::default());
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
        assert_eq!(ledger.owner(&key), Some(&Ref::new("fleet-default", "shop").unwrap()));
        assert_eq!(ledger.len(), 2);
    }
}

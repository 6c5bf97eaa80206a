//! What an agent knows it put into its cluster (R7). Serialised by the shell into its Secret.
//!
//! Invariant: an entry leaves it only on a confirmed 404, a changed UID, or a recorded release.

use super::hooks::HookLedger;
use super::snapshot::Live;
use fleet_api::names::{ClusterUid, Ref};
use fleet_api::wire::Version;
use fleet_api::{Digest, ObjectKey};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All entries, by Bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "Stored")]
pub struct Ledger {
    bundles: BTreeMap<Ref, BundleLedger>,
    /// Which Bundle has the entry of a key: the first in order where a damaged ledger has several.
    #[serde(skip)]
    owners: BTreeMap<ObjectKey, Ref>,
    /// How many deletions were decided without an approval in one generation (R8).
    pub spent: Spent,
    /// It is from before the cluster was enrolled anew: nothing of it is deleted but by lists that an admin approves (R3).
    #[serde(skip_serializing_if = "is_false")]
    pub anew: bool,
    /// The identities that the cluster had before: what came of an intent may carry the mark of one of them (R7). None
    /// where every entry has its UID.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    former: BTreeSet<ClusterUid>,
    /// The highest version that was accepted when it was written (R2): a Desired that is older than its ledger was put
    /// back by somebody, and says nothing about what came after it.
    pub seen: Version,
}

/// A ledger as it is written.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stored {
    bundles: BTreeMap<Ref, BundleLedger>,
    spent: Spent,
    anew: bool,
    former: BTreeSet<ClusterUid>,
    seen: Version,
}

impl From<Stored> for Ledger {
    fn from(stored: Stored) -> Self {
        let Stored { bundles, spent, anew, former, seen } = stored;
        let mut owners = BTreeMap::new();
        for (name, bundle) in &bundles {
            for key in bundle.objects.keys() {
                owners.entry(key.clone()).or_insert_with(|| name.clone());
            }
        }
        Self { bundles, owners, spent, anew, former, seen }
    }
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
    #[serde(with = "as_list")]
    objects: BTreeMap<ObjectKey, Entry>,
}

impl BundleLedger {
    /// The objects. They are written by the [`Ledger`], which knows whose each of them is.
    pub const fn objects(&self) -> &BTreeMap<ObjectKey, Entry> {
        &self.objects
    }

    /// The entries, to be changed where they are.
    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = (&ObjectKey, &mut Entry)> {
        self.objects.iter_mut()
    }
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
    /// It is a release namespace that was made for the Bundle and goes with it (`deleteNamespace`); no object of the Bundle.
    #[serde(skip_serializing_if = "is_false")]
    pub made: bool,
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
    /// new mark when a Deployment claims it. A hub that never knew what is here must not delete it by the way. `before` is
    /// the identity that it had.
    pub fn begin_anew(&mut self, before: &ClusterUid) {
        self.anew |= !self.is_empty();
        if self.bundles.values().flat_map(|bundle| bundle.objects.values()).any(|entry| entry.uid.is_none()) {
            self.former.insert(before.clone());
        } else {
            self.former.clear();
        }
        self.seen = Version::default();
        self.spent = Spent::default();
        for bundle in self.bundles.values_mut() {
            bundle.deployment = None;
            for entry in bundle.objects.values_mut() {
                (entry.content, entry.fields, entry.doomed) = (None, None, false);
            }
        }
    }

    /// Whether a mark says that `bundle` put it there when the cluster had an identity before this one.
    pub(super) fn is_marked(&self, live: &Live, bundle: &Ref) -> bool {
        self.former.iter().any(|before| live.is_marked(before, bundle))
    }

    /// What each Bundle put into the cluster.
    pub const fn bundles(&self) -> &BTreeMap<Ref, BundleLedger> {
        &self.bundles
    }

    /// What one Bundle put into the cluster.
    pub fn bundle(&self, bundle: &Ref) -> Option<&BundleLedger> {
        self.bundles.get(bundle)
    }

    /// That of one Bundle, where there is one, to be changed.
    pub(super) fn bundle_mut(&mut self, bundle: &Ref) -> Option<&mut BundleLedger> {
        self.bundles.get_mut(bundle)
    }

    /// That of one Bundle, to be changed; begun where there is none.
    pub(super) fn begin(&mut self, bundle: &Ref) -> &mut BundleLedger {
        self.bundles.entry(bundle.clone()).or_default()
    }

    /// Forgets a Bundle of which nothing is left.
    pub(super) fn forget_empty(&mut self, bundle: &Ref) {
        self.bundles.remove(bundle);
    }

    /// Records an object of a Bundle.
    pub(super) fn put(&mut self, bundle: &Ref, key: ObjectKey, entry: Entry) {
        let owner = self.owners.entry(key.clone()).or_insert_with(|| bundle.clone());
        if bundle < owner {
            owner.clone_from(bundle);
        }
        self.begin(bundle).objects.insert(key, entry);
    }

    /// Takes an object out of what a Bundle has.
    pub(super) fn take(&mut self, bundle: &Ref, key: &ObjectKey) -> Option<Entry> {
        let entry = self.bundles.get_mut(bundle)?.objects.remove(key)?;
        match self.bundles.iter().find(|(_, of)| of.objects.contains_key(key)) {
            Some((other, _)) => drop(self.owners.insert(key.clone(), other.clone())),
            None => drop(self.owners.remove(key)),
        }
        Some(entry)
    }

    /// The Bundle that has an entry for `key`.
    pub fn owner(&self, key: &ObjectKey) -> Option<&Ref> {
        self.owners.get(key)
    }

    /// The Bundles one of whose hooks is, or has made, the object.
    pub fn of_hooks<'a>(&'a self, key: &'a ObjectKey) -> impl Iterator<Item = &'a Ref> {
        let concerned = |of: &BundleLedger| of.hooks.as_ref().is_some_and(|hooks| hooks.concerns(key));
        self.bundles.iter().filter(move |(_, of)| concerned(of)).map(|(name, _)| name)
    }

    /// The entry of `key`, whoever owns it.
    pub fn find(&self, key: &ObjectKey) -> Option<(&Ref, &Entry)> {
        let owner = self.owners.get(key)?;
        Some((owner, self.entry(owner, key)?))
    }

    /// The entry that `bundle` has for `key`.
    pub fn entry(&self, bundle: &Ref, key: &ObjectKey) -> Option<&Entry> {
        self.bundles.get(bundle)?.objects.get(key)
    }

    pub(super) fn entry_mut(&mut self, bundle: &Ref, key: &ObjectKey) -> Option<&mut Entry> {
        self.bundles.get_mut(bundle)?.objects.get_mut(key)
    }
}

/// A JSON map cannot have structs as keys: a list of entries, each with its key.
mod as_list {
    use super::{BTreeMap, Digest, Entry, ObjectKey};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize)]
    struct RowRef<'a> {
        #[serde(flatten)]
        key: &'a ObjectKey,
        #[serde(flatten)]
        entry: &'a Entry,
    }

    /// Field by field: with `flatten`, each would be kept as a value of any kind before it is read.
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        #[serde(default)]
        group: String,
        kind: String,
        #[serde(default)]
        namespace: String,
        name: String,
        #[serde(default)]
        api_version: Box<str>,
        uid: Option<Box<str>>,
        content: Option<Digest>,
        fields: Option<Digest>,
        #[serde(default)]
        sync: i64,
        #[serde(default)]
        keep: bool,
        #[serde(default)]
        doomed: bool,
        #[serde(default)]
        made: bool,
    }

    impl From<Row> for (ObjectKey, Entry) {
        fn from(row: Row) -> Self {
            let Row { group, kind, namespace, name, api_version, uid, content, fields, sync, keep, doomed, made } = row;
            let key = ObjectKey::from(fleet_api::KeyParts { group, kind, namespace, name });
            (key, Entry { api_version, uid, content, fields, sync, keep, doomed, made })
        }
    }

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<ObjectKey, Entry>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.iter().map(|(key, entry)| RowRef { key, entry }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<ObjectKey, Entry>, D::Error> {
        Ok(Vec::<Row>::deserialize(deserializer)?.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_reads_back_what_it_writes() {
        let mut ledger = Ledger::default();
        let shop = Ref::new("fleet-default", "shop").unwrap();
        ledger.begin(&shop).deployment = Some(Digest::of(b"d"));
        let key = ObjectKey::new("apps", "Deployment", "shop", "web");
        let digest = |text: &str| Some(Digest::of(text.as_bytes()));
        let entry = Entry {
            api_version: "apps/v1".into(),
            uid: Some("u".into()),
            content: digest("c"),
            fields: digest("f"),
            sync: 3,
            keep: true,
            doomed: true,
            made: true,
        };
        ledger.put(&shop, key.clone(), entry);
        ledger.put(&shop, ObjectKey::new("", "Namespace", "", "shop"), Entry::default());
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
        assert_eq!(ledger.owner(&key), Some(&shop));
        assert_eq!(ledger.len(), 2);
    }

    #[test]
    fn whose_an_object_is_follows_what_is_put_and_taken() {
        let [a, b] = ["a", "b"].map(|name| Ref::new("fleet-default", name).unwrap());
        let key = ObjectKey::new("", "ConfigMap", "shop", "x");
        let mut ledger = Ledger::default();
        ledger.put(&b, key.clone(), Entry::default());
        assert_eq!(ledger.owner(&key), Some(&b));
        // Two that have it are a damaged ledger; which one counts does not depend on who came first.
        ledger.put(&a, key.clone(), Entry::default());
        assert_eq!(ledger.owner(&key), Some(&a));
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(serde_json::from_str::<Ledger>(&text).unwrap(), ledger);
        assert!(ledger.take(&a, &key).is_some());
        assert_eq!(ledger.owner(&key), Some(&b));
        assert!(ledger.take(&a, &key).is_none());
        assert!(ledger.take(&b, &key).is_some());
        assert_eq!((ledger.owner(&key), ledger.find(&key)), (None, None));
    }
}

//! The two operations on ownership: update and apply (`merge/update.go`, `managedfields/internal/*`).

use super::compare::Comparison;
use super::fieldset::FieldSet;
use super::managed::{ManagerKey, Managers, Owned};
use super::merge::{merge, remove};
use crate::schema::Type;
use serde_json::Value;

/// The most entries that updates may have before the oldest are folded together.
const MAX_UPDATE_MANAGERS: usize = 10;

/// What an operation needs to know beside the objects.
pub(crate) struct Operation<'a> {
    pub(crate) ty: &'a Type,
    pub(crate) api_version: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) manager: &'a str,
    /// Fields that this (sub)resource may not change.
    pub(crate) reset: &'a FieldSet,
    pub(crate) now: &'a str,
}

/// A field that another manager owns with another value.
#[derive(Clone, Debug)]
pub(crate) struct Conflict {
    pub(crate) manager: ManagerKey,
    pub(crate) path: String,
}

fn stripped() -> FieldSet {
    FieldSet::of_fields(&[
        &["apiVersion"],
        &["kind"],
        &["metadata"],
        &["metadata", "name"],
        &["metadata", "namespace"],
        &["metadata", "creationTimestamp"],
        &["metadata", "selfLink"],
        &["metadata", "uid"],
        &["metadata", "clusterName"],
        &["metadata", "generation"],
        &["metadata", "managedFields"],
        &["metadata", "resourceVersion"],
    ])
}

/// Takes managedFields out of an object, as every operation does before it compares.
pub(crate) fn without_managed_fields(object: &Value) -> Value {
    let mut out = object.clone();
    if let Some(meta) = out.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.shift_remove("managedFields");
    }
    out
}

/// Puts managers into an object's metadata.
pub(crate) fn set_managers(object: &mut Value, managers: &Managers) {
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        match managers.encode() {
            Some(list) => meta.insert("managedFields".into(), list),
            None => meta.shift_remove("managedFields"),
        };
    }
}

impl Operation<'_> {
    fn key(&self, applied: bool) -> ManagerKey {
        ManagerKey::new(self.manager, applied, self.api_version, self.subresource)
    }

    /// Ownership after `old` became `new` by an ordinary write.
    pub(crate) fn update(&self, old: &Value, new: &Value, managers: Managers) -> Managers {
        let (old, new) = (without_managed_fields(old), without_managed_fields(new));
        let compare = Comparison::of(self.ty, &old, &new).exclude(self.reset);
        let mut managers = managers;
        let changed = compare.modified.union(&compare.added);
        let lost = changed.union(&compare.removed);
        take_from(&mut managers, &lost, None);
        let taken = changed.recursive_difference(self.reset).difference(&stripped());
        if !taken.is_empty() {
            let key = self.key(false);
            let previous = managers.0.get(&key).map(|o| o.set.clone()).unwrap_or_default();
            let owned = Owned {
                set: taken.union(&previous),
                api_version: self.api_version.to_owned(),
                time: Some(self.now.to_owned()),
            };
            managers.0.insert(key, owned);
        }
        cap(&mut managers);
        managers
    }

    /// The object and its ownership after `config` was applied to `live`. `None` as object: nothing changed.
    pub(crate) fn apply(
        &self,
        live: &Value,
        config: &Value,
        managers: Managers,
        force: bool,
    ) -> Result<(Option<Value>, Managers), Vec<Conflict>> {
        let live = without_managed_fields(live);
        let mut managers = managers;
        let key = self.key(true);
        let last = managers.0.get(&key).cloned();
        let merged = merge(self.ty, &live, config);
        let set = FieldSet::of_value(self.ty, config).recursive_difference(self.reset);
        let time = last.as_ref().and_then(|o| o.time.clone());
        managers.0.insert(key.clone(), Owned { set, api_version: self.api_version.to_owned(), time });
        let new = match &last {
            Some(last) if !last.set.is_empty() => self.prune(&merged, &managers, &last.set),
            Some(_) | None => merged,
        };
        let compare = Comparison::of(self.ty, &live, &new).exclude(self.reset);
        let changed = compare.modified.union(&compare.added);
        if !force {
            let conflicts = conflicts(&managers, &changed, &key);
            if !conflicts.is_empty() {
                return Err(conflicts);
            }
        }
        take_from(&mut managers, &changed.union(&compare.removed), Some(&key));
        let same = live == new;
        if let Some(owned) = managers.0.get_mut(&key) {
            owned.set = owned.set.difference(&stripped());
            if !same {
                owned.time = Some(self.now.to_owned());
            }
            if owned.set.is_empty() {
                managers.0.remove(&key);
            }
        }
        Ok(((!same).then_some(new), managers))
    }

    /// Takes out what this applier listed last time and nobody lists now.
    fn prune(&self, merged: &Value, managers: &Managers, last: &FieldSet) -> Value {
        let ty = self.ty;
        let last = last.ensure_named(ty);
        let pruned = remove(ty, merged, &last);
        let all = FieldSet::of_value(ty, merged).ensure_named(ty);
        let owned = managers.0.values().fold(FieldSet::default(), |acc, o| acc.union(&o.set)).ensure_named(ty);
        let left = FieldSet::of_value(ty, &pruned).ensure_named(ty);
        let pruned = remove(ty, merged, &all.difference(&left.union(&owned)));
        let left = FieldSet::of_value(ty, &pruned).ensure_named(ty);
        remove(ty, merged, &all.difference(&left).intersection(&last))
    }
}

fn take_from(managers: &mut Managers, lost: &FieldSet, except: Option<&ManagerKey>) {
    for (key, owned) in &mut managers.0 {
        if Some(key) != except {
            owned.set = owned.set.difference(lost);
        }
    }
    managers.0.retain(|_, owned| !owned.set.is_empty());
}

fn conflicts(managers: &Managers, changed: &FieldSet, applier: &ManagerKey) -> Vec<Conflict> {
    let mut out = Vec::new();
    for (key, owned) in managers.0.iter().filter(|(k, _)| *k != applier) {
        for path in owned.set.intersection(changed).paths() {
            out.push(Conflict { manager: key.clone(), path });
        }
    }
    // In the order of the managers' JSON identities, where `Apply` stands before `Update`.
    out.sort_by_key(|c| (c.manager.name.clone(), !c.manager.applied));
    out
}

/// Folds the oldest updates into `ancient-changes` (`capmanagers.go`).
fn cap(managers: &mut Managers) {
    let mut updates: Vec<(Option<String>, ManagerKey)> =
        managers.0.iter().filter(|(k, _)| !k.applied).map(|(k, o)| (o.time.clone(), k.clone())).collect();
    if updates.len() <= MAX_UPDATE_MANAGERS {
        return;
    }
    updates.sort();
    let surplus = updates.len() - MAX_UPDATE_MANAGERS + 1;
    for (time, key) in updates.into_iter().take(surplus) {
        let Some(owned) = managers.0.remove(&key) else { continue };
        let bucket = ManagerKey::new("ancient-changes", false, &owned.api_version, "");
        let previous = managers.0.get(&bucket).map(|o| o.set.clone()).unwrap_or_default();
        managers.0.insert(bucket, Owned { set: owned.set.union(&previous), api_version: owned.api_version, time });
    }
}

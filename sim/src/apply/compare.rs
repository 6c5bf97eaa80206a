//! What changed between two objects, as field sets (`typed/compare.go`).

use super::fieldset::{Element, FieldSet, element_of};
use crate::schema::{ListType, MapShape, Shape, Type};
use serde_json::Value;
use std::collections::BTreeMap;

/// No path is in more than one of the sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) added: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) removed: FieldSet,
}

impl Comparison {
    /// Compares two whole objects.
    pub(crate) fn of(ty: &Type, old: &Value, new: &Value) -> Self {
        let mut walker = Walker { path: Vec::new(), out: Self::default() };
        walker.compare(ty, Some(old), Some(new));
        walker.out
    }

    /// Leaves out what a (sub)resource may not change.
    pub(crate) fn exclude(self, reset: &FieldSet) -> Self {
        if reset.is_empty() {
            return self;
        }
        Self {
            added: self.added.recursive_difference(reset),
            modified: self.modified.recursive_difference(reset),
            removed: self.removed.recursive_difference(reset),
        }
    }
}

struct Walker {
    path: Vec<Element>,
    out: Comparison,
}

impl Walker {
    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (None, _) => self.out.added.insert(&self.path),
            (_, None) => self.out.removed.insert(&self.path),
            (Some(a), Some(b)) if a != b => self.out.modified.insert(&self.path),
            _ => {}
        }
    }

    fn compare(&mut self, ty: &Type, old: Option<&Value>, new: Option<&Value>) {
        let known = new.filter(|v| !v.is_null()).or(old);
        // Values of two kinds where anything is allowed are two different leaves.
        if let (Type::Deduced, Some(a), Some(b)) = (ty, old, new)
            && a.is_object() != b.is_object()
        {
            return self.leaf(old, new);
        }
        match ty.shape(known) {
            Shape::Leaf | Shape::AtomicList | Shape::AtomicMap => return self.leaf(old, new),
            Shape::List(list) => {
                if empty(old) && empty(new) {
                    return self.leaf(old, new);
                }
                self.list(list, old, new);
            }
            Shape::Map(shape) => {
                if empty(old) && empty(new) {
                    return self.leaf(old, new);
                }
                self.map(shape, old, new);
            }
        }
        match (old, new) {
            (None, _) => self.out.added.insert(&self.path),
            (_, None) => self.out.removed.insert(&self.path),
            _ => {}
        }
    }

    fn map(&mut self, shape: MapShape<'_>, old: Option<&Value>, new: Option<&Value>) {
        let (old, new) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
        let keys = old.into_iter().flat_map(|m| m.keys());
        let more = new.into_iter().flat_map(|m| m.keys()).filter(|k| !old.is_some_and(|m| m.contains_key(*k)));
        for key in keys.chain(more) {
            self.path.push(Element::Field(key.clone()));
            self.compare(&shape.child(key), old.and_then(|m| m.get(key)), new.and_then(|m| m.get(key)));
            self.path.pop();
        }
    }

    fn list(&mut self, list: &ListType, old: Option<&Value>, new: Option<&Value>) {
        let mut items: BTreeMap<Element, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for item in old.and_then(Value::as_array).into_iter().flatten() {
            if let Ok(e) = element_of(list, item) {
                items.entry(e).or_default().0.push(item);
            }
        }
        for item in new.and_then(Value::as_array).into_iter().flatten() {
            if let Ok(e) = element_of(list, item) {
                items.entry(e).or_default().1.push(item);
            }
        }
        for (e, (a, b)) in items {
            self.path.push(e);
            match (a.as_slice(), b.as_slice()) {
                ([], [one]) => self.compare(&list.elem, None, Some(one)),
                ([one], []) => self.compare(&list.elem, Some(one), None),
                ([x], [y]) => self.compare(&list.elem, Some(x), Some(y)),
                ([_, _, ..], [_, _, ..]) if a != b => self.out.modified.insert(&self.path),
                ([_, _, ..], rest) if rest.len() < 2 => {
                    if let [one] = rest {
                        self.compare(&list.elem, None, Some(one));
                    }
                    self.out.removed.insert(&self.path);
                }
                (rest, [_, _, ..]) if rest.len() < 2 => {
                    if let [one] = rest {
                        self.compare(&list.elem, Some(one), None);
                    }
                    self.out.added.insert(&self.path);
                }
                _ => {}
            }
            self.path.pop();
        }
    }
}

fn empty(v: Option<&Value>) -> bool {
    match v {
        None | Some(Value::Null) => true,
        Some(Value::Array(a)) => a.is_empty(),
        Some(Value::Object(o)) => o.is_empty(),
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => false,
    }
}

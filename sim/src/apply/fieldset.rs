//! Sets of field paths and their `FieldsV1` form (`fieldpath/` of structured-merge-diff).

use crate::schema::{ListKind, ListType, Shape, Type};
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One step of a path.
#[derive(Clone, Debug)]
pub(crate) enum Element {
    /// A field or a map key.
    Field(String),
    /// An item of an associative list, by its sorted keys.
    Key(Vec<(String, Value)>),
    /// An item of a set.
    Value(Value),
}

/// JSON values in a total order: by kind, then by content.
fn order(a: &Value, b: &Value) -> Ordering {
    fn rank(v: &Value) -> u8 {
        match v {
            Value::Number(_) => 0,
            Value::String(_) => 1,
            Value::Bool(_) => 2,
            Value::Array(_) => 3,
            Value::Object(_) => 4,
            Value::Null => 5,
        }
    }
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => x.cmp(&y),
            _ => x.as_f64().unwrap_or(0.0).total_cmp(&y.as_f64().unwrap_or(0.0)),
        },
        (Value::String(x), Value::String(y)) => x.cmp(y),
        (Value::Bool(x), Value::Bool(y)) => x.cmp(y),
        _ => rank(a).cmp(&rank(b)).then_with(|| a.to_string().cmp(&b.to_string())),
    }
}

impl Ord for Element {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Element::Field(a), Element::Field(b)) => a.cmp(b),
            (Element::Field(_), _) => Ordering::Less,
            (_, Element::Field(_)) => Ordering::Greater,
            (Element::Key(a), Element::Key(b)) => {
                let pairs = a.iter().zip(b).map(|(x, y)| x.0.cmp(&y.0).then_with(|| order(&x.1, &y.1)));
                pairs.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
            }
            (Element::Key(_), Element::Value(_)) => Ordering::Less,
            (Element::Value(_), Element::Key(_)) => Ordering::Greater,
            (Element::Value(a), Element::Value(b)) => order(a, b),
        }
    }
}

impl PartialOrd for Element {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Element {}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Field(name) => write!(f, ".{name}"),
            Element::Key(keys) => {
                f.write_str("[")?;
                for (i, (name, value)) in keys.iter().enumerate() {
                    write!(f, "{}{name}={value}", if i > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
            Element::Value(v) => write!(f, "[={v}]"),
        }
    }
}

impl Element {
    fn encode(&self) -> String {
        match self {
            Element::Field(name) => format!("f:{name}"),
            Element::Key(keys) => {
                let map: Map<String, Value> = keys.iter().cloned().collect();
                format!("k:{}", Value::Object(map))
            }
            Element::Value(v) => format!("v:{v}"),
        }
    }

    fn decode(s: &str) -> Option<Self> {
        let (kind, rest) = s.split_once(':')?;
        match kind {
            "f" => Some(Element::Field(rest.to_owned())),
            "v" => Some(Element::Value(serde_json::from_str(rest).ok()?)),
            "k" => {
                let Value::Object(map) = serde_json::from_str(rest).ok()? else { return None };
                let mut keys: Vec<_> = map.into_iter().collect();
                keys.sort_by(|a, b| a.0.cmp(&b.0));
                Some(Element::Key(keys))
            }
            _ => None,
        }
    }
}

/// The element by which an item of an associative list is known.
pub(crate) fn element_of(list: &ListType, item: &Value) -> Result<Element, String> {
    match &list.kind {
        ListKind::Set => match item {
            Value::Object(_) => Err("associative list without keys has an element that's a map type".into()),
            Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
            Value::Null => Err("associative list without keys has an element that's an explicit null".into()),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Element::Value(item.clone())),
        },
        ListKind::Map(keys) => keyed(list, keys, item),
        ListKind::Atomic => Err("invalid indexing of non-associative list".into()),
    }
}

fn keyed(list: &ListType, keys: &[String], item: &Value) -> Result<Element, String> {
    let Value::Object(map) = item else {
        return Err(if item.is_null() {
            "associative list with keys may not have a null element".into()
        } else {
            "associative list with keys may not have non-map elements".into()
        });
    };
    let mut found = Vec::new();
    for key in keys {
        let default = || list.elem.as_struct().and_then(|s| s.fields.get(key)).and_then(|f| f.default.clone());
        if let Some(v) = map.get(key).cloned().or_else(default) {
            found.push((key.clone(), v));
        }
    }
    if found.is_empty() {
        let names: Vec<String> = keys.iter().map(|k| format!("{k:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Element::Key(found))
}

/// A set of paths, as a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet {
    pub(crate) members: BTreeSet<Element>,
    pub(crate) children: BTreeMap<Element, FieldSet>,
}

impl FieldSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(FieldSet::is_empty)
    }

    pub(crate) fn insert(&mut self, path: &[Element]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// A set with one path of field names.
    pub(crate) fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let elements: Vec<Element> = path.iter().map(|p| Element::Field((*p).to_owned())).collect();
            set.insert(&elements);
        }
        set
    }

    fn zip(&self, other: &Self, keep: fn(bool, bool) -> bool, both: fn(&Self, &Self) -> Self) -> Self {
        let mut out = Self::default();
        for e in self.members.union(&other.members) {
            if keep(self.members.contains(e), other.members.contains(e)) {
                out.members.insert(e.clone());
            }
        }
        let none = Self::default();
        let keys: BTreeSet<&Element> = self.children.keys().chain(other.children.keys()).collect();
        for key in keys {
            let child = both(self.children.get(key).unwrap_or(&none), other.children.get(key).unwrap_or(&none));
            if !child.is_empty() {
                out.children.insert(key.clone(), child);
            }
        }
        out
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a || b, Self::union)
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a && b, Self::intersection)
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        self.zip(other, |a, b| a && !b, Self::difference)
    }

    /// Without the members of `other` and everything below them.
    pub(crate) fn recursive_difference(&self, other: &Self) -> Self {
        let members = self.members.difference(&other.members).cloned().collect();
        let mut out = Self { members, children: BTreeMap::new() };
        for (e, child) in self.children.iter().filter(|(e, _)| !other.members.contains(*e)) {
            let rest = match other.children.get(e) {
                Some(o) => child.recursive_difference(o),
                None => child.clone(),
            };
            if !rest.is_empty() {
                out.children.insert(e.clone(), rest);
            }
        }
        out
    }

    /// The set, and every declared field that lies on the way to a member.
    pub(crate) fn ensure_named(&self, ty: &Type) -> Self {
        let mut out = Self { members: self.members.clone(), children: BTreeMap::new() };
        for (e, child) in &self.children {
            let shape = ty.shape(None);
            let below = match (e, &shape) {
                (Element::Field(name), Shape::Map(m)) => {
                    if m.field(name).is_some() {
                        out.members.insert(e.clone());
                    }
                    m.child(name)
                }
                (Element::Key(_), Shape::List(l)) => l.elem.clone(),
                _ => match (e, ty.as_struct()) {
                    (Element::Field(name), Some(s)) => s.fields.get(name).map_or(Type::AnyAtomic, |f| f.ty.clone()),
                    _ => Type::AnyAtomic,
                },
            };
            out.children.insert(e.clone(), child.ensure_named(&below));
        }
        out
    }

    /// Every path, in order.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect("", &mut out);
        out
    }

    fn collect(&self, prefix: &str, out: &mut Vec<String>) {
        out.extend(self.members.iter().map(|e| format!("{prefix}{e}")));
        for (e, child) in &self.children {
            child.collect(&format!("{prefix}{e}"), out);
        }
    }

    /// `FieldsV1`.
    pub(crate) fn encode(&self) -> Value {
        let mut map = Map::new();
        let all: BTreeSet<&Element> = self.members.iter().chain(self.children.keys()).collect();
        for e in all {
            let mut inner = match self.children.get(e).filter(|c| !c.is_empty()) {
                Some(child) => child.encode(),
                None if self.members.contains(e) => Value::Object(Map::new()),
                None => continue,
            };
            if self.members.contains(e)
                && let Value::Object(m) = &mut inner
                && !m.is_empty()
            {
                m.insert(".".into(), Value::Object(Map::new()));
            }
            map.insert(e.encode(), inner);
        }
        Value::Object(map)
    }

    /// Reads `FieldsV1`; what is not understood is left out.
    pub(crate) fn decode(value: &Value) -> Self {
        let mut out = Self::default();
        for (k, v) in value.as_object().into_iter().flatten() {
            let Some(e) = Element::decode(k) else { continue };
            let inner = v.as_object();
            if inner.is_none_or(|m| m.is_empty() || m.contains_key(".")) {
                out.members.insert(e.clone());
            }
            let child = Self::decode(v);
            if !child.is_empty() {
                out.children.insert(e, child);
            }
        }
        out
    }

    /// The fields that a value holds (`typed/tofieldset.go`).
    pub(crate) fn of_value(ty: &Type, value: &Value) -> Self {
        let mut out = Self::default();
        let mut path = Vec::new();
        add_value(ty, value, &mut path, &mut out);
        out
    }
}

fn add_value(ty: &Type, value: &Value, path: &mut Vec<Element>, out: &mut FieldSet) {
    match ty.shape(Some(value)) {
        Shape::Leaf | Shape::AtomicList | Shape::AtomicMap => out.insert(path),
        Shape::List(list) => {
            let items: Vec<(Element, &Value)> = value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|item| element_of(list, item).ok().map(|e| (e, item)))
                .collect();
            for (e, item) in &items {
                path.push(e.clone());
                if items.iter().filter(|(other, _)| other == e).count() == 1 {
                    add_value(&list.elem, item, path, out);
                }
                out.insert(path);
                path.pop();
            }
        }
        Shape::Map(shape) => {
            for (k, v) in value.as_object().into_iter().flatten() {
                path.push(Element::Field(k.clone()));
                add_value(&shape.child(k), v, path, out);
                let empty = v.is_null() || v.as_object().is_some_and(Map::is_empty);
                if empty || shape.field(k).is_none() {
                    out.insert(path);
                }
                path.pop();
            }
        }
    }
}

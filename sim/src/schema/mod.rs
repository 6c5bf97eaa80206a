//! The shape of objects: what server-side apply, pruning and strategic merge need to know about a field.
//!
//! Made from `data/kinds.txt` for the built-in kinds ([`builtin`]) and from a CRD's schema for custom ones
//! ([`openapi`]). The meaning of each shape is that of structured-merge-diff (`typed/`, `schema/`): a granular map or
//! an associative list is owned item by item, an atomic one as a whole.

pub(crate) mod builtin;
pub(crate) mod normalize;
pub(crate) mod openapi;

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Str,
    Int,
    Num,
    Bool,
    IntOrString,
    Quantity,
    Time,
    MicroTime,
}

/// How the items of a list are owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ListKind {
    Atomic,
    Set,
    Map(Vec<String>),
}

#[derive(Debug)]
pub(crate) struct ListType {
    pub(crate) kind: ListKind,
    pub(crate) elem: Type,
    /// `patchStrategy: merge` of strategic merge patch; the key is empty for a list of scalars.
    pub(crate) patch_key: Option<String>,
}

#[derive(Debug)]
pub(crate) struct MapType {
    pub(crate) elem: Type,
    pub(crate) atomic: bool,
}

#[derive(Debug, Default)]
pub(crate) struct StructType {
    pub(crate) fields: BTreeMap<String, Field>,
    pub(crate) atomic: bool,
    /// The type of keys that are not fields; `None` means there are none.
    pub(crate) extra: Option<Type>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) ty: Type,
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
    pub(crate) nullable: bool,
    /// How Go writes it; absent for custom resources, which are kept as they were sent.
    pub(crate) go: Option<GoField>,
}

/// What decides whether Go's encoder writes an empty field.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct GoField {
    pub(crate) pointer: bool,
    pub(crate) omitempty: bool,
    pub(crate) omitzero: bool,
}

/// The type of one value.
#[derive(Clone, Debug)]
pub(crate) enum Type {
    /// Anything; below it every map and list is one leaf (`__untyped_atomic_`).
    AnyAtomic,
    /// Anything; maps are granular, lists are leaves (`__untyped_deduced_`).
    Deduced,
    Scalar(Scalar),
    List(Arc<ListType>),
    Map(Arc<MapType>),
    Struct(Arc<StructType>),
    /// A built-in struct by name; the flag makes this use of it atomic.
    Named(&'static str, bool),
}

/// A type together with what one value made of it: what a walker does next.
pub(crate) enum Shape<'a> {
    Leaf,
    AtomicList,
    List(&'a ListType),
    AtomicMap,
    Map(MapShape<'a>),
}

/// A granular map: a struct's fields, a map's element type, or both.
#[derive(Clone, Copy)]
pub(crate) struct MapShape<'a> {
    pub(crate) fields: Option<&'a BTreeMap<String, Field>>,
    pub(crate) elem: Option<&'a Type>,
}

impl<'a> MapShape<'a> {
    /// The declared field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&'a Field> {
        self.fields.and_then(|f| f.get(name))
    }

    /// The type of the value under a key; keys that are not declared get the element type.
    pub(crate) fn child(&self, name: &str) -> Type {
        match (self.field(name), self.elem) {
            (Some(field), _) => field.ty.clone(),
            (None, Some(elem)) => elem.clone(),
            (None, None) => Type::AnyAtomic,
        }
    }
}

static DEDUCED: Type = Type::Deduced;

impl Type {
    /// The struct behind the type, if it is one.
    pub(crate) fn as_struct(&self) -> Option<&StructType> {
        match self {
            Type::Struct(s) => Some(s),
            Type::Named(name, _) => builtin::strukt(name),
            Type::AnyAtomic | Type::Deduced | Type::Scalar(_) | Type::List(_) | Type::Map(_) => None,
        }
    }

    /// What to do with `value`, or with its absence (`None` behaves as null does).
    pub(crate) fn shape(&self, value: Option<&Value>) -> Shape<'_> {
        match self {
            Type::Scalar(_) => Shape::Leaf,
            Type::AnyAtomic => match value {
                Some(Value::Object(_)) | None | Some(Value::Null) => Shape::AtomicMap,
                Some(Value::Array(_)) => Shape::AtomicList,
                Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => Shape::Leaf,
            },
            Type::Deduced => match value {
                Some(Value::Object(_)) | None | Some(Value::Null) => {
                    Shape::Map(MapShape { fields: None, elem: Some(&DEDUCED) })
                }
                Some(Value::Array(_)) => Shape::AtomicList,
                Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => Shape::Leaf,
            },
            Type::List(list) => match list.kind {
                ListKind::Atomic => Shape::AtomicList,
                ListKind::Set | ListKind::Map(_) => Shape::List(list),
            },
            Type::Map(map) if map.atomic => Shape::AtomicMap,
            Type::Map(map) => Shape::Map(MapShape { fields: None, elem: Some(&map.elem) }),
            Type::Named(_, true) => Shape::AtomicMap,
            Type::Struct(_) | Type::Named(..) => match self.as_struct() {
                Some(s) if s.atomic => Shape::AtomicMap,
                Some(s) => Shape::Map(MapShape { fields: Some(&s.fields), elem: s.extra.as_ref() }),
                None => Shape::AtomicMap,
            },
        }
    }
}

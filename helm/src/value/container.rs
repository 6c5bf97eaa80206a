//! Lists and maps, shared by reference as Go's slices and maps are.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use super::{Str, Type, UintKind, Value};

/// A Go slice. Clones share the elements. A slice can be nil, which only JSON and `%#v` show.
#[derive(Clone)]
pub struct List {
    ty: Type,
    nil: bool,
    items: Rc<Items>,
}

/// The elements; bytes stay bytes until somebody asks for them as values.
struct Items(RefCell<Repr>);

enum Repr {
    Values(Vec<Value>),
    Bytes(Vec<u8>),
}

impl Repr {
    fn len(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    fn get(&self, index: usize) -> Option<Value> {
        match self {
            Self::Values(values) => values.get(index).cloned(),
            Self::Bytes(bytes) => bytes.get(index).map(|b| byte(*b)),
        }
    }

    fn to_vec(&self) -> Vec<Value> {
        match self {
            Self::Values(values) => values.clone(),
            Self::Bytes(bytes) => bytes.iter().map(|b| byte(*b)).collect(),
        }
    }
}

fn byte(b: u8) -> Value {
    Value::Uint(UintKind::Uint8, u64::from(b))
}

impl Drop for Items {
    fn drop(&mut self) {
        if let Repr::Values(values) = self.0.get_mut() {
            dismantle(std::mem::take(values));
        }
    }
}

impl List {
    /// A `[]interface {}`.
    pub fn new(items: Vec<Value>) -> Self {
        Self::typed(Type::LIST, items)
    }

    /// A slice of this type, a [`Type::Slice`] or a named one; the elements must be of its element type.
    pub fn typed(ty: Type, items: Vec<Value>) -> Self {
        Self { ty, nil: false, items: Rc::new(Items(RefCell::new(Repr::Values(items)))) }
    }

    /// A `[]uint8`.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        Self { ty: Type::BYTES, nil: false, items: Rc::new(Items(RefCell::new(Repr::Bytes(bytes)))) }
    }

    /// The nil slice of a type.
    pub fn nil(ty: Type) -> Self {
        Self { nil: true, ..Self::typed(ty, Vec::new()) }
    }

    /// Whether this is a nil slice.
    pub fn is_nil(&self) -> bool {
        self.nil
    }

    /// The type of the slice.
    pub fn type_of(&self) -> Type {
        self.ty
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.items.0.borrow().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One element.
    pub fn get(&self, index: usize) -> Option<Value> {
        self.items.0.borrow().get(index)
    }

    /// The elements as they are now.
    pub fn to_vec(&self) -> Vec<Value> {
        self.items.0.borrow().to_vec()
    }

    /// Looks at the elements, mostly without copying them. `look` must not change the list.
    pub fn with<T>(&self, look: impl FnOnce(&[Value]) -> T) -> T {
        match &*self.items.0.borrow() {
            Repr::Values(values) => look(values),
            bytes @ Repr::Bytes(_) => look(&bytes.to_vec()),
        }
    }

    /// Changes the elements in place, seen by everybody who holds the list (`sort.Strings`).
    pub fn change(&self, change: impl FnOnce(&mut Vec<Value>)) {
        let mut items = self.items.0.borrow_mut();
        let mut values = items.to_vec();
        if let Repr::Values(old) = &mut *items {
            values = std::mem::take(old);
        }
        change(&mut values);
        *items = Repr::Values(values);
    }

    /// The bytes of a `[]uint8`, or `None` if it is a slice of something else.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        if self.ty.underlying() != Type::BYTES {
            return None;
        }
        match &*self.items.0.borrow() {
            Repr::Bytes(bytes) => Some(bytes.clone()),
            Repr::Values(values) => {
                let byte = |v: &Value| if let Value::Uint(_, n) = v { u8::try_from(*n).ok() } else { None };
                values.iter().map(byte).collect()
            }
        }
    }

    /// The same slice under another type (a named type over the same elements).
    #[must_use]
    pub fn retyped(&self, ty: Type) -> Self {
        Self { ty, ..self.clone() }
    }

    /// Whether both are the same slice in memory.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.items, &other.items)
    }

    /// Whether the same list is held elsewhere, too.
    pub(crate) fn is_shared(&self) -> bool {
        Rc::strong_count(&self.items) > 1
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the elements: a map may hold itself.
        write!(f, "{}(len {})", self.ty, self.len())
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::new(items.into_iter().collect())
    }
}

/// A Go map with string keys. Clones share the entries; iteration is in the order of the keys.
#[derive(Clone)]
pub struct Map {
    ty: Type,
    nil: bool,
    entries: Rc<Entries>,
}

#[derive(Default)]
struct Entries(RefCell<BTreeMap<Str, Value>>);

impl Drop for Entries {
    fn drop(&mut self) {
        dismantle(self.0.take().into_values().collect());
    }
}

/// Drops values without recursion: a template can nest them deeper than any stack.
fn dismantle(mut values: Vec<Value>) {
    while let Some(value) = values.pop() {
        match value {
            Value::List(list) => {
                if let Some(mut items) = Rc::into_inner(list.items)
                    && let Repr::Values(inner) = items.0.get_mut()
                {
                    values.append(inner);
                }
            }
            Value::Map(map) => {
                if let Some(entries) = Rc::into_inner(map.entries) {
                    values.extend(entries.0.take().into_values());
                }
            }
            _ => {}
        }
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Self {
        Self::typed(Type::DICT, BTreeMap::new())
    }

    /// A map of this type, a [`Type::Map`] or a named one; the values must be of its element type.
    pub fn typed(ty: Type, entries: BTreeMap<Str, Value>) -> Self {
        Self { ty, nil: false, entries: Rc::new(Entries(RefCell::new(entries))) }
    }

    /// The nil map of a type. Writing to it is an error in Go; ask [`Map::is_nil`] first.
    pub fn nil(ty: Type) -> Self {
        Self { ty, nil: true, entries: Rc::default() }
    }

    /// Whether this is a nil map.
    pub fn is_nil(&self) -> bool {
        self.nil
    }

    /// The type of the map.
    pub fn type_of(&self) -> Type {
        self.ty
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.0.borrow().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.entries.0.borrow().get(key.as_ref()).cloned()
    }

    /// Whether the key is there.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.entries.0.borrow().contains_key(key.as_ref())
    }

    /// Sets a key in place, seen by everybody who holds the map.
    pub fn insert(&self, key: impl Into<Str>, value: Value) -> Option<Value> {
        self.entries.0.borrow_mut().insert(key.into(), value)
    }

    /// Removes a key in place.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.entries.0.borrow_mut().remove(key.as_ref())
    }

    /// The keys as they are now, in order.
    pub fn keys(&self) -> Vec<Str> {
        self.entries.0.borrow().keys().cloned().collect()
    }

    /// The entries as they are now, in the order of the keys.
    pub fn to_vec(&self) -> Vec<(Str, Value)> {
        self.entries.0.borrow().iter().map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// Looks at the entries without copying them. `look` must not change the map.
    pub fn with<T>(&self, look: impl FnOnce(&BTreeMap<Str, Value>) -> T) -> T {
        look(&self.entries.0.borrow())
    }

    /// A new map with the same entries and type; the values in it are still shared.
    #[must_use]
    pub fn shallow_copy(&self) -> Self {
        Self::typed(self.ty, self.entries.0.borrow().clone())
    }

    /// The same map under another type (a named type over the same entries).
    #[must_use]
    pub fn retyped(&self, ty: Type) -> Self {
        Self { ty, ..self.clone() }
    }

    /// Whether both are the same map in memory.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries)
    }

    /// Whether the same map is held elsewhere, too.
    pub(crate) fn is_shared(&self) -> bool {
        Rc::strong_count(&self.entries) > 1
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the entries: a map may hold itself.
        write!(f, "{}(len {})", self.ty, self.len())
    }
}

impl<K: Into<Str>> FromIterator<(K, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Self {
        Self::typed(Type::DICT, entries.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }
}

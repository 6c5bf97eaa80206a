//! Values with methods or struct fields.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use super::{Type, Value};
use crate::template::{FunctionError, Signature};

/// A Go value that is more than its parts: a struct, a pointer to one, or a named type with methods.
///
/// Whoever has such values (a library of functions, the charts) implements this for each of them.
pub trait Object: fmt::Debug + Any {
    /// The Go type, by which functions ask for it: `Struct("time.Time")`, `Pointer(&Struct("semver.Version"))`,
    /// `Named("time.Duration", &Type::INT64)`.
    fn type_of(&self) -> Type;

    /// For a named type over a plain one, the plain value: it decides about truth, length, ranging, indexing, comparing and
    /// printing. `None` for structs and pointers.
    fn underlying(&self) -> Option<Value> {
        None
    }

    /// An exported field of the struct (or of the struct pointed to).
    fn field(&self, name: &str) -> Option<Value> {
        let found = self.fields().into_iter().find(|(field, _)| *field == name);
        found.map(|(_, value)| value)
    }

    /// All fields in the order of the struct, for printing; unexported ones too.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// For a map, the value of a key; asked before what is underlying, so that a large map need not be made for one key.
    fn entry(&self, key: &[u8]) -> Option<Value> {
        self.underlying().and_then(|plain| plain.as_map().and_then(|map| map.get(key)))
    }

    /// The signature of a method, if there is one of this name. Fields come second.
    fn method(&self, _name: &str) -> Option<Signature> {
        None
    }

    /// Calls a method; the arguments have been checked against its signature.
    fn call(&self, name: &str, _args: &[Value]) -> Result<Value, FunctionError> {
        Err(FunctionError::from(format!("no method {name} in {}", self.type_of())))
    }

    /// The result of the method `String() string` (or `Error() string`), which is what `%v` and `%s` print.
    fn to_text(&self) -> Option<String> {
        None
    }

    /// As [`Object::to_text`] where only a pointer to the struct has the method, and the value has an address: a field that is
    /// printed directly, but not one that is given to a function.
    fn to_text_of_pointer(&self) -> Option<String> {
        self.to_text()
    }

    /// What `encoding/json` makes of it, as plain values (maps, lists, strings, …). Defaults to what is underlying, or the
    /// exported fields under their own names.
    fn to_json(&self) -> Value {
        let exported = |(name, _): &(&'static str, Value)| name.starts_with(char::is_uppercase);
        self.underlying().unwrap_or_else(|| Value::map(self.fields().into_iter().filter(exported)))
    }

    /// Whether `==` holds in Go, for two values of the same type; `None` if they cannot be compared.
    fn equals(&self, _other: &dyn Object) -> Option<bool> {
        None
    }
}

/// A shared object.
#[derive(Clone)]
pub struct ObjectRef(Rc<dyn Object>);

impl ObjectRef {
    /// Shares an object.
    pub fn new(object: impl Object + 'static) -> Self {
        Self(Rc::new(object))
    }

    /// The object as its Rust type.
    pub fn downcast<T: Object>(&self) -> Option<&T> {
        let any: &dyn Any = &*self.0;
        any.downcast_ref()
    }

    /// Whether both are the same object in memory.
    pub fn same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl std::ops::Deref for ObjectRef {
    type Target = dyn Object;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

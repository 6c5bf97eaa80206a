//! What Go's `reflect.Value` knows beyond a dynamic value: that it is invalid, or that it came out of an `interface {}`.

use crate::value::{Kind, List, Map, Str, Type, Value};

/// A `reflect.Value`.
#[derive(Debug, Clone)]
pub(crate) enum Reflect {
    /// The zero `reflect.Value`: what a pipeline of nil gives. It prints as `<no value>`.
    Invalid,
    /// A value of a concrete type, never nil.
    Plain(Value),
    /// A value in an `interface {}`, such as an element of a list of anything; it may be nil.
    Interface(Value),
}

impl Reflect {
    /// `reflect.ValueOf`.
    pub(crate) fn of(value: Value) -> Self {
        if value.is_nil() { Self::Invalid } else { Self::Plain(value) }
    }

    /// A value in a place of this static type: an element, a result.
    pub(crate) fn typed(value: Value, of: Type) -> Self {
        if matches!(of, Type::Any) { Self::Interface(value) } else { Self::of(value) }
    }

    /// `reflect.Zero`.
    pub(crate) fn zero(of: Type) -> Self {
        Self::typed(zero_value(of), of)
    }

    /// The value in an interface, or the invalid value for nil; anything else is itself. Go: `indirectInterface`.
    pub(crate) fn indirect_interface(self) -> Self {
        match self {
            Self::Interface(value) => Self::of(value),
            other => other,
        }
    }

    /// The dynamic value; nil for what is invalid.
    pub(crate) fn value(&self) -> &Value {
        match self {
            Self::Invalid => &Value::Nil,
            Self::Plain(value) | Self::Interface(value) => value,
        }
    }

    /// The dynamic value; nil for what is invalid.
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Invalid => Value::Nil,
            Self::Plain(value) | Self::Interface(value) => value,
        }
    }

    /// The static type; none for what is invalid.
    pub(crate) fn type_of(&self) -> Option<Type> {
        match self {
            Self::Invalid => None,
            Self::Plain(value) => value.type_of(),
            Self::Interface(_) => Some(Type::Any),
        }
    }

    /// The name of the static type.
    pub(crate) fn type_name(&self) -> String {
        self.type_of().map_or_else(|| "<nil>".to_owned(), |of| of.to_string())
    }

    /// Truth of what it holds. Go: `truth`.
    pub(crate) fn truth(&self) -> bool {
        self.value().truth()
    }
}

/// The zero value of a type, as a dynamic value.
fn zero_value(of: Type) -> Value {
    match of {
        Type::Bool => Value::Bool(false),
        Type::Int(kind) => Value::Int(kind, 0),
        Type::Uint(kind) => Value::Uint(kind, 0),
        Type::Float64 => Value::Float(0.0),
        Type::Complex128 => Value::Complex(0.0, 0.0),
        Type::String => Value::String(Str::from("")),
        Type::Named(_, under) if !matches!(under.kind(), Kind::Slice | Kind::Map) => zero_value(*under),
        Type::Slice(_) | Type::Named(..) if of.kind() == Kind::Slice => Value::List(List::nil(of)),
        Type::Map(_) | Type::Named(..) => Value::Map(Map::nil(of)),
        _ => Value::Nil,
    }
}

//! Go's types and kinds, as far as templates can tell them apart.

use std::fmt;

/// The signed integer kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntKind {
    /// `int` (64 bits here).
    Int,
    /// `int8`.
    Int8,
    /// `int16`.
    Int16,
    /// `int32`.
    Int32,
    /// `int64`.
    Int64,
}

/// The unsigned integer kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UintKind {
    /// `uint` (64 bits here).
    Uint,
    /// `uint8`, a byte.
    Uint8,
    /// `uint16`.
    Uint16,
    /// `uint32`.
    Uint32,
    /// `uint64`.
    Uint64,
}

/// What `reflect.Kind` tells; [`Display`](fmt::Display) prints it as `kindOf` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The kind of nil.
    Invalid,
    /// Booleans.
    Bool,
    /// Signed integers.
    Int(IntKind),
    /// Unsigned integers.
    Uint(UintKind),
    /// `float64`.
    Float64,
    /// `complex128`.
    Complex128,
    /// Strings.
    String,
    /// Slices.
    Slice,
    /// Maps.
    Map,
    /// Structs.
    Struct,
    /// Pointers, printed `ptr`.
    Pointer,
    /// Interfaces: the static type of what maps and lists of anything hold.
    Interface,
    /// Functions.
    Func,
}

/// A Go type. [`Display`](fmt::Display) prints its name as Go does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `interface {}`.
    Any,
    /// `reflect.Value`: a parameter that takes even the invalid value. Only for the functions of `text/template` itself.
    Reflect,
    /// `bool`.
    Bool,
    /// A signed integer.
    Int(IntKind),
    /// An unsigned integer.
    Uint(UintKind),
    /// `float64`.
    Float64,
    /// `complex128`.
    Complex128,
    /// `string`.
    String,
    /// A slice of this element type.
    Slice(&'static Type),
    /// A map from strings to this element type.
    Map(&'static Type),
    /// A named type and what is behind the name: `Named("common.Values", &Type::DICT)`.
    Named(&'static str, &'static Type),
    /// A struct type by its name: `Struct("time.Time")`.
    Struct(&'static str),
    /// A pointer to a type: `Pointer(&Type::Struct("semver.Version"))` is `*semver.Version`.
    Pointer(&'static Type),
    /// An interface type with methods, by its name: `Interface("error")`.
    Interface(&'static str),
}

impl Type {
    /// `int`.
    pub const INT: Self = Self::Int(IntKind::Int);
    /// `int64`.
    pub const INT64: Self = Self::Int(IntKind::Int64);
    /// `[]interface {}`.
    pub const LIST: Self = Self::Slice(&Self::Any);
    /// `[]string`.
    pub const STRINGS: Self = Self::Slice(&Self::String);
    /// `[]uint8`.
    pub const BYTES: Self = Self::Slice(&Self::Uint(UintKind::Uint8));
    /// `map[string]interface {}`.
    pub const DICT: Self = Self::Map(&Self::Any);
    /// `map[string]string`.
    pub const STRING_MAP: Self = Self::Map(&Self::String);

    /// The kind of values of this type.
    pub fn kind(self) -> Kind {
        match self {
            Self::Any | Self::Interface(_) => Kind::Interface,
            Self::Reflect | Self::Struct(_) => Kind::Struct,
            Self::Bool => Kind::Bool,
            Self::Int(kind) => Kind::Int(kind),
            Self::Uint(kind) => Kind::Uint(kind),
            Self::Float64 => Kind::Float64,
            Self::Complex128 => Kind::Complex128,
            Self::String => Kind::String,
            Self::Slice(_) => Kind::Slice,
            Self::Map(_) => Kind::Map,
            Self::Named(_, of) => of.kind(),
            Self::Pointer(_) => Kind::Pointer,
        }
    }

    /// The type behind a name; any other type is itself.
    pub fn underlying(self) -> Self {
        match self {
            Self::Named(_, of) => of.underlying(),
            other => other,
        }
    }

    /// The element type of a slice or map.
    pub fn element(self) -> Option<Self> {
        match self.underlying() {
            Self::Slice(of) | Self::Map(of) => Some(*of),
            _ => None,
        }
    }

    /// Whether nil may stand for a value of this type. Go: `text/template/exec.go`, `canBeNil`.
    pub fn can_be_nil(self) -> bool {
        matches!(self, Self::Reflect)
            || matches!(self.kind(), Kind::Interface | Kind::Map | Kind::Pointer | Kind::Slice | Kind::Func)
    }

    /// Whether a value of this type may be given where `to` is asked for (`reflect.Type.AssignableTo`): the same type, an
    /// interface, or the same underlying type where one of the two has no name.
    pub fn assignable_to(self, to: Self) -> bool {
        if matches!(to, Self::Any) || self == to {
            return true;
        }
        let unnamed = |t: Self| matches!(t, Self::Slice(_) | Self::Map(_));
        (unnamed(self) || unnamed(to)) && self.underlying() == to.underlying()
    }
}

impl fmt::Display for IntKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Int => "int",
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
        })
    }
}

impl fmt::Display for UintKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uint => "uint",
            Self::Uint8 => "uint8",
            Self::Uint16 => "uint16",
            Self::Uint32 => "uint32",
            Self::Uint64 => "uint64",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid",
            Self::Bool => "bool",
            Self::Int(kind) => return kind.fmt(f),
            Self::Uint(kind) => return kind.fmt(f),
            Self::Float64 => "float64",
            Self::Complex128 => "complex128",
            Self::String => "string",
            Self::Slice => "slice",
            Self::Map => "map",
            Self::Struct => "struct",
            Self::Pointer => "ptr",
            Self::Interface => "interface",
            Self::Func => "func",
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("interface {}"),
            Self::Reflect => f.write_str("reflect.Value"),
            Self::Slice(of) => write!(f, "[]{of}"),
            Self::Map(of) => write!(f, "map[string]{of}"),
            Self::Pointer(of) => write!(f, "*{of}"),
            Self::Named(name, _) | Self::Struct(name) | Self::Interface(name) => f.write_str(name),
            Self::Bool | Self::Int(_) | Self::Uint(_) | Self::Float64 | Self::Complex128 | Self::String => {
                self.kind().fmt(f)
            }
        }
    }
}

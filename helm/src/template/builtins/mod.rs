//! The functions of the template language itself. Go: `text/template/funcs.go`.

mod compare;
mod escape;
mod index;

use super::error::FunctionError;
use super::exec::reflect::Reflect;
use super::function::Signature;
use super::print;
use crate::value::{Kind, Type, Value};

pub use escape::{html_escape, js_escape, query_escape};

/// One of these functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builtin {
    And,
    Call,
    Eq,
    Ge,
    Gt,
    Html,
    Index,
    Js,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Print,
    Printf,
    Println,
    Slice,
    UrlQuery,
}

/// What a builtin gives.
pub(super) type Result<T> = std::result::Result<T, FunctionError>;

impl Builtin {
    /// The function of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "and" => Self::And,
            "call" => Self::Call,
            "eq" => Self::Eq,
            "ge" => Self::Ge,
            "gt" => Self::Gt,
            "html" => Self::Html,
            "index" => Self::Index,
            "js" => Self::Js,
            "le" => Self::Le,
            "len" => Self::Len,
            "lt" => Self::Lt,
            "ne" => Self::Ne,
            "not" => Self::Not,
            "or" => Self::Or,
            "print" => Self::Print,
            "printf" => Self::Printf,
            "println" => Self::Println,
            "slice" => Self::Slice,
            "urlquery" => Self::UrlQuery,
            _ => return None,
        })
    }

    pub(crate) fn signature(self) -> Signature {
        use Type::{Any, Bool, Reflect};
        match self {
            Self::And | Self::Or | Self::Call | Self::Index | Self::Slice => {
                Signature::variadic(&[Reflect, Reflect], Reflect)
            }
            Self::Eq => Signature::variadic(&[Reflect, Reflect], Bool),
            Self::Ge | Self::Gt | Self::Le | Self::Lt | Self::Ne => Signature::new(&[Reflect, Reflect], Bool),
            Self::Not => Signature::new(&[Reflect], Bool),
            Self::Len => Signature::new(&[Reflect], Type::INT),
            Self::Printf => Signature::variadic(&[Type::String, Any], Type::String),
            Self::Html | Self::Js | Self::UrlQuery | Self::Print | Self::Println => {
                Signature::variadic(&[Any], Type::String)
            }
        }
    }

    /// Calls it; `callee` is how `call` names what it was given.
    pub(crate) fn call(self, callee: &str, args: Vec<Reflect>) -> Result<Reflect> {
        let boolean = |b: bool| Reflect::Plain(Value::Bool(b));
        match self {
            // The executor short-circuits these two.
            Self::And | Self::Or => Ok(Reflect::Invalid),
            Self::Call => call(callee, args),
            Self::Eq => compare::eq(args).map(boolean),
            Self::Ne => compare::eq(args).map(|equal| boolean(!equal)),
            Self::Lt => compare::lt(args).map(boolean),
            Self::Le => compare::le(args).map(boolean),
            Self::Gt => compare::le(args).map(|less_or_equal| boolean(!less_or_equal)),
            Self::Ge => compare::lt(args).map(|less| boolean(!less)),
            Self::Not => Ok(boolean(!args.first().is_some_and(Reflect::truth))),
            Self::Index => index::index(args),
            Self::Slice => index::slice(args),
            Self::Len => index::len(args),
            Self::Print => print::sprint(&values(args)).map(text),
            Self::Println => print::sprintln(&values(args)).map(text),
            Self::Printf => {
                let args = values(args);
                match args.split_first() {
                    Some((Value::String(format), rest)) => print::sprintf(format.as_bytes(), rest).map(text),
                    _ => Err("printf needs a format".into()),
                }
            }
            Self::Html => joined(args).map(|s| text(html_escape(&s))),
            Self::Js => joined(args).map(|s| text(js_escape(&s))),
            Self::UrlQuery => joined(args).map(|s| text(query_escape(&s))),
        }
    }
}

fn values(args: Vec<Reflect>) -> Vec<Value> {
    args.into_iter().map(Reflect::into_value).collect()
}

fn text(bytes: Vec<u8>) -> Reflect {
    Reflect::Plain(Value::String(bytes.into()))
}

/// The arguments as one text; nil is `<no value>` here. Go: `evalArgs`.
fn joined(args: Vec<Reflect>) -> Result<Vec<u8>> {
    let printable = |value: Value| if value.is_nil() { Value::from("<no value>") } else { value };
    let args: Vec<Value> = values(args).into_iter().map(printable).collect();
    print::sprint(&args)
}

/// There are no values that are functions, so this can only say so.
fn call(callee: &str, args: Vec<Reflect>) -> Result<Reflect> {
    let called = args.into_iter().next().unwrap_or(Reflect::Invalid).indirect_interface();
    match called.type_of() {
        None => Err("call of nil".into()),
        Some(of) => Err(format!("non-function {callee} of type {of}").into()),
    }
}

/// The kinds that comparisons tell apart. Go: `basicKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basic {
    Invalid,
    Bool,
    Complex,
    Int,
    Float,
    String,
    Uint,
}

pub(super) fn basic(value: &Reflect) -> Basic {
    match value.value().kind() {
        Kind::Bool => Basic::Bool,
        Kind::Int(_) => Basic::Int,
        Kind::Uint(_) => Basic::Uint,
        Kind::Float64 => Basic::Float,
        Kind::Complex128 => Basic::Complex,
        Kind::String => Basic::String,
        _ => Basic::Invalid,
    }
}

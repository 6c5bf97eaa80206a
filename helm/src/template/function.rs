//! How functions are declared and called: with Go signatures, so that the executor checks arguments as Go does.

use std::any::Any;
use std::fmt;

use super::error::{ExecError, FunctionError};
use super::parse::ParseError;
use crate::value::{Str, Type, Value};

/// The types of the parameters and of the result, as in Go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    /// The parameters. The last one of a variadic function is the type of *one* of the further arguments (Go's `...string` is
    /// [`Type::String`] here).
    pub params: &'static [Type],
    /// Whether the last parameter takes any number of arguments.
    pub variadic: bool,
    /// The static type of the result (without the error). It decides whether nil is possible and shows in error texts.
    pub result: Type,
}

impl Signature {
    /// A function with exactly these parameters.
    pub const fn new(params: &'static [Type], result: Type) -> Self {
        Self { params, variadic: false, result }
    }

    /// A function whose last parameter may be repeated or left out.
    pub const fn variadic(params: &'static [Type], result: Type) -> Self {
        Self { params, variadic: true, result }
    }
}

/// A function of a template.
///
/// The executor checks number and types of the arguments against the signature before it calls. A function then gets, for
/// each parameter type: [`Type::Any`] anything, nil included; a plain type exactly that variant of [`Value`]; a slice or map
/// type a list or map of that (or a named) type, possibly the nil one; a struct or pointer type an object of that type.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name in templates.
    pub name: &'static str,
    /// Its Go signature.
    pub signature: Signature,
    /// What is called.
    pub callee: Callee,
}

/// What is called: a pure function of its arguments, or one that needs to know where and by whom it is called.
#[derive(Clone, Copy)]
pub enum Callee {
    /// Only the arguments count.
    Pure(fn(&[Value]) -> Result<Value, FunctionError>),
    /// As [`Callee::Pure`], but it may go through all that the arguments hold, at every depth: what that is counts against
    /// the limit of the render before the call, and what comes out after it.
    Deep(fn(&[Value]) -> Result<Value, FunctionError>),
    /// The call itself matters: the environment of the render, the place of the call.
    Call(fn(&mut dyn Call, &[Value]) -> Result<Value, FunctionError>),
}

impl fmt::Debug for Callee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pure(_) => "Pure",
            Self::Deep(_) => "Deep",
            Self::Call(_) => "Call",
        })
    }
}

impl Function {
    /// A pure function.
    pub const fn pure(
        name: &'static str,
        signature: Signature,
        callee: fn(&[Value]) -> Result<Value, FunctionError>,
    ) -> Self {
        Self { name, signature, callee: Callee::Pure(callee) }
    }

    /// A pure function that goes through all that its arguments hold.
    pub const fn deep(
        name: &'static str,
        signature: Signature,
        callee: fn(&[Value]) -> Result<Value, FunctionError>,
    ) -> Self {
        Self { name, signature, callee: Callee::Deep(callee) }
    }

    /// A function that looks at its call.
    pub const fn call(
        name: &'static str,
        signature: Signature,
        callee: fn(&mut dyn Call, &[Value]) -> Result<Value, FunctionError>,
    ) -> Self {
        Self { name, signature, callee: Callee::Call(callee) }
    }
}

/// Where a function is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of the template being executed, which is that of its file or of its `define`.
    pub template: String,
    /// The file (parse name) that holds the call.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

/// What a function can ask about its call.
pub trait Call {
    /// The environment that the caller of the render passed in (for Helm: seed, time, mode, …). Downcast it.
    fn environment(&self) -> &dyn Any;

    /// Where the call stands.
    fn place(&self) -> Place;

    /// How many calls of functions the render has made before this one. With [`Call::place`] it tells calls apart that stand
    /// at one place (in a `range`), and it is the same for the same inputs.
    fn count(&self) -> u64;

    /// Executes the named template with this data and returns its output (`include`).
    fn execute(&mut self, name: &str, data: &Value) -> Result<Str, FunctionError>;

    /// Parses a text as a template in a copy of the current set, whose definitions only it and what it calls can see, and
    /// executes it (`tpl`).
    fn execute_text(&mut self, text: &Str, data: &Value) -> Result<Str, TextError>;

    /// Counts bytes that a function is about to make against the limit of the render. Call it before making something whose
    /// size an argument chooses (`repeat`, `until`, `indent`).
    fn reserve(&mut self, bytes: usize) -> Result<(), FunctionError>;

    /// Counts all that a value holds against the limit of the render, as for [`Callee::Deep`].
    fn weigh(&mut self, value: &Value) -> Result<(), FunctionError>;
}

/// Why a text given to a function could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextError {
    /// It is no template.
    Parse(ParseError),
    /// It failed.
    Execute(ExecError),
}

impl From<TextError> for FunctionError {
    fn from(error: TextError) -> Self {
        match error {
            TextError::Parse(error) => error.to_string().into(),
            TextError::Execute(error) => error.into(),
        }
    }
}

/// Where the functions come from. A name that is not there is an error when a template is parsed.
pub trait Functions: fmt::Debug + Send + Sync {
    /// The function of this name.
    fn get(&self, name: &str) -> Option<&Function>;

    /// The method of a named map type, called with the map as its first argument, which its signature does not have.
    fn method(&self, _of: Type, _name: &str) -> Option<&Function> {
        None
    }
}

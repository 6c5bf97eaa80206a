//! Go's `text/template`: it knows nothing of Helm.
//!
//! A set of [`Templates`] is parsed once, may be shared between threads, and is executed any number of times, each time with
//! values, [`Options`] and an environment of its own ([`Run`]).
//!
//! - `parse`: from text to trees.
//! - `exec`: the execution of trees.
//! - [`print`]: Go's `fmt`.
//! - `builtins`: the functions of the language itself; all others come from outside, as [`Functions`].

mod builtins;
mod error;
mod exec;
mod function;
mod parse;
pub mod print;
mod set;

pub use builtins::{html_escape, js_escape, query_escape};
pub use error::{ExecError, FunctionError};
pub use exec::{Limits, MissingKey, Options, Run, Spent};
pub use function::{Call, Callee, Function, Functions, Place, Signature, TextError};
pub use parse::{Delimiters, ParseError};
pub use set::Templates;

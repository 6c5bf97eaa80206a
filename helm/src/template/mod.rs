//! Go's `text/template`: it knows nothing of Helm.

mod function;
pub mod print;

pub use function::{Call, Callee, Function, FunctionError, Functions, Place, Signature};

//! Values as Go's `fmt` prints them.

use crate::template::print;
use crate::value::Value;

/// `%v`. What is too large or too deep to be printed is cut to nothing by the printer's own limit.
pub(super) fn display(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.as_bytes().to_vec(),
        other => print::sprint(std::slice::from_ref(other)).unwrap_or_default(),
    }
}

/// `%q` of a string.
pub(super) fn quote(bytes: &[u8]) -> String {
    print::quote(bytes)
}

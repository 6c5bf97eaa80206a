//! Go's `fmt`: `Sprint`, `Sprintln`, `Sprintf` over dynamic values. Go: `fmt/print.go`.

mod float;
mod format;
mod printf;
mod quote;
#[cfg(test)]
mod tests;
mod value;

pub use float::format_float;
pub use quote::{is_letter_or_digit, is_print, quote, quote_ascii};

use super::FunctionError;
use crate::value::{Kind, Value};
use format::Format;

/// The largest text that one call makes, in bytes. A list that holds another twice, over and over, prints without end.
pub const MAX_TEXT: usize = 16 << 20;

/// `fmt.Sprint`: the values in their default format, with spaces between two that are not strings.
///
/// # Errors
///
/// The text would be larger than [`MAX_TEXT`], or the values nest too deep (a map that holds itself).
pub fn sprint(args: &[Value]) -> Result<Vec<u8>, FunctionError> {
    let mut printer = Printer::default();
    let mut previous_string = false;
    for (n, arg) in args.iter().enumerate() {
        let string = arg.kind() == Kind::String;
        if n > 0 && !string && !previous_string {
            printer.format.buffer.push(b' ');
        }
        printer.print_arg(arg, 'v');
        previous_string = string;
    }
    printer.finish()
}

/// A value as a template prints it: as [`sprint`], but what a pointer points to rather than the pointer. Go:
/// `text/template/exec.go`, `printableValue`.
///
/// # Errors
///
/// As [`sprint`].
pub fn sprint_indirect(value: &Value) -> Result<Vec<u8>, FunctionError> {
    let mut printer = Printer::default();
    printer.print_indirect(value);
    printer.finish()
}

/// `fmt.Sprintln`: the values in their default format, with spaces between and a newline at the end.
///
/// # Errors
///
/// As [`sprint`].
pub fn sprintln(args: &[Value]) -> Result<Vec<u8>, FunctionError> {
    let mut printer = Printer::default();
    for (n, arg) in args.iter().enumerate() {
        if n > 0 {
            printer.format.buffer.push(b' ');
        }
        printer.print_arg(arg, 'v');
    }
    printer.format.buffer.push(b'\n');
    printer.finish()
}

/// `fmt.Sprintf`: `%` verbs with flags, widths, precisions and argument numbers. What is wrong with the format or its arguments
/// shows in the text, as in Go (`%!d(string=hi)`).
///
/// # Errors
///
/// As [`sprint`].
pub fn sprintf(format: &[u8], args: &[Value]) -> Result<Vec<u8>, FunctionError> {
    let mut printer = Printer::default();
    printer.run(format, args);
    printer.finish()
}

/// Go's `pp`: the state of one call.
#[derive(Debug, Default)]
struct Printer {
    format: Format,
    /// The format named its arguments by number.
    reordered: bool,
    /// The last such number was one of an argument.
    good_number: bool,
    /// An error text is being printed, in which no method is called.
    erroring: bool,
    /// What stopped the printing: too large or too deep.
    stopped: Option<&'static str>,
}

impl Printer {
    fn finish(self) -> Result<Vec<u8>, FunctionError> {
        match self.stopped {
            Some(why) => Err(FunctionError::from(why)),
            None => Ok(self.format.buffer),
        }
    }
}

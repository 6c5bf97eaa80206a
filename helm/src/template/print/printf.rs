//! Format strings. Go: `fmt/print.go`, `doPrintf`.

use super::Printer;
use super::format::Flags;
use crate::value::Value;

/// Widths, precisions and argument numbers larger than this count as none.
const TOO_LARGE: i64 = 1_000_000;

/// Where the work stands: in the format and among the arguments.
struct Cursor<'a> {
    format: &'a [u8],
    at: usize,
    args: &'a [Value],
    number: usize,
    /// What came last was an argument number such as `[3]`.
    after_index: bool,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    /// A decimal number, if there is one. Go: `parsenum`.
    fn number(&mut self) -> Option<usize> {
        let mut number: Option<i64> = None;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            if number.is_some_and(|n| n > TOO_LARGE) {
                self.at = self.format.len();
                return None;
            }
            number = Some(number.unwrap_or(0) * 10 + i64::from(digit - b'0'));
            self.at += 1;
        }
        number.and_then(|n| usize::try_from(n).ok())
    }

    /// The next argument as an integer, for `*`. Go: `intFromArg`.
    fn integer(&mut self) -> Option<i64> {
        let arg = self.args.get(self.number)?;
        self.number += 1;
        let number = match arg.underlying() {
            Value::Int(_, n) => Some(n),
            Value::Uint(_, n) => i64::try_from(n).ok(),
            _ => None,
        };
        number.filter(|n| (-TOO_LARGE..=TOO_LARGE).contains(n))
    }
}

impl Printer {
    /// `Sprintf`, into the buffer.
    pub(super) fn run(&mut self, format: &[u8], args: &[Value]) {
        let mut cursor = Cursor { format, at: 0, args, number: 0, after_index: false };
        while cursor.at < format.len() && self.stopped.is_none() {
            self.good_number = true;
            let plain = format[cursor.at..].iter().position(|b| *b == b'%').unwrap_or(format.len() - cursor.at);
            self.format.buffer.extend_from_slice(&format[cursor.at..cursor.at + plain]);
            cursor.at += plain + 1;
            if cursor.at > format.len() {
                break;
            }
            self.directive(&mut cursor);
        }
        if !self.reordered && cursor.number < args.len() {
            self.extra(&args[cursor.number..]);
        }
    }

    /// One directive, after its `%`.
    fn directive(&mut self, cursor: &mut Cursor<'_>) {
        self.format.flags = Flags::default();
        while let Some(flag) = cursor.peek() {
            match flag {
                b'#' => self.format.flags.sharp = true,
                b'0' => self.format.flags.zero = true,
                b'+' => self.format.flags.plus = true,
                b'-' => self.format.flags.minus = true,
                b' ' => self.format.flags.space = true,
                _ => break,
            }
            cursor.at += 1;
        }
        self.argument_number(cursor);
        self.width(cursor);
        self.precision(cursor);
        if !cursor.after_index {
            self.argument_number(cursor);
        }
        self.verb(cursor);
    }

    fn width(&mut self, cursor: &mut Cursor<'_>) {
        if cursor.peek() == Some(b'*') {
            cursor.at += 1;
            let width = cursor.integer();
            if width.is_none() {
                self.format.text("%!(BADWIDTH)");
            }
            if width.is_some_and(|n| n < 0) {
                self.format.flags.minus = true;
                self.format.flags.zero = false;
            }
            self.format.flags.width = width.and_then(|n| usize::try_from(n.abs()).ok());
            cursor.after_index = false;
        } else {
            self.format.flags.width = cursor.number();
            if cursor.after_index && self.format.flags.width.is_some() {
                self.good_number = false;
            }
        }
    }

    fn precision(&mut self, cursor: &mut Cursor<'_>) {
        if cursor.peek() != Some(b'.') || cursor.at + 1 >= cursor.format.len() {
            return;
        }
        cursor.at += 1;
        if cursor.after_index {
            self.good_number = false;
        }
        self.argument_number(cursor);
        if cursor.peek() == Some(b'*') {
            cursor.at += 1;
            let precision = cursor.integer().filter(|n| *n >= 0);
            if precision.is_none() {
                self.format.text("%!(BADPREC)");
            }
            self.format.flags.precision = precision.and_then(|n| usize::try_from(n).ok());
            cursor.after_index = false;
        } else {
            self.format.flags.precision = Some(cursor.number().unwrap_or(0));
        }
    }

    /// An argument number such as `[3]`, if there is one. Go: `argNumber`.
    fn argument_number(&mut self, cursor: &mut Cursor<'_>) {
        cursor.after_index = false;
        if cursor.peek() != Some(b'[') {
            return;
        }
        self.reordered = true;
        let rest = &cursor.format[cursor.at..];
        let Some(close) = rest.iter().position(|b| *b == b']') else {
            self.good_number = false;
            cursor.at += 1;
            return;
        };
        let inside = std::str::from_utf8(&rest[1..close]).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let number = inside.and_then(|text| text.parse::<usize>().ok()).filter(|n| *n <= 10_000_000);
        cursor.at += close + 1;
        cursor.after_index = number.is_some();
        match number.and_then(|n| n.checked_sub(1)).filter(|n| *n < cursor.args.len()) {
            Some(number) => cursor.number = number,
            None => self.good_number = false,
        }
    }

    fn verb(&mut self, cursor: &mut Cursor<'_>) {
        let rest = &cursor.format[cursor.at..];
        if rest.is_empty() {
            self.format.text("%!(NOVERB)");
            return;
        }
        let valid = rest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
        cursor.at += valid.map_or(1, char::len_utf8);
        let verb = valid.unwrap_or(char::REPLACEMENT_CHARACTER);
        if verb == '%' {
            self.format.buffer.push(b'%');
        } else if !self.good_number {
            self.format.text(&format!("%!{verb}(BADINDEX)"));
        } else if let Some(arg) = cursor.args.get(cursor.number) {
            if matches!(verb, 'v' | 'w') {
                let flags = &mut self.format.flags;
                flags.sharp_v = std::mem::take(&mut flags.sharp);
                flags.plus_v = std::mem::take(&mut flags.plus);
            }
            self.print_arg(arg, verb);
            cursor.number += 1;
        } else {
            self.format.text(&format!("%!{verb}(MISSING)"));
        }
    }

    /// The arguments that the format did not use.
    fn extra(&mut self, args: &[Value]) {
        self.format.flags = Flags::default();
        self.format.text("%!(EXTRA ");
        for (n, arg) in args.iter().enumerate() {
            if n > 0 {
                self.format.text(", ");
            }
            if arg.is_nil() {
                self.format.text("<nil>");
            } else {
                self.format.text(&arg.type_name());
                self.format.text("=");
                self.print_arg(arg, 'v');
            }
        }
        self.format.text(")");
    }
}

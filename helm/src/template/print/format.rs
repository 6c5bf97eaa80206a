//! The formatting of single values with flags, width and precision. Go: `fmt/format.go`.

use super::quote::{quote, quote_ascii, quote_char};
use crate::template::print::{float, is_print};

pub(super) const LOWER: &[u8; 17] = b"0123456789abcdefx";
pub(super) const UPPER: &[u8; 17] = b"0123456789ABCDEFX";

/// The flags of one verb.
#[derive(Debug, Default, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "they are Go's flags, each a character of the format")]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) minus: bool,
    pub(super) plus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`.
    pub(super) plus_v: bool,
    /// `%#v`.
    pub(super) sharp_v: bool,
}

/// Go's `fmt.fmt`: flags and the text so far.
#[derive(Debug, Default)]
pub(super) struct Format {
    pub(super) buffer: Vec<u8>,
    pub(super) flags: Flags,
}

/// The number of characters as Go counts them: a byte that is part of none counts as one.
fn rune_count(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// The bytes of the first `count` characters.
fn truncated(bytes: &[u8], count: Option<usize>) -> &[u8] {
    let Some(count) = count else { return bytes };
    let mut left = count;
    let mut end = 0;
    for chunk in bytes.utf8_chunks() {
        let sizes = chunk.valid().chars().map(char::len_utf8).chain(chunk.invalid().iter().map(|_| 1));
        for size in sizes {
            if left == 0 {
                return &bytes[..end];
            }
            left -= 1;
            end += size;
        }
    }
    bytes
}

impl Format {
    pub(super) fn text(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }

    fn padding(&mut self, count: usize) {
        let byte = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        self.buffer.resize(self.buffer.len() + count, byte);
    }

    /// Appends with padding to the width.
    pub(super) fn pad(&mut self, bytes: &[u8]) {
        let padding = self.flags.width.unwrap_or(0).saturating_sub(rune_count(bytes));
        if self.flags.minus {
            self.buffer.extend_from_slice(bytes);
            self.padding(padding);
        } else {
            self.padding(padding);
            self.buffer.extend_from_slice(bytes);
        }
    }

    fn pad_with_spaces(&mut self, bytes: &[u8]) {
        let zero = std::mem::replace(&mut self.flags.zero, false);
        self.pad(bytes);
        self.flags.zero = zero;
    }

    /// `%s`.
    pub(super) fn string(&mut self, bytes: &[u8]) {
        self.pad(truncated(bytes, self.flags.precision));
    }

    /// `%q` of a string.
    pub(super) fn quoted(&mut self, bytes: &[u8]) {
        let bytes = truncated(bytes, self.flags.precision);
        if self.flags.sharp && can_backquote(bytes) {
            self.pad(&[b"`", bytes, b"`"].concat());
        } else if self.flags.plus {
            self.pad(quote_ascii(bytes).as_bytes());
        } else {
            self.pad(quote(bytes).as_bytes());
        }
    }

    /// `%x` of a string.
    pub(super) fn hex(&mut self, bytes: &[u8], digits: &[u8; 17]) {
        let bytes = &bytes[..self.flags.precision.unwrap_or(usize::MAX).min(bytes.len())];
        let Flags { width, minus, sharp, space, .. } = self.flags;
        if bytes.is_empty() {
            self.padding(width.unwrap_or(0));
            return;
        }
        let mut text = Vec::with_capacity(bytes.len() * 2);
        for (i, byte) in bytes.iter().enumerate() {
            if space && i > 0 {
                text.push(b' ');
            }
            if sharp && (space || i == 0) {
                text.extend([b'0', digits[16]]);
            }
            text.extend([digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
        }
        let padding = width.unwrap_or(0).saturating_sub(text.len());
        if minus {
            self.buffer.append(&mut text);
            self.padding(padding);
        } else {
            self.padding(padding);
            self.buffer.append(&mut text);
        }
    }

    /// `%c`.
    pub(super) fn character(&mut self, code: u64) {
        let c = u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.pad(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// `%q` of a number.
    pub(super) fn quoted_character(&mut self, code: u64) {
        let c = u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        let text = quote_char(c, self.flags.plus);
        self.pad(text.as_bytes());
    }

    /// `%U`.
    pub(super) fn unicode(&mut self, code: u64) {
        let digits = self.flags.precision.filter(|p| *p > 4).unwrap_or(4);
        let mut text = format!("U+{code:0digits$X}");
        if self.flags.sharp
            && let Some(c) = u32::try_from(code).ok().and_then(char::from_u32)
            && is_print(c)
        {
            text.push_str(" '");
            text.push(c);
            text.push('\'');
        }
        self.pad_with_spaces(text.as_bytes());
    }

    /// An integer in a base of 2, 8, 10 or 16.
    pub(super) fn integer(&mut self, magnitude: u64, negative: bool, base: u32, verb: char, digits: &[u8; 17]) {
        let Flags { width, precision, minus, plus, sharp, space, zero, .. } = self.flags;
        let mut least = 0;
        if let Some(precision) = precision {
            least = precision;
            if precision == 0 && magnitude == 0 {
                // No digits at all, only the padding.
                let zero = std::mem::replace(&mut self.flags.zero, false);
                self.padding(width.unwrap_or(0));
                self.flags.zero = zero;
                return;
            }
        } else if let Some(width) = width
            && zero
            && !minus
        {
            least = width - usize::from((negative || plus || space) && width > 0);
        }
        let number = match base {
            2 => format!("{magnitude:0least$b}"),
            8 => format!("{magnitude:0least$o}"),
            16 if digits[16] == b'X' => format!("{magnitude:0least$X}"),
            16 => format!("{magnitude:0least$x}"),
            _ => format!("{magnitude:0least$}"),
        };
        let mut text = String::with_capacity(number.len() + 3);
        if negative {
            text.push('-');
        } else if plus {
            text.push('+');
        } else if space {
            text.push(' ');
        }
        if verb == 'O' {
            text.push_str("0o");
        }
        match base {
            2 if sharp => text.push_str("0b"),
            8 if sharp && !number.starts_with('0') => text.push('0'),
            16 if sharp => text.extend(['0', char::from(digits[16])]),
            _ => {}
        }
        text.push_str(&number);
        self.pad_with_spaces(text.as_bytes());
    }

    /// A float by one of `strconv`'s verbs; `None` is the shortest text that reads back as the same number.
    pub(super) fn float(&mut self, value: f64, verb: char, precision: Option<usize>) {
        let precision = self.flags.precision.or(precision);
        let mut number = float::format_float(value, verb, precision);
        if !number.starts_with(['-', '+']) {
            number.insert(0, '+');
        }
        let Flags { plus, space, sharp, zero, minus, width, .. } = self.flags;
        if space && number.starts_with('+') && !plus {
            number.replace_range(..1, " ");
        }
        if matches!(number.as_bytes().get(1), Some(b'I' | b'N')) {
            let from = usize::from(number.as_bytes()[1] == b'N' && !space && !plus);
            self.pad_with_spaces(&number.as_bytes()[from..]);
            return;
        }
        if sharp && verb != 'b' {
            number = float::with_point(&number, verb, precision);
        }
        if !plus && number.starts_with('+') {
            self.pad(&number.as_bytes()[1..]);
            return;
        }
        // The sign comes before padding with zeros.
        if zero && !minus && width.is_some_and(|width| width > number.len()) {
            self.buffer.push(number.as_bytes()[0]);
            self.padding(width.unwrap_or(0) - number.len());
            self.buffer.extend_from_slice(&number.as_bytes()[1..]);
            return;
        }
        self.pad(number.as_bytes());
    }
}

/// Go: `strconv.CanBackquote`.
fn can_backquote(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes)
        .is_ok_and(|text| text.chars().all(|c| c != '\u{feff}' && (c == '\t' || c >= ' ') && c != '`' && c != '\u{7f}'))
}

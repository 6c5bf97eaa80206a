//! Lists and mappings in brackets, on one line, of simple words and quoted texts.

use std::borrow::Cow;
use std::ops::ControlFlow;

use granit_parser::ScalarStyle;

use super::{Line, Step, Stop, scalars};
use crate::Position;

/// Reads from an opening bracket to the one that closes it; where that one ends.
pub(super) fn read<'t>(
    line: Line<'t>,
    at: usize,
    depth: usize,
    take: &mut impl FnMut(Step<'t>, Position) -> ControlFlow<()>,
) -> Result<usize, Stop> {
    let mut brackets = Brackets { line, at, depth, open: Vec::new(), take };
    brackets.run()?;
    Ok(brackets.at)
}

struct Brackets<'t, 'a, T> {
    line: Line<'t>,
    at: usize,
    depth: usize,
    /// What closes the open ones.
    open: Vec<u8>,
    take: &'a mut T,
}

impl<'t, T: FnMut(Step<'t>, Position) -> ControlFlow<()>> Brackets<'t, '_, T> {
    fn byte(&self) -> Option<u8> {
        self.line.text.as_bytes().get(self.at).copied()
    }

    fn tell(&mut self, step: Step<'t>, at: usize) -> Result<(), Stop> {
        let place = self.line.place(at);
        if (self.take)(step, place).is_break() { Err(Stop::Taker) } else { Ok(()) }
    }

    fn run(&mut self) -> Result<(), Stop> {
        self.value()?;
        while let Some(close) = self.open.last().copied() {
            self.at = self.line.skip_spaces(self.at);
            match self.byte() {
                Some(byte) if byte == close => self.close()?,
                Some(b',') => {
                    self.at = self.line.skip_spaces(self.at + 1);
                    self.item(close)?;
                }
                _ => return Err(Stop::NotEveryday),
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        self.open.pop();
        self.at += 1;
        self.tell(Step::End, self.at - 1)
    }

    /// What stands between two commas of what `close` closes.
    fn item(&mut self, close: u8) -> Result<(), Stop> {
        if close == b'}' {
            self.scalar(false)?;
            if self.byte() != Some(b':') || self.line.text.as_bytes().get(self.at + 1) != Some(&b' ') {
                return Err(Stop::NotEveryday);
            }
            self.at = self.line.skip_spaces(self.at + 1);
        }
        self.value()
    }

    /// A scalar, or an opening bracket with its first item.
    fn value(&mut self) -> Result<(), Stop> {
        loop {
            let (step, close) = match self.byte() {
                Some(b'[') => (Step::List { flow: true }, b']'),
                Some(b'{') => (Step::Mapping { flow: true }, b'}'),
                _ => return self.scalar(true),
            };
            if self.open.len() >= self.depth {
                return Err(Stop::NotEveryday);
            }
            self.tell(step, self.at)?;
            self.open.push(close);
            self.at = self.line.skip_spaces(self.at + 1);
            if self.byte() == Some(close) {
                return self.close();
            }
            if close == b'}' {
                return self.item(close);
            }
        }
    }

    fn scalar(&mut self, is_value: bool) -> Result<(), Stop> {
        let start = self.at;
        let (text, style) = match self.byte() {
            Some(quote @ (b'"' | b'\'')) => {
                let close = scalars::closing(self.line.text, start).ok_or(Stop::NotEveryday)?;
                let style = scalars::quotes(quote);
                self.at = close + 1;
                (scalars::unescaped(&self.line.text[start + 1..close], style)?, style)
            }
            _ => {
                self.at = start + word(&self.line.text.as_bytes()[start..], is_value);
                (Cow::Borrowed(&self.line.text[start..self.at]), ScalarStyle::Plain)
            }
        };
        if self.at == start {
            return Err(Stop::NotEveryday);
        }
        self.tell(Step::Scalar(text, style), start)
    }
}

/// How long the word is that stands here. A colon may be in it where a value stands.
fn word(bytes: &[u8], is_value: bool) -> usize {
    let is_first = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/');
    match bytes {
        [first, ..] if is_first(*first) => {}
        [b'-', next, ..] if next.is_ascii_alphanumeric() || *next == b'-' => {}
        _ => return 0,
    }
    let is_inner = |at: usize| match bytes[at] {
        b'-' | b'=' | b'$' | b'+' | b'@' => true,
        b':' => is_value && bytes.get(at + 1).copied().is_some_and(is_first),
        byte => is_first(byte),
    };
    (0..bytes.len()).find(|at| !is_inner(*at)).unwrap_or(bytes.len())
}

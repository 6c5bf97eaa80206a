//! What the scanner makes of a text.

use crate::template::print::quote;

/// The kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Bool,
    /// A printable ASCII character that is nothing else: a comma, say.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    // Keywords.
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

/// A token.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    pub(super) kind: Kind,
    /// Where it begins, in bytes.
    pub(super) position: usize,
    pub(super) text: &'a [u8],
    /// The message, for an error.
    pub(super) message: String,
    /// The line where it begins, from 1.
    pub(super) line: usize,
}

impl Item<'_> {
    /// The token as errors show it. Go: `item.String`.
    pub(super) fn show(&self) -> String {
        let text = String::from_utf8_lossy(self.text);
        match self.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => self.message.clone(),
            Kind::Block
            | Kind::Break
            | Kind::Continue
            | Kind::Dot
            | Kind::Define
            | Kind::Else
            | Kind::End
            | Kind::If
            | Kind::Nil
            | Kind::Range
            | Kind::Template
            | Kind::With => format!("<{text}>"),
            _ if self.text.len() > 10 => {
                let start: String = text.chars().take(10).collect();
                format!("{}...", quote(start.as_bytes()))
            }
            _ => quote(self.text),
        }
    }
}

//! What the scanner makes of a text.

use super::list::Span;
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

/// A token: its kind, and the piece of the text that it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

impl Item {
    /// Where it begins.
    pub(super) fn position(self) -> u32 {
        self.span.start()
    }

    /// The token as errors show it, which of an error is its message. Go: `item.String`.
    pub(super) fn show(self, text: &[u8], message: &str) -> String {
        let text = text.get(self.span.range()).unwrap_or_default();
        let shown = String::from_utf8_lossy(text);
        match self.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => message.to_owned(),
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
            | Kind::With => format!("<{shown}>"),
            _ if text.len() > 10 => {
                let start: String = shown.chars().take(10).collect();
                format!("{}...", quote(start.as_bytes()))
            }
            _ => quote(text),
        }
    }
}

//! From text to trees. Go: `text/template/parse`.

mod lex;
mod list;
mod literal;
mod node;
mod parser;
mod pipeline;
mod show;
#[cfg(test)]
mod tests;
mod token;

pub use lex::Delimiters;
pub(crate) use list::{Group, Id};
pub(crate) use node::{
    Branch, Command, Constant, Expr, Identifier, Name, Node, Pipe, Position, Resolved, Source, Tree, Variable,
};
pub use parser::ParseError;
pub(crate) use parser::parse;
pub(crate) use show::{Shown, show};

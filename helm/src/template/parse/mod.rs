//! From text to trees. Go: `text/template/parse`.

mod lex;
mod literal;
mod node;
mod parser;
mod pipeline;
mod show;
#[cfg(test)]
mod tests;
mod token;

pub use lex::Delimiters;
pub(crate) use node::{Branch, Command, Expr, Identifier, Node, Number, Pipe, Resolved, Tree, Variable, is_empty};
pub use parser::ParseError;
pub(crate) use parser::parse;
pub(crate) use show::show;

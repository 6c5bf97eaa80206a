//! The trees of templates. They are immutable, shared between renders and threads. Go: `text/template/parse/node.go`.

use std::sync::Arc;

use crate::stack::deeper;
use crate::template::builtins::Builtin;
use crate::template::function::Function;
use crate::value::Str;

/// A byte offset in a source.
pub(crate) type Position = usize;

/// Where a text came from: a file, or the text given to `tpl`.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name under which the text was parsed; the places of errors begin with it.
    pub(crate) name: Arc<str>,
    /// The text.
    pub(crate) text: Arc<[u8]>,
}

impl Source {
    /// The line of a position, from 1, and the bytes before it on that line, which Go calls its column.
    pub(crate) fn line_and_column(&self, position: Position) -> (usize, usize) {
        let before = &self.text[..position.min(self.text.len())];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = before.iter().rev().take_while(|b| **b != b'\n').count();
        (line, column)
    }
}

/// One template: a file, or a `define` in it.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Arc<str>,
    pub(crate) source: Arc<Source>,
    pub(crate) root: Vec<Node>,
}

/// What a template is a list of.
#[derive(Debug)]
pub(crate) enum Node {
    /// Text outside of actions.
    Text(Position, Arc<[u8]>),
    /// `{{ pipeline }}`.
    Action(Position, Pipe),
    /// `{{ if }}`, `{{ with }}`, `{{ range }}`.
    If(Branch),
    With(Branch),
    Range(Branch),
    /// `{{ template "name" pipeline }}`, and what a `{{ block }}` leaves in its place.
    Template(Position, Arc<str>, Option<Pipe>),
    Break(Position),
    Continue(Position),
}

/// The parts of a control structure.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) position: Position,
    pub(crate) pipe: Pipe,
    pub(crate) list: Vec<Node>,
    /// What comes after `{{ else }}`, if that is there.
    pub(crate) otherwise: Option<Vec<Node>>,
}

/// A pipeline with the variables it declares or assigns.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) position: Position,
    /// `=` rather than `:=`.
    pub(crate) assign: bool,
    pub(crate) declared: Vec<Variable>,
    pub(crate) commands: Vec<Command>,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // Parentheses may nest as deep as the parser lets them.
        let commands = std::mem::take(&mut self.commands);
        deeper(|| drop(commands));
    }
}

impl Drop for Branch {
    fn drop(&mut self) {
        // So may control structures.
        let lists = (std::mem::take(&mut self.list), self.otherwise.take());
        deeper(|| drop(lists));
    }
}

/// A variable with the fields after it: `$x.a.b`.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) position: Position,
    pub(crate) name: Arc<str>,
    pub(crate) fields: Vec<Arc<str>>,
}

/// A word and its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) args: Vec<Expr>,
}

/// An operand.
#[derive(Debug)]
pub(crate) enum Expr {
    Bool(Position, bool),
    Dot(Position),
    Nil(Position),
    Number(Position, Box<Number>),
    String(Position, Box<Text>),
    /// `.a.b`.
    Field(Position, Vec<Arc<str>>),
    Variable(Variable),
    /// A function.
    Identifier(Position, Box<Identifier>),
    /// `(pipeline).a.b`, or a function with fields.
    Chain(Position, Box<Expr>, Vec<Arc<str>>),
    /// `(pipeline)`.
    Pipe(Box<Pipe>),
}

/// A string constant.
#[derive(Debug)]
pub(crate) struct Text {
    /// As it stands in the source, with its quotes.
    pub(crate) quoted: Arc<[u8]>,
    pub(crate) value: Str,
}

/// A function, found when the template was parsed.
#[derive(Debug)]
pub(crate) struct Identifier {
    pub(crate) name: Arc<str>,
    pub(crate) function: Resolved,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Resolved {
    /// One of the functions given to the template.
    Function(Function),
    /// One of the template language itself.
    Builtin(Builtin),
}

/// A numeric constant in all types that can hold it, which is how Go's untyped constants work.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
    /// As it stands in the source.
    pub(crate) text: String,
}

impl Expr {
    pub(crate) fn position(&self) -> Position {
        match self {
            Self::Bool(position, _)
            | Self::Dot(position)
            | Self::Nil(position)
            | Self::Number(position, _)
            | Self::String(position, _)
            | Self::Field(position, _)
            | Self::Identifier(position, _)
            | Self::Chain(position, ..) => *position,
            Self::Variable(variable) => variable.position,
            Self::Pipe(pipe) => pipe.position,
        }
    }
}

impl Node {
    pub(crate) fn position(&self) -> Position {
        match self {
            Self::Text(position, _)
            | Self::Action(position, _)
            | Self::Template(position, ..)
            | Self::Break(position)
            | Self::Continue(position) => *position,
            Self::If(branch) | Self::With(branch) | Self::Range(branch) => branch.position,
        }
    }
}

/// Whether there is nothing but space. Go: `parse.IsEmptyTree`.
pub(crate) fn is_empty(nodes: &[Node]) -> bool {
    let blank = |text: &[u8]| String::from_utf8_lossy(text).trim().is_empty();
    nodes.iter().all(|node| matches!(node, Node::Text(_, text) if blank(text)))
}

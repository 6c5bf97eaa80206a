//! The trees of templates. They are immutable, shared between renders and threads. Go: `text/template/parse/node.go`.
//!
//! What a text holds stands in a few lists, one for each kind of node, and a node names its parts by their places there. So
//! there is no box for each of them, and letting go of a tree is letting go of its lists, however deep it is.

use std::sync::Arc;

use super::list::{Group, Id, List, Span};
use crate::template::builtins::Builtin;
use crate::template::function::Function;
use crate::value::Str;

/// A byte offset in a source.
pub(crate) type Position = u32;

/// A text, and the parts of all templates in it.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name under which the text was parsed; the places of errors begin with it.
    pub(crate) name: Arc<str>,
    /// The text: a file, or what was given to `tpl`.
    pub(crate) text: Arc<[u8]>,
    /// The names of fields, variables, functions and templates, one behind the other.
    pub(super) names: String,
    pub(super) nodes: List<Node>,
    pub(super) branches: List<Branch>,
    pub(super) pipes: List<Pipe>,
    pub(super) commands: List<Command>,
    pub(super) operands: List<Expr>,
    pub(super) fields: List<Name>,
    pub(super) functions: List<Identifier>,
    pub(super) numbers: List<Constant>,
    pub(super) strings: List<Text>,
}

/// A piece of the names of a source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name(Span);

impl Source {
    /// A source in which nothing is parsed, with room for what that many actions mostly are.
    pub(super) fn new(name: Arc<str>, text: Arc<[u8]>, actions: usize) -> Self {
        Self {
            name,
            text,
            names: String::with_capacity(actions * 8),
            nodes: List::with_capacity(actions * 2 + 1),
            branches: List::default(),
            pipes: List::with_capacity(actions),
            commands: List::with_capacity(actions + actions / 2),
            operands: List::with_capacity(actions * 2),
            fields: List::with_capacity(actions),
            functions: List::default(),
            numbers: List::default(),
            strings: List::with_capacity(actions / 2),
        }
    }

    /// Gives back the memory that the lists have too much.
    pub(super) fn shrink(&mut self) {
        self.names.shrink_to_fit();
        self.nodes.shrink();
        self.branches.shrink();
        self.pipes.shrink();
        self.commands.shrink();
        self.operands.shrink();
        self.fields.shrink();
        self.functions.shrink();
        self.numbers.shrink();
        self.strings.shrink();
    }

    /// The line of a position, from 1, and the bytes before it on that line, which Go calls its column.
    pub(crate) fn line_and_column(&self, position: Position) -> (usize, usize) {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        let before = self.text.get(..position).unwrap_or(&self.text);
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = before.iter().rev().take_while(|b| **b != b'\n').count();
        (line, column)
    }

    /// A piece of the text.
    pub(crate) fn piece(&self, span: Span) -> &[u8] {
        self.text.get(span.range()).unwrap_or_default()
    }

    pub(super) fn add_name(&mut self, name: &str) -> Name {
        let start = self.names.len();
        self.names.push_str(name);
        Name(Span::new(start, self.names.len()))
    }

    pub(crate) fn name(&self, name: Name) -> &str {
        self.names.get(name.0.range()).unwrap_or_default()
    }

    pub(crate) fn nodes(&self, group: Group<Node>) -> &[Node] {
        self.nodes.group(group)
    }

    pub(crate) fn branch(&self, id: Id<Branch>) -> &Branch {
        self.branches.get(id)
    }

    pub(crate) fn pipe(&self, id: Id<Pipe>) -> &Pipe {
        self.pipes.get(id)
    }

    pub(crate) fn commands(&self, group: Group<Command>) -> &[Command] {
        self.commands.group(group)
    }

    pub(crate) fn operands(&self, group: Group<Expr>) -> &[Expr] {
        self.operands.group(group)
    }

    pub(crate) fn operand(&self, id: Id<Expr>) -> &Expr {
        self.operands.get(id)
    }

    pub(crate) fn fields(&self, group: Group<Name>) -> &[Name] {
        self.fields.group(group)
    }

    pub(crate) fn function(&self, id: Id<Identifier>) -> &Identifier {
        self.functions.get(id)
    }

    pub(crate) fn number(&self, id: Id<Constant>) -> &Constant {
        self.numbers.get(id)
    }

    pub(crate) fn string(&self, id: Id<Text>) -> &Text {
        self.strings.get(id)
    }
}

/// One template: a file, or a `define` in it.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) name: Arc<str>,
    pub(crate) source: Arc<Source>,
    pub(crate) root: Group<Node>,
}

impl Tree {
    /// Whether there is nothing but space. Go: `parse.IsEmptyTree`.
    pub(crate) fn is_empty(&self) -> bool {
        is_empty(&self.source, self.root)
    }
}

/// What a template is a list of.
#[derive(Debug)]
pub(crate) enum Node {
    /// Text outside of actions.
    Text(Span),
    /// `{{ pipeline }}`.
    Action(Position, Id<Pipe>),
    /// `{{ if }}`, `{{ with }}`, `{{ range }}`.
    If(Id<Branch>),
    With(Id<Branch>),
    Range(Id<Branch>),
    /// `{{ template "name" pipeline }}`, and what a `{{ block }}` leaves in its place.
    Template(Position, Name, Option<Id<Pipe>>),
    Break(Position),
    Continue(Position),
}

/// The parts of a control structure.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) pipe: Id<Pipe>,
    pub(crate) list: Group<Node>,
    /// What comes after `{{ else }}`, if that is there.
    pub(crate) otherwise: Option<Group<Node>>,
}

/// A pipeline with the variables it declares or assigns.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) position: Position,
    /// `=` rather than `:=`.
    pub(crate) assign: bool,
    pub(crate) declared: Group<Name>,
    pub(crate) commands: Group<Command>,
}

/// A variable with the fields after it: `$x.a.b`.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) position: Position,
    pub(crate) name: Name,
    pub(crate) fields: Group<Name>,
}

/// A word and its arguments.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) args: Group<Expr>,
}

/// An operand.
#[derive(Debug)]
pub(crate) enum Expr {
    Bool(Position, bool),
    Dot(Position),
    Nil(Position),
    Number(Position, Id<Constant>),
    String(Position, Id<Text>),
    /// `.a.b`.
    Field(Position, Group<Name>),
    Variable(Variable),
    /// A function.
    Identifier(Position, Id<Identifier>),
    /// `(pipeline).a.b`, or a function with fields.
    Chain(Position, Id<Expr>, Group<Name>),
    /// `(pipeline)`.
    Pipe(Id<Pipe>),
}

/// A string constant.
#[derive(Debug)]
pub(crate) struct Text {
    /// As it stands in the source, with its quotes.
    pub(crate) quoted: Span,
    pub(crate) value: Str,
}

/// A function, found when the template was parsed.
#[derive(Debug)]
pub(crate) struct Identifier {
    pub(crate) name: Name,
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

/// A numeric constant.
#[derive(Debug)]
pub(crate) struct Constant {
    /// As it stands in the source.
    pub(crate) text: Span,
    pub(crate) number: Number,
}

/// The value of a numeric constant in all types that can hold it, which is how Go's untyped constants work.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
}

impl Expr {
    pub(crate) fn position(&self, source: &Source) -> Position {
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
            Self::Pipe(pipe) => source.pipe(*pipe).position,
        }
    }
}

impl Node {
    pub(crate) fn position(&self, source: &Source) -> Position {
        match self {
            Self::Text(span) => span.start(),
            Self::Action(position, _)
            | Self::Template(position, ..)
            | Self::Break(position)
            | Self::Continue(position) => *position,
            Self::If(branch) | Self::With(branch) | Self::Range(branch) => {
                source.pipe(source.branch(*branch).pipe).position
            }
        }
    }
}

/// Whether there is nothing but space. Go: `parse.IsEmptyTree`.
pub(super) fn is_empty(source: &Source, nodes: Group<Node>) -> bool {
    source.nodes(nodes).iter().all(|node| matches!(node, Node::Text(span) if is_blank(source.piece(*span))))
}

fn is_blank(text: &[u8]) -> bool {
    let ascii_space = |b: &u8| matches!(b, b'\t'..=b'\r' | b' ');
    match text.iter().position(|b| !ascii_space(b)) {
        None => true,
        Some(at) if text[at].is_ascii() => false,
        Some(at) => String::from_utf8_lossy(&text[at..]).trim().is_empty(),
    }
}

//! Nodes as text, for the places in errors. Go: the `String` methods of `text/template/parse/node.go`.

use std::fmt::{self, Display};

use super::list::Id;
use super::node::{Branch, Command, Expr, Name, Node, Pipe, Source};
use crate::stack::deeper;
use crate::template::print::quote;

/// The text of an error shows at most this much of an expression, in bytes. Go shows all of it.
const MAX_SHOWN: usize = 1 << 20;

struct Cut(String);

impl fmt::Write for Cut {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if self.0.len() > MAX_SHOWN {
            return Err(fmt::Error);
        }
        self.0.push_str(s);
        Ok(())
    }
}

/// The text of a node or expression, cut where it is absurdly long.
pub(crate) fn show<'a, T>(source: &'a Source, part: &'a T) -> String
where
    Shown<'a, T>: Display,
{
    let mut cut = Cut(String::new());
    let _cut = fmt::write(&mut cut, format_args!("{}", Shown(source, part)));
    cut.0
}

/// A part of a source that prints as its text.
pub(crate) struct Shown<'a, T>(pub(crate) &'a Source, pub(crate) &'a T);

impl Display for Shown<'_, Node> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(source, node) = self;
        let pipe = |id: &Id<Pipe>| Shown(source, source.pipe(*id));
        match node {
            Node::Text(span) => f.write_str(&String::from_utf8_lossy(source.piece(*span))),
            Node::Action(_, id) => write!(f, "{{{{{}}}}}", pipe(id)),
            Node::If(id) => deeper(|| write_branch(f, source, "if", source.branch(*id))),
            Node::With(id) => deeper(|| write_branch(f, source, "with", source.branch(*id))),
            Node::Range(id) => deeper(|| write_branch(f, source, "range", source.branch(*id))),
            Node::Template(_, name, id) => {
                write!(f, "{{{{template {}", quote(source.name(*name).as_bytes()))?;
                if let Some(id) = id {
                    write!(f, " {}", pipe(id))?;
                }
                f.write_str("}}")
            }
            Node::Break(_) => f.write_str("{{break}}"),
            Node::Continue(_) => f.write_str("{{continue}}"),
        }
    }
}

fn write_branch(f: &mut fmt::Formatter<'_>, source: &Source, word: &str, branch: &Branch) -> fmt::Result {
    write!(f, "{{{{{word} {}}}}}", Shown(source, source.pipe(branch.pipe)))?;
    write_all(f, source, source.nodes(branch.list), "")?;
    if let Some(otherwise) = branch.otherwise {
        f.write_str("{{else}}")?;
        write_all(f, source, source.nodes(otherwise), "")?;
    }
    f.write_str("{{end}}")
}

fn write_all<'a, T>(f: &mut fmt::Formatter<'_>, source: &'a Source, parts: &'a [T], between: &str) -> fmt::Result
where
    Shown<'a, T>: Display,
{
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        Shown(source, part).fmt(f)?;
    }
    Ok(())
}

impl Display for Shown<'_, Name> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name(*self.1))
    }
}

impl Display for Shown<'_, Pipe> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(source, pipe) = self;
        write_all(f, source, source.fields(pipe.declared), ", ")?;
        if !pipe.declared.is_empty() {
            f.write_str(if pipe.assign { " = " } else { " := " })?;
        }
        write_all(f, source, source.commands(pipe.commands), " | ")
    }
}

impl Display for Shown<'_, Command> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(source, command) = self;
        for (i, arg) in source.operands(command.args).iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write_operand(f, source, arg)?;
        }
        Ok(())
    }
}

/// An operand with the parentheses of a pipeline.
fn write_operand(f: &mut fmt::Formatter<'_>, source: &Source, operand: &Expr) -> fmt::Result {
    match operand {
        Expr::Pipe(pipe) => deeper(|| write!(f, "({})", Shown(source, source.pipe(*pipe)))),
        other => Shown(source, other).fmt(f),
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, source: &Source, fields: &[Name]) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(f, ".{}", source.name(*field)))
}

impl Display for Shown<'_, Expr> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(source, expr) = self;
        let piece = |span| String::from_utf8_lossy(source.piece(span));
        match expr {
            Expr::Bool(_, b) => b.fmt(f),
            Expr::Dot(_) => f.write_str("."),
            Expr::Nil(_) => f.write_str("nil"),
            Expr::Number(_, id) => f.write_str(&piece(source.number(*id).text)),
            Expr::String(_, id) => f.write_str(&piece(source.string(*id).quoted)),
            Expr::Field(_, fields) => write_fields(f, source, source.fields(*fields)),
            Expr::Variable(variable) => {
                f.write_str(source.name(variable.name))?;
                write_fields(f, source, source.fields(variable.fields))
            }
            Expr::Identifier(_, id) => f.write_str(source.name(source.function(*id).name)),
            Expr::Chain(_, of, fields) => {
                write_operand(f, source, source.operand(*of))?;
                write_fields(f, source, source.fields(*fields))
            }
            Expr::Pipe(pipe) => deeper(|| Shown(source, source.pipe(*pipe)).fmt(f)),
        }
    }
}

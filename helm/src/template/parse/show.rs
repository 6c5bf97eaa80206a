//! Nodes as text, for the places in errors. Go: the `String` methods of `text/template/parse/node.go`.

use std::fmt::{self, Display};

use super::node::{Branch, Command, Expr, Node, Pipe, Variable};
use crate::stack::deeper;
use crate::template::print::quote;

/// The text of an error shows at most this much of an expression, in bytes. Go shows all of it.
const MAX_SHOWN: usize = 1 << 20;

struct Shown(String);

impl fmt::Write for Shown {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if self.0.len() > MAX_SHOWN {
            return Err(fmt::Error);
        }
        self.0.push_str(s);
        Ok(())
    }
}

/// The text of a node or expression, cut where it is absurdly long.
pub(crate) fn show(node: &impl fmt::Display) -> String {
    let mut shown = Shown(String::new());
    let _cut = fmt::write(&mut shown, format_args!("{node}"));
    shown.0
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_, text) => f.write_str(&String::from_utf8_lossy(text)),
            Self::Action(_, pipe) => write!(f, "{{{{{pipe}}}}}"),
            Self::If(branch) => deeper(|| write_branch(f, "if", branch)),
            Self::With(branch) => deeper(|| write_branch(f, "with", branch)),
            Self::Range(branch) => deeper(|| write_branch(f, "range", branch)),
            Self::Template(_, name, None) => write!(f, "{{{{template {}}}}}", quote(name.as_bytes())),
            Self::Template(_, name, Some(pipe)) => write!(f, "{{{{template {} {pipe}}}}}", quote(name.as_bytes())),
            Self::Break(_) => f.write_str("{{break}}"),
            Self::Continue(_) => f.write_str("{{continue}}"),
        }
    }
}

fn write_branch(f: &mut fmt::Formatter<'_>, word: &str, branch: &Branch) -> fmt::Result {
    write!(f, "{{{{{word} {}}}}}", branch.pipe)?;
    write_all(f, &branch.list, "")?;
    if let Some(otherwise) = &branch.otherwise {
        f.write_str("{{else}}")?;
        write_all(f, otherwise, "")?;
    }
    f.write_str("{{end}}")
}

fn write_all<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: &[T], between: &str) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_all(f, &self.declared, ", ")?;
        if !self.declared.is_empty() {
            f.write_str(if self.assign { " = " } else { " := " })?;
        }
        write_all(f, &self.commands, " | ")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arg) in self.args.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            write_operand(f, arg)?;
        }
        Ok(())
    }
}

/// An operand with the parentheses of a pipeline.
fn write_operand(f: &mut fmt::Formatter<'_>, operand: &Expr) -> fmt::Result {
    match operand {
        Expr::Pipe(pipe) => deeper(|| write!(f, "({pipe})")),
        other => other.fmt(f),
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[std::sync::Arc<str>]) -> fmt::Result {
    fields.iter().try_for_each(|field| write!(f, ".{field}"))
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        write_fields(f, &self.fields)
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(_, b) => b.fmt(f),
            Self::Dot(_) => f.write_str("."),
            Self::Nil(_) => f.write_str("nil"),
            Self::Number(_, number) => f.write_str(&number.text),
            Self::String(_, text) => f.write_str(&String::from_utf8_lossy(&text.quoted)),
            Self::Field(_, fields) => write_fields(f, fields),
            Self::Variable(variable) => variable.fmt(f),
            Self::Identifier(_, identifier) => f.write_str(&identifier.name),
            Self::Chain(_, of, fields) => {
                write_operand(f, of)?;
                write_fields(f, fields)
            }
            Self::Pipe(pipe) => deeper(|| pipe.fmt(f)),
        }
    }
}

//! Nodes: text, actions, control structures. Go: `text/template/exec.go`, `walk` and what it calls.

use std::mem;

use super::{At, Reflect, Result, State};
use crate::stack::deeper;
use crate::template::parse::{Branch, Group, Id, Name, Node, Pipe};
use crate::template::print;
use crate::value::{Type, Value};

/// How a list of nodes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

impl<'t> State<'_, 't, '_> {
    pub(super) fn walk_all(&mut self, dot: &Reflect, nodes: Group<Node>) -> Result<Flow> {
        for node in self.source().nodes(nodes) {
            let flow = self.walk(dot, node)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn walk(&mut self, dot: &Reflect, node: &'t Node) -> Result<Flow> {
        self.at = At::Node(node);
        self.step()?;
        match node {
            Node::Text(span) => self.write(self.source().piece(*span))?,
            Node::Action(_, pipe) => {
                // Variables stay until the end of the list around.
                let pipe = self.source().pipe(*pipe);
                let value = self.eval_pipeline(dot, pipe)?;
                if pipe.declared.is_empty() {
                    self.at = At::Node(node);
                    self.print(&value)?;
                }
            }
            Node::If(branch) => return deeper(|| self.walk_if(dot, *branch, false)),
            Node::With(branch) => return deeper(|| self.walk_if(dot, *branch, true)),
            Node::Range(branch) => return deeper(|| self.walk_range(dot, *branch, node)),
            Node::Template(_, name, pipe) => self.walk_template(dot, *name, *pipe)?,
            Node::Break(_) => return Ok(Flow::Break),
            Node::Continue(_) => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn walk_if(&mut self, dot: &Reflect, branch: Id<Branch>, with: bool) -> Result<Flow> {
        let branch = self.source().branch(branch);
        let mark = self.variables.len();
        let value = self.eval_pipeline(dot, self.source().pipe(branch.pipe))?;
        let flow = if value.truth() {
            self.walk_all(if with { &value } else { dot }, branch.list)?
        } else if let Some(otherwise) = branch.otherwise {
            self.walk_all(dot, otherwise)?
        } else {
            Flow::Next
        };
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn walk_range(&mut self, dot: &Reflect, branch: Id<Branch>, node: &'t Node) -> Result<Flow> {
        self.at = At::Node(node);
        let branch = self.source().branch(branch);
        let mark = self.variables.len();
        let value = self.eval_pipeline(dot, self.source().pipe(branch.pipe))?;
        let ran = self.iterate(branch, &value)?;
        let flow = match branch.otherwise {
            Some(otherwise) if !ran => self.walk_all(dot, otherwise)?,
            _ => Flow::Next,
        };
        self.variables.truncate(mark);
        // A break after the else ends here, as in Go; a continue goes on with the range around.
        Ok(if flow == Flow::Break { Flow::Next } else { flow })
    }

    /// Walks the list once for each element; false if there were none.
    fn iterate(&mut self, branch: &'t Branch, value: &Reflect) -> Result<bool> {
        let plain = value.value().underlying();
        match &plain {
            Value::Int(kind, count) => {
                self.one_variable(branch, value)?;
                for n in 0..*count {
                    if self.once(branch, Reflect::Invalid, &Reflect::Plain(Value::Int(*kind, n)))? == Flow::Break {
                        break;
                    }
                }
                Ok(*count > 0)
            }
            Value::Uint(kind, count) => {
                self.one_variable(branch, value)?;
                for n in 0..*count {
                    if self.once(branch, Reflect::Invalid, &Reflect::Plain(Value::Uint(*kind, n)))? == Flow::Break {
                        break;
                    }
                }
                Ok(*count > 0)
            }
            Value::List(list) => {
                let of = list.type_of().element().unwrap_or(Type::Any);
                for i in 0..list.len() {
                    let index = Reflect::Plain(Value::int(i64::try_from(i).unwrap_or(i64::MAX)));
                    let item = Reflect::typed(list.get(i).unwrap_or_default(), of);
                    if self.once(branch, index, &item)? == Flow::Break {
                        break;
                    }
                }
                Ok(!list.is_empty())
            }
            Value::Map(map) => {
                let of = map.type_of().element().unwrap_or(Type::Any);
                let entries = map.to_vec();
                let any = !entries.is_empty();
                for (key, item) in entries {
                    let key = Reflect::Plain(Value::String(key));
                    if self.once(branch, key, &Reflect::typed(item, of))? == Flow::Break {
                        break;
                    }
                }
                Ok(any)
            }
            Value::Nil => Ok(false),
            _ => {
                let shown = self.shown(value.value());
                self.error(format!("range can't iterate over {shown}"))
            }
        }
    }

    fn one_variable(&self, branch: &Branch, value: &Reflect) -> Result<()> {
        if self.source().fields(self.source().pipe(branch.pipe).declared).len() > 1 {
            let shown = self.shown(value.value());
            return self.error(format!("can't use {shown} to iterate over more than one variable"));
        }
        Ok(())
    }

    /// One iteration. Go: `oneIteration`.
    fn once(&mut self, branch: &'t Branch, index: Reflect, item: &Reflect) -> Result<Flow> {
        self.step()?;
        let mark = self.variables.len();
        let pipe = self.source().pipe(branch.pipe);
        match (self.source().fields(pipe.declared), pipe.assign) {
            ([], _) => {}
            ([one], true) => self.set_variable(*one, item.clone())?,
            ([first, second, ..], true) => {
                self.set_variable(*first, index)?;
                self.set_variable(*second, item.clone())?;
            }
            ([_], false) => self.variables[mark - 1].1 = item.clone(),
            ([_, _, ..], false) => {
                self.variables[mark - 1].1 = item.clone();
                self.variables[mark - 2].1 = index;
            }
        }
        let flow = self.walk_all(item, branch.list)?;
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn walk_template(&mut self, dot: &Reflect, name: Name, pipe: Option<Id<Pipe>>) -> Result<()> {
        let name = self.source().name(name);
        let Some(tree) = self.run.lookup(name) else {
            return self.error(format!("template {} not defined", print::quote(name.as_bytes())));
        };
        let limit = self.run.options.limits.depth;
        if self.run.depth >= limit {
            return self.error(format!("exceeded maximum template depth ({limit})"));
        }
        let dot = match pipe {
            Some(pipe) => self.eval_pipeline(dot, self.source().pipe(pipe))?,
            None => Reflect::Invalid,
        };
        self.run.run_tree(&tree, dot)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Err(message) = self.run.count_bytes(bytes.len()) {
            return self.error(message);
        }
        self.run.output.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes a value. Go: `printValue`.
    fn print(&mut self, value: &Reflect) -> Result<()> {
        match value {
            Reflect::Invalid => self.write(b"<no value>"),
            Reflect::Plain(Value::String(s)) => self.write(s.as_bytes()),
            value => match print::sprint_indirect(value.value()) {
                Ok(text) => self.write(&text),
                Err(error) => self.error(error.message()),
            },
        }
    }

    /// A value in an error text, as `%v` prints it.
    pub(super) fn shown(&self, value: &Value) -> String {
        match print::sprint(std::slice::from_ref(value)) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => error.message().to_owned(),
        }
    }

    pub(super) fn set_variable(&mut self, name: Name, value: Reflect) -> Result<()> {
        let name = self.source().name(name);
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, old)) => {
                drop(mem::replace(old, value));
                Ok(())
            }
            None => self.error(format!("undefined variable: {name}")),
        }
    }
}

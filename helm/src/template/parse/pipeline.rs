//! From tokens to trees: pipelines. Go: `text/template/parse/parse.go`.

use std::sync::Arc;

use super::literal;
use super::node::{Command, Expr, Identifier, Number, Pipe, Resolved, Text, Variable};
use super::parser::{Parser, Result};
use super::token::{Item, Kind};
use crate::stack::deeper;
use crate::template::builtins::Builtin;
use crate::template::print::quote;
use crate::value::Str;

/// How deep parentheses may nest. Go: `maxStackDepth`.
const MAX_PARENTHESES: usize = 10_000;

impl<'a> Parser<'a> {
    pub(super) fn pipeline(&mut self, context: &'static str, end: Kind) -> Result<Pipe> {
        let position = self.peek_non_space().position;
        let mut pipe = Pipe { position, assign: false, declared: Vec::new(), commands: Vec::new() };
        while self.declaration(&mut pipe, context)? {}
        loop {
            let item = self.next_non_space();
            match item.kind {
                kind if kind == end => {
                    self.check(&pipe, context)?;
                    return Ok(pipe);
                }
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return Err(self.unexpected(&item, context)),
            }
        }
    }

    /// A declaration or assignment at the start of a pipeline; true if another one must follow.
    fn declaration(&mut self, pipe: &mut Pipe, context: &str) -> Result<bool> {
        let variable = self.peek_non_space();
        if variable.kind != Kind::Variable {
            return Ok(false);
        }
        self.next();
        // Space is a token: whether this declares shows only after it.
        let after = self.peek();
        let next = self.peek_non_space();
        let comma = next.kind == Kind::Char && next.text == b",";
        if comma || matches!(next.kind, Kind::Assign | Kind::Declare) {
            self.next_non_space();
            let name: Arc<str> = String::from_utf8_lossy(variable.text).into();
            pipe.declared.push(Variable { position: variable.position, name: name.clone(), fields: Vec::new() });
            self.frame.variables.push(name);
            if !comma {
                pipe.assign = next.kind == Kind::Assign;
                return Ok(false);
            }
            if context != "range" || pipe.declared.len() >= 2 {
                return Err(self.error(format!("too many declarations in {context}")));
            }
            return match self.peek_non_space().kind {
                Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
                _ => Err(self.error("range can only initialize variables")),
            };
        }
        if after.kind == Kind::Space {
            self.backup3(variable, after);
        } else {
            self.backup2(variable);
        }
        Ok(false)
    }

    fn check(&self, pipe: &Pipe, context: &str) -> Result<()> {
        if pipe.commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (i, command) in pipe.commands.iter().enumerate().skip(1) {
            if let Some(Expr::Bool(..) | Expr::Dot(_) | Expr::Nil(_) | Expr::Number(..) | Expr::String(..)) =
                command.args.first()
            {
                return Err(self.error(format!("non executable command in pipeline stage {}", i + 1)));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command> {
        let mut args = Vec::new();
        self.peek_non_space();
        loop {
            self.peek_non_space();
            args.extend(self.operand()?);
            let item = self.next();
            match item.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return Err(self.unexpected(&item, "operand")),
            }
            break;
        }
        if args.is_empty() {
            return Err(self.error("empty command"));
        }
        Ok(Command { args })
    }

    /// A term with the fields after it; nothing if there is none.
    fn operand(&mut self) -> Result<Option<Expr>> {
        let Some(term) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != Kind::Field {
            return Ok(Some(term));
        }
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(field_name(self.next().text));
        }
        let position = first.position;
        Ok(Some(match term {
            Expr::Field(_, mut names) => {
                names.append(&mut fields);
                Expr::Field(position, names)
            }
            Expr::Variable(mut variable) => {
                variable.fields.append(&mut fields);
                variable.position = position;
                Expr::Variable(variable)
            }
            Expr::Bool(..) | Expr::String(..) | Expr::Number(..) | Expr::Nil(_) | Expr::Dot(_) => {
                let term = quote(term.to_string().as_bytes());
                return Err(self.error(format!("unexpected . after term {term}")));
            }
            _ => Expr::Chain(position, Box::new(term), fields),
        }))
    }

    fn term(&mut self) -> Result<Option<Expr>> {
        let item = self.next_non_space();
        let position = item.position;
        Ok(Some(match item.kind {
            Kind::Identifier => self.function(&item)?,
            Kind::Dot => Expr::Dot(position),
            Kind::Nil => Expr::Nil(position),
            Kind::Variable => self.variable(&item)?,
            Kind::Field => Expr::Field(position, vec![field_name(item.text)]),
            Kind::Bool => Expr::Bool(position, item.text == b"true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => Expr::Number(position, Box::new(self.number(&item)?)),
            Kind::LeftParen => {
                if self.frame.parentheses >= MAX_PARENTHESES {
                    return Err(self.error("max expression depth exceeded"));
                }
                self.frame.parentheses += 1;
                let pipe = deeper(|| self.pipeline("parenthesized pipeline", Kind::RightParen))?;
                self.frame.parentheses -= 1;
                Expr::Pipe(Box::new(pipe))
            }
            Kind::String | Kind::RawString => {
                let value = literal::unquote(item.text).map_err(|message| self.error(message))?;
                Expr::String(position, Box::new(Text { quoted: item.text.into(), value: Str::from_bytes(value) }))
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        }))
    }

    fn number(&self, item: &Item<'_>) -> Result<Number> {
        let text = String::from_utf8_lossy(item.text);
        let number = match item.kind {
            Kind::CharConstant => literal::character(item.text),
            Kind::Complex => literal::complex(&text),
            _ => literal::number(&text),
        };
        number.map_err(|message| self.error(message))
    }

    fn function(&self, item: &Item<'_>) -> Result<Expr> {
        let name = String::from_utf8_lossy(item.text);
        let function = match (self.functions.get(&name), Builtin::named(&name)) {
            (Some(function), _) => Resolved::Function(*function),
            (None, Some(builtin)) => Resolved::Builtin(builtin),
            (None, None) => return Err(self.error(format!("function {} not defined", quote(name.as_bytes())))),
        };
        Ok(Expr::Identifier(item.position, Box::new(Identifier { name: name.into(), function })))
    }

    fn variable(&self, item: &Item<'_>) -> Result<Expr> {
        let text = String::from_utf8_lossy(item.text);
        if !self.frame.variables.iter().any(|name| **name == *text) {
            return Err(self.error(format!("undefined variable {}", quote(text.as_bytes()))));
        }
        Ok(Expr::Variable(Variable { position: item.position, name: text.into(), fields: Vec::new() }))
    }
}

/// The name of a field token, without its point.
fn field_name(text: &[u8]) -> Arc<str> {
    String::from_utf8_lossy(&text[1..]).into()
}

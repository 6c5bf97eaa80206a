//! From tokens to trees: pipelines. Go: `text/template/parse/parse.go`.

use super::list::Id;
use super::literal;
use super::node::{Command, Constant, Expr, Identifier, Pipe, Resolved, Text, Variable};
use super::parser::{Parser, Result};
use super::show::Shown;
use super::token::{Item, Kind};
use crate::stack::deeper;
use crate::template::builtins::Builtin;
use crate::template::print::quote;
use crate::value::Str;

/// How deep parentheses may nest. Go: `maxStackDepth`.
const MAX_PARENTHESES: usize = 10_000;

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &'static str, end: Kind) -> Result<Id<Pipe>> {
        let position = self.peek_non_space().position();
        let declared = self.source.fields.len();
        let mut assign = false;
        while self.declaration(&mut assign, declared, context)? {}
        let declared = self.source.fields.since(declared);
        let start = self.open.commands.len();
        loop {
            let item = self.next_non_space();
            match item.kind {
                kind if kind == end => {
                    self.check(start, context)?;
                    let commands = self.source.commands.close(&mut self.open.commands, start);
                    return Ok(self.source.pipes.push(Pipe { position, assign, declared, commands }));
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
                    self.open.commands.push(command);
                }
                _ => return Err(self.unexpected(item, context)),
            }
        }
    }

    /// A declaration or assignment at the start of a pipeline, of which the first name stands at `first`; true if another one
    /// must follow.
    fn declaration(&mut self, assign: &mut bool, first: usize, context: &str) -> Result<bool> {
        let variable = self.peek_non_space();
        if variable.kind != Kind::Variable {
            return Ok(false);
        }
        self.next();
        // Space is a token: whether this declares shows only after it.
        let after = self.peek();
        let next = self.peek_non_space();
        let comma = next.kind == Kind::Char && self.text(next) == b",";
        if comma || matches!(next.kind, Kind::Assign | Kind::Declare) {
            self.next_non_space();
            let name = self.source.add_name(self.word(variable));
            self.source.fields.push(name);
            self.frame.variables.push(self.text(variable));
            if !comma {
                *assign = next.kind == Kind::Assign;
                return Ok(false);
            }
            if context != "range" || self.source.fields.len() - first >= 2 {
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

    fn check(&self, start: usize, context: &str) -> Result<()> {
        let commands = self.open.commands.get(start..).unwrap_or_default();
        if commands.is_empty() {
            return Err(self.error(format!("missing value for {context}")));
        }
        for (i, command) in commands.iter().enumerate().skip(1) {
            if let Some(Expr::Bool(..) | Expr::Dot(_) | Expr::Nil(_) | Expr::Number(..) | Expr::String(..)) =
                self.source.operands(command.args).first()
            {
                return Err(self.error(format!("non executable command in pipeline stage {}", i + 1)));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command> {
        let start = self.open.operands.len();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                self.open.operands.push(operand);
            }
            let item = self.next();
            match item.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return Err(self.unexpected(item, "operand")),
            }
            break;
        }
        let args = self.source.operands.close(&mut self.open.operands, start);
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
        let start = self.source.fields.len();
        while self.peek().kind == Kind::Field {
            let item = self.next();
            self.field(item);
        }
        let more = self.source.fields.since(start);
        let position = first.position();
        Ok(Some(match term {
            // The fields of the term were the last ones.
            Expr::Field(_, fields) => Expr::Field(position, fields.to_end_of(more)),
            Expr::Variable(variable) => Expr::Variable(Variable { position, fields: more, ..variable }),
            Expr::Bool(..) | Expr::String(..) | Expr::Number(..) | Expr::Nil(_) | Expr::Dot(_) => {
                let term = quote(Shown(&self.source, &term).to_string().as_bytes());
                return Err(self.error(format!("unexpected . after term {term}")));
            }
            _ => {
                let term = self.source.operands.push(term);
                Expr::Chain(position, term, more)
            }
        }))
    }

    /// Adds a field, which is its token without the point.
    fn field(&mut self, item: Item) {
        let name = self.word(item);
        let name = self.source.add_name(name.get(1..).unwrap_or_default());
        self.source.fields.push(name);
    }

    fn term(&mut self) -> Result<Option<Expr>> {
        let item = self.next_non_space();
        let position = item.position();
        Ok(Some(match item.kind {
            Kind::Identifier => Expr::Identifier(position, self.function(item)?),
            Kind::Dot => Expr::Dot(position),
            Kind::Nil => Expr::Nil(position),
            Kind::Variable => self.variable(item)?,
            Kind::Field => {
                let start = self.source.fields.len();
                self.field(item);
                Expr::Field(position, self.source.fields.since(start))
            }
            Kind::Bool => Expr::Bool(position, self.text(item) == b"true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => Expr::Number(position, self.number(item)?),
            Kind::LeftParen => {
                if self.frame.parentheses >= MAX_PARENTHESES {
                    return Err(self.error("max expression depth exceeded"));
                }
                self.frame.parentheses += 1;
                let pipe = deeper(|| self.pipeline("parenthesized pipeline", Kind::RightParen))?;
                self.frame.parentheses -= 1;
                Expr::Pipe(pipe)
            }
            Kind::String | Kind::RawString => {
                let value = literal::unquote(self.text(item)).map_err(|message| self.error(message))?;
                let text = Text { quoted: item.span, value: Str::of(&value) };
                Expr::String(position, self.source.strings.push(text))
            }
            _ => {
                self.backup();
                return Ok(None);
            }
        }))
    }

    fn number(&mut self, item: Item) -> Result<Id<Constant>> {
        let text = self.text(item);
        // Only the characters of constants are no ASCII.
        let number = match (item.kind, std::str::from_utf8(text)) {
            (Kind::CharConstant, _) | (_, Err(_)) => literal::character(text),
            (Kind::Complex, Ok(text)) => literal::complex(text),
            (_, Ok(text)) => literal::number(text),
        };
        let number = number.map_err(|message| self.error(message))?;
        Ok(self.source.numbers.push(Constant { text: item.span, number }))
    }

    /// A function, of which each stands once in the source.
    fn function(&mut self, item: Item) -> Result<Id<Identifier>> {
        let word = self.word(item);
        let source = &self.source;
        if let Some(known) = source.functions.find(|known| source.name(known.name) == word) {
            return Ok(known);
        }
        let function = match (self.functions.get(word), Builtin::named(word)) {
            (Some(function), _) => Resolved::Function(*function),
            (None, Some(builtin)) => Resolved::Builtin(builtin),
            (None, None) => return Err(self.error(format!("function {} not defined", quote(word.as_bytes())))),
        };
        let name = self.source.add_name(word);
        Ok(self.source.functions.push(Identifier { name, function }))
    }

    fn variable(&mut self, item: Item) -> Result<Expr> {
        let text = self.text(item);
        if !self.frame.variables.contains(&text) {
            return Err(self.error(format!("undefined variable {}", quote(text))));
        }
        let name = self.source.add_name(self.word(item));
        let fields = self.source.fields.since(self.source.fields.len());
        Ok(Expr::Variable(Variable { position: item.position(), name, fields }))
    }
}

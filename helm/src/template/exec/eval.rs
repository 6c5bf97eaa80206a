//! Pipelines and commands. Go: `text/template/exec.go`, `evalPipeline`, `evalCommand`.

use super::{At, Reflect, Result, State};
use crate::stack::deeper;
use crate::template::parse::{Command, Constant, Expr, Pipe, Shown, Variable, show};
use crate::value::Value;

impl<'t> State<'_, 't, '_> {
    /// The value of a pipeline; what it declares stays on the stack of variables.
    pub(super) fn eval_pipeline(&mut self, dot: &Reflect, pipe: &'t Pipe) -> Result<Reflect> {
        self.at = At::Pipe(pipe);
        let mut value = None;
        for command in self.source().commands(pipe.commands) {
            value = Some(self.eval_command(dot, command, value)?.indirect_interface());
        }
        let value = value.unwrap_or(Reflect::Invalid);
        for name in self.source().fields(pipe.declared) {
            if pipe.assign {
                self.set_variable(*name, value.clone())?;
            } else {
                self.variables.push((self.source().name(*name), value.clone()));
            }
        }
        Ok(value)
    }

    /// Arguments, or a value from the pipe, are an error where there is no function to take them.
    pub(super) fn not_a_function(&self, word: &Expr, args: &[Expr], last: Option<&Reflect>) -> Result<()> {
        if args.is_empty() && last.is_none() {
            return Ok(());
        }
        self.error(format!("can't give argument to non-function {}", show(self.source(), word)))
    }

    /// A command. `last` is the value of the command before it in the pipeline, which is its last argument.
    fn eval_command(&mut self, dot: &Reflect, command: &'t Command, last: Option<Reflect>) -> Result<Reflect> {
        let Some((word, args)) = self.source().operands(command.args).split_first() else {
            return Ok(Reflect::Invalid);
        };
        match word {
            Expr::Field(_, fields) => {
                self.at = At::Expr(word);
                self.eval_fields(dot, dot, word, *fields, args, last)
            }
            Expr::Chain(..) => self.eval_chain(dot, word, args, last),
            Expr::Identifier(_, identifier) => {
                self.at = At::Expr(word);
                self.eval_function(dot, *identifier, At::Command(command), args, last)
            }
            Expr::Pipe(pipe) => {
                self.not_a_function(word, args, last.as_ref())?;
                deeper(|| self.eval_pipeline(dot, self.source().pipe(*pipe)))
            }
            Expr::Variable(variable) => self.eval_variable(dot, word, variable, args, last),
            _ => {
                self.at = At::Expr(word);
                self.not_a_function(word, args, last.as_ref())?;
                self.eval_constant(dot, word)
            }
        }
    }

    fn eval_constant(&self, dot: &Reflect, word: &Expr) -> Result<Reflect> {
        match word {
            Expr::Bool(_, b) => Ok(Reflect::Plain(Value::Bool(*b))),
            Expr::Dot(_) => Ok(dot.clone()),
            Expr::Number(_, number) => self.ideal_constant(self.source().number(*number)),
            Expr::String(_, text) => Ok(Reflect::Plain(Value::String(self.source().string(*text).value.clone()))),
            Expr::Nil(_) => self.error("nil is not a command"),
            other => self.error(format!("can't evaluate command {:?}", Shown(self.source(), other).to_string())),
        }
    }

    /// A number where any type will do: its syntax decides. Go: `idealConstant`.
    pub(super) fn ideal_constant(&self, constant: &Constant) -> Result<Reflect> {
        let Constant { text, number } = constant;
        let text = self.source().piece(*text);
        let holds = |set: &[u8]| text.iter().any(|b| set.contains(b));
        let hex = text.len() > 2 && (text.starts_with(b"0x") || text.starts_with(b"0X")) && !holds(b"pP");
        let value = match (number.complex, number.float, number.int) {
            (Some((re, im)), ..) => Value::Complex(re, im),
            (None, Some(f), _) if !hex && !text.starts_with(b"'") && holds(b".eEpP") => Value::Float(f),
            (None, _, Some(n)) => Value::int(n),
            _ => return self.error(format!("{} overflows int", String::from_utf8_lossy(text))),
        };
        Ok(Reflect::Plain(value))
    }

    /// `(pipeline).a.b`. Go: `evalChainNode`.
    pub(super) fn eval_chain(
        &mut self,
        dot: &Reflect,
        chain: &'t Expr,
        args: &'t [Expr],
        last: Option<Reflect>,
    ) -> Result<Reflect> {
        self.at = At::Expr(chain);
        let Expr::Chain(_, of, fields) = chain else { return Ok(Reflect::Invalid) };
        let receiver = deeper(|| self.eval_operand(dot, self.source().operand(*of)))?;
        self.eval_fields(dot, &receiver, chain, *fields, args, last)
    }

    /// `$x.a.b`. Go: `evalVariableNode`.
    pub(super) fn eval_variable(
        &mut self,
        dot: &Reflect,
        node: &'t Expr,
        variable: &'t Variable,
        args: &'t [Expr],
        last: Option<Reflect>,
    ) -> Result<Reflect> {
        self.at = At::Expr(node);
        let name = self.source().name(variable.name);
        let found = self.variables.iter().rev().find(|(known, _)| *known == name);
        let Some((_, value)) = found else {
            return self.error(format!("undefined variable: {name}"));
        };
        let value = value.clone();
        if variable.fields.is_empty() {
            self.not_a_function(node, args, last.as_ref())?;
            return Ok(value);
        }
        self.eval_fields(dot, &value, node, variable.fields, args, last)
    }
}

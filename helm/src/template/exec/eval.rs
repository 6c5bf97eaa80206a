//! Pipelines and commands. Go: `text/template/exec.go`, `evalPipeline`, `evalCommand`.

use super::{At, Reflect, Result, State};
use crate::stack::deeper;
use crate::template::parse::{Command, Expr, Number, Pipe, Variable};
use crate::value::Value;

impl<'t> State<'_, 't, '_> {
    /// The value of a pipeline; what it declares stays on the stack of variables.
    pub(super) fn eval_pipeline(&mut self, dot: &Reflect, pipe: &'t Pipe) -> Result<Reflect> {
        self.at = At::Pipe(pipe);
        let mut value = None;
        for command in &pipe.commands {
            value = Some(self.eval_command(dot, command, value)?.indirect_interface());
        }
        let value = value.unwrap_or(Reflect::Invalid);
        for variable in &pipe.declared {
            if pipe.assign {
                self.set_variable(&variable.name, value.clone())?;
            } else {
                self.variables.push((&variable.name, value.clone()));
            }
        }
        Ok(value)
    }

    /// Arguments, or a value from the pipe, are an error where there is no function to take them.
    pub(super) fn not_a_function(&self, word: &Expr, args: &[Expr], last: Option<&Reflect>) -> Result<()> {
        if args.is_empty() && last.is_none() {
            return Ok(());
        }
        self.error(format!("can't give argument to non-function {}", crate::template::parse::show(word)))
    }

    /// A command. `last` is the value of the command before it in the pipeline, which is its last argument.
    fn eval_command(&mut self, dot: &Reflect, command: &'t Command, last: Option<Reflect>) -> Result<Reflect> {
        let Some((word, args)) = command.args.split_first() else { return Ok(Reflect::Invalid) };
        match word {
            Expr::Field(_, fields) => {
                self.at = At::Expr(word);
                self.eval_fields(dot, dot.clone(), word, fields, args, last)
            }
            Expr::Chain(..) => self.eval_chain(dot, word, args, last),
            Expr::Identifier(_, identifier) => {
                self.at = At::Expr(word);
                self.eval_function(dot, identifier, At::Command(command), args, last)
            }
            Expr::Pipe(pipe) => {
                self.not_a_function(word, args, last.as_ref())?;
                deeper(|| self.eval_pipeline(dot, pipe))
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
            Expr::Number(_, number) => self.ideal_constant(number),
            Expr::String(_, text) => Ok(Reflect::Plain(Value::String(text.value.clone()))),
            Expr::Nil(_) => self.error("nil is not a command"),
            other => self.error(format!("can't evaluate command {:?}", other.to_string())),
        }
    }

    /// A number where any type will do: its syntax decides. Go: `idealConstant`.
    pub(super) fn ideal_constant(&self, number: &Number) -> Result<Reflect> {
        let text = number.text.as_str();
        let hex = text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P']);
        let value = match (number.complex, number.float, number.int) {
            (Some((re, im)), ..) => Value::Complex(re, im),
            (None, Some(f), _) if !hex && !text.starts_with('\'') && text.contains(['.', 'e', 'E', 'p', 'P']) => {
                Value::Float(f)
            }
            (None, _, Some(n)) => Value::int(n),
            _ => return self.error(format!("{text} overflows int")),
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
        let receiver = deeper(|| self.eval_operand(dot, of))?;
        self.eval_fields(dot, receiver, chain, fields, args, last)
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
        let found = self.variables.iter().rev().find(|(name, _)| *name == &*variable.name);
        let Some((_, value)) = found else {
            return self.error(format!("undefined variable: {}", variable.name));
        };
        let value = value.clone();
        if variable.fields.is_empty() {
            self.not_a_function(node, args, last.as_ref())?;
            return Ok(value);
        }
        self.eval_fields(dot, value, node, &variable.fields, args, last)
    }
}

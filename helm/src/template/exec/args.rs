//! Arguments, checked against the types of parameters. Go: `text/template/exec.go`, `evalArg`, `validateType`.

use super::{At, Reflect, Result, State};
use crate::stack::deeper;
use crate::template::parse::{Expr, show};
use crate::value::{Kind, Type, Value};

impl<'t> State<'_, 't, '_> {
    /// A value that may stand for a parameter of this type.
    pub(super) fn validate(&self, value: Reflect, of: Type) -> Result<Reflect> {
        let Some(mut actual) = value.type_of() else {
            if of.can_be_nil() {
                return Ok(Reflect::zero(of));
            }
            return self.error(format!("invalid value; expected {of}"));
        };
        if matches!(of, Type::Any | Type::Reflect) || actual.assignable_to(of) {
            return Ok(value);
        }
        let mut value = value;
        if let Reflect::Interface(inner) = &value
            && let Some(dynamic) = inner.type_of()
        {
            value = value.indirect_interface();
            if dynamic.assignable_to(of) {
                return Ok(value);
            }
            actual = dynamic;
        }
        match actual {
            Type::Pointer(target) if target.assignable_to(of) => Ok(value),
            _ => self.error(format!("wrong type for value; expected {of}; got {actual}")),
        }
    }

    /// An argument for a parameter of this type.
    pub(super) fn eval_arg(&mut self, dot: &Reflect, of: Type, arg: &'t Expr) -> Result<Reflect> {
        self.at = At::Expr(arg);
        match arg {
            Expr::Nil(_) if of.can_be_nil() => return Ok(Reflect::zero(of)),
            Expr::Nil(_) => return self.error(format!("cannot assign nil to {of}")),
            Expr::Dot(_)
            | Expr::Field(..)
            | Expr::Variable(_)
            | Expr::Pipe(_)
            | Expr::Identifier(..)
            | Expr::Chain(..) => {
                let value = self.eval_operand(dot, arg)?;
                return self.validate(value, of);
            }
            Expr::Bool(..) | Expr::Number(..) | Expr::String(..) => {}
        }
        match of {
            Type::Any | Type::Reflect => self.eval_operand(dot, arg),
            _ => self.constant_of(of, arg),
        }
    }

    /// A constant for a parameter of a plain type: numbers become what is asked for, if they can.
    fn constant_of(&self, of: Type, arg: &Expr) -> Result<Reflect> {
        let source = self.source();
        let number = match arg {
            Expr::Number(_, constant) => Some(&source.number(*constant).number),
            _ => None,
        };
        let value = match (of.kind(), arg) {
            (Kind::Bool, Expr::Bool(_, b)) => Some(Value::Bool(*b)),
            (Kind::String, Expr::String(_, text)) => Some(Value::String(source.string(*text).value.clone())),
            (Kind::Int(kind), _) => number.and_then(|n| n.int).map(|n| Value::Int(kind, n)),
            (Kind::Uint(kind), _) => number.and_then(|n| n.uint).map(|n| Value::Uint(kind, n)),
            (Kind::Float64, _) => number.and_then(|n| n.float).map(Value::Float),
            (Kind::Complex128, _) => number.and_then(|n| n.complex).map(|(re, im)| Value::Complex(re, im)),
            _ => None,
        };
        let wanted = match of.kind() {
            Kind::Bool => "bool",
            Kind::String => "string",
            Kind::Int(_) => "integer",
            Kind::Uint(_) => "unsigned integer",
            Kind::Float64 => "float",
            Kind::Complex128 => "complex",
            _ => return self.error(format!("can't handle {} for arg of type {of}", show(source, arg))),
        };
        match value {
            Some(value) => Ok(Reflect::Plain(value)),
            None => self.error(format!("expected {wanted}; found {}", show(source, arg))),
        }
    }

    /// An operand where any type will do. Go: `evalEmptyInterface`.
    pub(super) fn eval_operand(&mut self, dot: &Reflect, operand: &'t Expr) -> Result<Reflect> {
        self.at = At::Expr(operand);
        match operand {
            Expr::Bool(_, b) => Ok(Reflect::Plain(Value::Bool(*b))),
            Expr::Dot(_) => Ok(dot.clone()),
            Expr::Field(_, fields) => self.eval_fields(dot, dot, operand, *fields, &[], None),
            Expr::Identifier(_, identifier) => self.eval_function(dot, *identifier, At::Expr(operand), &[], None),
            Expr::Number(_, number) => self.ideal_constant(self.source().number(*number)),
            Expr::String(_, text) => Ok(Reflect::Plain(Value::String(self.source().string(*text).value.clone()))),
            Expr::Variable(variable) => self.eval_variable(dot, operand, variable, &[], None),
            Expr::Pipe(pipe) => deeper(|| self.eval_pipeline(dot, self.source().pipe(*pipe))),
            Expr::Chain(..) => self.eval_chain(dot, operand, &[], None),
            Expr::Nil(_) => self.error("evalEmptyInterface: nil (can't happen)"),
        }
    }
}

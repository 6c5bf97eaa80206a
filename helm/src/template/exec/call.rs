//! Calls of functions and methods. Go: `text/template/exec.go`, `evalCall`.

use std::any::Any;

use super::work::is_new;
use super::{At, Reflect, Result, Run, State};
use crate::template::builtins::Builtin;
use crate::template::error::{ExecError, FunctionError};
use crate::template::function::{Call, Callee, Function, Place, Signature, TextError};
use crate::template::parse::{Expr, Id, Identifier, Position, Resolved, Tree, show};
use crate::value::{Map, ObjectRef, Str, Type, Value};

/// What can be called.
pub(super) enum Callable<'f> {
    Function(&'f Function),
    Builtin(Builtin),
    Method(ObjectRef, Signature),
    /// A method of a named map type.
    MapMethod(Map, &'f Function),
}

impl Callable<'_> {
    fn signature(&self) -> Signature {
        match self {
            Self::Function(function) | Self::MapMethod(_, function) => function.signature,
            Self::Builtin(builtin) => builtin.signature(),
            Self::Method(_, signature) => *signature,
        }
    }
}

/// A call as a function sees it.
struct Caller<'c, 'e> {
    run: &'c mut Run<'e>,
    tree: &'c Tree,
    position: Position,
}

impl Call for Caller<'_, '_> {
    fn environment(&self) -> &dyn Any {
        self.run.environment
    }

    fn place(&self) -> Place {
        let (line, column) = self.tree.source.line_and_column(self.position);
        let (template, file) = (self.tree.name.to_string(), self.tree.source.name.to_string());
        Place { template, file, line, column: column + 1 }
    }

    fn count(&self) -> u64 {
        self.run.calls
    }

    fn execute(&mut self, name: &str, data: &Value) -> std::result::Result<Str, FunctionError> {
        Ok(self.run.include(name, data)?)
    }

    fn execute_text(&mut self, text: &Str, data: &Value) -> std::result::Result<Str, TextError> {
        self.run.execute_text(text, data)
    }

    fn reserve(&mut self, bytes: usize) -> std::result::Result<(), FunctionError> {
        self.run.count_bytes(bytes).map_err(FunctionError::from)
    }

    fn weigh(&mut self, value: &Value) -> std::result::Result<(), FunctionError> {
        self.run.count_all(value)
    }
}

impl<'t> State<'_, 't, '_> {
    pub(super) fn eval_function(
        &mut self,
        dot: &Reflect,
        identifier: Id<Identifier>,
        node: At<'t>,
        args: &'t [Expr],
        last: Option<Reflect>,
    ) -> Result<Reflect> {
        let Identifier { name, function } = self.source().function(identifier);
        let callable = match function {
            Resolved::Function(function) => Callable::Function(function),
            Resolved::Builtin(builtin) => Callable::Builtin(*builtin),
        };
        self.eval_call(dot, &callable, node, self.source().name(*name), args, last)
    }

    /// A call; `node` is what an error of the function itself names.
    pub(super) fn eval_call(
        &mut self,
        dot: &Reflect,
        callable: &Callable<'_>,
        node: At<'t>,
        name: &str,
        args: &'t [Expr],
        last: Option<Reflect>,
    ) -> Result<Reflect> {
        self.step()?;
        let signature = callable.signature();
        self.check_count(signature, name, args, last.as_ref())?;
        if let Callable::Builtin(builtin @ (Builtin::And | Builtin::Or)) = callable {
            return self.short_circuit(dot, *builtin, args, last);
        }
        self.run.calls += 1;
        let done = match callable {
            Callable::Function(function) => {
                let values = self.eval_args(dot, signature, None, args, last)?;
                self.call_function(function, node, &values)
            }
            Callable::MapMethod(map, function) => {
                let values = self.eval_args(dot, signature, Some(map.clone()), args, last)?;
                self.call_function(function, node, &values)
            }
            Callable::Method(object, _) => {
                let values = self.eval_args(dot, signature, None, args, last)?;
                object.call(name, &values).map(|value| Reflect::typed(value, signature.result))
            }
            Callable::Builtin(builtin) => self.call_builtin(dot, *builtin, args, last)?,
        };
        let done = done.and_then(|value| self.run.count_result(value.value()).map(|()| value));
        done.map_err(|error| {
            self.at = node;
            ExecError::caused(format!("{}error calling {name}: {error}", self.location()), &error)
        })
    }

    /// The arguments as dynamic values, after the receiver of a method if there is one.
    fn eval_args(
        &mut self,
        dot: &Reflect,
        signature: Signature,
        receiver: Option<Map>,
        args: &'t [Expr],
        last: Option<Reflect>,
    ) -> Result<Vec<Value>> {
        let mut values = Vec::with_capacity(args.len() + 2);
        values.extend(receiver.map(Value::Map));
        for (number, arg) in args.iter().enumerate() {
            let of = parameter(signature, number);
            values.push(as_type(self.eval_arg(dot, of, arg)?.into_value(), of));
        }
        if let Some(last) = last {
            let of = parameter(signature, args.len());
            values.push(as_type(self.validate(last, of)?.into_value(), of));
        }
        Ok(values)
    }

    fn call_builtin(
        &mut self,
        dot: &Reflect,
        builtin: Builtin,
        args: &'t [Expr],
        last: Option<Reflect>,
    ) -> Result<std::result::Result<Reflect, FunctionError>> {
        let signature = builtin.signature();
        // What `call` says it was given.
        let callee = match (builtin, args, &last) {
            (Builtin::Call, [first, ..], _) => show(self.source(), first),
            (Builtin::Call, [], Some(last)) => reflect_string(last),
            _ => String::new(),
        };
        let mut values = Vec::with_capacity(args.len() + 1);
        for (number, arg) in args.iter().enumerate() {
            values.push(self.eval_arg(dot, parameter(signature, number), arg)?);
        }
        if let Some(last) = last {
            values.push(self.validate(last, parameter(signature, args.len()))?);
        }
        Ok(builtin.call(&callee, values))
    }

    fn call_function(
        &mut self,
        function: &Function,
        node: At<'t>,
        values: &[Value],
    ) -> std::result::Result<Reflect, FunctionError> {
        self.run.count_arguments(values)?;
        let value = match function.callee {
            Callee::Pure(callee) => callee(values)?,
            Callee::Deep(callee) => {
                values.iter().try_for_each(|value| self.run.count_all(value))?;
                let made = callee(values)?;
                if is_new(&made) {
                    self.run.count_all(&made)?;
                }
                made
            }
            Callee::Call(callee) => {
                let position = node.position(self.source());
                callee(&mut Caller { run: self.run, tree: self.tree, position }, values)?
            }
        };
        Ok(Reflect::typed(value, function.signature.result))
    }

    fn check_count(&self, signature: Signature, name: &str, args: &[Expr], last: Option<&Reflect>) -> Result<()> {
        let given = args.len() + usize::from(last.is_some());
        let wanted = signature.params.len();
        if signature.variadic {
            if given + 1 < wanted {
                let least = wanted - 1;
                return self
                    .error(format!("wrong number of args for {name}: want at least {least} got {}", args.len()));
            }
        } else if given != wanted {
            return self.error(format!("wrong number of args for {name}: want {wanted} got {given}"));
        }
        Ok(())
    }

    /// `and` and `or` evaluate no more than they need.
    fn short_circuit(
        &mut self,
        dot: &Reflect,
        builtin: Builtin,
        args: &'t [Expr],
        last: Option<Reflect>,
    ) -> Result<Reflect> {
        let mut value = Reflect::Invalid;
        for arg in args {
            value = self.eval_arg(dot, Type::Reflect, arg)?;
            if value.truth() == (builtin == Builtin::Or) {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }
}

/// The type of a parameter by its number.
fn parameter(signature: Signature, number: usize) -> Type {
    let last = signature.params.last().copied().unwrap_or(Type::Any);
    signature.params.get(number).copied().unwrap_or(last)
}

/// A value as the type of its parameter: a named map or slice loses its name where the parameter has none.
fn as_type(value: Value, of: Type) -> Value {
    match (of, value) {
        (Type::Map(_), Value::Map(map)) if map.type_of() != of => Value::Map(map.retyped(of)),
        (Type::Slice(_), Value::List(list)) if list.type_of() != of => Value::List(list.retyped(of)),
        (Type::Map(_) | Type::Slice(_), Value::Object(object)) => match object.underlying() {
            Some(plain) => as_type(plain, of),
            None => Value::Object(object),
        },
        (_, value) => value,
    }
}

/// `reflect.Value.String`: the text of a string, the type of anything else.
fn reflect_string(value: &Reflect) -> String {
    match value.value() {
        Value::String(s) => s.to_text().into_owned(),
        Value::Nil => "<invalid Value>".to_owned(),
        _ => format!("<{} Value>", value.type_name()),
    }
}

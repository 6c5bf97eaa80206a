//! Calls of functions and methods. Go: `text/template/exec.go`, `evalCall`.

use std::any::Any;
use std::mem;

use super::{At, Reflect, Result, Run, State};
use crate::template::builtins::Builtin;
use crate::template::error::{ExecError, FunctionError};
use crate::template::function::{Call, Callee, Function, Place, Signature, TextError};
use crate::template::parse::{Expr, Identifier, Resolved, show};
use crate::value::{Map, ObjectRef, Type, Value};

/// What can be called.
pub(super) enum Callable {
    Function(Function),
    Builtin(Builtin),
    Method(ObjectRef, Signature),
    /// A method of a named map type.
    MapMethod(Map, Function),
}

impl Callable {
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
    place: Place,
}

impl Call for Caller<'_, '_> {
    fn environment(&self) -> &dyn Any {
        self.run.environment
    }

    fn place(&self) -> Place {
        self.place.clone()
    }

    fn count(&self) -> u64 {
        self.run.calls
    }

    fn execute(&mut self, name: &str, data: &Value) -> std::result::Result<Vec<u8>, FunctionError> {
        Ok(self.run.execute(name, data)?)
    }

    fn execute_text(&mut self, text: &[u8], data: &Value) -> std::result::Result<Vec<u8>, TextError> {
        self.run.execute_text(text, data)
    }

    fn reserve(&mut self, bytes: usize) -> std::result::Result<(), FunctionError> {
        self.run.count_bytes(bytes).map_err(FunctionError::from)
    }
}

impl<'t> State<'_, 't, '_> {
    pub(super) fn eval_function(
        &mut self,
        dot: &Reflect,
        identifier: &'t Identifier,
        node: At<'t>,
        args: &'t [Expr],
        last: Option<Reflect>,
    ) -> Result<Reflect> {
        let callable = match identifier.function {
            Resolved::Function(function) => Callable::Function(function),
            Resolved::Builtin(builtin) => Callable::Builtin(builtin),
        };
        self.eval_call(dot, &callable, node, &identifier.name, args, last)
    }

    /// A call; `node` is what an error of the function itself names.
    pub(super) fn eval_call(
        &mut self,
        dot: &Reflect,
        callable: &Callable,
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
        let mut values = Vec::with_capacity(args.len() + usize::from(last.is_some()));
        for arg in args {
            values.push(self.eval_arg(dot, parameter(signature, values.len()), arg)?);
        }
        // What `call` says it was given.
        let callee = match (callable, args, &last) {
            (Callable::Builtin(Builtin::Call), [first, ..], _) => show(first),
            (Callable::Builtin(Builtin::Call), [], Some(last)) => reflect_string(last),
            _ => String::new(),
        };
        if let Some(last) = last {
            values.push(self.validate(last, parameter(signature, values.len()))?);
        }
        self.run.calls += 1;
        let done = match callable {
            Callable::Builtin(builtin) => builtin.call(&callee, values),
            Callable::Function(function) => self.call_function(function, node, values),
            Callable::MapMethod(map, function) => {
                values.insert(0, Reflect::Plain(Value::Map(map.clone())));
                self.call_function(function, node, values)
            }
            Callable::Method(object, _) => {
                let values: Vec<Value> = values.into_iter().map(Reflect::into_value).collect();
                object.call(name, &values).map(|value| Reflect::typed(value, signature.result))
            }
        };
        let done = done.and_then(|value| {
            if let Value::String(s) = value.value() {
                self.run.count_bytes(s.len()).map_err(FunctionError::from)?;
            }
            Ok(value)
        });
        done.map_err(|error| {
            self.at = node;
            ExecError::caused(format!("{}error calling {name}: {error}", self.location()), &error)
        })
    }

    fn call_function(
        &mut self,
        function: &Function,
        node: At<'t>,
        values: Vec<Reflect>,
    ) -> std::result::Result<Reflect, FunctionError> {
        let values: Vec<Value> = values.into_iter().map(Reflect::into_value).collect();
        let value = match function.callee {
            Callee::Pure(callee) => callee(&values)?,
            Callee::Call(callee) => {
                let before = mem::replace(&mut self.at, node);
                let place = self.place();
                self.at = before;
                callee(&mut Caller { run: self.run, place }, &values)?
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

/// `reflect.Value.String`: the text of a string, the type of anything else.
fn reflect_string(value: &Reflect) -> String {
    match value.value() {
        Value::String(s) => s.to_text().into_owned(),
        Value::Nil => "<invalid Value>".to_owned(),
        _ => format!("<{} Value>", value.type_name()),
    }
}

//! Fields, keys and methods. Go: `text/template/exec.go`, `evalField`.

use super::call::Callable;
use super::{At, MissingKey, Reflect, Result, State};
use crate::template::parse::{Expr, Group, Name};
use crate::template::print::quote;
use crate::value::{Kind, Type, Value};

impl<'t> State<'_, 't, '_> {
    /// `.a.b.c` of a receiver; the last one may be a method with arguments. Go: `evalFieldChain`.
    pub(super) fn eval_fields(
        &mut self,
        dot: &Reflect,
        receiver: &Reflect,
        node: &'t Expr,
        fields: Group<Name>,
        args: &'t [Expr],
        last: Option<Reflect>,
    ) -> Result<Reflect> {
        let source = self.source();
        let Some((method, path)) = source.fields(fields).split_last() else { return Ok(receiver.clone()) };
        let mut last_field = None;
        for field in path {
            let receiver = last_field.as_ref().unwrap_or(receiver);
            last_field = Some(self.eval_field(dot, receiver, node, source.name(*field), &[], None)?);
        }
        let receiver = last_field.as_ref().unwrap_or(receiver);
        self.eval_field(dot, receiver, node, source.name(*method), args, last)
    }

    fn eval_field(
        &mut self,
        dot: &Reflect,
        receiver: &Reflect,
        node: &'t Expr,
        field: &'t str,
        args: &'t [Expr],
        last: Option<Reflect>,
    ) -> Result<Reflect> {
        let missing_key = self.run.options.missing_key;
        let templates = self.run.templates;
        match receiver {
            Reflect::Invalid if missing_key == MissingKey::Error => {
                return self.error(format!("nil data; no entry for key {}", quote(field.as_bytes())));
            }
            Reflect::Invalid => return Ok(Reflect::Invalid),
            Reflect::Interface(Value::Nil) => {
                return self.error(format!("nil pointer evaluating {}.{field}", Type::Any));
            }
            Reflect::Plain(_) | Reflect::Interface(_) => {}
        }
        let has_args = !args.is_empty() || last.is_some();
        match receiver.value() {
            Value::Map(map) => {
                let of = map.type_of();
                if matches!(of, Type::Named(..))
                    && let Some(function) = templates.functions().method(of, field)
                {
                    let callable = Callable::MapMethod(map.clone(), function);
                    return self.eval_call(dot, &callable, At::Expr(node), field, args, last);
                }
                return self.eval_key(of, map.get(field), field, has_args);
            }
            Value::Object(object) => {
                if let Some(signature) = object.method(field) {
                    let callable = Callable::Method(object.clone(), signature);
                    return self.eval_call(dot, &callable, At::Expr(node), field, args, last);
                }
                if let Some(value) = object.field(field) {
                    if !field.starts_with(char::is_uppercase) {
                        let of = receiver.type_name();
                        return self.error(format!("{field} is an unexported field of struct type {of}"));
                    }
                    if has_args {
                        return self.error(format!("{field} has arguments but cannot be invoked as function"));
                    }
                    return Ok(Reflect::of(value));
                }
                if object.type_of().kind() == Kind::Map {
                    return self.eval_key(object.type_of(), object.entry(field.as_bytes()), field, has_args);
                }
            }
            _ => {}
        }
        self.error(format!("can't evaluate field {field} in type {}", receiver.type_name()))
    }

    /// The value of a key in a map of this type.
    fn eval_key(&self, map: Type, value: Option<Value>, key: &str, has_args: bool) -> Result<Reflect> {
        if has_args {
            return self.error(format!("{key} is not a method but has arguments"));
        }
        let of = map.element().unwrap_or(Type::Any);
        match (value, self.run.options.missing_key) {
            (Some(value), _) => Ok(Reflect::typed(value, of)),
            (None, MissingKey::Zero) => Ok(Reflect::zero(of)),
            (None, MissingKey::Invalid) => Ok(Reflect::Invalid),
            (None, MissingKey::Error) => self.error(format!("map has no entry for key {}", quote(key.as_bytes()))),
        }
    }
}

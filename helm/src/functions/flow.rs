//! Defaults, choices, and the functions that render or stop. Sprig: `defaults.go`; Helm: `pkg/engine/engine.go`.

use super::args::{self, Outcome};
use super::environment::{Lookup, environment};
use super::gofmt;
use super::signatures::DICT;
use crate::engine::{warning, without_no_value};
use crate::template::{Call, Function, FunctionError, Signature, TextError};
use crate::value::{Map, Str, Type, Value};

use Type::{Any, Bool, String as Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::pure("default", Signature::variadic(&[Any, Any], Any), default),
    Function::pure("empty", Signature::new(&[Any], Bool), |a| Ok(is_empty(args::any(a, 0)).into())),
    Function::pure("coalesce", Signature::variadic(&[Any], Any), coalesce),
    Function::pure("all", Signature::variadic(&[Any], Bool), |a| Ok(a.iter().all(|v| !is_empty(v)).into())),
    Function::pure("any", Signature::variadic(&[Any], Bool), |a| Ok(a.iter().any(|v| !is_empty(v)).into())),
    Function::pure("ternary", Signature::new(&[Any, Any, Bool], Any), ternary),
    Function::call("fail", Signature::new(&[Text], Text), fail),
    Function::call("required", Signature::new(&[Text, Any], Any), required),
    Function::call("include", Signature::new(&[Text, Any], Text), include),
    Function::call("tpl", Signature::new(&[Text, Any], Text), tpl),
    Function::call("lookup", Signature::new(&[Text, Text, Text, Text], DICT), lookup),
    Function::pure("getHostByName", Signature::new(&[Text], Text), |_| Ok(Value::from(""))),
];

/// Sprig: `empty`. Zero, "", false, nil and what holds nothing; structs and pointers never.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.truth()
}

fn default(args: &[Value]) -> Outcome {
    let given = args.get(1).filter(|v| !is_empty(v));
    Ok(given.unwrap_or_else(|| args::any(args, 0)).clone())
}

fn coalesce(args: &[Value]) -> Outcome {
    Ok(args.iter().find(|v| !is_empty(v)).cloned().unwrap_or_default())
}

fn ternary(args: &[Value]) -> Outcome {
    let chosen = if args::boolean(args, 2)? { 0 } else { 1 };
    Ok(args::any(args, chosen).clone())
}

/// An error with a text that people wrote, which Helm shows alone. Helm: `warnWrap`.
fn marked(text: &Str) -> FunctionError {
    FunctionError::from(warning(&text.to_text()))
}

fn fail(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let lint = environment(call)?.lint;
    if lint { Ok(Value::from("")) } else { Err(marked(args::string(args, 0)?)) }
}

fn required(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let value = args::any(args, 1);
    let missing = match value {
        Value::Nil => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    match (missing, environment(call)?.lint) {
        (false, _) => Ok(value.clone()),
        (true, true) => Ok(Value::from("")),
        (true, false) => Err(marked(args::string(args, 0)?)),
    }
}

/// How often one name may be inside itself. Helm: `recursionMaxNums`.
const MAX_NESTED: u32 = 1_000;

fn include(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let name = args::string(args, 0)?.to_text();
    if !environment(call)?.enter(&name, MAX_NESTED) {
        return Err(
            format!("rendering template has a nested reference name: {name}: unable to execute template").into()
        );
    }
    let output = call.execute(&name, args::any(args, 1));
    environment(call)?.leave(&name);
    Ok(Value::String(output?))
}

fn tpl(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let text = args::string(args, 0)?;
    let output = call.execute_text(text, args::any(args, 1)).map_err(|error| match error {
        TextError::Parse(error) => format!("cannot parse template {}: {error}", gofmt::quote(text.as_bytes())).into(),
        TextError::Execute(error) => {
            let message = format!("error during tpl function execution for {}: {error}", gofmt::quote(text.as_bytes()));
            FunctionError::wrapping(message, &error)
        }
    })?;
    Ok(Value::String(without_no_value(output.as_bytes()).map_or(output, Str::from_bytes)))
}

/// There is no cluster: nothing is found, as with `helm template`. The render's report tells what was asked for.
fn lookup(call: &mut dyn Call, args: &[Value]) -> Outcome {
    let text = |index| Ok::<_, FunctionError>(args::string(args, index)?.to_text().into_owned());
    let asked = Lookup { api_version: text(0)?, kind: text(1)?, namespace: text(2)?, name: text(3)? };
    environment(call)?.report(asked);
    Ok(Value::Map(Map::new()))
}

//! Templates made at random, with what Go's `text/template` made of them: outputs byte for byte, errors word for word.

use std::sync::Arc;

use helm_rs::engine::without_no_value;
use helm_rs::template::{
    Call, Function, FunctionError, Functions, MissingKey, Options, Run, Signature, Templates, print,
};
use helm_rs::value::{Map, Type, Value};
use serde_json::{Value as Json, json};

const RECORDED: &str = include_str!("../../testdata/helm/templates/random.jsonl");
const FILE: &str = "demo/templates/t.yaml";

/// The functions of the program that recorded the templates, `testdata/helm/templates/oracle/main.go`.
#[derive(Debug)]
struct Few;

const FEW: &[Function] = &[
    Function::pure("list", Signature::variadic(&[Type::Any], Type::LIST), |args| Ok(Value::list(args.to_vec()))),
    Function::pure("dict", Signature::variadic(&[Type::Any], Type::DICT), dict),
    Function::call("include", Signature::new(&[Type::String, Type::Any], Type::String), include),
];

impl Functions for Few {
    fn get(&self, name: &str) -> Option<&Function> {
        FEW.iter().find(|function| function.name == name)
    }
}

fn dict(args: &[Value]) -> Result<Value, FunctionError> {
    let map = Map::new();
    for pair in args.chunks(2) {
        map.insert(print::sprint(&pair[..1])?, pair.get(1).cloned().unwrap_or_else(|| "".into()));
    }
    Ok(map.into())
}

fn include(call: &mut dyn Call, args: &[Value]) -> Result<Value, FunctionError> {
    Ok(Value::String(call.execute(args[0].as_str().unwrap_or_default(), &args[1])?))
}

fn values() -> Value {
    let values = json!({
        "n": 3, "z": 0, "f": 1.5, "big": 1e21, "neg": -2.25, "s": "héllo", "e": "", "t": true, "nil": null,
        "l": [1, "b", null, [2, 3]], "el": [], "m": {"a": 1, "b": {"c": "x"}, "n": null}, "em": {},
    });
    Value::from_json(&json!({"Values": values}))
}

fn execute(template: &str) -> Result<String, String> {
    let mut templates = Templates::new("gotpl", Arc::new(Few));
    templates.parse(FILE, template.as_bytes()).map_err(|error| error.to_string())?;
    let options = Options { missing_key: MissingKey::Zero, ..Options::default() };
    let output = Run::new(&templates, options, &()).execute(FILE, &values()).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&without_no_value(&output).unwrap_or(output)).into_owned())
}

#[test]
fn random_templates_give_what_go_gives() {
    let mut wrong = Vec::new();
    let mut cases = 0;
    for line in RECORDED.lines() {
        let case: Json = serde_json::from_str(line).expect("a line is JSON");
        let text = |member: &str| case[member].as_str().map(str::to_owned);
        let template = text("template").expect("a line has a template");
        let want = text("output").ok_or_else(|| text("error").unwrap_or_default());
        let got = execute(&template);
        if got != want {
            wrong.push(format!("{template}\n  got  {got:?}\n  want {want:?}"));
        }
        cases += 1;
    }
    assert!(cases > 500, "only {cases} templates were recorded");
    assert!(wrong.is_empty(), "{} of {cases} differ:\n{}", wrong.len(), wrong.join("\n"));
}

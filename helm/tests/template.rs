//! The template engine at its public entry, with a few functions of its own. What Go does in these cases was read from Go.

use std::any::Any;
use std::sync::Arc;

use helm_rs::template::{
    Call, Function, FunctionError, Functions, Limits, MissingKey, Options, Run, Signature, Templates,
};
use helm_rs::value::{Map, Type, Value};
use serde_json::json;

#[derive(Debug)]
struct Few;

const FEW: &[Function] = &[
    Function::call("include", Signature::new(&[Type::String, Type::Any], Type::String), include),
    Function::call("tpl", Signature::new(&[Type::String, Type::Any], Type::String), tpl),
    Function::pure("upper", Signature::new(&[Type::String], Type::String), upper),
    Function::pure("sum", Signature::variadic(&[Type::INT], Type::INT), sum),
    Function::pure("fail", Signature::new(&[Type::String], Type::String), |args| {
        Err(args[0].as_str().unwrap_or_default().into())
    }),
    Function::pure("list", Signature::variadic(&[Type::Any], Type::LIST), |args| Ok(Value::list(args.to_vec()))),
    Function::pure("set", Signature::new(&[Type::DICT, Type::String, Type::Any], Type::DICT), set),
];

impl Functions for Few {
    fn get(&self, name: &str) -> Option<&Function> {
        FEW.iter().find(|function| function.name == name)
    }
}

fn include(call: &mut dyn Call, args: &[Value]) -> Result<Value, FunctionError> {
    Ok(Value::String(call.execute(args[0].as_str().unwrap_or_default(), &args[1])?))
}

fn tpl(call: &mut dyn Call, args: &[Value]) -> Result<Value, FunctionError> {
    Ok(Value::String(call.execute_text(&args[0].as_str().unwrap_or_default().into(), &args[1])?))
}

fn upper(args: &[Value]) -> Result<Value, FunctionError> {
    Ok(args[0].as_str().unwrap_or_default().to_uppercase().into())
}

fn sum(args: &[Value]) -> Result<Value, FunctionError> {
    let number = |v: &Value| if let Value::Int(_, n) = v { *n } else { 0 };
    Ok(Value::int(args.iter().map(number).sum()))
}

fn set(args: &[Value]) -> Result<Value, FunctionError> {
    let map = args[0].as_map().ok_or("no map")?;
    map.insert(args[1].as_str().unwrap_or_default(), args[2].clone());
    Ok(args[0].clone())
}

fn data() -> Value {
    let data = Value::from_json(&json!({
        "n": 3, "s": "text", "f": 1.5, "t": true, "nil": null, "l": [1, "b", null], "m": {"b": 1, "a": {"c": "deep"}},
    }));
    let named = Map::new().retyped(Type::Named("test.Named", &Type::DICT));
    data.as_map().expect("it is a map").insert("named", named.into());
    data
}

fn execute_with(text: &str, options: Options) -> Result<String, String> {
    let mut templates = Templates::new("set", Arc::new(Few));
    templates.parse("t", text.as_bytes()).map_err(|error| error.to_string())?;
    let environment: &dyn Any = &();
    let output = Run::new(&templates, options, environment).execute("t", &data()).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

fn execute(text: &str) -> Result<String, String> {
    execute_with(text, Options { missing_key: MissingKey::Zero, ..Options::default() })
}

#[test]
fn renders_what_go_renders() {
    for (text, want) in [
        ("{{ .s }} {{ .n }} {{ .f }} {{ .nil }} {{ .no }}", "text 3 1.5 <no value> <no value>"),
        ("{{ .m }} {{ .l }}", "map[a:map[c:deep] b:1] [1 b <nil>]"),
        ("{{ .m.a.c | upper | printf \"%s-%s\" \"x\" }}", "x-DEEP"),
        ("{{ range $k, $v := .m }}{{ $k }}={{ $v }};{{ end }}", "a=map[c:deep];b=1;"),
        ("{{ range $i, $e := .l }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ $i }}{{ . }},{{ end }}", "01,2<no value>,"),
        ("{{ range 3 }}{{ if eq . 2 }}{{ break }}{{ end }}{{ . }}{{ end }}", "01"),
        ("{{ range .no }}x{{ else }}none{{ end }}", "none"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}", "2"),
        ("{{ with .no }}a{{ else with .s }}{{ . }}{{ end }}", "text"),
        ("{{ define \"d\" }}[{{ . }}]{{ end }}{{ template \"d\" .n }}{{ include \"d\" 1 | upper }}", "[3][1]"),
        ("{{ tpl \"{{ define `e` }}E{{ end }}{{ include `e` . }}\" . }}", "E"),
        ("{{ and .t .s }} {{ or .no .n }} {{ not .t }} {{ and }}".trim_end_matches(" {{ and }}"), "text 3 false"),
        (
            "{{ eq 1 1 }} {{ eq .s \"x\" \"text\" }} {{ lt 1 2 }} {{ ge 2.5 1.5 }} {{ eq .no nil }}",
            "true true true true true",
        ),
        ("{{ index .l 1 }} {{ index .m \"a\" \"c\" }} {{ slice .s 1 3 }} {{ len .l }}", "b deep ex 3"),
        (
            "{{ html \"<a&'>\" }} {{ js \"<'\\n\" }} {{ urlquery \"a b&\" }}",
            "&lt;a&amp;&#39;&gt; \\u003C\\'\\u000A a+b%26",
        ),
        ("{{ $_ := set .m \"z\" 1 }}{{ .m.z }}", "1"),
        ("{{ printf \"%T %T %v\" .n 1 1i }}", "float64 int (0+1i)"),
        ("{{ sum 1 0x10 'a' }}", "114"),
        ("{{ block \"b\" .s }}<{{ . }}>{{ end }}", "<text>"),
        ("{{ printf \"%T %T\" .named (set .named \"a\" 1) }}", "test.Named map[string]interface {}"),
    ] {
        assert_eq!(execute(text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn errors_say_what_go_says() {
    for (text, want) in [
        ("{{ .m.x.y }}", "t:1:5: executing \"t\" at <.m.x.y>: nil pointer evaluating interface {}.y"),
        ("{{ .s.y }}", "t:1:5: executing \"t\" at <.s.y>: can't evaluate field y in type interface {}"),
        ("\n  {{ upper .n }}", "t:2:11: executing \"t\" at <.n>: wrong type for value; expected string; got float64"),
        ("{{ upper .no }}", "t:1:9: executing \"t\" at <.no>: wrong type for value; expected string; got interface {}"),
        ("{{ upper }}", "t:1:3: executing \"t\" at <upper>: wrong number of args for upper: want 1 got 0"),
        ("{{ sum 1.5 }}", "t:1:7: executing \"t\" at <1.5>: expected integer; found 1.5"),
        (
            "{{ eq 1 \"a\" }}",
            "t:1:3: executing \"t\" at <eq 1 \"a\">: error calling eq: incompatible types for comparison: int and string",
        ),
        ("{{ template \"no\" }}", "t:1:12: executing \"t\" at <{{template \"no\"}}>: template \"no\" not defined"),
        ("{{ range .s }}{{ end }}", "t:1:9: executing \"t\" at <.s>: range can't iterate over text"),
        ("{{ .s 1 }}", "t:1:3: executing \"t\" at <.s>: s is not a method but has arguments"),
        ("{{ 1 | .s }}", "t:1:7: executing \"t\" at <.s>: s is not a method but has arguments"),
        ("{{ index .l 9 }}", "t:1:3: executing \"t\" at <index .l 9>: error calling index: index out of range: 9"),
        ("{{ fail \"why\" }}", "t:1:3: executing \"t\" at <fail \"why\">: error calling fail: why"),
    ] {
        assert_eq!(execute(text), Err(format!("template: {want}")), "{text}");
    }
}

#[test]
fn an_error_in_an_include_names_every_template_on_the_way() {
    let text = "{{ define \"d\" }}{{ .s.x }}{{ end }}\n{{ include \"d\" . }}";
    let want = "template: t:2:3: executing \"t\" at <include \"d\" .>: error calling include: \
                template: t:1:21: executing \"d\" at <.s.x>: can't evaluate field x in type interface {}";
    assert_eq!(execute(text), Err(want.to_owned()));
}

#[test]
fn a_missing_key_can_be_an_error() {
    let strict = Options { missing_key: MissingKey::Error, ..Options::default() };
    let error = execute_with("{{ .no }}", strict).expect_err("it is missing");
    assert!(error.ends_with("map has no entry for key \"no\""), "{error}");
}

#[test]
fn every_limit_is_named_in_its_error() {
    let limits = Limits { steps: 1_000, bytes: 10_000, depth: 50 };
    let options = Options { missing_key: MissingKey::Zero, limits };
    for (text, want) in [
        ("{{ range 1000000 }}{{ end }}", "more than 1000 steps (the limit of a render)"),
        ("{{ range 100 }}{{ printf \"%200d\" . }}{{ end }}", "more than 10000 bytes (the limit of a render)"),
        ("{{ define \"r\" }}{{ template \"r\" }}{{ end }}{{ template \"r\" }}", "exceeded maximum template depth (50)"),
        (
            "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}",
            "exceeded maximum template depth (50)",
        ),
        ("{{ tpl .nest . }}".replace(".nest", "`{{ tpl $.x . }}`").replace("$.x", "\"{{ 1 }}\"").as_str(), ""),
    ] {
        match execute_with(text, options) {
            Err(error) => assert!(!want.is_empty() && error.contains(want), "{text}: {error}"),
            Ok(output) => assert!(want.is_empty(), "{text}: {output}"),
        }
    }
}

#[test]
fn runs_one_after_the_other_share_a_limit() {
    let limits = Limits { steps: 1_000, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let mut templates = Templates::new("t", Arc::new(Few));
    templates.parse("t", &b"{{ range 450 }}{{ end }}"[..]).expect("it parses");
    let mut first = Run::new(&templates, options, &());
    first.execute("t", &Value::Nil).expect("it is within the limit");
    let mut second = Run::new(&templates, options, &()).after(first.spent());
    second.execute("t", &Value::Nil).expect("so are two");
    let third = Run::new(&templates, options, &()).after(second.spent()).execute("t", &Value::Nil);
    let error = third.expect_err("three are not").to_string();
    assert!(error.contains("more than 1000 steps"), "{error}");
}

#[test]
fn deep_recursion_ends_with_an_error_and_not_with_the_process() {
    let text = "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}";
    let limits = Limits { depth: 2_000, ..Limits::default() };
    let error = execute_with(text, Options { limits, ..Options::default() }).expect_err("it never ends");
    assert!(error.contains("exceeded maximum template depth (2000)"), "{error}");
}

#[test]
fn parsed_templates_are_shared_by_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let mut templates = Templates::new("set", Arc::new(Few));
    templates.parse("a", &b"{{ define \"x\" }}1{{ end }}{{ .v }}"[..]).expect("it parses");
    shared(&templates);
    assert_eq!(templates.names().collect::<Vec<_>>(), ["a", "x"]);
    let data = Value::Map(Map::from_iter([("v", Value::int(1))]));
    for _ in 0..2 {
        let output = Run::new(&templates, Options::default(), &()).execute("a", &data).expect("it renders");
        assert_eq!(output, b"1");
    }
}

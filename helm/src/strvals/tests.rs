use serde_json::json;

use super::*;

type Set = fn(&str, &mut Map<String, Value>) -> Result<(), Error>;

fn run(set: Set, start: Value, argument: &str) -> Result<Value, String> {
    let Value::Object(mut values) = start else { return Err("no mapping".to_owned()) };
    set(argument, &mut values).map_err(|error| error.to_string())?;
    Ok(Value::Object(values))
}

#[test]
fn settings_become_values() {
    let cases: &[(&str, Set, Value, Value)] = &[
        (
            "a=1,b=-2,c=01,d=1.5,e=TRUE,f=null,g=,h=0",
            set,
            json!({}),
            json!({
                "a": 1, "b": -2, "c": "01", "d": "1.5", "e": true, "f": null, "g": "", "h": 0
            }),
        ),
        ("a.b.c=x", set, json!({"a": {"d": 1}}), json!({"a": {"d": 1, "b": {"c": "x"}}})),
        (r"a\.b=x\,y", set, json!({}), json!({"a.b": "x,y"})),
        ("a={1,x},b={}", set, json!({}), json!({"a": [1, "x"], "b": [""]})),
        ("a[2]=x,a[0].b=y", set, json!({}), json!({"a": [{"b": "y"}, null, "x"]})),
        ("a[1][0]=x", set, json!({"a": [1, null]}), json!({"a": [1, ["x"]]})),
        ("a[0].c=2", set, json!({"a": [{"b": 1.0}]}), json!({"a": [{"b": 1.0, "c": 2}]})),
        ("=x", set, json!({}), json!({})),
        ("a[0]", set, json!({}), json!({"a": []})),
        ("a=1,b=true", set_string, json!({}), json!({"a": "1", "b": "true"})),
        (
            r#"a={"b": 1},c=[true], d= "x" ,e="#,
            set_json,
            json!({}),
            json!({
                "a": {"b": 1.0}, "c": [true], " d": "x", "e": null
            }),
        ),
        (r"a.b=x,{y}\z", set_literal, json!({}), json!({"a": {"b": r"x,{y}\z"}})),
        ("a[1]=x", set_literal, json!({}), json!({"a": [null, "x"]})),
    ];
    for (argument, set, start, expected) in cases {
        assert_eq!(run(*set, start.clone(), argument).as_ref(), Ok(expected), "{argument}");
    }
}

#[test]
fn files_are_read_by_the_caller() {
    let mut values = Map::new();
    let mut read = |path: &str| if path == "p" { Ok("text".to_owned()) } else { Err(format!("open {path}")) };
    set_file("a.b=p", &mut values, &mut read).unwrap();
    assert_eq!(Value::Object(values.clone()), json!({"a": {"b": "text"}}));
    assert_eq!(set_file("a=q", &mut values, &mut read).unwrap_err().to_string(), "open q");
}

#[test]
fn what_is_no_setting_says_why() {
    let nested = "a.".repeat(31) + "a=1";
    let cases: &[(&str, Set, Value, &str)] = &[
        ("a", set, json!({}), "key \"a\" has no value"),
        ("a,b=1", set, json!({}), "key \"a\" has no value (cannot end with ,)"),
        ("a[-1]=x", set, json!({}), "negative -1 index not allowed"),
        ("a[65537]=x", set, json!({}), "index of 65537 is greater than maximum supported index of 65536"),
        ("a[x]=1", set, json!({}), "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax"),
        ("a[0]x=1", set, json!({}), "unexpected data at end of array index: ['x']"),
        ("a={b", set, json!({}), "list must terminate with '}'"),
        (&nested, set, json!({}), "value name nested level is greater than maximum supported nested level of 30"),
        (
            "a.b=1",
            set,
            json!({"a": "x"}),
            "unable to parse key: interface conversion: interface {} is string, not map[string]interface {}",
        ),
        (
            "a[0]=1",
            set,
            json!({"a": null}),
            "unable to parse key: interface conversion: interface {} is nil, not []interface {}",
        ),
    ];
    for (argument, set, start, expected) in cases {
        assert_eq!(run(*set, start.clone(), argument), Err((*expected).to_owned()), "{argument}");
    }
}

//! What holds for every input: nothing panics, and what is written reads back.

#![expect(clippy::unwrap_used, reason = "helpers of the tests unwrap")]

use k8s_yaml::{Options, documents_to_string, from_bytes, from_node, parse, to_string, to_string_ordered};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Strings of which many need quotes.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~\n\t]{0,12}",
        "[-+0-9._xeobEO:TZ ]{1,10}",
        "(true|yes|on|y|n|null|~|<<|=|0x|\\.inf|2001-01-01|'|\"|#|: |- |---|\\.\\.\\.|\n| |\t|é|😀|\u{85}|\u{2028}|\u{feff}){1,4}",
        "([a-z]{1,9}[ '\":]{1,2}){10,30}",
        "[a-z]{100,200}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1_000_000_i32..1_000_000).prop_map(|n| Value::from(f64::from(n) / 128.0)),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The value as Go's JSON has it: a float without fraction is an integer.
fn settled(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let shortest = number.as_f64().unwrap().to_string();
            match (shortest.parse::<i64>(), shortest.parse::<u64>()) {
                (Ok(whole), _) => whole.into(),
                (_, Ok(whole)) => whole.into(),
                _ => value.clone(),
            }
        }
        Value::Array(items) => items.iter().map(settled).collect(),
        Value::Object(map) => Value::Object(map.iter().map(|(key, value)| (key.clone(), settled(value))).collect()),
        _ => value.clone(),
    }
}

/// Texts that are nearly YAML.
fn yamlish() -> impl Strategy<Value = String> {
    "(a|b: |\n|\n  |\n- |- |\\? |: |\\[|\\]|\\{|\\}|,|'|\"|&x |\\*x|\\*x |<<: |!!int |!!binary |! |\\||>-?|\\|2|#|---\n|\\.\\.\\.\n|%YAML 1.2\n|\t|0x1|1e3|~|\\\\|\r\n|é|\u{feff}| ){0,40}"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_written_value_reads_back(value in value()) {
        let wanted = settled(&value);
        for text in [to_string(&value), to_string_ordered(&value)] {
            let documents = parse(&text, &Options::strict());
            let back = documents.map(|mut documents| documents.remove(0).node.to_json());
            prop_assert_eq!(back, Ok(Ok(wanted.clone())), "{}", text);
        }
    }

    #[test]
    fn written_documents_stay_apart(values in prop::collection::vec(value(), 1..4)) {
        let text = documents_to_string(&values);
        let documents = parse(&text, &Options::strict()).unwrap();
        let back: Vec<Value> = documents.iter().map(|document| document.node.to_json().unwrap()).collect();
        prop_assert_eq!(back, values.iter().map(settled).collect::<Vec<_>>(), "{}", text);
    }

    #[test]
    fn no_text_panics_and_types_agree_with_json(text in prop_oneof![yamlish(), any::<String>()]) {
        for options in [Options::sigs(), Options::kyaml()] {
            for document in parse(&text, &options).into_iter().flatten() {
                let json = document.node.to_json();
                let typed = from_node::<Value>(&document.node);
                prop_assert_eq!(json.is_ok(), typed.is_ok());
                if let (Ok(json), Ok(typed)) = (json, typed) {
                    prop_assert_eq!(&json, &typed);
                    prop_assert!(parse(&to_string(&json), &Options::sigs()).is_ok());
                }
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        drop(from_bytes(&bytes, &Options::sigs()).map_err(|error| error.in_file("x")));
    }
}

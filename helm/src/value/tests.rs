use serde_json::json;

use super::{List, Map, Str, Type, Value};

#[test]
fn types_print_and_assign_as_in_go() {
    let named = Type::Named("common.Values", &Type::DICT);
    for (ty, name) in [
        (Type::DICT, "map[string]interface {}"),
        (Type::LIST, "[]interface {}"),
        (Type::BYTES, "[]uint8"),
        (named, "common.Values"),
        (Type::Pointer(&Type::Struct("semver.Version")), "*semver.Version"),
    ] {
        assert_eq!(ty.to_string(), name);
    }
    assert!(named.assignable_to(Type::DICT) && Type::DICT.assignable_to(named) && named.assignable_to(Type::Any));
    assert!(!Type::Named("time.Duration", &Type::INT64).assignable_to(Type::INT64));
    assert!(!Type::STRINGS.assignable_to(Type::LIST) && !Type::INT.assignable_to(Type::INT64));
}

#[test]
fn clones_of_maps_and_lists_are_the_same_map_and_list() {
    let map = Map::new();
    let other = map.clone();
    other.insert("a", Value::int(1));
    assert_eq!(map.get("a").map(|v| v.type_name()), Some("int".to_owned()));
    let list = List::typed(Type::STRINGS, vec!["b".into(), "a".into()]);
    let other = list.clone();
    other.change(|items| items.reverse());
    assert_eq!(list.get(0).and_then(|v| v.as_str().map(str::to_owned)), Some("a".to_owned()));
}

/// Short strings are kept in another way than long ones, which nobody may see.
#[test]
fn strings_of_every_length_are_the_same_strings() {
    let texts: Vec<String> = (0..30).map(|n| format!("{}ä", "a".repeat(n))).chain([String::new()]).collect();
    for text in &texts {
        let made =
            [Str::from(text.as_str()), text.clone().into(), Str::of(text.as_bytes()), text.clone().into_bytes().into()];
        for one in &made {
            assert_eq!((one.as_str(), one.len(), &*one.to_text()), (Some(text.as_str()), text.len(), text.as_str()));
            assert!(texts.iter().all(|other| one.cmp(&other.as_str().into()) == text.cmp(other)), "{text}");
        }
    }
    assert_eq!(Str::of(b"\xff").as_str(), None);
}

#[test]
fn a_string_keeps_bytes_that_are_not_text() {
    let s = Str::from_bytes(b"a\xff\xe2\x98b".to_vec());
    assert_eq!((s.len(), s.as_str(), &*s.to_text()), (5, None, "a\u{fffd}\u{fffd}\u{fffd}b"));
}

#[test]
fn numbers_of_json_are_floats_or_exact() {
    let json = json!({"a": [1, 2.5, null]});
    let first = |v: &Value| v.as_map().and_then(|m| m.get("a")).and_then(|l| l.as_list().and_then(|l| l.get(0)));
    assert_eq!(first(&Value::from_json(&json)).map(|v| v.type_name()), Some("float64".to_owned()));
    assert_eq!(first(&Value::from_json_exact(&json)).map(|v| v.type_name()), Some("int64".to_owned()));
    assert_eq!(Value::from_json_exact(&json).to_json(), Some(json));
}

#[test]
fn values_may_nest_as_deep_as_they_like() {
    let deep = (0..200_000)
        .fold(Value::int(1), |inner, n| if n % 2 == 0 { Value::list(vec![inner]) } else { Value::map([("a", inner)]) });
    assert_eq!(deep.to_json(), None);
}

#[test]
fn a_map_that_holds_itself_has_no_json() {
    let map = Map::new();
    map.insert("self", Value::Map(map.clone()));
    assert_eq!(Value::Map(map.clone()).to_json(), None);
    drop(map.remove("self"));
}

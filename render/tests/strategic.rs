//! Strategic merge against what `kubectl patch --local --type=strategic` gave.

use serde_json::Value;
use skiff_render::strategic::merge;

#[test]
fn patches_merge_as_with_kubectl() {
    let text = include_str!("../../testdata/strategic-merge/kubectl.json");
    let file: Value = serde_json::from_str(text).unwrap();
    for case in file["cases"].as_array().unwrap() {
        let base = file["bases"][case["base"].as_str().unwrap()].as_object().unwrap().clone();
        let kind = base["kind"].as_str().unwrap().to_owned();
        let merged = merge(base, case["patch"].as_object().unwrap().clone(), &kind);
        match (merged, case.get("expected")) {
            (Ok(merged), Some(expected)) => assert_eq!(&Value::Object(merged), expected, "{}", case["name"]),
            (Err(_), None) => {}
            (merged, expected) => panic!("{}: {merged:?}, expected {expected:?}", case["name"]),
        }
    }
}

//! YAML as go-yaml reads and writes it. Most of it is tested in `src/yaml`, and in `k8s-yaml`.

use crate::{MAP, printed, refused};

const ROOT: &str = "resources: [m.yaml]\n";

fn printed_of(object: &str) -> String {
    printed("", &[("kustomization.yaml", ROOT), ("m.yaml", object)])
}

/// go-yaml writes a text with a colon in quotes where it stands between brackets, and reads a string there.
#[test]
fn times_between_brackets_stay_as_they_are_written() {
    for (written, in_a_block) in [
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00"),
        ("2001-01-01 00:00:00", "2001-01-01T00:00:00Z"),
    ] {
        let block = MAP.replace("a: b", &format!("a: {written}"));
        assert!(printed_of(&block).contains(&format!("a: \"{in_a_block}\"\n")), "{}", printed_of(&block));
        let flow = MAP.replace("data:\n  a: b", &format!("data: {{a: {written}}}"));
        assert!(printed_of(&flow).contains(&format!("a: \"{written}\"\n")), "{}", printed_of(&flow));
    }
    // Of days there is no text with a colon.
    let day = MAP.replace("data:\n  a: b", "data: {a: 2001-1-1}");
    assert!(printed_of(&day).contains("a: \"2001-01-01T00:00:00Z\"\n"));
}

#[test]
fn what_go_yaml_cannot_read_is_refused() {
    for (from, to, expected) in [
        ("  a: b\n", "  : x\n", "m.yaml:6: not YAML: did not find expected key"),
        ("\ndata:\n", "\n: x\ndata:\n", "m.yaml:5: not YAML: did not find expected key"),
        ("a: b\n", "a: \"\\ud83d\\ude00\"\n", "m.yaml:6: not YAML: found invalid Unicode character escape code"),
        ("a: b\n", "a: b\u{2028}c\n", "m.yaml:6: not YAML: a character that ends lines"),
        ("a: b\n", "a: |\n    b\u{85}c\n", "m.yaml:7: not YAML: a character that ends lines"),
        ("a: b\n", "\"\\x85\": b\n", "a key of the object map holds the character U+0085"),
    ] {
        let object = MAP.replace(from, to);
        let error = refused(&[("kustomization.yaml", ROOT), ("m.yaml", object.as_str())]);
        assert!(error.contains(expected), "{object}: {error}");
    }
    for (from, to) in [
        ("  a: b\n", "  ? \n  : x\n"),
        ("  a: b\n", "  !!str : x\n"),
        ("a: b\n", "a: \"\\U0001f600\\\\ud83d\"\n"),
        ("a: b\n", "a: \"b\u{2028}c\"\n"),
    ] {
        let object = MAP.replace(from, to);
        assert!(!printed_of(&object).starts_with("error"), "{object}: {}", printed_of(&object));
    }
}

/// go-yaml reads YAML 1.1 there: colons before commas belong to the text, question marks end it.
#[test]
fn between_brackets_colons_belong_to_texts_and_question_marks_do_not() {
    let generator = "configMapGenerator:\n- name: g\n  literals: [a=b:, c=d:]\n";
    assert!(printed("", &[("kustomization.yaml", generator)]).contains("data:\n  a: 'b:'\n  c: 'd:'\n"));
    for (data, expected) in [
        ("data: {a: b:, c: d}", "data:\n  a: 'b:'\n  c: d\n"),
        ("data: {a: [b:, {c:}]}", "data:\n  a:\n  - 'b:'\n  - 'c:': \"\"\n"),
        ("data: {a: [?b]}", "data:\n  a:\n  - b: \"\"\n"),
        ("data: {a: [b, \"c?\"]}", "data:\n  a:\n  - b\n  - c?\n"),
    ] {
        let object = MAP.replace("data:\n  a: b", data);
        assert!(printed_of(&object).contains(expected), "{data}: {}", printed_of(&object));
    }
    for (data, expected) in [
        ("data:\n  a: [http://b?c]", "m.yaml:6: not YAML: a text between brackets holds a question mark"),
        ("data: {: a}", "m.yaml:5: not YAML: a value between brackets has no key"),
    ] {
        let object = MAP.replace("data:\n  a: b", data);
        let error = refused(&[("kustomization.yaml", ROOT), ("m.yaml", object.as_str())]);
        assert!(error.contains(expected), "{data}: {error}");
    }
}

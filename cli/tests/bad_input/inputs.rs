//! Bad input of every kind, for the files of a repository (here), the hub's API (`hub/tests/hub/bad_input.rs`) and the wire.

use serde_json::{Value, json};
use std::fmt::Write as _;

/// What stands in place of a node.
pub(crate) fn replacements() -> [Value; 6] {
    [Value::Null, json!([]), json!({}), json!(""), json!(0), json!(true)]
}

/// Every place in a value, as a JSON pointer.
pub(crate) fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| places(item, &format!("{at}/{n}"), found)),
        Value::Object(fields) => fields.iter().for_each(|(key, item)| {
            places(item, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The value with one node replaced, for each node and each replacement, with the place of it.
pub(crate) fn mutations(value: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    places(value, "", &mut found);
    let all = found.into_iter().flat_map(|place| replacements().map(|by| (place.clone(), by)));
    all.map(|(place, by)| {
        let mut copy = value.clone();
        if let Some(node) = copy.pointer_mut(&place) {
            *node = by;
        }
        (place, copy)
    })
    .collect()
}

/// Whether an error names the place of a mutation: its field, or one that holds it.
pub(crate) fn names_place(error: &str, place: &str) -> bool {
    let words = place.split('/').filter(|word| !word.is_empty() && word.parse::<usize>().is_err());
    place.is_empty() || words.into_iter().any(|word| error.contains(&word.replace("~1", "/").replace("~0", "~")))
}

/// Texts that any file could have.
pub(crate) fn texts() -> Vec<(&'static str, Vec<u8>)> {
    let bomb = |levels: usize| {
        let mut text = "l0: &l0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..levels {
            let alias = format!("*l{}", level - 1);
            writeln!(text, "l{level}: &l{level} [{}]", [alias.as_str(); 9].join(", ")).unwrap();
        }
        text
    };
    let merges = (1..30).fold("m0: &m0 {a: 1, b: 2}\n".to_owned(), |mut text, n| {
        writeln!(text, "m{n}: &m{n} {{<<: [*m{0}, *m{0}], k{n}: *m{0}}}", n - 1).unwrap();
        text
    });
    let block: String = (0..3_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let keys = (0..20_000).fold(String::new(), |mut text, n| {
        writeln!(text, "key-{n}: value").unwrap();
        text
    });
    let strings = [
        ("an alias bomb", bomb(12)),
        ("a bomb of merges", merges),
        ("an alias of itself", "a: &a [*a]\nb: &b {<<: *b}\n".into()),
        ("an unknown alias", "a: *nobody\n".into()),
        ("deep lists", "[".repeat(50_000)),
        ("deep lists that end", format!("{}{}", "[".repeat(50_000), "]".repeat(50_000))),
        ("deep mappings", "{a: ".repeat(50_000)),
        ("deep blocks", block),
        ("deep sequences", "- ".repeat(50_000)),
        ("deep JSON", format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000))),
        ("many keys", keys),
        ("many documents", "---\na: b\n".repeat(5_000)),
        ("a long line", format!("a: {}\n", "x".repeat(4 << 20))),
        ("a long key", format!("{}: x\n", "k".repeat(1 << 20))),
        ("control characters", "a: \"\\x00\\x1b[31m\\x07\"\nb: \u{7f}\u{202e}\u{feff}\n".into()),
        ("raw control characters", "a: \x00\x1b[31m\x07\n".into()),
        ("tabs", "a:\n\t- b\n\t\tc: d\n".into()),
        ("tags", "a: !!binary x\nb: !!python/object:os.system x\nc: !<tag:yaml.org,2002:timestamp> no\n".into()),
        ("numbers", "a: 99999999999999999999999999999999\nb: .inf\nc: .nan\nd: 1e999\ne: 0x\nf: -0\n".into()),
        ("duplicate keys", "a: 1\na: 2\nmetadata: {name: x, name: y}\n".into()),
        ("carriage returns", "a: b\r\rc: d\r\n".into()),
        ("an open quote", format!("a: \"{}", "x\n".repeat(10_000))),
        ("directives", "%YAML 9.9\n%TAG ! !\n---\na: b\n".into()),
        ("an empty file", String::new()),
        ("null", "null\n".into()),
        ("a list", "[1, 2]\n".into()),
        ("a text", "just words\n".into()),
    ];
    let mut all: Vec<_> = strings.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    all.push(("no UTF-8", b"a: \xff\xfe\xc3\x28\n".to_vec()));
    all.push(("UTF-16", "a: b\n".encode_utf16().flat_map(u16::to_le_bytes).collect()));
    all.push(("zeroes", vec![0; 100_000]));
    all
}

/// Names that somebody could give to something.
pub(crate) fn names() -> Vec<String> {
    let names = [
        "a",
        "a-b",
        "a.b",
        "ab",
        "a b",
        "A",
        "a\u{301}",
        "á",
        "\u{202e}a",
        "a\u{1b}[31m",
        "a\nb",
        "a\tb",
        "-a",
        "--help",
        "a:b",
        "a'b",
        "a\"b",
        "a`b",
        "a$b",
        "a%0a",
        "a*",
        "?",
        "[a]",
        "{a}",
        "a#b",
        "a&b",
        "a|b",
        "CON",
        "a.",
        ".a",
        "...",
        "git~1",
        ".GIT",
        ".git",
        "a\\b",
        "\u{1f980}",
    ];
    let mut names: Vec<String> = names.map(str::to_owned).into();
    names.extend(["x".repeat(255), "x".repeat(4096), "n-".repeat(100)]);
    names
}

/// The peak of resident memory since it was asked last, in bytes.
pub(crate) fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    // Begins anew.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() << 10
}

//! Trees with something wrong in them.

use super::chance::Chance;
use super::tree::Tree;

/// What takes the place of a value, or of a part of a line.
const WRONG: &[&str] = &[
    "",
    "null",
    "~",
    "[]",
    "{}",
    "[null]",
    "{a: null}",
    "1",
    "-1",
    "true",
    "\"\"",
    "'",
    "\"",
    "[",
    "{",
    "&a *a",
    "*b",
    "!!binary x",
    "!!float y",
    "- -",
    "? x",
    "|",
    "|\n",
    "%",
    "@",
    "\u{0}",
    "\u{feff}",
    "é",
    "..",
    "../..",
    "/",
    "[(",
    "(",
    "a=b=c",
    "=",
    "99999999999999999999",
    "$patch: delete",
    "{$patch: replace}",
    "<<: x",
];

/// The tree with one to three places of its files changed.
pub(crate) fn mutated(tree: &Tree, chance: &mut Chance) -> Tree {
    let mut tree = tree.clone();
    for _ in 0..1 + chance.below(3) {
        let at = chance.below(tree.len());
        if let Some(text) = tree.values_mut().nth(at) {
            *text = changed(text, chance);
        }
    }
    tree
}

fn changed(text: &str, chance: &mut Chance) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return chance.one_of(WRONG).to_owned();
    }
    let at = chance.below(lines.len());
    let wrong = chance.one_of(WRONG);
    match chance.below(5) {
        0 => {
            lines.remove(at);
        }
        1 => {
            let copy = lines[at].clone();
            lines.insert(at, copy);
        }
        2 => lines[at] = format!("  {}", lines[at]),
        _ => {
            let line = &lines[at];
            let kept = line.split_once(": ").map_or(line.as_str(), |(key, _)| key);
            lines[at] = format!("{kept}: {wrong}");
        }
    }
    lines.join("\n")
}

//! What is read here is what the parser reads, or is left to it.

use std::ops::ControlFlow;

use granit_parser::{Event, Parser, StructureStyle};
use proptest::prelude::*;

use super::{Outcome, Step, read_everyday};
use crate::{Limits, Options, Position, compose, with_libyaml_brackets};

type Steps = Vec<(Step<'static>, Position)>;

fn owned(step: Step<'_>) -> Step<'static> {
    match step {
        Step::DocumentStart => Step::DocumentStart,
        Step::DocumentEnd => Step::DocumentEnd,
        Step::Scalar(text, style) => Step::Scalar(text.into_owned().into(), style),
        Step::List { flow } => Step::List { flow },
        Step::Mapping { flow } => Step::Mapping { flow },
        Step::End => Step::End,
    }
}

/// Whether a place of the two has a meaning: the parser has other ones for block lists, and none for ends.
fn placed(step: &Step<'_>, place: Position) -> Position {
    match step {
        Step::End | Step::DocumentEnd | Step::List { flow: false } => Position::default(),
        _ => place,
    }
}

fn read(text: &str) -> Option<Steps> {
    let mut steps = Vec::new();
    let outcome = read_everyday(text, Limits::default().depth, |step, place| {
        let place = placed(&step, place);
        steps.push((owned(step), place));
        ControlFlow::Continue(())
    });
    (outcome == Outcome::Read).then_some(steps)
}

fn read_by_the_parser(text: &str) -> Result<Steps, String> {
    let options = compose::parser_options(Limits::default().depth);
    let text = with_libyaml_brackets(text).map_err(|error| error.to_string())?;
    let mut steps = Vec::new();
    for next in Parser::new_from_str_with_options(&text, options) {
        let (event, span) = next.map_err(|error| error.to_string())?;
        let step = match event {
            Event::DocumentStart(..) => Step::DocumentStart,
            Event::DocumentEnd => Step::DocumentEnd,
            Event::Scalar(_, style, 0, None) if span.is_empty() => Step::Scalar("".into(), style),
            Event::Scalar(text, style, 0, None) => Step::Scalar(text, style),
            Event::SequenceStart(style, 0, None) => Step::List { flow: style == StructureStyle::Flow },
            Event::MappingStart(style, 0, None) => Step::Mapping { flow: style == StructureStyle::Flow },
            Event::SequenceEnd | Event::MappingEnd => Step::End,
            Event::StreamStart | Event::StreamEnd => continue,
            other => return Err(format!("not of every day: {other:?}")),
        };
        let place = placed(&step, compose::position(&span.start));
        steps.push((owned(step), place));
    }
    Ok(steps)
}

/// Compares both readers: their steps, and what becomes of them. Whether it was of every day.
fn compare(text: &str) -> bool {
    let Some(steps) = read(text) else { return false };
    assert_eq!(Ok(steps), read_by_the_parser(text), "{text}");
    for options in [Options::sigs(), Options::strict(), Options::kyaml()] {
        if let Some(documents) = compose::everyday(text, &options, usize::MAX) {
            assert_eq!(Ok(documents), compose::by_the_parser(text, &options, usize::MAX), "{text}");
        }
        if let Some(documents) = compose::everyday(text, &options, 1) {
            assert_eq!(Ok(documents), compose::by_the_parser(text, &options, 1), "{text}");
        }
    }
    true
}

const EVERYDAY: [&str; 17] = [
    "",
    "# nothing\n",
    "---\n",
    "---\n---\na: b\n---\n# end\n",
    "a: b\n",
    "a: b",
    "a:\nb:   # c\n  - x: 1\n    y:\n  -\n  - z\nc:\n- q: \"a\\tb\"\n- r\n",
    "- - x\n  - y\n-\n  a: b\n- c: |\n    q\n  d: 1\n",
    "  indented: yes\n  list:\n  - -1\n  - --flag=a:b\n  - http://example.com/#x\n",
    "d: []\ne: {}\nf: [a, \"b\", 'c', [d, {e: f, \"g\": [h:1]}]]  # i\n",
    "g: |\n  l1\n\n   l2\n\nh: >-\n  q\n  w\n\n\n  e\n   f\n  g\ni: |+\n  h\n\n\n",
    "a: |\n\n\n  x\nb: >\n   x",
    "a: |\n   # text\n  # comment\nb: |-\n  c\n  \ttab\t\n",
    "z: multi\n  line\n\n  x # c\nw: 'it''s\n  two\n\n  three'\nv: \"l1 \n  l2\\n\"\n",
    "a:\n  plain\n\n  more\nb:\n  'quoted'\nc:\n  [x, y]\n",
    "'q': 1\n\"r\\\"\": 2\n<<: {a: b}\n",
    "é: ü # ö\nb: \"ß\" # ä\nc: [é]\n",
];

#[test]
fn what_is_of_every_day_is_read() {
    for text in EVERYDAY {
        // Letters in brackets are ASCII ones.
        assert_eq!(compare(text), !text.contains("[é]"), "{text}");
    }
}

#[test]
fn the_rest_is_left_to_the_parser() {
    for text in [
        "a: &b c\n",
        "a: *b\n",
        "a: !!str b\n",
        "? a\n: b\n",
        "a:\tb\n",
        "a: b\tc\n",
        "\ta: b\n",
        "a: b: c\n",
        "a: - b\n",
        "a:\n - b\n  - c\n",
        "a:\n  b: c\n d: e\n",
        "a: b\n  c: d\n",
        "a: b\n- c\n",
        "- a\nb: c\n",
        "scalar\n",
        "[a]\n",
        "a: [b,\n c]\n",
        "a: [b c: d]\n",
        "a: [b, ]\n",
        "a: {b}\n",
        "a: {b:c}\n",
        "a: |2\n  b\n",
        "a: |\nb: c\n",
        "a: |\n    \n  b\n",
        "a: |\n  b\n c\n",
        "a: \"\\x41\"\n",
        "a: \"b\\\n  c\"\n",
        "a: \"b\"c\n",
        "a: \"b\nc\"\n",
        "a: 'b'#c\n",
        "\"a\":b\n",
        "a : b\n",
        "%YAML 1.1\n---\na: b\n",
        "a: b\n...\n",
        "--- a\n",
        "--- # c\na: b\n---b\n",
        "a: b\r\n",
        "\u{feff}a: b\n",
        "a: b\u{85}c\n",
        "a: @b\n",
    ] {
        assert!(!compare(text), "{text:?}");
    }
}

#[test]
fn depth_is_bounded() {
    for (needed, text) in [(4, "a:\n- b:\n  - c\n"), (4, "a:\n- [[c]]\n"), (4, "a: [[{b: c}]]\n")] {
        let outcome = |depth| read_everyday(text, depth, |_, _| ControlFlow::Continue(()));
        assert_eq!((outcome(needed), outcome(needed - 1)), (Outcome::Read, Outcome::NotEveryday), "{text}");
    }
}

#[test]
fn a_taker_may_stop() {
    let mut seen = 0;
    let outcome = read_everyday("a: [b, c]\n", 9, |_, _| {
        seen += 1;
        if seen == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((outcome, seen), (Outcome::Stopped, 5));
}

/// Bits of lines, of which some are right in some places.
fn bit() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "a: ",
        "b:",
        "'c': ",
        "\"d\": ",
        "- ",
        "-",
        "- - ",
        "x",
        "y z",
        "true",
        "1",
        "\"q\"",
        "'r'",
        "'s''t'",
        "\"u\\n\"",
        "\"open",
        "'open",
        "close\"",
        "close'",
        "|",
        "|-",
        ">+",
        ">",
        "[]",
        "{}",
        "[a, b]",
        "{a: b}",
        "[a, {b: [c]}]",
        "[",
        "]",
        "{",
        "}",
        ",",
        " # c",
        "#",
        " ",
        "  ",
        "\t",
        ":",
        "?",
        "? ",
        "&a ",
        "*a",
        "!t ",
        "---",
        "...",
        "é",
        "<<: ",
        "~",
        "\\",
        "%",
    ])
}

prop_compose! {
    fn line()(indent in 0_usize..5, bits in prop::collection::vec(bit(), 0..4)) -> String {
        format!("{}{}\n", " ".repeat(indent), bits.concat())
    }
}

/// A text of every day in which a few places were changed.
fn nearly_everyday() -> impl Strategy<Value = String> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), bit(), 0_usize..3), 1..4);
    (prop::sample::select(EVERYDAY.to_vec()), edits).prop_map(|(text, edits)| {
        let mut characters: Vec<char> = text.chars().collect();
        for (at, bit, removed) in edits {
            let at = at.index(characters.len() + 1);
            characters.splice(at..(at + removed).min(characters.len()), bit.chars());
        }
        characters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn any_lines(lines in prop::collection::vec(line(), 1..9), cut in any::<bool>()) {
        let text = lines.concat();
        compare(if cut { text.trim_end_matches('\n') } else { &text });
    }

    #[test]
    fn any_change_of_what_is_of_every_day(text in nearly_everyday()) {
        compare(&text);
    }
}

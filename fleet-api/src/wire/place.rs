//! Where in a JSON text an error is.

use std::fmt::Write as _;

/// What of a key is shown.
const KEY: usize = 60;

enum Frame {
    /// A mapping, and the key that is being read.
    Mapping(Option<String>),
    /// A list, and the index of the item.
    List(usize),
}

/// The path of what ends at this line and column (from 1, in bytes), as serde_json counts them: `report.notes[2].message`.
/// Of a text that is no JSON it is the path up to where it ceases to be.
pub(super) fn path_at(text: &[u8], line: usize, column: usize) -> String {
    let before =
        text.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum::<usize>();
    let text = &text[..text.len().min(before.saturating_add(column))];
    let mut frames: Vec<Frame> = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'"' => {
                let end = end_of_string(text, at);
                if let Some(Frame::Mapping(key @ None)) = frames.last_mut() {
                    *key = Some(shown(&text[at..end]));
                }
                at = end + 1;
            }
            b'{' => frames.push(Frame::Mapping(None)),
            b'[' => frames.push(Frame::List(0)),
            b'}' | b']' => drop(frames.pop()),
            b',' => match frames.last_mut() {
                Some(Frame::Mapping(key)) => *key = None,
                Some(Frame::List(index)) => *index += 1,
                None => {}
            },
            _ => {}
        }
    }
    path(&frames)
}

/// Where the string that begins at `at`, behind its quote, has its other one.
fn end_of_string(text: &[u8], mut at: usize) -> usize {
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

fn shown(key: &[u8]) -> String {
    String::from_utf8_lossy(key).chars().filter(|c| !c.is_control()).take(KEY).collect()
}

fn path(frames: &[Frame]) -> String {
    let mut path = String::new();
    for frame in frames {
        match frame {
            Frame::Mapping(Some(key)) if path.is_empty() => path.push_str(key),
            Frame::Mapping(Some(key)) => {
                path.push('.');
                path.push_str(key);
            }
            Frame::Mapping(None) => {}
            // Writing into a String cannot fail.
            Frame::List(index) => drop(write!(path, "[{index}]")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::path_at;

    #[test]
    fn the_path_of_a_column_is_that_of_what_ends_there() {
        let text = br#"{"a": {"b\"c": [1, {"d": null}], "e": "x,{"}, "f": tru"#;
        for (end, expected) in [
            ("1", "a.b\\\"c[0]"),
            ("null", "a.b\\\"c[1].d"),
            ("null}", "a.b\\\"c[1]"),
            ("null}]", "a.b\\\"c"),
            ("x,{\"", "a.e"),
            ("x,{\"}", "a"),
            ("tru", "f"),
        ] {
            let column = text.windows(end.len()).position(|window| window == end.as_bytes()).unwrap() + end.len();
            assert_eq!(path_at(text, 1, column), expected, "{end}");
        }
        assert_eq!(path_at(b"{\n\"a\":\n[1,\n2", 4, 1), "a[1]");
        assert_eq!(path_at(b"", 1, 9), "");
        assert_eq!(path_at(b"\"\\", 9, 9), "");
    }
}

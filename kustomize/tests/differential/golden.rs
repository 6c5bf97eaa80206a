//! A tree and what is expected of it, in one file: `=== path` before each file (`=|= path` before one that does not end with
//! a line end), then `=== OUTPUT` or `=== ERROR`.

use super::tree::Tree;

/// What a build gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Output(String),
    Error(String),
}

impl Expected {
    /// Whether both are the same output, or both errors: their texts may differ.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Output(a), Self::Output(b)) => a == b,
            (Self::Error(_), Self::Error(_)) => true,
            _ => false,
        }
    }

    /// The first line that differs from what is expected, in words.
    pub(crate) fn difference(&self, expected: &Self) -> String {
        match (self, expected) {
            (Self::Output(ours), Self::Output(theirs)) => {
                let (mut ours, mut theirs) = (ours.lines(), theirs.lines());
                for line in 1.. {
                    match (ours.next(), theirs.next()) {
                        (None, None) => break,
                        (a, b) if a == b => {}
                        (a, b) => return format!("line {line} is {a:?}, expected {b:?}"),
                    }
                }
                "differs in the last line end".to_owned()
            }
            (Self::Error(ours), Self::Output(_)) => format!("failed: {ours}"),
            (Self::Output(_), Self::Error(theirs)) => format!("built, but should fail: {}", theirs.trim()),
            (Self::Error(_), Self::Error(_)) => "no difference".to_owned(),
        }
    }
}

pub(crate) struct Golden {
    pub(crate) tree: Tree,
    pub(crate) expected: Expected,
}

pub(crate) fn write(golden: &Golden) -> String {
    let mut text = String::new();
    let mut part = |name: &str, content: &str| {
        let ends = content.ends_with('\n') || content.is_empty();
        text.push_str(&format!(
            "{} {name}\n{content}{}",
            if ends { "===" } else { "=|=" },
            if ends { "" } else { "\n" }
        ));
    };
    for (path, content) in &golden.tree {
        part(path, content);
    }
    match &golden.expected {
        Expected::Output(output) => part("OUTPUT", output),
        Expected::Error(error) => part("ERROR", error),
    }
    text
}

pub(crate) fn read(text: &str) -> Golden {
    let mut parts: Vec<(String, String)> = Vec::new();
    let mut open = Vec::new();
    for line in text.split_inclusive('\n') {
        let head = line.strip_prefix("=== ").or_else(|| line.strip_prefix("=|= "));
        if let Some(name) = head {
            parts.push((name.trim_end().to_owned(), String::new()));
            open.push(line.starts_with("=|="));
        } else if let Some((_, content)) = parts.last_mut() {
            content.push_str(line);
        }
    }
    for ((_, content), open) in parts.iter_mut().zip(open) {
        if open {
            content.pop();
        }
    }
    let (name, content) = parts.pop().unwrap();
    let expected = if name == "OUTPUT" { Expected::Output(content) } else { Expected::Error(content) };
    Golden { tree: parts.into_iter().collect(), expected }
}

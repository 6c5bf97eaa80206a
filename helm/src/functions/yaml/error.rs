//! The errors of reading YAML in Go's words. Go: go-yaml v2, `scannerc.go`, `parserc.go`, `decode.go` (`parser.fail`).
//!
//! The parser here is another one, which finds the same mistakes and describes them differently. Charts print these texts at most
//! in messages, so the common mistakes are put in Go's words and the rest is told as it is.

use k8s_yaml::{Content, Error, ErrorKind, Node};

/// What go-yaml would say.
pub(super) fn in_go(error: &Error, text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let message = error.message();
    let said = match error.kind() {
        ErrorKind::Limit if message.contains("aliases") => "document contains excessive aliasing".to_owned(),
        ErrorKind::Key if text[place(error, &text)..].starts_with(':') => {
            parser(error.position().map_or(1, |p| p.line as usize), "did not find expected key")
        }
        ErrorKind::Merge => "map merge requires map or sequence of maps as the value".to_owned(),
        ErrorKind::Syntax if text.chars().any(is_control) => "control characters are not allowed".to_owned(),
        ErrorKind::Syntax => {
            syntax(message, error.position().map_or(1, |p| p.line as usize), &text, place(error, &text))
        }
        _ => message.to_owned(),
    };
    format!("yaml: {said}")
}

/// What Go's reader refuses anywhere in a text.
pub(super) fn is_control(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
        && c != '\u{feff}'
}

/// The place of an error in the bytes of a text.
fn place(error: &Error, text: &str) -> usize {
    let Some(position) = error.position() else { return text.len() };
    let line_start: usize = text.split_inclusive('\n').take(position.line as usize - 1).map(str::len).sum();
    let line = &text[line_start.min(text.len())..];
    line_start + line.chars().take(position.column as usize - 1).map(char::len_utf8).sum::<usize>()
}

/// Go counts lines from 0 and leaves the first one out. An error of its scanner adds one to the count, one of its parser does not.
fn at_line(line: usize, problem: &str) -> String {
    if line == 0 { problem.to_owned() } else { format!("line {line}: {problem}") }
}

fn scanner(line: usize, problem: &str) -> String {
    at_line(if line > 1 { line } else { 0 }, problem)
}

fn parser(line: usize, problem: &str) -> String {
    at_line(line - 1, problem)
}

const NO_CONTENT: &str = "did not find expected node content";

fn syntax(message: &str, line: usize, text: &str, place: usize) -> String {
    let before = &text[..place.min(text.len())];
    if message.contains("unknown anchor") {
        let name = text[before.len()..].trim_start_matches('*');
        let end = name.find(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').unwrap_or(name.len());
        return format!("unknown anchor '{}' referenced", &name[..end]);
    }
    match message {
        "unclosed quote" => scanner(text.matches('\n').count() + 1, "found unexpected end of stream"),
        "misplaced bracket" => parser(line, NO_CONTENT),
        "simple key expected ':'" | "simple key is no longer valid" => {
            scanner(line_after_key(text, line), "could not find expected ':'")
        }
        "tabs disallowed in this context" | "tab cannot be used as indentation" => {
            scanner(line, "found character that cannot start any token")
        }
        _ if message.starts_with("unexpected character") => {
            scanner(line, "found character that cannot start any token")
        }
        _ if message.starts_with("unclosed bracket") => parser(end_line(text), flow_problem(text)),
        _ if message.starts_with("mismatched bracket") => parser(line, flow_problem(before)),
        _ if message.contains("only valid inside a block") => parser(line, NO_CONTENT),
        _ if message.contains("EOF while parsing a block") => parser(line, NO_CONTENT),
        _ if message.contains("did not find expected ','") => parser(line, flow_problem(before)),
        _ if message.starts_with("while scanning") || message.starts_with("while parsing a quoted scalar") => {
            scanner(line, message.split_once(", ").map_or(message, |(_, problem)| problem))
        }
        _ => match message.split_once("did not find expected") {
            Some((_, what)) => parser(line, &format!("did not find expected{what}")),
            None => scanner(line, message),
        },
    }
}

/// The line of Go's end of the text: one further if the last line has no end of its own.
fn end_line(text: &str) -> usize {
    text.matches('\n').count() + 1 + usize::from(!text.is_empty() && !text.ends_with('\n'))
}

/// The line of the next thing behind a key that lacks its colon, where Go notices.
fn line_after_key(text: &str, key_line: usize) -> usize {
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let next = text.lines().enumerate().skip(key_line).find(|(_, line)| !blank(line));
    next.map_or_else(|| end_line(text), |(at, _)| at + 1)
}

/// What is missing in a flow collection that ends here: something to stand in it, or what separates or closes it.
fn flow_problem(before: &str) -> &'static str {
    let mut open = Vec::new();
    let mut last = ' ';
    for c in before.chars() {
        match c {
            '[' | '{' => open.push(c),
            ',' if matches!(last, '[' | '{' | ',') && !open.is_empty() => return NO_CONTENT,
            ']' | '}' => drop(open.pop()),
            _ => {}
        }
        if !c.is_whitespace() {
            last = c;
        }
    }
    if matches!(last, '[' | '{' | ',') {
        return NO_CONTENT;
    }
    match open.last() {
        Some('{') => "did not find expected ',' or '}'",
        _ => "did not find expected ',' or ']'",
    }
}

/// The first number without a JSON form, in the order in which Go writes: by keys.
pub(super) fn not_json(node: &Node) -> Option<f64> {
    match &node.content {
        Content::Float(f) if !f.is_finite() => Some(*f),
        Content::List(items) => items.iter().find_map(not_json),
        Content::Mapping(mapping) => {
            let mut entries: Vec<_> = mapping.iter().collect();
            entries.sort_by(|a, b| a.key.text.cmp(&b.key.text));
            entries.into_iter().find_map(|entry| not_json(&entry.value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::from_yaml;

    #[test]
    fn common_mistakes_are_told_in_gos_words() {
        for (text, expected) in [
            ("a: b: c", "mapping values are not allowed in this context"),
            ("a: [1, 2", "line 1: did not find expected ',' or ']'"),
            ("bad: [", "line 1: did not find expected node content"),
            ("a: {b: 1", "line 1: did not find expected ',' or '}'"),
            ("\n\na: [b", "line 3: did not find expected ',' or ']'"),
            ("k: [{, z]", "did not find expected node content"),
            ("k: [- a, z]", "did not find expected node content"),
            ("k: [a: 1\nb: 2\n, z]", "line 1: did not find expected ',' or ']'"),
            ("]", "did not find expected node content"),
            ("a: &x [1]\nb: *x\nc: *y", "unknown anchor 'y' referenced"),
            ("a: @b", "found character that cannot start any token"),
            ("\n\na: @b", "line 3: found character that cannot start any token"),
            ("k: '", "found unexpected end of stream"),
            ("k: a\nb\n", "line 3: could not find expected ':'"),
            ("k: a \nb", "line 3: could not find expected ':'"),
            ("a: 1\nb\nc: 2", "line 3: could not find expected ':'"),
            ("a: 1\n b: 2", "line 2: mapping values are not allowed in this context"),
            ("k: \u{7f}", "control characters are not allowed"),
            ("a: 1\n- b", "line 1: did not find expected key"),
            ("- a\nb: 1", "line 1: did not find expected '-' indicator"),
            ("a: |x\n b", "did not find expected comment or line break"),
            ("<<: 1", "map merge requires map or sequence of maps as the value"),
        ] {
            let (_, error) = from_yaml(&text.into());
            assert_eq!(error, Some(format!("error converting YAML to JSON: yaml: {expected}")), "{text:?}");
        }
    }
}

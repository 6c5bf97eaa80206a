//! Paths of fields: how errors print them, and how they are looked up again.

use crate::{Content, Node, Position};

/// One step of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

/// The path of what is at `rest` below `segment`.
pub(crate) fn prepend(segment: Segment<'_>, rest: &str) -> String {
    let dot = if rest.is_empty() || rest.starts_with('[') { "" } else { "." };
    match segment {
        Segment::Index(at) => format!("[{at}]{dot}{rest}"),
        Segment::Key(key) if is_plain(key) => format!("{key}{dot}{rest}"),
        Segment::Key(key) => format!("[{}]{dot}{rest}", serde_json::Value::from(key)),
    }
}

/// Whether a key can stand in a path without brackets.
fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$'))
}

/// The node at `path`, which is written as [`prepend`] writes it.
pub(crate) fn lookup<'a>(node: &'a Node, path: &str) -> Option<&'a Node> {
    let mut node = node;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            if inside.starts_with('"') {
                let mut keys = serde_json::Deserializer::from_str(inside).into_iter::<String>();
                let key = keys.next()?.ok()?;
                rest = inside.get(keys.byte_offset()..)?.strip_prefix(']')?;
                node = node.get(&key)?;
            } else {
                let (index, after) = inside.split_once(']')?;
                rest = after;
                node = node.as_list()?.get(index.parse::<usize>().ok()?)?;
            }
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            node = node.get(&rest[..end])?;
            rest = &rest[end..];
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    Some(node)
}

/// The one node below `root` for which `wanted` holds: its path and place. `None` if there are none or several.
pub(crate) fn find_only(root: &Node, wanted: &dyn Fn(&Node) -> bool) -> Option<(String, Position)> {
    let mut found = Vec::new();
    collect(root, wanted, &mut found);
    if found.len() == 1 { found.pop() } else { None }
}

fn collect(node: &Node, wanted: &dyn Fn(&Node) -> bool, found: &mut Vec<(String, Position)>) {
    let mut visit = |segment: Segment<'_>, child: &Node| {
        if found.len() > 1 {
            return;
        }
        let before = found.len();
        if wanted(child) {
            found.push((String::new(), child.position));
        }
        collect(child, wanted, found);
        for (path, _) in &mut found[before..] {
            *path = prepend(segment, path);
        }
    };
    match &node.content {
        Content::List(items) => items.iter().enumerate().for_each(|(at, item)| visit(Segment::Index(at), item)),
        Content::Mapping(mapping) => {
            mapping.iter().for_each(|entry| visit(Segment::Key(&entry.key.text), &entry.value));
        }
        _ => {}
    }
}

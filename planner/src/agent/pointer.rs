//! JSON pointers of fields, and the way in which people read them.

/// One step of a JSON pointer.
pub(super) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The name that one step means.
pub(super) fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// `/spec/template/spec/containers/0/image` → `.spec.template.spec.containers[0].image`.
pub(crate) fn dotted(pointer: &str) -> String {
    let mut path = String::with_capacity(pointer.len());
    for step in pointer.split('/').skip(1) {
        let step = unescape(step);
        if step.bytes().all(|byte| byte.is_ascii_digit()) && !path.is_empty() {
            path.push_str(&format!("[{step}]"));
        } else if step.contains(['.', '/']) {
            path.push_str(&format!("[{step:?}]"));
        } else {
            path.push('.');
            path.push_str(&step);
        }
    }
    path
}

/// The other way round; `None` of a text that [`dotted`] does not make.
pub(crate) fn from_dotted(dotted: &str) -> Option<String> {
    let mut pointer = String::with_capacity(dotted.len());
    let mut rest = dotted;
    while !rest.is_empty() {
        let step = if let Some(quoted) = rest.strip_prefix("[\"") {
            let end = quoted.find("\"]")?;
            rest = &quoted[end + 2..];
            serde_json::from_str(&format!("\"{}\"", &quoted[..end])).ok()?
        } else if let Some(index) = rest.strip_prefix('[') {
            let end = index.find(']')?;
            rest = &index[end + 1..];
            index[..end].to_owned()
        } else {
            let name = rest.strip_prefix('.')?;
            let end = name.find(['.', '[']).unwrap_or(name.len());
            rest = &name[end..];
            name[..end].to_owned()
        };
        pointer.push('/');
        pointer.push_str(&escape(&step));
    }
    Some(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_read_back_from_what_people_read() {
        for (pointer, path) in [
            ("/spec/template/spec/containers/0/image", ".spec.template.spec.containers[0].image"),
            ("/metadata/annotations/a.b~1c/x", r#".metadata.annotations["a.b/c"].x"#),
            ("/data/b~1c", r#".data["b/c"]"#),
            ("/data/x~0y", ".data.x~y"),
            ("", ""),
        ] {
            assert_eq!((dotted(pointer), from_dotted(path).as_deref()), (path.to_owned(), Some(pointer)), "{pointer}");
        }
        for odd in ["spec", "[\"a", "[0", r#"["\q"]"#] {
            assert_eq!(from_dotted(odd), None, "{odd}");
        }
    }
}

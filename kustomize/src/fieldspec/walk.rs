//! Going to the fields of a field spec.
//!
//! kustomize: api/filters/fieldspec/fieldspec.go, kyaml/utils/pathsplitter.go.

use super::FieldSpec;
use crate::Error;
use crate::yaml::{Kind, Node, Tag, Value};

/// What is done with each field that is found.
pub(crate) type Set<'a> = dyn FnMut(&mut Node) -> Result<(), Error> + 'a;

/// What is made where a field spec creates.
#[derive(Clone, Debug)]
pub(crate) struct Create {
    pub kind: Kind,
    /// The tag that a null on the way gets.
    pub tag: Tag,
}

/// One field spec at work on one object.
struct Walk<'a, 's> {
    create: Option<&'a Create>,
    set: &'a mut Set<'s>,
}

/// Applies `set` to the fields of `spec` in `object`, if the object is of its kinds.
///
/// # Errors
/// The path leads through something that is no mapping or list; those of `set`. They name the path.
pub(crate) fn walk(
    object: &mut Node,
    spec: &FieldSpec,
    create: Option<&Create>,
    set: &mut Set<'_>,
) -> Result<(), Error> {
    if !is_of(object, spec) {
        return Ok(());
    }
    let path = split_path(&spec.path, "/");
    let create = create.filter(|_| spec.create);
    let visited = Walk { create, set }.visit(object, &path);
    visited.map_err(|error| {
        let field = if spec.path.is_empty() { "path" } else { &spec.path.replace('/', ".") };
        error.about_field(field).context(format!("considering field '{}'", spec.path))
    })
}

/// As [`walk`] without a field spec: the path alone, nothing made.
///
/// # Errors
/// As [`walk`].
pub(crate) fn walk_path(object: &mut Node, path: &[String], set: &mut Set<'_>) -> Result<(), Error> {
    Walk { create: None, set }.visit(object, path)
}

/// As [`walk`], with each of the field specs.
pub(crate) fn walk_all(
    object: &mut Node,
    specs: &[FieldSpec],
    create: Option<&Create>,
    set: &mut Set<'_>,
) -> Result<(), Error> {
    specs.iter().try_for_each(|spec| walk(object, spec, create, set))
}

/// Go: `isMatchGVK`.
fn is_of(object: &Node, spec: &FieldSpec) -> bool {
    let text = |name: &str| object.field(name).map_or("", Node::text);
    let pattern = &spec.pattern;
    if !pattern.kind.is_empty() && pattern.kind != text("kind") {
        return false;
    }
    if pattern.group.is_empty() && pattern.version.is_empty() {
        return true;
    }
    let api_version = text("apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    (pattern.group.is_empty() || pattern.group == group) && (pattern.version.is_empty() || pattern.version == version)
}

impl Walk<'_, '_> {
    fn visit(&mut self, node: &mut Node, path: &[String]) -> Result<(), Error> {
        if path.is_empty() {
            return (self.set)(node);
        }
        if node.is_null() {
            return Ok(());
        }
        match &mut node.value {
            Value::Sequence(items) => items.iter_mut().try_for_each(|item| self.visit(item, path)),
            Value::Mapping(_) => self.visit_field(node, path),
            Value::Scalar(_) => Err(Error::new("expected sequence or mapping node").at_line(node.line)),
        }
    }

    fn visit_field(&mut self, node: &mut Node, path: &[String]) -> Result<(), Error> {
        let Some((first, rest)) = path.split_first() else { return Ok(()) };
        let (name, is_list) = first.strip_suffix("[]").map_or((first.as_str(), false), |name| (name, true));
        if name.is_empty() {
            return Err(Error::new("cannot set or create an empty field name"));
        }
        let (field, made) = match self.create.filter(|_| !is_list) {
            None => (node.lookup_mut(&[name])?, is_list.then_some((Kind::Sequence, Tag::None))),
            Some(leaf) if rest.is_empty() => (node.lookup_create(leaf.kind, &[name])?, Some((leaf.kind, leaf.tag))),
            Some(_) => (node.lookup_create(Kind::Mapping, &[name])?, Some((Kind::Mapping, Tag::Map))),
        };
        let Some(field) = field else { return Ok(()) };
        if field.is_null()
            && let Some((kind, tag)) = made
        {
            if kind != Kind::Scalar {
                field.value = Node::of_kind(kind).value;
            }
            field.tag = tag;
        }
        self.visit(field, rest)
    }
}

/// The parts of a path; `\` before the delimiter keeps it in a part, a leading delimiter counts for nothing.
/// Go: `utils.PathSplitter`.
pub(crate) fn split_path(path: &str, delimiter: &str) -> Vec<String> {
    let mut parts: Vec<&str> = path.split(delimiter).collect();
    if parts.len() > 1 && parts[0].is_empty() {
        parts.remove(0);
    }
    let mut result: Vec<String> = Vec::with_capacity(parts.len());
    for part in parts {
        match result.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push_str(delimiter);
                last.push_str(part);
            }
            _ => result.push(part.to_owned()),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::split_path;

    #[test]
    fn paths_are_split_at_delimiters_that_are_not_escaped() {
        for (path, parts) in [
            ("a/b", vec!["a", "b"]),
            ("/a/b", vec!["a", "b"]),
            (r"metadata/annotations/a.b\/c", vec!["metadata", "annotations", "a.b/c"]),
            ("", vec![""]),
        ] {
            assert_eq!(split_path(path, "/"), parts);
        }
    }
}

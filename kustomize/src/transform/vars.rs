//! `vars`: `$(NAME)` in the fields that `varReference` lists.
//!
//! kustomize: api/types/var.go, api/internal/accumulator/{resaccumulator,refvartransformer}.go, api/filters/refvar.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::Error;
use crate::fieldspec::{FieldSpec, split_path, walk};
use crate::id::{Gvk, ResId};
use crate::kustomization::{ObjectRef, Var};
use crate::resmap::ResMap;
use crate::yaml::{Kind, Node, Style, Tag, Value};

/// The vars of a build by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct VarSet(BTreeMap<String, Var>);

impl VarSet {
    /// Adds vars, and marks the objects that they read.
    ///
    /// # Errors
    /// A name comes twice; a var could read several objects.
    pub(crate) fn merge(&mut self, vars: &[Var], map: &mut ResMap) -> Result<(), Error> {
        for var in vars {
            let id = id_of(&var.object);
            let by_namespace = !id.namespace.is_empty();
            let same = |known: &ResId| {
                if by_namespace { known.is(&id) } else { known.name == id.name && known.gvk == id.gvk }
            };
            match map.positions_by_any_id(same)[..] {
                [] => {}
                [position] => map.resources_mut()[position].vars.push(var.name.clone()),
                ref several => {
                    let message =
                        format!("found {} resId matches for var {} (unable to disambiguate)", several.len(), var.name);
                    return Err(Error::new(message));
                }
            }
        }
        vars.iter().try_for_each(|var| self.add(var.clone()))
    }

    /// Adds the vars of a base.
    ///
    /// # Errors
    /// A name comes twice.
    pub(crate) fn merge_set(&mut self, other: Self) -> Result<(), Error> {
        other.0.into_values().try_for_each(|var| self.add(var))
    }

    fn add(&mut self, mut var: Var) -> Result<(), Error> {
        if self.0.contains_key(&var.name) {
            return Err(Error::new(format!("var '{}' already encountered", var.name)));
        }
        if var.field.path.is_empty() {
            "metadata.name".clone_into(&mut var.field.path);
        }
        self.0.insert(var.name.clone(), var);
        Ok(())
    }
}

/// Go: `Target.GVK`.
fn id_of(object: &ObjectRef) -> ResId {
    let (group, version) = match object.api_version.split('/').collect::<Vec<_>>()[..] {
        [group, version] => (group, version),
        [version] if !version.is_empty() => (object.group.as_str(), version),
        _ => (object.group.as_str(), object.version.as_str()),
    };
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let gvk = Gvk { api_version: api_version.into(), kind: object.kind.as_str().into(), cluster_scoped: false };
    ResId { gvk, name: object.name.as_str().into(), namespace: object.namespace.as_str().into() }
}

/// What a var stands for.
#[derive(Clone, Debug, PartialEq)]
enum VarValue {
    Text(Arc<str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// A list or mapping, which cannot be put into a text.
    Compound,
}

impl VarValue {
    /// As Go's `%v` prints it.
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => k8s_yaml::format_float(*value),
            Self::Bool(value) => value.to_string(),
            Self::Compound => String::new(),
        }
    }
}

/// Puts the values of all vars into the fields.
///
/// # Errors
/// A var reads an object or field that is not there; a field holds something that no var can be in.
pub(crate) fn resolve(
    vars: &VarSet,
    map: &mut ResMap,
    fields: &[FieldSpec],
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    if vars.0.is_empty() {
        return Ok(());
    }
    let mut values = BTreeMap::new();
    for var in vars.0.values() {
        values.insert(var.name.as_str(), value_of(var, map)?);
    }
    let mut replacer = Replacer { values, used: BTreeSet::new(), written: 0 };
    for resource in map.resources_mut() {
        for spec in fields {
            resource.change(|node| walk(node, spec, None, &mut |field| replacer.set(field)))?;
        }
    }
    replacer.check()?;
    let unused: Vec<&str> = replacer.values.keys().copied().filter(|name| !replacer.used.contains(*name)).collect();
    if !unused.is_empty() {
        warnings.push(format!("well-defined vars that were never replaced: {}", unused.join(",")));
    }
    Ok(())
}

fn value_of(var: &Var, map: &ResMap) -> Result<VarValue, Error> {
    let Some(resource) = map.resources().iter().find(|resource| resource.vars.contains(&var.name)) else {
        return Err(Error::new(format!(
            "var '{}' cannot be mapped to a field in the set of known resources",
            var.name
        )));
    };
    let path = var_path(&var.field.path);
    let missing = || {
        let message = format!("field specified in var '{}' not found in corresponding resource", var.name);
        Error::new(message).in_field(&var.field.path)
    };
    let node = resource.node.lookup(&path)?.ok_or_else(missing)?;
    let text = match &node.value {
        Value::Scalar(text) => text,
        Value::Sequence(_) | Value::Mapping(_) => return Ok(VarValue::Compound),
    };
    match node.tag {
        Tag::Int => text.parse().map(VarValue::Int).map_err(|_| missing()),
        Tag::Float => text.parse().map(VarValue::Float).map_err(|_| missing()),
        Tag::Bool => match &**text {
            "true" | "True" | "TRUE" => Ok(VarValue::Bool(true)),
            _ => Ok(VarValue::Bool(false)),
        },
        _ => Ok(VarValue::Text(Arc::clone(text))),
    }
}

/// The parts of `spec.ports[0].[name=a.b]`. Go: `SmarterPathSplitter`, `convertSliceIndex`.
fn var_path(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut split = split_path(path, ".").into_iter();
    while let Some(mut part) = split.next() {
        if part.starts_with('[') && !part.ends_with(']') {
            for more in split.by_ref() {
                part = format!("{part}.{more}");
                if more.ends_with(']') {
                    break;
                }
            }
            if !part.contains('=') {
                part = part.trim_matches(['[', ']']).to_owned();
            }
        }
        let index = part.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
        match index.filter(|(_, index)| !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit())) {
            Some((name, index)) => {
                parts.extend((!name.is_empty()).then(|| name.to_owned()));
                parts.push(index.to_owned());
            }
            None => parts.push(part),
        }
    }
    parts
}

struct Replacer<'v> {
    values: BTreeMap<&'v str, VarValue>,
    used: BTreeSet<String>,
    /// The bytes written so far.
    written: usize,
}

/// As many bytes are written in place of vars, in the whole build.
const MAX_WRITTEN: usize = 4 << 20;

impl Replacer<'_> {
    fn check(&self) -> Result<(), Error> {
        if self.written > MAX_WRITTEN {
            return Err(Error::new(format!("the values put in place of vars come to more than {MAX_WRITTEN} bytes")));
        }
        Ok(())
    }

    fn set(&mut self, field: &mut Node) -> Result<(), Error> {
        self.check()?;
        if field.is_null() {
            return Ok(());
        }
        match &mut field.value {
            Value::Scalar(_) => self.set_scalar(field),
            Value::Sequence(items) => {
                for item in items.iter_mut() {
                    if !item.is_string() {
                        return Err(Error::new("invalid value type expect a string").at_line(item.line));
                    }
                    self.set_scalar(item);
                }
            }
            Value::Mapping(fields) => {
                for entry in fields {
                    if !matches!(entry.key.tag, Tag::Str | Tag::None) {
                        let message = format!("invalid map key: value='{}'", entry.key.text);
                        return Err(Error::new(message).at_line(entry.key.line));
                    }
                    self.set_scalar(&mut entry.value);
                }
            }
        }
        Ok(())
    }

    /// Go: `updateNodeValue`.
    fn set_scalar(&mut self, node: &mut Node) {
        if node.kind() != Kind::Scalar || !node.is_string() {
            return;
        }
        let (text, tag) = match self.replace(node.text()) {
            VarValue::Int(value) => (value.to_string(), Tag::Int),
            VarValue::Float(value) => (format!("{value}"), Tag::Float),
            VarValue::Bool(value) => (value.to_string(), Tag::Bool),
            other => (other.text(), Tag::Str),
        };
        node.set_text(text);
        node.tag = tag;
        node.style = Style::PLAIN;
    }

    fn mapped(&mut self, name: &str) -> VarValue {
        match self.values.get(name) {
            Some(VarValue::Compound) | None => VarValue::Text(format!("$({name})").into()),
            Some(value) => {
                self.used.insert(name.to_owned());
                value.clone()
            }
        }
    }

    /// Go: `DoReplacements`. `$$` is a dollar sign; a text that is one var alone takes over its type.
    fn replace(&mut self, input: &str) -> VarValue {
        let mut output = String::with_capacity(input.len());
        let mut rest = input;
        while let Some(at) = rest.find('$').filter(|at| at + 1 < rest.len()) {
            output.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            if let Some(after) = after.strip_prefix('$') {
                output.push('$');
                rest = after;
            } else if let Some((name, after)) = after.strip_prefix('(').and_then(|text| text.split_once(')')) {
                let value = self.mapped(name);
                if input.len() == name.len() + 3 {
                    return value;
                }
                let text = value.text();
                // What is too much is cut here, and an error of the next field, or of the end.
                self.written += text.len();
                if self.written <= MAX_WRITTEN {
                    output.push_str(&text);
                }
                rest = after;
            } else {
                output.push('$');
                rest = after;
            }
        }
        output.push_str(rest);
        VarValue::Text(output.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_expanded() {
        let values = BTreeMap::from([("A", VarValue::Text("x".into())), ("N", VarValue::Int(5))]);
        let mut replacer = Replacer { values, used: BTreeSet::new(), written: 0 };
        let text = |text: &str| VarValue::Text(text.into());
        for (input, expected) in [
            ("$(A)", text("x")),
            ("$(N)", VarValue::Int(5)),
            ("a$(A)b$(N)", text("axb5")),
            ("$$(A)", text("$(A)")),
            ("$(B) $", text("$(B) $")),
            ("$(A", text("$(A")),
            ("$x$$", text("$x$")),
        ] {
            assert_eq!(replacer.replace(input), expected, "{input}");
        }
    }

    #[test]
    fn paths_of_vars_are_divided() {
        for (path, parts) in [
            ("spec.ports[0].port", vec!["spec", "ports", "0", "port"]),
            ("metadata.annotations.[a.b/c]", vec!["metadata", "annotations", "a.b/c"]),
            ("spec.[name=a.b].x", vec!["spec", "[name=a.b]", "x"]),
        ] {
            assert_eq!(var_path(path), parts);
        }
    }
}

//! Finding and setting elements of a list by their merge keys.
//!
//! kustomize: kyaml/yaml/fns.go (`ElementSetter`, `ElementMatcher`), kyaml/yaml/walk/associative_sequence.go.

use crate::Error;
use crate::yaml::{Kind, Node};

/// Whether it is null or an empty mapping. Go: `IsEmptyMap`.
pub(super) fn is_empty(node: &Node) -> bool {
    node.is_null() || (node.is_mapping() && node.fields().is_empty())
}

/// The first element whose fields have the values; with the empty key the elements themselves are compared.
/// Go: `ElementMatcher`.
pub(super) fn position<'a>(
    elements: impl IntoIterator<Item = &'a Node>,
    keys: &[&str],
    values: &[String],
) -> Option<usize> {
    let first = values.first().map_or("", String::as_str);
    if keys.first().is_none_or(|key| key.is_empty()) {
        return elements.into_iter().position(|element| element.text() == first);
    }
    elements.into_iter().position(|element| {
        keys.iter().zip(values).all(|(key, value)| element.field(key).is_some_and(|field| field.text() == value))
    })
}

/// Whether `ElementSetter` takes an element for the one that keys and values name: an empty value stands for any, and a
/// key without value counts as the one before it.
fn names(element: &Node, keys: &[&str], values: &[String]) -> Result<bool, Error> {
    let mut found = false;
    for (at, key) in keys.iter().enumerate() {
        if let Some(value) = values.get(at) {
            found = if key.is_empty() {
                element.expect_kind(Kind::Scalar)?;
                element.text() == value
            } else {
                element.expect_kind(Kind::Mapping)?;
                element.field(key).is_some_and(|field| value.is_empty() || field.text() == value)
            };
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(found)
}

/// Elements that stand in several lists at once: the lists hold places of the pool.
#[derive(Debug, Default)]
pub(super) struct Pool(pub(super) Vec<Node>);

impl Pool {
    pub(super) fn add(&mut self, node: Node) -> usize {
        self.0.push(node);
        self.0.len() - 1
    }

    /// Puts `element` in the place of those that keys and values name, or at the end; without `element` removes them.
    /// Elements that are null or empty mappings go, whatever their keys. Go: `ElementSetter`.
    pub(super) fn set(
        &self,
        list: &mut Vec<usize>,
        element: Option<usize>,
        keys: &[&str],
        values: &[String],
    ) -> Result<(), Error> {
        let asks_for_mapping =
            keys.first().is_some_and(|key| !key.is_empty()) && values.first().is_some_and(|v| !v.is_empty());
        let mut kept = Vec::with_capacity(list.len() + 1);
        let mut matched = false;
        for &at in list.iter() {
            let Some(node) = self.0.get(at) else { continue };
            if is_empty(node) {
                continue;
            }
            if asks_for_mapping && !node.is_mapping() {
                kept.push(at);
            } else if !names(node, keys, values)? {
                // Without any value nothing is kept.
                if !values.is_empty() {
                    kept.push(at);
                }
            } else {
                matched = true;
                kept.extend(element);
            }
        }
        if !matched {
            kept.extend(element.filter(|at| self.0.get(*at).is_some_and(|node| !node.is_null())));
        }
        *list = kept;
        Ok(())
    }
}

/// The values of the keys in each element, an empty one where a key is missing. Go: `ElementValuesList`.
pub(super) fn values_of(element: &Node, keys: &[&str]) -> Vec<String> {
    let text =
        |key: &&str| element.field(key).filter(|field| !field.is_nil_or_empty()).map_or("", Node::text).to_owned();
    keys.iter().map(text).collect()
}

/// Keys that have a value in some element, and the values for them; all keys if there is none. Go: `validateKeys`.
pub(super) fn with_values<'k>(all: &[Vec<String>], values: &[String], keys: &[&'k str]) -> (Vec<&'k str>, Vec<String>) {
    let in_use: Vec<bool> = (0..keys.len())
        .map(|at| all.iter().any(|values| values.get(at).is_some_and(|value| !value.is_empty())))
        .collect();
    if !in_use.contains(&true) {
        return (keys.to_vec(), values.to_vec());
    }
    let used = |at: usize| in_use.get(at).copied().unwrap_or(false);
    let valid_keys = keys.iter().enumerate().filter(|(at, _)| used(*at)).map(|(_, key)| *key).collect();
    let valid_values = values
        .iter()
        .enumerate()
        .filter(|(at, value)| !value.is_empty() || used(*at))
        .map(|(_, value)| value.clone())
        .collect();
    (valid_keys, valid_values)
}

/// Makes one of elements that agree in a key and differ only where one has no value: `{port: 80}` and
/// `{port: 80, protocol: TCP}`. One is compared with all others as it was before it became one with any. Go: `mergeValues`.
pub(super) fn unify(list: &mut [Vec<String>]) {
    for first in 0..list.len() {
        let values = list[first].clone();
        for second in 0..list.len() {
            if let Some(merged) = unified(&values, &list[second]) {
                list[first].clone_from(&merged);
                list[second] = merged;
            }
        }
    }
}

fn unified(first: &[String], second: &[String]) -> Option<Vec<String>> {
    let mut agree = false;
    let mut merged = Vec::with_capacity(first.len());
    for (a, b) in first.iter().zip(second) {
        if a == b {
            agree = true;
        } else if !a.is_empty() && !b.is_empty() {
            return None;
        }
        merged.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    agree.then_some(merged)
}

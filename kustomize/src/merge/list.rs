//! Lists that merge by keys.
//!
//! kustomize: kyaml/yaml/walk/associative_sequence.go, with the elements of the patch before those of the object
//! (`MergeOptionsListPrepend`).

use super::directive::{self, Directive};
use super::elements::{Pool, is_empty, position, unify, values_of, with_values};
use super::{Merged, Merger};
use crate::Error;
use crate::openapi::SchemaRef;
use crate::yaml::Node;

/// Both lists of a merge, as places in one pool. They are the same list where a node is merged with itself.
struct Lists {
    pool: Pool,
    object: Vec<usize>,
    patch: Option<Vec<usize>>,
}

impl Lists {
    fn new(object: &mut Node, patch: Option<&Node>) -> Self {
        let mut pool = Pool::default();
        let elements = object.elements_mut().map(std::mem::take).unwrap_or_default();
        let object = elements.into_iter().map(|element| pool.add(element)).collect();
        let patch = patch.map(|list| list.elements().iter().map(|element| pool.add(element.clone())).collect());
        Self { pool, object, patch }
    }

    fn with_itself(node: &mut Node) -> Self {
        let mut lists = Self::new(node, None);
        lists.patch = Some(lists.object.clone());
        lists
    }

    /// The elements of the patch, then those of the object.
    fn all(&self) -> impl Iterator<Item = &Node> {
        self.patch.iter().flatten().chain(&self.object).filter_map(|at| self.pool.0.get(*at))
    }

    /// The values by which elements are told apart, each once. Go: `elementValues`, `elementPrimitiveValues`.
    fn values(&self, keys: &[&str]) -> Vec<Vec<String>> {
        let mut seen: Vec<Vec<String>> = Vec::new();
        for element in self.all() {
            let values = if keys == [""] { vec![element.text().to_owned()] } else { values_of(element, keys) };
            if !seen.contains(&values) {
                seen.push(values);
            }
        }
        seen
    }

    fn find(&self, list: &[usize], keys: &[&str], values: &[String]) -> Option<usize> {
        let elements = list.iter().filter_map(|at| self.pool.0.get(*at));
        position(elements, keys, values).and_then(|at| list.get(at).copied())
    }

    fn nodes(&self, list: &[usize]) -> Vec<Node> {
        list.iter().filter_map(|at| self.pool.0.get(*at).cloned()).collect()
    }
}

impl<'a> Merger<'a> {
    /// Go: `walkAssociativeSequence` and `Merger.VisitList`.
    pub(super) fn list(
        self,
        object: Option<Node>,
        patch: Option<&mut Node>,
        schema: Option<SchemaRef<'a>>,
        keys: &[&str],
    ) -> Result<Merged, Error> {
        let Some(mut object) = object.filter(|node| !node.is_null()) else {
            let Some(patch) = patch else { return Ok(Merged::cleared(None)) };
            let value = self.list_with_itself(patch.clone(), schema, keys)?;
            return Ok(Merged::Replaced { value: Some(value), old: None });
        };
        let Some(patch) = patch else {
            let lists = Lists::new(&mut object, None);
            return self.elements(object, lists, schema, keys).map(Merged::Kept);
        };
        if patch.is_null() {
            return Ok(Merged::cleared(Some(object)));
        }
        match directive::take_from_list(patch)? {
            Directive::Delete => Ok(Merged::cleared(Some(object))),
            Directive::Replace => {
                let value = self.list_with_itself(patch.clone(), schema, keys)?;
                Ok(Merged::Replaced { value: Some(value), old: Some(object) })
            }
            Directive::Merge => {
                let lists = Lists::new(&mut object, Some(patch));
                self.elements(object, lists, schema, keys).map(Merged::Kept)
            }
        }
    }

    /// A list of the patch that takes the place of the object's.
    pub(super) fn list_with_itself(
        self,
        mut list: Node,
        schema: Option<SchemaRef<'a>>,
        keys: &[&str],
    ) -> Result<Node, Error> {
        let lists = Lists::with_itself(&mut list);
        self.elements(list, lists, schema, keys)
    }

    /// Fills `list`, whose elements are in `lists`. Go: `setAssociativeSequenceElements`.
    fn elements(
        self,
        mut list: Node,
        mut lists: Lists,
        schema: Option<SchemaRef<'a>>,
        keys: &[&str],
    ) -> Result<Node, Error> {
        let keys = if keys.is_empty() { &[""][..] } else { keys };
        let schema = schema.and_then(SchemaRef::elements);
        let mut all = lists.values(keys);
        if keys.len() > 1 {
            unify(&mut all);
        }
        let mut merged: Vec<usize> = Vec::new();
        let mut last_keys = Vec::new();
        for values in &all {
            let (keys, values) = with_values(&all, values, keys);
            let element = self.element(&mut lists, schema, &keys, &values)?;
            match element {
                Some(at) => lists.pool.set(&mut merged, Some(at), &keys, &values)?,
                None => lists.pool.set(&mut lists.object, None, &keys, &values)?,
            }
            last_keys = keys;
        }
        if !all.is_empty() {
            append(&lists.pool, &mut merged, &lists.object, &last_keys)?;
            lists.object = merged;
        }
        let nodes = lists.nodes(&lists.object);
        if let Some(elements) = list.elements_mut() {
            *elements = nodes;
        }
        Ok(list)
    }

    /// Merges the elements that have the values; the place of what came of it, none if it goes.
    fn element(
        self,
        lists: &mut Lists,
        schema: Option<SchemaRef<'a>>,
        keys: &[&str],
        values: &[String],
    ) -> Result<Option<usize>, Error> {
        let (search_keys, search_values) = with_values(&[values.to_vec()], values, keys);
        let object = lists.find(&lists.object, &search_keys, &search_values);
        let patch = lists.patch.as_ref().and_then(|list| lists.find(list, &search_keys, &search_values));
        let place = self.walk_element(&mut lists.pool, object, patch, schema).map_err(|error| {
            let name: Vec<String> =
                search_keys.iter().zip(&search_values).map(|(key, value)| format!("{key}={value}")).collect();
            error.in_field(&format!("[{}]", name.join(",")))
        })?;
        let Some(place) = place.filter(|at| lists.pool.0.get(*at).is_some_and(|node| !is_empty(node))) else {
            return Ok(None);
        };
        for (key, value) in keys.iter().zip(values).filter(|(_, value)| !value.is_empty()) {
            let Some(node) = lists.pool.0.get_mut(place) else { continue };
            if key.is_empty() {
                node.set_scalar(Node::scalar(value.as_str()));
            } else if node.field(key).is_none() {
                node.expect_kind(crate::yaml::Kind::Mapping)?;
                node.set_field(key, Node::scalar(value.as_str()));
            }
        }
        Ok(Some(place))
    }

    fn walk_element(
        self,
        pool: &mut Pool,
        object: Option<usize>,
        patch: Option<usize>,
        schema: Option<SchemaRef<'a>>,
    ) -> Result<Option<usize>, Error> {
        let mut take = |at: usize| pool.0.get_mut(at).map(|node| std::mem::replace(node, Node::null()));
        let node = object.and_then(&mut take);
        if object.is_some() && object == patch {
            let Some(node) = node else { return Ok(None) };
            let merged = self.merge_itself(node, schema)?;
            return Ok(settle(pool, merged, object, patch));
        }
        let mut from_patch = patch.and_then(&mut take);
        let merged = self.walk(node, from_patch.as_mut(), schema)?;
        if let (Some(at), Some(node)) = (patch, from_patch) {
            pool.0[at] = node;
        }
        Ok(settle(pool, merged, object, patch))
    }
}

/// Puts what became of an element back into the pool.
fn settle(pool: &mut Pool, merged: Merged, object: Option<usize>, patch: Option<usize>) -> Option<usize> {
    match merged {
        Merged::Kept(node) => {
            let at = object?;
            pool.0[at] = node;
            Some(at)
        }
        Merged::Replaced { value, old } => {
            if let (Some(at), Some(old)) = (object, old) {
                pool.0[at] = old;
            }
            let value = value?;
            match patch {
                Some(at) if object != patch => {
                    pool.0[at] = value;
                    Some(at)
                }
                _ => Some(pool.add(value)),
            }
        }
    }
}

/// Puts the elements of the object over those of the same keys in `merged`, or after them. Go: `appendListNode`.
fn append(pool: &Pool, merged: &mut Vec<usize>, object: &[usize], keys: &[&str]) -> Result<(), Error> {
    for &at in object {
        let Some(element) = pool.0.get(at) else { continue };
        if keys == [""] {
            pool.set(merged, Some(at), keys, &[element.text().to_owned()])?;
            continue;
        }
        let mut values = Vec::new();
        for key in keys {
            if !element.is_null() {
                element.expect_kind(crate::yaml::Kind::Mapping)?;
            }
            match element.field(key) {
                Some(value) => values.push(value.text().to_owned()),
                None => merged.push(at),
            }
        }
        if keys.len() > 1 {
            pool.set(merged, None, keys, &values)?;
        }
        pool.set(merged, Some(at), keys, &values)?;
    }
    Ok(())
}

//! From the text of a file to objects.
//!
//! kustomize: api/resource/factory.go.

use crate::Error;
use crate::go_json;
use crate::resmap::ResMap;
use crate::resource::{LOCAL_CONFIG, Resource, Scopes};
use crate::yaml::{Node, parse_documents};

/// The objects of a file, those of lists taken out. Go: `SliceFromBytes`.
///
/// # Errors
/// The text is not YAML; a document is no object, or has no kind or name.
pub(crate) fn resources_from_text(text: &str, scopes: &Scopes) -> Result<Vec<Resource>, Error> {
    Ok(nodes_from_text(text, scopes)?.into_iter().map(|node| Resource::new(node, scopes)).collect())
}

/// Go: `RNodesFromBytes`.
fn nodes_from_text(text: &str, scopes: &Scopes) -> Result<Vec<Node>, Error> {
    let mut pending: std::collections::VecDeque<Node> = objects(unwrap_list(scopes.parse(text)?))?.into();
    let mut nodes = Vec::new();
    // What is in a list comes after all that is not.
    while let Some(node) = pending.pop_front() {
        match inline_list(&node)? {
            Some(items) => pending.extend(items),
            None => nodes.push(node),
        }
    }
    Ok(nodes)
}

/// The elements of a `List` that is the only document. Go: `ByteReader.Read`.
fn unwrap_list(documents: Vec<Node>) -> Vec<Node> {
    let [document] = documents.as_slice() else { return documents };
    let kind = document.field("kind").map_or("", Node::text);
    if !matches!(kind, "List" | "ResourceList") {
        return documents;
    }
    match document.field("items") {
        Some(items) => items.elements().to_vec(),
        None if document.field("functionConfig").is_some() => Vec::new(),
        None => documents,
    }
}

/// Go: `dropBadNodes`.
fn objects(nodes: Vec<Node>) -> Result<Vec<Node>, Error> {
    let mut good = Vec::with_capacity(nodes.len());
    for node in nodes {
        if node.is_nil_or_empty() {
            continue;
        }
        check(&node)?;
        good.push(node);
    }
    Ok(good)
}

/// Go: `GetValidatedMetadata`.
fn check(node: &Node) -> Result<(), Error> {
    let given = |node: &Node, name: &str| node.field(name).is_some_and(|field| !field.is_nil_or_empty());
    let metadata = node.field("metadata").filter(|metadata| !metadata.is_nil_or_empty());
    let meta_given = ["name", "namespace", "labels", "annotations"]
        .iter()
        .any(|name| metadata.is_some_and(|metadata| given(metadata, name)));
    if !given(node, "apiVersion") && !given(node, "kind") && !meta_given {
        let message = "missing Resource metadata: this is no Kubernetes object";
        return Err(Error::new(message).at_line(node.line).in_field("metadata"));
    }
    let kind = node.text_at(&["kind"]);
    if kind.is_empty() {
        return Err(Error::new("missing kind in object").at_line(node.line).in_field("kind"));
    }
    let name = metadata.map_or("", |metadata| metadata.text_at(&["name"]));
    if name.is_empty() && !kind.ends_with("List") {
        let message = format!("missing metadata.name in object {kind}");
        return Err(Error::new(message).at_line(node.line).in_field("metadata.name"));
    }
    Ok(())
}

/// The objects in a node whose kind ends in `List`; `None` if it is none. Go: `inlineAnyEmbeddedLists`.
fn inline_list(node: &Node) -> Result<Option<Vec<Node>>, Error> {
    let kind = node.field("kind").map_or("", Node::text);
    if !kind.ends_with("List") {
        return Ok(None);
    }
    let json = node.to_json().map_err(|error| error.context(format!("expanding the {kind}")))?;
    match json.get("items") {
        None => Ok(None),
        Some(serde_json::Value::Null) => Ok(Some(Vec::new())),
        Some(serde_json::Value::Array(items)) => {
            let mut nodes = Vec::new();
            for item in items {
                let documents = parse_documents(&go_json::to_string(item))?;
                nodes.extend(objects(unwrap_list(documents))?);
            }
            Ok(Some(nodes))
        }
        Some(_) => Err(Error::new(format!("expected a list in {kind}/items")).at_line(node.line).in_field("items")),
    }
}

/// Takes out the objects that are for tools alone and not printed. Go: `IgnoreLocal`.
///
/// # Errors
/// Patches or replacements have left an object without kind or name.
pub(crate) fn drop_local(map: &mut ResMap) -> Result<(), Error> {
    for resource in map.resources().iter().filter(|resource| !resource.is_gone()) {
        check(&resource.node).map_err(|error| resource.locate(error))?;
    }
    let is_local = |resource: &Resource| resource.annotation(LOCAL_CONFIG).is_some_and(|value| value != "false");
    map.retain(|resource| !resource.is_gone() && !is_local(resource));
    Ok(())
}

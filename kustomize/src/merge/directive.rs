//! `$patch`.
//!
//! kustomize: kyaml/yaml/merge2/smpdirective.go.

use super::elements;
use crate::Error;
use crate::yaml::Node;

/// What a patch says of the value that it lies over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directive {
    /// Merge, which is what a patch without `$patch` does.
    Merge,
    /// The patch takes its place.
    Replace,
    /// It goes.
    Delete,
}

const NAME: &str = "$patch";

fn read(node: &Node) -> Result<Directive, Error> {
    match node.text() {
        "delete" => Ok(Directive::Delete),
        "replace" => Ok(Directive::Replace),
        "merge" => Ok(Directive::Merge),
        other => Err(Error::new(format!("unknown patch strategy '{other}' (known: delete, replace, merge)"))
            .in_field(NAME)
            .at_line(node.line)),
    }
}

/// The directive of a mapping, taken out of it.
pub(super) fn take_from_map(patch: &mut Node) -> Result<Directive, Error> {
    let Some(node) = patch.field(NAME) else { return Ok(Directive::Merge) };
    let directive = read(node)?;
    patch.clear(NAME);
    Ok(directive)
}

/// The directive of a list, an element that holds nothing but `$patch`, taken out of it.
pub(super) fn take_from_list(patch: &mut Node) -> Result<Directive, Error> {
    let Some(element) = patch.elements().iter().find(|element| element.field(NAME).is_some()) else {
        return Ok(Directive::Merge);
    };
    let (1, Some(value)) = (element.fields().len(), element.field(NAME)) else { return Ok(Directive::Merge) };
    let directive = read(value)?;
    let text = value.text().to_owned();
    let Some(list) = patch.elements_mut() else { return Ok(directive) };
    list.retain(|element| !elements::is_empty(element) && (!element.is_mapping() || element.text_at(&[NAME]) != text));
    Ok(directive)
}

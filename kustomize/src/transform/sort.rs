//! The order of the output: `sortOptions`.
//!
//! kustomize: api/internal/builtins/SortOrderTransformer.go.

use std::cmp::Ordering;

use crate::Error;
use crate::config::{ORDER_FIRST, ORDER_LAST};
use crate::id::ResId;
use crate::kustomization::SortOptions;
use crate::resmap::ResMap;

/// Where a kind stands among others.
struct Ranks {
    first: Vec<String>,
    last: Vec<String>,
}

impl Ranks {
    fn of(&self, kind: &str) -> i64 {
        let place = |list: &[String]| list.iter().rposition(|name| name == kind).and_then(|at| i64::try_from(at).ok());
        let length = i64::try_from(self.first.len()).unwrap_or(i64::MAX);
        match (place(&self.last), place(&self.first)) {
            (Some(at), _) => at + 1,
            (None, Some(at)) => at - length,
            (None, None) => 0,
        }
    }
}

/// Orders the objects as `sortOptions` say.
///
/// # Errors
/// The options are malformed; two objects have one id.
pub(crate) fn sort(map: &mut ResMap, options: &SortOptions) -> Result<(), Error> {
    match (options.order.as_str(), &options.legacy) {
        ("fifo", None) => return Ok(()),
        ("fifo", Some(_)) => {
            let message = "is set but the selected sort order is 'fifo', not 'legacy'";
            return Err(Error::new(message).in_field("sortOptions.legacySortOptions"));
        }
        ("legacy", _) => {}
        _ => return Err(Error::new("must be one of fifo, legacy").in_field("sortOptions.order")),
    }
    let ranks = match &options.legacy {
        Some(legacy) => Ranks { first: legacy.first.clone(), last: legacy.last.clone() },
        None => Ranks { first: ORDER_FIRST.map(str::to_owned).into(), last: ORDER_LAST.map(str::to_owned).into() },
    };
    let keyed = map.resources().iter().enumerate().map(|(at, resource)| {
        let id = resource.current_id();
        (ranks.of(&id.gvk.kind), id, at)
    });
    let mut keyed: Vec<(i64, ResId, usize)> = keyed.collect();
    keyed.sort_by(|(rank, id, _), (other_rank, other, _)| {
        let by_type = || match texts_of_type(id).cmp(texts_of_type(other)) {
            // Namespaces of the core group come last among those of other groups.
            order if is_namespace(id) && is_namespace(other) && either_is_core(id, other) => order.reverse(),
            order => order,
        };
        match (id.gvk == other.gvk, rank.cmp(other_rank)) {
            (true, _) => text_of_place(id).cmp(text_of_place(other)),
            (false, Ordering::Equal) => by_type(),
            (false, order) => order,
        }
    });
    let order: Vec<usize> = keyed.into_iter().map(|(.., at)| at).collect();
    map.reorder(&order)
}

fn is_namespace(id: &ResId) -> bool {
    &*id.gvk.kind == "Namespace"
}

fn either_is_core(one: &ResId, other: &ResId) -> bool {
    one.gvk.group().is_empty() || other.gvk.group().is_empty()
}

/// The characters by which types are ordered. Go: `stableSortString`.
fn texts_of_type(id: &ResId) -> impl Iterator<Item = u8> {
    let (group, version) = (or(id.gvk.group(), "~G"), or(id.gvk.version(), "~V"));
    joined([group, "_", version, "_", or(&id.gvk.kind, "~K")])
}

/// Those by which the objects of one type are. Go: `legacyResIDSortString`.
fn text_of_place(id: &ResId) -> impl Iterator<Item = u8> {
    joined([or(&id.namespace, "~X"), "|", or(&id.name, "~N")])
}

fn joined<const N: usize>(parts: [&str; N]) -> impl Iterator<Item = u8> {
    parts.into_iter().flat_map(str::bytes)
}

fn or<'t>(text: &'t str, none: &'t str) -> &'t str {
    if text.is_empty() { none } else { text }
}

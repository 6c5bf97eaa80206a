//! The order of the output: `sortOptions`.
//!
//! kustomize: api/internal/builtins/SortOrderTransformer.go.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::Error;
use crate::config::{ORDER_FIRST, ORDER_LAST};
use crate::id::Gvk;
use crate::kustomization::SortOptions;
use crate::resmap::ResMap;
use crate::resource::Resource;

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
    let mut types: Vec<(i64, Gvk)> = Vec::new();
    let place = |resource: &Resource| {
        let gvk = resource.gvk();
        let known = types.iter().position(|(_, known)| known.kind == gvk.kind && known.api_version == gvk.api_version);
        let of_type = known.unwrap_or(types.len());
        if known.is_none() {
            types.push((ranks.of(&gvk.kind), gvk));
        }
        Place { of_type, namespace: resource.namespace(), name: resource.name() }
    };
    let places: Vec<Place> = map.resources().iter().map(place).collect();
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&at, &other| {
        let (place, other) = (&places[at], &places[other]);
        let ((rank, gvk), (other_rank, other_gvk)) = (&types[place.of_type], &types[other.of_type]);
        let by_type = || match texts_of_type(gvk).cmp(texts_of_type(other_gvk)) {
            // Namespaces of the core group come last among those of other groups.
            order if is_namespace(gvk) && is_namespace(other_gvk) && either_is_core(gvk, other_gvk) => order.reverse(),
            order => order,
        };
        match (gvk == other_gvk, rank.cmp(other_rank)) {
            (true, _) => place.text().cmp(other.text()),
            (false, Ordering::Equal) => by_type(),
            (false, order) => order,
        }
    });
    drop(places);
    map.reorder(&order)
}

/// What an object is ordered by; small, as a build holds much when it orders its objects.
struct Place {
    /// The number of its type.
    of_type: usize,
    namespace: Arc<str>,
    name: Arc<str>,
}

impl Place {
    /// The characters by which the objects of one type are ordered. Go: `legacyResIDSortString`.
    fn text(&self) -> impl Iterator<Item = u8> {
        joined([or(&self.namespace, "~X"), "|", or(&self.name, "~N")])
    }
}

fn is_namespace(gvk: &Gvk) -> bool {
    &*gvk.kind == "Namespace"
}

fn either_is_core(one: &Gvk, other: &Gvk) -> bool {
    one.group().is_empty() || other.group().is_empty()
}

/// The characters by which types are ordered. Go: `stableSortString`.
fn texts_of_type(gvk: &Gvk) -> impl Iterator<Item = u8> {
    let (group, version) = (or(gvk.group(), "~G"), or(gvk.version(), "~V"));
    joined([group, "_", version, "_", or(&gvk.kind, "~K")])
}

fn joined<const N: usize>(parts: [&str; N]) -> impl Iterator<Item = u8> {
    parts.into_iter().flat_map(str::bytes)
}

fn or<'t>(text: &'t str, none: &'t str) -> &'t str {
    if text.is_empty() { none } else { text }
}

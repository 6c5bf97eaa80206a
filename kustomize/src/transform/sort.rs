//! The order of the output: `sortOptions`.
//!
//! kustomize: api/internal/builtins/SortOrderTransformer.go.

use std::cmp::Ordering;

use crate::Error;
use crate::config::{ORDER_FIRST, ORDER_LAST, sort_text};
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
    let mut keyed: Vec<_> = map
        .take()
        .into_iter()
        .map(|resource| {
            let id = resource.current_id();
            ((ranks.of(&id.gvk.kind), type_text(&id), id_text(&id), id), resource)
        })
        .collect();
    keyed.sort_by(|((rank, types, text, id), _), ((other_rank, other_types, other_text, other_id), _)| {
        let by_type = || match types.cmp(other_types) {
            // Namespaces of the core group come last among those of other groups.
            order if is_namespace(id) && is_namespace(other_id) && either_is_core(id, other_id) => order.reverse(),
            order => order,
        };
        match (id.gvk == other_id.gvk, rank.cmp(other_rank)) {
            (true, _) => text.cmp(other_text),
            (false, Ordering::Equal) => by_type(),
            (false, order) => order,
        }
    });
    map.append_all(keyed.into_iter().map(|(_, resource)| resource).collect())
}

fn is_namespace(id: &ResId) -> bool {
    &*id.gvk.kind == "Namespace"
}

fn either_is_core(one: &ResId, other: &ResId) -> bool {
    one.gvk.group().is_empty() || other.gvk.group().is_empty()
}

fn type_text(id: &ResId) -> String {
    sort_text(id.gvk.group(), id.gvk.version(), &id.gvk.kind)
}

/// Go: `legacyResIDSortString`.
fn id_text(id: &ResId) -> String {
    let or = |text: &'static str, part: &str| if part.is_empty() { text.to_owned() } else { part.to_owned() };
    format!("{}|{}|{}", id.gvk, or("~X", &id.namespace), or("~N", &id.name))
}

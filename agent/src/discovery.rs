//! How kinds are served, asked group by group, so that a cluster with hundreds of groups costs what is used of it.
//! Called for [`Action::Discover`](skiff_planner::agent::Action::Discover).

use crate::api::{Api, ApiError};
use serde_json::Value;
use skiff_planner::agent::{GroupKind, KindInfo};
use std::collections::{BTreeMap, BTreeSet};

/// Asks for these kinds.
///
/// # Errors
/// Where the API server could not be asked completely: then nothing is said of any of them.
pub async fn discover(api: &Api, kinds: Vec<GroupKind>) -> Result<Vec<(GroupKind, Option<KindInfo>)>, ApiError> {
    let groups: BTreeSet<&str> = kinds.iter().map(|kind| kind.group.as_str()).collect();
    let mut found: BTreeMap<(String, String), KindInfo> = BTreeMap::new();
    for group in groups {
        let wanted: BTreeSet<&str> =
            kinds.iter().filter(|kind| kind.group == group).map(|kind| kind.kind.as_str()).collect();
        for version in versions(api, group).await? {
            read_version(api, group, &version, &wanted, &mut found).await?;
        }
    }
    Ok(kinds
        .into_iter()
        .map(|kind| {
            let info = found.get(&(kind.group.clone(), kind.kind.clone())).cloned();
            (kind, info)
        })
        .collect())
}

/// The versions of a group, the preferred one first; none where the group is not served.
async fn versions(api: &Api, group: &str) -> Result<Vec<String>, ApiError> {
    if group.is_empty() {
        return Ok(vec!["v1".into()]);
    }
    let Some(answer) = api.find(&format!("/apis/{group}")).await? else { return Ok(Vec::new()) };
    let preferred = answer["preferredVersion"]["version"].as_str().unwrap_or_default();
    let all = answer["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let others = all.iter().filter_map(|version| version["version"].as_str()).filter(|version| *version != preferred);
    Ok(std::iter::once(preferred).filter(|version| !version.is_empty()).chain(others).map(str::to_owned).collect())
}

async fn read_version(
    api: &Api,
    group: &str,
    version: &str,
    wanted: &BTreeSet<&str>,
    found: &mut BTreeMap<(String, String), KindInfo>,
) -> Result<(), ApiError> {
    let path = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    let Some(answer) = api.find(&path).await? else { return Ok(()) };
    for resource in answer["resources"].as_array().into_iter().flatten() {
        let (Some(plural), Some(kind)) = (resource["name"].as_str(), resource["kind"].as_str()) else { continue };
        if plural.contains('/') || !wanted.contains(kind) {
            continue;
        }
        let info = found.entry((group.to_owned(), kind.to_owned())).or_insert_with(|| KindInfo {
            plural: plural.to_owned(),
            namespaced: resource["namespaced"] == Value::Bool(true),
            versions: Vec::new(),
        });
        info.versions.push(version.to_owned());
    }
    Ok(())
}

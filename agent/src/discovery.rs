//! How kinds are served, asked group by group, so that a cluster with hundreds of groups costs what is used of it.
//! Called for [`Action::Discover`](skiff_planner::agent::Action::Discover).

use crate::api::{Api, ApiError};
use serde_json::Value;
use skiff_planner::agent::{GroupKind, KindInfo};
use std::collections::{BTreeMap, BTreeSet};

/// What the API server said.
#[derive(Debug, Default)]
pub struct Discovered {
    /// Kinds of the groups that were read completely; `None` for one that is not served.
    pub kinds: Vec<(GroupKind, Option<KindInfo>)>,
    /// Groups that could not be read (a broken aggregated API), and why: nothing is said of their kinds.
    pub failed: Vec<(String, String)>,
}

/// Asks for these kinds.
pub async fn discover(api: &Api, mut kinds: Vec<GroupKind>) -> Discovered {
    let mut failed = Vec::new();
    let groups: BTreeSet<String> = kinds.iter().map(|kind| kind.group.clone()).collect();
    let mut found: BTreeMap<(String, String), KindInfo> = BTreeMap::new();
    for group in groups {
        let wanted: BTreeSet<&str> =
            kinds.iter().filter(|kind| kind.group == group).map(|kind| kind.kind.as_str()).collect();
        if let Err(error) = read_group(api, &group, &wanted, &mut found).await {
            kinds.retain(|kind| kind.group != group);
            failed.push((group, error.to_string()));
        }
    }
    let answers = kinds.into_iter().map(|kind| {
        let info = found.get(&(kind.group.clone(), kind.kind.clone())).cloned();
        (kind, info)
    });
    Discovered { kinds: answers.collect(), failed }
}

async fn read_group(
    api: &Api,
    group: &str,
    wanted: &BTreeSet<&str>,
    found: &mut BTreeMap<(String, String), KindInfo>,
) -> Result<(), ApiError> {
    for version in versions(api, group).await? {
        read_version(api, group, &version, wanted, found).await?;
    }
    Ok(())
}

/// The versions of a group, the preferred one first; none where the group is not served.
async fn versions(api: &Api, group: &str) -> Result<Vec<String>, ApiError> {
    if group.is_empty() {
        return Ok(vec!["v1".into()]);
    }
    let Some(answer) = api.find(&format!("/apis/{group}")).await? else {
        // Entries of the ledger go with a group: two answers have to agree that it is not served.
        let all = api.get("/apis").await?;
        let is_listed = all["groups"].as_array().into_iter().flatten().any(|listed| listed["name"] == group);
        return if is_listed {
            Err(ApiError::Transport("it is listed, and is not found".into()))
        } else {
            Ok(Vec::new())
        };
    };
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
    let answer = api.get(&path).await?;
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

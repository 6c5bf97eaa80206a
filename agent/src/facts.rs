//! What the agent says of its cluster: the version of the API server and what it serves.

use crate::api::{Api, ApiError};
use fleet_api::ObjectKey;
use fleet_api::wire::ApiVersions;
use serde::Deserialize;
use std::time::Duration;

/// How often what is served is read again: others install definitions, too.
pub const PERIOD: Duration = Duration::from_secs(24 * 3600);
/// How long after we applied a definition it is served for certain.
pub const SETTLING: Duration = Duration::from_secs(5);

/// Aggregated discovery (Kubernetes 1.27 and later); what comes after it is for older servers.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// The parts of an answer that are looked at; hundreds of kilobytes of a large cluster's are skipped while reading.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Discovery {
    kind: String,
    items: Vec<Group>,
    groups: Vec<PlainGroup>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Group {
    metadata: Metadata,
    versions: Vec<Version>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metadata {
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Version {
    version: String,
    resources: Vec<Resource>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Resource {
    response_kind: Option<Kind>,
    subresources: Vec<Resource>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Kind {
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PlainGroup {
    versions: Vec<PlainVersion>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct PlainVersion {
    group_version: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PlainResources {
    resources: Vec<Kind>,
}

/// `gitVersion` of the API server: `v1.36.3`.
///
/// # Errors
/// What the API server said.
pub async fn kubernetes_version(api: &Api) -> Result<String, ApiError> {
    Ok(api.get("/version").await?["gitVersion"].as_str().unwrap_or_default().to_owned())
}

/// What the API server serves, as Helm lists it (Helm: pkg/action/action.go, `GetVersionSet`): each group and version,
/// and below it each kind, those of subresources among them.
///
/// # Errors
/// What the API server said. A part of the list is worse than an older one: a chart that asks for a missing kind would
/// leave objects out.
pub async fn api_versions(api: &Api) -> Result<ApiVersions, ApiError> {
    let mut list = Vec::new();
    let core: Discovery = api.get_as("/api", AGGREGATED).await?;
    let groups: Discovery = api.get_as("/apis", AGGREGATED).await?;
    if core.kind == "APIGroupDiscoveryList" && groups.kind == core.kind {
        for group in core.items.into_iter().chain(groups.items) {
            aggregated(&group, &mut list);
        }
        return Ok(list.into());
    }
    let versions = groups.groups.into_iter().flat_map(|group| group.versions).map(|version| version.group_version);
    for version in std::iter::once("v1".to_owned()).chain(versions) {
        let path = if version == "v1" { "/api/v1".to_owned() } else { format!("/apis/{version}") };
        let resources: PlainResources = api.get_as(&path, "application/json").await?;
        list.extend(resources.resources.iter().map(|resource| format!("{version}/{}", resource.kind)));
        list.push(version);
    }
    Ok(list.into())
}

/// The same, of an API server that may not tell: then nothing is known, and the agent does its work all the same.
///
/// # Errors
/// What the API server said, other than that it is forbidden.
pub async fn api_versions_at_start(api: &Api) -> Result<ApiVersions, ApiError> {
    match api_versions(api).await {
        Err(error) if error.code() == Some(403) => {
            tracing::warn!(%error, "charts will not see what the API server serves; allow the agent to read /apis");
            Ok(ApiVersions::default())
        }
        result => result,
    }
}

/// Whether an object of this kind adds to what is served.
pub fn changes_api_versions(key: &ObjectKey) -> bool {
    matches!(
        (key.group.as_str(), key.kind.as_str()),
        ("apiextensions.k8s.io", "CustomResourceDefinition") | ("apiregistration.k8s.io", "APIService")
    )
}

fn aggregated(group: &Group, list: &mut Vec<String>) {
    for version in &group.versions {
        let name = match group.metadata.name.as_str() {
            "" => version.version.clone(),
            group => format!("{group}/{}", version.version),
        };
        let all = version.resources.iter().flat_map(|resource| std::iter::once(resource).chain(&resource.subresources));
        let kinds = all.filter_map(|resource| resource.response_kind.as_ref()).filter(|kind| !kind.kind.is_empty());
        list.extend(kinds.map(|kind| format!("{name}/{}", kind.kind)));
        list.push(name);
    }
}

//! `index.yaml` of a Helm repository, and which version of a chart is taken. Pure. Helm: `pkg/repo/v1/index.go`.

use super::Error;
use fleet_api::Digest;
use helm_rs::semver::{Constraint, Version};
use k8s_yaml::{Limits, Node, Options};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How large an index may be. The largest public ones have about 20 MiB.
pub(super) const MAX_BYTES: u64 = 32 << 20;
/// How many values an index may hold. The largest public ones have about half a million.
const MAX_NODES: usize = 2_000_000;
/// How many versions are named where none matches.
const SHOWN: usize = 5;

/// The charts of a repository: their versions, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index {
    charts: BTreeMap<String, Vec<Entry>>,
}

/// One version of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) version: String,
    /// Where its package is: absolute, or relative to the index.
    pub(super) url: Option<String>,
    /// Of the package, where the index says one.
    pub(super) digest: Option<Digest>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawEntry {
    version: String,
    urls: Vec<String>,
    digest: String,
}

impl Index {
    /// Reads an index (YAML, or JSON, which is YAML, too). An entry that cannot be read is left out, as Helm does.
    ///
    /// # Errors
    /// What is wrong with the whole.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let most = usize::try_from(MAX_BYTES).unwrap_or(usize::MAX);
        let limits = Limits { bytes: most, nodes: MAX_NODES, ..Limits::default() };
        let options = Options { limits, ..Options::sigs() };
        let documents = k8s_yaml::from_bytes(bytes, &options).map_err(|error| error.to_string())?;
        let root = documents.first().map(|document| &document.node).filter(|node| node.as_mapping().is_some());
        let root = root.ok_or("it is no index of a Helm repository: a mapping with `entries` is expected")?;
        if root.get("apiVersion").is_none_or(Node::is_null) {
            return Err("it is no index of a Helm repository: it has no apiVersion".to_owned());
        }
        let mut charts = BTreeMap::new();
        for entry in root.get("entries").and_then(Node::as_mapping).into_iter().flat_map(|entries| entries.iter()) {
            let versions = entry.value.as_list().unwrap_or_default().iter().filter_map(version);
            let mut versions: Vec<(Version, Entry)> = versions.collect();
            // Of equals, those that differ in metadata alone, the first in the file comes first.
            versions.sort_by(|(one, _), (other, _)| other.precedence(one));
            charts.insert(entry.key.text.to_string(), versions.into_iter().map(|(_, entry)| entry).collect());
        }
        Ok(Self { charts })
    }

    /// The version of a chart that is asked for: the very same text where it is there, else the newest one in the range;
    /// without a range the newest that is no prerelease.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn choose(&self, chart: &str, range: &str) -> Result<&Entry, Error> {
        let Some(versions) = self.charts.get(chart).filter(|versions| !versions.is_empty()) else {
            let near = crate::spelling::nearest(chart, self.charts.keys().map(String::as_str));
            return Err(Error::NoChart { near: near.map(str::to_owned) });
        };
        let texts = versions.iter().map(|entry| entry.version.as_str());
        let place = newest(texts, range)?;
        place.map(|place| &versions[place]).ok_or_else(|| {
            let newest: Vec<&str> = versions.iter().take(SHOWN).map(|entry| entry.version.as_str()).collect();
            let more = if versions.len() > SHOWN { " and older ones" } else { "" };
            Error::NoVersion { have: format!("there are {}{more}", newest.join(", ")) }
        })
    }
}

/// The place of the version that `range` asks for, among versions of which the newest comes first.
pub(super) fn newest<'v>(versions: impl Iterator<Item = &'v str> + Clone, range: &str) -> Result<Option<usize>, Error> {
    if !range.is_empty()
        && let Some(same) = versions.clone().position(|version| version == range)
    {
        return Ok(Some(same));
    }
    let constraint: Constraint = match range {
        "" => "*",
        range => range,
    }
    .parse()
    .map_err(|error: helm_rs::semver::Error| {
        Error::Source(format!("helm.version: `{range}` is neither a version nor a range: {error}"))
    })?;
    let holds = |text: &str| Version::parse(text).is_ok_and(|version| constraint.check(&version));
    Ok(versions.into_iter().position(holds))
}

fn version(node: &Node) -> Option<(Version, Entry)> {
    let raw: RawEntry = k8s_yaml::from_node(node).ok()?;
    let version = Version::parse(&raw.version).ok()?;
    let hex = raw.digest.strip_prefix("sha256:").unwrap_or(&raw.digest);
    let digest = format!("sha256:{}", hex.to_ascii_lowercase()).parse().ok();
    Some((version, Entry { version: raw.version, url: raw.urls.into_iter().next(), digest }))
}

//! The records of the deciding task in the store. Names of tables stay for good.

use crate::store::Table;
use fleet_api::Note;
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::wire::{ApiVersions, Report, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is remembered of clusters, by name.
pub(crate) const CLUSTERS: Table = Table { name: "clusters", sealed: false };
/// The reports of clusters, by name.
pub(crate) const REPORTS: Table = Table { name: "reports", sealed: false };
/// What API servers serve, by the digest of the list: clusters of one make have the same, and a report comes often.
pub(crate) const API_VERSIONS: Table = Table { name: "apiVersions", sealed: false };
/// The newest Desired of clusters, by name.
pub(crate) const DESIRED: Table = Table { name: "desired", sealed: false };
/// Bundles, by name.
pub(crate) const BUNDLES: Table = Table { name: "bundles", sealed: false };
/// Renders: the Deployment and what was warned of, by the digest of the input.
pub(crate) const RENDERS: Table = Table { name: "renders", sealed: false };
/// Enrollment tokens, by the digest of their secret.
pub(crate) const TOKENS: Table = Table { name: "tokens", sealed: false };

/// An enrollment token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenRecord {
    pub(crate) namespace: String,
    pub(crate) name: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) expires: Timestamp,
    /// The key that used it, and for which cluster.
    #[serde(default)]
    pub(crate) used: Option<(Digest, Ref)>,
}

/// A report as it is stored; the list of API versions is a record of its own.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReportRecord {
    report: Report,
    api_versions: Digest,
}

/// The report as it is stored.
pub(crate) fn encode_report(report: &Report) -> serde_json::Result<Vec<u8>> {
    let mut report = report.clone();
    let api_versions = std::mem::take(&mut report.facts.api_versions).digest();
    serde_json::to_vec(&ReportRecord { report, api_versions })
}

/// Reads what [`encode_report`] wrote. `lists` are the records of [`API_VERSIONS`], committed with the reports.
pub(crate) fn decode_report(bytes: &[u8], lists: &BTreeMap<Digest, ApiVersions>) -> serde_json::Result<Report> {
    let ReportRecord { mut report, api_versions } = serde_json::from_slice(bytes)?;
    report.facts.api_versions = lists.get(&api_versions).cloned().unwrap_or_default();
    Ok(report)
}

pub(crate) use skiff_wire::record::{decode_desired, encode_desired};

/// A render as it is stored: the digest and, where there are warnings, a line of JSON.
pub(crate) fn encode_render(deployment: &Digest, warnings: &[Note]) -> Vec<u8> {
    let mut out = deployment.to_string().into_bytes();
    if !warnings.is_empty() {
        out.push(b'\n');
        out.extend(serde_json::to_vec(warnings).unwrap_or_default());
    }
    out
}

/// Reads what [`encode_render`] wrote; none where it is damaged, so that it is rendered again.
pub(crate) fn decode_render(bytes: &[u8]) -> Option<(Digest, Vec<Note>)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (digest, warnings) = text.split_once('\n').unwrap_or((text, "[]"));
    Some((digest.parse().ok()?, serde_json::from_str(warnings).ok()?))
}

//! Where a chart is, from what `fleet.yaml` says. Pure.

use super::git::GitChart;
use super::registry::{self, Reference};
use super::{Error, Wanted};
use crate::git::remote::{has_dot_segment, redact};
use reqwest::Url;

/// Where a chart is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// In the repository whose index is at this URL.
    Repository { index: Url },
    /// The package is at this URL.
    Package { url: Url },
    /// In a registry.
    Registry(Reference),
    /// In a git repository.
    Git(GitChart),
}

impl Source {
    /// Reads what `fleet.yaml` says.
    pub(super) fn of(wanted: Wanted<'_>) -> Result<Self, Error> {
        if registry::is_reference(if wanted.repo.is_empty() { wanted.chart } else { wanted.repo }) {
            return Reference::of(wanted).map(Self::Registry);
        }
        if let (true, Some(chart)) = (wanted.repo.is_empty(), GitChart::of(wanted.chart)) {
            return chart.map(Self::Git);
        }
        if wanted.repo.is_empty() {
            return Ok(Self::Package { url: url("helm.chart", wanted.chart)? });
        }
        if wanted.chart.is_empty() {
            return Err(Error::Source("helm.chart is empty: which chart of the repository is meant?".to_owned()));
        }
        let mut index = url("helm.repo", wanted.repo)?;
        let path = format!("{}/index.yaml", index.path().trim_end_matches('/'));
        index.set_path(&path);
        Ok(Self::Repository { index })
    }
}

fn url(field: &str, text: &str) -> Result<Url, Error> {
    let shown = redact(text);
    let invalid = |reason: &str| Error::Source(format!("{field}: {shown:?}: {reason}"));
    if text.len() > 2048 {
        return Err(invalid("it is longer than 2048 bytes"));
    }
    // The URL standard reads over these, and a pattern would see another host than the one that is asked.
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(invalid("it holds white space, control characters or backslashes"));
    }
    let url = Url::parse(text).map_err(|error| match field {
        "helm.chart" => {
            invalid("it is no directory of the bundle, and no URL of a chart (https://…tgz, oci://…, git::https://…)")
        }
        _ => invalid(&error.to_string()),
    })?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(invalid(
            "charts come from https:// (a repository with an index.yaml, or the address of a package) and oci://",
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("credentials do not belong into git; put them into the secret of spec.helmSecretName"));
    }
    if has_dot_segment(text.split(['?', '#']).next().unwrap_or_default()) {
        return Err(invalid("its path holds `.` or `..`; write the path that they lead to"));
    }
    if url.fragment().is_some() {
        return Err(invalid("it has a `#`"));
    }
    Ok(url)
}

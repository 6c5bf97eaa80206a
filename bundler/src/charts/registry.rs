//! Charts in an OCI registry: how one is named, and what a registry says of it. Pure. OCI distribution-spec 1.1; Helm:
//! `pkg/registry`.

use super::index::newest;
use super::{Error, Wanted};
use crate::git::remote::redact;
use fleet_api::Digest;
use helm_rs::semver::Version;
use reqwest::Url;
use serde::Deserialize;

/// What a manifest of a chart is asked for as.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// A package, by its present and its older name.
const PACKAGE: [&str; 2] = ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];
/// How many bytes a manifest, a page of tags or a token may have.
pub(super) const MAX_BYTES: u64 = 4 << 20;
/// How many pages of tags are read.
pub(super) const MAX_PAGES: usize = 100;
const SCHEME: &str = "oci://";

/// A chart in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// `host:port`.
    pub(super) host: String,
    /// `charts/web`.
    pub(super) name: String,
    /// The tag or digest that is in the text itself.
    pub(super) fixed: Option<String>,
    /// The text, without tag and digest.
    pub(super) text: String,
}

/// Whether a text names a registry.
pub(super) fn is_reference(text: &str) -> bool {
    text.starts_with(SCHEME)
}

impl Reference {
    /// Reads `oci://host/name[:tag][@digest]`, which is `helm.repo` or `helm.chart`. The name of the chart may stand
    /// beside the repository: `repo: oci://host/charts`, `chart: web`.
    pub(super) fn of(wanted: Wanted<'_>) -> Result<Self, Error> {
        let whole = match (wanted.repo, wanted.chart) {
            ("", chart) => chart.to_owned(),
            (repo, "") => repo.to_owned(),
            (repo, chart) => {
                let repo = repo.trim_end_matches('/');
                if repo.rsplit('/').next() == Some(chart) { repo.to_owned() } else { format!("{repo}/{chart}") }
            }
        };
        Self::parse(&whole)
    }

    fn parse(whole: &str) -> Result<Self, Error> {
        let invalid = |reason: &str| Error::Source(format!("{:?}: {reason}", redact(whole)));
        let rest = whole.strip_prefix(SCHEME).ok_or_else(|| invalid("it does not begin with oci://"))?;
        let (host, path) = rest.split_once('/').ok_or_else(|| invalid("oci://host/name is expected"))?;
        if host.contains('@') {
            return Err(invalid("credentials do not belong into git; put them into the secret of spec.helmSecretName"));
        }
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest)),
            None => (path, None),
        };
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (path, None),
        };
        let path = path.trim_end_matches('/');
        let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        if host.is_empty() || !host.chars().all(is_host) {
            return Err(invalid("it names no host"));
        }
        let part = |part: &str| {
            let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) && part.chars().all(inside)
        };
        if path.len() > 255 || !path.split('/').all(part) {
            return Err(invalid("the name of a chart has parts of a-z, 0-9, `.`, `-` and `_`, separated by `/`"));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) || digest.is_some_and(|digest| digest.parse::<Digest>().is_err()) {
            return Err(invalid("a tag or `@sha256:…` is expected behind the name"));
        }
        // As everywhere, Docker's registry answers to a name of its own.
        let host = if host == "docker.io" { "registry-1.docker.io" } else { host };
        let fixed = digest.or(tag).map(str::to_owned);
        let text = format!("{SCHEME}{host}/{path}");
        Ok(Self { host: host.to_owned(), name: path.to_owned(), fixed, text })
    }

    /// The URL of something of this chart: `manifests/<tag>`, `blobs/<digest>`, `tags/list`.
    pub(super) fn url(&self, in_clear: bool, rest: &str) -> Result<Url, Error> {
        let scheme = if in_clear { "http" } else { "https" };
        Url::parse(&format!("{scheme}://{}/v2/{}/{rest}", self.host, self.name))
            .map_err(|error| Error::Source(format!("{}: {error}", self.text)))
    }
}

fn is_tag(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (1..=128).contains(&text.len()) && !text.starts_with(['.', '-']) && text.chars().all(inside)
}

/// The tag of a version: tags hold no `+`.
pub(super) fn tag_of(version: &str) -> Result<String, Error> {
    let tag = version.replace('+', "_");
    if is_tag(&tag) { Ok(tag) } else { Err(Error::Source(format!("helm.version: `{version}` is no tag"))) }
}

/// The tag that a range asks for.
pub(super) fn choose(tags: &[String], range: &str) -> Result<String, Error> {
    let read = |tag: &String| {
        let text = tag.replace('_', "+");
        Version::parse(&text).ok().map(|version| (version, text))
    };
    let mut versions: Vec<(Version, String)> = tags.iter().filter_map(read).collect();
    versions.sort_by(|(one, a), (other, b)| other.precedence(one).then_with(|| a.cmp(b)));
    let texts = versions.iter().map(|(_, text)| text.as_str());
    match newest(texts, range)? {
        Some(place) => tag_of(&versions[place].1),
        None => {
            let have: Vec<&str> = versions.iter().take(5).map(|(_, text)| text.as_str()).collect();
            let have =
                if have.is_empty() { "no tag is a version".into() } else { format!("there are {}", have.join(", ")) };
            Err(Error::NoVersion { have })
        }
    }
}

/// The package that a manifest speaks of.
pub(super) fn package_of(manifest: &[u8]) -> Result<(Digest, u64), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Descriptor {
        media_type: String,
        digest: String,
        size: u64,
    }
    #[derive(Deserialize)]
    struct Manifest {
        config: Option<Descriptor>,
        #[serde(default)]
        layers: Vec<Descriptor>,
    }
    let manifest: Manifest = serde_json::from_slice(manifest).map_err(|error| format!("it is no manifest: {error}"))?;
    let kind = manifest.config.map(|config| config.media_type).unwrap_or_default();
    if kind != CONFIG {
        return Err(format!("it is no Helm chart: its config is `{}`", kind.escape_debug()));
    }
    let layer = manifest.layers.into_iter().find(|layer| PACKAGE.contains(&layer.media_type.as_str()));
    let layer = layer.ok_or("its manifest has no packaged chart")?;
    let digest = layer.digest.parse().map_err(|_| "the digest of its package is no sha256")?;
    Ok((digest, layer.size))
}

/// A page of the list of tags.
pub(super) fn tags_of(page: &[u8]) -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        tags: Option<Vec<String>>,
    }
    let page: Page = serde_json::from_slice(page).map_err(|error| format!("it is no list of tags: {error}"))?;
    Ok(page.tags.unwrap_or_default())
}

/// The next page, from the header `Link`: `</v2/…>; rel="next"`.
pub(super) fn next_of(link: &str) -> Option<&str> {
    let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = rest.split(';').any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
    is_next.then_some(target)
}

/// What a registry asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// A token of this service.
    Bearer(Url),
}

/// Reads `WWW-Authenticate` (RFC 9110 §11.6.1; the parameters of the registry's token protocol).
pub(super) fn challenge(text: &str) -> Option<Challenge> {
    let text = text.trim();
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parameters = parameters(rest);
    let get = |key: &str| parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
    let mut realm = Url::parse(get("realm")?).ok()?;
    if !realm.username().is_empty() || realm.password().is_some() {
        return None;
    }
    for key in ["service", "scope"] {
        if let Some(value) = get(key) {
            realm.query_pairs_mut().append_pair(key, value);
        }
    }
    Some(Challenge::Bearer(realm))
}

/// `key="value",key=value`.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some((key, after)) = rest.split_once('=') {
        let (value, more) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        found.push((key.trim().to_owned(), value.trim().to_owned()));
        rest = more.trim_start().trim_start_matches(',').trim_start();
    }
    found
}

/// The token in the answer of its service.
pub(super) fn token_of(answer: &[u8]) -> Result<zeroize::Zeroizing<String>, String> {
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
    }
    // The error could quote the token.
    let answer: Answer = serde_json::from_slice(answer).map_err(|_| "it is no answer of a token service")?;
    let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty());
    token.map(zeroize::Zeroizing::new).ok_or_else(|| "it gave no token".to_owned())
}

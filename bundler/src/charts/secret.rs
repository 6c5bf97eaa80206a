//! What a Helm repository is shown, from the secrets that a GitRepo names. Pure; keys and rules are Fleet's
//! (`internal/bundlereader/auth.go`).

use super::Error;
use crate::discover::path_matches;
use base64::Engine as _;
use k8s_yaml::Node;
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// The key of the secret that `spec.helmSecretNameForPaths` names.
const PATHS: &str = "secrets-path.yaml";

/// Credentials for a Helm repository, and whom to believe. `Debug` shows none of it.
#[derive(Clone, Default)]
pub struct HelmSecret {
    pub(super) username: String,
    pub(super) password: Zeroizing<String>,
    /// PEM, trusted in addition to the machine's roots.
    pub(super) ca_bundle: Option<Vec<u8>>,
    pub(super) any_certificate: bool,
    /// The credentials may be sent in the clear, and a registry is spoken to so.
    pub(super) basic_http: bool,
}

impl fmt::Debug for HelmSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HelmSecret(…)")
    }
}

impl HelmSecret {
    /// From a Secret; `get` reads its decoded `data`: `username` and `password`, `cacerts`, `insecureSkipVerify`,
    /// `basicHTTP`.
    ///
    /// # Errors
    /// The key that is missing or malformed.
    pub fn from_secret<'a>(get: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Self, Error> {
        let text = |key: &str| -> Result<Option<Zeroizing<String>>, Error> {
            let Some(bytes) = get(key) else { return Ok(None) };
            let text = std::str::from_utf8(bytes).map_err(|_| Error::Secret(format!("{key} is not UTF-8")))?;
            // Files given to `kubectl create secret` tend to end in a newline, which no header may hold.
            Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
        };
        let flag = |key: &str| Ok::<_, Error>(text(key)?.is_some_and(|text| is_true(&text)));
        Self {
            username: String::new(),
            password: Zeroizing::default(),
            ca_bundle: get("cacerts").filter(|pem| !pem.is_empty()).map(<[u8]>::to_vec),
            any_certificate: flag("insecureSkipVerify")?,
            basic_http: flag("basicHTTP")?,
        }
        .with_user(text("username")?, text("password")?)
    }

    fn with_user(
        mut self,
        username: Option<Zeroizing<String>>,
        password: Option<Zeroizing<String>>,
    ) -> Result<Self, Error> {
        match (username, password) {
            (None, None) => return Ok(self),
            (Some(_), None) => return Err(Error::Secret("username is set and password is not".to_owned())),
            (None, Some(_)) => return Err(Error::Secret("password is set and username is not".to_owned())),
            (Some(username), Some(password)) => {
                username.as_str().clone_into(&mut self.username);
                self.password = password;
            }
        }
        if self.username.contains(':') || self.username.chars().chain(self.password.chars()).any(char::is_control) {
            let reason = "username contains a colon, or it or password a control character";
            return Err(Error::Secret(reason.to_owned()));
        }
        Ok(self)
    }

    /// Whether there is a user.
    pub(super) fn has_user(&self) -> bool {
        !self.username.is_empty() || !self.password.is_empty()
    }

    fn of_node(path: &str, node: &Node) -> Result<Self, Error> {
        let text = |key: &str| node.get(key).and_then(Node::as_str).map(|text| Zeroizing::new(text.to_owned()));
        let flag = |key: &str| node.get(key).and_then(Node::as_bool).unwrap_or_default();
        let ca_bundle = text("caBundle").filter(|text| !text.is_empty()).map(|text| {
            let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            base64::engine::general_purpose::STANDARD.decode(packed)
        });
        let ca_bundle = ca_bundle.transpose();
        let ca_bundle = ca_bundle.map_err(|_| Error::Secret(format!("{PATHS}: {path}: caBundle is not base64")))?;
        let secret = Self {
            ca_bundle,
            any_certificate: flag("insecureSkipVerify"),
            basic_http: flag("basicHTTP"),
            ..Self::default()
        };
        secret.with_user(text("username"), text("password")).map_err(|error| match error {
            Error::Secret(reason) => Error::Secret(format!("{PATHS}: {path}: {reason}")),
            other => other,
        })
    }
}

/// What Go's `strconv.ParseBool` takes for true.
fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

/// The secrets of a GitRepo.
#[derive(Clone, Debug, Default)]
pub enum Secrets {
    /// None: public repositories.
    #[default]
    None,
    /// `spec.helmSecretName`: one for all.
    One(HelmSecret),
    /// `spec.helmSecretNameForPaths`: by the directory of the bundle.
    ByPath(BTreeMap<String, HelmSecret>),
}

impl Secrets {
    /// From the Secret that `spec.helmSecretNameForPaths` names.
    ///
    /// # Errors
    /// What is missing or malformed; never a value.
    pub fn by_path<'a>(get: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Self, Error> {
        let bytes = get(PATHS).ok_or_else(|| Error::Secret(format!("it has no key {PATHS}")))?;
        let documents = k8s_yaml::from_bytes(bytes, &k8s_yaml::Options::sigs()).map_err(|error| {
            let place = error.position().map(|position| format!(":{position}")).unwrap_or_default();
            Error::Secret(format!("{PATHS}{place}: it is not YAML"))
        })?;
        let root = documents.first().and_then(|document| document.node.as_mapping());
        let root = root.ok_or_else(|| Error::Secret(format!("{PATHS}: a mapping of paths is expected")))?;
        let secret = |entry: &k8s_yaml::Entry| {
            let path = entry.key.text.to_string();
            HelmSecret::of_node(&path, &entry.value).map(|secret| (path, secret))
        };
        Ok(Self::ByPath(root.iter().map(secret).collect::<Result<_, _>>()?))
    }

    /// The one for the bundle in a directory, with a text that tells it from the others: of paths the very same one, or
    /// the first pattern in lexical order that matches.
    pub(super) fn of(&self, dir: &str) -> Option<(&str, &HelmSecret)> {
        match self {
            Self::None => None,
            Self::One(secret) => Some(("", secret)),
            Self::ByPath(secrets) => {
                let dir = dir.trim_matches('/');
                let plain = |path: &str| path.trim_start_matches("./").trim_matches('/').to_owned();
                let is_same = |path: &str| plain(path) == dir || dir.is_empty() && path == ".";
                let found = secrets.iter().find(|(path, _)| is_same(path));
                let found = found.or_else(|| secrets.iter().find(|(path, _)| path_matches(&plain(path), dir)));
                found.map(|(path, secret)| (path.as_str(), secret))
            }
        }
    }
}

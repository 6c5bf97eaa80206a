//! What is shown to a git server to be let in, and what a git server must show to be believed.

use std::fmt;

use zeroize::Zeroizing;

use super::error::Error;

/// The secret of a GitRepo (`spec.clientSecretName`). `Debug` shows its kind alone; the secret parts are wiped when
/// dropped.
#[derive(Clone, Default)]
pub enum Credentials {
    /// None: a public repository.
    #[default]
    None,
    /// User and password, or user and token.
    Basic {
        /// The user; hosts that take tokens accept any.
        username: String,
        /// The password or token.
        password: Zeroizing<String>,
    },
    /// A private key for ssh.
    SshKey {
        /// OpenSSH, PKCS#1, PKCS#8 or SEC1 PEM text.
        private_key: Zeroizing<String>,
        /// What the private key is encrypted with.
        passphrase: Option<Zeroizing<String>>,
        /// Lines of a known_hosts file. Where given, they alone count.
        known_hosts: Option<String>,
    },
}

/// What the two kinds need, for messages.
const BASIC: &str = "a secret of type kubernetes.io/basic-auth needs `password` (and `username`, unless any will do)";
const SSH: &str = "one of type kubernetes.io/ssh-auth needs `ssh-privatekey` (and `known_hosts`)";

impl Credentials {
    /// From a Kubernetes Secret: `kind` is its `type`, `get` reads its decoded `data`. `kubernetes.io/basic-auth` has
    /// `username` and `password`; `kubernetes.io/ssh-auth` has `ssh-privatekey`, `known_hosts` and `passphrase` (the
    /// last is ours); of an `Opaque` one the keys decide.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`] that names the missing or malformed key.
    pub fn from_secret<'a>(kind: &str, get: impl Fn(&str) -> Option<&'a [u8]>) -> Result<Self, Error> {
        let text = |key: &str| -> Result<Option<String>, Error> {
            let Some(bytes) = get(key) else { return Ok(None) };
            let text = std::str::from_utf8(bytes).map_err(|_| invalid(format!("{key} is not UTF-8")))?;
            Ok(Some(text.to_owned()).filter(|text| !text.trim().is_empty()))
        };
        match kind {
            "kubernetes.io/basic-auth" => Self::basic(text),
            "kubernetes.io/ssh-auth" => Self::ssh(text),
            "" | "Opaque" if get("ssh-privatekey").is_some() => Self::ssh(text),
            "" | "Opaque" if get("password").is_some() => Self::basic(text),
            "" | "Opaque" if get("github_app_id").is_some() => Err(invalid(
                "GitHub App secrets are not supported yet; use a token as the password of a basic-auth one",
            )),
            "" | "Opaque" => Err(invalid(format!("{BASIC}; {SSH}; this one, of type Opaque, has neither"))),
            other => {
                Err(invalid(format!("it is of type {other}, from which git takes no credentials. {BASIC}; {SSH}")))
            }
        }
    }

    fn basic(text: impl Fn(&str) -> Result<Option<String>, Error>) -> Result<Self, Error> {
        let password = text("password")?.ok_or_else(|| invalid(format!("{BASIC}, and this one has no `password`")))?;
        let username = text("username")?.unwrap_or_else(|| "git".to_owned());
        // Files given to `kubectl create secret` tend to end in a newline, which no header may hold.
        let username = username.trim_end_matches(['\r', '\n']).to_owned();
        let password = Zeroizing::new(password.trim_end_matches(['\r', '\n']).to_owned());
        if username.contains(':') || username.chars().chain(password.chars()).any(char::is_control) {
            return Err(invalid("`username` contains a colon, or one of the two a control character"));
        }
        Ok(Self::Basic { username, password })
    }

    fn ssh(text: impl Fn(&str) -> Result<Option<String>, Error>) -> Result<Self, Error> {
        let private_key =
            text("ssh-privatekey")?.ok_or_else(|| invalid(format!("{SSH}, and this one has no `ssh-privatekey`")))?;
        let passphrase = text("passphrase")?.map(|text| Zeroizing::new(text.trim_end_matches('\n').to_owned()));
        Ok(Self::SshKey { private_key: Zeroizing::new(private_key), passphrase, known_hosts: text("known_hosts")? })
    }

    /// What they are, for an error text.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::None => "a request without credentials".to_owned(),
            Self::Basic { username, .. } => format!("the password of user {username:?}"),
            Self::SshKey { .. } => "the ssh key".to_owned(),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Credentials::None",
            Self::Basic { .. } => "Credentials::Basic(…)",
            Self::SshKey { .. } => "Credentials::SshKey(…)",
        })
    }
}

/// All that a GitRepo and the hub say about getting in and about whom to believe.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Shown to the repository's own (scheme, host, port) and to no other.
    pub credentials: Credentials,
    /// `spec.caBundle`: PEM, trusted in addition to the machine's roots.
    pub ca_bundle: Option<Vec<u8>>,
    /// `spec.insecureSkipTLSVerify`: any certificate will do.
    pub insecure_skip_tls_verify: bool,
    /// The hub's own known_hosts lines, used where the secret has none.
    pub known_hosts: Option<String>,
}

impl Access {
    /// With these credentials and nothing else changed.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, ..Self::default() }
    }

    pub(super) fn known_hosts(&self) -> &str {
        match &self.credentials {
            Credentials::SshKey { known_hosts: Some(lines), .. } => lines,
            _ => self.known_hosts.as_deref().unwrap_or_default(),
        }
    }
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::InvalidCredentials { reason: reason.into() }
}

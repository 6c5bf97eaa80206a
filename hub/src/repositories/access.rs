//! The credentials of a GitRepo, from a Secret of its namespace.

use super::{DEFAULT_SECRET, Failure};
use crate::store::Resources;
use base64::Engine as _;
use fleet_api::Note;
use fleet_api::digest::Digest;
use fleet_api::names::Ref;
use fleet_api::reason::Reason;
use fleet_api::v1alpha1::GitRepoSpec;
use skiff_bundler::git::{Access, Credentials};

/// How to get in, and a text that differs for different ways: GitRepos that get in the same way share what the server
/// says.
pub(super) struct GitAccess {
    pub(super) access: Access,
    pub(super) identity: String,
}

pub(super) async fn of(resources: &Resources, gitrepo: &Ref, spec: &GitRepoSpec) -> Result<GitAccess, Failure> {
    let named = !spec.client_secret_name.is_empty();
    let name = if named { spec.client_secret_name.as_str() } else { DEFAULT_SECRET };
    let namespace = gitrepo.namespace.as_str();
    let secret = resources.secret(namespace, name).await.map_err(|error| Failure::internal(error.to_string()))?;
    let (credentials, identity) = match secret {
        Some(secret) => {
            let get = |key: &str| secret.data.get(key).map(|value| value.as_slice());
            let credentials = Credentials::from_secret(&secret.secret_type, get).map_err(|error| {
                let message = format!("secret {namespace}/{name}: {error}");
                Failure { note: Note::new(Reason::SecretMissing, message), transient: false }
            })?;
            (credentials, format!("{namespace}/{name}"))
        }
        None if named => {
            let message = format!("secret {namespace}/{name}, which spec.clientSecretName names, does not exist");
            return Err(Failure { note: Note::new(Reason::SecretMissing, message), transient: false });
        }
        None => (Credentials::default(), String::new()),
    };
    let mut access = Access::new(credentials);
    if !spec.ca_bundle.is_empty() {
        let pem = base64::engine::general_purpose::STANDARD.decode(spec.ca_bundle.trim()).map_err(|error| {
            let message = format!("spec.caBundle is not base64: {error}");
            Failure { note: Note::new(Reason::CertificateRefused, message), transient: false }
        })?;
        access.ca_bundle = Some(pem);
    }
    access.insecure_skip_tls_verify = spec.insecure_skip_tls_verify;
    let ca = Digest::of(spec.ca_bundle.as_bytes()).short();
    Ok(GitAccess { access, identity: format!("{identity} {ca} {}", spec.insecure_skip_tls_verify) })
}

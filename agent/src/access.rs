//! Where the API server is and who we are to it: from a kubeconfig, or as a pod. Called once, by the program.
//!
//! A kubeconfig is read as client-go reads it, with `yaml/`; what starts programs (`exec`, `auth-provider`) is refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The way to one API server.
#[derive(Default)]
pub struct Access {
    /// `https://10.0.0.1:6443`, perhaps with a path, without a slash at its end.
    pub server: String,
    /// PEM of the certificates that may have signed the server's; those that the machine trusts where it is `None`.
    pub authority: Option<Material>,
    /// Any certificate will do.
    pub insecure: bool,
    /// The name that the server's certificate has to have, if it is not that of `server`.
    pub server_name: Option<String>,
    /// The proxy on the way.
    pub proxy: Option<String>,
    /// PEM of the client certificate, and of its key.
    pub certificate: Option<(Material, Material)>,
    /// What stands in `Authorization`.
    pub credential: Credential,
    /// `Impersonate-…`.
    pub impersonate: Vec<(String, String)>,
}

/// Bytes, or the file that holds them and may hold others later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Material {
    /// As they are.
    Bytes(Vec<u8>),
    /// In a file.
    File(PathBuf),
}

/// How a request is signed for.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credential {
    /// Not at all, or by the client certificate.
    #[default]
    None,
    /// A token.
    Token(Material),
    /// Name and password.
    Basic(String, String),
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("server", &self.server).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential")
    }
}

impl Material {
    /// The bytes.
    ///
    /// # Errors
    /// The file cannot be read; the text names it.
    pub fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(file) => std::fs::read(file).map_err(|error| format!("{}: {error}", file.display())),
        }
    }
}

impl Access {
    /// What the current context of a kubeconfig names.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn from_kubeconfig(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let directory = file.parent().unwrap_or_else(|| Path::new(""));
        Self::of_kubeconfig(&text, directory).map_err(|why| format!("{}: {why}", file.display()))
    }

    fn of_kubeconfig(text: &str, directory: &Path) -> Result<Self, String> {
        let config: Kubeconfig = k8s_yaml::from_str(text).map_err(|error| error.to_string())?;
        let current = said(config.current_context).ok_or("current-context is not set")?;
        let context = named(config.contexts, &current).and_then(|named| named.context);
        let context = context.ok_or_else(|| format!("context {current:?}, the current one, is not there"))?;
        let cluster = named(config.clusters, &context.cluster).and_then(|named| named.cluster);
        let cluster =
            cluster.ok_or_else(|| format!("cluster {:?} of context {current:?} is not there", context.cluster))?;
        let user = match said(context.user) {
            Some(name) => named(config.users, &name)
                .map(|named| named.user.unwrap_or_default())
                .ok_or_else(|| format!("user {name:?} of context {current:?} is not there"))?,
            None => User::default(),
        };
        if user.exec.is_some() || user.auth_provider.is_some() {
            return Err("users with `exec` or `auth-provider` are not supported; use a token or a certificate".into());
        }
        let at = |file: String| Material::File(directory.join(file));
        // Of each the bytes count, if there are any, as with client-go.
        let one = |data: Option<String>, file: Option<String>, what: &str| match (said(data), said(file)) {
            (Some(data), _) => STANDARD
                .decode(data.split_whitespace().collect::<String>())
                .map(|bytes| Some(Material::Bytes(bytes)))
                .map_err(|_| format!("{what} is no base64")),
            (None, file) => Ok(file.map(at)),
        };
        let certificate = one(user.client_certificate_data, user.client_certificate, "client-certificate-data")?;
        let key = one(user.client_key_data, user.client_key, "client-key-data")?;
        Ok(Self {
            server: said(cluster.server).ok_or("the cluster has no server")?.trim_end_matches('/').to_owned(),
            authority: one(cluster.authority_data, cluster.authority, "certificate-authority-data")?,
            insecure: cluster.insecure,
            server_name: said(cluster.server_name),
            proxy: said(cluster.proxy),
            certificate: certificate.zip(key),
            credential: match (said(user.token_file), said(user.token), said(user.username)) {
                (Some(file), _, _) => Credential::Token(at(file)),
                (None, Some(token), _) => Credential::Token(Material::Bytes(token.into_bytes())),
                (None, None, Some(name)) => Credential::Basic(name, user.password.unwrap_or_default()),
                (None, None, None) => Credential::None,
            },
            impersonate: impersonation(user.act_as, user.act_as_uid, user.act_as_groups, user.act_as_extra),
        })
    }

    /// What a pod finds.
    ///
    /// # Errors
    /// This is no pod with a service account.
    pub fn in_cluster() -> Result<Self, String> {
        let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
        let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let file = |name: &str| Material::File(Path::new(SERVICE_ACCOUNT).join(name));
        let token = file("token");
        token.read()?;
        Ok(Self {
            server: format!("https://{host}:{port}"),
            authority: Some(file("ca.crt")),
            credential: Credential::Token(token),
            ..Self::default()
        })
    }
}

/// What is empty is not said.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn named<T: Named>(all: Vec<T>, name: &str) -> Option<T> {
    all.into_iter().find(|one| one.name() == name)
}

fn impersonation(
    user: Option<String>,
    uid: Option<String>,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
) -> Vec<(String, String)> {
    let header = |name: &'static str| move |value| (name.to_owned(), value);
    let who = said(user).map(header("impersonate-user")).into_iter().chain(said(uid).map(header("impersonate-uid")));
    let groups = groups.into_iter().map(header("impersonate-group"));
    let extra = extra.into_iter().flat_map(|(key, values)| {
        let name = format!("impersonate-extra-{}", key.to_ascii_lowercase());
        values.into_iter().map(move |value| (name.clone(), value))
    });
    who.chain(groups).chain(extra).collect()
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Kubeconfig {
    current_context: Option<String>,
    contexts: Vec<NamedContext>,
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
}

trait Named {
    fn name(&self) -> &str;
}

macro_rules! named {
    ($type:ident { $field:ident: $inner:ident }) => {
        #[derive(Deserialize)]
        struct $type {
            name: String,
            $field: Option<$inner>,
        }
        impl Named for $type {
            fn name(&self) -> &str {
                &self.name
            }
        }
    };
}

named!(NamedContext { context: Context });
named!(NamedCluster { cluster: Cluster });
named!(NamedUser { user: User });

#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    cluster: String,
    user: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cluster {
    server: Option<String>,
    #[serde(rename = "certificate-authority")]
    authority: Option<String>,
    #[serde(rename = "certificate-authority-data")]
    authority_data: Option<String>,
    #[serde(rename = "insecure-skip-tls-verify")]
    insecure: bool,
    #[serde(rename = "tls-server-name")]
    server_name: Option<String>,
    #[serde(rename = "proxy-url")]
    proxy: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    username: Option<String>,
    password: Option<String>,
    #[serde(rename = "as")]
    act_as: Option<String>,
    #[serde(rename = "as-uid")]
    act_as_uid: Option<String>,
    #[serde(rename = "as-groups")]
    act_as_groups: Vec<String>,
    #[serde(rename = "as-user-extra")]
    act_as_extra: BTreeMap<String, Vec<String>>,
    exec: Option<serde::de::IgnoredAny>,
    auth_provider: Option<serde::de::IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "
apiVersion: v1
kind: Config
current-context: edge
preferences: {}
contexts:
- name: other
  context: {cluster: missing, user: missing}
- name: edge
  context: {cluster: edge, user: agent, namespace: x}
clusters:
- name: edge
  cluster:
    server: https://10.0.0.1:6443/k8s/clusters/c-1/
    certificate-authority: pki/ca.crt
    tls-server-name: kubernetes
    proxy-url: http://proxy:3128
users:
- name: agent
  user: {token: t0ken, as: jane, as-groups: [a, b], as-user-extra: {Scopes: [view]}}
";

    fn read(text: &str) -> Result<Access, String> {
        Access::of_kubeconfig(text, Path::new("/etc/kube"))
    }

    #[test]
    fn a_kubeconfig_is_read_as_its_current_context_says() {
        let access = read(WHOLE).unwrap();
        assert_eq!(access.server, "https://10.0.0.1:6443/k8s/clusters/c-1");
        assert_eq!(access.authority, Some(Material::File("/etc/kube/pki/ca.crt".into())));
        assert_eq!(
            (access.server_name.as_deref(), access.proxy.as_deref()),
            (Some("kubernetes"), Some("http://proxy:3128"))
        );
        assert!(access.credential == Credential::Token(Material::Bytes(b"t0ken".to_vec())) && !access.insecure);
        let headers: Vec<_> = access.impersonate.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let expected = [
            "impersonate-user: jane",
            "impersonate-group: a",
            "impersonate-group: b",
            "impersonate-extra-scopes: view",
        ];
        assert_eq!(headers, expected);
    }

    #[test]
    fn who_we_are_is_what_the_user_of_the_context_says() {
        let user = |user: &str| {
            let at = WHOLE.find("  user: {token").unwrap();
            read(&format!("{}  user: {user}\n", &WHOLE[..at]))
        };
        let credential = |text: &str| user(text).unwrap().credential;
        assert!(
            credential("{token: a, tokenFile: token}") == Credential::Token(Material::File("/etc/kube/token".into()))
        );
        assert!(credential("{token: '', username: u, password: p}") == Credential::Basic("u".into(), "p".into()));
        assert!(credential("{}") == Credential::None);
        let both = user("{client-certificate-data: Y2VydA==, client-certificate: no, client-key: /key}").unwrap();
        assert_eq!(both.certificate, Some((Material::Bytes(b"cert".to_vec()), Material::File("/key".into()))));
        for (text, part) in [
            ("{exec: {command: sh}}", "`exec`"),
            ("{auth-provider: {name: gcp}}", "`auth-provider`"),
            ("{client-key-data: '%'}", "client-key-data is no base64"),
        ] {
            let error = user(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_missing_in_a_kubeconfig_is_named() {
        let cases = [
            ("current-context: edge", "", "current-context is not set"),
            ("current-context: edge", "current-context: gone", "context \"gone\""),
            ("current-context: edge", "current-context: other", "cluster \"missing\""),
            ("user: agent", "user: nobody", "user \"nobody\""),
            ("server: ", "ignored: ", "no server"),
            ("clusters:", "clusters: {", "at 12:1"),
        ];
        for (from, to, part) in cases {
            let error = read(&WHOLE.replace(from, to)).unwrap_err();
            assert!(error.contains(part), "{to}: {error}");
        }
    }
}

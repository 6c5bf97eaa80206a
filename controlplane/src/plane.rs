//! One control plane: started, asked, restarted, stopped.
//!
//! Called by test scenarios and benchmarks. What it keeps: everything it makes is below one temporary directory and
//! everything it starts ends with it; a restart of the API server keeps address, certificates and data.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use tempfile::TempDir;

use crate::audit::{self, AuditEvent, AuditMark};
use crate::certs::{Authority, Identity, service_account_keys};
use crate::flags::{self, Places};
use crate::process::Process;
use crate::{Binaries, Error, Result, ports};

/// What one part may take to become ready. A start takes about 4 s on two idle cores; other tests may be busy on them.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// How often readiness is asked for.
const PROBE_EVERY: Duration = Duration::from_millis(50);
/// A start is tried again with other ports when a program ended at once: another test may have taken its port.
const ATTEMPTS: u32 = 3;

/// What a control plane is started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Also run kube-controller-manager: garbage collection, namespace deletion, workloads, ServiceAccounts. Without it
    /// a deleted namespace stays terminating and owner references are not followed.
    pub controller_manager: bool,
    /// Write an audit log (level Metadata), so that requests can be counted: [`ControlPlane::audit_since`].
    pub audit: bool,
    /// More flags for kube-apiserver, given last, as `--name=value`.
    pub apiserver_flags: Vec<String>,
}

impl Options {
    /// With a controller manager.
    #[must_use]
    pub fn with_controller_manager(mut self) -> Self {
        self.controller_manager = true;
        self
    }

    /// With an audit log.
    #[must_use]
    pub fn with_audit(mut self) -> Self {
        self.audit = true;
        self
    }
}

/// A running etcd, kube-apiserver and, where asked for, kube-controller-manager. Dropping it kills them.
#[derive(Debug)]
pub struct ControlPlane {
    // In the order in which they are to be stopped; the directory last.
    controller_manager: Option<Process>,
    apiserver: Option<Process>,
    etcd: Process,
    authority: Authority,
    admin: Kubeconfig,
    binaries: Binaries,
    options: Options,
    places: Places,
    directory: TempDir,
}

impl ControlPlane {
    /// Starts a control plane on free loopback ports and waits until it answers (about 4 s).
    ///
    /// With `SKIFF_TIER4_KEEP` set to anything, its directory (logs, certificates, data) stays behind for the curious.
    ///
    /// # Errors
    /// When a program cannot be started, ends, or is not ready in time; the error carries the end of its log.
    pub async fn start(binaries: &Binaries, options: Options) -> Result<Self> {
        // Clients that are built without naming a TLS provider take this one; a second call finds it done.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut attempt = 1;
        loop {
            match Self::start_once(binaries, options.clone()).await {
                Err(Error::Exited { .. }) if attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    async fn start_once(binaries: &Binaries, options: Options) -> Result<Self> {
        let mut directory = tempfile::Builder::new()
            .prefix("skiff-controlplane-")
            .tempdir()
            .map_err(|source| Error::File { what: "cannot make", path: std::env::temp_dir(), source })?;
        directory.disable_cleanup(std::env::var_os("SKIFF_TIER4_KEEP").is_some());
        let at = directory.path();
        let places =
            Places { etcd_client_port: ports::free()?, etcd_peer_port: ports::free()?, apiserver_port: ports::free()? };
        let authority = Authority::new()?;
        write_files(at, &authority)?;
        let url = format!("https://127.0.0.1:{}", places.apiserver_port);
        let admin_identity = authority.client("skiff-test-admin", &["system:masters"])?;
        let admin = write_kubeconfig(at, "admin.kubeconfig", &url, &authority, &admin_identity)?;
        let etcd = Process::spawn("etcd", &binaries.etcd, &flags::etcd(&places, at), at)?;
        let mut plane = Self {
            controller_manager: None,
            apiserver: None,
            etcd,
            authority,
            admin,
            binaries: binaries.clone(),
            options,
            places,
            directory,
        };
        // It waits for etcd by itself, so both start at once.
        plane.start_apiserver().await?;
        if plane.options.controller_manager {
            plane.start_controller_manager().await?;
        }
        Ok(plane)
    }

    /// Kills the API server; etcd and its data stay. Connections break as they do when a control plane goes away.
    pub fn stop_apiserver(&mut self) {
        self.apiserver = None;
    }

    /// Starts the API server after [`Self::stop_apiserver`], at the address it had, and waits until it is ready.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub async fn start_apiserver(&mut self) -> Result<()> {
        let at = self.directory.path();
        let args = flags::apiserver(&self.places, &self.options, at);
        let process = Process::spawn("kube-apiserver", &self.binaries.kube_apiserver, &args, at)?;
        self.apiserver = Some(process);
        self.apiserver_ready().await
    }

    /// Kills the API server and starts it again.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub async fn restart_apiserver(&mut self) -> Result<()> {
        self.stop_apiserver();
        self.start_apiserver().await
    }

    /// Stops the API server and etcd, copies etcd's data, and starts both again.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub async fn save_etcd(&mut self) -> Result<()> {
        self.with_etcd_stopped(copy).await
    }

    /// Stops the API server and etcd, puts back what [`Self::save_etcd`] has copied, and starts both again: resource
    /// versions go back, too. The controller manager runs on.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub async fn restore_etcd(&mut self) -> Result<()> {
        self.with_etcd_stopped(|data, saved| fs::remove_dir_all(data).and_then(|()| copy(saved, data))).await
    }

    async fn with_etcd_stopped(&mut self, act: impl FnOnce(&Path, &Path) -> std::io::Result<()>) -> Result<()> {
        self.stop_apiserver();
        self.etcd.stop();
        let at = self.directory.path();
        let (data, saved) = (at.join("etcd"), at.join("etcd.saved"));
        act(&data, &saved).map_err(|source| Error::File { what: "cannot copy", path: data, source })?;
        self.etcd = Process::spawn("etcd", &self.binaries.etcd, &flags::etcd(&self.places, at), at)?;
        self.start_apiserver().await
    }

    async fn apiserver_ready(&mut self) -> Result<()> {
        let client = self.client().await?;
        let started = Instant::now();
        loop {
            self.etcd.still_runs()?;
            let Some(apiserver) = self.apiserver.as_mut() else { return Err(Error::NotOffered("an API server")) };
            apiserver.still_runs()?;
            let last = match probe(&client).await {
                Ok(()) => return Ok(()),
                Err(last) => last,
            };
            if started.elapsed() > READY_WITHIN {
                let (seconds, log) = (READY_WITHIN.as_secs(), apiserver.log_tail());
                return Err(Error::NotReady { component: "kube-apiserver", seconds, last, log });
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }

    /// Ready means that its controllers run: the ServiceAccount `default` of the namespace `default` is their work.
    async fn start_controller_manager(&mut self) -> Result<()> {
        let Some(binary) = self.binaries.kube_controller_manager.clone() else {
            return Err(Error::NotOffered("a kube-controller-manager: there is none beside kube-apiserver"));
        };
        let at = self.directory.path();
        // As in kubeadm's default, all its controllers share one identity; here that of an administrator.
        let identity = self.authority.client("system:kube-controller-manager", &["system:masters"])?;
        write_kubeconfig(at, "controller-manager.kubeconfig", &self.url(), &self.authority, &identity)?;
        let component = "kube-controller-manager";
        let mut process = Process::spawn(component, &binary, &flags::controller_manager(at), at)?;
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, "default");
        let started = Instant::now();
        loop {
            process.still_runs()?;
            let last = match accounts.get_opt("default").await {
                Ok(Some(_)) => break,
                Ok(None) => "no ServiceAccount default yet".to_owned(),
                Err(error) => error.to_string(),
            };
            if started.elapsed() > READY_WITHIN {
                let (seconds, log) = (READY_WITHIN.as_secs(), process.log_tail());
                return Err(Error::NotReady { component, seconds, last, log });
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
        self.controller_manager = Some(process);
        Ok(())
    }

    /// The API server's address: `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.places.apiserver_port)
    }

    /// A kubeconfig file for an administrator; certificates are inside it, so it may be copied.
    #[must_use]
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.directory.path().join("admin.kubeconfig")
    }

    /// The same kubeconfig as a value.
    #[must_use]
    pub fn kubeconfig(&self) -> &Kubeconfig {
        &self.admin
    }

    /// A kubeconfig of another user, known by a new client certificate; what it may do is up to RBAC.
    ///
    /// # Errors
    /// When the certificate cannot be made or the file not be written.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> Result<(PathBuf, Kubeconfig)> {
        let identity = self.authority.client(user, groups)?;
        let name = format!("user-{}.kubeconfig", user.replace(['/', ':'], "-"));
        let config = write_kubeconfig(self.directory.path(), &name, &self.url(), &self.authority, &identity)?;
        Ok((self.directory.path().join(name), config))
    }

    /// A client of an administrator; its user agent is `skiff-test`.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub async fn client(&self) -> Result<Client> {
        self.client_named("skiff-test").await
    }

    /// A client of an administrator that the audit log knows as `user_agent`.
    ///
    /// # Errors
    /// When `user_agent` is no legal header value or the client cannot be built.
    pub async fn client_named(&self, user_agent: &str) -> Result<Client> {
        client_from(&self.admin, user_agent).await
    }

    /// A kubectl for this control plane: the one beside the API server, else the one on the `PATH`. It reads no
    /// configuration of the person who runs the test.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(self.binaries.kubectl.as_deref().unwrap_or_else(|| Path::new("kubectl")));
        command.env("KUBECONFIG", self.kubeconfig_path()).env("HOME", self.directory.path());
        command
    }

    /// The pids of etcd, kube-apiserver and kube-controller-manager, as far as they run.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        let parts = [Some(&self.etcd), self.apiserver.as_ref(), self.controller_manager.as_ref()];
        parts.into_iter().flatten().filter_map(Process::pid).collect()
    }

    /// Where logs and data are; gone with the control plane.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The audit log, one JSON event a line.
    ///
    /// # Errors
    /// When the control plane was started without [`Options::audit`].
    pub fn audit_log(&self) -> Result<PathBuf> {
        let log = || self.directory.path().join("audit.jsonl");
        self.options.audit.then(log).ok_or(Error::NotOffered("an audit log"))
    }

    /// Now, as a point of the audit log.
    ///
    /// # Errors
    /// When the control plane was started without [`Options::audit`].
    pub fn audit_mark(&self) -> Result<AuditMark> {
        Ok(audit::mark(&self.audit_log()?))
    }

    /// The requests of everybody since `mark` (`AuditMark::default()` is the beginning); [`crate::count`] sums them up.
    ///
    /// # Errors
    /// When there is no audit log or it cannot be read.
    pub fn audit_since(&self, mark: AuditMark) -> Result<Vec<AuditEvent>> {
        audit::read(&self.audit_log()?, mark)
    }

    /// Stops everything now and removes the directory; dropping does the same.
    pub fn stop(self) {
        drop(self);
    }
}

/// Asks once whether the API server is ready, and whether its own namespaces are there (made after it says so).
async fn probe(client: &Client) -> Result<(), String> {
    for path in ["/readyz", "/api/v1/namespaces/default"] {
        let request = http::Request::get(path).body(Vec::new()).map_err(|error| error.to_string())?;
        client.request_text(request).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn client_from(kubeconfig: &Kubeconfig, user_agent: &str) -> Result<Client> {
    let agent = http::HeaderValue::from_str(user_agent).map_err(|_| Error::UserAgent(user_agent.to_owned()))?;
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig.clone(), &options).await.map_err(Error::Kubeconfig)?;
    config.headers.push((http::header::USER_AGENT, agent));
    Client::try_from(config).map_err(|error| Error::Client(Box::new(error)))
}

fn write_files(at: &Path, authority: &Authority) -> Result<()> {
    let names = ["127.0.0.1", "localhost", "10.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    let server = authority.server(&names)?;
    let (sign, check) = service_account_keys()?;
    let files = [
        ("ca.crt", authority.certificate()),
        ("server.crt", &server.certificate),
        ("server.key", &server.key),
        ("sa.key", &sign),
        ("sa.pub", &check),
        ("audit-policy.yaml", flags::AUDIT_POLICY),
    ];
    files.into_iter().try_for_each(|(name, text)| write(&at.join(name), text))
}

fn write_kubeconfig(at: &Path, name: &str, url: &str, authority: &Authority, who: &Identity) -> Result<Kubeconfig> {
    let value = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {
            "server": url, "certificate-authority-data": BASE64.encode(authority.certificate())}}],
        "users": [{"name": "test", "user": {
            "client-certificate-data": BASE64.encode(&who.certificate),
            "client-key-data": BASE64.encode(&who.key)}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    });
    // JSON is YAML.
    let text = value.to_string();
    write(&at.join(name), &text)?;
    Kubeconfig::from_yaml(&text).map_err(Error::Kubeconfig)
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<()> {
    let failed = |source| Error::File { what: "cannot write", path: path.to_owned(), source };
    fs::write(path, text).map_err(failed)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)
}

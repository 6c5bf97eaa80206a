//! An ordinary kubectl against the user API, over TLS with a kubeconfig of ours (tier 4). Where there is no kubectl it
//! says so and passes.

#![expect(clippy::unwrap_used, reason = "helpers of the tests unwrap")]

use axum::Router;
use fleet_api::Digest;
use fleet_api::names::{Namespace, Ref};
use fleet_api::v1alpha1::{BundleDeployment, BundleDeploymentSpec};
use futures::future::BoxFuture;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use skiff_hub::core::{CoreError, HeldInCluster, Subject, TokenRequest};
use skiff_hub::store::{Key, Resources, Store};
use skiff_hub::user_api::{Actions, Admin, AdminFile};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

struct NoCore;

impl Actions for NoCore {
    fn sync_now<'a>(&'a self, _gitrepo: &'a Ref) -> BoxFuture<'a, Result<(), CoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn create_token(&self, _request: TokenRequest) -> BoxFuture<'_, Result<String, CoreError>> {
        Box::pin(async { Ok(String::new()) })
    }

    fn held<'a>(&'a self, _subject: &'a Subject) -> BoxFuture<'a, Result<Vec<HeldInCluster>, CoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn approve<'a>(
        &'a self,
        _subject: &'a Subject,
        _lists: &'a [(Ref, Digest)],
        _by: &'a str,
    ) -> BoxFuture<'a, Result<(), CoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn last_seen(&self, _cluster: &Ref) -> Option<fleet_api::wire::Timestamp> {
        None
    }

    fn deployments<'a>(&'a self, _namespace: Option<&'a Namespace>) -> BoxFuture<'a, Vec<BundleDeployment>> {
        let mut made = BundleDeployment::new("shop.one", BundleDeploymentSpec::default());
        made.metadata.namespace = Some("fleet-default".into());
        Box::pin(async move { vec![made] })
    }
}

fn kubectl_binary() -> Option<PathBuf> {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(|dir| PathBuf::from(dir).join("kubectl"));
    let named = assets.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("kubectl"));
    Command::new(&named).arg("version").arg("--client").output().ok()?.status.success().then_some(named)
}

/// Serves `router` over TLS on a free port; its address and certificate.
async fn serve(router: Router) -> (String, Vec<u8>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let der = certificate.der().to_vec();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, router) = (acceptor.clone(), router.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = hyper_util::service::TowerToHyperService::new(router);
                let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                drop(builder.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    (address, der)
}

struct Kubectl {
    binary: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
}

impl Kubectl {
    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", &self.home)
            .env("KUBECACHEDIR", self.home.join("cache"))
            .args(line.split_whitespace())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// stdout; panics with stderr where it fails.
    fn run(&self, line: &str, stdin: &str) -> String {
        let (success, out, err) = self.attempt(line, stdin);
        assert!(success, "kubectl {line}\n{out}\n{err}");
        assert!(!err.contains("error"), "kubectl {line}\n{out}\n{err}");
        out
    }

    fn attempt(&self, line: &str, stdin: &str) -> (bool, String, String) {
        let mut child = self.command(line).spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    }
}

fn manifest(branch: &str) -> String {
    format!(
        "apiVersion: fleet.cattle.io/v1alpha1
kind: GitRepo
metadata:
  name: shop
  namespace: fleet-default
  labels: {{team: web}}
spec:
  repo: https://git.example/shop
  branch: {branch}
  paths: [web]
  targets:
  - clusterSelector: {{matchLabels: {{env: prod}}}}
"
    )
}

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: git, namespace: fleet-default}
type: kubernetes.io/basic-auth
stringData: {username: user, password: canary-pw}
";

fn start(dir: &Path) -> (tokio::runtime::Runtime, Kubectl, Resources) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (resources, kubeconfig) = runtime.block_on(async {
        let store = Store::open(dir, &Key::random().unwrap()).unwrap();
        let resources = Resources::open(&store).await.unwrap();
        let router = skiff_hub::user_api::router(resources.clone(), Arc::new(NoCore), Admin::new("secret"));
        let (hub, certificate) = serve(router).await;
        let file = AdminFile { hub, hub_key: Digest::of(b""), token: "secret".into() };
        (resources, file.kubeconfig(&certificate, None))
    });
    let path = dir.join("kubeconfig");
    std::fs::write(&path, kubeconfig).unwrap();
    let binary = kubectl_binary().unwrap();
    (runtime, Kubectl { binary, kubeconfig: path, home: dir.to_owned() }, resources)
}

#[test]
fn kubectl_does_its_work_against_the_hub() {
    if kubectl_binary().is_none() {
        eprintln!("skipped: there is no kubectl in KUBEBUILDER_ASSETS or PATH");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (runtime, kubectl, resources) = start(dir.path());

    // Server-side apply, again, changed, and with a conflict.
    assert!(kubectl.run("apply --server-side -f -", &manifest("main")).contains("serverside-applied"));
    kubectl.run("apply --server-side -f -", &manifest("main"));
    kubectl.run("apply --server-side -f -", &manifest("next"));
    assert_eq!(kubectl.run("get gitrepo shop -o jsonpath={.spec.branch}", ""), "next");
    kubectl.run("label gitrepo shop team=shop tier=1 --overwrite", "");
    let (applied, _, conflict) = kubectl.attempt("apply --server-side -f -", &manifest("next"));
    assert!(!applied && conflict.contains("conflict with \"kubectl-label\""), "{conflict}");
    kubectl.run("apply --server-side --force-conflicts -f -", &manifest("next"));
    kubectl.run("label gitrepo shop tier-", "");
    let labels = kubectl.run("get gitrepo shop -o jsonpath={.metadata.labels}", "");
    assert_eq!(labels, r#"{"team":"web"}"#);
    let (_, _, unknown) = kubectl.attempt("apply --server-side -f -", &manifest("main\n  brunch: x"));
    assert!(unknown.contains("unknown field \"spec.brunch\""), "{unknown}");

    // Reading.
    let table = kubectl.run("get gitrepos.fleet.cattle.io -A", "");
    assert!(table.starts_with("NAMESPACE") && table.contains("BUNDLEDEPLOYMENTS-READY"), "{table}");
    assert!(kubectl.run("get gr shop -o yaml", "").contains("repo: https://git.example/shop"));
    assert!(kubectl.run("describe gitrepo shop", "").contains("https://git.example/shop"));
    assert!(kubectl.run("get gitrepos -l team=web -o name", "").contains("gitrepo.fleet.cattle.io/shop"));
    assert!(kubectl.run("get fleet -A", "").contains("bundledeployment.fleet.cattle.io/shop.one"));
    assert!(kubectl.run("get bd -o wide", "").contains("shop.one"));
    assert!(kubectl.run("api-resources", "").contains("clustergroups"));
    assert!(kubectl.run("explain gitrepo.spec.repo", "").contains("FIELD: repo <string>"));
    assert!(kubectl.run("get ns fleet-default", "").contains("Active"));

    // Client-side apply, also over an object that was applied by the server; patch; diff-like dry run.
    kubectl.run("apply -f -", &manifest("main").replace("name: shop", "name: plain"));
    kubectl.run("apply -f -", &manifest("other").replace("name: shop", "name: plain"));
    assert_eq!(kubectl.run("get gitrepo plain -o jsonpath={.spec.branch}", ""), "other");
    kubectl.run("apply --server-side --force-conflicts -f -", &manifest("moved").replace("name: shop", "name: plain"));
    kubectl.run("patch gitrepo plain --type merge -p {\"spec\":{\"paused\":true}}", "");
    kubectl.run("annotate gitrepo plain note=hello", "");
    kubectl.run("replace --dry-run=server -f -", &manifest("never").replace("name: shop", "name: plain"));
    assert_eq!(kubectl.run("get gitrepo plain -o jsonpath={.spec.branch}", ""), "moved");
    kubectl.run("create -f -", &manifest("main").replace("name: shop", "name: created"));

    // Secrets: in, and never out.
    kubectl.run("apply -f -", SECRET);
    kubectl.run("apply -f -", SECRET);
    kubectl.run("label secret git a=b", "");
    let out = kubectl.run("get secret git -o yaml", "") + &kubectl.run("describe secret git", "");
    assert!(out.contains("password") && !out.contains("canary") && !out.contains("Y2FuYXJ5"), "{out}");
    let secret = runtime.block_on(resources.secret("fleet-default", "git")).unwrap().unwrap();
    assert_eq!(secret.data["password"].as_slice(), b"canary-pw");

    watches(&kubectl);
    assert!(kubectl.run("delete gitrepo shop plain created --timeout=10s", "").contains("\"shop\" deleted"));
    assert!(kubectl.run("get gitrepos", "").is_empty());
    let (found, _, error) = kubectl.attempt("get gitrepo shop", "");
    assert!(!found && error.contains("NotFound"), "{error}");
    runtime.shutdown_timeout(Duration::from_secs(1));
}

fn watches(kubectl: &Kubectl) {
    let mut watcher = kubectl.command("get gitrepos shop --watch --request-timeout=120s").spawn().unwrap();
    let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
    // It ends by itself after the time that it was given.
    let mut shows = |text: &str| lines.by_ref().any(|line| line.unwrap().contains(text));
    assert!(shows("https://git.example/shop"));
    kubectl.run("patch gitrepo shop --type merge -p {\"spec\":{\"repo\":\"https://git.example/changed\"}}", "");
    assert!(shows("https://git.example/changed"));
    watcher.kill().unwrap();
    watcher.wait().unwrap();
}

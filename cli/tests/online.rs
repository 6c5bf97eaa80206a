//! The command line, and kubectl where there is one, against a whole hub in this process.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of the tests fail so")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use clap::Parser as _;
use serde_json::Value;
use skiff::args::{Arguments, Command};
use skiff::online;
use skiff::output::Output;
use skiff_hub::{Config, Hub, StandardRenderer};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().map_err(|_| std::io::Error::other("poisoned"))?.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct Setup {
    runtime: tokio::runtime::Runtime,
    hub: Option<Hub>,
    dir: tempfile::TempDir,
}

impl Setup {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let config = Config { allow_file_repositories: true, ..Config::new(dir.path().join("hub")) };
        let hub = runtime.block_on(Hub::start(config, Arc::new(StandardRenderer))).unwrap();
        Self { runtime, hub: Some(hub), dir }
    }

    fn run(&self, line: &str) -> (u8, String) {
        let admin = self.hub.as_ref().unwrap().admin_file();
        let words = ["skiff", "--config", admin.to_str().unwrap()].into_iter().chain(line.split_whitespace());
        let Arguments { global, command } = Arguments::try_parse_from(words).unwrap();
        let out = Shared::default();
        let mut output = Output::new(Box::new(out.clone()), Box::new(out.clone()));
        let result = match command {
            Command::Token(args) => online::token(args, &global, &mut output),
            Command::Apply(args) => online::apply(&args, &global, &mut output),
            Command::Label(args) => online::label(&args, &global, &mut output),
            Command::Delete(args) => online::delete(&args, &global, &mut output),
            Command::Get(args) => online::get(&args, &global, &mut output),
            Command::Explain(args) => online::explain(&args, &global, &mut output),
            Command::Wait(args) => online::wait(&args, &global, &mut output),
            Command::Sync(args) => online::sync(&args, &global, &mut output),
            Command::Hub(_) => online::kubeconfig(&global, &mut output),
            other => panic!("{other:?}"),
        };
        let status = result.map_or_else(
            |error| {
                output.error(&error);
                error.exit_status()
            },
            |()| 0,
        );
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        (status, text)
    }

    fn done(&self, line: &str) -> String {
        let (status, text) = self.run(line);
        assert_eq!(status, 0, "{line}: {text}");
        text
    }

    fn apply(&self, text: &str) -> String {
        let path = self.dir.path().join("given.yaml");
        std::fs::write(&path, text).unwrap();
        self.done(&format!("apply -f {}", path.display()))
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.take() {
            self.runtime.block_on(hub.stop());
        }
    }
}

fn repository(dir: &Path, files: &[(&str, &str)]) -> String {
    let mut options = git2::RepositoryInitOptions::new();
    options.initial_head("main");
    let repository = git2::Repository::init_opts(dir, &options).unwrap();
    let mut index = repository.index().unwrap();
    for (path, text) in files {
        std::fs::create_dir_all(dir.join(path).parent().unwrap()).unwrap();
        std::fs::write(dir.join(path), text).unwrap();
        index.add_path(Path::new(path)).unwrap();
    }
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = git2::Signature::new("a", "a@example.com", &git2::Time::new(0, 0)).unwrap();
    repository.commit(Some("HEAD"), &who, &who, "first", &tree, &[]).unwrap();
    format!("file://{}", dir.display())
}

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: b}\n";
const BROKEN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a: b\n";

#[test]
fn a_repository_goes_in_and_its_state_and_its_faults_come_out() {
    let setup = Setup::start();
    let url = repository(&setup.dir.path().join("git"), &[("web/config.yaml", CONFIG_MAP), ("bad/more.yaml", BROKEN)]);
    assert!(setup.done("token create --name one --label env=prod").starts_with("skiff1."));
    setup.apply("apiVersion: fleet.cattle.io/v1alpha1\nkind: Cluster\nmetadata: {name: one}\n");
    let gitrepo = format!(
        "apiVersion: fleet.cattle.io/v1alpha1
kind: GitRepo
metadata: {{name: shop}}
spec:
  repo: {url}
  branch: main
  paths: [web, bad]
  targets: [{{clusterSelector: {{matchLabels: {{env: prod}}}}}}]
"
    );
    assert_eq!(setup.apply(&gitrepo), "gitrepo fleet-default/shop created\n");
    assert_eq!(setup.done("sync gitrepo shop"), "gitrepo fleet-default/shop was polled\n");
    setup.done("label cluster one env=prod");
    let bundles = setup.done("get bundles");
    assert!(bundles.contains("shop-web"), "{bundles}");
    let told = setup.done("explain gitrepo shop");
    assert!(told.contains("bad/more.yaml:4:"), "the fault is named by its place: {told}");
    let (status, late) = setup.run("wait gitrepo shop --timeout 300ms");
    assert_eq!(status, 1, "{late}");
    let deployments: Value = serde_json::from_str(&setup.done("get deployments -o json")).unwrap();
    assert_eq!(deployments["items"][0]["spec"]["cluster"], "fleet-default/one", "{deployments}");
    let name = deployments["items"][0]["metadata"]["name"].as_str().unwrap();
    setup.done(&format!("explain deployment {name}"));
    setup.done("explain cluster one");
    kubectl(&setup);

    setup.done("delete gitrepo shop");
    setup.done("wait gitrepo shop --for delete --timeout 20s");
    setup.done("wait bundle shop-web --for delete --timeout 20s");
    setup.done("delete cluster one");
    assert_eq!(setup.run("get cluster one").0, 1);
}

/// With the kubeconfig that `skiff hub kubeconfig` prints.
fn kubectl(setup: &Setup) {
    let path = setup.dir.path().join("kubeconfig");
    std::fs::write(&path, setup.done("hub kubeconfig")).unwrap();
    let run = |line: &str| {
        let mut command = std::process::Command::new("kubectl");
        command.env("KUBECONFIG", &path).env("HOME", setup.dir.path()).args(line.split_whitespace());
        command.output()
    };
    if run("version --client").is_err() {
        eprintln!("skipped: there is no kubectl in PATH");
        return;
    }
    let answered = run("get gitrepos,bundles,clusters,bundledeployments").unwrap();
    let text = String::from_utf8_lossy(&answered.stdout) + String::from_utf8_lossy(&answered.stderr);
    assert!(answered.status.success() && text.contains("gitrepo.fleet.cattle.io/shop"), "{text}");
    let described = run("describe gitrepo shop").unwrap();
    assert!(String::from_utf8_lossy(&described.stdout).contains("bad/more.yaml:4:"));
}

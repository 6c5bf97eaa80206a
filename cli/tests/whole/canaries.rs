//! Unique strings in every secret that the command line is given, looked for in all that it prints, logs and writes: a hub of
//! its own in a process with everything logged, each command against it, right and wrong, and the commands that need no hub.

use crate::kills::client;
use crate::repo::{Repo, config_map};
use crate::sweep::{files, holds};
use serde_json::json;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PASSWORD: &str = "canary-password-19ab";
const SSH_KEY: &str = "canary-ssh-key-20bc";
const IN_GIT: &str = "canary-secret-in-git-31cd";
const BROKEN: &str = "canary-in-a-broken-file-42de";
const IN_URL: &str = "canary-in-url-53ef";
const IN_ENVIRONMENT: &str = "canary-token-in-environment-64f0";
const IN_CONFIG: &str = "canary-token-in-broken-config-7501";
const IN_BUNDLE: &str = "canary-secret-in-bundle-8612";

struct Place {
    dir: tempfile::TempDir,
    port: u16,
    /// Title and text of all that was said.
    said: Vec<(String, Vec<u8>)>,
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("home/.config/skiff")).unwrap();
        Self { dir, port: skiff_controlplane::free_port().unwrap(), said: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skiff"));
        command.current_dir(self.dir.path()).env_clear().env("SKIFF_LOG", "trace").env("RUST_BACKTRACE", "1");
        command.env("HOME", self.path("home"));
        command
    }

    fn hub(&self) -> Running {
        let log = std::fs::File::create(self.path("hub.log")).unwrap();
        let listen = format!("127.0.0.1:{}", self.port);
        let mut command = self.command();
        command.args(["hub", "--data", "hub", "--listen", &listen, "--allow-file-repositories"]);
        Running(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    }

    /// Runs a command; its standard output.
    fn run(&mut self, line: &str, environment: &[(&str, &str)]) -> String {
        let mut command = self.command();
        command.args(line.split_whitespace()).envs(environment.iter().copied()).stdin(Stdio::null());
        let output = command.output().unwrap();
        self.said.push((format!("stdout of `{line}`"), output.stdout.clone()));
        self.said.push((format!("stderr of `{line}`"), output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn manifest(value: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{key: {value}}}\n")
}

/// The files that commands are given, and the commit before the newest of a repository.
fn prepare(place: &Place, repo: &Repo) {
    let secret = |name: &str, kind: &str, data: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": kind, "stringData": data,
            "metadata": {"name": name, "annotations": {"kubectl.kubernetes.io/last-applied-configuration": data.to_string()}}})
    };
    let gitrepo = |name: &str, url: &str, secret: &str| {
        json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "GitRepo", "metadata": {"name": name},
            "spec": {"repo": url, "branch": "main", "clientSecretName": secret, "targets": [{"clusterName": "till"}]}})
    };
    let bundle = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Bundle", "metadata": {"name": "hand"},
        "spec": {"resources": [{"name": "s.yaml", "content": manifest(IN_BUNDLE)}], "targets": [{"clusterName": "till"}]}});
    let cluster = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "Cluster", "metadata": {"name": "till"}});
    for (name, object) in [
        (
            "given/basic.yaml",
            secret("basic", "kubernetes.io/basic-auth", json!({"username": "a", "password": PASSWORD})),
        ),
        ("given/ssh.yaml", secret("ssh", "kubernetes.io/ssh-auth", json!({"ssh-privatekey": SSH_KEY}))),
        ("given/https.yaml", gitrepo("over-https", "https://127.0.0.1:9/x.git", "basic")),
        ("given/over-ssh.yaml", gitrepo("over-ssh", "ssh://git@127.0.0.1:9/x.git", "ssh")),
        ("given/url.yaml", gitrepo("in-the-url", &format!("https://ada:{IN_URL}@127.0.0.1:9/x.git"), "")),
        ("given/shop.yaml", gitrepo("shop", &repo.url(), "")),
        ("given/bundle.yaml", bundle),
        ("given/cluster.yaml", cluster),
    ] {
        place.write(name, &object.to_string());
    }
    place.write("given/broken.yaml", &format!("{}  : [{BROKEN}\n", manifest(BROKEN)));
    place.write(
        "given/wrong.yaml",
        &json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "w"}, "data": {"a b": BROKEN}}).to_string(),
    );
    place.write("broken-config.yaml", &format!("hub: https://127.0.0.1:9\ntoken: {IN_CONFIG}\n  : [\n"));
    let commit = |value: &str| {
        let broken = format!("{}  : [{value}\n", manifest(value));
        repo.commit(&[
            ("web/s.yaml".into(), manifest(value)),
            ("web/a.yaml".into(), config_map("a", "one")),
            ("bad/s.yaml".into(), broken),
        ]);
    };
    commit(&format!("{IN_GIT}-before"));
    commit(IN_GIT);
    place.write("site/web/s.yaml", &manifest(IN_GIT));
    place.write("site/web/a.yaml", &config_map("a", "one"));
    place.write("site/bad/s.yaml", &format!("{}  : [{IN_GIT}\n", manifest(IN_GIT)));
}

/// Where a secret is by design: what was given to the command; the credential in the file that is made for it, in a copy of the
/// hub, and in the kubeconfig; a token where it was asked for; the repository as git made it, and the objects of it that were
/// asked for; a URL with a password in the GitRepo that was applied with it, a Bundle's files in the Bundle.
fn is_its_place(place: &str, canary: &str, admin: &str) -> bool {
    let objects = ["-o json", "-o yaml"].iter().any(|form| place.contains(form));
    place.contains("/given/")
        || place.contains("/site/")
        || place.ends_with("-config.yaml")
        || (canary == admin && (place.ends_with("/admin.yaml") || place.ends_with("/skiff/config.yaml")))
        || (canary == admin && place.starts_with("stdout of `hub kubeconfig"))
        || (canary.starts_with(IN_GIT) && (place.contains("/git/") || place.starts_with("stdout of `render")))
        || (canary.starts_with(IN_GIT) && place.starts_with("stdout of `bundle"))
        || (canary == IN_URL && (place.contains("/hub.db") || (place.starts_with("stdout of `get gitrepo") && objects)))
        || (canary == IN_BUNDLE && place.starts_with("stdout of `get bundles") && objects)
        || (canary.starts_with("skiff1.") && place.starts_with("stdout of `token"))
}

/// What is asked of a hub, in this order.
const ONLINE: &[&str] = &[
    "apply -f given/basic.yaml",
    "apply -f given/ssh.yaml",
    "apply -f given/https.yaml",
    "apply -f given/over-ssh.yaml",
    "apply -f given/url.yaml",
    "apply -f given/shop.yaml",
    "apply -f given/bundle.yaml",
    "apply -f given/cluster.yaml",
    "apply -f given/broken.yaml",
    "apply -f given/wrong.yaml",
    "sync gitrepo shop",
    "sync gitrepo over-https",
    "sync gitrepo over-ssh",
    "get gitrepos",
    "get gitrepos -o wide",
    "get gitrepos -o json",
    "get gitrepos -o yaml",
    "get bundles -o json",
    "get bundles -o yaml",
    "get bundledeployments -o json",
    "get secrets",
    "get secrets -o json",
    "get secrets -o yaml",
    "get secret basic -o yaml",
    "get clusters -o wide",
    "explain gitrepo shop",
    "explain gitrepo over-https",
    "explain gitrepo over-ssh",
    "explain gitrepo in-the-url",
    "explain bundle hand",
    "explain cluster till",
    "label cluster till env=prod",
    "drift shop-web",
    "wait gitrepo over-https --timeout 1s",
    "approve cluster till --yes",
    "hub kubeconfig",
    "delete gitrepo over-ssh",
    "delete gitrepo nobody",
];

/// What needs no hub, of a directory with the files of the repository.
const OFFLINE: &[&str] = &[
    "render site",
    "render site --label env=prod",
    "bundle site",
    "target site --clusters given/cluster.yaml",
    "lint site",
    "diff REPO --from HEAD~1 --to HEAD",
    "diff REPO --from HEAD~1 --to HEAD -o json",
    "kustomize build site/bad",
    "helm template x site/bad",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_printed_logged_or_left_behind_by_the_command_line() {
    let (mut place, repo) = (Place::new(), Repo::new());
    prepare(&place, &repo);
    let hub = place.hub();
    let admin_file = place.path("hub/admin.yaml");
    let begun = Instant::now();
    while !admin_file.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the hub does not start");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(client(&admin_file).await);
    let file = std::fs::read_to_string(&admin_file).unwrap();
    let admin = skiff_hub::user_api::AdminFile::parse(&file).unwrap().token;
    std::fs::copy(&admin_file, place.path("home/.config/skiff/config.yaml")).unwrap();

    for line in ONLINE {
        place.run(line, &[]);
    }
    let token = place.run("token create --name till", &[]).trim().to_owned();
    let begun = Instant::now();
    while !place.run("explain gitrepo shop", &[]).contains("bad/s.yaml") {
        assert!(begun.elapsed() < Duration::from_secs(30), "the broken file is not told");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Wrong credentials, addresses and files.
    for line in ["get gitrepos", "sync gitrepo shop", "apply -f given/basic.yaml", "token create --name x"] {
        place.run(line, &[("SKIFF_TOKEN", IN_ENVIRONMENT)]);
        place.run(line, &[("SKIFF_TOKEN", IN_ENVIRONMENT), ("SKIFF_HUB", "https://127.0.0.1:9")]);
        place.run(&format!("{line} --config broken-config.yaml"), &[]);
    }
    for line in OFFLINE {
        let line = line.replace("REPO", &repo.path().display().to_string());
        place.run(&line, &[]);
    }
    place.run("hub backup --data hub --to copy", &[]);
    drop(hub);

    let mut seen = std::mem::take(&mut place.said);
    assert!(seen.iter().any(|(title, said)| title.contains("stdout of `get gitrepos -o wide") && !said.is_empty()));
    seen.extend(files(place.dir.path()).unwrap());
    let log = std::fs::read_to_string(place.path("hub.log")).unwrap();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "not everything is logged");
    assert!(token.starts_with("skiff1.") && seen.iter().any(|(place, _)| place.ends_with("copy/hub.db")));
    let canaries = [
        PASSWORD,
        SSH_KEY,
        IN_GIT,
        BROKEN,
        IN_URL,
        IN_ENVIRONMENT,
        IN_CONFIG,
        IN_BUNDLE,
        admin.as_str(),
        token.as_str(),
    ];
    let found = |(place, bytes): &(String, Vec<u8>)| -> Vec<String> {
        let hits = canaries.iter().filter(|canary| holds(bytes, canary) && !is_its_place(place, canary, &admin));
        hits.map(|canary| format!("{canary} in {place}")).collect()
    };
    let hits: Vec<String> = seen.iter().flat_map(found).collect();
    println!(
        "{} canaries in {} outputs, logs and files of the command line: {} hits",
        canaries.len(),
        seen.len(),
        hits.len()
    );
    assert!(hits.is_empty(), "{hits:#?}");
}

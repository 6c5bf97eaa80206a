//! The commands against the user API in this process, over TLS on a free port of the loopback interface.

mod cve_replay;

use super::*;
use crate::args::{Arguments, Command};
use clap::Parser as _;
use fleet_api::Digest;
use fleet_api::names::{Namespace, Ref};
use fleet_api::v1alpha1::{BundleDeployment, Cluster, ClusterStatus, GitRepo, GitRepoStatus};
use fleet_api::wire::{HeldDeletions, HeldObject};
use fleet_api::{Note, ObjectKey, Reason};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use skiff_hub::core::{CoreError, HeldInCluster, Subject, TokenRequest};
use skiff_hub::store::{Key, Resources, Store};
use skiff_hub::user_api::{Actions, Admin, AdminFile};
use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[derive(Default)]
struct FakeCore {
    held: Mutex<Vec<HeldInCluster>>,
    done: Mutex<Vec<String>>,
}

impl Actions for FakeCore {
    fn sync_now<'a>(&'a self, gitrepo: &'a Ref) -> Boxed<'a, Result<(), CoreError>> {
        self.done.lock().unwrap().push(format!("sync {gitrepo}"));
        Box::pin(async { Ok(()) })
    }

    fn create_token(&self, request: TokenRequest) -> Boxed<'_, Result<String, CoreError>> {
        Box::pin(async move { Ok(format!("skiff1.{}-{}", request.namespace, request.lifetime.as_secs())) })
    }

    fn held<'a>(&'a self, _subject: &'a Subject) -> Boxed<'a, Result<Vec<HeldInCluster>, CoreError>> {
        Box::pin(async { Ok(self.held.lock().unwrap().clone()) })
    }

    fn approve<'a>(
        &'a self,
        _subject: &'a Subject,
        lists: &'a [(Ref, Digest)],
        _by: &'a str,
    ) -> Boxed<'a, Result<(), CoreError>> {
        self.done.lock().unwrap().push(format!("approve {} {}", lists[0].0, lists[0].1));
        Box::pin(async { Ok(()) })
    }

    fn last_seen(&self, _cluster: &Ref) -> Option<fleet_api::wire::Timestamp> {
        None
    }

    fn deployments<'a>(&'a self, _namespace: Option<&'a Namespace>) -> Boxed<'a, Vec<BundleDeployment>> {
        Box::pin(async { Vec::new() })
    }
}

struct Hub {
    runtime: tokio::runtime::Runtime,
    resources: Resources,
    core: Arc<FakeCore>,
    dir: tempfile::TempDir,
    file: AdminFile,
}

fn hub() -> Hub {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let core = Arc::new(FakeCore::default());
    let (resources, address, key) = runtime.block_on(async {
        let store = Store::open(dir.path(), &Key::random().unwrap()).unwrap();
        let resources = Resources::open(&store).await.unwrap();
        let (address, key) = serve(resources.clone(), core.clone()).await;
        (resources, address, key)
    });
    let file = AdminFile { hub: address, hub_key: key, token: "secret".into() };
    std::fs::write(dir.path().join("admin.yaml"), file.to_yaml()).unwrap();
    Hub { runtime, resources, core, dir, file }
}

async fn serve(resources: Resources, core: Arc<FakeCore>) -> (String, Digest) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = ["skiff-hub", "localhost"].map(String::from).to_vec();
    let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let parsed = rustls::server::ParsedCertificate::try_from(certificate.der()).unwrap();
    let digest = Digest::of(&parsed.subject_public_key_info());
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let router = skiff_hub::user_api::router(resources, core, Admin::new("secret"));
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
    (address, digest)
}

#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().map_err(|_| std::io::Error::other("poisoned"))?.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What a command said, and how it ended.
struct Said {
    status: u8,
    out: String,
    err: String,
}

impl Hub {
    fn run(&self, line: &str) -> Said {
        let config = self.dir.path().join("admin.yaml");
        let words = ["skiff", "--config", config.to_str().unwrap()].into_iter().chain(line.split_whitespace());
        run(Arguments::try_parse_from(words).unwrap())
    }

    /// stdout of a command that is done.
    fn done(&self, line: &str) -> String {
        let said = self.run(line);
        assert_eq!(said.status, 0, "{line}: {} {}", said.out, said.err);
        said.out
    }

    fn apply(&self, text: &str) -> Said {
        let path = self.dir.path().join("given.yaml");
        std::fs::write(&path, text).unwrap();
        self.run(&format!("apply -f {}", path.display()))
    }
}

fn run(arguments: Arguments) -> Said {
    let (out, err) = (Shared::default(), Shared::default());
    let mut output = Output::new(Box::new(out.clone()), Box::new(err.clone()));
    let Arguments { global, command } = arguments;
    let result = match command {
        Command::Token(args) => token(args, &global, &mut output),
        Command::Apply(args) => apply(&args, &global, &mut output),
        Command::Label(args) => label(&args, &global, &mut output),
        Command::Delete(args) => delete(&args, &global, &mut output),
        Command::Get(args) => get(&args, &global, &mut output),
        Command::Explain(args) => explain(&args, &global, &mut output),
        Command::Approve(args) => approve(&args, &global, &mut output),
        Command::Wait(args) => wait(&args, &global, &mut output),
        Command::Sync(args) => sync(&args, &global, &mut output),
        other => panic!("{other:?}"),
    };
    let status = match result {
        Ok(()) => 0,
        Err(error) => {
            output.error(&error);
            error.exit_status()
        }
    };
    Said { status, out: out.text(), err: err.text() }
}

const SHOP: &str = "apiVersion: fleet.cattle.io/v1alpha1
kind: GitRepo
metadata:
  name: shop
  uid: of-another-hub
  resourceVersion: '7'
  labels: {team: web}
spec:
  repo: https://git.example/shop
status: {commit: abc}
";

#[test]
fn apply_creates_replaces_and_says_which() {
    let hub = hub();
    let cluster = "---\napiVersion: fleet.cattle.io/v1alpha1\nkind: Cluster\nmetadata: {name: one, namespace: other}\n";
    let first = hub.apply(&format!("{SHOP}{cluster}"));
    assert_eq!(
        (first.status, first.out.as_str()),
        (0, "gitrepo fleet-default/shop created\ncluster other/one created\n"),
        "{}",
        first.err
    );
    assert_eq!(hub.apply(SHOP).out, "gitrepo fleet-default/shop unchanged\n");
    let changed = hub.apply(&SHOP.replace("  labels: {team: web}\n", "  annotations: {note: x}\n"));
    assert_eq!(changed.out, "gitrepo fleet-default/shop changed\n");
    let object: Value = serde_json::from_str(&hub.done("get gitrepo shop -o json")).unwrap();
    assert!(object["metadata"].get("labels").is_none(), "labels are replaced");
    assert_eq!(object["metadata"]["annotations"]["note"], "x");
    assert!(object.get("status").is_none());
    assert_ne!(object["metadata"]["uid"], "of-another-hub");
}

#[test]
fn apply_names_the_place_of_what_is_wrong_and_sends_the_rest() {
    let hub = hub();
    let broken = hub.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\na: b: c\n");
    assert_eq!(broken.status, 1);
    assert!(broken.err.contains("given.yaml:5"), "{}", broken.err);
    assert_eq!(hub.done("get secrets"), "NAME   TYPE   DATA   AGE\n", "nothing was sent");
    let bad =
        format!("{}---\n{SHOP}", SHOP.replace("name: shop", "name: bad").replace("https://git.example/shop", "''"));
    let said = hub.apply(&bad);
    assert_eq!((said.status, said.out.as_str()), (1, "gitrepo fleet-default/shop created\n"));
    assert!(said.err.contains("spec.repo: Required value"), "{}", said.err);
    let unknown = hub.apply(&SHOP.replace("spec:\n", "spec:\n  brunch: main\n"));
    assert_eq!(unknown.status, 0);
    let place = "given.yaml:9:3: unknown field \"spec.brunch\"; did you mean `branch`?";
    assert!(unknown.err.contains(place), "{}", unknown.err);
    let twice = "apiVersion: fleet.cattle.io/v1alpha1\nkind: GitRepo\nmetadata: {name: two}\nspec:\n  \
                 pollingInterval: soon\n  targets:\n  - clusterSelectr: {}\n    name: a\n";
    let said = hub.apply(twice);
    for place in [
        "given.yaml:4:1: gitrepo fleet-default/two: spec.repo: Required value",
        "given.yaml:5:3: gitrepo fleet-default/two: spec.pollingInterval: Invalid value",
        "given.yaml:7:5: gitrepo fleet-default/two: spec.targets[0].clusterSelectr: Unknown field",
    ] {
        assert!(said.err.contains(place), "{}", said.err);
    }
    assert!(said.err.contains("did you mean `clusterSelector`?"), "{}", said.err);
    let pod = hub.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n");
    assert!(pod.status == 1 && pod.err.contains("Pod of v1 is nothing for the hub"), "{}", pod.err);
}

#[test]
fn secrets_go_in_and_do_not_come_out() {
    let hub = hub();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: git}\nstringData: {password: canary}\n";
    assert_eq!(hub.apply(secret).out, "secret fleet-default/git created\n");
    let all = hub.done("get secret git -o yaml") + &hub.done("get secrets -o json") + &hub.done("get secrets -o wide");
    assert!(!all.contains("canary") && !all.contains("Y2FuYXJ5"), "{all}");
    let stored = hub.runtime.block_on(hub.resources.secret("fleet-default", "git")).unwrap().unwrap();
    assert_eq!(stored.data["password"].as_slice(), b"canary");
}

#[test]
fn get_lists_in_every_form_and_an_empty_list_is_no_failure() {
    let hub = hub();
    let empty = hub.run("get clusters");
    assert_eq!((empty.status, empty.out.as_str()), (0, "NAME   BUNDLES-READY   LAST-SEEN   STATUS\n"));
    assert_eq!(empty.err, "no clusters in namespace fleet-default\n");
    assert_eq!(
        hub.done("get clusters -o json").trim(),
        "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"List\",\n  \"items\": []\n}"
    );
    hub.apply(SHOP);
    hub.apply(&SHOP.replace("name: shop", "name: other\n  namespace: team"));
    let table = hub.done("get gitrepos -A");
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("NAMESPACE       NAME    REPO"), "{table}");
    assert!(lines[1].starts_with("fleet-default   shop    https://git.example/shop"), "{table}");
    assert!(lines[2].starts_with("team            other   https"), "{table}");
    assert!(hub.done("get gr/shop -o wide").contains("BRANCH"));
    assert!(hub.done("get gitrepo shop -o yaml").starts_with("apiVersion: fleet.cattle.io/v1alpha1\n"));
    assert_eq!(hub.done("get gitrepos -l team=web -o yaml").matches("kind: GitRepo").count(), 1);
    assert_eq!(hub.done("get gitrepos -l team!=web -o yaml"), "");
    assert_eq!(hub.done("get gitrepos -n team -o json").matches("\"other\"").count(), 1);
    let missing = hub.run("get gitrepo none");
    assert_eq!(missing.status, 1);
    assert!(missing.err.contains("not found"), "{}", missing.err);
    assert_eq!(hub.run("get pods").status, 2);
}

#[test]
fn what_a_cluster_says_cannot_drive_the_terminal() {
    let hub = hub();
    hub.apply("apiVersion: fleet.cattle.io/v1alpha1\nkind: Cluster\nmetadata: {name: one}\n");
    let mut status = ClusterStatus::default();
    status.agent.last_seen = "\u{1b}[2J".into();
    status.notes.push(Note::new(Reason::NotReady, "\u{1b}[31mred"));
    hub.runtime.block_on(hub.resources.set_status::<Cluster>("fleet-default", "one", &status)).unwrap();
    for line in ["get clusters", "explain cluster one"] {
        let out = hub.done(line);
        assert!(!out.contains('\u{1b}') && out.contains("\\u{1b}["), "{out}");
    }
}

#[test]
fn labels_and_ends() {
    let hub = hub();
    hub.apply("apiVersion: fleet.cattle.io/v1alpha1\nkind: Cluster\nmetadata: {name: one, labels: {old: x}}\n");
    assert_eq!(hub.done("label cluster one env=prod old-"), "cluster fleet-default/one labelled\n");
    assert_eq!(hub.done("label cluster/one env=prod"), "cluster fleet-default/one unchanged\n");
    let object = hub.resources.get::<Cluster>("fleet-default", "one").unwrap().unwrap();
    assert_eq!(object.metadata.labels.unwrap(), [("env".to_owned(), "prod".to_owned())].into());
    assert_eq!(hub.run("label cluster none a=b").status, 1);
    assert_eq!(hub.run("label cluster one").status, 2);
    let ended = hub.run("delete cluster one");
    assert!(ended.status == 0 && ended.err.contains("workloads are left alone"));
    assert_eq!(hub.run("delete cluster one").status, 1);
    assert_eq!(hub.run("delete cluster one --keep-resources").status, 2);
    hub.apply(SHOP);
    let mut watch = hub.resources.watch(hub.resources.version()).unwrap();
    hub.done("delete gitrepo shop --keep-resources");
    let events = hub.runtime.block_on(watch.next()).unwrap();
    assert_eq!(events.last().unwrap().object.value()["spec"]["keepResources"], true);
}

#[test]
fn a_token_stands_alone_on_stdout() {
    let hub = hub();
    assert_eq!(hub.done("token create --name one --label env=prod --ttl 2h"), "skiff1.fleet-default-7200\n");
    assert_eq!(hub.done("token create -n team"), "skiff1.team-3600\n");
    assert_eq!(hub.run("token create --ttl soon").status, 2);
    assert_eq!(hub.run("token create --label env").status, 2);
    assert_eq!(hub.run("token create --name A").status, 1);
    assert_eq!(hub.done("sync gitrepo shop"), "gitrepo fleet-default/shop was polled\n");
    assert_eq!(hub.run("sync cluster one").status, 2);
    assert_eq!(hub.core.done.lock().unwrap().as_slice(), ["sync fleet-default/shop"]);
}

#[test]
fn approve_shows_the_list_and_approves_that_very_list() {
    let hub = hub();
    assert_eq!(hub.run("approve gitrepo shop --yes").err, "nothing is held for gitrepo fleet-default/shop\n");
    let digest = Digest::of(b"the list");
    let object = HeldObject {
        bundle: "fleet-default/shop-web".parse().unwrap(),
        key: ObjectKey::new("", "PersistentVolumeClaim", "shop", "data"),
        uid: "uid-1".into(),
    };
    let note = Note::new(Reason::DeletionHeld, "a volume claim is always held");
    let held = HeldDeletions { digest, objects: vec![object], note };
    hub.core.held.lock().unwrap().push(HeldInCluster { cluster: "fleet-default/one".parse().unwrap(), held });
    let shown = "persistentvolumeclaim shop/data  (bundle fleet-default/shop-web, uid uid-1)";
    let out = hub.done("approve gitrepo shop --yes");
    assert!(out.contains(shown) && out.ends_with("approved 1 deletions in 1 clusters\n"), "{out}");
    assert_eq!(hub.core.done.lock().unwrap().as_slice(), [format!("approve fleet-default/one {digest}")]);
}

#[test]
fn wait_ends_when_it_holds_or_says_what_is_missing() {
    let hub = hub();
    let late = hub.run("wait gitrepo shop --timeout 2s");
    assert!(late.status == 1 && late.err.contains("it does not exist"), "{}", late.err);
    let condition = |status: &str| fleet_api::v1alpha1::Condition {
        type_: "Ready".into(),
        status: status.into(),
        message: "0 of 1 clusters".into(),
        ..Default::default()
    };
    let status = |ready: &str| GitRepoStatus {
        observed_generation: 1,
        conditions: vec![condition(ready)],
        ..Default::default()
    };
    hub.apply(SHOP);
    let set = |ready: &str| {
        let status = status(ready);
        hub.runtime.block_on(hub.resources.set_status::<GitRepo>("fleet-default", "shop", &status)).unwrap();
    };
    set("False");
    let late = hub.run("wait gitrepo shop --for condition=Ready --timeout 2s");
    assert!(late.status == 1 && late.err.contains("0 of 1 clusters"), "{}", late.err);
    std::thread::scope(|scope| {
        let begun = Instant::now();
        let waiter = scope.spawn(|| hub.done("wait gitrepo/shop --timeout 120s"));
        // The status may be there before it looks: then it ends at once just as well.
        std::thread::sleep(Duration::from_millis(300));
        set("True");
        assert_eq!(waiter.join().unwrap(), "gitrepo fleet-default/shop condition met\n");
        assert!(begun.elapsed() < Duration::from_secs(60), "it is watched, not waited out");
    });
}

#[test]
fn another_key_or_credential_is_refused_in_words() {
    let hub = hub();
    let write = |file: &AdminFile| std::fs::write(hub.dir.path().join("admin.yaml"), file.to_yaml()).unwrap();
    write(&AdminFile { hub_key: Digest::of(b"another"), ..hub.file.clone() });
    let said = hub.run("get clusters");
    assert!(said.status == 1 && said.err.contains("its key is not the one that is known"), "{}", said.err);
    write(&AdminFile { token: "wrong".into(), ..hub.file.clone() });
    let said = hub.run("get clusters");
    assert!(said.status == 1 && said.err.contains("credential was not accepted"), "{}", said.err);
    assert!(!said.err.contains("wrong"));
    write(&AdminFile { hub: "https://127.0.0.1:1".into(), ..hub.file.clone() });
    let said = hub.run("get clusters");
    assert!(said.status == 1 && said.err.contains("cannot be reached"), "{}", said.err);
}

#[test]
fn a_kubeconfig_trusts_this_hub_and_nothing_else() {
    let hub = hub();
    let config = hub.dir.path().join("admin.yaml");
    let words = ["skiff", "--config", config.to_str().unwrap(), "hub", "kubeconfig"];
    let global = Arguments::try_parse_from(words).unwrap().global;
    let out = Shared::default();
    let mut output = Output::new(Box::new(out.clone()), Box::new(Shared::default()));
    kubeconfig(&global, &mut output).unwrap();
    let text = out.text();
    assert!(
        text.contains(&format!("server: {}", hub.file.hub)) && text.contains("certificate-authority-data"),
        "{text}"
    );
    assert!(text.contains("tls-server-name: localhost"), "127.0.0.1 is not in this certificate: {text}");
}

#[test]
fn a_watch_prints_what_changes_until_the_reader_goes() {
    let hub = hub();
    hub.apply(SHOP);
    let config = hub.dir.path().join("admin.yaml");
    let words = ["skiff", "--config", config.to_str().unwrap(), "get", "gitrepos", "--watch"];
    let Arguments { global, command } = Arguments::try_parse_from(words).unwrap();
    let Command::Get(args) = command else { panic!() };
    let reader = Closing { seen: Shared::default(), until: "changed" };
    let mut output = Output::new(Box::new(reader.clone()), Box::new(Shared::default()));
    let seen = reader.seen.clone();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually("what is there", || seen.text().contains("git.example/shop"));
            hub.apply(&SHOP.replace("example/shop", "example/changed"));
            eventually("what changed", || seen.text().contains("git.example/changed"));
            hub.apply(&SHOP.replace("example/shop", "example/again"));
        });
        let error = get(&args, &global, &mut output).unwrap_err();
        assert!(error.is_broken_pipe(), "{error}");
    });
    let seen = reader.seen.text();
    assert!(seen.contains("git.example/shop") && seen.contains("git.example/changed"), "{seen}");
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < until, "timed out: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A reader that goes away after it has seen something.
#[derive(Clone)]
struct Closing {
    seen: Shared,
    until: &'static str,
}

impl Write for Closing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.seen.text().contains(self.until) {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        self.seen.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

//! `kill -9` of a hub under load, on the disk: what it has acknowledged is there when it is back, and it is back soon.
//! `SKIFF_KILLS=100` sets how often.

use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WRITERS: u64 = 8;

/// Of an object: the value that was acknowledged last, with the version, and the value that was asked for last.
#[derive(Clone, Copy, Default)]
struct Known {
    acknowledged: u64,
    asked: u64,
    version: u64,
}

struct Hub {
    child: Child,
}

impl Drop for Hub {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn skiff() -> Command {
    Command::new(env!("CARGO_BIN_EXE_skiff"))
}

fn spawn(directory: &Path, port: u16) -> Hub {
    let log = std::fs::File::options().create(true).append(true).open(directory.join("log")).unwrap();
    let listen = format!("127.0.0.1:{port}");
    let child = skiff()
        .args(["hub", "--data", "hub", "--listen", &listen])
        .current_dir(directory)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    Hub { child }
}

/// Of the admin whose credential is in that file.
pub(crate) async fn client(admin: &Path) -> kube::Client {
    let begun = Instant::now();
    loop {
        let output = skiff().arg("--config").arg(admin).args(["hub", "kubeconfig"]).output().unwrap();
        if output.status.success() {
            let kubeconfig = Kubeconfig::from_yaml(&String::from_utf8_lossy(&output.stdout)).unwrap();
            let options = KubeConfigOptions::default();
            let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
            config.proxy_url = None;
            config.connect_timeout = Some(Duration::from_secs(1));
            return kube::Client::try_from(config).unwrap();
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", String::from_utf8_lossy(&output.stderr));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn groups(client: &kube::Client) -> Api<DynamicObject> {
    let resource = kube::api::ApiResource {
        group: "fleet.cattle.io".into(),
        version: "v1alpha1".into(),
        api_version: "fleet.cattle.io/v1alpha1".into(),
        kind: "ClusterGroup".into(),
        plural: "clustergroups".into(),
    };
    Api::namespaced_with(client.clone(), "fleet-default", &resource)
}

fn version(object: &DynamicObject) -> u64 {
    object.metadata.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

fn value(object: &DynamicObject) -> u64 {
    let annotations = object.metadata.annotations.as_ref();
    annotations.and_then(|annotations| annotations.get("n")?.parse().ok()).unwrap_or_default()
}

/// Writes one object after the other until `stop`, and remembers what was acknowledged.
async fn write(
    api: Api<DynamicObject>,
    writer: u64,
    known: Arc<Mutex<BTreeMap<String, Known>>>,
    stop: Arc<AtomicBool>,
) {
    let mut n = known.lock().unwrap().values().map(|known| known.asked).max().unwrap_or(0);
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let name = format!("w{writer}-{}", n % 7);
        let before = known.lock().unwrap().get(&name).copied().unwrap_or_default();
        known.lock().unwrap().entry(name.clone()).or_default().asked = n;
        let done = if before.asked == 0 {
            let object = json!({"apiVersion": "fleet.cattle.io/v1alpha1", "kind": "ClusterGroup",
                "metadata": {"name": name, "annotations": {"n": n.to_string()}}, "spec": {}});
            api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await
        } else {
            let patch = json!({"metadata": {"annotations": {"n": n.to_string()}}});
            api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await
        };
        match done {
            Ok(object) => {
                let mut known = known.lock().unwrap();
                let one = known.entry(name).or_default();
                (one.acknowledged, one.version) = (n, version(&object));
            }
            // A creation that was not heard of may have happened, or not.
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => {
                known.lock().unwrap().entry(name).or_default().asked = if status.code == 404 { 0 } else { n };
            }
            Err(kube::Error::Api(status)) if status.code < 500 => panic!("{name}: {status}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Everything that was acknowledged is there, and nothing that nobody asked for.
async fn nothing_is_lost(api: &Api<DynamicObject>, known: &BTreeMap<String, Known>, round: u64) {
    let list = api.list(&kube::api::ListParams::default()).await.unwrap();
    let there: BTreeMap<String, (u64, u64)> =
        list.items.iter().map(|one| (one.metadata.name.clone().unwrap(), (value(one), version(one)))).collect();
    for (name, known) in known.iter().filter(|(_, known)| known.acknowledged > 0) {
        let (n, version) = there.get(name).copied().unwrap_or_else(|| panic!("kill {round}: {name} is lost"));
        assert!(
            known.acknowledged <= n && n <= known.asked && version >= known.version,
            "kill {round}: {name} is {n} in version {version}; acknowledged were {} in {}, and asked for was {}",
            known.acknowledged,
            known.version,
            known.asked
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_hub_loses_nothing_that_it_acknowledged_and_is_back_soon() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let kills: u64 = std::env::var("SKIFF_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    // Not in /tmp, which may be memory.
    let on_disk = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&on_disk).unwrap();
    let directory = tempfile::tempdir_in(on_disk).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut hub = spawn(directory.path(), port);
    let client = client(&directory.path().join("hub/admin.yaml")).await;
    let api = groups(&client);
    let known: Arc<Mutex<BTreeMap<String, Known>>> = Arc::default();
    let mut pauses = Vec::new();
    for round in 0..kills {
        let stop = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| tokio::spawn(write(api.clone(), writer, known.clone(), stop.clone()))).collect();
        let acknowledged = || known.lock().unwrap().values().map(|known| known.acknowledged).sum::<u64>();
        let (before, begun) = (acknowledged(), Instant::now());
        while acknowledged() < before + WRITERS {
            assert!(begun.elapsed() < Duration::from_secs(60), "kill {round}: nothing is acknowledged");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Moments spread over the load, the same in every run.
        tokio::time::sleep(Duration::from_millis(round * 61 % 350)).await;
        drop(hub);
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.unwrap();
        }
        let begun = Instant::now();
        hub = spawn(directory.path(), port);
        while api.list(&kube::api::ListParams::default().limit(1)).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "kill {round}: it does not come back");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        pauses.push(begun.elapsed());
        let known = known.lock().unwrap().clone();
        nothing_is_lost(&api, &known, round).await;
    }
    let acknowledged: u64 = known.lock().unwrap().values().map(|known| known.acknowledged).sum();
    pauses.sort_unstable();
    let (median, longest) = (pauses[pauses.len() / 2], pauses[pauses.len() - 1]);
    println!(
        "kill -9: {kills} times, 0 of the acknowledged writes lost; back after {} ms (median), {} ms at most",
        median.as_millis(),
        longest.as_millis()
    );
    assert!(acknowledged > kills * WRITERS, "there was no load: {acknowledged}");
    assert!(median < Duration::from_secs(2), "{median:?}");
    drop(hub);
}

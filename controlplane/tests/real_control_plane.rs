//! Tier 4: the harness itself, on real binaries.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;
use skiff_controlplane::harness::{self, Outcome};
use skiff_controlplane::{AuditMark, Binaries, ControlPlane, Options, count, scenarios};

fn main() -> ExitCode {
    harness::run(scenarios![
        what_was_written_is_there_after_a_restart_of_the_api_server,
        requests_are_counted_by_user_agent_and_verb,
        a_controller_manager_ends_a_deleted_namespace,
        two_control_planes_run_side_by_side,
    ])
}

fn config_map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        data: Some(BTreeMap::from([("key".to_owned(), "created".to_owned())])),
        ..ConfigMap::default()
    }
}

async fn what_was_written_is_there_after_a_restart_of_the_api_server(binaries: Binaries) -> Outcome {
    let mut plane = ControlPlane::start(&binaries, Options::default()).await?;
    let maps: Api<ConfigMap> = Api::namespaced(plane.client().await?, "default");
    maps.create(&PostParams::default(), &config_map("kept")).await?;
    let patch = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"key": "applied"}});
    let params = PatchParams::apply("skiff-test").force();
    maps.patch("kept", &params, &Patch::Apply(&patch)).await?;
    let (before, pids) = (maps.get("kept").await?, plane.pids());

    plane.stop_apiserver();
    assert!(maps.get("kept").await.is_err(), "the API server is gone");
    plane.start_apiserver().await?;

    let after = maps.get("kept").await?;
    assert_eq!(after, before);
    assert_eq!(after.data, Some(BTreeMap::from([("key".to_owned(), "applied".to_owned())])));
    let managers = after.metadata.managed_fields.unwrap_or_default();
    assert!(managers.iter().any(|entry| entry.operation.as_deref() == Some("Apply")), "{managers:?}");
    assert_eq!(plane.pids()[0], pids[0], "etcd is the same");
    assert_ne!(plane.pids()[1], pids[1], "the API server is a new one");
    Ok(())
}

async fn requests_are_counted_by_user_agent_and_verb(binaries: Binaries) -> Outcome {
    let plane = ControlPlane::start(&binaries, Options::default().with_audit()).await?;
    let maps: Api<ConfigMap> = Api::namespaced(plane.client_named("counted/1.0").await?, "default");
    let mark = plane.audit_mark()?;
    maps.create(&PostParams::default(), &config_map("one")).await?;
    maps.get("one").await?;
    maps.get("one").await?;
    let events = plane.audit_since(mark)?;
    let ours: Vec<_> = events.into_iter().filter(|event| event.user_agent == "counted/1.0").collect();
    let of = |verb: &str, n: usize| (("counted/1.0".to_owned(), verb.to_owned()), n);
    assert_eq!(count(&ours), [of("create", 1), of("get", 2)].into());
    assert_eq!((ours[0].name.as_str(), ours[0].code, ours[0].is_write()), ("one", 201, true));
    let from_the_start = plane.audit_since(AuditMark::default())?;
    assert!(from_the_start.iter().any(|event| event.user_agent == "skiff-test"), "the probes of the start are there");
    Ok(())
}

async fn a_controller_manager_ends_a_deleted_namespace(binaries: Binaries) -> Outcome {
    let plane = ControlPlane::start(&binaries, Options::default().with_controller_manager()).await?;
    let client = plane.client().await?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let metadata = ObjectMeta { name: Some("short-lived".to_owned()), ..ObjectMeta::default() };
    namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
    Api::<ConfigMap>::namespaced(client, "short-lived").create(&PostParams::default(), &config_map("inside")).await?;
    namespaces.delete("short-lived", &DeleteParams::default()).await?;
    let started = Instant::now();
    while namespaces.get_opt("short-lived").await?.is_some() {
        assert!(started.elapsed() < Duration::from_secs(60), "the namespace is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let kubectl = plane.kubectl().args(["get", "configmaps", "-A", "-o", "name"]).output()?;
    let listed = String::from_utf8_lossy(&kubectl.stdout);
    assert!(kubectl.status.success() && listed.contains("configmap/kube-root-ca.crt"), "{kubectl:?}");
    Ok(())
}

async fn two_control_planes_run_side_by_side(binaries: Binaries) -> Outcome {
    let (one, other) = tokio::join!(
        ControlPlane::start(&binaries, Options::default()),
        ControlPlane::start(&binaries, Options::default()),
    );
    let (one, other) = (one?, other?);
    let maps: Api<ConfigMap> = Api::namespaced(one.client().await?, "default");
    maps.create(&PostParams::default(), &config_map("only-here")).await?;
    let there: Api<ConfigMap> = Api::namespaced(other.client().await?, "default");
    assert_eq!(there.get_opt("only-here").await?, None);
    let (_, config) = other.kubeconfig_for("nobody-special", &["guests"])?;
    let guest = kube::Config::from_custom_kubeconfig(config, &kube::config::KubeConfigOptions::default()).await?;
    let refused = Api::<ConfigMap>::namespaced(kube::Client::try_from(guest)?, "default").get("any").await;
    assert!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403), "{refused:?}");
    let pids = one.pids();
    one.stop();
    for pid in pids {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{pid} still runs: {stat}");
    }
    Ok(())
}

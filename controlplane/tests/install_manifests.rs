//! Tier 4: the install manifests, as an API server reads them.

use std::path::Path;
use std::process::ExitCode;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::PodSpec;
use kube::Api;
use skiff_controlplane::harness::{self, Outcome};
use skiff_controlplane::{Binaries, ControlPlane, Options, scenarios};

fn main() -> ExitCode {
    harness::run(scenarios![the_install_manifests_are_accepted_and_run_without_privileges])
}

async fn the_install_manifests_are_accepted_and_run_without_privileges(binaries: Binaries) -> Outcome {
    let plane = ControlPlane::start(&binaries, Options::default()).await?;
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    // What the pod security standard `restricted` warns of is an error here; the namespace asks for warnings.
    let namespace = plane.kubectl().args(["create", "namespace", "skiff-system"]).output()?;
    assert!(namespace.status.success(), "{namespace:?}");
    let standard = "pod-security.kubernetes.io/warn=restricted";
    let label = plane.kubectl().args(["label", "namespace", "skiff-system", standard]).output()?;
    assert!(label.status.success(), "{label:?}");
    for file in ["agent.yaml", "hub.yaml"] {
        let apply = ["apply", "--server-side", "--validate=strict", "--warnings-as-errors", "-f"];
        let output = plane.kubectl().args(apply).arg(deploy.join(file)).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{file}: {said}");
    }
    let client = plane.client().await?;
    let agent = Api::<DaemonSet>::namespaced(client.clone(), "skiff-system").get("skiff-agent").await?;
    let hub = Api::<Deployment>::namespaced(client, "skiff-system").get("skiff-hub").await?;
    assert_limited("agent", agent.spec.and_then(|spec| spec.template.spec));
    assert_limited("hub", hub.spec.and_then(|spec| spec.template.spec));
    Ok(())
}

/// An edge node has no memory to spare: every container says how much it takes.
fn assert_limited(what: &str, pod: Option<PodSpec>) {
    for container in pod.unwrap_or_default().containers {
        let resources = container.resources.unwrap_or_default();
        let limited = resources.limits.is_some_and(|limits| limits.contains_key("memory"));
        assert!(limited && resources.requests.is_some(), "{what}: container {} has no limits", container.name);
    }
}

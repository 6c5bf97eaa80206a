//! A chart with values for each cluster, and its hooks: there is no kubelet, so the pods of Jobs end as a test says.

use crate::driver::{self, Cluster, Failure, One, Two, World, ensure, gitrepo, values_secret};
use crate::repo::Repo;
use skiff_controlplane::Binaries;
use skiff_controlplane::harness::Outcome;

const FLEET_YAML: &str = "defaultNamespace: charts
downstreamResources: [{kind: Secret, name: charts-registry}]
helm:
  values: {text: everywhere}
  templateValues: {cluster: '${ .ClusterName }'}
targetCustomizations:
- name: prod
  clusterSelector: {matchLabels: {charts-env: prod}}
  helm: {values: {text: for-prod}}
";
const CONFIG: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: motd}
data: {text: {{ .Values.text }}, cluster: {{ .Values.cluster }}, who: {{ .Values.who }}}
";
const JOB: &str = "apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name }}
  annotations: {helm.sh/hook: '{{ .events }}'}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: 'tool:1', args: [{{ .who | quote }}]}]
";

/// A hook of the chart.
fn hook(name: &str, events: &str) -> String {
    let job = JOB.replace("{{ .name }}", name).replace("{{ .events }}", events);
    job.replace("{{ .who | quote }}", "{{ .Values.who | quote }}")
}

/// Ends the pod of a Job as a kubelet would, once for each UID of it; gives that UID.
async fn end(world: &World, cluster: Cluster, job: &str, phase: &str, but: &str) -> Result<String, Failure> {
    let what = format!("the job {job} has a pod in cluster {}", cluster.name());
    let (uid, pod) = world
        .until(&what, |world| {
            let object = world.object(cluster, &format!("/apis/batch/v1/namespaces/charts/jobs/{job}"))?;
            let uid =
                object.as_ref().and_then(|object| object["metadata"]["uid"].as_str()).unwrap_or_default().to_owned();
            if uid.is_empty() || uid == but {
                return Err(format!("its uid is {uid:?}"));
            }
            let selector = format!("labelSelector=batch.kubernetes.io/controller-uid%3D{uid}");
            let pods = world.object(cluster, &format!("/api/v1/namespaces/charts/pods?{selector}"))?;
            let pod = pods.as_ref().and_then(|pods| pods["items"][0]["metadata"]["name"].as_str()).map(str::to_owned);
            Ok((uid, pod.ok_or("no pod yet")?))
        })
        .await?;
    let patch = format!(
        "patch pod {pod} -n charts --subresource=status --type=merge -p {{\"status\":{{\"phase\":\"{phase}\"}}}}"
    );
    world.kubectl(cluster, &patch, "")?;
    Ok(uid)
}

pub(crate) async fn a_chart_has_values_for_each_cluster_and_its_hooks_run(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let (migrate, drain) = (hook("migrate", "pre-install,pre-upgrade"), hook("drain", "pre-delete"));
    let repo = Repo::with(&[
        ("shop/fleet.yaml", FLEET_YAML),
        ("shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n"),
        ("shop/values.yaml", "who: one\n"),
        ("shop/templates/config.yaml", CONFIG),
        ("shop/templates/migrate.yaml", &migrate),
        ("shop/templates/drain.yaml", &drain),
    ])?;
    world.ok("label cluster one charts=on charts-env=prod")?;
    world.ok("label cluster two charts=on")?;
    world.apply(&values_secret("fleet-default", "charts-registry", "credential"))?;
    world.apply(&gitrepo("charts", &repo.url(), "paths: [shop]\npollingInterval: 2s"))?;
    world
        .told("gitrepo charts", "HookRunning", &["the pre-install hook job.batch charts/migrate (1 of 1) runs"])
        .await?;
    ensure!(world.config_map(One, "charts", "motd")?.is_none(), "the objects did not wait for the hook");
    // What the hook may need comes before it: it is not through yet in either cluster.
    for cluster in [One, Two] {
        world
            .until("the copy is there", |world| {
                let copy = world.object(cluster, "/api/v1/namespaces/charts/secrets/charts-registry")?;
                copy.map(drop).ok_or_else(|| "it is not".to_owned())
            })
            .await?;
    }
    let first = end(&world, One, "migrate", "Succeeded", "").await?;
    end(&world, Two, "migrate", "Succeeded", "").await?;
    for (cluster, text) in [(One, "for-prod"), (Two, "everywhere")] {
        world.has(cluster, ("charts", "motd"), "text", text).await?;
        world.has(cluster, ("charts", "motd"), "cluster", cluster.name()).await?;
    }
    world.ok("wait gitrepo charts --for condition=Ready --timeout 60s")?;

    // A hook that fails stops its cluster, and no other.
    repo.commit(&[("shop/values.yaml", "who: two\n")])?;
    let second = end(&world, One, "migrate", "Failed", &first).await?;
    world.told("gitrepo charts", "HookFailed", &["the pre-upgrade hook job.batch charts/migrate failed"]).await?;
    world.has(One, ("charts", "motd"), "who", "one").await?;

    // The next commit runs it again.
    repo.commit(&[("shop/values.yaml", "who: three\n")])?;
    end(&world, One, "migrate", "Succeeded", &second).await?;
    world.has(One, ("charts", "motd"), "who", "three").await?;

    // Before the end of the release.
    for cluster in [One, Two] {
        world.ok(&format!("label cluster {} charts-", cluster.name()))?;
        end(&world, cluster, "drain", "Succeeded", "").await?;
        world.has_not(cluster, ("charts", "motd")).await?;
    }
    world.ok("delete gitrepo charts")?;
    Ok(())
}

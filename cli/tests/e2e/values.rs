//! `helm.valuesFrom`: a chart with values of a Secret, read with the rights of a service account.

use crate::driver::{self, One, World, ensure, gitrepo};
use crate::repo::Repo;
use skiff_controlplane::Binaries;
use skiff_controlplane::harness::Outcome;

const FLEET_YAML: &str = "defaultNamespace: vault
serviceAccount: vault
helm:
  values: {text: from-git}
  valuesFrom:
  - secretKeyRef: {name: web, namespace: vault-values}
";
const CONFIG: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: motd}
data: {text: {{ .Values.text }}}
";
const RIGHTS: &str = "apiVersion: v1
kind: Namespace
metadata: {name: vault-values}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: vault, namespace: skiff-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: vault}
rules:
- {apiGroups: [''], resources: [configmaps], verbs: [get, create, patch, delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: vault}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: vault}
subjects: [{kind: ServiceAccount, name: vault, namespace: skiff-system}]
";
const MAY_READ: &str = "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: vault, namespace: vault-values}
rules:
- {apiGroups: [''], resources: [secrets], resourceNames: [web], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: vault, namespace: vault-values}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: vault}
subjects: [{kind: ServiceAccount, name: vault, namespace: skiff-system}]
";

/// What stands in the Secret.
fn put(world: &World, text: &str) -> Result<(), String> {
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: web, namespace: vault-values}}\nstringData:\n  values.yaml: |\n    text: {text}\n"
    );
    world.kubectl(One, "apply -f -", &secret).map(drop)
}

pub(crate) async fn values_of_a_secret_are_rendered_in_the_cluster_and_follow_it(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let repo = Repo::with(&[
        ("web/fleet.yaml", FLEET_YAML),
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("web/templates/config.yaml", CONFIG),
    ])?;
    world.kubectl(One, "apply -f -", RIGHTS)?;
    world.ok("label cluster one vault=on")?;
    world.apply(&gitrepo("vault", &repo.url(), "paths: [web]\npollingInterval: 2s"))?;
    // Its rights are those of the service account, whatever the agent may do.
    put(&world, "first-canary")?;
    world.told("gitrepo vault", "Forbidden", &["skiff-system/vault may not get", "vault-values/web"]).await?;
    ensure!(world.config_map(One, "vault", "motd")?.is_none(), "it was rendered without the values");
    world.kubectl(One, "apply -f -", MAY_READ)?;
    world.has(One, ("vault", "motd"), "text", "first-canary").await?;
    // It changes.
    put(&world, "second-canary")?;
    world.has(One, ("vault", "motd"), "text", "second-canary").await?;
    // It is gone: what runs stays.
    world.kubectl(One, "delete secret web -n vault-values", "")?;
    world.told("gitrepo vault", "WaitingForValues", &["vault-values/web"]).await?;
    world.has(One, ("vault", "motd"), "text", "second-canary").await?;
    let shown = world.ok("explain gitrepo vault")?;
    ensure!(!shown.contains("canary"), "a value is told: {shown}");
    world.ok("label cluster one vault-")?;
    world.has_not(One, ("vault", "motd")).await?;
    world.ok("delete gitrepo vault")?;
    Ok(())
}

//! `helm.valuesFrom`: a chart with values of a Secret, read with the rights of a service account.

use crate::driver::{self, One, World, ensure, gitrepo, service_account, values_chart, values_secret};
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
    world.kubectl(One, "apply -f -", &values_secret("vault-values", "web", text)).map(drop)
}

pub(crate) async fn values_of_a_secret_are_rendered_in_the_cluster_and_follow_it(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    let repo = Repo::with(&values_chart(FLEET_YAML))?;
    world.kubectl(One, "create namespace vault-values", "")?;
    world.kubectl(One, "apply -f -", &service_account("vault"))?;
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

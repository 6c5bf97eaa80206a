//! An ordinary kubectl against the hub, with a kubeconfig from `skiff hub kubeconfig`.

use crate::driver::{self, One, World, config_map, ensure, gitrepo, run};
use crate::repo::Repo;
use skiff_controlplane::Binaries;
use skiff_controlplane::harness::Outcome;
use std::process::{Command, Stdio};
use std::time::Duration;

fn command(world: &World, line: &str) -> Command {
    let mut command = Command::new(world.plane(One).kubectl().get_program());
    command.env("KUBECONFIG", world.path("hub.kubeconfig")).env("HOME", world.directory());
    command.env("KUBECACHEDIR", world.path("hub-cache")).args(line.split_whitespace());
    command
}

fn kubectl(world: &World, line: &str, stdin: &str) -> Result<String, String> {
    let ran = run(command(world, line), line, stdin)?;
    if ran.code == Some(0) { Ok(ran.stdout) } else { Err(format!("kubectl {line}\n{}{}", ran.stdout, ran.stderr)) }
}

pub(crate) async fn kubectl_does_its_work_against_the_hub(binaries: Binaries) -> Outcome {
    let world = driver::world(&binaries).await?;
    std::fs::write(world.path("hub.kubeconfig"), world.ok("hub kubeconfig")?)?;
    let repo =
        Repo::with(&[("x/fleet.yaml", "defaultNamespace: by-kubectl\n"), ("x/a.yaml", &config_map("a", "{v: one}"))])?;

    // apply and label are enough for a bundle to arrive.
    let manifest = gitrepo("by-kubectl", &repo.url(), "paths: [x]");
    let applied = kubectl(&world, "apply --server-side -f -", &manifest)?;
    ensure!(applied.contains("serverside-applied"), "{applied}");
    kubectl(&world, "label cluster one by-kubectl=on", "")?;
    world.has(One, ("by-kubectl", "a"), "v", "one").await?;
    kubectl(&world, "wait gitrepo/by-kubectl --for=condition=Ready --timeout=60s", "")?;

    // get, in its forms.
    let table = kubectl(&world, "get gitrepos -A", "")?;
    ensure!(table.starts_with("NAMESPACE") && table.contains("by-kubectl") && table.contains("1/1"), "{table}");
    let yaml = kubectl(&world, "get gitrepo by-kubectl -o yaml", "")?;
    ensure!(yaml.contains("repo: file://") && yaml.contains("type: Ready"), "{yaml}");
    let clusters = kubectl(&world, "get clusters.fleet.cattle.io -l by-kubectl=on -o name", "")?;
    ensure!(clusters.trim() == "cluster.fleet.cattle.io/one", "{clusters}");
    let bundles = kubectl(&world, "get bundles,bundledeployments", "")?;
    ensure!(bundles.contains("by-kubectl-x"), "{bundles}");
    let described = kubectl(&world, "describe cluster one", "")?;
    ensure!(described.contains("by-kubectl") && described.contains("Last Seen"), "{described}");

    // A watch sees what changes.
    let watching = command(&world, "get gitrepos by-kubectl --watch -o jsonpath={.status.commit}{\"\\n\"}")
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(world.path("watched"))?)
        .stderr(Stdio::null())
        .spawn()?;
    let watching = Ended(watching);
    let commit = repo.commit(&[("x/a.yaml", &config_map("a", "{v: two}"))])?;
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.sync("by-kubectl")?;
    world
        .until("kubectl get --watch shows the new commit", |world| {
            let seen = std::fs::read_to_string(world.path("watched")).unwrap_or_default();
            if seen.contains(&commit) { Ok(()) } else { Err(seen) }
        })
        .await?;
    drop(watching);
    world.has(One, ("by-kubectl", "a"), "v", "two").await?;

    // What is wrong is refused with the field's name.
    let wrong = kubectl(&world, "apply --server-side -f -", &manifest.replace("branch:", "brunch:"));
    ensure!(wrong.as_ref().is_err_and(|error| error.contains("brunch")), "{wrong:?}");

    // Taking the label off, and deleting, withdraw.
    kubectl(&world, "label cluster one by-kubectl-", "")?;
    world.has_not(One, ("by-kubectl", "a")).await?;
    kubectl(&world, "delete gitrepo by-kubectl --timeout=30s", "")?;
    let gone = kubectl(&world, "get gitrepo by-kubectl", "");
    ensure!(gone.as_ref().is_err_and(|error| error.contains("NotFound")), "{gone:?}");
    Ok(())
}

/// A child that ends with its scenario.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill().and_then(|()| self.0.wait()));
    }
}

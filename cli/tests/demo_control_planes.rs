//! Tier 4: the demo over two real control planes.

use serde_json::Value;
use skiff_controlplane::harness::Outcome;
use skiff_controlplane::{Binaries, ControlPlane, Options};
use std::process::ExitCode;
use tokio::process::Command;

fn main() -> ExitCode {
    skiff_controlplane::harness::run(skiff_controlplane::scenarios![every_step_holds_in_real_clusters])
}

async fn every_step_holds_in_real_clusters(binaries: Binaries) -> Outcome {
    let options = Options::default().with_controller_manager();
    let dev = ControlPlane::start(&binaries, options.clone()).await?;
    let prod = ControlPlane::start(&binaries, options).await?;
    let output = Command::new(env!("CARGO_BIN_EXE_skiff"))
        .args(["demo", "--headless", "--clusters", "2", "--kubeconfig"])
        .arg(dev.kubeconfig_path())
        .arg("--kubeconfig")
        .arg(prod.kubeconfig_path())
        .output()
        .await?;
    let (said, told) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    let steps = said.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    if !output.status.success() || steps.len() != 7 || steps.iter().any(|step| step["ok"] != true) {
        return Err(format!("{said}{told}").into());
    }
    Ok(())
}

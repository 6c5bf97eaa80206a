//! Which `skiff-agent` is measured: the one that is shipped.

use crate::{Result, note};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "x86_64-unknown-linux-musl";

/// The binary that was given, or the static one, built now.
pub(super) fn find(given: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given.canonicalize()?);
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace is gone")?;
    note(&format!("agent: cargo builds skiff-agent for {TARGET}, which takes some minutes the first time"));
    let built = Command::new(cargo)
        .args(["build", "--profile", "agent", "--target", TARGET, "-p", "skiff-agent", "--bin", "skiff-agent"])
        .current_dir(root)
        // What cargo prints is for people; the figures alone go to standard output.
        .stdout(std::process::Stdio::null())
        .status()?;
    if !built.success() {
        return Err(format!(
            "cargo could not build skiff-agent; musl-tools and `rustup target add {TARGET}` are needed"
        )
        .into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(target.join(TARGET).join("agent/skiff-agent").canonicalize()?)
}

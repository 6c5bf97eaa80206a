//! kustomize itself, where it is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `$KUBEBUILDER_ASSETS/kustomize` or `target/controlplane/kustomize`.
pub(crate) fn program() -> Option<PathBuf> {
    let built = root().join("target/controlplane");
    let places = [std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from), Some(built)];
    places.into_iter().flatten().map(|dir| dir.join("kustomize")).find(|path| path.is_file())
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What it prints for the directory `dir` of a tree, or what it says on standard error.
pub(crate) fn built<'t>(
    program: &Path,
    dir: &str,
    tree: impl IntoIterator<Item = (&'t str, &'t str)>,
) -> Result<String, String> {
    let place = tempfile::tempdir().unwrap();
    for (path, content) in tree {
        let path = place.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    built_on_disk(program, &place.path().join(dir))
}

/// What it prints for a directory.
pub(crate) fn built_on_disk(program: &Path, dir: &Path) -> Result<String, String> {
    let output = Command::new(program).arg("build").arg(dir).stdin(Stdio::null()).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

//! Where the binaries of the control plane are, and what is said when there are none.
//!
//! The harness calls [`gate`] once for each test target. What it keeps: a test of tier 4 that did not run says so, and
//! with `SKIFF_TIER4=require` (as CI sets it) not running is a failure.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// The variable that turns a skipped tier 4 into a failure: `SKIFF_TIER4=require`.
pub const REQUIRE: &str = "SKIFF_TIER4";

/// The binaries of one Kubernetes release and its etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// etcd 3.6.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub kube_apiserver: PathBuf,
    /// kube-controller-manager; envtest's archives come without it.
    pub kube_controller_manager: Option<PathBuf>,
    /// kubectl of the same release.
    pub kubectl: Option<PathBuf>,
}

/// No usable set of binaries: where was looked and how to get them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The directory that was looked at.
    pub directory: PathBuf,
    /// The binaries that are not there.
    pub absent: Vec<&'static str>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (directory, absent) = (self.directory.display(), self.absent.join(" and "));
        write!(
            f,
            "no {absent} in {directory}; run `controlplane/build` (needs Go 1.26), or let KUBEBUILDER_ASSETS name a \
             directory that has etcd and kube-apiserver"
        )
    }
}

impl std::error::Error for Missing {}

impl Binaries {
    /// Looks in `KUBEBUILDER_ASSETS` (the convention of controller-runtime's envtest) when it is set, else in
    /// `controlplane/` of the target directory, where `controlplane/build` puts them.
    ///
    /// # Errors
    /// [`Missing`] when etcd or kube-apiserver is not there. A set but wrong `KUBEBUILDER_ASSETS` is not papered over
    /// by the target directory.
    pub fn find() -> Result<Self, Missing> {
        let directory = env::var_os("KUBEBUILDER_ASSETS")
            .filter(|value| !value.is_empty())
            .map_or_else(|| target_directory().join("controlplane"), PathBuf::from);
        Self::in_directory(&directory)
    }

    /// The binaries of one directory.
    ///
    /// # Errors
    /// [`Missing`] when etcd or kube-apiserver is not there.
    pub fn in_directory(directory: &Path) -> Result<Self, Missing> {
        let file = |name: &str| Some(directory.join(name)).filter(|path| path.is_file());
        match (file("etcd"), file("kube-apiserver")) {
            (Some(etcd), Some(kube_apiserver)) => Ok(Self {
                etcd,
                kube_apiserver,
                kube_controller_manager: file("kube-controller-manager"),
                kubectl: file("kubectl"),
            }),
            (etcd, apiserver) => {
                let found = [("etcd", etcd), ("kube-apiserver", apiserver)];
                let absent = found.into_iter().filter(|(_, path)| path.is_none()).map(|(name, _)| name).collect();
                Err(Missing { directory: directory.to_owned(), absent })
            }
        }
    }
}

/// The target directory of the build that this program belongs to: two levels above `deps/<test>` and one above
/// `release/<program>`; `CARGO_TARGET_DIR` and `--target` are thereby respected. Falls back to the workspace's.
fn target_directory() -> PathBuf {
    let exe = env::current_exe().unwrap_or_default();
    let tagged = exe.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    let workspace = || Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new(".")).join("target");
    tagged.map_or_else(workspace, Path::to_owned)
}

/// Whether a missing control plane is a failure.
pub(crate) fn required() -> bool {
    env::var(REQUIRE).is_ok_and(|value| value == "require")
}

/// The binaries for what is called `name`, or a printed line that says why it is skipped and how to change that.
///
/// For programs that have no harness (benchmarks); test targets use [`crate::harness::run`], which calls this.
/// `SKIFF_TIER4=require` does not change the answer: the caller decides what a skip is worth.
#[expect(clippy::print_stdout, reason = "the line is for the person who runs the tests")]
pub fn gate(name: &str) -> Option<Binaries> {
    match Binaries::find() {
        Ok(binaries) => Some(binaries),
        Err(missing) => {
            println!("tier 4: SKIPPED {name}: {missing}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_without_an_api_server_says_what_is_absent_and_how_to_get_it() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("etcd"), "").unwrap();
        let missing = Binaries::in_directory(directory.path()).unwrap_err();
        assert_eq!(missing.absent, ["kube-apiserver"]);
        let said = missing.to_string();
        assert!(said.contains("controlplane/build") && said.contains("KUBEBUILDER_ASSETS"), "{said}");
    }

    #[test]
    fn the_controller_manager_and_kubectl_may_be_absent() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["etcd", "kube-apiserver"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let found = Binaries::in_directory(directory.path()).unwrap();
        assert_eq!((found.kube_controller_manager, found.kubectl), (None, None));
    }
}

//! What a bundle is made of: raw YAML, a chart, a kustomization, or a kustomization over a chart (reference §2.8).

use fleet_api::Digest;
use fleet_api::v1alpha1::{BundleDeploymentOptions, HelmOptions};
pub use kustomize_rs::KUSTOMIZATION_FILES;

/// The only name of a kustomization that Fleet knows.
pub(crate) const KUSTOMIZATION: &str = KUSTOMIZATION_FILES[0];

/// The directory of a bundle's tree for charts that were fetched. As hidden ones hold no resources, nothing of the bundle
/// can be meant.
const FETCHED: &str = ".chart";
/// The name of a package below [`fetched_dir`].
const PACKAGE: &str = "chart.tgz";

/// Where the tree of a bundle holds the chart that was fetched for these options. Fleet names the directory so, too
/// (`checksum` in `internal/bundlereader/resources.go`).
#[must_use]
pub fn fetched_dir(helm: &HelmOptions) -> String {
    let name = format!("{}:{}:{}", helm.chart, helm.repo, helm.version);
    format!("{FETCHED}/{}", Digest::of(name.as_bytes()).hex())
}

/// The file of a chart that was fetched, as a package.
#[must_use]
pub fn fetched_package(helm: &HelmOptions) -> String {
    format!("{}/{PACKAGE}", fetched_dir(helm))
}

/// Whether a file of a bundle's tree belongs to a chart that was fetched.
#[must_use]
pub fn is_fetched(path: &str) -> bool {
    path.strip_prefix(FETCHED).is_some_and(|rest| rest.starts_with('/'))
}

/// Which engines a bundle needs. Neither is raw YAML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// The directory of the chart, or the file of its package; empty for the bundle's own directory.
    pub chart: Option<String>,
    /// The directory of `kustomization.yaml`; empty for the bundle's own.
    pub kustomization: Option<String>,
}

impl Style {
    /// Whether no engine is needed.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.chart.is_none() && self.kustomization.is_none()
    }
}

/// The style of a bundle with these options, whose files `exists` knows (normalised paths below its directory).
pub fn detect(options: &BundleDeploymentOptions, exists: impl Fn(&str) -> bool) -> Style {
    let kustomization = options.kustomize.as_ref().map_or("", |kustomize| kustomize.dir.as_str());
    let holds = |dir: &str, file: &str| {
        let dir = file_tree::normalise(dir).ok()?;
        let path = if dir.is_empty() { file.to_owned() } else { format!("{dir}/{file}") };
        exists(&path).then_some(dir)
    };
    let chart = match &options.helm {
        Some(helm) if !helm.repo.is_empty() => fetched(helm, &exists),
        Some(helm) => holds(&helm.chart, "Chart.yaml").or_else(|| fetched(helm, &exists)),
        None => holds("", "Chart.yaml"),
    };
    Style { chart, kustomization: holds(kustomization, KUSTOMIZATION) }
}

/// The chart that was fetched: as the package that it came in, or unpacked, as Fleet has it in its Bundles.
fn fetched(helm: &HelmOptions, exists: impl Fn(&str) -> bool) -> Option<String> {
    let package = fetched_package(helm);
    if exists(&package) {
        return Some(package);
    }
    let dir = fetched_dir(helm);
    let last = |text: &str| format!("{dir}/{}", file_tree::file_name(text.trim_end_matches('/')));
    let dirs = [last(&helm.chart), last(&helm.repo), dir.clone()];
    dirs.into_iter().find(|dir| exists(&format!("{}/Chart.yaml", dir.trim_end_matches('/'))))
}

/// Whether `path` lies beneath a directory that is a bundle or a chart of its own, which raw YAML leaves out. `exists`
/// knows the files of the bundle; its own directory does not count.
pub fn in_nested(path: &str, exists: impl Fn(&str) -> bool) -> bool {
    let mut dir = file_tree::parent(path);
    while !dir.is_empty() {
        if ["fleet.yaml", "fleet.yml", "Chart.yaml"].iter().any(|name| exists(&format!("{dir}/{name}"))) {
            return true;
        }
        dir = file_tree::parent(dir);
    }
    false
}

/// What a raw YAML bundle holds that makes one think it was meant for an engine: the file, and what to say of it.
pub(crate) fn likely_mistakes(
    options: &BundleDeploymentOptions,
    exists: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (String, String)> {
    let mut found = Vec::new();
    let dir = options.kustomize.as_ref().map_or("", |kustomize| kustomize.dir.as_str());
    let inside = |name: &str| if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
    for name in &KUSTOMIZATION_FILES[1..] {
        if exists(&inside(name)) {
            let message = "Fleet knows kustomization.yaml alone; the files are deployed as raw YAML. Rename it";
            found.push((inside(name), message.to_owned()));
        }
    }
    if !dir.is_empty() && found.is_empty() {
        let message = format!("kustomize.dir: `{dir}` holds no kustomization.yaml; all files are deployed as raw YAML");
        found.push(("fleet.yaml".to_owned(), message));
    }
    let chart = options.helm.as_ref().map_or("", |helm| helm.chart.as_str());
    if !chart.is_empty() {
        let message = format!("helm.chart: `{chart}` holds no Chart.yaml; all files are deployed as raw YAML");
        found.push(("fleet.yaml".to_owned(), message));
    }
    found.into_iter()
}

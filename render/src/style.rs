//! What a bundle is made of: raw YAML, a chart, a kustomization, or a kustomization over a chart (reference §2.8).

use fleet_api::v1alpha1::BundleDeploymentOptions;
pub use kustomize_rs::KUSTOMIZATION_FILES;

/// The only name of a kustomization that Fleet knows.
pub(crate) const KUSTOMIZATION: &str = KUSTOMIZATION_FILES[0];

/// Which engines a bundle needs. Neither is raw YAML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// The directory of the chart; empty for the bundle's own.
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
    let chart = match &options.helm {
        Some(helm) if !helm.chart.is_empty() => helm.chart.as_str(),
        Some(helm) => helm.repo.as_str(),
        None => "",
    };
    let kustomization = options.kustomize.as_ref().map_or("", |kustomize| kustomize.dir.as_str());
    let holds = |dir: &str, file: &str| {
        let dir = file_tree::normalise(dir).ok()?;
        let path = if dir.is_empty() { file.to_owned() } else { format!("{dir}/{file}") };
        exists(&path).then_some(dir)
    };
    Style { chart: holds(chart, "Chart.yaml"), kustomization: holds(kustomization, KUSTOMIZATION) }
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

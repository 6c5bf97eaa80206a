//! What a bundle is made of: raw YAML, a chart, a kustomization, or a kustomization over a chart (reference §2.8).

use fleet_api::v1alpha1::BundleDeploymentOptions;

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
    Style { chart: holds(chart, "Chart.yaml"), kustomization: holds(kustomization, "kustomization.yaml") }
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

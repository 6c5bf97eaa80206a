//! What a render may look at of a cluster.

use fleet_api::v1alpha1::{BundleSpec, Templating};
use skiff_planner::hub::Uses;

/// What a render of a Bundle with files at `paths` may look at. Too much costs renders; too little would be wrong.
pub(crate) fn uses<'a>(spec: &BundleSpec, mut paths: impl Iterator<Item = &'a str>) -> Uses {
    let helm: Vec<_> = spec.all_options().filter_map(|options| options.helm.as_ref()).collect();
    let text = serde_json::to_string(&helm).unwrap_or_default();
    let in_files = spec.all_options().any(|options| options.templating == Some(Templating::All));
    let templated = in_files || skiff_render::holds_template(&text) || text.contains("templateValues");
    let chart = paths.any(|path| file_tree::file_name(path) == "Chart.yaml" || skiff_render::style::is_fetched(path));
    Uses {
        name: templated,
        labels: templated || text.contains("global.fleet.clusterLabels"),
        annotations: templated,
        template_values: templated,
        kubernetes_version: chart,
        api_versions: chart,
        chance: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_looked_at_follows_from_options_and_files() {
        let nothing = Uses::default();
        let templated = Uses { name: true, labels: true, annotations: true, template_values: true, ..nothing };
        let chart = Uses { kubernetes_version: true, api_versions: true, ..nothing };
        let table = [
            (json!({}), "a.yaml", nothing),
            (json!({"templating": "all"}), "a.yaml", templated),
            (json!({"targets": [{"clusterSelector": {}, "templating": "all"}]}), "a.yaml", templated),
            (json!({"helm": {"values": {"a": "${ .ClusterName }"}}}), "a.yaml", templated),
            (
                json!({"helm": {"values": {"a": "global.fleet.clusterLabels.env"}}}),
                "a.yaml",
                Uses { labels: true, ..nothing },
            ),
            (json!({}), "web/Chart.yaml", chart),
        ];
        for (spec, path, expected) in table {
            let shown = spec.to_string();
            let spec = serde_json::from_value(spec).unwrap();
            assert_eq!(uses(&spec, std::iter::once(path)), expected, "{shown} {path}");
        }
    }
}

//! The renderer of releases: `skiff_render`, behind the trait that tests can stand in for.

use crate::blobs::NewBlob;
use crate::rendering::{RenderFailure, Rendered, Renderer};
use file_tree::MemoryTree;
use skiff_planner::hub::RenderInput;
use skiff_render::{Chance, ClusterFacts, RenderError, is_rendered_in_cluster, render, to_deployment, to_sources};
use std::collections::BTreeSet;

/// Raises when the same input gives other bytes than before, so that everything is rendered again.
const REVISION: u32 = 4;

/// Renders with `skiff_render`.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardRenderer;

impl Renderer for StandardRenderer {
    fn version(&self) -> String {
        format!("{}+{REVISION}", env!("CARGO_PKG_VERSION"))
    }

    fn render(
        &self,
        input: &RenderInput,
        files: &MemoryTree,
        chance: Option<Chance>,
    ) -> Result<Rendered, RenderFailure> {
        let facts = &input.facts;
        let cluster = ClusterFacts {
            namespace: facts.namespace.clone(),
            name: facts.name.clone(),
            labels: facts.labels.clone(),
            annotations: facts.annotations.clone(),
            template_values: facts.template_values.clone(),
            kubernetes_version: facts.kubernetes_version.clone(),
            api_versions: facts.api_versions.list().to_vec(),
        };
        let what = skiff_render::RenderInput {
            files,
            prefix: &input.directory,
            bundle: input.bundle.name.as_str(),
            options: &input.options,
            cluster: &cluster,
            chance,
        };
        let failed = |error| match error {
            RenderError::NeedsChance { .. } if chance.is_none() => RenderFailure::NeedsChance,
            error => RenderFailure::Wrong(vec![error.note()]),
        };
        if is_rendered_in_cluster(&what) {
            let deployment = to_sources(&what, &input.bundle, input.tree).map_err(failed)?;
            return Ok(Rendered { deployment, objects: Vec::new(), warnings: Vec::new() });
        }
        let rendered = render(&what).map_err(failed)?;
        let (deployment, blobs) = to_deployment(&rendered, &input.bundle);
        let secrets: BTreeSet<_> = deployment
            .objects
            .iter()
            .filter(|object| object.key.kind == "Secret" && object.key.group.is_empty())
            .map(|object| object.digest)
            .collect();
        let objects = blobs
            .into_iter()
            .map(|(digest, bytes)| NewBlob { digest, bytes: bytes.into(), secret: secrets.contains(&digest) })
            .collect();
        Ok(Rendered { deployment, objects, warnings: rendered.notes })
    }
}

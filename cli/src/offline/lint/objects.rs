//! What only the rendered objects show: errors of templates, two bundles with one object, patches for nothing.

use super::findings::{Finding, Findings};
use crate::offline::clusters::Universe;
use crate::offline::deploy::{ApiServer, Outcome, one};
use crate::offline::repository::Repository;
use fleet_api::ObjectKey;
use fleet_api::v1alpha1::ComparePatch;
use skiff_bundler::discover::FoundBundle;
use skiff_planner::target::{self, Group};
use skiff_render::{Rendered, key_in_cluster};
use std::collections::{BTreeMap, BTreeSet};

/// Renders every bundle for every cluster that gets it.
pub(super) fn check(
    universe: &Universe,
    repository: &Repository,
    placed: &[(&FoundBundle, Vec<Group>)],
    findings: &mut Findings,
) {
    let mut claims = vec![BTreeMap::new(); universe.clusters.len()];
    for (found, groups) in placed {
        let mut patches = Patches::default();
        for group in groups.iter().filter(|group| matches!(group.outcome, target::Outcome::Deploy { .. })) {
            for index in &group.clusters {
                let cluster = &universe.clusters[*index];
                let name = cluster.metadata.name.as_deref().unwrap_or_default();
                match one(universe, &*repository.files, cluster, &ApiServer::default(), found) {
                    Err(message) => findings.add_in(name, Finding::error(found.name(), message)),
                    Ok(Outcome::Nothing(_)) => {}
                    Ok(Outcome::Rendered(rendered)) => {
                        for note in &rendered.notes {
                            findings.add_in(name, Finding::warning(found.name(), note));
                        }
                        claim(found.name(), &rendered, &mut claims[*index], name, findings);
                        patches.look(&rendered);
                    }
                }
            }
        }
        patches.tell(found.name(), findings);
    }
}

/// Who has an object, and the file that it comes from.
type Claims = BTreeMap<ObjectKey, (String, String)>;

fn claim(bundle: &str, rendered: &Rendered, claims: &mut Claims, cluster: &str, findings: &mut Findings) {
    for object in &rendered.objects {
        let key = key_in_cluster(&object.value, &rendered.release_namespace);
        match claims.get(&key) {
            None => {
                claims.insert(key, (bundle.to_owned(), object.source.clone()));
            }
            Some((first, _)) if first == bundle => {}
            Some((first, source)) => {
                let message = format!(
                    "{key} ({}) belongs to bundle {first}, too ({source}): the cluster gives it to one of them and \
                     refuses it to the other",
                    object.source
                );
                findings.add_in(cluster, Finding::error(bundle, message));
            }
        }
    }
}

/// The entries of `diff.comparePatches` of a bundle, and whether they are about any object.
#[derive(Default)]
struct Patches {
    used: BTreeSet<String>,
    unused: BTreeSet<String>,
}

impl Patches {
    fn look(&mut self, rendered: &Rendered) {
        let patches = rendered.options.diff.iter().flat_map(|diff| &diff.compare_patches);
        for patch in patches {
            let is_about = |object: &skiff_render::RenderedObject| {
                let key = key_in_cluster(&object.value, &rendered.release_namespace);
                patch.is_about(object.value["apiVersion"].as_str().unwrap_or_default(), &key)
            };
            let set = if rendered.objects.iter().any(is_about) { &mut self.used } else { &mut self.unused };
            set.insert(named(patch));
        }
    }

    fn tell(self, bundle: &str, findings: &mut Findings) {
        for patch in self.unused.difference(&self.used) {
            findings.add(Finding::odd(bundle, format!("diff.comparePatches: there is no {patch} in any cluster")));
        }
    }
}

fn named(patch: &ComparePatch) -> String {
    let any = |text: &str, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text.to_owned() };
    let namespace = if patch.namespace.is_empty() { String::new() } else { format!("{}/", patch.namespace) };
    format!(
        "{} {namespace}{} ({})",
        any(&patch.kind, "object"),
        any(&patch.name, "*"),
        any(&patch.api_version, "any version")
    )
}

//! A whole tree: bases, an overlay or two, sometimes a component.

use std::collections::BTreeMap;

use super::chance::Chance;
use super::objects;
use super::overlay::{self, Known};

/// Files by path; what is built lies in `top`.
pub(crate) type Tree = BTreeMap<String, String>;

pub(crate) fn of_seed(seed: u64) -> Tree {
    let chance = &mut Chance::new(seed);
    let mut tree = Tree::new();
    let mut known = Known::default();
    let mut below = Vec::new();
    for (base, prefix) in ["base", "other"].into_iter().zip(["", "o"]).take(1 + usize::from(chance.happens(30))) {
        add_base(chance, base, prefix, &mut known, &mut tree);
        below.push(base.to_owned());
    }
    if chance.happens(40) {
        let resources: Vec<String> = below.iter().map(|base| format!("../{base}")).collect();
        add(chance, "mid", 1, "Kustomization", &resources, &mut known, &mut tree);
        below = vec!["mid".to_owned()];
    }
    let resources: Vec<String> = below.iter().map(|base| format!("../{base}")).collect();
    add(chance, "top", 2, "Kustomization", &resources, &mut known, &mut tree);
    if chance.happens(30) {
        add(chance, "part", 3, "Component", &[], &mut known, &mut tree);
        if let Some(text) = tree.get_mut("top/kustomization.yaml") {
            text.push_str("components: [../part]\n");
        }
    }
    tree
}

fn add_base(chance: &mut Chance, dir: &str, prefix: &str, known: &mut Known, tree: &mut Tree) {
    let objects = objects::some(chance, prefix);
    let mut resources = Vec::new();
    for (number, chunk) in objects.chunks(2).enumerate() {
        let file = format!("r{number}.yaml");
        let text: Vec<&str> = chunk.iter().map(|object| object.text.as_str()).collect();
        tree.insert(format!("{dir}/{file}"), text.join("---\n"));
        resources.push(file);
    }
    // A base sees its own objects only.
    let before = std::mem::replace(&mut known.objects, objects);
    add(chance, dir, 0, "Kustomization", &resources, known, tree);
    known.objects.extend(before);
}

fn add(
    chance: &mut Chance,
    dir: &str,
    level: usize,
    kind: &str,
    resources: &[String],
    known: &mut Known,
    tree: &mut Tree,
) {
    let version = if kind == "Component" { "v1alpha1" } else { "v1beta1" };
    let mut text = format!("apiVersion: kustomize.config.k8s.io/{version}\nkind: {kind}\n");
    if !resources.is_empty() {
        text.push_str(&format!("resources: [{}]\n", resources.join(", ")));
    }
    let (fields, files) = overlay::fields(chance, level, known);
    text.push_str(&fields);
    tree.insert(format!("{dir}/kustomization.yaml"), text);
    tree.extend(files.into_iter().map(|(name, content)| (format!("{dir}/{name}"), content)));
}

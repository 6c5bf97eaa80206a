//! `generatorOptions`, and `options` of one generator.

use std::collections::BTreeMap;

/// How what a generator makes is marked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GeneratorOptions {
    /// Labels to set.
    pub(crate) labels: BTreeMap<String, String>,
    /// Annotations to set.
    pub(crate) annotations: BTreeMap<String, String>,
    /// No hash of the content after the name.
    pub(crate) disable_name_suffix_hash: bool,
    /// `immutable: true`.
    pub(crate) immutable: bool,
}

impl GeneratorOptions {
    /// These options of one generator with those of the kustomization below them: its own labels and annotations win, but
    /// a switch that is on for all cannot be turned off for one. Go: `MergeGlobalOptionsIntoLocal`.
    #[must_use]
    pub(crate) fn over(mut self, global: &Self) -> Self {
        add_missing(&mut self.labels, &global.labels);
        add_missing(&mut self.annotations, &global.annotations);
        self.disable_name_suffix_hash |= global.disable_name_suffix_hash;
        self.immutable |= global.immutable;
        self
    }
}

fn add_missing(own: &mut BTreeMap<String, String>, global: &BTreeMap<String, String>) {
    for (key, value) in global {
        own.entry(key.clone()).or_insert_with(|| value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_labels_win_and_switches_stay_on() {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        let own = GeneratorOptions { labels: map(&[("a", "own")]), immutable: true, ..Default::default() };
        let global = GeneratorOptions {
            labels: map(&[("a", "all"), ("b", "all")]),
            annotations: map(&[("c", "all")]),
            disable_name_suffix_hash: true,
            immutable: false,
        };
        let merged = own.over(&global);
        assert_eq!(merged.labels, map(&[("a", "own"), ("b", "all")]));
        assert_eq!(merged.annotations, map(&[("c", "all")]));
        assert!(merged.disable_name_suffix_hash && merged.immutable);
    }
}

//! Which Bundles may go to a cluster, and to which clusters a Bundle may go, without asking for each pair.
//!
//! A target that names a cluster, or asks for a label, matches no cluster without it. Of each target one such want is
//! kept, and of each cluster all that it has; who has nothing of what a Bundle wants is not asked. What this gives may be
//! too much (`target::resolve` decides), and never too little.

use crate::selector::Labels;
use crate::target::{ClusterView, split};
use fleet_api::labels::DISPLAY_NAME_LABEL;
use fleet_api::names::Ref;
use fleet_api::v1alpha1::{BundleSpec, LabelSelector, TargetSelector};
use std::collections::{BTreeMap, BTreeSet};

/// Something that a cluster has, and that a target may want.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Want {
    /// A label with this value.
    Label(String, String),
    /// To be called this, by its name or by the name that is shown.
    Name(String),
}

/// What a Bundle wants of a cluster: one of these; `None` where any cluster may be meant.
pub(super) type Wants = Option<BTreeSet<Want>>;

/// What a Bundle's targets want. Restrictions and customizations only take away.
pub(super) fn wants(spec: &BundleSpec) -> Wants {
    let (_, targets) = split(spec);
    let mut all = BTreeSet::new();
    for target in targets {
        all.extend(wants_of(&target.selector)?);
    }
    Some(all)
}

/// `None` where clusters with nothing in common may match.
fn wants_of(target: &TargetSelector) -> Option<Vec<Want>> {
    if !target.cluster_name.is_empty() {
        return Some(vec![Want::Name(target.cluster_name.clone())]);
    }
    if let Some(selector) = &target.cluster_selector {
        return wants_of_selector(selector);
    }
    // Of groups it is not known here who is in them. Without any criterion a target matches nothing.
    let by_group = !target.cluster_group.is_empty() || target.cluster_group_selector.is_some();
    (!by_group).then(Vec::new)
}

fn wants_of_selector(selector: &LabelSelector) -> Option<Vec<Want>> {
    if let Some((key, value)) = selector.match_labels.iter().next() {
        return Some(vec![Want::Label(key.clone(), value.clone())]);
    }
    let one_of = selector.match_expressions.iter().find(|requirement| requirement.operator == "In")?;
    Some(one_of.values.iter().map(|value| Want::Label(one_of.key.clone(), value.clone())).collect())
}

/// What a cluster has, with what its agent claims: what would match if that was granted is told, too.
pub(super) fn has(view: &ClusterView, claims: &Labels) -> BTreeSet<Want> {
    let labels = view.labels.iter().chain(claims);
    let mut has: BTreeSet<Want> = labels.map(|(key, value)| Want::Label(key.clone(), value.clone())).collect();
    has.insert(Want::Name(view.name.clone()));
    let shown = [&view.labels, claims].into_iter().filter_map(|labels| labels.get(DISPLAY_NAME_LABEL));
    has.extend(shown.cloned().map(Want::Name));
    has
}

/// What is known of Bundles and clusters that were placed.
#[derive(Debug, Default)]
pub(super) struct Index {
    wants: BTreeMap<Ref, Wants>,
    has: BTreeMap<Ref, BTreeSet<Want>>,
    wanted_by: BTreeMap<Want, BTreeSet<Ref>>,
    had_by: BTreeMap<Want, BTreeSet<Ref>>,
    /// The Bundles that may go to any cluster.
    anywhere: BTreeSet<Ref>,
}

impl Index {
    /// The Bundle wants this from now on. Gives the clusters for which that, or what it wanted before, may make a
    /// difference; `None` for all.
    pub(super) fn bundle(&mut self, name: &Ref, wants: Wants) -> Option<BTreeSet<Ref>> {
        let before = self.forget_bundle(name);
        let after = self.clusters(&wants);
        match &wants {
            None => drop(self.anywhere.insert(name.clone())),
            Some(wants) => add(&mut self.wanted_by, wants, name),
        }
        self.wants.insert(name.clone(), wants);
        Some(&before? | &after?)
    }

    /// The Bundle is gone. Gives the clusters to which it may have gone; `None` for all.
    pub(super) fn forget_bundle(&mut self, name: &Ref) -> Option<BTreeSet<Ref>> {
        let Some(wants) = self.wants.remove(name) else { return Some(BTreeSet::new()) };
        match &wants {
            None => drop(self.anywhere.remove(name)),
            Some(wants) => take(&mut self.wanted_by, wants, name),
        }
        self.clusters(&wants)
    }

    /// The cluster has this from now on. Gives the Bundles for which that, or what it had before, may make a difference.
    pub(super) fn cluster(&mut self, name: &Ref, has: BTreeSet<Want>) -> BTreeSet<Ref> {
        let before = self.forget_cluster(name);
        add(&mut self.had_by, &has, name);
        let wanting = before.iter().chain(&has).filter_map(|want| self.wanted_by.get(want)).flatten();
        let bundles = wanting.chain(&self.anywhere).cloned().collect();
        self.has.insert(name.clone(), has);
        bundles
    }

    /// The cluster is gone. Gives what it had.
    pub(super) fn forget_cluster(&mut self, name: &Ref) -> BTreeSet<Want> {
        let had = self.has.remove(name).unwrap_or_default();
        take(&mut self.had_by, &had, name);
        had
    }

    fn clusters(&self, wants: &Wants) -> Option<BTreeSet<Ref>> {
        let having = wants.as_ref()?.iter().filter_map(|want| self.had_by.get(want));
        Some(having.flatten().cloned().collect())
    }
}

fn add(of: &mut BTreeMap<Want, BTreeSet<Ref>>, wants: &BTreeSet<Want>, name: &Ref) {
    for want in wants {
        of.entry(want.clone()).or_default().insert(name.clone());
    }
}

fn take(of: &mut BTreeMap<Want, BTreeSet<Ref>>, wants: &BTreeSet<Want>, name: &Ref) {
    for want in wants {
        if let Some(names) = of.get_mut(want) {
            names.remove(name);
            if names.is_empty() {
                of.remove(want);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{GroupView, Resolution, groups_of, resolve, validate};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn one_of(values: &[Value]) -> impl Strategy<Value = Value> + use<> {
        proptest::sample::select(values.to_vec())
    }

    fn selector() -> impl Strategy<Value = Value> {
        let requirement =
            |operator: &str, values: Value| json!([{"key": "env", "operator": operator, "values": values}]);
        let labels = one_of(&[json!({}), json!({"env": "a"}), json!({"env": "b", "tier": "x"}), json!({"tier": "y"})]);
        let expressions = one_of(&[
            json!([]),
            requirement("In", json!(["a", "c"])),
            requirement("NotIn", json!(["a"])),
            requirement("Exists", json!([])),
            requirement("DoesNotExist", json!([])),
        ]);
        (labels, expressions)
            .prop_map(|(labels, expressions)| json!({"matchLabels": labels, "matchExpressions": expressions}))
    }

    fn target() -> impl Strategy<Value = Value> {
        let name = one_of(&[json!(""), json!(""), json!("c-0"), json!("Shop")]);
        let group = one_of(&[json!(""), json!(""), json!("g")]);
        (name, group, proptest::option::of(selector()), any::<bool>()).prop_map(|(name, group, selector, refuses)| {
            json!({"clusterName": name, "clusterGroup": group, "clusterSelector": selector, "doNotDeploy": refuses})
        })
    }

    fn spec() -> impl Strategy<Value = BundleSpec> {
        let targets = || proptest::collection::vec(target(), 0..3);
        (targets(), targets()).prop_map(|(targets, restrictions)| {
            serde_json::from_value(json!({"targets": targets, "targetRestrictions": restrictions})).unwrap()
        })
    }

    fn labels() -> impl Strategy<Value = Labels> {
        let label = |key: &'static str, values: &[&'static str]| {
            proptest::option::of(proptest::sample::select(values.to_vec()))
                .prop_map(move |value| value.map(|value| (key, value)))
        };
        (label("env", &["a", "b", "c"]), label("tier", &["x", "y"]), label(DISPLAY_NAME_LABEL, &["Shop"])).prop_map(
            |(env, tier, shown)| {
                let all = [env, tier, shown].into_iter().flatten();
                all.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
            },
        )
    }

    fn name(index: usize) -> Ref {
        Ref::new("fleet-default", &format!("c-{index}")).unwrap()
    }

    /// Whether a Bundle goes to a cluster, or would if its claims were granted.
    fn meets(spec: &BundleSpec, index: usize, labels: &Labels, claims: &Labels) -> bool {
        let groups = [GroupView {
            namespace: "fleet-default".into(),
            name: "g".into(),
            selector: serde_json::from_value(json!({"matchLabels": {"tier": "x"}})).unwrap(),
            ..GroupView::default()
        }];
        let view =
            |labels: Labels| ClusterView { namespace: "fleet-default".into(), name: format!("c-{index}"), labels };
        let granted = labels.iter().chain(claims).map(|(key, value)| (key.clone(), value.clone())).collect();
        validate(spec).is_ok()
            && [view(labels.clone()), view(granted)].iter().any(|view| {
                !matches!(resolve(spec, view, &groups_of(view, &groups)), Resolution::Skip(note) if note.reason == fleet_api::Reason::NotTargeted)
            })
    }

    proptest! {
        /// In whatever order Bundles and clusters become known, and come to want and to have other things: a pair that
        /// meets, or met before the change, is given.
        #[test]
        fn no_pair_that_meets_is_left_out(
            specs in proptest::collection::vec(spec(), 1..4),
            clusters in proptest::collection::vec((labels(), labels()), 1..4),
            steps in proptest::collection::vec((any::<bool>(), 0_usize..2, 0_usize..4), 1..12),
        ) {
            let mut index = Index::default();
            let (mut bundles, mut present) = (BTreeMap::new(), BTreeMap::new());
            let before = |known: &BTreeMap<usize, usize>, at: &usize| known.get(at).copied();
            for (is_bundle, at, version) in steps {
                if is_bundle {
                    let version = version % specs.len();
                    let asked = index.bundle(&name(at), wants(&specs[version]));
                    let old = before(&bundles, &at).unwrap_or(version);
                    for (cluster, has) in &present {
                        let (labels, claims): &(Labels, Labels) = &clusters[*has];
                        if [old, version].iter().any(|version| meets(&specs[*version], *cluster, labels, claims)) {
                            prop_assert!(asked.as_ref().is_none_or(|asked| asked.contains(&name(*cluster))));
                        }
                    }
                    bundles.insert(at, version);
                } else {
                    let version = version % clusters.len();
                    let view = |version: usize| ClusterView { namespace: "fleet-default".into(), name: format!("c-{at}"), labels: clusters[version].0.clone() };
                    let asked = index.cluster(&name(at), has(&view(version), &clusters[version].1));
                    let old = before(&present, &at).unwrap_or(version);
                    for (bundle, spec) in &bundles {
                        if [old, version].iter().any(|version| meets(&specs[*spec], at, &clusters[*version].0, &clusters[*version].1)) {
                            prop_assert!(asked.contains(&name(*bundle)));
                        }
                    }
                    present.insert(at, version);
                }
            }
        }
    }

    #[test]
    fn who_has_nothing_of_what_is_wanted_is_not_asked() {
        let spec = |targets: Value| serde_json::from_value(json!({"targets": targets})).unwrap();
        let mut index = Index::default();
        let cluster =
            |env: &str| ClusterView { labels: [("env".to_owned(), env.to_owned())].into(), ..ClusterView::default() };
        index.cluster(&name(0), has(&cluster("a"), &Labels::new()));
        index.cluster(&name(1), has(&cluster("b"), &Labels::new()));
        let table = [
            (json!([{"clusterSelector": {"matchLabels": {"env": "a"}}}]), Some(vec![name(0)])),
            (
                json!([{"clusterSelector": {"matchExpressions": [{"key": "env", "operator": "In", "values": ["b", "c"]}]}}]),
                Some(vec![name(1)]),
            ),
            (json!([{"clusterName": "elsewhere"}]), Some(vec![])),
            (json!([{}]), Some(vec![])),
            (json!([{"clusterSelector": {}}]), None),
            (json!([{"clusterGroup": "g"}]), None),
        ];
        for (targets, asked) in table {
            let given = index.bundle(&name(9), wants(&spec(targets.clone())));
            index.forget_bundle(&name(9));
            assert_eq!(given, asked.map(|names| names.into_iter().collect()), "{targets}");
        }
        index.bundle(&name(9), wants(&spec(json!([{"clusterSelector": {"matchLabels": {"env": "a"}}}]))));
        assert_eq!(index.cluster(&name(2), has(&cluster("b"), &Labels::new())), BTreeSet::new());
        assert_eq!(index.cluster(&name(2), has(&cluster("a"), &Labels::new())), BTreeSet::from([name(9)]));
    }
}

use super::*;

#[test]
fn documents_are_cut_where_helm_cuts_them() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("\n\n", &[]),
        ("a: 1", &["a: 1"]),
        ("---\na: 1\n---\nb: 2\n", &["a: 1\n", "b: 2\n"]),
        ("--- # x\na: 1\n", &["# x\na: 1\n"]),
        ("---a: 1\n---  b: 2\n", &["a: 1\n", "b: 2\n"]),
        ("a: |\n  x\n  ---\n---\n---\nb: 2", &["a: |\n  x\n  ---\n", "b: 2"]),
        ("------\na: 1", &["---\na: 1"]),
    ];
    for (text, expected) in cases {
        assert_eq!(split(text), *expected, "{text:?}");
    }
}

#[test]
fn objects_come_in_the_order_of_installing_and_hooks_apart() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let files = BTreeMap::from([
        file("c/templates/_x.tpl", "kind: Nothing"),
        file(
            "c/templates/a.yaml",
            "kind: Zeta\n---\nkind: Deployment\n---\nkind: Alpha\n---\nkind: Service\n---\nkind: Namespace\n",
        ),
        file(
            "c/templates/b.yaml",
            "kind: Job\nmetadata:\n  name: j\n  annotations:\n    helm.sh/hook: pre-install, Post-Upgrade\n    \
             helm.sh/hook-weight: \"-5\"\n    helm.sh/hook-delete-policy: hook-succeeded,before-hook-creation\n\
             ---\nkind: Pod\nmetadata: {annotations: {helm.sh/hook: test-success}}\n\
             ---\nkind: Pod\nmetadata: {annotations: {helm.sh/hook: never}}\n",
        ),
    ]);
    let sorted = sorted(&files).unwrap();
    let kinds: Vec<&str> = sorted.manifests.iter().map(|manifest| manifest.head.kind.as_str()).collect();
    assert_eq!(kinds, ["Namespace", "Service", "Deployment", "Alpha", "Zeta"]);
    let [test, job] = sorted.hooks.as_slice() else { panic!("two hooks") };
    assert!(test.is_test() && !job.is_test());
    assert_eq!(job.events, [Event::PreInstall, Event::PostUpgrade]);
    assert_eq!(job.weight, -5);
    assert_eq!(job.delete_policies, [DeletePolicy::Succeeded, DeletePolicy::BeforeCreation]);
    assert_eq!(test.delete_policies, [DeletePolicy::BeforeCreation]);
    assert_eq!(sorted.warnings.len(), 1);
}

#[test]
fn what_is_no_object_names_its_template() {
    for text in ["a: [", "- a", "text", "kind: [a]"] {
        let files = BTreeMap::from([("c/templates/x.yaml".to_owned(), text.to_owned())]);
        let error = sorted(&files).unwrap_err().to_string();
        assert!(error.starts_with("YAML parse error on c/templates/x.yaml: "), "{error}");
    }
}

#[test]
fn a_policy_keeps_an_object() {
    let head = |text: &str| k8s_yaml::from_str::<Head>(text).unwrap();
    assert!(head("metadata: {annotations: {helm.sh/resource-policy: ' Keep'}}").is_kept());
    assert!(!head("metadata: {annotations: {helm.sh/resource-policy: delete}}").is_kept());
    assert!(!head("kind: x").is_kept());
}

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
    let sorted = sorted(files).unwrap();
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
        let error = sorted(files).unwrap_err().to_string();
        assert!(error.starts_with("YAML parse error on c/templates/x.yaml: "), "{error}");
    }
}

#[test]
fn a_policy_keeps_an_object() {
    let head = |text: &str| Head::read(text).unwrap();
    assert!(head("metadata: {annotations: {helm.sh/resource-policy: ' Keep'}}").is_kept());
    assert!(!head("metadata: {annotations: {helm.sh/resource-policy: delete}}").is_kept());
    assert!(!head("kind: x").is_kept());
}

/// Heads are read by two ways; what the short one takes, it takes as the long one does.
#[test]
fn a_head_is_what_all_of_the_document_says() {
    let plain = [
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels: {x: y}\nspec:\n  ports:\n    - port: 80\n      name: http\n",
        "kind: A\nmetadata:\n  name: b\n  annotations:\n    helm.sh/hook: post-install\n    \"q\": 'x''y'\n    e:\nspec: {kind: B, metadata: {name: c}}",
        "metadata:\n  annotations: {a: b, c: 'd'}\n  name: \"n\"\n  list:\n  - name: x\n    annotations: {z: z}\nkind: K # c\n",
        "kind:\nmetadata:\napiVersion: ~\n",
        "metadata: {name: a}\nmetadata:\n  annotations: {b: c}\n",
        "metadata: {annotations: {b: c}, annotations: {}, name: x, name: null}\n",
        "metadata: {name: a}\nmetadata: null\nkind: A\nkind: B\n",
        "metadata:\n  annotations: ~\n",
        "metadata: {}\n",
        "",
        "# nothing\n",
        "---\n# nothing\n---\nkind: A\n",
        "kind: A\n---\n- kind: B\n---\nkind: C\n",
        "metadata:\n  name: 2020-01-01\n  annotations:\n    a: |\n      b\n      c\n    d: >-\n      e\n",
        "data:\n  no: 1\n  5: x\n  y: z\n  1.5: w\nkind: ConfigMap\n",
    ];
    for text in plain {
        assert_eq!(head::everyday(text), k8s_yaml::from_str(text).ok(), "{text}");
    }
    for text in [
        "Kind: A\n",
        "kind: A\nKIND: B\n",
        "metadata: {Name: a}\n",
        "kind: 5\n",
        "kind: [a]\n",
        "kind: {a: b}\n",
        "metadata: text\n",
        "metadata: [a]\n",
        "metadata: {annotations: text}\n",
        "metadata: {annotations: {a: 5}}\n",
        "metadata: {annotations: {true: b}}\n",
        "metadata: {annotations: {a: {b: c}}}\n",
        "data: {~: a}\n",
        "data:\n  null: a\n",
        "data:\n  18446744073709551615: a\n",
        "a: &x {kind: A}\n<<: *x\n",
        "data:\n  <<: {kind: A}\n",
        "- kind: A\n",
        "text\n",
        "kind: A\n---\ndata:\n  ~: a\n",
        "a: [\n",
        "a: b: c\n",
        "kind: !!str 5\n",
    ] {
        assert_eq!(head::everyday(text), None, "{text}");
        assert_eq!(Head::read(text).ok(), k8s_yaml::from_str(text).ok(), "{text}");
    }
}

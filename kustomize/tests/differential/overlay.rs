//! Kustomizations: what a level adds to those below it.

use super::chance::Chance;
use super::objects::Object;

/// What a tree holds so far.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) objects: Vec<Object>,
    /// The ConfigMap and the Secret `gen`.
    pub(crate) config_map: bool,
    pub(crate) secret: bool,
}

/// The fields of a kustomization beside its resources, and the files that they name.
pub(crate) fn fields(chance: &mut Chance, level: usize, known: &mut Known) -> (String, Vec<(String, String)>) {
    let mut files = Vec::new();
    let mut text = String::new();
    let simple: Vec<String> = vec![
        format!("namePrefix: p{level}-\n"),
        format!("nameSuffix: -s{level}\n"),
        format!("namespace: ns{level}\n"),
        format!("commonLabels: {{env: e{level}, \"n\": \"1\"}}\n"),
        format!("labels:\n- pairs: {{lab: \"{level}\"}}\n"),
        "labels:\n- pairs: {team: x}\n  includeTemplates: true\n".to_owned(),
        "labels:\n- pairs: {team: z}\n  includeSelectors: true\n- pairs: {f: g}\n  fields:\n  - {path: spec/x, create: true, kind: Toy}\n".to_owned(),
        "commonAnnotations: {a: \"yes\", b: c}\n".to_owned(),
        "images:\n- {name: nginx, newTag: \"2\"}\n- {name: busybox, newName: reg/bb, digest: sha256:abc}\n".to_owned(),
        "images:\n- {name: reg.io:5000/team/app, newName: other}\n".to_owned(),
        "buildMetadata: [originAnnotations]\n".to_owned(),
        "buildMetadata: [transformerAnnotations, managedByLabel]\n".to_owned(),
        "sortOptions: {order: fifo}\n".to_owned(),
        "sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Service], orderLast: [Namespace]}}\n".to_owned(),
        "generatorOptions: {labels: {gl: \"1\"}, disableNameSuffixHash: true}\n".to_owned(),
        "generatorOptions: {annotations: {ga: x}, immutable: true}\n".to_owned(),
    ];
    let mut used = Vec::new();
    for field in simple {
        let name = field.split(':').next().unwrap_or_default().to_owned();
        if chance.happens(22) && !used.contains(&name) {
            used.push(name);
            text.push_str(&field);
        }
    }
    if let Some(object) = known.objects.iter().find(|object| matches!(object.kind, "Deployment" | "StatefulSet"))
        && chance.happens(25)
    {
        text.push_str(&format!("replicas:\n- {{name: {}, count: 7}}\n", object.name));
    }
    generators(chance, level, known, &mut text, &mut files);
    replacements(chance, &known.objects, &mut text);
    patches(chance, &mut known.objects, &mut text, &mut files);
    (text, files)
}

fn generators(
    chance: &mut Chance,
    level: usize,
    known: &mut Known,
    text: &mut String,
    files: &mut Vec<(String, String)>,
) {
    if chance.happens(50) {
        let again = known.config_map && chance.happens(60);
        let name = if again || level == 0 && !known.config_map { "gen".to_owned() } else { format!("gen{level}") };
        known.config_map |= name == "gen";
        text.push_str(&format!("configMapGenerator:\n- name: {name}\n"));
        if again {
            text.push_str(&format!("  behavior: {}\n", chance.one_of(&["merge", "replace"])));
        }
        text.push_str("  literals: [k=v, \"q='1'\", e=, \"m=a=b\"]\n");
        if chance.happens(40) {
            text.push_str("  files: [f.txt, key=f.bin]\n");
            files.push(("f.txt".into(), "line one\n  line two\t\nend".into()));
            files.push(("f.bin".into(), "\u{1}\u{2}".into()));
        }
        if chance.happens(40) {
            text.push_str("  envs: [e.env]\n");
            files.push(("e.env".into(), "# c\nX=1\n  Y=\"q\" \nZ\n".into()));
        }
        if chance.happens(30) {
            text.push_str("  options: {labels: {o: \"1\"}}\n");
        }
    }
    if chance.happens(40) {
        let again = known.secret && chance.happens(60);
        let name = if again || level == 0 && !known.secret { "gen".to_owned() } else { format!("sec{level}") };
        known.secret |= name == "gen";
        text.push_str(&format!("secretGenerator:\n- name: {name}\n  literals: [p=secret, long={}]\n", "x".repeat(80)));
        if chance.happens(40) {
            text.push_str("  type: kubernetes.io/tls\n");
        }
        if again {
            text.push_str("  behavior: merge\n");
        }
    }
}

fn patches(chance: &mut Chance, objects: &mut Vec<Object>, text: &mut String, files: &mut Vec<(String, String)>) {
    if objects.is_empty() || !chance.happens(75) {
        return;
    }
    text.push_str("patches:\n");
    for number in 0..1 + chance.below(3) {
        let at = chance.below(objects.len());
        if objects.len() > 1 && chance.happens(6) {
            let patch = format!("{}$patch: delete\n", head(&objects.remove(at)));
            add_patch(chance, &patch, number, text, files);
        } else if chance.happens(35) {
            json_patch(chance, &objects[at], text);
        } else {
            merge_patch(chance, &objects[at], number, text, files);
        }
    }
}

const ANY_OBJECT: &[&str] = &[
    "{op: add, path: /metadata/annotations/j~1p, value: \"1\"}",
    "{op: add, path: /metadata/labels, value: {new: l}}",
    "{op: replace, path: /metadata/name, value: renamed}",
    "{op: add, path: /spec, value: {l: [1, 1.5, yes, ~]}}",
    "{op: copy, from: /metadata/name, path: /metadata/annotations/copied}",
    "{op: add, path: /big, value: [12345678, 1e21, 0.1, 9007199254740993]}",
];

const WORKLOAD: &[&str] = &[
    "{op: add, path: /spec/replicas, value: 12345678}",
    "{op: replace, path: /spec/template/spec/containers/0/image, value: \"img:9\"}",
    "{op: add, path: /spec/template/spec/containers/-, value: {name: j, image: i}}",
    "{op: move, from: /spec/template/spec/containers/0/name, path: /spec/template/spec/containers/0/n}",
    "{op: remove, path: /spec/template/spec/containers/0}",
];

fn json_patch(chance: &mut Chance, object: &Object, text: &mut String) {
    let workload = matches!(object.kind, "Deployment" | "StatefulSet");
    let target = match chance.below(4) {
        0 if workload => format!("{{kind: {}}}", object.kind),
        1 => format!("{{kind: {}, name: \".*{}.*\"}}", object.kind, object.name),
        2 if !workload => "{labelSelector: \"tier in (front, 1)\"}".to_owned(),
        _ => format!("{{kind: {}, name: {}}}", object.kind, object.name),
    };
    text.push_str(&format!("- target: {target}\n  patch: |-\n"));
    let operations = if workload && chance.happens(70) { WORKLOAD } else { ANY_OBJECT };
    text.push_str(&format!("    - {}\n", chance.one_of(operations)));
    if chance.happens(30) && workload {
        text.push_str(&format!("    - {{op: test, path: /kind, value: {}}}\n", object.kind));
    }
}

/// What names the object in a patch.
fn head(object: &Object) -> String {
    let namespace = object.namespace.map(|namespace| format!("  namespace: {namespace}\n")).unwrap_or_default();
    let Object { group_version, kind, name, .. } = object;
    format!("apiVersion: {group_version}\nkind: {kind}\nmetadata:\n  name: {name}\n{namespace}")
}

fn add_patch(chance: &mut Chance, patch: &str, number: usize, text: &mut String, files: &mut Vec<(String, String)>) {
    if chance.happens(40) {
        let file = format!("patch{number}.yaml");
        text.push_str(&format!("- path: {file}\n"));
        files.push((file, patch.to_owned()));
    } else {
        let indented: String = patch.lines().map(|line| format!("    {line}\n")).collect();
        text.push_str(&format!("- patch: |-\n{indented}"));
    }
}

fn merge_patch(
    chance: &mut Chance,
    object: &Object,
    number: usize,
    text: &mut String,
    files: &mut Vec<(String, String)>,
) {
    let head = head(object);
    let body = match object.kind {
        "Deployment" | "StatefulSet" => pod_patch(chance),
        "Service" => format!(
            "spec:\n  ports: [{{port: {}, targetPort: 8080{}}}]\n",
            chance.one_of(&["80", "443", "9"]),
            chance.one_of(&["", ", protocol: TCP", ", protocol: UDP"])
        ),
        "ConfigMap" => "data: {a: new, b: null, \"9\": \"8\", z: on}\n".to_owned(),
        "Toy" => "spec: {parts: [{name: b, size: 9}], p: null, q: 2, new: {x: null, y: [null, 1]}}\n".to_owned(),
        _ => "metadata:\n  annotations: {patched: \"1\"}\n".to_owned(),
    };
    let patch = if body.starts_with("metadata") {
        format!("{head}  annotations: {{patched: \"1\"}}\n")
    } else if body.starts_with("spec:\n") && chance.happens(8) {
        format!("{head}{}", body.replacen("spec:", "spec:\n  $patch: replace", 1))
    } else {
        format!("{head}{body}")
    };
    add_patch(chance, &patch, number, text, files);
    if chance.happens(25) {
        text.push_str(&format!("  target: {{kind: {}}}\n", object.kind));
        if chance.happens(50) {
            text.push_str("  options: {allowNameChange: true}\n");
        }
    }
}

fn pod_patch(chance: &mut Chance) -> String {
    let containers = [
        "      - {name: main, image: patched:1}",
        "      - {name: side, $patch: delete}",
        "      - {name: extra, image: e, env: [{name: A, value: x}]}",
        "      - name: main\n        env: [{name: A, value: \"2\"}, {name: N, value: n}, {name: D, $patch: delete}]",
        "      - name: main\n        ports: [{containerPort: 80, name: http}, {containerPort: 90, protocol: UDP}]",
        "      - {name: main, args: [z], $patch: replace}",
        "      - {name: main, env: null}",
    ];
    let mut text = String::from("spec:\n");
    if chance.happens(40) {
        text.push_str("  replicas: 3\n");
    }
    text.push_str("  template:\n    spec:\n      containers:\n");
    text.push_str(containers[chance.below(containers.len())]);
    text.push('\n');
    if chance.happens(15) {
        text.push_str("      - $patch: replace\n");
    }
    if chance.happens(30) {
        text.push_str(chance.one_of(&[
            "      volumes: [{name: v, emptyDir: {}, configMap: null}]\n",
            "      volumes: [{name: w, emptyDir: {}}]\n",
            "      tolerations: [{key: b}]\n",
            "      securityContext: {runAsUser: 0}\n",
        ]));
    }
    text
}

fn replacements(chance: &mut Chance, objects: &[Object], text: &mut String) {
    if objects.is_empty() || !chance.happens(35) {
        return;
    }
    let from = &objects[chance.below(objects.len())];
    let to = &objects[chance.below(objects.len())];
    let source = match chance.below(3) {
        0 => "sourceValue: \"77\"".to_owned(),
        1 => format!(
            "source: {{kind: {}, name: {}, fieldPath: metadata.name, options: {{delimiter: b, index: 0}}}}",
            from.kind, from.name
        ),
        _ => format!("source: {{kind: {}, name: {}}}", from.kind, from.name),
    };
    let field = match to.kind {
        "Deployment" | "StatefulSet" => chance.one_of(&[
            "spec.template.spec.containers.[name=main].image",
            "spec.template.spec.containers.*.image",
            "spec.template.spec.containers.[name=main].env.[name=R].value",
            "metadata.annotations.[a.b/c]",
            "spec.template.spec.containers.0.image",
        ]),
        "ConfigMap" => chance.one_of(&["data.a", "data.conf\\.json.host", "data.new"]),
        "Toy" => chance.one_of(&["spec.p", "spec.parts.[name=a].size", "spec.deep.er"]),
        _ => "metadata.annotations.note",
    };
    text.push_str(&format!(
        "replacements:\n- {source}\n  targets:\n  - select: {{kind: {}, name: {}}}\n    fieldPaths: ['{field}']\n",
        to.kind, to.name
    ));
    if field.contains("new") || field.contains("deep") || chance.happens(80) {
        text.push_str("    options: {create: true}\n");
    } else if chance.happens(40) {
        text.push_str("    options: {delimiter: \":\", index: 1}\n");
    }
}

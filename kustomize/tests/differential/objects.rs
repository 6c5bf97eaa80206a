//! Objects of a base: kinds whose fields kustomize knows, with the hard parts of YAML in them.

use super::chance::Chance;

/// An object that later parts of a tree can name.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) kind: &'static str,
    pub(crate) group_version: &'static str,
    pub(crate) name: String,
    pub(crate) namespace: Option<&'static str>,
    pub(crate) text: String,
}

const SCALARS: &[&str] = &[
    "plain",
    "\"1\"",
    "1",
    "'yes'",
    "yes",
    "on",
    "true",
    "0x1F",
    "017",
    "1.10",
    "1e3",
    "~",
    "\"\"",
    "2001-01-01",
    "é😀",
    "\"a\\tb\"",
    "'it''s'",
    "1_000",
    "\"line one\\nline two\\n\"",
    "12345678901234567890",
    "1:30",
    "\"#no\"",
    "a #c",
];

/// Objects of a base; `prefix` keeps the names of different bases apart.
pub(crate) fn some(chance: &mut Chance, prefix: &str) -> Vec<Object> {
    let kinds = 2 + chance.below(5);
    let mut objects = Vec::new();
    for number in 0..kinds {
        let name = format!("{prefix}{}{number}", chance.one_of(&["web", "db", "x"]));
        objects.push(object(chance, &name));
    }
    objects
}

fn object(chance: &mut Chance, name: &str) -> Object {
    let (kind, group_version, spec) = match chance.below(11) {
        0 | 1 => ("Deployment", "apps/v1", workload(chance, 2, true)),
        2 => ("StatefulSet", "apps/v1", format!("{}  serviceName: {name}\n", workload(chance, 2, true))),
        3 => ("ConfigMap", "v1", data(chance)),
        4 => ("Secret", "v1", "type: Opaque\ndata:\n  k: aGVsbG8=\n".to_owned()),
        5 => ("Service", "v1", service(chance)),
        6 => ("CronJob", "batch/v1", cron_job(chance)),
        7 => ("Ingress", "networking.k8s.io/v1", ingress(name)),
        8 => ("Toy", "example.com/v1", toy(chance)),
        9 => ("ServiceAccount", "v1", "secrets:\n- name: token\n".to_owned()),
        _ => (
            "ClusterRole",
            "rbac.authorization.k8s.io/v1",
            "rules:\n- apiGroups: [\"\"]\n  resources: [pods]\n  verbs: [get]\n".to_owned(),
        ),
    };
    let mut text = format!("apiVersion: {group_version}\nkind: {kind}\nmetadata:\n  name: {name}\n");
    let namespace = chance.happens(30).then_some("own");
    if let Some(namespace) = namespace {
        text.push_str(&format!("  namespace: {namespace}\n"));
    }
    if chance.happens(60) {
        text.push_str(&format!("  labels: {{app: {name}, tier: \"{}\"}}\n", chance.one_of(&["1", "front", "on"])));
    }
    if chance.happens(40) {
        text.push_str(&format!("  annotations:\n    note: {}\n    n2: 'x'\n", quoted(chance)));
    }
    text.push_str(&spec);
    Object { kind, group_version, name: name.to_owned(), namespace, text }
}

/// A scalar that is a string in every YAML.
fn quoted(chance: &mut Chance) -> &'static str {
    chance.one_of(&["plain", "\"1\"", "'yes'", "\"a: b\"", "\"true\"", "'[x]'", "|-\n      two\n      lines", "\"\""])
}

fn data(chance: &mut Chance) -> String {
    let mut text = "data:\n".to_owned();
    for key in ["a", "b", "c.txt"] {
        text.push_str(&format!("  {key}: {}\n", quoted(chance).replace("\n      ", "\n    ")));
    }
    if chance.happens(30) {
        text.push_str("  conf.json: '{\"host\":\"old\",\"n\":[1,2]}'\n");
    }
    text
}

fn service(chance: &mut Chance) -> String {
    let mut text = "spec:\n  selector: {app: web}\n  ports:\n".to_owned();
    for port in [80, 443].into_iter().take(1 + chance.below(2)) {
        text.push_str(&format!("  - port: {port}\n"));
        if chance.happens(50) {
            text.push_str(&format!("    protocol: {}\n", chance.one_of(&["TCP", "UDP"])));
        }
        if chance.happens(50) {
            text.push_str(&format!("    name: p{port}\n"));
        }
    }
    text
}

fn ingress(name: &str) -> String {
    format!(
        "spec:\n  rules:\n  - host: example.com\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend:\n          service: {{name: {name}, port: {{number: 80}}}}\n"
    )
}

fn toy(chance: &mut Chance) -> String {
    let mut text = "spec:\n  parts: [{name: a, size: 1}, {name: b, size: 2}]\n".to_owned();
    for key in ["p", "q", "r"] {
        text.push_str(&format!("  {key}: {}\n", chance.one_of(SCALARS)));
    }
    text
}

fn cron_job(chance: &mut Chance) -> String {
    let template = workload(chance, 6, false).replacen("spec:\n", "", 1);
    format!("spec:\n  schedule: \"*/5 * * * *\"\n  jobTemplate:\n    spec:\n{template}")
}

/// `spec` with a pod template, indented by `level` blanks below its first line.
fn workload(chance: &mut Chance, level: usize, replicas: bool) -> String {
    let mut lines = Vec::new();
    if replicas {
        if chance.happens(60) {
            lines.push(format!("replicas: {}", chance.below(5)));
        }
        lines.push("selector: {matchLabels: {app: web}}".to_owned());
    }
    lines.push("template:".into());
    if chance.happens(70) {
        lines.push("  metadata: {labels: {app: web}}".into());
    }
    lines.push("  spec:".into());
    if chance.happens(40) {
        lines.push("    serviceAccountName: x1".into());
    }
    lines.push("    containers:".into());
    for name in ["main", "side"].into_iter().take(1 + chance.below(2)) {
        container(chance, name, &mut lines);
    }
    if chance.happens(50) {
        lines.push("    volumes:".into());
        lines.push("    - name: v".into());
        lines.push(format!(
            "      {}",
            chance.one_of(&["configMap: {name: web0}", "secret: {secretName: gen}", "emptyDir: {}"])
        ));
    }
    if chance.happens(20) {
        lines.push("    tolerations: [{key: a, operator: Exists}]".into());
    }
    let indent = " ".repeat(level);
    let body: String = lines.iter().map(|line| format!("{indent}{line}\n")).collect();
    format!("spec:\n{body}")
}

fn container(chance: &mut Chance, name: &str, lines: &mut Vec<String>) {
    lines.push(format!("    - name: {name}"));
    lines.push(format!(
        "      image: {}",
        chance.one_of(&[
            "nginx",
            "nginx:1.7",
            "reg.io:5000/team/app:v1",
            "busybox@sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3"
        ])
    ));
    if chance.happens(50) {
        lines.push("      args: [\"-x\", '1', yes]".into());
    }
    if chance.happens(60) {
        lines.push("      env:".into());
        lines.extend(
            chance
                .some_of(
                    &[
                        "      - {name: A, value: \"1\"}",
                        "      - {name: B, valueFrom: {configMapKeyRef: {name: gen, key: k}}}",
                        "      - {name: C, valueFrom: {secretKeyRef: {name: web0, key: k}}}",
                        "      - name: D\n            value: d/e/f",
                    ],
                    60,
                )
                .into_iter()
                .map(|line| line.replace("\n            ", "\n        "))
                .flat_map(|entry| entry.split('\n').map(str::to_owned).collect::<Vec<_>>()),
        );
        if lines.last().is_some_and(|line| line.ends_with("env:")) {
            lines.pop();
        }
    }
    if chance.happens(50) {
        lines.push("      ports:".into());
        lines.push("      - containerPort: 80".into());
        if chance.happens(50) {
            lines.push("        protocol: TCP".into());
        }
        if chance.happens(40) {
            lines.push("      - {containerPort: 81, name: q}".into());
        }
    }
}

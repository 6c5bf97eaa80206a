//! The trees that are built.

use std::fmt::Write as _;

/// Files by path, and the directory that is built.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) files: Vec<(String, String)>,
    pub(crate) top: &'static str,
    pub(crate) objects: usize,
}

/// Three levels: a base, an overlay for a stage, one for a place; `objects` of the base, and a generated one.
pub(crate) fn overlay(objects: usize) -> Tree {
    let mut files = base(objects);
    files.push(("base/app.env".into(), "MODE=prod\nLEVEL=info\n".into()));
    append(&mut files, "base/kustomization.yaml", "configMapGenerator:\n- name: settings\n  envs: [app.env]\n");
    files.push((
        "stage/kustomization.yaml".into(),
        format!(
            "resources: [../base]\nnamespace: stage\ncommonLabels: {{stage: s}}\npatches:\n{}",
            (0..3).map(patch).collect::<String>()
        ),
    ));
    let images = "images: [{name: nginx, newTag: \"1.27\"}]\nreplicas: [{name: web0, count: 5}]\n";
    files.push((
        "place/kustomization.yaml".into(),
        format!("resources: [../stage]\nnamePrefix: here-\ncommonAnnotations: {{place: p}}\n{images}"),
    ));
    Tree { files, top: "place", objects: objects + 1 }
}

/// A base and an overlay with patches, spread evenly over its Deployments.
pub(crate) fn patched(objects: usize, patches: usize) -> Tree {
    let mut files = base(objects);
    let deployments = (objects / 3).max(1);
    let patches: String = (0..patches).map(|number| patch(number * deployments / patches % deployments)).collect();
    files.push(("top/kustomization.yaml".into(), format!("resources: [../base]\nnamePrefix: p-\npatches:\n{patches}")));
    Tree { files, top: "top", objects: objects / 3 * 3 }
}

fn append(files: &mut [(String, String)], path: &str, text: &str) {
    if let Some((_, content)) = files.iter_mut().find(|(name, _)| name == path) {
        content.push_str(text);
    }
}

/// A Deployment, its ConfigMap and its Service in each file.
fn base(objects: usize) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut resources = String::from("resources:\n");
    for number in 0..objects / 3 {
        let _ = writeln!(resources, "- app{number}.yaml");
        files.push((format!("base/app{number}.yaml"), app(number)));
    }
    files.push(("base/kustomization.yaml".into(), resources));
    files
}

fn app(number: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web{number}
  labels: {{app: web{number}}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: web{number}}}
  template:
    metadata:
      labels: {{app: web{number}}}
    spec:
      containers:
      - name: main
        image: nginx:1.7
        args: [\"--port\", \"80\"]
        env:
        - name: KEY
          valueFrom: {{configMapKeyRef: {{name: web{number}, key: key}}}}
        ports:
        - containerPort: 80
        resources:
          limits: {{cpu: 100m, memory: 64Mi}}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: web{number}
data:
  key: value
  config: |
    listen: 80
    upstream: web{number}
---
apiVersion: v1
kind: Service
metadata:
  name: web{number}
spec:
  selector: {{app: web{number}}}
  ports:
  - port: 80
"
    )
}

fn patch(number: usize) -> String {
    format!(
        "- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {{name: web{number}}}
    spec:
      template:
        spec:
          containers:
          - name: main
            env: [{{name: MORE, value: more}}]
            ports: [{{containerPort: 9090, name: metrics}}]
"
    )
}

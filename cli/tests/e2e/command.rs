//! Commands that end in time, and the manifests that they are given.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a command may take.
const COMMAND_PATIENCE: Duration = Duration::from_secs(90);

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The manifest of a GitRepo for clusters with the label `<name>=on`; `more` is further YAML of its spec.
pub(crate) fn gitrepo(name: &str, url: &str, more: &str) -> String {
    let more: String = more.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "apiVersion: fleet.cattle.io/v1alpha1
kind: GitRepo
metadata: {{name: {name}, namespace: fleet-default}}
spec:
  repo: {url}
  branch: main
{more}  targets:
  - clusterSelector: {{matchLabels: {{{name}: \"on\"}}}}
"
    )
}

/// The manifest of a ConfigMap; its namespace is the bundle's.
pub(crate) fn config_map(name: &str, data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {data}\n")
}

/// A service account of the agent's namespace that may do with ConfigMaps what an agent does, and no more.
pub(crate) fn service_account(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}, namespace: skiff-system}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {name}}}
rules:
- {{apiGroups: [''], resources: [configmaps], verbs: [get, create, patch, delete]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name}}}
subjects: [{{kind: ServiceAccount, name: {name}, namespace: skiff-system}}]
"
    )
}

/// A bundle `web` with these options, and a chart whose ConfigMap `motd` has the value `text`.
pub(crate) const fn values_chart(fleet_yaml: &str) -> [(&str, &str); 3] {
    const CONFIG: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: motd}
data: {text: {{ .Values.text }}}
";
    [
        ("web/fleet.yaml", fleet_yaml),
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("web/templates/config.yaml", CONFIG),
    ]
}

/// The manifest of a Secret with values of that chart.
pub(crate) fn values_secret(namespace: &str, name: &str, text: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\nstringData:\n  values.yaml: |\n    text: {text}\n"
    )
}

/// The stdout of a command that succeeded.
pub(crate) fn succeeded(program: &str, line: &str, ran: Ran) -> Result<String, String> {
    if ran.code == Some(0) {
        return Ok(ran.stdout);
    }
    Err(format!("`{program} {line}` ended with {:?}\n{}{}", ran.code, ran.stdout, ran.stderr))
}

/// Runs a command to its end, or ends it after a while.
pub(crate) fn run(mut command: Command, line: &str, stdin: &str) -> Result<Ran, String> {
    let failed = |error: std::io::Error| format!("`{line}`: {error}");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read its input closes it.
        drop(input.write_all(stdin.as_bytes()));
    }
    let reader = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut stream) = stream {
                drop(stream.read_to_end(&mut text));
            }
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let stdout = reader(child.stdout.take().map(|stream| Box::new(stream) as Box<_>));
    let stderr = reader(child.stderr.take().map(|stream| Box::new(stream) as Box<_>));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if begun.elapsed() > COMMAND_PATIENCE {
            child.kill().and_then(|()| child.wait()).map_err(failed)?;
            return Err(format!("`{line}` did not end within {} s", COMMAND_PATIENCE.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let text = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
    Ok(Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) })
}

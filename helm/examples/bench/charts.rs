//! The charts that are rendered, in the idioms of the large public ones.

/// Path and text of each file.
pub(crate) type Files = Vec<(String, String)>;

const HELPERS: &str = r#"{{- define "app.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- define "app.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}
{{- define "app.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "app.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- define "app.selectorLabels" -}}
app.kubernetes.io/name: {{ include "app.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
"#;

const DEPLOYMENT: &str = r#"{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "app.fullname" . }}-NUMBER
  labels:
    {{- include "app.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas | int }}
  selector:
    matchLabels:
      {{- include "app.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      annotations:
        checksum/config: {{ toYaml .Values.config | sha256sum }}
      labels:
        {{- include "app.selectorLabels" . | nindent 8 }}
    spec:
      containers:
        - name: main
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          args: {{- tpl (toYaml .Values.args) . | nindent 12 }}
          {{- with .Values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          env:
            {{- range $key, $value := .Values.config }}
            - name: {{ $key | upper }}
              value: {{ $value | quote }}
            {{- end }}
{{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ include "app.fullname" . }}-NUMBER
  labels:
    {{- include "app.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "app.selectorLabels" . | nindent 4 }}
  ports:
    - port: {{ .Values.port }}
"#;

const VALUES: &str = "enabled: true\nreplicas: 2\nport: 80\nimage: {repository: nginx, tag: ''}\nargs: ['--name={{ .Release.Name }}']\nresources: {limits: {cpu: 100m, memory: 64Mi}}\nconfig: {level: info, mode: prod, region: eu, site: unset}\n";

fn chart(name: &str, version: &str) -> String {
    format!("apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: '1.27'\n")
}

/// A chart of `pairs` Deployments with their Services, of rules and dashboards as a monitoring stack has them, and of
/// `subcharts` that are like it.
pub(crate) fn of(name: &str, pairs: usize, rules: usize, subcharts: usize) -> Files {
    let mut files = vec![
        ("Chart.yaml".to_owned(), chart(name, "1.0.0")),
        ("values.yaml".to_owned(), VALUES.to_owned()),
        ("templates/_helpers.tpl".to_owned(), HELPERS.to_owned()),
    ];
    for number in 0..pairs {
        files.push((format!("templates/app{number:03}.yaml"), DEPLOYMENT.replace("NUMBER", &number.to_string())));
    }
    for number in 0..rules {
        files.push((format!("templates/rules{number:03}.yaml"), rule(number)));
    }
    for number in 0..subcharts {
        let sub = of(&format!("sub{number}"), pairs, rules / 4, 0);
        files.extend(sub.into_iter().map(|(path, text)| (format!("charts/sub{number}/{path}"), text)));
    }
    files
}

/// Ten alerts whose annotations are templates of another kind, as in kube-prometheus-stack.
fn rule(number: usize) -> String {
    let alert = |alert: usize| {
        format!(
            "        - alert: Alert{number}x{alert}\n          annotations:\n            description: 'Pod {{{{`{{{{`}}}} $labels.pod \
             {{{{`}}}}`}}}} is restarting {{{{`{{{{`}}}} printf \"%.2f\" $value {{{{`}}}}`}}}} times'\n          expr: |-\n            \
             max_over_time(kube_pod_status{{job=\"kube-state-metrics\", namespace=~\"{{{{ .Values.config.region }}}}\"}}[5m]) >= {alert}\n          \
             for: {{{{ dig \"rules\" \"for\" \"15m\" .Values.AsMap }}}}\n          labels: {{severity: warning}}\n"
        )
    };
    let alerts: String = (0..10).map(alert).collect();
    format!(
        "{{{{- if semverCompare \">=1.14.0-0\" .Capabilities.KubeVersion.Version }}}}\napiVersion: monitoring.coreos.com/v1\nkind: \
         PrometheusRule\nmetadata:\n  name: {{{{ include \"app.fullname\" . }}}}-rules-{number}\n  labels:\n    {{{{- include \"app.labels\" . | \
         nindent 4 }}}}\nspec:\n  groups:\n    - name: group{number}\n      rules:\n{alerts}{{{{- end }}}}\n"
    )
}

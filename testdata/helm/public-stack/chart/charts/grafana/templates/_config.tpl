{{- define "grafana.configData" -}}
{{ include "grafana.assertNoLeakedSecrets" . }}
{{- $files := .Files }}
{{- $root := . -}}
grafana.ini: |
  {{- range $elem, $elemVal := index .Values "grafana.ini" }}
  {{- if not (kindIs "map" $elemVal) }}
  {{- if kindIs "invalid" $elemVal }}
  {{ $elem }} =
  {{- else if kindIs "slice" $elemVal }}
  {{ $elem }} = {{ toJson $elemVal }}
  {{- else if kindIs "string" $elemVal }}
  {{ $elem }} = {{ tpl $elemVal $ }}
  {{- else }}
  {{ $elem }} = {{ $elemVal }}
  {{- end }}
  {{- end }}
  {{- end }}
  {{- range $key, $value := index .Values "grafana.ini" }}
  {{- if kindIs "map" $value }}
  [{{ $key }}]
  {{- range $elem, $elemVal := $value }}
  {{- if kindIs "invalid" $elemVal }}
  {{ $elem }} =
  {{- else if kindIs "slice" $elemVal }}
  {{ $elem }} = {{ toJson $elemVal }}
  {{- else if kindIs "string" $elemVal }}
  {{ $elem }} = {{ tpl $elemVal $ }}
  {{- else }}
  {{ $elem }} = {{ $elemVal }}
  {{- end }}
  {{- end }}
  {{- end }}
  {{- end }}
{{- range $key, $value := .Values.datasources }}
{{- if not (hasKey $value "secret") }}
{{- $key | nindent 0 }}: |
  {{- tpl (toYaml $value | nindent 2) $root }}
{{- end }}
{{- end }}
{{- end -}}
{{- define "grafana.assertNoLeakedSecrets" -}}
{{- $sensitiveKeysYaml := `
sensitiveKeys:
- path: ["database", "password"]
- path: ["smtp", "password"]
- path: ["security", "secret_key"]
` | fromYaml -}}
{{- range $_, $secret := $sensitiveKeysYaml.sensitiveKeys -}}
  {{- $currentMap := index $.Values "grafana.ini" -}}
  {{- $shouldContinue := true -}}
  {{- range $index, $elem := $secret.path -}}
    {{- if and $shouldContinue (hasKey $currentMap $elem) -}}
      {{- if eq (len $secret.path) (add1 $index) -}}
        {{- if not (regexMatch "\\$(?:__(?:env|file|vault))?{[^}]+}" (index $currentMap $elem)) -}}
          {{- fail (printf "Sensitive key '%s' should not be defined explicitly in values. Use variable expansion instead." (join "." $secret.path)) -}}
        {{- end -}}
      {{- else -}}
        {{- $currentMap = index $currentMap $elem -}}
      {{- end -}}
    {{- else -}}
      {{- $shouldContinue = false -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end -}}
{{- define "grafana.password" -}}
{{- $secret := (lookup "v1" "Secret" .Release.Namespace "x") -}}
{{- if $secret -}}{{- index $secret "data" "admin-password" -}}{{- else -}}{{- "cGFzcw==" | quote -}}{{- end -}}
{{- end -}}

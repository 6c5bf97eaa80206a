{{- define "flat" -}}
{{- range $k, $v := .map }}
{{- $key := ternary $k (printf "%s.%s" $.prefix $k) (eq $.prefix "") }}
{{- if kindIs "map" $v }}{{ include "flat" (dict "map" $v "prefix" $key) }}
{{- else }}
{{ $key }}: {{ $v | quote }}
{{- end }}
{{- end }}
{{- end -}}
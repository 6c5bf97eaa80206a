{{- define "ks.version" -}}{{- default .Capabilities.KubeVersion.Version .Values.kubeTargetVersionOverride | trimPrefix "v" -}}{{- end -}}
{{- define "ks.ingress.isStable" -}}{{- eq (include "ks.ingress.apiVersion" .) "networking.k8s.io/v1" -}}{{- end -}}
{{- define "ks.ingress.apiVersion" -}}
{{- if and (.Capabilities.APIVersions.Has "networking.k8s.io/v1") (semverCompare ">= 1.19-0" (include "ks.version" .)) -}}
networking.k8s.io/v1
{{- else -}}
extensions/v1beta1
{{- end -}}
{{- end -}}
{{- define "ingress-nginx.params" -}}
- /nginx-ingress-controller
{{- if .Values.tcp }}
- --tcp-services-configmap=$(POD_NAMESPACE)/{{ .Release.Name }}-tcp
{{- end }}
{{- range $key, $value := .Values.ports }}
{{- if $value }}
- --{{ $key }}={{ $value }}
{{- else }}
- --{{ $key }}
{{- end }}
{{- end }}
{{- end -}}
{{- define "argo.config.params" -}}
{{- $config := omit .Values.argo.configs.params "create" }}
{{- $presets := dict "server.rootpath" "" "repo.server" (printf "%s:%v" "argocd" 8081) "server.insecure" (toString true) -}}
{{- range $key, $value := mergeOverwrite (deepCopy $presets) $config }}
{{ $key }}: {{ toString $value | toYaml }}
{{- end }}
{{- end -}}

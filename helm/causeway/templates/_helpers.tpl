{{- define "causeway.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Of the release and one of its components: dict "root" $ "component" "relay". */}}
{{- define "causeway.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "causeway.labels" -}}
{{ include "causeway.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "causeway.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "causeway.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "causeway.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Whether there is a Redis that nodes share: "true" or nothing. */}}
{{- define "causeway.hasRedis" -}}
{{- if or .Values.redis.bundled.enabled .Values.config.redisUrl .Values.secrets.redisUrl.name -}}true{{- end -}}
{{- end -}}

{{/* Whether clients outside the cluster get in: "true" or nothing. */}}
{{- define "causeway.isExposed" -}}
{{- if or .Values.ingress.enabled .Values.httpRoute.enabled (ne .Values.service.type "ClusterIP") -}}true{{- end -}}
{{- end -}}

{{- define "causeway.scheme" -}}
{{- ternary "wss" "ws" (ne .Values.tls.secretName "") -}}
{{- end -}}

{{/* Seconds; the relay's own default where the values say none. */}}
{{- define "causeway.drainSeconds" -}}
{{- default 25 .Values.config.drainSeconds | int -}}
{{- end -}}

{{- define "causeway.minReadySeconds" -}}
{{- if kindIs "invalid" .Values.minReadySeconds -}}
{{- include "causeway.drainSeconds" . -}}
{{- else -}}
{{- .Values.minReadySeconds | int -}}
{{- end -}}
{{- end -}}

{{- define "causeway.hasPolicy" -}}
{{- if .Values.policy -}}true{{- end -}}
{{- end -}}

{{/* A value as the text of a variable: lists with commas, numbers without an exponent. */}}
{{- define "causeway.text" -}}
{{- if kindIs "slice" . -}}
{{- join "," . -}}
{{- else if kindIs "float64" . -}}
{{- int64 . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{/* Secrets that the relay reads from files: the name in `secrets` with the variable, which is also the file. */}}
{{- define "causeway.secretFiles" -}}
redisPassword: CAUSEWAY_REDIS_PASSWORD_FILE
adminTokens: CAUSEWAY_ADMIN_TOKENS_FILE
tokenKeys: CAUSEWAY_TOKEN_KEYS_FILE
tokenSecret: CAUSEWAY_TOKEN_SECRET_FILE
admissionSecret: CAUSEWAY_ADMISSION_SECRET_FILE
{{- end -}}

{{- define "causeway.env" -}}
{{- $root := . -}}
- name: CAUSEWAY_PORT
  value: "7070"
- name: CAUSEWAY_ADMIN_PORT
  value: "7071"
{{- range $key, $value := .Values.config }}
{{- if not (kindIs "invalid" $value) }}
- name: CAUSEWAY_{{ snakecase $key | upper }}
  value: {{ include "causeway.text" $value | quote }}
{{- end }}
{{- end }}
{{- if .Values.redis.bundled.enabled }}
- name: CAUSEWAY_REDIS_URL
  value: redis://{{ include "causeway.fullname" . }}-redis:6379
{{- end }}
{{- with .Values.secrets.redisUrl }}
{{- if .name }}
- name: CAUSEWAY_REDIS_URL
  valueFrom:
    secretKeyRef: { name: {{ .name | quote }}, key: {{ .key | quote }} }
{{- end }}
{{- end }}
{{- range $key, $variable := include "causeway.secretFiles" . | fromYaml }}
{{- if (index $root.Values.secrets $key).name }}
- name: {{ $variable }}
  value: /etc/causeway/{{ kebabcase $key }}
{{- end }}
{{- end }}
{{- if .Values.tls.secretName }}
- name: CAUSEWAY_TLS_CERT_FILE
  value: /etc/causeway/tls.crt
- name: CAUSEWAY_TLS_KEY_FILE
  value: /etc/causeway/tls.key
{{- end }}
{{- if include "causeway.hasPolicy" . }}
- name: CAUSEWAY_POLICY_FILE
  value: /etc/causeway/policy.json
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* One volume for all files: the kubelet swaps it as a whole, so a certificate comes with its key. */}}
{{- define "causeway.files" -}}
{{- $root := . -}}
{{- range $key, $_ := include "causeway.secretFiles" . | fromYaml }}
{{- with index $root.Values.secrets $key }}
{{- if .name }}
- secret:
    name: {{ .name | quote }}
    items: [{ key: {{ .key | quote }}, path: {{ kebabcase $key }} }]
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.tls }}
{{- if .secretName }}
- secret:
    name: {{ .secretName | quote }}
    items: [{ key: {{ .certKey | quote }}, path: tls.crt }, { key: {{ .keyKey | quote }}, path: tls.key }]
{{- end }}
{{- end }}
{{- if include "causeway.hasPolicy" . }}
- configMap:
    name: {{ include "causeway.fullname" . }}-policy
{{- end }}
{{- end -}}

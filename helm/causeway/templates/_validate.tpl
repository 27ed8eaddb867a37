{{/* What each value allows by itself but not together with others; the relay or Kubernetes would refuse it only later. */}}
{{- define "causeway.validate" -}}
{{- $v := .Values -}}
{{- $redis := include "causeway.hasRedis" . -}}
{{- include "causeway.validateOpen" . -}}
{{- if and (not $redis) (or (gt (int $v.replicas) 1) $v.autoscaling.enabled) -}}
{{- fail "replicas above 1 and autoscaling need a Redis that the nodes share: set config.redisUrl or secrets.redisUrl, or redis.bundled.enabled for a trial" -}}
{{- end -}}
{{- if gt (len (compact (list $v.config.redisUrl $v.secrets.redisUrl.name (ternary "bundled" "" $v.redis.bundled.enabled)))) 1 -}}
{{- fail "there is more than one Redis: set one of config.redisUrl, secrets.redisUrl and redis.bundled.enabled" -}}
{{- end -}}
{{- if and (not $redis) (or $v.secrets.redisPassword.name $v.config.redisMinReplicas) -}}
{{- fail "secrets.redisPassword and config.redisMinReplicas need a Redis" -}}
{{- end -}}
{{- if and (eq (toString $v.config.auth) "token") (not (or $v.secrets.tokenKeys.name $v.secrets.tokenSecret.name $v.config.tokenJwksUrl)) -}}
{{- fail "config.auth is token: it needs keys, from secrets.tokenKeys, secrets.tokenSecret or config.tokenJwksUrl" -}}
{{- end -}}
{{- if and $v.secrets.admissionSecret.name (not $v.config.admissionUrl) -}}
{{- fail "secrets.admissionSecret is set without config.admissionUrl" -}}
{{- end -}}
{{- if eq (toString $v.config.proxyProtocol) "v2" -}}
{{- if not $v.config.trustedProxies -}}
{{- fail "config.proxyProtocol is v2 without config.trustedProxies: nobody may send it" -}}
{{- end -}}
{{- if $v.tls.secretName -}}
{{- fail "config.proxyProtocol is v2 and tls.secretName is set: a PROXY header in front of TLS cannot be read, so let the proxy end TLS" -}}
{{- end -}}
{{- end -}}
{{- include "causeway.validateScaling" . -}}
{{- if and $v.networkPolicy.enabled (not $v.networkPolicy.extraEgress) (or $v.config.tokenJwksUrl $v.config.admissionUrl) -}}
{{- fail "networkPolicy.enabled would cut the relay off from config.tokenJwksUrl and config.admissionUrl: allow the way there in networkPolicy.extraEgress" -}}
{{- end -}}
{{- if and $v.httpRoute.enabled $v.tls.secretName (not $v.httpRoute.backendTls.hostname) -}}
{{- fail "httpRoute with tls.secretName: the gateway must check the relay's certificate, so set httpRoute.backendTls.hostname to a name that is in it" -}}
{{- end -}}
{{- end -}}

{{- define "causeway.validateOpen" -}}
{{- $where := list -}}
{{- if eq (default "open" .Values.config.auth) "open" -}}{{- $where = append $where "config.auth" -}}{{- end -}}
{{- if eq (dig "defaults" "auth" "" .Values.policy) "open" -}}{{- $where = append $where "policy.defaults.auth" -}}{{- end -}}
{{- range $realm, $policy := default dict .Values.policy.realms -}}
{{- if eq (dig "auth" "" $policy) "open" -}}{{- $where = append $where (printf "policy.realms.%s.auth" $realm) -}}{{- end -}}
{{- end -}}
{{- if and $where (include "causeway.isExposed" .) (not .Values.allowOpen) -}}
{{- fail (printf "%s is open, and an Ingress, an HTTPRoute or the type of the Service lets clients in from outside the cluster: anyone could take any peer id. Choose another policy, or set allowOpen" (join ", " $where)) -}}
{{- end -}}
{{- end -}}

{{- define "causeway.validateScaling" -}}
{{- with .Values.autoscaling -}}
{{- if .enabled -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail "autoscaling.minReplicas is above autoscaling.maxReplicas" -}}
{{- end -}}
{{- if not (or .cpuUtilization .connections .messagesPerSecond) -}}
{{- fail "autoscaling needs one of cpuUtilization, connections and messagesPerSecond" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.rollingUpdate -}}
{{- if and (has (toString .maxSurge) (list "0" "0%")) (has (toString .maxUnavailable) (list "0" "0%")) -}}
{{- fail "rollingUpdate.maxSurge and rollingUpdate.maxUnavailable are both 0: nothing could be replaced" -}}
{{- end -}}
{{- end -}}
{{- end -}}

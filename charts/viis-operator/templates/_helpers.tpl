{{- define "viis-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimAll "-" }}
{{- end }}

{{/* At most 50 characters: suffixes follow, and 63 are allowed. */}}
{{- define "viis-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimAll "-" }}
{{- else }}
{{- $name := include "viis-operator.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimAll "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimAll "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Names of what belongs to no namespace: releases of one name may be in two. */}}
{{- define "viis-operator.clusterName" -}}
{{- printf "%s-%s" (include "viis-operator.fullname" .) .Release.Namespace }}
{{- end }}

{{- define "viis-operator.operatorName" -}}
{{- default (include "viis-operator.fullname" .) .Values.operatorName }}
{{- end }}

{{- define "viis-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "viis-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "viis-operator.image" -}}
{{- $image := printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- with .Values.image.digest }}
{{- $image = printf "%s@%s" $image . }}
{{- end }}
{{- $image }}
{{- end }}

{{- define "viis-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "viis-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/*
Labels of an object: the chart's, those for all objects, and its own; the former win.
Argument: a list of the root and the object's own labels.
*/}}
{{- define "viis-operator.labels" -}}
{{- $root := index . 0 }}
{{- $labels := include "viis-operator.selectorLabels" $root | fromYaml }}
{{- $_ := set $labels "app.kubernetes.io/version" $root.Chart.AppVersion }}
{{- $_ := set $labels "app.kubernetes.io/managed-by" $root.Release.Service }}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_") }}
{{- toYaml (merge $labels (index . 1) $root.Values.commonLabels) }}
{{- end }}

{{/*
Labels and annotations of an object: those for all objects, and its own. Argument: a
list of the root, the object's own annotations and, if there are any, its own labels.
*/}}
{{- define "viis-operator.metadata" -}}
labels:
  {{- $labels := dict }}
  {{- if gt (len .) 2 }}
  {{- $labels = index . 2 }}
  {{- end }}
  {{- include "viis-operator.labels" (list (index . 0) $labels) | nindent 2 }}
{{- with merge (deepCopy (index . 1)) (index . 0).Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The milliseconds of a time such as 1m30s. */}}
{{- define "viis-operator.milliseconds" -}}
{{- $sum := 0 }}
{{- range regexFindAll "[0-9]+(ms|s|m|h)" . -1 }}
{{- $number := regexFind "^[0-9]+" . | int64 }}
{{- $factor := get (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000) (regexFind "[a-z]+$" .) | int64 }}
{{- $sum = add $sum (mul $number $factor) }}
{{- end }}
{{- $sum }}
{{- end }}

{{/* What the schema cannot say. */}}
{{- define "viis-operator.check" -}}
{{- $fullname := include "viis-operator.fullname" . }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $fullname) }}
{{- fail (printf "%q cannot be the name of a Service, nor of the installation: set fullnameOverride to lower case letters, digits and dashes, with a letter at the beginning" $fullname) }}
{{- end }}
{{- $set := dict
  "RUST_LOG" "logging.level"
  "VIIS_OPERATOR_NAME" "operatorName"
  "VIIS_OPERATOR_NAMESPACE" "the release's namespace"
  "VIIS_LEADER_ELECTION" "leaderElection.enabled"
  "VIIS_WATCH_NAMESPACE" "watchNamespaces"
  "VIIS_OTLP_ENDPOINT" "traces.otlpEndpoint"
}}
{{- range $variable := .Values.extraEnv }}
{{- with get $set $variable.name }}
{{- fail (printf "extraEnv: %s is the chart's: set %s instead" $variable.name .) }}
{{- end }}
{{- end }}
{{- with .Values.leaderElection }}
{{- if .enabled }}
{{- $lease := include "viis-operator.milliseconds" .leaseDuration | int64 }}
{{- $deadline := include "viis-operator.milliseconds" .renewDeadline | int64 }}
{{- $retry := include "viis-operator.milliseconds" .retryPeriod | int64 }}
{{- if lt $retry 100 }}
{{- fail "leaderElection.retryPeriod must be at least 100ms" }}
{{- end }}
{{- if lt $deadline (mul 3 $retry) }}
{{- fail "leaderElection.renewDeadline must be at least three times retryPeriod" }}
{{- end }}
{{- if lt $lease (add $deadline 1000) }}
{{- fail "leaderElection.leaseDuration must be at least a second longer than renewDeadline" }}
{{- end }}
{{- else if gt (int $.Values.replicas) 1 }}
{{- fail "replicas: more than one needs leaderElection.enabled, since without it all of them would work at the same time" }}
{{- end }}
{{- end }}
{{- with .Values.metrics }}
{{- if and .serviceMonitor.enabled .podMonitor.enabled }}
{{- fail "metrics: enable serviceMonitor or podMonitor, not both: everything would be counted twice" }}
{{- end }}
{{- if and .serviceMonitor.enabled (not .service.enabled) }}
{{- fail "metrics: serviceMonitor needs service.enabled" }}
{{- end }}
{{- range $name, $monitor := dict "serviceMonitor" .serviceMonitor "podMonitor" .podMonitor }}
{{- $interval := include "viis-operator.milliseconds" $monitor.interval | int64 }}
{{- $timeout := include "viis-operator.milliseconds" $monitor.scrapeTimeout | int64 }}
{{- if and $monitor.enabled (gt $timeout $interval) }}
{{- fail (printf "metrics.%s.scrapeTimeout must not be longer than interval" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* An address as CIDR; nothing when it is a name. */}}
{{- define "viis-operator.cidr" -}}
{{- if contains ":" . }}
{{- printf "%s/128" . }}
{{- else if regexMatch "^[0-9]+(\\.[0-9]+){3}$" . }}
{{- printf "%s/32" . }}
{{- end }}
{{- end }}

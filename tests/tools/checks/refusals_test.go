package checks

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

const server = "integrationServers.main.address=viis.example.net,integrationServers.main.credentialsSecretRef.name=a,"

func TestWrongValuesAreRefused(t *testing.T) {
	for values, expected := range map[string]string{
		"replica=2":                      "additional properties 'replica' not allowed",
		"image.repo=a":                   "additional properties 'repo' not allowed",
		"leaderElection.lease=15s":       "additional properties 'lease' not allowed",
		"crds.install=true":              "additional properties 'install' not allowed",
		"replicas=two":                   "/replicas",
		"replicas=-1":                    "/replicas",
		"crds.keep=yes":                  "/crds/keep",
		"watchNamespaces=customers":      "/watchNamespaces",
		"watchNamespaces={Customers}":    "/watchNamespaces/0",
		"watchNamespaces={a,a}":          "/watchNamespaces",
		"logging.format=xml":             "/logging/format",
		"image.digest=latest":            "/image/digest",
		"metrics.port=80":                "/metrics/port",
		"metrics.address=localhost":      "/metrics/address",
		"metrics.address=127.0.0.1":      "/metrics/address",
		"metrics.address=[::1]":          "/metrics/address",
		"logging.level=warning":          "/logging/level",
		"logging.level=verbose":          "/logging/level",
		"logging.level=INFO ":            "/logging/level",
		"logging.level=info\\,kube":      "/logging/level",
		"logging.level=kube=debug":       "/logging/level",
		"logging.level=info\\,kube=loud": "/logging/level",
		"logging.level=":                 "/logging/level",
		"image.repository=registry.example.net/viis-operator:0.1.0":                   "/image/repository",
		"image.repository=viis-operator:0.1.0":                                        "/image/repository",
		"image.repository=registry.example.net:5000":                                  "/image/repository",
		"image.repository=registry.example.net/a@sha256:00":                           "/image/repository",
		"image.repository=registry.example.net/Viis":                                  "/image/repository",
		"image.repository=registry.example.net/viis operator":                         "/image/repository",
		"image.repository=https://registry.example.net/viis":                          "/image/repository",
		"image.repository=registry.example.net/":                                      "/image/repository",
		"image.repository=":                                                           "/image/repository",
		"leaderElection.leaseDuration=":                                               "/leaderElection/leaseDuration",
		"leaderElection.leaseDuration=30s1m":                                          "/leaderElection/leaseDuration",
		"leaderElection.leaseDuration=16s16s":                                         "/leaderElection/leaseDuration",
		"leaderElection.renewDeadline=1ms10s":                                         "/leaderElection/renewDeadline",
		"metrics.podMonitor.interval=30s1m":                                           "/metrics/podMonitor/interval",
		"metrics.serviceMonitor.scrapeTimeout=1.5s":                                   "/metrics/serviceMonitor/scrapeTimeout",
		"metrics.podMonitor.enabled=true,metrics.podMonitor.scrapeTimeout=31s":        "metrics.podMonitor.scrapeTimeout must not be longer than interval",
		"metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.interval=9s999ms": "metrics.serviceMonitor.scrapeTimeout must not be longer than interval",
		"leaderElection.enabled=null,replicas=2":                                      "missing property 'enabled'",
		"crds.keep=null":                                                              "missing property 'keep'",
		"uninstallCheck.enabled=null":                                                 "missing property 'enabled'",
		"rbac.create=null":                                                            "missing property 'create'",
		"podAnnotations=null":                                                         "missing property 'podAnnotations'",
		"livenessProbe=null":                                                          "missing property 'livenessProbe'",
		"leaderElection.leaseDuration=15":                                             "/leaderElection/leaseDuration",
		"leaderElection.leaseDuration=15 s":                                           "/leaderElection/leaseDuration",
		"leaderElection.enabled=false,replicas=2":                                     "replicas: more than one needs leaderElection.enabled",
		"leaderElection.leaseDuration=10s":                                            "at least a second longer than renewDeadline",
		"leaderElection.renewDeadline=2s":                                             "at least three times retryPeriod",
		"leaderElection.retryPeriod=50ms":                                             "at least 100ms",
		"podSecurityContext.runAsNonRot=true":                                         "additional properties 'runAsNonRot' not allowed",
		"podSecurityContext.runAsUser=root":                                           "/podSecurityContext/runAsUser",
		"podSecurityContext.seccompProfile.type=null":                                 "missing property 'type'",
		"podSecurityContext=null":                                                     "missing property 'podSecurityContext'",
		"securityContext.readOnlyRootFileSystem=true":                                 "additional properties 'readOnlyRootFileSystem' not allowed",
		"securityContext.capabilities.drop=ALL":                                       "/securityContext/capabilities/drop",
		"networkPolicy.metricsFrom[0].podSelektor.matchLabels.a=b":                    "additional properties 'podSelektor' not allowed",
		"networkPolicy.metricsFrom[0].podSelector.a=b":                                "additional properties 'a' not allowed",
		"networkPolicy.dns.to[0].ipBlock.cidr=10.0.0.1":                               "/networkPolicy/dns/to/0/ipBlock/cidr",
		"networkPolicy.dns.to[0].ipBlock.cidr=10.0.0.1/32,networkPolicy.dns.to[0].podSelector.matchLabels.a=b": "/networkPolicy/dns/to/0",
		"networkPolicy.extraEgress[0].port=53":                                                                  "additional properties 'port' not allowed",
		"networkPolicy.extraEgress[0].ports[0].port=0":                                                          "/networkPolicy/extraEgress/0/ports/0/port",
		"traces.otlpEndpoint=http://collector:65536":                                                            "/traces/otlpEndpoint",
		"traces.otlpEndpoint=collector:4318":                                                                    "/traces/otlpEndpoint",
		"traces.otlpEndpoint=grpc://collector:4317":                                                             "/traces/otlpEndpoint",
		"traces.otlpEndpoint=http://user:password@collector:4318":                                               "/traces/otlpEndpoint",
		"traces.otlpEndpoint=http://token@collector":                                                            "/traces/otlpEndpoint",
		"traces.otlpEndpoint=https://":                                                                          "/traces/otlpEndpoint",
		"traces.otlpEndpoint=http://collector:4318/v1 traces":                                                   "/traces/otlpEndpoint",
		"networkPolicy.collector.to[0].pods=a":                                                                  "additional properties 'pods' not allowed",
		"podLabels.a=b c":                                                                                       "/podLabels/a",
		"tolerations[0].effects=NoSchedule":                                                                     "additional properties 'effects' not allowed",
		"resources.limits.memory=much":                                                                          "/resources/limits/memory",
		"priorityClassName=A b":                                                                                 "/priorityClassName",
		"terminationGracePeriodSeconds=5":                                                                       "/terminationGracePeriodSeconds",
		"networkPolicy.apiServer.cidrs={10.0.0.1}":                                                              "/networkPolicy/apiServer/cidrs/0",
		"metrics.serviceMonitor.enabled=true,metrics.podMonitor.enabled=true":                                   "not both",
		"metrics.serviceMonitor.enabled=true,metrics.service.enabled=false":                                     "needs service.enabled",
		"metrics.prometheusRule.enable=true":                                                                    "additional properties 'enable' not allowed",
		"metrics.prometheusRule.disabledAlerts={ViisOperatorNoLeder}":                                           "/metrics/prometheusRule/disabledAlerts/0",
		"metrics.prometheusRule.runbookBaseURL=docs":                                                            "/metrics/prometheusRule/runbookBaseURL",
		"metrics.dashboard.labels=a":                                                                            "/metrics/dashboard/labels",
		"integrationServers.main.address=a":                                                                     "missing properties",
		"integrationServers.Main.address=a":                                                                     "/integrationServers",
		server + "integrationServers.main.allowedNamespaces.from=Some":                                          "/allowedNamespaces/from",
		server + "integrationServers.main.allowedNamespace.from=All":                                            "additional properties 'allowedNamespace' not allowed",
		server + "integrationServers.main.allowedNamespaces.from=All,integrationServers.main.port=0":            "/main/port",
		server + "integrationServers.main.allowedNamespaces.from=All,integrationServers.main.address=https://a": "/main/address",
	} {
		t.Run(values, func(t *testing.T) {
			out, said, failed := try("helm", append(templateArguments(), "--set", values)...)
			if failed == nil {
				t.Fatalf("accepted:\n%s", out)
			}
			if !strings.Contains(said, expected) {
				t.Errorf("%q is not in\n%s", expected, said)
			}
		})
	}
}

// The variables of the chart cannot be set twice: the sentence says what to set instead.
func TestVariablesOfTheChart(t *testing.T) {
	instead := map[string]string{
		"RUST_LOG":                "logging.level",
		"VIIS_OPERATOR_NAME":      "operatorName",
		"VIIS_OPERATOR_NAMESPACE": "the release's namespace",
		"VIIS_LEADER_ELECTION":    "leaderElection.enabled",
		"VIIS_WATCH_NAMESPACE":    "watchNamespaces",
		"VIIS_OTLP_ENDPOINT":      "traces.otlpEndpoint",
	}
	for name, value := range instead {
		_, said, failed := try("helm", append(templateArguments(), "--set", "extraEnv[0].name="+name)...)
		if failed == nil || !strings.Contains(said, "extraEnv: "+name+" is the chart's: set "+value+" instead") {
			t.Errorf("%s: %q", name, said)
		}
	}
	file := valueSets(t)["everything"]
	var values struct{ ExtraEnv []struct{ Name string } }
	if err := yaml.Unmarshal([]byte(read(t, file)), &values); err != nil {
		t.Fatal(err)
	}
	own := map[string]bool{}
	for _, variable := range values.ExtraEnv {
		own[variable.Name] = true
	}
	deployment := objects(t, template(t, file))["Deployment viis-system viis"]
	container := nested(deployment, "spec", "template", "spec", "containers").([]any)[0].(Object)
	for _, variable := range container["env"].([]any) {
		name := variable.(Object)["name"].(string)
		if !own[name] && instead[name] == "" {
			t.Errorf("extraEnv may repeat %s, which the chart sets", name)
		}
	}
}

// What is refused is not refused too often.
func TestRightValuesAreAccepted(t *testing.T) {
	for _, values := range []string{
		"replicas=0", "replicas=0,leaderElection.enabled=false", "replicas=1,leaderElection.enabled=false",
		"metrics.address=[::]", "podSecurityContext.runAsUser=1000650000,securityContext.capabilities.add={NET_BIND_SERVICE}",
		"networkPolicy.extraEgress[0].ports[0].port=dns",
		"logging.level=off", "logging.level=warn\\,viis_operator::plan=trace\\,kube=off", "logging.level=error\\,debug",
		"image.repository=viis-operator", "image.repository=localhost:5000/viis-operator",
		"image.repository=registry.example.net/team__a/viis.operator/v--1", "image.repository=[2001:db8::1]:5000/a",
		"leaderElection.leaseDuration=1h1m1s1ms", "leaderElection.leaseDuration=15000ms",
		"metrics.podMonitor.enabled=true,metrics.podMonitor.interval=1m,metrics.podMonitor.scrapeTimeout=60s",
	} {
		if _, said, failed := try("helm", append(templateArguments(), "--set", values)...); failed != nil {
			t.Errorf("%s: %s", values, said)
		}
	}
}

// What has a default can be taken away where Kubernetes goes on without it.
func TestNullUnsets(t *testing.T) {
	pod := []string{"spec", "template", "spec"}
	for values, path := range map[string][]string{
		"resources":                    {"resources"},
		"resources.limits":             {"resources", "limits"},
		"podSecurityContext.fsGroup":   {"securityContext", "fsGroup"},
		"securityContext.capabilities": {"securityContext", "capabilities"},
	} {
		find := func(arguments ...string) any {
			out := run(t, "helm", append(templateArguments(), arguments...)...)
			spec := nested(objects(t, out)["Deployment viis-system viis-operator"], pod...).(Object)
			if !strings.HasPrefix(values, "pod") {
				spec = spec["containers"].([]any)[0].(Object)
			}
			if value, there := spec[path[0]]; there && value == nil {
				t.Errorf("%s: a null is left", values)
			}
			return nested(spec, path...)
		}
		if find() == nil {
			t.Errorf("%s is not there by default", values)
		}
		if found := find("--set", values+"=null"); found != nil {
			t.Errorf("%s is still there: %v", values, found)
		}
	}
}

// Each value that there is can be given, and each that can be given is there.
func TestSchemaAndValuesAreOne(t *testing.T) {
	var values Object
	if err := yaml.Unmarshal([]byte(read(t, chart+"/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	schema := valuesSchema(t)
	delete(schema["properties"].(Object), "global")
	sameFields(t, "", values, schema, schema["definitions"].(Object))
}

func valuesSchema(t *testing.T) Object {
	t.Helper()
	var schema Object
	if err := json.Unmarshal([]byte(read(t, chart+"/values.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// Fields that may be given although they have no default.
var optional = map[string]bool{
	".resources.claims": true, ".resources.requests": true, ".resources.limits": true,
	".livenessProbe.initialDelaySeconds": true, ".livenessProbe.successThreshold": true,
	".readinessProbe.initialDelaySeconds": true, ".readinessProbe.successThreshold": true,
	".affinity.nodeAffinity": true, ".affinity.podAffinity": true, ".affinity.podAntiAffinity": true,
	".dnsConfig.nameservers": true, ".dnsConfig.searches": true, ".dnsConfig.options": true,
}

// Defaults that may be taken away by null; without any other the chart would make
// something else than what it says, since Helm takes a null's key out before it asks the
// schema.
var nullable = map[string]bool{
	".resources": true, ".resources.requests": true, ".resources.limits": true,
}

func sameFields(t *testing.T, path string, values Object, schema, definitions Object) {
	t.Helper()
	if ofKubernetes[path] != nil {
		return // All of its fields may be given, and unset.
	}
	schema = resolved(schema, definitions)
	properties, closed := schema["properties"].(Object)
	if !closed {
		return
	}
	if schema["additionalProperties"] != false {
		t.Errorf("%s takes any field", path)
	}
	for name := range properties {
		if _, known := values[name]; !known && !optional[path+"."+name] {
			t.Errorf("%s.%s is in the schema and not in values.yaml", path, name)
		}
	}
	required, _ := schema["required"].([]any)
	for name, value := range values {
		property, known := properties[name].(Object)
		if known && slices.Contains(required, any(name)) == nullable[path+"."+name] {
			t.Errorf("%s.%s must be required in the schema, or be in the list of what need not be", path, name)
		}
		if !known {
			t.Errorf("%s.%s is in values.yaml and not in the schema", path, name)
		} else if inner, isObject := value.(Object); isObject {
			sameFields(t, path+"."+name, inner, property, definitions)
		}
	}
}

func resolved(schema, definitions Object) Object {
	if reference, refers := schema["$ref"].(string); refers {
		return definitions[strings.TrimPrefix(reference, "#/definitions/")].(Object)
	}
	return schema
}

// What is taken over as it is has the fields that Kubernetes has, of their types.
func TestSchemaOfWhatIsOfKubernetes(t *testing.T) {
	schema := valuesSchema(t)
	definitions := schema["definitions"].(Object)
	for path, ofKubernetes := range ofKubernetes {
		var found any = schema
		for name := range strings.SplitSeq(path[1:], ".") {
			found = resolved(found.(Object)["properties"].(Object)[name].(Object), definitions)
		}
		sameType(t, path, ofKubernetes, found.(Object), definitions)
	}
}

var ofKubernetes = map[string]reflect.Type{
	".podSecurityContext":         reflect.TypeFor[corev1.PodSecurityContext](),
	".securityContext":            reflect.TypeFor[corev1.SecurityContext](),
	".networkPolicy.metricsFrom":  reflect.TypeFor[[]networkingv1.NetworkPolicyPeer](),
	".networkPolicy.dns.to":       reflect.TypeFor[[]networkingv1.NetworkPolicyPeer](),
	".networkPolicy.collector.to": reflect.TypeFor[[]networkingv1.NetworkPolicyPeer](),
	".networkPolicy.extraEgress":  reflect.TypeFor[[]networkingv1.NetworkPolicyEgressRule](),
}

func sameType(t *testing.T, path string, ofKubernetes reflect.Type, schema, definitions Object) {
	t.Helper()
	schema = resolved(schema, definitions)
	expected := ""
	switch ofKubernetes.Kind() {
	case reflect.Pointer:
		sameType(t, path, ofKubernetes.Elem(), schema, definitions)
		return
	case reflect.Bool:
		expected = "boolean"
	case reflect.Int32, reflect.Int64:
		expected = "integer"
	case reflect.String:
		expected = "string"
	case reflect.Slice:
		expected = "array"
	case reflect.Struct, reflect.Map:
		expected = "object"
	}
	closed := schema["enum"] != nil && expected == "string" || schema["anyOf"] != nil
	if schema["type"] != expected && !closed {
		t.Errorf("%s: Kubernetes has type %s, the values' schema %v", path, expected, schema["type"])
		return
	}
	switch {
	case ofKubernetes.Kind() == reflect.Slice:
		sameType(t, path+"[]", ofKubernetes.Elem(), schema["items"].(Object), definitions)
	case ofKubernetes.Kind() == reflect.Struct && !closed:
		if schema["additionalProperties"] != false {
			t.Errorf("%s takes any field", path)
		}
		properties, _ := schema["properties"].(Object)
		known := map[string]bool{}
		for index := range ofKubernetes.NumField() {
			field := ofKubernetes.Field(index)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			known[name] = true
			if property, there := properties[name].(Object); there {
				sameType(t, path+"."+name, field.Type, property, definitions)
			} else {
				t.Errorf("%s.%s is Kubernetes' and not in values.schema.json", path, name)
			}
		}
		for name := range properties {
			if !known[name] {
				t.Errorf("%s.%s is not Kubernetes'", path, name)
			}
		}
	}
}

// An IntegrationServer in the values has the fields that the CRD has.
func TestSchemaOfIntegrationServers(t *testing.T) {
	var crd Object
	if err := yaml.Unmarshal([]byte(read(t, project+"/crds/integrationservers.yaml")), &crd); err != nil {
		t.Fatal(err)
	}
	version := nested(crd, "spec", "versions").([]any)[0]
	spec := nested(version, "schema", "openAPIV3Schema", "properties", "spec").(Object)
	definitions := valuesSchema(t)["definitions"].(Object)
	sameShape(t, "spec", spec, definitions["integrationServer"].(Object), definitions)
}

func sameShape(t *testing.T, path string, crd, schema, definitions Object) {
	t.Helper()
	schema = resolved(schema, definitions)
	for _, field := range []string{"enum", "required"} {
		if !reflect.DeepEqual(crd[field], schema[field]) {
			t.Errorf("%s of %s: the CRD has %v, the values' schema %v", field, path, crd[field], schema[field])
		}
	}
	if crd["enum"] == nil && crd["type"] != schema["type"] {
		t.Errorf("%s: the CRD has type %v, the values' schema %v", path, crd["type"], schema["type"])
	}
	if items, isList := crd["items"].(Object); isList {
		sameShape(t, path+"[]", items, schema["items"].(Object), definitions)
	}
	fields, _ := crd["properties"].(Object)
	ours, _ := schema["properties"].(Object)
	for name := range ours {
		if fields[name] == nil {
			t.Errorf("%s.%s is not in the CRD", path, name)
		}
	}
	for name, field := range fields {
		if ours[name] == nil {
			t.Errorf("%s.%s is in the CRD and not in values.schema.json", path, name)
			continue
		}
		sameShape(t, path+"."+name, field.(Object), ours[name].(Object), definitions)
	}
}

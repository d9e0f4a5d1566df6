package checks

import (
	"reflect"
	"testing"
)

// Where traces go is said to the operator, and let through on that port alone.
func TestTraces(t *testing.T) {
	const policy = "NetworkPolicy viis-system viis-operator"
	with := func(values ...string) map[string]Object {
		arguments := append(templateArguments(), "--set=networkPolicy.enabled=true")
		for _, value := range values {
			arguments = append(arguments, "--set="+value)
		}
		return objects(t, run(t, "helm", arguments...))
	}
	before := nested(with()[policy], "spec", "egress").([]any)
	for endpoint, port := range map[string]float64{
		"http://collector.monitoring:4318":   4318,
		"http://collector.monitoring":        80,
		"https://collector.example.net":      443,
		"https://collector.example.net/otlp": 443,
		"https://10.0.0.8:14318/":            14318,
		"http://[2001:db8::8]":               80,
		"http://[2001:db8::8]:4318/v1":       4318,
	} {
		value := "traces.otlpEndpoint=" + endpoint
		found := with(value)
		container := nested(found["Deployment viis-system viis-operator"], "spec", "template", "spec", "containers").([]any)[0]
		if said := variable(container.(Object), "VIIS_OTLP_ENDPOINT"); said != endpoint {
			t.Errorf("%s: the operator is told %v", endpoint, said)
		}
		rule := Object{"ports": []any{Object{"protocol": "TCP", "port": port}}}
		added := nested(found[policy], "spec", "egress").([]any)
		if !reflect.DeepEqual(added, append(before[:len(before):len(before)], rule)) {
			t.Errorf("%s: the egress rules are %v", endpoint, added)
		}
		found = with(value, "networkPolicy.collector.to[0].podSelector.matchLabels.a=b")
		rule["to"] = []any{Object{"podSelector": Object{"matchLabels": Object{"a": "b"}}}}
		added = nested(found[policy], "spec", "egress").([]any)
		if !reflect.DeepEqual(added, append(before[:len(before):len(before)], rule)) {
			t.Errorf("%s, narrowed: the egress rules are %v", endpoint, added)
		}
	}
	container := nested(with()["Deployment viis-system viis-operator"], "spec", "template", "spec", "containers").([]any)[0]
	if said := variable(container.(Object), "VIIS_OTLP_ENDPOINT"); said != nil {
		t.Errorf("by default the operator is told %v", said)
	}
}

// variable is the value of an environment variable; nil when it is not set.
func variable(container Object, name string) any {
	for _, variable := range container["env"].([]any) {
		if variable := variable.(Object); variable["name"] == name {
			return variable["value"]
		}
	}
	return nil
}

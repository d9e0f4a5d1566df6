package checks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Names that YAML takes for something else than a text when they stand there bare.
const misleading = `
fullnameOverride: "no"
nameOverride: "null"
operatorName: "2024"
replicas: 2
watchNamespaces: ["no", "on", "y", "2024", "1e3", "null", "true", "0x1f"]
priorityClassName: "no"
serviceAccount: {name: "1e3"}
imagePullSecrets: [{name: "true"}]
image: {repository: "123", tag: "456"}
commonLabels: {a: "no", "true": "1e3"}
commonAnnotations: {a: "2024"}
podLabels: {b: "on"}
podAnnotations: {b: "null"}
nodeSelector: {a: "true"}
integrationServers:
  "no": &server
    address: "2024"
    credentialsSecretRef: {name: "on"}
    allowedNamespaces: {from: Selector, selector: {matchLabels: {a: "no"}}}
  "1e3": *server
metrics:
  serviceMonitor: {enabled: true, labels: {a: "y"}}
  prometheusRule: {enabled: true}
  dashboard: {enabled: true}
networkPolicy: {enabled: true}
podDisruptionBudget: {enabled: true}
`

func TestNamesStayTexts(t *testing.T) {
	location := allSchemas(t)
	for values, text := range map[string]string{
		"Service": misleading,
		"Pod":     strings.Replace(misleading, "serviceMonitor:", "podMonitor:", 1),
	} {
		file := filepath.Join(t.TempDir(), values+".yaml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		arguments := templateArguments(file)
		arguments[1] = "123"
		for _, namespace := range []string{"no", "2024"} {
			arguments[4] = namespace
			out := run(t, "helm", arguments...)
			keepsToTheSchemas(t, location, out)
			// Not every place has a type: a selector's labels are what the pods have.
			found := objects(t, out)
			deployment := found["Deployment "+namespace+" no"]
			for _, path := range [][]string{
				{"spec", "selector", "matchLabels"}, {"spec", "template", "metadata", "labels"},
			} {
				labels, _ := nested(deployment, path...).(Object)
				if labels["app.kubernetes.io/name"] != "null" || labels["app.kubernetes.io/instance"] != "123" {
					t.Errorf("%v of the Deployment: %v", path, labels)
				}
			}
			policy := found["ValidatingAdmissionPolicy  no-"+namespace+"-uninstall"]
			where := nested(policy, "spec", "matchConstraints", "namespaceSelector", "matchLabels", "kubernetes.io/metadata.name")
			if where != namespace {
				t.Errorf("the policy is for the namespace %v", where)
			}
		}
	}
}

// What is named after the release can be a Service's name and the installation's.
func TestNamesThatCannotBe(t *testing.T) {
	for _, given := range []struct {
		release string
		values  string
		expects string
	}{
		{"viis.operator", "", `"viis.operator-viis-operator" cannot be the name`},
		{"2-viis-operator", "", "set fullnameOverride"},
		{"viis-operator", "fullnameOverride=1viis", `"1viis" cannot be the name`},
		{"viis.operator", "fullnameOverride=viis", ""},
		{"123", "fullnameOverride=viis", ""},
		// 50 characters with dashes at the end: all of them go.
		{"viis-operator", "fullnameOverride=" + strings.Repeat("a", 47) + "----b", ""},
		{strings.Repeat("a", 36) + "-viis-operator", "", ""},
	} {
		arguments := append(templateArguments(), "--set="+given.values)
		arguments[1] = given.release
		out, said, failed := try("helm", arguments...)
		switch {
		case given.expects == "" && failed != nil:
			t.Errorf("%s %s: %s", given.release, given.values, said)
		case given.expects == "":
			for key := range objects(t, out) {
				if strings.Contains(key, "--") || strings.HasSuffix(key, "-") {
					t.Errorf("%s %s: %s", given.release, given.values, key)
				}
			}
		case failed == nil || !strings.Contains(said, given.expects):
			t.Errorf("%s %s: %q is not in %q", given.release, given.values, given.expects, said)
		}
	}
}

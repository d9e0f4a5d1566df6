package checks

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The three kinds have one script.
func TestTheScriptsAreOne(t *testing.T) {
	for _, kind := range kinds {
		if healthScript(t, kind) != healthScript(t, kinds[0]) {
			t.Errorf("%s has another script than %s", kind, kinds[0])
		}
	}
}

// health_test.yaml lists every object with what the script says of it, as Argo CD's own
// tests of resource_customizations read it.
func TestHealthTestsAreComplete(t *testing.T) {
	table := documented(t)
	for _, kind := range kinds {
		shown := testdata(t, kind)
		var names []string
		for name := range shown {
			names = append(names, name)
		}
		slices.Sort(names)
		var tests []any
		for _, name := range names {
			found, err := healthScript(t, kind).GetResourceHealth(shown[name])
			if err != nil {
				t.Fatal(err)
			}
			tests = append(tests, map[string]any{
				"healthStatus": map[string]any{"status": table[name].health, "message": found.Message},
				"inputPath":    "testdata/" + name + ".yaml",
			})
		}
		text, err := yaml.Marshal(map[string]any{"tests": tests})
		if err != nil {
			t.Fatal(err)
		}
		agrees(t, customizations+"/"+kind+"/health_test.yaml", string(text))
	}
}

// argocd-cm.yaml has the same scripts, under the keys that Argo CD reads.
func TestTheConfigMapHasTheScripts(t *testing.T) {
	var text strings.Builder
	text.WriteString("# The health scripts for the ConfigMap argocd-cm of Argo CD. Written by\n" +
		"# `make gitops-files` from resource_customizations: do not edit.\n" +
		"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: argocd-cm\n  namespace: argocd\ndata:\n")
	for _, kind := range kinds {
		text.WriteString("  resource.customizations.health.viis-operator.io_" + kind + ": |\n")
		for _, line := range strings.SplitAfter(string(healthScript(t, kind)), "\n") {
			if line != "" && line != "\n" {
				line = "    " + line
			}
			text.WriteString(line)
		}
	}
	agrees(t, project+"/deploy/argocd/argocd-cm.yaml", text.String())
	var written struct{ Data map[string]string }
	if err := yaml.Unmarshal([]byte(text.String()), &written); err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		if written.Data["resource.customizations.health.viis-operator.io_"+kind] != string(healthScript(t, kind)) {
			t.Errorf("the script of %s is another one in the ConfigMap", kind)
		}
	}
}

// Kubernetes' libraries are in the test cluster's version, so they are compiled once.
func TestKubernetesIsThatOfTheTestCluster(t *testing.T) {
	replaced := func(file string) string {
		_, block, _ := strings.Cut(read(t, file), "\nreplace (\n")
		return block
	}
	if ours := replaced("../go.mod"); ours == "" || ours != replaced("../../controlplane/go.mod") {
		t.Error("go.mod replaces other modules than tests/controlplane/go.mod")
	}
}

package checks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// What the Application in deploy/argocd and the HelmRelease in deploy/flux give to Helm is
// accepted by the chart, and the folders that the examples name are there.
func TestGitOpsExamplesFitTheProject(t *testing.T) {
	applications := objects(t, read(t, project+"/deploy/argocd/applications.yaml"))
	source := field(t, applications["Application argocd viis-operator"], "spec", "source")
	givesToTheChart(t, source["path"], field(t, source, "helm", "valuesObject"))

	releases := objects(t, read(t, project+"/deploy/flux/viis-operator-helm.yaml"))
	release := field(t, releases["HelmRelease flux-system viis-operator"], "spec")
	givesToTheChart(t, field(t, release, "chart", "spec")["chart"], field(t, release, "values"))

	flux := objects(t, read(t, project+"/deploy/flux/viis-operator.yaml"))
	spec := field(t, flux["Kustomization flux-system viis-operator"], "spec")
	if _, err := os.Stat(filepath.Join(project, spec["path"].(string), "kustomization.yaml")); err != nil {
		t.Error(err)
	}
	image := spec["images"].([]any)[0].(Object)["name"].(string)
	if built := overlay(t, "base"); !strings.Contains(built, "image: "+image+":") {
		t.Errorf("no image %s for Flux to replace", image)
	}
}

func givesToTheChart(t *testing.T, path any, values Object) {
	t.Helper()
	if filepath.Join(project, path.(string)) != filepath.Clean(chart) {
		t.Errorf("the chart is not in %v", path)
	}
	text, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if objects(t, template(t, file))["PodDisruptionBudget viis-system viis-operator"] == nil {
		t.Error("the values have no effect")
	}
}

// Argo CD renders the chart without a cluster: IntegrationServers are in it as well then.
func TestIntegrationServersAreRenderedWithoutACluster(t *testing.T) {
	file := filepath.Join(t.TempDir(), "values.yaml")
	server := "integrationServers: {main: {address: viis.example.net, credentialsSecretRef: {name: a}, allowedNamespaces: {from: All}}}"
	if err := os.WriteFile(file, []byte(server), 0o644); err != nil {
		t.Fatal(err)
	}
	if objects(t, template(t, file))["IntegrationServer  main"] == nil {
		t.Error("there is no IntegrationServer")
	}
}

func field(t *testing.T, object Object, path ...string) Object {
	t.Helper()
	for _, step := range path {
		inner, isObject := object[step].(Object)
		if !isObject {
			t.Fatalf("no %s in %v", step, object)
		}
		object = inner
	}
	return object
}

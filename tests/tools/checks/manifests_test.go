package checks

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"viis-operator.io/tests/tools/schemas"
)

// Modules whose files are wanted, not their code: the CRDs of the Prometheus operator, of
// Argo CD and of Flux.
const (
	monitoring       = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
	monitoringSum    = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
	argoCD           = "github.com/argoproj/argo-cd/v3@v3.5.7"
	argoCDSum        = "h1:Xm1BF+I5OgDKUG3SDK49vn2/Y5AMyaNVko+/JT08gj0="
	fluxKustomize    = "github.com/fluxcd/kustomize-controller@v1.9.6"
	fluxKustomizeSum = "h1:XB+G3A0mky0j5uVHZWv4oSlS2RvZBoNIUhstIvY0JKE="
	fluxHelm         = "github.com/fluxcd/helm-controller@v1.6.3"
	fluxHelmSum      = "h1:MSiDP/s8xRSkO3g11vBiDStxfmJ5ZVdwDEpW7BSE/UA="
	fluxSource       = "github.com/fluxcd/source-controller@v1.9.6"
	fluxSourceSum    = "h1:nG534/bI6nVpyHra7ONAk6xDB3xPsVT+EOLHZHXPrrc="
)

// The overlays, and the value sets of the chart that make the same.
var overlays = map[string][]string{
	"base":                       {"manifests"},
	"overlays/one-namespace":     {"manifests", "one-namespace"},
	"overlays/high-availability": {"manifests", "high-availability"},
}

func overlay(t *testing.T, folder string) string {
	t.Helper()
	return run(t, "kustomize", "build", filepath.Join(project, "deploy", folder))
}

// Everything that is rendered is what the API server expects, field by field.
func TestManifestsKeepToTheSchemas(t *testing.T) {
	rendered := map[string]string{"install.yaml": read(t, project+"/deploy/install.yaml")}
	for name, file := range valueSets(t) {
		rendered[name] = template(t, file)
	}
	for folder := range overlays {
		rendered[folder] = overlay(t, folder)
	}
	for _, folder := range []string{"examples", "deploy/argocd", "deploy/flux"} {
		for _, file := range glob(t, project+"/"+folder+"/*.yaml") {
			rendered[folder+"/"+filepath.Base(file)] = read(t, file)
		}
	}
	location := allSchemas(t)
	for name, stream := range rendered {
		t.Run(name, func(t *testing.T) { keepsToTheSchemas(t, location, stream) })
	}
}

func keepsToTheSchemas(t *testing.T, location, stream string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manifests.yaml")
	if err := os.WriteFile(file, []byte(stream), 0o644); err != nil {
		t.Fatal(err)
	}
	said := run(t, "kubeconform", "-strict", "-summary", "-schema-location", location, file)
	// Of an empty stream nothing is valid, and nothing wrong.
	if !strings.Contains(said, "Invalid: 0, Errors: 0, Skipped: 0") || strings.Contains(said, " Valid: 0,") {
		t.Error(said)
	}
}

// What has to be found is found.
func TestSchemasRefuse(t *testing.T) {
	location := allSchemas(t)
	for _, example := range []struct{ wrong, manifest, says string }{
		{"a field of ours", "{apiVersion: viis-operator.io/v1alpha1, kind: Tenant, metadata: {name: a}, spec: {integrationServerRef: {name: a}, type: Simple, nam: b}}", "'nam'"},
		{"a value of ours", "{apiVersion: viis-operator.io/v1alpha1, kind: Tenant, metadata: {name: a}, spec: {integrationServerRef: {name: a}, type: Half}}", "/spec/type"},
		{"a field of Kubernetes", "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {port: []}}", "'port'"},
		{"metadata", "{apiVersion: v1, kind: Service, metadata: {nam: a}, spec: {}}", "'nam'"},
		{"a field of a monitor", "{apiVersion: monitoring.coreos.com/v1, kind: PodMonitor, metadata: {name: a}, spec: {selector: {}, endpoints: []}}", "'endpoints'"},
		{"a field of Argo CD", "{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: a}, spec: {project: a, destination: {}, syncPolicy: {automated: {prun: true}}}}", "'prun'"},
		{"a field of Flux", "{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: a}, spec: {interval: 1m, prune: true, sourceRef: {kind: GitRepository, name: a}, await: true}}", "'await'"},
		{"a field of a release", "{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: a}, spec: {interval: 1m, chart: {spec: {chart: a, sourceRef: {kind: GitRepository, name: a}}}, value: {}}}", "'value'"},
		{"a kind", "{apiVersion: viis-operator.io/v1alpha1, kind: Tennant, metadata: {name: a}}", "could not find schema"},
	} {
		t.Run(example.wrong, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "wrong.yaml")
			if err := os.WriteFile(file, []byte(example.manifest), 0o644); err != nil {
				t.Fatal(err)
			}
			said, _, failed := try("kubeconform", "-strict", "-schema-location", location, file)
			if failed == nil || !strings.Contains(said, example.says) {
				t.Errorf("%q is not in %q (%v)", example.says, said, failed)
			}
		})
	}
}

func allSchemas(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	kubernetes := moduleFolder(t, "../../controlplane", "k8s.io/kubernetes", "")
	definitions, err := schemas.Kubernetes(kubernetes+"/api/openapi-spec/swagger.json", folder)
	if err != nil {
		t.Fatal(err)
	}
	files := glob(t, project+"/crds/*.yaml")
	for _, file := range slices.Concat(files, monitoringCRDs(t), gitOpsCRDs(t)) {
		if err := schemas.CustomResources(file, folder, definitions); err != nil {
			t.Fatal(err)
		}
	}
	return schemas.Location(folder)
}

// monitoringCRDs are the files with the Prometheus operator's kinds.
func monitoringCRDs(t *testing.T) []string {
	t.Helper()
	folder := filepath.Join(moduleFolder(t, ".", monitoring, monitoringSum), "example/prometheus-operator-crd")
	var files []string
	for _, plural := range []string{"servicemonitors", "podmonitors", "prometheusrules"} {
		files = append(files, folder+"/monitoring.coreos.com_"+plural+".yaml")
	}
	return files
}

// gitOpsCRDs are the files with the kinds of Argo CD and Flux that deploy/ uses.
func gitOpsCRDs(t *testing.T) []string {
	t.Helper()
	return []string{
		moduleFolder(t, ".", argoCD, argoCDSum) + "/manifests/crds/application-crd.yaml",
		moduleFolder(t, ".", fluxKustomize, fluxKustomizeSum) + "/config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
		moduleFolder(t, ".", fluxHelm, fluxHelmSum) + "/config/crd/bases/helm.toolkit.fluxcd.io_helmreleases.yaml",
		moduleFolder(t, ".", fluxSource, fluxSourceSum) + "/config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",
	}
}

// moduleFolder is where Go keeps a module's files; it fetches them the first time.
func moduleFolder(t *testing.T, from, module, sum string) string {
	t.Helper()
	command := exec.Command("go", "mod", "download", "-json", module)
	command.Dir = from
	command.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, err := command.Output()
	var found struct{ Dir, Sum, Error string }
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil {
		t.Fatalf("go mod download %s: %v\n%s", module, err, out)
	}
	if sum != "" && found.Sum != sum {
		t.Fatalf("%s is not what it was: %s", module, found.Sum)
	}
	return found.Dir
}

// What is applied as one file is what the chart makes, without what is Helm's.
// UPDATE_INSTALL_YAML=1 writes it anew (make install-yaml).
func TestInstallYAML(t *testing.T) {
	var text strings.Builder
	text.WriteString("# viis-operator in the namespace viis-system, for all namespaces. Written by\n" +
		"# `make install-yaml` from charts/viis-operator: do not edit. The image must be set to\n" +
		"# where it was pushed.\n")
	text.WriteString(read(t, project+"/deploy/base/namespace.yaml"))
	for _, line := range strings.SplitAfter(template(t, valueSets(t)["manifests"]), "\n") {
		helms := strings.HasPrefix(line, "# Source: ") ||
			strings.Contains(line, "app.kubernetes.io/managed-by: Helm") ||
			strings.Contains(line, "helm.sh/chart: ")
		if !helms {
			text.WriteString(line)
		}
	}
	// The CRDs' only annotation is one for Helm.
	installed := strings.ReplaceAll(text.String(), "  annotations:\n    helm.sh/resource-policy: keep\n", "")
	if strings.Contains(strings.ToLower(installed), "helm") {
		t.Error("something of Helm's is left in install.yaml")
	}
	agrees(t, project+"/deploy/install.yaml", installed, "UPDATE_INSTALL_YAML", "install-yaml")
}

// kustomize and Helm describe the same objects.
func TestOverlaysAreTheChart(t *testing.T) {
	sets := valueSets(t)
	for folder, names := range overlays {
		t.Run(folder, func(t *testing.T) {
			var files []string
			for _, name := range names {
				files = append(files, sets[name])
			}
			charts := objects(t, template(t, files...))
			kustomized := objects(t, overlay(t, folder))
			if kustomized["Namespace  viis-system"] == nil {
				t.Error("kustomize makes no namespace")
			}
			delete(kustomized, "Namespace  viis-system")
			sameObjects(t, kustomized, charts)
		})
	}
}

func TestInstallYAMLIsTheBase(t *testing.T) {
	sameObjects(t, objects(t, overlay(t, "base")), objects(t, read(t, project+"/deploy/install.yaml")))
}

func sameObjects(t *testing.T, kustomized, charts map[string]Object) {
	t.Helper()
	for key, object := range charts {
		without(object, "labels", "app.kubernetes.io/managed-by", "helm.sh/chart")
		without(object, "annotations", "helm.sh/resource-policy")
		other, there := kustomized[key]
		if !there {
			t.Errorf("%s is in the chart alone", key)
		} else if !reflect.DeepEqual(other, object) {
			a, _ := yaml.Marshal(other)
			b, _ := yaml.Marshal(object)
			t.Errorf("%s differs (deploy/, then the chart): %s", key, difference(string(a), string(b)))
		}
	}
	for key := range kustomized {
		if charts[key] == nil {
			t.Errorf("%s is in deploy/ alone", key)
		}
	}
}

// The pods meet the restricted pod security standard, as Kubernetes itself judges it.
func TestPodsAreRestricted(t *testing.T) {
	checks := policy.DefaultChecks()
	evaluator, err := policy.NewEvaluator(checks, nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for name, file := range valueSets(t) {
		evaluated := 0
		for key, object := range objects(t, template(t, file)) {
			if object["kind"] != "Deployment" {
				continue
			}
			evaluated++
			var deployment appsv1.Deployment
			text, _ := yaml.Marshal(object)
			if err := yaml.UnmarshalStrict(text, &deployment); err != nil {
				t.Fatal(err)
			}
			pod := deployment.Spec.Template
			result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &pod.ObjectMeta, &pod.Spec))
			if !result.Allowed {
				t.Errorf("%s with the values %s: %s", key, name, result.ForbiddenDetail())
			}
			container := pod.Spec.Containers[0].SecurityContext
			if container.ReadOnlyRootFilesystem == nil || !*container.ReadOnlyRootFilesystem {
				t.Errorf("%s with the values %s: its root file system can be written", key, name)
			}
		}
		if evaluated != 1 {
			t.Errorf("%d pods with the values %s", evaluated, name)
		}
	}
}

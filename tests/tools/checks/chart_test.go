package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestLint(t *testing.T) {
	for name, file := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			run(t, "helm", "lint", "--strict", "--kube-version", oldest, "--values", file, chart)
		})
	}
}

// What comes of the main value sets is kept, so that a change of the chart shows what
// it changes. UPDATE_SNAPSHOTS=1 writes it anew (make chart-snapshots).
func TestSnapshots(t *testing.T) {
	for name, file := range valueSets(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(chart, "tests/snapshots", name+".yaml")
			agrees(t, path, withoutCopies(template(t, file)), "UPDATE_SNAPSHOTS", "chart-snapshots")
		})
	}
	for _, snapshot := range glob(t, chart+"/tests/snapshots/*") {
		values := filepath.Join(chart, "tests/values", filepath.Base(snapshot))
		if _, err := os.Stat(values); err != nil {
			t.Errorf("%s has no values any more: remove it", snapshot)
		}
	}
}

// Of the CRDs and the dashboard the head alone: the rest is in a file of its own, and
// another check compares it.
func withoutCopies(stream string) string {
	var kept strings.Builder
	for _, document := range documents(stream) {
		head, _, _ := strings.Cut(document, "\nspec:\n")
		if strings.Contains(head, "\nkind: CustomResourceDefinition\n") {
			document = head + "\n# spec: as in crds/"
		}
		if head, _, isDashboard := strings.Cut(document, "\ndata:\n  viis-operator.json: |\n"); isDashboard {
			document = head + "\n# data: as in dashboards/"
		}
		kept.WriteString("---\n" + strings.TrimRight(document, "\n") + "\n")
	}
	return kept.String()
}

// The chart's copies of the CRDs are those in crds/. UPDATE_CHART_CRDS=1 writes them
// anew (make chart-crds).
func TestCRDsAreThoseOfTheOperator(t *testing.T) {
	files, _ := filepath.Glob(project + "/crds/*.yaml")
	if len(files) != 3 {
		t.Fatalf("three CRDs are expected in crds/, not %d", len(files))
	}
	for _, file := range files {
		copied := filepath.Join(chart, "files/crds", filepath.Base(file))
		agrees(t, copied, read(t, file), "UPDATE_CHART_CRDS", "chart-crds")
	}
	rendered := objects(t, template(t))
	for _, file := range files {
		var crd Object
		if err := yaml.Unmarshal([]byte(read(t, file)), &crd); err != nil {
			t.Fatal(err)
		}
		installed := rendered[key(crd)]
		if installed == nil {
			t.Fatalf("%s is not in the chart", key(crd))
		}
		if nested(installed, "metadata", "annotations", "helm.sh/resource-policy") != "keep" {
			t.Errorf("%s goes with the release", key(crd))
		}
		if !reflect.DeepEqual(installed["spec"], crd["spec"]) {
			t.Errorf("%s is another one in the chart: run make chart-crds", key(crd))
		}
	}
}

func TestCRDsCanBeLeftOutAndLetGo(t *testing.T) {
	out := run(t, "helm", append(templateArguments(), "--set", "crds.enabled=false")...)
	if strings.Contains(out, "CustomResourceDefinition") {
		t.Error("there are CRDs without crds.enabled")
	}
	out = run(t, "helm", append(templateArguments(), "--set", "crds.keep=false")...)
	if strings.Contains(out, "resource-policy") {
		t.Error("the CRDs are kept without crds.keep")
	}
}

// What is the chart's as long as nothing else is given.
func TestWhatIsGivenWins(t *testing.T) {
	file := filepath.Join(t.TempDir(), "values.yaml")
	text := `
podAnnotations: {kubectl.kubernetes.io/default-container: other}
topologySpreadConstraints:
  - &constraint {topologyKey: a, maxSkew: 1, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {a: b}}}
  - {<<: *constraint, labelSelector: {}}
  - {topologyKey: a, maxSkew: 1, whenUnsatisfiable: ScheduleAnyway}
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	pod := nested(objects(t, template(t, file))["Deployment viis-system viis-operator"], "spec", "template")
	annotations := nested(pod, "metadata", "annotations").(Object)
	if !reflect.DeepEqual(annotations, Object{"kubectl.kubernetes.io/default-container": "other"}) {
		t.Errorf("the pod's annotations are %v", annotations)
	}
	constraints := nested(pod, "spec", "topologySpreadConstraints").([]any)
	for index, expected := range []Object{
		{"matchLabels": Object{"a": "b"}},
		{},
		{"matchLabels": Object{"app.kubernetes.io/name": "viis-operator", "app.kubernetes.io/instance": "viis-operator"}},
	} {
		if found := nested(constraints[index], "labelSelector"); !reflect.DeepEqual(found, expected) {
			t.Errorf("constraint %d selects %v, not %v", index, found, expected)
		}
	}
}

// What is packaged is the chart without what checks it, and makes the same.
func TestPackage(t *testing.T) {
	folder := t.TempDir()
	run(t, "helm", "package", chart, "--destination", folder)
	archives, _ := filepath.Glob(folder + "/*.tgz")
	if len(archives) != 1 {
		t.Fatalf("one archive is expected, not %v", archives)
	}
	file := valueSets(t)["everything"]
	packaged := templateArguments(file)
	packaged[2] = archives[0]
	if out := run(t, "helm", packaged...); out != template(t, file) {
		t.Error("the package makes something else than the folder")
	}
	content, err := exec.Command("tar", "-tf", archives[0]).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, unwanted := range []string{"tests/", "kustomization.yaml"} {
		if strings.Contains(string(content), unwanted) {
			t.Errorf("%s is in the package", unwanted)
		}
	}
}

// The versions of chart and program are one.
func TestVersions(t *testing.T) {
	var about struct{ Version, AppVersion string }
	if err := yaml.Unmarshal([]byte(read(t, chart+"/Chart.yaml")), &about); err != nil {
		t.Fatal(err)
	}
	line := "\nversion = \"" + about.Version + "\"\n"
	if about.AppVersion != about.Version || !strings.Contains(read(t, project+"/Cargo.toml"), line) {
		t.Errorf("Chart.yaml has version %s and appVersion %s, which is not Cargo.toml's", about.Version, about.AppVersion)
	}
}

// NOTES.txt has the next command.
func TestNotesSayWhatComesNext(t *testing.T) {
	sets := valueSets(t)
	for set, expected := range map[string][]string{
		"default": {
			"kubectl -n viis-system rollout status deployment/viis-operator\n",
			"create secret generic viis-main",
		},
		"everything": {
			"kubectl -n viis-system rollout status deployment/viis\n",
			"kubectl get integrationservers.viis-operator.io behind-proxy behind-proxy-by-name by-address by-address-6 main\n",
		},
		"pod-monitor": {"lets the operator reach no Integration Server yet"},
	} {
		notes := notes(t, sets[set])
		for _, words := range expected {
			if !strings.Contains(notes, words) {
				t.Errorf("%q is not in the notes for the values %s:\n%s", words, set, notes)
			}
		}
	}
}

// notes renders NOTES.txt in a copy of the chart: Helm itself does so only on a cluster.
func notes(t *testing.T, values string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"notes.txt":         read(t, chart+"/templates/NOTES.txt"),
		"templates/zz.yaml": "kind: Notes\nmetadata: {name: notes}\ntext: {{ tpl (.Files.Get \"notes.txt\") . | quote }}\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := run(t, "helm", "template", "viis-operator", folder, "--namespace", "viis-system",
		"--kube-version", oldest, "--values", values)
	return objects(t, out)["Notes  notes"]["text"].(string)
}

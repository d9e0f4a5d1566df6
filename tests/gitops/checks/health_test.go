package checks

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"
)

// What docs/gitops.md says of a state.
type state struct {
	kinds   []string
	health  health.HealthStatusCode
	kstatus status.Status
}

// documented is the table of states in docs/gitops.md.
func documented(t *testing.T) map[string]state {
	t.Helper()
	row := regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| ([A-Za-z, ]+) \\| [^|]+ \\| (\\w+) \\| (\\w+) \\|$")
	table := map[string]state{}
	for _, cells := range row.FindAllStringSubmatch(read(t, project+"/docs/gitops.md"), -1) {
		wanted := state{strings.Split(cells[2], ", "), health.HealthStatusCode(cells[3]), status.Status(cells[4])}
		if wanted.kinds[0] == "all" {
			wanted.kinds = kinds
		}
		table[cells[1]] = wanted
	}
	if len(table) < 15 {
		t.Fatalf("the table of states in docs/gitops.md has %d rows", len(table))
	}
	return table
}

// testdata is a kind's object in each state.
func testdata(t *testing.T, kind string) map[string]*unstructured.Unstructured {
	t.Helper()
	all := map[string]*unstructured.Unstructured{}
	for _, file := range glob(t, customizations+"/"+kind+"/testdata/*.yaml") {
		object := objects(t, file)[0]
		if object.GetKind() != kind {
			t.Errorf("%s is a %s", file, object.GetKind())
		}
		all[strings.TrimSuffix(filepath.Base(file), ".yaml")] = object
	}
	return all
}

func healthScript(t *testing.T, kind string) script {
	return script(read(t, customizations+"/"+kind+"/health.lua"))
}

// The script and the kstatus library say of every object what the documentation says.
func TestHealthAndKstatusOfEveryState(t *testing.T) {
	table := documented(t)
	for _, kind := range kinds {
		shown := testdata(t, kind)
		for name, wanted := range table {
			if slices.Contains(wanted.kinds, kind) != (shown[name] != nil) {
				t.Errorf("%s %s: in the documentation or in testdata, not in both", kind, name)
			}
		}
		for name, object := range shown {
			t.Run(kind+"/"+name, func(t *testing.T) {
				wanted, there := table[name]
				if !there {
					t.Fatal("not in docs/gitops.md")
				}
				found, err := healthScript(t, kind).GetResourceHealth(object)
				if err != nil {
					t.Fatal(err)
				}
				if found.Status != wanted.health || found.Message == "" {
					t.Errorf("health %s, not %s: %s", found.Status, wanted.health, found.Message)
				}
				computed, err := status.Compute(object)
				if err != nil {
					t.Fatal(err)
				}
				if computed.Status != wanted.kstatus {
					t.Errorf("kstatus %s, not %s: %s", computed.Status, wanted.kstatus, computed.Message)
				}
				if !slices.Contains(same[computed.Status], found.Status) {
					t.Errorf("%s for Argo CD, %s for kstatus", found.Status, computed.Status)
				}
			})
		}
	}
}

// What may stand beside each other. kstatus has no word for what is suspended, and one
// for everything that is being deleted.
var same = map[status.Status][]health.HealthStatusCode{
	status.CurrentStatus:     {health.HealthStatusHealthy, health.HealthStatusSuspended},
	status.InProgressStatus:  {health.HealthStatusProgressing, health.HealthStatusSuspended},
	status.FailedStatus:      {health.HealthStatusDegraded},
	status.TerminatingStatus: {health.HealthStatusProgressing, health.HealthStatusSuspended, health.HealthStatusDegraded},
}

// Argo CD asks no script about what is being deleted, and every script about the rest.
func TestWhatArgoCDMakesOfIt(t *testing.T) {
	for _, kind := range kinds {
		for name, object := range testdata(t, kind) {
			alone, err := healthScript(t, kind).GetResourceHealth(object)
			if err != nil {
				t.Fatal(err)
			}
			if object.GetDeletionTimestamp() != nil {
				alone = &health.HealthStatus{Status: health.HealthStatusProgressing, Message: "Pending deletion"}
			}
			found, err := health.GetResourceHealth(object, healthScript(t, kind))
			if err != nil || *found != *alone {
				t.Errorf("%s %s: %v, not %v (%v)", kind, name, found, alone, err)
			}
		}
	}
}

// Whatever is half there, the script answers.
func TestTheScriptTakesWhateverIsThere(t *testing.T) {
	for object, wanted := range map[string]health.HealthStatusCode{
		"{metadata: {generation: 1}}":                                                                                                                 health.HealthStatusProgressing,
		"{metadata: {generation: 1}, status: {}}":                                                                                                     health.HealthStatusProgressing,
		"{metadata: {generation: 1}, status: {observedGeneration: 1}}":                                                                                health.HealthStatusProgressing,
		"{metadata: {generation: 1}, status: {conditions: [{type: Ready, status: 'True'}]}}":                                                          health.HealthStatusProgressing,
		"{metadata: {generation: 1}, status: {observedGeneration: 1, conditions: [{type: Ready, status: Unknown}]}}":                                  health.HealthStatusProgressing,
		"{metadata: {generation: 1}, status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]}}":                                   health.HealthStatusHealthy,
		"{metadata: {generation: 1}, status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}, {type: Stalled, status: 'False'}]}}": health.HealthStatusHealthy,
		"{metadata: {generation: 1, deletionTimestamp: now}, status: {observedGeneration: 1, conditions: [{type: Ready, status: 'True'}]}}":           health.HealthStatusProgressing,
	} {
		var read unstructured.Unstructured
		if err := yaml.Unmarshal([]byte(object), &read.Object); err != nil {
			t.Fatal(err)
		}
		found, err := healthScript(t, "Tenant").GetResourceHealth(&read)
		if err != nil || found.Status != wanted {
			t.Errorf("%s: %v, not %s (%v)", object, found, wanted, err)
		}
	}
}

package checks

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A row of the table in docs/permissions.md.
type row struct {
	resource, verb, where string
	places                [][]string // file, function
}

var place = regexp.MustCompile("\\[[a-z_]+\\.rs\\]\\(\\.\\./(src/[a-z_/]+\\.rs)\\) `([a-z_]+)`")

func table(t *testing.T) []row {
	t.Helper()
	_, text, _ := strings.Cut(read(t, project+"/docs/permissions.md"), "\n## The verbs\n")
	text, _, _ = strings.Cut(text, "\n## ")
	var rows []row
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) != 7 || !strings.Contains(cells[1], "`") {
			continue
		}
		trim := func(cell string) string { return strings.Trim(cell, " `") }
		found := row{trim(cells[1]), trim(cells[2]), trim(cells[3]), place.FindAllStringSubmatch(cells[4], -1)}
		if len(found.places) == 0 || len(found.places) != strings.Count(cells[4], "](") {
			t.Errorf("the places of %s %s cannot be read: %s", found.resource, found.verb, cells[4])
		}
		rows = append(rows, found)
	}
	if len(rows) < 20 {
		t.Fatalf("docs/permissions.md has %d rows", len(rows))
	}
	return rows
}

// The code is as the table says: the functions are there, and whatever else asks the
// API server for something is in it.
func TestPermissionsNameTheCode(t *testing.T) {
	named := map[string]bool{}
	for _, row := range table(t) {
		for _, place := range row.places {
			file, function := place[1], place[2]
			named[file] = true
			if !strings.Contains(read(t, filepath.Join(project, file)), "fn "+function) {
				t.Errorf("%s %s: there is no fn %s in %s", row.resource, row.verb, function, file)
			}
		}
	}
	// These hand a client or an Api on to those that call.
	for _, file := range []string{"src/controllers/context.rs", "src/controllers/integration_server/serve.rs"} {
		named[file] = true
	}
	found := 0
	calls := regexp.MustCompile(`\bApi<|\bApi::|Recorder::new|client\.request`)
	err := filepath.WalkDir(project+"/src", func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(project, path)
		isTest := strings.Contains(name, "tests") || strings.Contains(name, "/fixtures")
		if err != nil || isTest || filepath.Ext(path) != ".rs" {
			return err
		}
		text, err := os.ReadFile(path)
		switch {
		case calls.Match(text) && named[name]:
			found++
		case calls.Match(text):
			t.Errorf("%s asks the API server for something and is not in docs/permissions.md", name)
		}
		return err
	})
	if err != nil || found < 10 {
		t.Errorf("%d files were found to ask the API server for something: %v", found, err)
	}
}

// The roles are as the table says, for all namespaces and for chosen ones.
func TestPermissionsAreTheRoles(t *testing.T) {
	sets := valueSets(t)
	const cluster = "ClusterRole  viis-operator-viis-system"
	const own = "Role viis-system viis-operator"
	for set, roles := range map[string]map[string][]string{
		"default": {
			cluster: {"cluster", "served", "default"},
			own:     {"own", "own, of its name"},
		},
		"one-namespace": {
			cluster: {"cluster"},
			own:     {"own", "own, of its name"},
			"Role customers viis-operator-viis-system-resources": {"served"},
			"Role default viis-operator-viis-system-events":      {"default"},
		},
	} {
		rendered := objects(t, template(t, sets[set]))
		for name, wheres := range roles {
			expected := map[string]bool{}
			for _, row := range table(t) {
				if slices.Contains(wheres, row.where) {
					limited := strings.HasSuffix(row.where, "of its name")
					expected[fmt.Sprint(qualified(row.resource), " ", row.verb, " ", limited)] = true
				}
			}
			granted := granted(t, rendered[name])
			for verb := range expected {
				if !granted[verb] {
					t.Errorf("%s (values %s) does not allow %s", name, set, verb)
				}
			}
			for verb := range granted {
				if !expected[verb] {
					t.Errorf("%s (values %s) allows %s, which is not in docs/permissions.md", name, set, verb)
				}
			}
		}
		for name, object := range rendered {
			isRole := strings.HasPrefix(name, "Role ") || strings.HasPrefix(name, "ClusterRole ")
			aggregated := fmt.Sprint(nested(object, "metadata", "labels"))
			if isRole && roles[name] == nil && !strings.Contains(aggregated, "aggregate-to-") {
				t.Errorf("%s (values %s) is in no table", name, set)
			}
		}
	}
}

// qualified puts the group before a resource that the table leaves without.
func qualified(resource string) string {
	switch {
	case resource == "secrets" || resource == "configmaps" || resource == "namespaces":
		return "/" + resource
	case strings.Contains(resource, ".k8s.io/"):
		return resource
	default:
		return "viis-operator.io/" + resource
	}
}

// granted is each verb that a role allows, and whether for named objects alone.
func granted(t *testing.T, role Object) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	rules, _ := role["rules"].([]any)
	for _, rule := range rules {
		rule := rule.(Object)
		_, limited := rule["resourceNames"]
		for _, group := range rule["apiGroups"].([]any) {
			for _, resource := range rule["resources"].([]any) {
				for _, verb := range rule["verbs"].([]any) {
					found[fmt.Sprint(group, "/", resource, " ", verb, " ", limited)] = true
				}
			}
		}
	}
	return found
}

// Whatever is set: Secrets are read by name alone, and nothing is allowed by a star.
func TestSecretsCannotBeListed(t *testing.T) {
	read := 0
	for set, file := range valueSets(t) {
		for name, object := range objects(t, template(t, file)) {
			for _, verb := range slices.Sorted(maps.Keys(granted(t, object))) {
				isSecret := strings.HasPrefix(verb, "/secrets ") && !strings.HasPrefix(verb, "/secrets get ")
				if isSecret || strings.Contains(verb, "*") {
					t.Errorf("%s (values %s) allows %s", name, set, verb)
				}
				if strings.HasPrefix(verb, "/secrets get ") {
					read++
				}
			}
		}
	}
	if read == 0 {
		t.Error("no role reads Secrets: what was looked for has another name")
	}
}

// Package checks shows real objects of the operator, which the cluster tests recorded
// (tests/cluster/gitops), to Argo CD's and Flux's own libraries.
package checks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	project        = "../../.."
	customizations = project + "/deploy/argocd/resource_customizations/viis-operator.io"
)

var kinds = []string{"IntegrationServer", "Tenant", "VirtualMachine"}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// agrees compares a file with what it should be, or writes it anew.
func agrees(t *testing.T, file, expected string) {
	t.Helper()
	if os.Getenv("UPDATE_GITOPS") != "" {
		if err := os.WriteFile(file, []byte(expected), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if stored, _ := os.ReadFile(file); string(stored) != expected {
		t.Errorf("%s is not what it should be (make gitops-files):\n%s", file, expected)
	}
}

// objects reads every document of a file; numbers are as the API's libraries have them.
func objects(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, document := range strings.Split(read(t, file), "\n---\n") {
		text, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, object)
	}
	return all
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, _ := filepath.Glob(pattern)
	if len(files) == 0 {
		t.Fatalf("no file is %s", pattern)
	}
	return files
}

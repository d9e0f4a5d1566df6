package checks

import (
	"strings"
	"testing"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Argo CD's own comparison finds no difference between what examples/ says and what
// lives once the operator is done, and finds one where there is one.
func TestNothingDrifts(t *testing.T) {
	compared := 0
	for _, file := range glob(t, project+"/examples/*.yaml") {
		for _, manifest := range objects(t, file) {
			if manifest.GroupVersionKind().Group != "viis-operator.io" {
				continue
			}
			name := manifest.GetKind() + "-" + manifest.GetName()
			live := objects(t, "../testdata/live/"+name+".yaml")[0]
			for _, field := range []string{"finalizers", "generation"} {
				if _, there, _ := unstructured.NestedFieldNoCopy(live.Object, "metadata", field); !there {
					t.Errorf("%s has no metadata.%s: the operator has not seen it", name, field)
				}
			}
			if found := difference(t, manifest, live); found != "" {
				t.Errorf("%s drifts:\n%s", name, found)
			}
			compared++
			changed := manifest.DeepCopy()
			unstructured.SetNestedField(changed.Object, "changed", "metadata", "labels", "a")
			if difference(t, changed, live) == "" {
				t.Errorf("%s: a label more is no difference", name)
			}
		}
	}
	if compared != 8 {
		t.Errorf("%d objects compared, not a server, two tenants and five machines", compared)
	}
}

// difference is what Argo CD would show; it compares three ways when the object has the
// annotation of its last application, as here, and else two ways: both are tried.
func difference(t *testing.T, manifest, live *unstructured.Unstructured) string {
	t.Helper()
	annotations := live.GetAnnotations()
	if annotations[diff.AnnotationLastAppliedConfig] == "" {
		t.Errorf("%s has no annotation of its last application", live.GetName())
	}
	without := live.DeepCopy()
	delete(annotations, diff.AnnotationLastAppliedConfig)
	without.SetAnnotations(annotations)
	var found strings.Builder
	for _, object := range []*unstructured.Unstructured{live, without} {
		result, err := diff.Diff(manifest, object, diff.WithNormalizer(diff.GetNoopNormalizer()))
		if err != nil {
			t.Fatal(err)
		}
		if result.Modified {
			found.WriteString(string(result.NormalizedLive) + "\n" + string(result.PredictedLive) + "\n")
		}
	}
	return found.String()
}

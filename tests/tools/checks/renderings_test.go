package checks

import (
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Object is a manifest.
type Object = map[string]any

// valueSets are the files in tests/values of the chart, by name.
func valueSets(t *testing.T) map[string]string {
	t.Helper()
	sets := map[string]string{}
	for _, file := range glob(t, chart+"/tests/values/*.yaml") {
		sets[strings.TrimSuffix(filepath.Base(file), ".yaml")] = file
	}
	return sets
}

// template is what Helm makes of the chart with these values files.
func template(t *testing.T, values ...string) string {
	t.Helper()
	return run(t, "helm", templateArguments(values...)...)
}

func templateArguments(values ...string) []string {
	arguments := []string{"template", "viis-operator", chart, "--namespace", "viis-system", "--kube-version", oldest}
	for _, file := range values {
		arguments = append(arguments, "--values", file)
	}
	return arguments
}

// documents are the single documents of a YAML stream.
func documents(stream string) []string {
	var found []string
	for _, document := range strings.Split("\n"+stream, "\n---") {
		if strings.TrimSpace(document) != "" {
			found = append(found, strings.TrimPrefix(document, "\n"))
		}
	}
	return found
}

// objects are the manifests of a YAML stream, by kind, namespace and name.
func objects(t *testing.T, stream string) map[string]Object {
	t.Helper()
	found := map[string]Object{}
	for _, document := range documents(stream) {
		var object Object
		if err := yaml.UnmarshalStrict([]byte(document), &object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if object == nil {
			continue // Comments alone.
		}
		key := key(object)
		if found[key] != nil {
			t.Errorf("%s is there twice", key)
		}
		found[key] = object
	}
	return found
}

func key(object Object) string {
	metadata := object["metadata"].(Object)
	namespace, _ := metadata["namespace"].(string)
	return strings.Join([]string{object["kind"].(string), namespace, metadata["name"].(string)}, " ")
}

// without takes labels or annotations off that say where a manifest comes from.
func without(object Object, field string, names ...string) {
	metadata := object["metadata"].(Object)
	texts, _ := metadata[field].(Object)
	for _, name := range names {
		delete(texts, name)
	}
	if len(texts) == 0 {
		delete(metadata, field)
	}
	if template, isPod := nested(object, "spec", "template").(Object); isPod && template["metadata"] != nil {
		without(template, field, names...)
	}
}

// nested is what stands at a path; nil when there is nothing.
func nested(object any, path ...string) any {
	for _, name := range path {
		fields, isObject := object.(Object)
		if !isObject {
			return nil
		}
		object = fields[name]
	}
	return object
}

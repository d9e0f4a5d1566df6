// Package schemas makes the JSON schemas that kubeconform compares manifests with:
// of Kubernetes' own kinds from its OpenAPI document, of others from their CRDs. A
// field that a schema does not know is an error.
package schemas

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// Schema is a JSON schema, or a part of one.
type Schema = map[string]any

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

// Types that are written in more than one way.
var special = map[string]Schema{
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": []any{"integer", "string"}},
	"io.k8s.apimachinery.pkg.api.resource.Quantity":   {"type": []any{"number", "string"}},
}

// Location is what kubeconform has to be told to find the schemas of a folder.
func Location(folder string) string {
	return filepath.Join(folder, "{{.ResourceKind}}{{.KindSuffix}}.json")
}

// Kubernetes writes a schema for each kind of an OpenAPI document (swagger.json), and
// returns its definitions for [CustomResources].
func Kubernetes(swagger, folder string) (Schema, error) {
	text, err := os.ReadFile(swagger)
	if err != nil {
		return nil, err
	}
	var document struct{ Definitions Schema }
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", swagger, err)
	}
	for name, definition := range document.Definitions {
		if kept, known := special[name]; known {
			document.Definitions[name] = kept
		} else {
			document.Definitions[name] = strict(definition)
		}
	}
	for name, definition := range document.Definitions {
		kinds, _ := definition.(Schema)["x-kubernetes-group-version-kind"].([]any)
		if len(kinds) != 1 {
			continue // No kind, or one for every group, such as DeleteOptions.
		}
		kind := kinds[0].(Schema)
		group, version := kind["group"].(string), kind["version"].(string)
		schema := Schema{"$ref": "#/definitions/" + name}
		if err := write(folder, group, version, kind["kind"].(string), schema, document.Definitions); err != nil {
			return nil, err
		}
	}
	return document.Definitions, nil
}

// CustomResources writes a schema for each version of the CRDs in a file.
func CustomResources(file, folder string, definitions Schema) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var crd struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct{ OpenAPIV3Schema Schema }
			}
		}
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, version := range crd.Spec.Versions {
		schema := version.Schema.OpenAPIV3Schema
		properties := schema["properties"].(Schema)
		// Of these a CRD says nothing.
		properties["apiVersion"] = Schema{"const": crd.Spec.Group + "/" + version.Name}
		properties["kind"] = Schema{"const": crd.Spec.Names.Kind}
		properties["metadata"] = Schema{"$ref": "#/definitions/" + objectMeta}
		schema = strict(schema).(Schema)
		if err := write(folder, crd.Spec.Group, version.Name, crd.Spec.Names.Kind, schema, definitions); err != nil {
			return err
		}
	}
	return nil
}

// strict is a schema, or a part of one, that refuses fields which it does not know.
func strict(part any) any {
	switch part := part.(type) {
	case []any:
		for index := range part {
			part[index] = strict(part[index])
		}
		return part
	case Schema:
		return strictObject(part)
	default:
		return part
	}
}

func strictObject(schema Schema) Schema {
	if schema["x-kubernetes-int-or-string"] == true {
		schema["type"] = []any{"integer", "string"}
		delete(schema, "anyOf")
	}
	if name, isText := schema["type"].(string); isText && schema["nullable"] == true {
		schema["type"] = []any{name, "null"}
	}
	for key, value := range schema {
		switch key {
		case "properties", "definitions":
			for name, property := range value.(Schema) {
				value.(Schema)[name] = strict(property)
			}
		case "items", "additionalProperties", "allOf", "anyOf", "oneOf", "not":
			schema[key] = strict(value)
		}
	}
	_, hasProperties := schema["properties"].(Schema)
	_, hasOthers := schema["additionalProperties"]
	if hasProperties && !hasOthers && schema["x-kubernetes-preserve-unknown-fields"] != true {
		schema["additionalProperties"] = false
	}
	return schema
}

// write writes one kind's schema with the definitions that it leads to.
func write(folder, group, version, kind string, schema, definitions Schema) error {
	whole, needed := Schema{}, Schema{}
	for key, value := range schema {
		whole[key] = value
	}
	collect(schema, definitions, needed)
	whole["definitions"] = needed
	text, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, fileName(group, version, kind)), text, 0o644)
}

// fileName is the name by which kubeconform looks for a kind.
func fileName(group, version, kind string) string {
	suffix := version
	if group != "" {
		first, _, _ := strings.Cut(group, ".")
		suffix = first + "-" + version
	}
	return strings.ToLower(kind + "-" + suffix + ".json")
}

// collect puts all definitions that a part refers to into needed.
func collect(part any, definitions, needed Schema) {
	switch part := part.(type) {
	case []any:
		for _, item := range part {
			collect(item, definitions, needed)
		}
	case Schema:
		for key, value := range part {
			reference, isText := value.(string)
			name := strings.TrimPrefix(reference, "#/definitions/")
			if key == "$ref" && isText && needed[name] == nil {
				needed[name] = definitions[name]
				collect(definitions[name], definitions, needed)
			} else {
				collect(value, definitions, needed)
			}
		}
	}
}

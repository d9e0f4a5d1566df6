// Package kstatus prints what the library behind `kubectl wait`-like tools
// (Flux, Argo CD's health of unknown kinds, kpt) thinks of an object.
//
// The tests ask the real library, because a copy of its rules would be wrong
// in the same way as the operator that was written by the same hand.
package kstatus

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// Main is `controlplane kstatus -`: objects on stdin, a line for each on stdout.
func Main() int {
	if len(os.Args) != 2 || os.Args[1] != "-" {
		fmt.Fprintln(os.Stderr, "usage: controlplane kstatus - < object.json")
		return 2
	}
	if err := Print(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kstatus:", err)
		return 1
	}
	return 0
}

// Print reads one JSON object, or a List of them, and writes for each
// `Kind namespace/name Status message`. An object without namespace is written
// as its name alone.
func Print(in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the objects: %w", err)
	}
	objects, err := parse(text)
	if err != nil {
		return err
	}
	lines := bufio.NewWriter(out)
	for i := range objects {
		line, err := describe(&objects[i])
		if err != nil {
			return err
		}
		fmt.Fprintln(lines, line)
	}
	return lines.Flush()
}

func parse(text []byte) ([]unstructured.Unstructured, error) {
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(text); err != nil {
		return nil, fmt.Errorf("parse the object: %w", err)
	}
	if !object.IsList() {
		return []unstructured.Unstructured{object}, nil
	}
	list, err := object.ToList()
	if err != nil {
		return nil, fmt.Errorf("parse the list: %w", err)
	}
	return list.Items, nil
}

func describe(object *unstructured.Unstructured) (string, error) {
	name := object.GetName()
	if namespace := object.GetNamespace(); namespace != "" {
		name = namespace + "/" + name
	}
	result, err := status.Compute(object)
	if err != nil {
		return "", fmt.Errorf("compute the status of %s %s: %w", object.GetKind(), name, err)
	}
	// One line for each object, whatever a message holds.
	message := strings.Join(strings.Fields(result.Message), " ")
	return strings.TrimRight(fmt.Sprintf("%s %s %s %s", object.GetKind(), name, result.Status, message), " "), nil
}

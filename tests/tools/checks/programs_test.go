// Package checks holds the tests of the Helm chart and of deploy/, which need no
// cluster: helm, kustomize and kubeconform in the versions of go.mod are asked what
// comes of them.
package checks

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	project = "../../.."
	chart   = project + "/charts/viis-operator"
	// The oldest Kubernetes that is supported.
	oldest = "1.33.0"
)

// The folder with the programs.
var programs string

func TestMain(m *testing.M) {
	build := exec.Command("../build.sh")
	build.Stderr = os.Stderr
	folder, err := build.Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the tools cannot be built:", err)
		os.Exit(1)
	}
	programs = strings.TrimSpace(string(folder))
	// Nothing of the caller's own helm is used or changed.
	home, err := os.MkdirTemp("", "viis-chart-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, name := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		os.Setenv(name, home)
	}
	os.Setenv("KUBECONFIG", filepath.Join(home, "none"))
	status := m.Run()
	stopCluster()
	os.RemoveAll(home)
	os.Exit(status)
}

// try runs a program and returns what it printed, and on which of both.
func try(program string, arguments ...string) (out, errors string, failed error) {
	command := exec.Command(filepath.Join(programs, program), arguments...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	failed = command.Run()
	return stdout.String(), stderr.String(), failed
}

// run runs a program that has to succeed.
func run(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	out, errors, failed := try(program, arguments...)
	if failed != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(arguments, " "), failed, out, errors)
	}
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// glob is the files of a pattern; there has to be one.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no file is %s: %v", pattern, err)
	}
	return files
}

// agrees compares a file with what it has to hold, or writes it when the environment
// variable asks for that.
func agrees(t *testing.T, path, expected, variable, target string) {
	t.Helper()
	if os.Getenv(variable) != "" {
		if err := os.WriteFile(path, []byte(expected), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run make %s", err, target)
	}
	if string(stored) != expected {
		t.Errorf("%s is not what it is made of: run make %s\n%s", path, target, difference(string(stored), expected))
	}
}

// difference shows the first lines that differ.
func difference(stored, expected string) string {
	before, after := strings.Split(stored, "\n"), strings.Split(expected, "\n")
	for index := range max(len(before), len(after)) {
		a, b := line(before, index), line(after, index)
		if a != b {
			return fmt.Sprintf("line %d\n  is       %s\n  should be %s", index+1, a, b)
		}
	}
	return ""
}

func line(lines []string, index int) string {
	if index < len(lines) {
		return lines[index]
	}
	return "(end)"
}

// Command controlplane is a Kubernetes control plane for tests, in one program.
//
// It is one program with several names, because the parts share most of their
// code: one build of 8 minutes and one file of about 120 MB instead of four. It
// starts one process for each part all the same, because in one process their
// global registries of metrics and flags collide.
//
// This file only finds out which part is meant.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"viis-operator.io/tests/controlplane/internal/kstatus"
	"viis-operator.io/tests/controlplane/internal/supervisor"
)

// parts maps the name of each part to what runs it. A part finds its own
// arguments in os.Args, as if it were a program by itself, and returns the
// exit status.
var parts = map[string]func() int{
	supervisor.Etcd:              runEtcd,
	supervisor.APIServer:         runAPIServer,
	supervisor.ControllerManager: runControllerManager,
	supervisor.Kubectl:           runKubectl,
	"kstatus":                    kstatus.Main,
	"run":                        supervisor.Main,
}

func main() {
	os.Exit(dispatch())
}

// dispatch takes the name from argv[0] (a symbolic link named kubectl is
// kubectl) or else from the first argument, which it then removes.
func dispatch() int {
	if part, found := parts[filepath.Base(os.Args[0])]; found {
		return part()
	}
	if len(os.Args) > 1 {
		if part, found := parts[os.Args[1]]; found {
			os.Args = os.Args[1:]
			return part()
		}
	}
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(os.Stderr, "usage: controlplane %s [arguments]\n", strings.Join(names, "|"))
	return 2
}

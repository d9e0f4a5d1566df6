// Command light is controlplane without Kubernetes' servers in it: it builds in
// a minute. It is for who has the four programs already (`run --assets`), and
// for kstatus against a cluster that exists.
package main

import (
	"fmt"
	"os"

	"viis-operator.io/tests/controlplane/internal/kstatus"
	"viis-operator.io/tests/controlplane/internal/supervisor"
)

func main() {
	if len(os.Args) > 1 {
		name := os.Args[1]
		os.Args = os.Args[1:]
		switch name {
		case "kstatus":
			os.Exit(kstatus.Main())
		case "run":
			os.Exit(supervisor.Main())
		}
	}
	fmt.Fprintln(os.Stderr, "usage: light run --assets FOLDER [flags] | light kstatus -")
	os.Exit(2)
}

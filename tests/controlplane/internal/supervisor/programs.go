package supervisor

// Which program is run for a part: this one under another name, or those in a
// folder such as envtest's KUBEBUILDER_ASSETS.

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// uses says what would not work without each part.
var uses = map[string]string{
	Etcd:              "nothing is stored",
	APIServer:         "there is no cluster",
	ControllerManager: "namespaces are not deleted to the end, garbage is not collected, and no service accounts are made",
	Kubectl:           "the tests cannot speak as a user does",
}

// programs finds the executable of each part.
type programs struct {
	// self is this program, when all parts are in it.
	self string
	// assets is the folder of the parts otherwise.
	assets string
}

// findPrograms takes the parts from a folder, or from this program when no
// folder is named. A folder that lacks one is refused, with what that one does.
func findPrograms(assets string) (programs, error) {
	if assets == "" {
		self, err := os.Executable()
		if err != nil {
			return programs{}, fmt.Errorf("find this program: %w", err)
		}
		return programs{self: self}, nil
	}
	// Absolute, because the children run in another folder.
	assets, err := filepath.Abs(assets)
	if err != nil {
		return programs{}, fmt.Errorf("resolve %s: %w", assets, err)
	}
	found := programs{assets: assets}
	var missing []string
	for name, use := range uses {
		path, _ := found.command(name)
		if _, err := exec.LookPath(path); err != nil {
			missing = append(missing, fmt.Sprintf("%s (without it %s)", name, use))
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return programs{}, fmt.Errorf("missing in %s: %s", assets, strings.Join(missing, ", "))
	}
	return found, nil
}

// command returns the executable of a part and the arguments that come before
// the part's own.
func (p programs) command(name string) (string, []string) {
	if p.assets != "" {
		return filepath.Join(p.assets, name), nil
	}
	return p.self, []string{name}
}

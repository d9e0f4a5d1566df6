package supervisor

// The folder of a run: what is in it, and what may be removed at the end.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// entries is everything that a run puts into its folder.
var entries = []string{
	"etcd", "pki", "bin", "kubeconfig",
	Etcd + ".log", APIServer + ".log", ControllerManager + ".log",
}

// directory is a folder that this run has for itself.
type directory struct {
	root string
	// shared: it had other content before, which is not ours to remove.
	shared bool
}

// claimDirectory takes the folder, or makes one when no name is given. One in
// which any of our entries exists belongs to another run and is refused.
func claimDirectory(name string) (directory, error) {
	if name == "" {
		made, err := os.MkdirTemp("", "viis-controlplane-")
		if err != nil {
			return directory{}, fmt.Errorf("make a temporary folder: %w", err)
		}
		name = made
	}
	root, err := filepath.Abs(name)
	if err != nil {
		return directory{}, fmt.Errorf("resolve %s: %w", name, err)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return directory{}, fmt.Errorf("make the folder: %w", err)
	}
	found, err := os.ReadDir(root)
	if err != nil {
		return directory{}, fmt.Errorf("look into the folder: %w", err)
	}
	dir := directory{root: root, shared: len(found) > 0}
	for _, entry := range entries {
		if _, err := os.Lstat(dir.path(entry)); !errors.Is(err, fs.ErrNotExist) {
			return directory{}, fmt.Errorf("%s is there already, of this or another run: remove it or name another folder", dir.path(entry))
		}
	}
	// Mkdir fails when it exists: of two runs that come this far, one goes on.
	for _, folder := range []string{"etcd", "pki", "bin"} {
		if err := os.Mkdir(dir.path(folder), 0o700); err != nil {
			return directory{}, fmt.Errorf("claim the folder: %w", err)
		}
	}
	return dir, nil
}

// remove deletes what the run wrote, and the folder unless it is shared.
func (d directory) remove() error {
	if !d.shared {
		return os.RemoveAll(d.root)
	}
	var failures []error
	for _, entry := range entries {
		failures = append(failures, os.RemoveAll(d.path(entry)))
	}
	return errors.Join(failures...)
}

func (d directory) path(name string) string { return filepath.Join(d.root, name) }

func (d directory) kubeconfig() string { return d.path("kubeconfig") }

func (d directory) kubectl() string { return d.path("bin/kubectl") }

func (d directory) log(part string) string { return d.path(part + ".log") }

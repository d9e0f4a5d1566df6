package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// envtest's folder has no controller manager; the message must say what that is for.
func TestAFolderThatLacksAPartIsRefusedWithItsUse(t *testing.T) {
	assets := t.TempDir()
	for _, name := range []string{Etcd, APIServer, Kubectl} {
		if err := os.WriteFile(filepath.Join(assets, name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, err := findPrograms(assets)
	if err == nil || !strings.Contains(err.Error(), "kube-controller-manager (without it namespaces are not deleted") {
		t.Fatalf("%v", err)
	}
	if strings.Contains(err.Error(), Kubectl+" (") {
		t.Errorf("a part that is there is called missing: %v", err)
	}
	if err := os.WriteFile(filepath.Join(assets, ControllerManager), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	found, err := findPrograms(assets)
	if err != nil {
		t.Fatal(err)
	}
	program, before := found.command(Etcd)
	if program != filepath.Join(assets, Etcd) || len(before) != 0 {
		t.Errorf("%s %v", program, before)
	}
}

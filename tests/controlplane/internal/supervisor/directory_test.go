package supervisor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestAnOwnFolderIsRemovedWhole(t *testing.T) {
	root := filepath.Join(t.TempDir(), "not", "yet")
	dir, err := claimDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	if !exists(t, dir.path("pki")) {
		t.Fatal("there was nothing to remove")
	}
	if err := dir.remove(); err != nil {
		t.Fatal(err)
	}
	if exists(t, root) {
		t.Error("the folder is still there")
	}
}

func TestInASharedFolderOnlyOurEntriesGo(t *testing.T) {
	root := t.TempDir()
	theirs := filepath.Join(root, "theirs")
	if err := os.WriteFile(theirs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := claimDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	if !exists(t, dir.path("pki")) {
		t.Fatal("there are no keys to remove")
	}
	if err := dir.remove(); err != nil {
		t.Fatal(err)
	}
	if !exists(t, theirs) {
		t.Error("a file of somebody else is gone")
	}
	if exists(t, dir.path("pki")) {
		t.Error("the keys are still there")
	}
}

func TestAFolderWithOurEntriesIsRefused(t *testing.T) {
	root := t.TempDir()
	if _, err := claimDirectory(root); err != nil {
		t.Fatal(err)
	}
	if _, err := claimDirectory(root); err == nil {
		t.Error("two runs in one folder")
	}
}

func exists(t *testing.T, name string) bool {
	t.Helper()
	_, err := os.Lstat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

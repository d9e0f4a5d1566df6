package supervisor

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// A child that dies is named, with its exit status and the end of its log.
func TestADeathIsReportedWithTheEndOfTheLog(t *testing.T) {
	dir, err := claimDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program := dir.path("child")
	script := "#!/bin/sh\nfor i in $(seq 1 100); do echo line $i; done\nexit 3\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	members := newFamily(programs{self: program}, dir)
	defer members.end()
	if err := members.start(Etcd, nil); err != nil {
		t.Fatal(err)
	}
	text := (<-members.deaths).obituary().Error()
	for _, expected := range []string{"etcd ended: exit status 3", "line 81\n", "line 100"} {
		if !strings.Contains(text, expected) {
			t.Errorf("%q is missing in: %s", expected, text)
		}
	}
	if strings.Contains(text, "line 80\n") {
		t.Error("more than the end of the log")
	}
}

func TestEndingKillsTheLiving(t *testing.T) {
	dir, err := claimDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program := dir.path("child")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nexec sleep 600\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	members := newFamily(programs{self: program}, dir)
	if err := members.start(Etcd, nil); err != nil {
		t.Fatal(err)
	}
	members.end()
	if dead := <-members.deaths; dead.cause == nil || dead.cause.Error() != "signal: killed" {
		t.Errorf("%v", dead.cause)
	}
}

func TestTheTailOfALongLogIsBounded(t *testing.T) {
	name := t.TempDir() + "/long.log"
	if err := os.WriteFile(name, []byte(strings.Repeat(fmt.Sprintf("%1000d\n", 1), 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := tail(name); len(got) > tailBytes || !strings.HasSuffix(got, " 1") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

func TestChildrenDoNotInheritEtcdsVariables(t *testing.T) {
	kept := childEnvironment([]string{"PATH=/bin", "ETCD_NAME=other", "KUBECONFIG=/theirs", "HTTPS_PROXY=http://proxy"})
	if !slices.Equal(kept, []string{"PATH=/bin"}) {
		t.Errorf("%v", kept)
	}
}

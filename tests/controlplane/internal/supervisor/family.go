package supervisor

// The child processes: how they start, that they never outlive us, and what is
// said when one dies.

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

const (
	// How much of a dead child's log is shown.
	tailLines = 20
	tailBytes = 16 << 10
)

// family is the set of children of one run.
type family struct {
	programs programs
	dir      directory
	children []*child
	// deaths gets each child once, when it has ended. It has room for all, so
	// that nobody needs to listen.
	deaths chan *child
}

// child is one process.
type child struct {
	name    string
	logFile string
	process *os.Process
	// buried is closed when the process has ended; cause is valid from then on.
	buried chan struct{}
	cause  error
}

func newFamily(programs programs, dir directory) *family {
	return &family{programs: programs, dir: dir, deaths: make(chan *child, 3)}
}

// start must be called from the goroutine that holds its thread, see Main.
func (f *family) start(name string, flags []string) error {
	logFile := f.dir.log(name)
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", name, err)
	}
	defer log.Close() // the child has its own descriptor
	program, before := f.programs.command(name)
	command := exec.Command(program, append(before, flags...)...)
	command.Stdout, command.Stderr = log, log
	command.Dir = f.dir.root
	command.Env = childEnvironment(os.Environ())
	command.SysProcAttr = &syscall.SysProcAttr{
		// Also when we are killed without a chance to do anything.
		Pdeathsig: syscall.SIGKILL,
		// Control-C in a terminal goes to us alone; we end the children.
		Setpgid: true,
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	born := &child{name: name, logFile: logFile, process: command.Process, buried: make(chan struct{})}
	f.children = append(f.children, born)
	go func() {
		born.cause = command.Wait()
		close(born.buried)
		f.deaths <- born
	}()
	return nil
}

// childEnvironment keeps what a program needs to run at all. Everything else
// could change a child: etcd takes each of its flags from ETCD_… as well.
func childEnvironment(environment []string) []string {
	var kept []string
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "PATH", "HOME", "TMPDIR", "TZ", "GOMAXPROCS", "GOGC", "GODEBUG":
			kept = append(kept, variable)
		}
	}
	return kept
}

// end kills all and returns when they are gone. Their data is thrown away, so
// nothing is gained by a slow and orderly end.
func (f *family) end() {
	for _, member := range f.children {
		// It may have ended by itself.
		_ = member.process.Kill()
	}
	for _, member := range f.children {
		<-member.buried
	}
}

// obituary says which child died, how, and what it said last.
func (c *child) obituary() error {
	how := "exit status 0"
	if c.cause != nil {
		how = c.cause.Error()
	}
	return fmt.Errorf("%s ended: %s; the end of %s:\n%s", c.name, how, c.logFile, tail(c.logFile))
}

// tail returns the last lines of a log, or why there are none.
func tail(name string) string {
	log, err := os.Open(name)
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	if size, err := log.Seek(0, io.SeekEnd); err == nil {
		// From the start of the file when that fails: better than nothing.
		_, _ = log.Seek(max(0, size-tailBytes), io.SeekStart)
	}
	text, err := io.ReadAll(io.LimitReader(log, tailBytes))
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimRight(text, "\n"), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-tailLines):], []byte("\n")))
}

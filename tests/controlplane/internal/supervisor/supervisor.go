// Package supervisor starts etcd, kube-apiserver and kube-controller-manager as
// child processes, waits until they work together, and ends them with itself.
//
// It knows nothing of Kubernetes' Go packages: it executes programs (its own
// again, as a rule) and talks HTTP, so its tests build in a second.
//
// This file holds the order of events; each step has a file of its own.
package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// The names of the parts, as they are given to the program as first argument.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Kubectl           = "kubectl"
)

// startLimit bounds the whole start. It takes about 5 s on two idle cores, but
// tests start while the compiler still runs.
const startLimit = 2 * time.Minute

// Options are what `controlplane run` can be told.
type Options struct {
	// Dir is where everything is written; empty: a new temporary folder.
	Dir string
	// ExitWithStdin ends the run when standard input is closed.
	ExitWithStdin bool
	// Keep leaves Dir in place at the end.
	Keep bool
	// Assets is a folder with the four programs; empty: all are this program.
	Assets string
	// APIServerFlags are handed to the API server after our own.
	APIServerFlags []string
}

// Announcement is the line that tells the caller where the cluster is.
type Announcement struct {
	Kubeconfig string `json:"kubeconfig"`
	Kubectl    string `json:"kubectl"`
	Server     string `json:"server"`
	Metrics    string `json:"metrics"`
}

// Main is `controlplane run`. It returns the exit status: 0 for an end that was
// asked for, 1 when the cluster did not come up or broke, 2 for wrong arguments.
func Main() int {
	// The kernel sends a child its "parent has died" signal when the *thread*
	// that started it ends. This goroutine starts all children, so it keeps its
	// thread until the process ends.
	runtime.LockOSThread()

	options, err := parseOptions(os.Args[1:], os.Stderr)
	if err != nil {
		return 2
	}
	ctx, stop := untilTold(options.ExitWithStdin)
	defer stop()
	if err := run(ctx, options, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		return 1
	}
	return 0
}

func parseOptions(arguments []string, out io.Writer) (Options, error) {
	var options Options
	flags := flag.NewFlagSet("controlplane run", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&options.Dir, "dir", "", "folder for keys, data and logs (default: a new one in the temporary folder)")
	flags.BoolVar(&options.ExitWithStdin, "exit-with-stdin", false, "end when standard input is closed")
	flags.BoolVar(&options.Keep, "keep", false, "leave the folder in place at the end")
	flags.StringVar(&options.Assets, "assets", "", "folder with etcd, kube-apiserver, kube-controller-manager and kubectl (default: they are in this program)")
	flags.Func("apiserver-flag", "a further flag for kube-apiserver, for example --v=4 (may be repeated)", func(value string) error {
		if !strings.HasPrefix(value, "--") {
			return errors.New("must begin with --")
		}
		options.APIServerFlags = append(options.APIServerFlags, value)
		return nil
	})
	if err := flags.Parse(arguments); err != nil {
		return options, err
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(out, "unexpected argument %q\n", flags.Arg(0))
		return options, errors.New("unexpected argument")
	}
	return options, nil
}

// run brings the cluster up, announces it on out, and holds it until ctx ends
// (no error) or a child does (an error that shows the end of its log).
func run(ctx context.Context, options Options, out io.Writer) (err error) {
	programs, err := findPrograms(options.Assets)
	if err != nil {
		return err
	}
	dir, err := claimDirectory(options.Dir)
	if err != nil {
		return err
	}
	// The last thing to happen: the children write here until they are gone.
	defer func() {
		if !options.Keep {
			err = errors.Join(err, dir.remove())
		}
	}()

	ports, err := reservePorts()
	if err != nil {
		return err
	}
	defer ports.release()

	credentials, err := newCredentials(time.Now())
	if err != nil {
		return err
	}
	endpoint := ports.apiServer.url("https")
	if err := writeFiles(dir, endpoint, credentials); err != nil {
		return err
	}
	kubectl, _ := programs.command(Kubectl)
	if err := os.Symlink(kubectl, dir.kubectl()); err != nil {
		return fmt.Errorf("link kubectl: %w", err)
	}

	family := newFamily(programs, dir)
	defer family.end()
	if err := bringUp(ctx, options, dir, ports, credentials, family); err != nil {
		if ctx.Err() != nil {
			return nil // told to end while starting
		}
		return err
	}
	line, err := json.Marshal(Announcement{
		Kubeconfig: dir.kubeconfig(),
		Kubectl:    dir.kubectl(),
		Server:     endpoint,
		Metrics:    endpoint + "/metrics",
	})
	if err != nil {
		return fmt.Errorf("encode the announcement: %w", err)
	}
	if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
		return fmt.Errorf("announce the cluster: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case dead := <-family.deaths:
		return dead.obituary()
	}
}

// bringUp starts the three and returns when they work together.
func bringUp(ctx context.Context, options Options, dir directory, ports ports, credentials credentials, family *family) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	etcd, err := newProbe(ports.etcdClients.url("http"), credentials)
	if err != nil {
		return err
	}
	apiServer, err := newProbe(ports.apiServer.url("https"), credentials)
	if err != nil {
		return err
	}
	// One after the other: each gives up, or falls back to asking once a
	// second, when the one that it needs is not there yet.
	for _, step := range []struct {
		part  string
		flags []string
		probe *probe
		// paths must all answer 200 before the next step.
		paths []string
	}{
		{Etcd, etcdFlags(dir, ports), etcd, []string{"/health"}},
		{APIServer, append(apiServerFlags(dir, ports), options.APIServerFlags...), apiServer, []string{"/readyz"}},
		// /readyz alone is too early: a pod or a chart that is applied then
		// meets a namespace without its service account.
		{ControllerManager, controllerManagerFlags(dir), apiServer, []string{
			"/api/v1/namespaces/default/serviceaccounts/default",
			"/api/v1/namespaces/default/configmaps/kube-root-ca.crt",
		}},
	} {
		if err := family.start(step.part, step.flags); err != nil {
			return err
		}
		for _, path := range step.paths {
			if err := step.probe.await(ctx, path, family.deaths); err != nil {
				return err
			}
		}
	}
	return nil
}

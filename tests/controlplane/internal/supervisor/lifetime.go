package supervisor

// When the run ends: on a signal, with standard input, with the parent.

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// parentInterval is how often the parent is looked for. PR_SET_PDEATHSIG would
// be quicker, but it fires when the parent's *thread* ends, and test frameworks
// start each test in a thread of its own.
const parentInterval = 200 * time.Millisecond

// untilTold returns a context that ends when the run should. The function that
// comes with it frees the signals again.
func untilTold(withStdin bool) (context.Context, context.CancelFunc) {
	parent := os.Getppid()
	ctx, cancel := context.WithCancel(context.Background())
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		// A process whose parent died gets another one at once. When it died
		// before we came here (a shell's `(… &)`), nobody is left to follow,
		// and a signal or standard input ends the run.
		for os.Getppid() == parent && ctx.Err() == nil {
			time.Sleep(parentInterval)
		}
		cancel()
	}()
	if withStdin {
		go func() {
			// Whatever comes is thrown away; an error is an end like any other.
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	return ctx, func() { stop(); cancel() }
}

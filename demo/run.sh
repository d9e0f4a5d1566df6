#!/bin/sh
# Builds what the demo needs, then becomes the demo. `make demo` runs this; the
# arguments are those of demo/main.rs: --once ends by itself.
set -eu
cd "$(dirname -- "$0")/.."

fail() {
    printf 'demo: %s\n' "$1" >&2
    exit 1
}

[ "$(uname -s)" = Linux ] || fail 'the test cluster needs Linux'
command -v cargo >/dev/null || fail 'Rust is missing: https://rustup.rs'
command -v go >/dev/null || fail 'Go is missing: https://go.dev/dl'

cat <<'END'
viis-operator demo: a test cluster, a simulated Integration Server and the
operator, all on this machine. The first run builds them all: some 10 minutes on
two cores. After that it starts in seconds.

==> building the operator, the simulator and the demo (5 minutes the first time)
END
cargo build --locked --bins --example demo

printf '\n==> building the test cluster, unless it is there (4 minutes the first time)\n'
tests/controlplane/build.sh >/dev/null

# In place of this shell: Control-C and signals reach the demo itself.
exec cargo run --locked --quiet --example demo -- "$@"

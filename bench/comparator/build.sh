#!/bin/sh
# Builds the comparator once and keeps it in a cache folder. The last line on standard
# output is the program's path; progress goes to standard error. A first build takes about
# 3 minutes on two cores.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${VIIS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/viis-operator}
hash=$(cd "$here" && cat ./*.go go.mod go.sum build.sh | sha256sum | cut -c1-16)
program=$cache/comparator-$hash

if [ ! -x "$program" ]; then
    if ! command -v go >/dev/null; then
        echo "comparator: it is built with Go, which is not installed" >&2
        exit 1
    fi
    mkdir -p "$cache"
    # Of two builds at once, the second waits here and then finds the program.
    exec 9>"$cache/comparator.lock"
    flock 9
fi
if [ ! -x "$program" ]; then
    echo "comparator: building the Go operator that the product is compared with" >&2
    # A workspace file or GOFLAGS from the environment must not change the result.
    (
        cd "$here"
        GOWORK=off GOFLAGS='' CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
            -ldflags '-s -w' -o "$program.part" . >&2 9>&-
    )
    mv "$program.part" "$program"
fi
echo "$program"

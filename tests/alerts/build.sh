#!/bin/sh
# Builds promtool and the reader of expressions once, in the versions of go.mod, and keeps
# them in a cache folder. The last line on standard output is the folder with the two;
# progress goes to standard error.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${VIIS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/viis-operator}
hash=$(cd "$here" && cat go.mod go.sum build.sh expressions/main.go | sha256sum | cut -c1-16)
folder=$cache/alerts-$hash

if [ ! -d "$folder" ]; then
    if ! command -v go >/dev/null; then
        echo "alerts: promtool is built with Go, which is not installed" >&2
        exit 1
    fi
    mkdir -p "$cache"
    # Of two builds at once the second waits here and then finds the folder.
    exec 9>"$cache/alerts.lock"
    flock 9
fi
if [ ! -d "$folder" ]; then
    echo "alerts: building promtool (about 2 minutes the first time)" >&2
    rm -rf "$folder.part"
    mkdir "$folder.part"
    # Without the discovery of targets at cloud providers, which is most of it. A
    # workspace file or GOFLAGS of the caller's must not change the result.
    (
        cd "$here"
        GOWORK=off GOFLAGS='' CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
            -tags remove_all_sd -ldflags '-s -w' -o "$folder.part/" \
            github.com/prometheus/prometheus/cmd/promtool ./expressions >&2 9>&-
    )
    mv "$folder.part" "$folder"
fi
echo "$folder"

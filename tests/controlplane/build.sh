#!/bin/sh
# Builds the test cluster's program once and keeps it in a cache folder, outside
# `target/`: `cargo clean` must not cost minutes. The last line on standard
# output is the program's path; progress goes to standard error.
#
# A first build takes about 8 minutes on two cores; a build with Go's own cache
# warm half a minute; finding the finished program no time.
#
# `build.sh light` builds the program without Kubernetes' servers in it, see
# light/main.go.
set -eu

case ${1-} in
'') name=controlplane package=. effort='about 8 minutes the first time, and 4 GB of build cache' ;;
light) name=controlplane-light package=./light effort='about a minute the first time' ;;
*) echo "usage: build.sh [light]" >&2; exit 2 ;;
esac

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${VIIS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/viis-operator}

# The version is that of the sources, and it must be linked in: clients and the
# controller manager fail on the placeholder that stands there otherwise.
version=$(awk '$1 == "k8s.io/kubernetes" { print $2; exit }' "$here/go.mod")
major=$(echo "$version" | sed -E 's/^v([0-9]+)\..*/\1/')
minor=$(echo "$version" | sed -E 's/^v[0-9]+\.([0-9]+)\..*/\1/')
linked=k8s.io/component-base/version
flags="-s -w -X $linked.gitVersion=$version -X $linked.gitMajor=$major -X $linked.gitMinor=$minor"

# Whatever can change the program is in the hash; its tests cannot.
hash=$(
    cd "$here"
    {
        find . -name '*.go' ! -name '*_test.go' -type f
        echo ./go.mod
        echo ./go.sum
        echo ./build.sh
    } | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -c1-16
)
program=$cache/$name-$version-$hash

if [ ! -x "$program" ]; then
    if ! command -v go >/dev/null; then
        echo "controlplane: the test cluster is built with Go ($(awk '$1 == "go" { print $2; exit }' "$here/go.mod") or later), which is not installed;" >&2
        echo "controlplane: or use a cluster you have: VIIS_USE_EXISTING_CLUSTER=true and KUBECONFIG" >&2
        exit 1
    fi
    mkdir -p "$cache"
    # Of two builds at once the second waits here and then finds the program.
    exec 9>"$cache/$name.lock"
    if ! flock -n 9; then
        echo "controlplane: waiting for another build" >&2
        flock 9
    fi
    if [ ! -x "$program" ]; then
        echo "controlplane: building $program ($effort)" >&2
        # Under another name first: an interrupted build leaves no half program.
        # A workspace file or GOFLAGS of the caller's must not change the result.
        (
            cd "$here"
            GOWORK=off GOFLAGS='' CGO_ENABLED=0 \
                go build -mod=readonly -trimpath -buildvcs=false -ldflags "$flags" -o "$program.part" "$package" >&2 9>&-
        )
        mv "$program.part" "$program"
        echo "controlplane: built ($(du -m "$program" | cut -f1) MB)" >&2
    fi
fi
echo "$program"

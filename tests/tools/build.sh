#!/bin/sh
# Builds helm, kustomize and kubeconform once, in the versions of go.mod, and keeps
# them in a cache folder. The last line on standard output is the folder with the
# three; progress goes to standard error. A first build takes about 3 minutes on two
# cores.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${VIIS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/viis-operator}
hash=$(cd "$here" && cat go.mod go.sum build.sh | sha256sum | cut -c1-16)
folder=$cache/tools-$hash

if [ ! -d "$folder" ]; then
    if ! command -v go >/dev/null; then
        echo "tools: helm, kustomize and kubeconform are built with Go, which is not installed" >&2
        exit 1
    fi
    mkdir -p "$cache"
    # Of two builds at once the second waits here and then finds the folder.
    exec 9>"$cache/tools.lock"
    flock 9
fi
if [ ! -d "$folder" ]; then
    echo "tools: building helm, kustomize and kubeconform (about 3 minutes the first time)" >&2
    rm -rf "$folder.part"
    mkdir "$folder.part"
    for package in helm.sh/helm/v3/cmd/helm sigs.k8s.io/kustomize/kustomize/v5 \
        github.com/yannh/kubeconform/cmd/kubeconform; do
        program=$(basename "$package")
        [ "$program" != v5 ] || program=kustomize
        # A workspace file or GOFLAGS of the caller's must not change the result.
        (
            cd "$here"
            GOWORK=off GOFLAGS='' CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false \
                -ldflags '-s -w' -o "$folder.part/$program" "$package" >&2 9>&-
        )
    done
    mv "$folder.part" "$folder"
fi
echo "$folder"

#!/bin/sh
# Records where the operator and the API server spend CPU time (see profile.rs) and draws
# flame graphs into target/profile: operator-SIZE.svg and api-server-SIZE.svg. Sizes can
# be given as arguments, for example 200x10.
#
# The operator's stacks come from Linux's perf, so it needs Debian's linux-perf or the
# like. Its build has symbols and frame pointers, and a folder of its own.
set -eu

cd "$(dirname -- "$0")/.."
out=$PWD/target/profile

if ! command -v perf >/dev/null; then
    echo "profile: perf is missing; on Debian: apt-get install linux-perf" >&2
    exit 1
fi
if ! inferno-flamegraph --version >/dev/null 2>&1; then
    cargo install --locked --quiet inferno@0.12.8
fi

RUSTFLAGS='-C force-frame-pointers=yes' \
    cargo build --locked --profile profiling --bin viis-operator
rm -rf "$out"
mkdir -p "$out"
sizes=
for size in "$@"; do sizes="$sizes --size $size"; done
# The sizes hold no blanks.
# shellcheck disable=SC2086
cargo bench --locked --bench bench -- \
    --operator target/profiling/viis-operator --profile "$out" $sizes

for folder in "$out"/*/; do
    folder=${folder%/}
    size=$(basename "$folder")
    perf script --input "$folder/operator.perf" 2>"$folder/perf-script.log" |
        inferno-collapse-perf >"$folder/operator.folded"
    inferno-flamegraph --title "viis-operator, $size" \
        "$folder/operator.folded" >"$out/operator-$size.svg"
    (cd bench/folded && GOWORK=off GOFLAGS='' go run -mod=readonly . "$folder"/api-server-*.pprof) \
        >"$folder/api-server.folded"
    inferno-flamegraph --title "kube-apiserver, $size" \
        "$folder/api-server.folded" >"$out/api-server-$size.svg"
    echo "profile: $out/operator-$size.svg $out/api-server-$size.svg"
done

#!/bin/sh
# Runs each fuzz target for FUZZ_SECONDS (default 600), or the targets that are named;
# docs/fuzzing.md says how. `make fuzz` runs this. Ends with a table of what was done;
# stops at the first input that fails, which is then in fuzz/artifacts/.
set -eu
cd "$(dirname -- "$0")/.."

seconds=${FUZZ_SECONDS:-600}
# libFuzzer's instrumentation is not part of stable Rust; with this, the compiler that
# builds the operator takes it, and no other is needed.
export RUSTC_BOOTSTRAP=1

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz@0.13.2
# Never more than what fuzz/Cargo.lock names.
cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null

[ $# -gt 0 ] || set -- $(cargo fuzz list)
mkdir -p fuzz/logs
table=fuzz/logs/table
printf '%-16s %8s %12s %8s %8s %9s\n' target seconds inputs inputs/s corpus 'peak MiB' >$table
for target; do
    printf '\n==> %s, %s s\n' "$target" "$seconds"
    mkdir -p "fuzz/corpus/$target"
    # What is found goes to the first folder; the seeds are only read.
    cargo fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
        -dict=fuzz/words.dict -print_final_stats=1 >"fuzz/logs/$target" 2>&1 || {
        tail -40 "fuzz/logs/$target"
        exit 1
    }
    stat() { sed -n "s/^stat::$1: *//p" "fuzz/logs/$target"; }
    corpus=$(sed -n 's/.*DONE .*corp: \([0-9]*\).*/\1/p' "fuzz/logs/$target")
    printf '%-16s %8s %12s %8s %8s %9s\n' "$target" "$seconds" "$(stat number_of_executed_units)" \
        "$(stat average_exec_per_sec)" "$corpus" "$(stat peak_rss_mb)" | tee -a $table
done
printf '\n'
cat $table

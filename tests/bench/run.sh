#!/bin/bash
# Benchmarks: figures as ratios against a peer in the same run, because machines are noisy. Nothing here is asserted.
set -eu
build=${BUILD:-build/linux}
work=$build/bench
mkdir -p "$work"
"$build/etlgen" load --seed 1 --events "${BENCH_EVENTS:-2000000}" --out "$work/load.etl" >/dev/null
"$build/bench_reader" "$work/load.etl"
if [ -n "${ETW_CORPUS:-}" ] && [ -f "$ETW_CORPUS/net.4.5.2.x64.etl" ]; then
    "$build/bench_reader" "$ETW_CORPUS/net.4.5.2.x64.etl"
else
    echo "SKIP real trace: no corpus"
fi
"$build/bench_broker"
"$build/bench_enrich"
rm -f "$work/load.etl"

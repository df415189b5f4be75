#!/bin/bash
# Every file of the corpus, real and made: the dump as TSV equals its golden file line for line, the heading included.
. "$(dirname "$0")/lib.sh"
need_corpus

n_files=0 n_events=0
for file in "$ETW_CORPUS"/*.etl "$ETW_CORPUS"/made/*.etl; do
    name=$(basename "$file")
    golden=$ETW_CORPUS/golden/$name.tsv.gz
    if [ ! -f "$golden" ]; then bad "$name has no golden file"; continue; fi
    zcat "$golden" >"$ETW_TMP/expected"
    run etwctl dump --format tsv "$(path "$file")" >"$ETW_TMP/got" 2>"$ETW_TMP/err" || bad "$name: exit code $?"
    same_lines "$name" "$ETW_TMP/expected" "$ETW_TMP/got" || sed 's/^/  stderr: /' "$ETW_TMP/err" | head -n 5
    n_files=$((n_files + 1))
    n_events=$((n_events + $(grep -vc '^#' "$ETW_TMP/got")))
done
same "golden files, each used once" "$(find "$ETW_CORPUS/golden" -name '*.tsv.gz' | wc -l)" "$n_files"
say "$n_files files, $n_events events"

# The variants of one trace hold its events: packed ones with equal times as well, the rotated and the other-clock ones
# with equal headers and payloads. (The trace header tells of the file itself, and is left out.)
events_of() { grep -v -e '^#' -e 68fdd900-4a3e-11d1-84f4-0000f80464e3 | cut -f"$1"; }
plain=$ETW_CORPUS/golden/libtrace64.etl.tsv.gz
if [ -f "$plain" ]; then
    for variant in lz_match:2- lz_literal:2- circular_rotated:5- clock2_systemtime:5- clock3_cycles_3000MHz:5- qpc_3579545Hz:5-; do
        zcat "$plain" | events_of "${variant#*:}" >"$ETW_TMP/expected"
        run etwctl dump --format tsv "$(path "$ETW_CORPUS/made/libtrace64_${variant%:*}.etl")" 2>/dev/null | events_of "${variant#*:}" >"$ETW_TMP/got"
        same_lines "libtrace64_${variant%:*} has the events of libtrace64" "$ETW_TMP/expected" "$ETW_TMP/got"
    done
fi
finish

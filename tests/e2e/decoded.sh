#!/bin/bash
# etwctl dump --format json against the corpus' independent decodings: header, extended items and every field.
# timeout: 600
. "$(dirname "$0")/lib.sh"
need_corpus
program="$BUILD/etwctl$EXE"
[ -z "$RUN" ] || program="$RUN $program"
report=$ETW_TMP/report
# Under Wine each program takes long to start: one file of each kind is enough there, Linux reads them all.
names=()
[ "$HOST" = linux ] || names=(AMSITrace.etl ShutdownPerfDiagLogger.etl features.etl libtrace64.etl net.4.5.2.x64.etl)
python3 "$E2E/check_decoded.py" --etwctl "$program" --host "$HOST" --corpus "$ETW_CORPUS" "${names[@]}" >"$report" 2>&1
code=$?
sed 's/^/  /' "$report"
same "check_decoded.py" 0 "$code"
# The check must be able to fail: one digit of one value, one missing byte at an event's end.
dump=$ETW_TMP/dump.jsonl
run etwctl dump --format json "$(path "$ETW_CORPUS/made/libtrace64.etl")" >"$dump"
for change in 's/"ThreadId":6896/"ThreadId":6897/' 's/"Processor":1}/"Processor":2}/' 's/"BoostBitmap":2048/"BoostBitmap":2048,"More":1/'; do
    sed "$change" "$dump" >"$dump.changed"
    truth "the dump has what is to be changed ($change)" sh -c "! cmp -s '$dump' '$dump.changed'"
    python3 "$E2E/check_decoded.py" --json "$dump.changed" --decoded "$ETW_CORPUS/decoded/libtrace64.etl.jsonl" >"$report" 2>&1
    same "check_decoded.py finds $change" 1 "$?"
done
finish

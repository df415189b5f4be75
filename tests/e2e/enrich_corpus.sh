#!/bin/bash
# Every trace of the corpus, and some made ones, through the broker: its JSON is that of dump, byte for byte, with either
# knowledge and with stacks. What the process entries of the tables cost on the wire.
# timeout: 900
. "$(dirname "$0")/lib.sh"
need_corpus

# Under Wine a few; the comparison is the same.
all='{"wants":[{"level":255},{"kernel":["*"]}],"stacks":["*"],"include_rundown":true}'
large=$ETW_CORPUS/net.4.5.2.x64.etl
files=("$ETW_CORPUS"/*.etl "$ETW_CORPUS"/made/features.etl "$ETW_CORPUS"/made/libtrace64.etl)
[ "$HOST" != wine ] || files=("$ETW_CORPUS/AMSITrace.etl" "$ETW_CORPUS/made/libtrace64.etl")
for scenario in demo kinds lost appended circular damaged merged; do
    trace "$ETW_TMP/$scenario.etl" $scenario && files+=("$ETW_TMP/$scenario.etl")
done

# compare WHAT FILE KNOWLEDGE HOW: how is bytes, or but-stacks.
compare() {
    run etwctl dump "$(path "$2")" --enrich --knowledge "$3" --format json --quiet --output "$(path "$ETW_TMP/dump.jsonl")" \
        2>"$ETW_TMP/err" || { bad "$1: dump ended with $?"; return; }
    broker --replay "$(path "$2")" --lossless --start 1 --knowledge "$3" || return
    launch "$ETW_TMP/watched" etwctl watch --json --endpoint "$endpoint" --spec "$all"
    ended "$pid" "the watcher"
    ended "$broker" etwbroker
    if python3 "$E2E/check_enriched.py" "$4" "$ETW_TMP/dump.jsonl" "$ETW_TMP/watched.out"; then good "$1"; else bad "$1"; fi
}

for file in "${files[@]}"; do
    for knowledge in file live; do
        how=same
        # With all of its events held, the broker gives up stacks that dump has room for.
        [ "$file $knowledge" != "$large live" ] || how=but-stacks
        compare "$(basename "$file"), --knowledge $knowledge" "$file" $knowledge $how
    done
done

if [ "$HOST" != wine ]; then
    say "== bytes of tables for each event of net.4.5.2.x64, all of it watched"
    for knowledge in file live; do
        for stacks in "" '"stacks":["*"],'; do
            broker --replay "$large" --lossless --start 1 --knowledge $knowledge || break
            launch "$ETW_TMP/tables" e2e_tables "$endpoint" "{\"wants\":[{\"level\":255},{\"kernel\":[\"*\"]}],$stacks\"include_rundown\":true}"
            ended "$pid" e2e_tables && same "exit code of e2e_tables" 0 "$code"
            ended "$broker" etwbroker
            say "  --knowledge $knowledge ${stacks:-without stacks}: $(cat "$ETW_TMP/tables.out")"
            truth "process entries take at most 12 bytes an event" \
                awk '{ for (i = 1; i < NF; i++) if ($i == "process" && $(i + 1) <= 12.0) found = 1 } END { exit !found }' "$ETW_TMP/tables.out"
        done
    done
fi
finish

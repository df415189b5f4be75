#!/bin/bash
# Three watchers of one provider with different keywords, levels and filters, and one of everything, on one lossless
# replay at full speed: each receives exactly what an independent filter (check_stream.py) makes of the trace's lines, in
# order and with equal payloads; its numbers have no hole; the ledgers balance. Two equal watchers beside them share the
# broker's work and receive the same. On the large trace of the corpus and, without one, on a generated trace.
#
# Schemas that stand in a file as events ({bbccf6c1-…}, and EventSource's manifests with id 65534) are internal: the
# watcher of everything does not get them, and the source's ledger counts them as such.
. "$(dirname "$0")/lib.sh"

check() { # NAME LINES OPTION...
    local name=$1 lines=$2
    shift 2
    say "-- $name: $*"
    python3 "$E2E/check_stream.py" --lines "$lines" --items "$ETW_TMP/$name.items" "$@" || n_failed=$((n_failed + 1))
}
profile_row() { # GUID EXPRESSION over the row r
    python3 - "$ETW_TMP/profile" "$1" "$2" <<'PY'
import json, sys
rows = json.load(open(sys.argv[1]))["sessions"][0]["providers"]
rows = [r for r in rows if r.get("guid") == sys.argv[2] or r.get("kernel") == sys.argv[2]]
r = rows[0] if rows else None
print(eval(sys.argv[3]) if r else "no such row")
PY
}
row_is_there() { request profile >"$ETW_TMP/profile" 2>/dev/null && [ "$(profile_row "$1" 'int(r["events"]) > 0')" = True ]; }

# four TRACE LINES GUID OTHER FIRST SECOND THIRD: wants of the three, each "any all level filter" with | between
four() {
    local trace=$1 lines=$2 guid=$3 other=$4 n=0 want any all level filter where p=$5
    shift 5
    say "== $(basename "$trace")"
    broker --replay "$(path "$trace")" --lossless --start 6 || return
    rm -f "$ETW_TMP/go"
    for want in "$@"; do
        n=$((n + 1))
        IFS='|' read -r any all level filter where <<<"$want"
        watch "$p$n" "{\"wants\":[{\"provider\":\"{$guid}\",\"any\":\"$any\",\"all\":\"$all\",\"level\":$level${filter:+,\"filter\":\"$filter\"}}],\"include_rundown\":true}" \
            --hold "$(path "$ETW_TMP/go")" || return
    done
    watch "${p}all" '{"wants":[{"level":255}],"include_rundown":true,"queue_bytes":"4194304"}' --hold "$(path "$ETW_TMP/go")" || return
    # Equal wants, written differently: these two join the first one's feed.
    IFS='|' read -r any all level filter where <<<"$1"
    watch "${p}twin" "{\"wants\":[{\"level\":$level,\"all\":[\"$all\"],\"any\":[\"$any\"],\"providers\":[\"$guid\"]${filter:+,\"filter\":\"$filter\"}}],\"include_rundown\":true,\"name\":\"twin\"}" || return
    request explain >"$ETW_TMP/explain"
    same "before any event: the union asks for the provider on behalf of four named watchers" 4 \
        "$(json "$ETW_TMP/explain" "[p['watchers'] for p in d['providers'] if p['guid']=='$guid'][0]")"
    watch "${p}name" "{\"wants\":[{\"provider\":\"{$guid}\",\"level\":255}],\"include_rundown\":true}" --totals --slow 1 || return
    # The watcher of everything holds the replay with its full queue: time to look.
    await "events of the provider have come" row_is_there "$guid" || return
    same "profile, while running: watchers of the provider (3, twin, name, everything)" 6 "$(profile_row "$guid" 'r["watchers"]')"
    same "profile, while running: watchers of $other (everything alone)" 1 "$(profile_row "$other" 'r["watchers"]')"
    same "profile, while running: the source's ledger balances" True "$(json "$ETW_TMP/profile" "d['sessions'][0]['ledger']['balanced']")"
    same "profile, while running: every subscription's ledger balances" True "$(json "$ETW_TMP/profile" "all(s['ledger']['balanced'] for s in d['subscriptions'])")"
    same "profile: equal wants make one feed (5 feeds for 6 subscriptions)" "[5, 6]" "$(json "$ETW_TMP/profile" "[d['broker']['feeds'], d['broker']['subscriptions']]")"
    : >"$ETW_TMP/go"
    n=0
    for want in "$@"; do n=$((n + 1)); watched "$p$n"; done
    watched "${p}all"; watched "${p}twin"; watched "${p}name"
    ended "$broker" etwbroker && same "the broker ends by itself with" 0 "$code"

    n=0
    for want in "$@"; do
        n=$((n + 1))
        IFS='|' read -r any all level filter where <<<"$want"
        check "$p$n" "$lines" --provider "$guid" --any "$any" --all "$all" --level "$level" ${where:+--where "$where"}
    done
    check "${p}all" "$lines"
    # The check must be able to fail: one event less, one bit more.
    sed '100d' "$ETW_TMP/${p}1.items" >"$ETW_TMP/less.items"
    IFS='|' read -r any all level filter where <<<"$1"
    if python3 "$E2E/check_stream.py" --lines "$lines" --items "$ETW_TMP/less.items" --provider "$guid" --any "$any" --level "$level" >"$ETW_TMP/less" ||
        python3 "$E2E/check_stream.py" --lines "$lines" --items "$ETW_TMP/${p}1.items" --provider "$guid" --any 0x8 --level "$level" >"$ETW_TMP/less"; then
        bad "check_stream.py passes what it must not"
    else good "a missing event and a wrong mask are found"; fi
    tail -n +2 "$ETW_TMP/${p}1.items" | grep '^[EXP]' >"$ETW_TMP/first"
    tail -n +2 "$ETW_TMP/${p}twin.items" | grep '^[EXP]' >"$ETW_TMP/second"
    same_lines "the twin received the same" "$ETW_TMP/first" "$ETW_TMP/second"
}

trace "$ETW_TMP/load.etl" load --events 60000 --cpus 4 || finish
four "$ETW_TMP/load.etl" "$ETW_TMP/load.etl.tsv" 7c1d0001-51aa-4f0e-9b01-10ad00000001 File g \
    '0x3|0|4' \
    '0x8|0x8|5|ThreadId -gt 0 -and ProcessId -in 4000,4008|pid in (4000, 4008)' \
    '0|0|3|EventId -ne 1|id != 1'

if [ -n "${ETW_CORPUS:-}" ]; then
    # ClrInstanceID stands in the payload; in this trace 11 belongs to process 3988, 9 to 3676.
    four "$ETW_CORPUS/net.4.5.2.x64.etl" "$ETW_CORPUS/golden/net.4.5.2.x64.etl.tsv.gz" e13c0d23-ccbc-4e12-931b-d9cc2eee27e4 Process c \
        '0x31|0|4' \
        '0x30|0x30|5' \
        '0x40000001|0|255|ClrInstanceID -eq 9 -and Id -ne 10|pid == 3676 and id != 10'
    events=$(grep -c '^E' "$ETW_TMP/call.items")
    lines=$(zcat "$ETW_CORPUS/golden/net.4.5.2.x64.etl.tsv.gz" | grep -vc '^#')
    same "net.4.5.2.x64: events in the trace" 179474 "$lines"
    same "of them not delivered: schema data" 89 "$((lines - events))"
else
    say "note: no corpus: only the generated trace"
fi
finish

#!/bin/bash
# A stopped reader beside a good one, at real-time speed: the good one loses nothing; the stopped one's gaps and events
# make up its numbers exactly; the source is never held (its wait time is 0); memory stays within base + quotas + 8 MiB.
# 8 s of 20,000 events/s; SOAK=1 takes 60 s. On Linux the reader's process is stopped (SIGSTOP); under Wine it does not read.
# timeout: 400
. "$(dirname "$0")/lib.sh"

seconds=8
[ "${SOAK:-}" != 1 ] || seconds=60
rate=20000
quota=2097152
trace "$ETW_TMP/load.etl" load --events $((seconds * rate)) --duration $seconds --cpus 4 || finish
n_lines=$(grep -vc '^#' "$ETW_TMP/load.etl.tsv")
truth "the trace holds $n_lines events in $seconds s" [ "$n_lines" -ge $((seconds * rate * 9 / 10)) ]

peak() { awk '/^VmHWM/ { print $2 * 1024 }' "/proc/$1/status"; }
spec="{\"wants\":[{\"level\":255}],\"include_rundown\":true,\"queue_policy\":\"drop-oldest\",\"queue_bytes\":\"$quota\"}"
row() { python3 - "$ETW_TMP/profile" "$1" "$2" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
s = next((s for s in d["subscriptions"] if s["id"] == int(sys.argv[2])), None)
print(eval(sys.argv[3]) if s else "gone")
PY
}
source_ended() { request profile >"$ETW_TMP/profile" 2>/dev/null && [ "$(json "$ETW_TMP/profile" "d['sessions'][0]['state']")" = ended ]; }

broker --replay "$(path "$ETW_TMP/load.etl")" --speed realtime --start 2 --keep || finish
# What the broker needs before any event is queued: connections, schemas, the pool's first batches.
[ "$HOST" = wine ] || base=$(peak "$broker")
if [ "$HOST" = wine ]; then
    watch stopped "$spec" --totals --hold "$(path "$ETW_TMP/go")"
    stopped=$pid stopped_id=$id
else
    watch stopped "$spec" --totals
    stopped=$pid stopped_id=$id
    kill -STOP "$stopped"
fi
began=$(date +%s.%N)
watch good "$spec"
told_slow() { request profile >"$ETW_TMP/profile" 2>/dev/null && [ "$(row "$stopped_id" "s['state']")" = slow ]; }
await "the profile calls the stopped one slow" told_slow
deadline_s=$((deadline_s + seconds))
await "the end of the replay" source_ended || finish
took=$(awk -v a="$began" -v b="$(date +%s.%N)" 'BEGIN { printf "%d", (b - a) * 10 }')
truth "the replay took the trace's time ($((took / 10)) s of $seconds), not less" [ "$took" -ge $((seconds * 10 - 5)) ]

same "the source was held for (ns)" 0 "$(json "$ETW_TMP/profile" "d['sessions'][0]['wait_ns']")"
same "the source's ledger balances, and received" "[True, '$n_lines']" \
    "$(json "$ETW_TMP/profile" "[d['sessions'][0]['ledger']['balanced'], d['sessions'][0]['ledger']['received']]")"
same "the stopped one's ledger balances while it is stopped" True "$(row "$stopped_id" "s['ledger']['balanced']")"
truth "it has lost events" [ "$(row "$stopped_id" "s['ledger']['dropped_queue']")" -gt 0 ]
truth "its queue keeps to its quota" [ "$(row "$stopped_id" "s['queue_bytes']")" -le $quota ]
numbered=$(row "$stopped_id" "s['ledger']['numbered']")
if [ "$HOST" = linux ]; then
    now=$(peak "$broker")
    limit=$((base + 2 * quota + 8 * 1048576))
    say "peak memory: $((now / 1024)) KiB; before: $((base / 1024)) KiB, quotas $((2 * quota / 1024)) KiB"
    truth "peak memory is at most base + quotas + 8 MiB ($((limit / 1024)) KiB)" [ "$now" -le $limit ]
fi
if [ "$HOST" = linux ]; then kill -CONT "$stopped"; else : >"$ETW_TMP/go"; fi
watched stopped
watched good
python3 "$E2E/check_stream.py" --lines "$ETW_TMP/load.etl.tsv" --items "$ETW_TMP/good.items" || bad "the good one"
read -r _ received gaps _ next _ <"$(tail -n 1 "$ETW_TMP/stopped.items" >"$ETW_TMP/totals"; echo "$ETW_TMP/totals")"
same "the stopped one: received $received + told as missing $gaps" "$numbered" "$((received + gaps))"
same "its next number" "$numbered" "$next"
truth "it received some, and missed some" [ "$received" -gt 0 -a "$gaps" -gt 0 ]
same "gaps of END's ledger" "$gaps" "$(awk -F'\t' '$1 == "X" { print $11 + $12 + $13 + $14 + $15 }' "$ETW_TMP/stopped.items")"
same "all of them for want of room" "$gaps" "$(awk -F'\t' '$1 == "X" { print $11 }' "$ETW_TMP/stopped.items")"
finish

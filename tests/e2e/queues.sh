#!/bin/bash
# What a full queue does, by its policy, with a watcher that does not read: drop-oldest keeps the end, drop-newest the
# beginning, disconnect ends the stream and says why, wait holds the source. In each case what came and what the gaps tell
# make up the trace exactly. And the limits on queues themselves, at n-1, n and n+1.
. "$(dirname "$0")/lib.sh"

trace "$ETW_TMP/load.etl" load --events 60000 --payload 200 --cpus 4 || finish
lines=$ETW_TMP/load.etl.tsv
all='"wants":[{"level":255}],"include_rundown":true'
check() { python3 "$E2E/check_stream.py" --lines "$lines" --items "$ETW_TMP/$1.items" "${@:2}" || n_failed=$((n_failed + 1)); }
first_kinds() { cut -f1 "$ETW_TMP/$1.items" | grep '[EG]' | uniq | head -n "$2" | tr -d '\n'; }
last_kind() { cut -f1 "$ETW_TMP/$1.items" | grep '[EG]' | tail -n 1; }
state_is() { request profile >"$ETW_TMP/profile" 2>/dev/null && [ "$(json "$ETW_TMP/profile" "d['sessions'][0]['state']")" = "$1" ]; }
wait_ns() { json "$ETW_TMP/profile" "int(d['sessions'][0]['wait_ns'])"; }

say "== dropping"
broker --replay "$(path "$ETW_TMP/load.etl")" --start 4 || finish
hold="--hold $(path "$ETW_TMP/go")"
# shellcheck disable=SC2086
{
    watch oldest "{$all,\"queue_policy\":\"drop-oldest\",\"queue_bytes\":\"1048576\"}" $hold
    watch newest "{$all,\"queue_policy\":\"drop-newest\",\"queue_bytes\":\"1048576\"}" $hold
    watch disconnect "{$all,\"queue_policy\":\"disconnect\",\"queue_bytes\":\"1048576\"}" $hold
}
run e2e_watcher watch --endpoint "$endpoint" --out "$(path "$ETW_TMP/none")" --spec "{$all,\"queue_policy\":\"wait\"}" 2>"$ETW_TMP/wait.err"
same "wait without --lossless is refused" 1 $?
has "and says what it is for" "lossless" "$ETW_TMP/wait.err"
watch good "{$all,\"queue_bytes\":\"67108864\"}"
await "the end of the replay" state_is ended
: >"$ETW_TMP/go"
for name in oldest newest disconnect good; do watched $name; done
say "-- drop-oldest"
check oldest --lossy
same "begins with what was on its way, then a gap, then events" EGE "$(first_kinds oldest 3)"
same "and has the last event of the trace" E "$(last_kind oldest)"
say "-- drop-newest"
check newest --lossy
same "begins with events, then a gap" EG "$(first_kinds newest 2)"
# A last small batch may still fit where a large one did not.
same "and what it has is the beginning" 1 "$(awk '/^E/ { n++; if (!gap) front++ } /^G/ { gap = 1 } END { print (front * 10 >= n * 9) }' "$ETW_TMP/newest.items")"
say "-- disconnect"
end=$(grep '^X' "$ETW_TMP/disconnect.items")
same "END tells that it was too slow (5)" 5 "$(cut -f2 <<<"$end")"
same "END's ledger: numbered = dropped + sent" "$(cut -f10 <<<"$end")" "$(awk -F'\t' '{ print $11 + $12 + $13 + $14 + $15 + $17 }' <<<"$end")"
same "one gap, behind all events" "E G" "$(cut -f1 "$ETW_TMP/disconnect.items" | grep '[EG]' | uniq | xargs)"
say "-- a large queue beside them"
check good
ended "$broker" etwbroker && same "the broker's exit code" 0 "$code"

say "== holding the source"
broker --replay "$(path "$ETW_TMP/load.etl")" --start 3 --lossless --keep || finish
rm -f "$ETW_TMP/go"
# shellcheck disable=SC2086
watch held "{$all,\"queue_bytes\":\"262144\"}" $hold
watch fast "{$all,\"queue_policy\":\"wait\"}"
# shellcheck disable=SC2086
watch careless "{$all,\"queue_policy\":\"drop-oldest\",\"queue_bytes\":\"262144\"}" $hold
is_holding() {
    request profile >"$ETW_TMP/profile" 2>/dev/null &&
        [ "$(json "$ETW_TMP/profile" "[s['state'] for s in d['subscriptions']][0]")" = "holding the source" ]
}
await "the profile names who holds the source" is_holding
source_waits() { request profile >"$ETW_TMP/profile" 2>/dev/null && [ "$(wait_ns)" -gt 0 ]; }
deadline_s=5 await "the profile tells, meanwhile, that the source waits (wait_ns)" source_waits
truth "the replay is not over" state_is running
: >"$ETW_TMP/go"
for name in held fast careless; do watched $name; done
check held
check fast
check careless --lossy
truth "the source has waited for it" source_waits
kill -TERM "$broker"
ended "$broker" etwbroker && same "the broker's exit code" 0 "$code"

say "== a reader of a lossless replay that has stopped for good"
printf '[limits]\nstalled_ms = 1000\nqueue = 256 KB\nqueue_max = 1 MB\nsubscriptions_per_user = 3\n' >"$ETW_TMP/limits.ini"
broker --replay "$(path "$ETW_TMP/load.etl")" --start 2 --lossless --config "$(path "$ETW_TMP/limits.ini")" --keep || finish
rm -f "$ETW_TMP/go"
# shellcheck disable=SC2086
watch stalled "{$all}" $hold --totals
watch lively "{$all}"
watched lively
check lively
: >"$ETW_TMP/go"
ended "$pid_stalled" stalled && truth "the stalled one is told that its stream broke or stalled (exit code $code)" [ "$code" != 4 ]

say "== limits of queues"
subscribe() { # SPEC: exit code; message in limit.err
    run e2e_watcher watch --endpoint "$endpoint" --out "$(path "$ETW_TMP/limit.items")" --spec "$1" --seconds 20 2>"$ETW_TMP/limit.err"
}
for case in 1048576:0 1048577:1; do
    subscribe "{$all,\"queue_bytes\":\"${case%:*}\"}"
    same "queue_bytes ${case%:*} of at most 1 MB: exit code" "${case#*:}" $?
done
has "the refusal names the limit" "1048576" "$ETW_TMP/limit.err"
queue_of() { subscribe "$1"; cut -f3 "$ETW_TMP/limit.items" | head -n 1; }
same "the default is the configured one" 262144 "$(queue_of "{$all}")"
for bytes in 1 131071 131072 131073; do
    same "queue_bytes $bytes: at least two batches" $((bytes < 131072 ? 131072 : bytes)) "$(queue_of "{$all,\"queue_bytes\":\"$bytes\"}")"
done
finish

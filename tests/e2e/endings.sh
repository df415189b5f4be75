#!/bin/bash
# How things end: the broker with its last client or not, END after a drained queue, waiting for watchers, rounds as epochs,
# Ctrl+C on either side, and a watcher that is killed.
. "$(dirname "$0")/lib.sh"

all='"wants":[{"level":255}],"include_rundown":true'
trace "$ETW_TMP/load.etl" load --events 20000 --cpus 2 || finish
lines=$ETW_TMP/load.etl.tsv
check() { python3 "$E2E/check_stream.py" --lines "$lines" --items "$ETW_TMP/$1.items" "${@:2}" || n_failed=$((n_failed + 1)); }
field() { request profile >"$ETW_TMP/profile" 2>/dev/null && json "$ETW_TMP/profile" "$1"; }
is() { [ "$(field "$1")" = "$2" ]; }

say "== --start 2 holds; --keep stays"
broker --replay "$(path "$ETW_TMP/load.etl")" --lossless --start 2 --keep || finish
watch one "{$all}" --slow 2
same "with one watcher the source waits" waiting "$(field "d['sessions'][0]['state']")"
same "and has given no event" 0 "$(field "d['sessions'][0]['ledger']['received']")"
watch two "{$all}"
watched one; watched two
check one; check two
truth "the broker is still there" is "d['sessions'][0]['state']" ended
watch late "{$all}"
watched late
same "who comes after the end gets END at once" 1 "$(grep '^X' "$ETW_TMP/late.items" | cut -f2)"
same "and no event" 0 "$(grep -c '^E' "$ETW_TMP/late.items")"
truth "--keep: the broker stays after the last watcher" alive "$broker"
kill -TERM "$broker"
ended "$broker" etwbroker && same "Ctrl+C on an idle broker: exit code" 0 "$code"
if [ "$HOST" = linux ]; then truth "its socket is gone" [ ! -e "$endpoint" ]; fi

say "== without --keep: after the last client, and not before"
broker --replay "$(path "$ETW_TMP/load.etl")" --start 1 || finish
watch slow "{$all,\"queue_bytes\":\"67108864\"}" --hold "$(path "$ETW_TMP/go")"
await "the end of the replay" is "d['sessions'][0]['state']" ended
truth "the broker waits for a queue that is not drained" alive "$broker"
: >"$ETW_TMP/go"
watched slow
check slow
ended "$broker" etwbroker && same "the broker's exit code" 0 "$code"

say "== --loop: rounds are epochs; a watcher that is killed; Ctrl+C on the broker"
printf '[limits]\nhandshake_ms = 1000\nsubscriptions_per_user = 2\nqueue = 1 MB\nqueue_per_user = 2 MB\n' >"$ETW_TMP/limits.ini"
trace "$ETW_TMP/short.etl" load --events 3000 --duration 1 --cpus 2 || finish
broker --replay "$(path "$ETW_TMP/short.etl")" --speed 4x --loop --start 1 --config "$(path "$ETW_TMP/limits.ini")" || finish
watch rounds "{$all}"
watch victim "{$all}" --hold "$(path "$ETW_TMP/never")"
victim=$pid
run e2e_watcher watch --endpoint "$endpoint" --out "$(path "$ETW_TMP/third.items")" --spec "{$all}" 2>"$ETW_TMP/third.err"
same "a third subscription is above the user's limit" 1 $?
has "the refusal is BUSY" "BUSY" "$ETW_TMP/third.err"
queue_grows() { [ "$(field "int(d['subscriptions'][1]['queue_bytes'])")" -gt 200000 ]; }
await "the victim's queue holds something" queue_grows
{ kill -KILL "$(real_pid "$victim")"; wait "$victim"; } 2>/dev/null
await "the victim's subscription is gone" is "len(d['subscriptions'])" 1
await "its connections are gone (the other's data connection, and ours)" is "d['broker']['clients'] <= 3" True
await "its batches are gone" is "int(d['broker']['batch_bytes_live']) < 200000" True
watch heir "{$all}" --max 100
watched heir
good "its place was free again"
third_round() { [ "$(grep -c '^P' "$ETW_TMP/rounds.items")" -ge 4 ]; }
await "some rounds" third_round
# One that is behind by a full queue at that moment: what is queued, and END, still reach it (it has five seconds).
watch behind "{$all}" --hold "$(path "$ETW_TMP/read")"
since=$(date +%s%N)
has_queue() { [ "$(field "[int(s['queue_bytes']) > 500000 for s in d['subscriptions'] if s['id'] == $id][0]")" = True ]; }
await "the queue of the one behind is well filled" has_queue
older() { [ $(($(date +%s%N) - since)) -gt 1200000000 ]; }
await "its connection is older than the handshake deadline" older
kill -TERM "$broker"
sleep 0.3 # the moment that a busy reader takes
: >"$ETW_TMP/read"
watched rounds
watched behind
same "Ctrl+C on the broker: END reaches who is behind (4)" 4 "$(grep '^X' "$ETW_TMP/behind.items" | cut -f2)"
same "Ctrl+C on the broker: END tells that it stops (4)" 4 "$(grep '^X' "$ETW_TMP/rounds.items" | cut -f2)"
ended "$broker" etwbroker && same "and its exit code" 0 "$code"
sed -i '/^X/d' "$ETW_TMP/rounds.items" # what follows is judged without the ledger's reason
echo "X	4$(printf '\t0%.0s' $(seq 15))" >>"$ETW_TMP/rounds.items"
python3 "$E2E/check_change.py" "$ETW_TMP/short.etl.tsv" "$ETW_TMP/rounds.items" '{}' || bad "rounds"

say "== Ctrl+C on a watcher: it ends with its summary"
broker --replay "$(path "$ETW_TMP/short.etl")" --loop --speed realtime --start 1 --keep || finish
launch "$ETW_TMP/ctl" etwctl watch --endpoint "$endpoint"
shows() { [ "$(cat "$ETW_TMP/ctl.out" 2>/dev/null | wc -l)" -ge 100 ]; }
await "etwctl watch shows events" shows
kill -TERM "$pid"
ended "$pid" "etwctl watch" && same "Ctrl+C on etwctl watch: exit code" 0 "$code"
truth "its summary tells of events" grep -qiE '[0-9] events' "$ETW_TMP/ctl.err"
await "the broker has no subscription left" is "len(d['subscriptions'])" 0
kill -TERM "$broker"
ended "$broker" etwbroker && same "the broker's exit code" 0 "$code"

say "== a replay that fails or cannot begin"
launch "$ETW_TMP/none" etwbroker --replay "$(path "$ETW_TMP/nothing.etl")" --endpoint "$endpoint"
ended "$pid" etwbroker && same "no such file: exit code" 1 "$code"
finish

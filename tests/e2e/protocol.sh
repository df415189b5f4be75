#!/bin/bash
# Hostile and odd clients on the raw transport (e2e_raw, both hosts): silence, half frames, crowds, garbage, sizes around
# every cap, a byte at a time, JSON bombs, unread replies, caps on connections. The broker answers or closes, others are
# served meanwhile, and a watcher that runs through all of it loses nothing. On Linux another user is kept out.
# timeout: 400
. "$(dirname "$0")/lib.sh"

trace "$ETW_TMP/load.etl" load --events 4000 --duration 2 --cpus 2 || finish
printf '[limits]\nhandshake_ms = 1000\nadministrator_connections = 260\n' >"$ETW_TMP/limits.ini"
broker --replay "$(path "$ETW_TMP/load.etl")" --speed realtime --loop --start 1 --keep --config "$(path "$ETW_TMP/limits.ini")" || finish
watch good '{"wants":[{"level":255}],"include_rundown":true}'
good=$id
for case in silent crowd garbage sizes slowly bombs unread caps; do
    say "== $case"
    run e2e_raw "$endpoint" $case || n_failed=$((n_failed + 1))
    alive "$broker" || { bad "the broker has ended"; sed 's/^/  /' "$broker_log.err"; finish; }
done

if [ "$HOST" = linux ]; then
    say "== another user"
    if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
        # The folder is open to all: what keeps the other one out is the socket itself.
        chmod 755 "$socket_folder"
        cp "$BUILD/e2e_watcher" "$socket_folder/client" && chmod 755 "$socket_folder/client"
        setpriv --reuid=65534 --regid=65534 --clear-groups "$socket_folder/client" request --endpoint "$endpoint" ping \
            >"$ETW_TMP/nobody.out" 2>"$ETW_TMP/nobody.err"
        same "another user's request: exit code" 1 $?
        has "it is told why" "DENIED" "$ETW_TMP/nobody.err"
        same "the socket's mode" 600 "$(stat -c %a "$endpoint")"
    else
        say "note: not root: no second user to try with"
    fi
fi

say "== the watcher beside all this"
run e2e_watcher stop --endpoint "$endpoint" "$good" || bad "stop"
watched good
python3 "$E2E/check_change.py" "$ETW_TMP/load.etl.tsv" "$ETW_TMP/good.items" '{}' || bad "the watcher beside"
request profile >"$ETW_TMP/profile"
same "connections left" True "$(json "$ETW_TMP/profile" "d['broker']['clients'] <= 2")"
kill -TERM "$broker"
ended "$broker" etwbroker && same "the broker's exit code" 0 "$code"
finish

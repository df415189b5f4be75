#!/bin/bash
# Tuning while it runs: any mask, all mask, level, filter and provider of a running subscription are changed from another
# connection. check_change.py proves that each CHANGED notice splits the stream exactly; an equal watcher beside it, which
# shared its feed until then, is not touched. A preview changes nothing; what is refused changes nothing either.
. "$(dirname "$0")/lib.sh"

alpha=7c1d0001-51aa-4f0e-9b01-10ad00000001
beta=7c1d0002-51aa-4f0e-9b01-10ad00000002
trace "$ETW_TMP/load.etl" load --events 12000 --duration 1 --cpus 4 || finish
broker --replay "$(path "$ETW_TMP/load.etl")" --speed realtime --loop --start 2 || finish
watch tuned "{\"wants\":[{\"provider\":\"{$alpha}\",\"any\":\"0x1\",\"level\":5}]}"
tuned=$id
watch equal "{\"wants\":[{\"provider\":\"{$alpha}\",\"any\":\"0x1\",\"level\":5}]}"

n_changes=0
events() { grep -c '^E' "$ETW_TMP/tuned.items"; }
# What happened before a sign is waited for: some events under the present wants.
more_events() { [ "$(tail -n 1 "$ETW_TMP/tuned.items" | cut -f1)" = E ] && [ "$(sed -n '/^C/h; /^E/H; ${x;p}' "$ETW_TMP/tuned.items" | grep -c '^E')" -ge 20 ]; }
has_changed() { [ "$(grep -c '^C' "$ETW_TMP/tuned.items")" = "$n_changes" ]; }
change() { # SPEC
    await "events under the present wants" more_events
    run e2e_watcher change --endpoint "$endpoint" "$tuned" "$1" >"$ETW_TMP/reply" 2>"$ETW_TMP/change.err" || { bad "change $1"; cat "$ETW_TMP/change.err"; return; }
    n_changes=$((n_changes + 1))
    await "the CHANGED notice of change $n_changes" has_changed
    same "change $n_changes ($1): generation" "$n_changes" "$(json "$ETW_TMP/reply" "d['generation']")"
}
refused() { # WHAT CODE METHOD PARAMS
    request "$3" "$4" >"$ETW_TMP/reply" 2>"$ETW_TMP/refused.err"
    same "$1: exit code" 1 $?
    same "$1: status" "$2" "$(head -n 1 "$ETW_TMP/refused.err" | cut -d: -f1)"
}

await "events" more_events
request ping >"$ETW_TMP/ping"
instance=$(json "$ETW_TMP/ping" "d['instance']")
refused "another run's instance" CONFLICT change "{\"id\":$tuned,\"instance\":\"00000000-0000-0000-0000-000000000001\",\"want\":{\"any\":\"0\"}}"
refused "no instance" INVALID_ARGUMENT change "{\"id\":$tuned,\"want\":{\"any\":\"0\"}}"
refused "an id that nobody has" NOT_FOUND change "{\"id\":4000000,\"instance\":\"$instance\",\"want\":{\"any\":\"0\"}}"
refused "a filter that is none" FILTER change "{\"id\":$tuned,\"instance\":\"$instance\",\"want\":{\"filter\":\"Worker -eq\"}}"
refused "a member that is none" INVALID_ARGUMENT change "{\"id\":$tuned,\"instance\":\"$instance\",\"want\":{\"anny\":\"1\"}}"
run e2e_watcher change --endpoint "$endpoint" "$tuned" '{"want":{"any":"0x8"},"preview":true}' >"$ETW_TMP/reply" 2>&1 || bad "preview"
same "a preview tells the generation as it is" 0 "$(json "$ETW_TMP/reply" "d['generation']")"
truth "and what the source would be asked for" grep -q '0x9\|0x8' "$ETW_TMP/reply"
request explain >"$ETW_TMP/explain"
same "the union is as before: any" 0x1 "$(json "$ETW_TMP/explain" "[p['any'] for p in d['providers'] if p['guid']=='$alpha'][0]")"
has_no_change() { ! grep -q '^C' "$ETW_TMP/tuned.items"; }
truth "no notice for what was refused or previewed" has_no_change

change '{"want":{"any":"0x8"}}'
request explain >"$ETW_TMP/explain"
same "the union of the two: any" 0x9 "$(json "$ETW_TMP/explain" "[p['any'] for p in d['providers'] if p['guid']=='$alpha'][0]")"
change '{"want":{"any":"0xf","level":3}}'
change '{"want":{"level":5,"all":"0x2"}}'
change '{"want":{"all":null,"filter":"ThreadId -lt 9100"}}'
if run etwctl set --help >/dev/null 2>&1; then
    # The same through the command: mask, level and filter at once.
    await "events under the present wants" more_events
    run etwctl set "$tuned" --endpoint "$endpoint" --any-keyword 0x14 --level All --no-filter >"$ETW_TMP/set.out" 2>&1 ||
        { bad "etwctl set"; cat "$ETW_TMP/set.out"; }
    n_changes=$((n_changes + 1))
    await "the CHANGED notice of etwctl set" has_changed
    run etwctl set "$tuned" --endpoint "$endpoint" --add-keyword 0x40 --what-if >"$ETW_TMP/set.out" 2>&1 || bad "etwctl set --what-if"
    has "--what-if names the mask to come" 0x55 "$ETW_TMP/set.out"
    await "events under the present wants" more_events
    truth "--what-if has changed nothing" has_changed
    run etwctl set "$tuned" --endpoint "$endpoint" --stack '*' --enrich all >"$ETW_TMP/set.out" 2>&1 || bad "etwctl set --stack --enrich"
    n_changes=$((n_changes + 1))
    await "the CHANGED notice of etwctl set --stack" has_changed
    request subscriptions >"$ETW_TMP/list"
    same "its stacks and enrichment" "['*'] all" "$(json "$ETW_TMP/list" "[f\"{s['spec'].get('stacks')} {s['spec'].get('enrich')}\" for s in d if s['id']==$tuned][0]")"
    run etwctl set "$tuned" --endpoint "$endpoint" --stack none --enrich default >"$ETW_TMP/set.out" 2>&1 || bad "etwctl set --stack none"
    n_changes=$((n_changes + 1))
    await "the CHANGED notice of etwctl set --stack none" has_changed
    request subscriptions >"$ETW_TMP/list"
    same "no stacks, the usual enrichment" "None None" "$(json "$ETW_TMP/list" "[f\"{s['spec'].get('stacks')} {s['spec'].get('enrich')}\" for s in d if s['id']==$tuned][0]")"
fi
change "{\"spec\":{\"wants\":[{\"provider\":\"{$beta}\"}],\"name\":\"beta now\"}}"
await "events under the last wants" more_events
request subscriptions >"$ETW_TMP/list"
same "its name is new" "beta now" "$(json "$ETW_TMP/list" "[s['name'] for s in d if s['id']==$tuned][0]")"
run e2e_watcher stop --endpoint "$endpoint" "$tuned" || bad "stop"
watched tuned
same "stopped by another: the reason of END" 2 "$(grep '^X' "$ETW_TMP/tuned.items" | cut -f2)"
run e2e_watcher change --endpoint "$endpoint" "$tuned" '{"want":{"any":"1"}}' 2>"$ETW_TMP/refused.err"
same "a change after the end is refused" 1 $?
truth "and says so" grep -qE '^(CONFLICT|NOT_FOUND)' "$ETW_TMP/refused.err"
equal_id=$(cat "$ETW_TMP/equal.ready")
run e2e_watcher stop --endpoint "$endpoint" "$equal_id" || bad "stop"
watched equal

want() { printf '{"provider":"%s","any":%d,"all":%d,"level":%d%s}' "$1" "$2" "$3" "$4" "${5:+,\"where\":\"$5\"}"; }
wants=("$(want $alpha 1 0 5)" "$(want $alpha 8 0 5)" "$(want $alpha 15 0 3)" "$(want $alpha 15 2 5)" "$(want $alpha 15 0 5 'tid < 9100')")
[ "$n_changes" = 5 ] || wants+=("$(want $alpha 20 0 255)" "$(want $alpha 20 0 255)" "$(want $alpha 20 0 255)")
wants+=("$(want $beta 0 0 5)")
python3 "$E2E/check_change.py" "$ETW_TMP/load.etl.tsv" "$ETW_TMP/tuned.items" "${wants[@]}" || bad "the stream of the changed one"
python3 "$E2E/check_change.py" "$ETW_TMP/load.etl.tsv" "$ETW_TMP/equal.items" "$(want $alpha 1 0 5)" || bad "the stream of the one beside"
# The check must be able to fail: the first notice one event later, with a number to match.
awk -F'\t' -v OFS='\t' '/^C/ && !held { held = $0; next } { print } held && !told { split(held, c, FS); print "C", c[2] + 1, c[3]; told = 1 }' \
    "$ETW_TMP/tuned.items" >"$ETW_TMP/moved.items"
if python3 "$E2E/check_change.py" "$ETW_TMP/load.etl.tsv" "$ETW_TMP/moved.items" "${wants[@]}" >"$ETW_TMP/moved.out"; then
    bad "check_change.py does not see that a notice was moved"
else good "a moved notice is found: $(sed -n 's/FAIL: \(event.*want [0-9]*\).*/\1/p' "$ETW_TMP/moved.out")"; fi
kill -TERM "$broker"
ended "$broker" etwbroker && same "the broker's exit code" 0 "$code"
finish

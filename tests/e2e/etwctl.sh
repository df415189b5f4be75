#!/bin/bash
# etwctl as people use it: help, errors and exit codes; dump's options; watching, tuning and stopping through a broker.
# timeout: 600
. "$(dirname "$0")/lib.sh"

out=$ETW_TMP/out err=$ETW_TMP/err
# ctl CODE ARG...: runs etwctl, output to $out and $err; its exit code must be CODE.
ctl() {
    local want=$1 got=0
    shift
    run etwctl "$@" >"$out" 2>"$err" || got=$?
    [ "$got" = "$want" ] && return 0
    bad "etwctl $*: exit code $got, not $want"
    head -n 5 "$err" | sed 's/^/  /'
    return 1
}
lines() { wc -l <"$1" | tr -d ' '; }

# ---- Help and errors ----------------------------------------------------------------------------------------------

ctl 0 --help && has "etwctl --help" "Examples:" "$out"
for command in $(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$out"); do
    ctl 0 "$command" --help && has "etwctl $command --help" "Examples:" "$out"
done
ctl 2
ctl 2 wacth && has "a command that is not there" "did you mean 'watch'" "$err"
ctl 2 watch --levle 3 && has "an option that is not there" "did you mean --level" "$err"
ctl 2 watch --max many && has "a value that is none" "--max many" "$err"
ctl 2 watch --id 70000 && has "an id that is none" "65535" "$err"
ctl 2 watch --spec '{}' --pid 4 && has "options that clash" "--spec" "$err"
ctl 2 dump && has "no file" "FILE" "$err"
ctl 2 set five && has "an id that is none" "subscriptions" "$err"
new_endpoint
ctl 1 ping --endpoint "$endpoint" && has "no broker" "etwbroker --replay" "$err"
ctl 0 completion bash && truth "the completion script is one" bash -n "$out"
# what completes WORD...: what bash would offer for the last word
completes() {
    bash -c '. "$1"; shift; COMP_WORDS=(etwctl "$@"); COMP_CWORD=$#; _etwctl; echo "${COMPREPLY[*]}"' - "$out" "$@"
}
same "completion: a choice" "default none all" "$(completes watch --enrich "")"
same "completion: a list of names is none" "" "$(completes watch --stack "")"
same "completion: behind an option that may have a value with =" "--enrich" "$(completes dump --symbols --en)"
same "completion: options of enrichment" "--knowledge" "$(completes dump --kn)"

# ---- dump ---------------------------------------------------------------------------------------------------------

file=$ETW_TMP/demo.etl
trace "$file"
etl=$(path "$file")
# dump writes in large pieces; the file must be the same as what standard output gets.
ctl 0 dump "$etl" --format json && mv "$out" "$ETW_TMP/all.jsonl"
ctl 0 dump "$etl" --json && same_lines "dump --json" "$ETW_TMP/all.jsonl" "$out"
ctl 0 dump "$etl" --format json --output "$(path "$ETW_TMP/written.jsonl")" &&
    same_lines "dump --output" "$ETW_TMP/all.jsonl" "$ETW_TMP/written.jsonl"
ctl 0 dump "$etl" --format tsv && same_lines "dump --format tsv" "$file.tsv" "$out"
ctl 0 dump "$etl" --format tsv --provider DNS-Client && grep -c . "$out" >"$ETW_TMP/n"
same "dump --provider NAME: lines and the heading" "$(($(grep -c 1c95126e-7eea-49a9-a3fe-a378b03ddb4d "$file.tsv") + 1))" "$(cat "$ETW_TMP/n")"
ctl 0 dump "$etl" --format tsv --limit 7 && same "dump --limit: lines and the heading" 8 "$(lines "$out")"
ctl 0 dump "$etl" --summary && has "dump --summary" "Microsoft-Windows-DNS-Client" "$out"
ctl 0 dump "$etl" --summary --format json &&
    same "dump --summary --format json counts all" "$(($(lines "$file.tsv") - 1))" "$(json "$out" 'sum(p["Events"] for p in d["Providers"])')"
ctl 1 dump "$(path "$file.tsv")" && has "no .etl file" "not an .etl file" "$err"
ctl 1 dump "$(path "$ETW_TMP/nowhere.etl")" "$etl" --format tsv && same_lines "a file that is not there keeps none from being read" "$file.tsv" "$out"
kinds=$ETW_TMP/kinds.etl
run etlgen kinds --out "$(path "$kinds")" >/dev/null 2>&1
ctl 0 dump "$(path "$kinds")" && has "dump tells of damage" "at 0x" "$err"
ctl 3 dump "$(path "$kinds")" --strict --quiet && same "dump --strict --quiet says nothing" 0 "$(lines "$err")"
if [ "$HOST" = linux ]; then
    "$BUILD/etwctl" dump "$file" "$file" "$file" 2>"$err" | head -n 1 >/dev/null
    same "dump into a pipe that is closed" 0 "${PIPESTATUS[0]}"
fi

# ---- watch --------------------------------------------------------------------------------------------------------

# What a lossless watcher gets is what dump reads.
run etwctl dump "$etl" --enrich --format json --provider DNS-Client >"$ETW_TMP/dns.jsonl" 2>/dev/null
if broker --replay "$etl" --lossless --start 2 --keep; then
    launch "$ETW_TMP/dns" etwctl watch DNS-Client --json --endpoint "$endpoint"
    dns=$pid
    launch "$ETW_TMP/table" etwctl watch --kernel Process --event-name Process/Start --endpoint "$endpoint"
    table=$pid
    ended "$dns" watch && same "exit code of watch" 0 "$code"
    ended "$table" watch && same "exit code of watch" 0 "$code"
    same_lines "watch --json and dump --enrich --format json" "$ETW_TMP/dns.jsonl" "$ETW_TMP/dns.out"
    has "the summary" "no gaps" "$ETW_TMP/dns.err"
    has "the summary" "ledger balanced" "$ETW_TMP/dns.err"
    same "rows of the table" "$(grep -c '"EventName":"Process/Start"' "$ETW_TMP/all.jsonl")" "$(grep -c ' Process/Start ' "$ETW_TMP/table.out")"
    ctl 0 profile --endpoint "$endpoint" && has "the profile" "replay ended" "$out"
    ctl 0 ping --endpoint "$endpoint" && has "ping" "an administrator" "$out"
    ctl 0 providers DNS-Client --endpoint "$endpoint" && has "providers NAME" "3008" "$out"
    ctl 0 providers --kernel --endpoint "$endpoint" && has "providers --kernel" "Registry" "$out"
    ctl 0 providers --kernel File --endpoint "$endpoint" && has "providers --kernel TYPE: payload and enriched fields" "IrpPtr, ExtraInfo, NtStatus + FileName, Operation, Duration" "$out"
    has "providers --kernel TYPE: fields of every event" "ProcessName, ProcessPath, CommandLine" "$out"
    same "providers --kernel TYPE has each event once" 1 "$(grep -c 'FileIO/Create ' "$out")"
    mv "$out" "$ETW_TMP/of_kernel" && ctl 0 providers File --endpoint "$endpoint" && same_lines "providers TYPE is the same" "$ETW_TMP/of_kernel" "$out"
    ctl 1 providers DNS-Clinet --endpoint "$endpoint" && has "a provider that is not there" "DNS-Client" "$err"
    ctl 1 watch --filter 'A -regex 1' --endpoint "$endpoint" && has "a filter that is wrong" "column" "$err"
fi

# ---- set and stop -------------------------------------------------------------------------------------------------

watched_any() { run etwctl subscriptions --json --endpoint "$endpoint" 2>/dev/null >"$ETW_TMP/subscriptions" && json "$ETW_TMP/subscriptions" '[s["spec"]["wants"][0].get("any", []) for s in d]'; }
n_subscriptions() { run etwctl subscriptions --json --endpoint "$endpoint" 2>/dev/null >"$ETW_TMP/subscriptions" && [ "$(json "$ETW_TMP/subscriptions" 'len(d)')" = "$1" ]; }
if broker --replay "$etl" --speed realtime --loop --keep; then
    launch "$ETW_TMP/tuned" etwctl watch DNS-Client --keyword 0x10 --name tuned --endpoint "$endpoint"
    tuned=$pid
    if await "one subscription" n_subscriptions 1; then
        id=$(json "$ETW_TMP/subscriptions" 'd[0]["id"]')
        ctl 0 set "$id" --add-keyword 0x40 --what-if --endpoint "$endpoint" && has "set --what-if" "0x10 -> 0x50" "$out"
        same "set --what-if changes nothing" "[['0x10']]" "$(watched_any)"
        ctl 0 set "$id" --add-keyword 0x40 --endpoint "$endpoint" && has "set --add-keyword" "0x10 -> 0x50" "$out"
        same "the new mask" "[['0x50']]" "$(watched_any)"
        ctl 0 set "$id" --remove-keyword 0x10 --level Warning --filter 'QueryName -like "*x"' --name other --endpoint "$endpoint"
        same "the new mask" "[['0x40']]" "$(watched_any)"
        same "the new level, filter and name" "3 True other" \
            "$(json "$ETW_TMP/subscriptions" '"%d %s %s" % (d[0]["spec"]["wants"][0]["level"], "QueryName" in d[0]["spec"]["wants"][0]["filter"], d[0]["name"])')"
        ctl 1 set "$id" --remove-keyword 0x40 --endpoint "$endpoint" && has "a mask of none" "every event" "$err"
        ctl 0 set "$id" --no-filter --endpoint "$endpoint"
        watched_any >/dev/null
        same "the filter is gone" False "$(json "$ETW_TMP/subscriptions" '"filter" in d[0]["spec"]["wants"][0]')"
        ctl 1 set "$id" --provider Nobody --level 4 --endpoint "$endpoint" && has "a want that is not there" "Nobody" "$err"
        ctl 1 stop 999999 --endpoint "$endpoint" && has "an id that is not there" "999999" "$err"
        ctl 0 stop "$id" --endpoint "$endpoint"
        ended "$tuned" "the stopped watch" && same "exit code of a stopped watch" 0 "$code"
        await "no subscription" n_subscriptions 0
    fi
    ctl 0 watch --max 5 --quiet --endpoint "$endpoint" && same "watch --max: rows and the heading" 6 "$(lines "$out")"
    ctl 0 watch Nobody.At.All --timeout 300ms --endpoint "$endpoint" && has "an unknown provider" "not known" "$err"
    ctl 0 profile --live 100ms --count 3 --json --endpoint "$endpoint" && same "profile --live --count" 3 "$(lines "$out")"
    ctl 0 explain --endpoint "$endpoint" && has "explain" "kernel types" "$out"
    ctl 0 sessions --endpoint "$endpoint" && has "sessions" "replay" "$out"
    launch "$ETW_TMP/interrupted" etwctl watch --endpoint "$endpoint" --quiet
    interrupted=$pid
    if await "its subscription" n_subscriptions 1; then
        kill -TERM "$interrupted"
        ended "$interrupted" "the interrupted watch" && same "exit code after Ctrl+C" 0 "$code"
        same "watch --quiet says nothing" 0 "$(lines "$ETW_TMP/interrupted.err")"
    fi
fi

# A replay that begins again: times go back, and the table says where.
if broker --replay "$etl" --loop --keep --start 1; then
    n=$(grep -c '"EventName":"Process/Start"' "$ETW_TMP/all.jsonl")
    ctl 0 watch --kernel Process --event-name Process/Start --max $((n + 1)) --queue-policy drop-newest --endpoint "$endpoint" &&
        same "lines of the table: heading, rows, epochs" "$((n + 2)) 1" "$(grep -vc '^-- ' "$out") $(grep -c '^-- epoch 2: ' "$out")"
    ctl 0 watch --kernel Process --event-name Process/Start --max $((n + 1)) --quiet --endpoint "$endpoint" &&
        same "watch --quiet: lines" $((n + 2)) "$(lines "$out")"
fi
finish

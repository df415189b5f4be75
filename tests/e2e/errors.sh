#!/bin/bash
# Every error that a user can run into is told in one line: what, where, what to do; with the right exit code.
. "$(dirname "$0")/lib.sh"

# refused WHAT EXIT TEXT[|TEXT...] PROGRAM ARG...: texts on standard error, case-blind.
refused() {
    local what=$1 exit=$2 texts=$3 got text
    shift 3
    run "$@" >"$ETW_TMP/out" 2>"$ETW_TMP/err"
    got=$?
    same "$what: exit code" "$exit" "$got"
    while IFS= read -r text; do has "$what" "$text" "$ETW_TMP/err"; done < <(tr '|' '\n' <<<"$texts")
    [ ! -s "$ETW_TMP/out" ] || [ "$exit" = 0 ] || [ -n "${may_print:-}" ] || bad "$what: something on standard output: $(head -c 200 "$ETW_TMP/out")"
}

trace "$ETW_TMP/t.etl" load --events 2000 --cpus 2 || finish
file=$(path "$ETW_TMP/t.etl")
new_endpoint
nobody=$endpoint

say "== no broker"
refused "watch without a broker" 1 "nothing listens|etwbroker --replay" etwctl watch --endpoint "$nobody"
refused "profile without a broker" 1 "nothing listens|etwbroker --replay" etwctl profile --endpoint "$nobody"
refused "the library without a broker" 1 "UNAVAILABLE|etwbroker --replay" e2e_watcher request --endpoint "$nobody" ping

say "== wrong usage"
refused "no such command" 2 "'wacth'|watch" etwctl wacth
refused "no such option of watch" 2 "--nonsense" etwctl watch --nonsense
refused "watch --max of nothing" 2 "--max" etwctl watch --max x --endpoint "$nobody"
refused "watch --filter without a value" 2 "--filter needs a value|--json" etwctl watch --filter --json --endpoint "$nobody"
refused "dump with an option of watch" 2 "dump has no --filter|etwbroker --replay" etwctl dump "$file" --filter 'A -eq 1'
refused "profile with an option of watch" 2 "--max|etwctl watch" etwctl profile --max 3
refused "dump --limit 0" 2 "--limit 0" etwctl dump "$file" --limit 0
refused "dump --json --format tsv" 2 "exclude" etwctl dump "$file" --json --format tsv
may_print=1
refused "dump with a folder of symbols that is none" 0 "no folder|function names: 0 of" etwctl dump "$file" --limit 1 --enrich --json "--symbols=$(path "$ETW_TMP/nowhere")"
refused "dump --max-cached of a whole file's knowledge" 2 "--knowledge live" etwctl dump "$file" --enrich --max-cached 5
refused "dump --symbols FOLDER" 2 "is a folder|--symbols=" etwctl dump "$file" --enrich --json --symbols "$(path "$ETW_TMP")"
refused "dump: symbols in the table" 0 "with --json" etwctl dump "$file" --limit 1 --enrich "--symbols=$(path "$ETW_TMP")"
may_print=
refused "dump without a file" 2 "FILE" etwctl dump
refused "dump in a format that is none" 2 "format|tsv" etwctl dump --format xml "$file"
refused "etwbroker without a source" 2 "--replay" etwbroker
refused "etwbroker with an option that is none" 2 "--nonsense|--help" etwbroker --nonsense
refused "etwbroker at a speed that is none" 2 "--speed|realtime" etwbroker --replay "$file" --speed slow
refused "etwbroker --start 0" 2 "--start|immediate" etwbroker --replay "$file" --start 0
refused "etwbroker: an option for a value" 2 "--endpoint needs a value|--keep" etwbroker --replay "$file" --endpoint --keep
refused "etwbroker with a stray word" 2 "stray" etwbroker --replay "$file" stray

say "== files"
refused "dump of a missing file" 1 "nothing.etl" etwctl dump "$(path "$ETW_TMP/nothing.etl")"
refused "replay of a missing file" 1 "nothing.etl" etwbroker --replay "$(path "$ETW_TMP/nothing.etl")" --endpoint "$nobody"
printf 'this is a text file and no trace, whatever its name says\n%.0s' $(seq 200) >"$ETW_TMP/text.etl"
before=$(sha256sum <"$ETW_TMP/t.etl")
refused "dump over the trace that it reads" 2 "would be lost" etwctl dump "$file" --output "$file"
cp "$ETW_TMP/t.etl" "$ETW_TMP/other.etl"
refused "dump over another trace" 2 "would be lost" etwctl dump "$file" --output "$(path "$ETW_TMP/other.etl")"
same "the traces are as they were" "$before $before" "$(sha256sum <"$ETW_TMP/t.etl") $(sha256sum <"$ETW_TMP/other.etl")"
refused "dump of what is no trace" 1 "text.etl|not" etwctl dump "$(path "$ETW_TMP/text.etl")"
refused "replay of what is no trace" 1 "text.etl|not" etwbroker --replay "$(path "$ETW_TMP/text.etl")" --endpoint "$nobody"
: >"$ETW_TMP/empty.etl"
refused "dump of an empty file" 1 "empty.etl" etwctl dump "$(path "$ETW_TMP/empty.etl")"
mkdir -p "$ETW_TMP/folder.etl"
refused "dump of a folder" 1 "folder.etl" etwctl dump "$(path "$ETW_TMP/folder.etl")"
# Cut inside an event: everything in front of it is kept, and the place is told.
head -c $(($(stat -c %s "$ETW_TMP/t.etl") * 2 / 3)) "$ETW_TMP/t.etl" >"$ETW_TMP/cut.etl"
may_print=1
refused "dump of a cut file" 0 "cut.etl|0x" etwctl dump --format tsv "$(path "$ETW_TMP/cut.etl")"
cp "$ETW_TMP/out" "$ETW_TMP/cut.tsv"
refused "the same with --strict" 3 "cut.etl" etwctl dump --strict --format tsv "$(path "$ETW_TMP/cut.etl")"
may_print=
n_cut=$(grep -vc '^#' "$ETW_TMP/cut.tsv")
truth "at least half of the events of the cut file are there ($n_cut)" [ "$n_cut" -ge 1000 ]
# The trace's processors write buffers in turn: what is left is a part of the whole, without its running numbers.
cut -f2- "$ETW_TMP/t.etl.tsv" | grep -v '^raw_ts' | sort >"$ETW_TMP/all"
grep -v '^#' "$ETW_TMP/cut.tsv" | cut -f2- | sort >"$ETW_TMP/some"
same "events of the cut file that are not in the whole one" 0 "$(comm -13 "$ETW_TMP/all" "$ETW_TMP/some" | wc -l)"

say "== configuration"
config() { # WHAT TEXT EXPECTED
    printf "$2" >"$ETW_TMP/c.ini"
    refused "$1" 1 "c.ini:$3" etwbroker --replay "$file" --endpoint "$nobody" --config "$(path "$ETW_TMP/c.ini")"
}
config "an unknown key" '[limits]\nqueue = 1 MB\nquue_max = 1 MB\n' "3:|quue_max"
config "an unknown section" '[limit]\nqueue = 1 MB\n' "1:|limit"
config "a number that is none" '[limits]\nhandshake_ms = soon\n' "2:|soon"
config "a value out of range" '[limits]\n\nhandshake_ms = 99\n' "3:|100"
config "a key twice" '[limits]\nqueue = 1 MB\nqueue = 2 MB\n' "3:|twice"
config "a line that is nothing" '[limits]\nqueue\n' "2:"
config "a key before any section" 'queue = 1 MB\n' "1:"
config "a line too long" "[limits]\nqueue = $(printf 'x%.0s' $(seq 70000))\n" "2:"
refused "a configuration that is missing" 1 "nothing.ini" etwbroker --replay "$file" --endpoint "$nobody" --config "$(path "$ETW_TMP/nothing.ini")"

say "== a count that is too small"
printf '[caches]\nrequests = 1\n' >"$ETW_TMP/c.ini"
run etlgen demo --out "$(path "$ETW_TMP/demo.etl")" >/dev/null 2>&1
broker --replay "$(path "$ETW_TMP/demo.etl")" --start 1 --config "$(path "$ETW_TMP/c.ini")" &&
    run etwctl watch --kernel File --endpoint "$endpoint" >"$ETW_TMP/out" 2>"$ETW_TMP/err"
ended "$broker" etwbroker
truth "there are file events" [ "$(wc -l <"$ETW_TMP/out")" -gt 1000 ]
truth "is none of scan_memory" [ "$(grep -c scan_memory "$broker_log.err")" = 0 ]

say "== a trace that nobody has watched"
broker --replay "$file" && await "the broker says so" grep -q "nobody has watched it" "$broker_log.err"
kill -TERM "$broker"
ended "$broker" etwbroker && same "exit code" 0 "$code"

say "== subscriptions"
broker --replay "$file" --start 1 --keep || finish
watching() { # WHAT EXIT TEXTS OPTION...
    local what=$1 exit=$2 texts=$3
    shift 3
    refused "$what" "$exit" "$texts" etwctl watch --endpoint "$endpoint" "$@"
}
watching "a filter that breaks off" 1 "filter|column|11" --filter "Worker -eq"
watching "a filter with an operator that is none" 1 "-similar|column" --filter 'Worker -similar 3'
watching "a filter with a bracket too few" 1 "column" --filter '(Worker -eq 3'
watching "a regular expression" 1 "-like" --filter 'Worker -match "a.*"'
watching "a level that is none" 1 "Loud|Verbose" --level Loud
watching "a kernel type that is none" 1 "Fille|Process" --kernel Fille
watching "a keyword that the provider has not" 1 "NoSuch" EtwBroker-Load-Alpha --any-keyword NoSuch
watching "a provider glob that nothing matches" 1 "NoSuch" 'NoSuch*'
run etwctl watch --endpoint "$endpoint" Microsoft-Windows-DNS-Cliant --timeout 1 >"$ETW_TMP/out" 2>"$ETW_TMP/err"
same "a provider that nobody knows is watched by its hash: exit code" 0 $?
has "with a warning" "not known" "$ETW_TMP/err"
has "that names the nearest" "Microsoft-Windows-DNS-Client" "$ETW_TMP/err"
refused "providers: one that is unknown" 1 "DNS-Cliant|Microsoft-Windows-DNS-Client" etwctl providers DNS-Cliant --endpoint "$endpoint"
refused "providers: a kernel type that is none" 1 "Fille|did you mean File" etwctl providers --kernel Fille --endpoint "$endpoint"
refused "providers: a provider and a type" 2 "not both" etwctl providers DNS-Client --kernel=File --endpoint "$endpoint"
# Misspelt names of events and fields would only be silence: they are told, and the nearest ones.
told() { # WHAT TEXTS OPTION...
    local what=$1 texts=$2
    shift 2
    may_print=1 refused "$what" 0 "$texts" etwctl watch --endpoint "$endpoint" --timeout 0.1 "$@"
}
told "a field that is none" "ProcesName|near it: ProcessName" --kernel Process --filter 'ProcesName -eq "x"'
told "an event that is none" "Proces/Start|near it: Process/Start" --kernel Process --event-name Proces/Start
told "a queue that is too small" "--queue 1 B|128 KB" --queue 1
told "stacks of nothing known" "'Foo' is no kernel type" --kernel Process --stack Process,Foo
watching "stacks of a type that has none" 1 "DiskIO|these have: DiskInit" --kernel DiskIO --stack DiskIO
told "a level between" "level 9 is none" --level 9
refused "set: an id that nobody has" 1 "4711|subscriptions" etwctl set 4711 --level Error --endpoint "$endpoint"
refused "stop: an id that nobody has" 1 "4711|subscriptions" etwctl stop 4711 --endpoint "$endpoint"
refused "set without anything to set" 2 "set" etwctl set 1 --endpoint "$endpoint"
spec() { # WHAT STATUS TEXTS SPEC
    refused "$1" 1 "$2|$3" e2e_watcher watch --endpoint "$endpoint" --out "$(path "$ETW_TMP/items")" --spec "$4"
}
wants() { printf '{"wants":['; for i in $(seq "$1"); do printf '%s{"level":%d}' "$([ "$i" = 1 ] || echo ,)" "$i"; done; printf ']}'; }
spec "17 wants" INVALID_ARGUMENT "16" "$(wants 17)"
spec "no want" INVALID_ARGUMENT "want" '{"wants":[]}'
spec "a member that is none" INVALID_ARGUMENT "provder" '{"wants":[{"provder":"X"}]}'
spec "a member twice" "" "twice" '{"wants":[{"level":1,"level":2}]}'
spec "no JSON" "" "JSON" '{"wants":'
spec "a queue policy that is none" INVALID_ARGUMENT "drop-oldest" '{"wants":[{}],"queue_policy":"drop-all"}'
spec "a queue that is too large" OVERSIZE "268435456" '{"wants":[{}],"queue_bytes":"268435457"}'
spec "a filter" FILTER "column" '{"wants":[{"filter":"a ="}]}'
run e2e_watcher watch --endpoint "$endpoint" --out "$(path "$ETW_TMP/items")" --spec "$(wants 16)" 2>"$ETW_TMP/err"
same "16 wants are taken" 0 $?
refused "a method that is none" 1 "UNSUPPORTED|frobnicate" e2e_watcher request --endpoint "$endpoint" frobnicate
# Wine lets a second one make the first instance of a pipe; Windows does not (the flag is checked by the units).
[ "$HOST" = wine ] || refused "the endpoint is in use" 1 "$(basename "$endpoint")" etwbroker --replay "$file" --endpoint "$endpoint"
request ping >/dev/null 2>"$ETW_TMP/err" && good "after all that the broker answers" || { bad "the broker does not answer"; cat "$ETW_TMP/err"; }
kill -TERM "$broker"
ended "$broker" etwbroker && same "the broker's exit code" 0 "$code"
finish

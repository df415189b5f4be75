#!/bin/bash
# Enrichment against a second opinion that nobody here wrote: what Microsoft's TraceEvent says about the corpus.
# How many cells there are of each class is in traceevent.expected; ETW_COUNTS=FILE writes it anew.
# timeout: 900
. "$(dirname "$0")/lib.sh"

[ -n "$ETW_CORPUS" ] && [ -d "$ETW_CORPUS/traceevent" ] || skip "no corpus"
here=$(dirname "$0")

etl_of() { # NAME.etl -> its path in the corpus
    if [ -f "$ETW_CORPUS/$1" ]; then echo "$ETW_CORPUS/$1"; else echo "$ETW_CORPUS/made/$1"; fi
}

compare() { # NAME MODE KNOWLEDGE
    local name=$1 mode=$2 knowledge=$3 what
    what="$name, --knowledge $knowledge against $mode"
    run etwctl dump "$(path "$(etl_of "$name")")" --enrich --knowledge "$knowledge" --format json --quiet \
        --output "$(path "$ETW_TMP/dump.jsonl")" || { bad "$what: dump ended with $?"; return; }
    if python3 "$here/check_traceevent.py" "$mode" "$ETW_TMP/dump.jsonl" \
        "$ETW_CORPUS/traceevent/$name.log.tsv.gz" "$ETW_CORPUS/traceevent/$name.source.tsv.gz" >"$ETW_TMP/classes"; then
        good "$what"
    else
        bad "$what"
    fi
    sed "s/^  */$name $mode /" "$ETW_TMP/classes" >"$ETW_TMP/counts"
    grep "^$name $mode " "$here/traceevent.expected" >"$ETW_TMP/expected"
    same_lines "$what, the count of each class" "$ETW_TMP/expected" "$ETW_TMP/counts"
    cat "$ETW_TMP/classes"
    [ -z "${ETW_COUNTS:-}" ] || cat "$ETW_TMP/counts" >>"$ETW_COUNTS"
}

# Under Wine one file of each kind; the comparison is the same.
only=
[ "$HOST" != wine ] || only='image_data_32_v1.etl libtrace64.etl'
for log in "$ETW_CORPUS"/traceevent/*.log.tsv.gz; do
    name=$(basename "$log" .log.tsv.gz)
    case " ${only:-$name} " in *" $name "*) ;; *) continue ;; esac
    compare "$name" log file
    compare "$name" source live
    rm -f "$ETW_TMP/dump.jsonl"
done

if [ "$HOST" != wine ]; then
    say "== the workload of net.4.5.2.x64"
    run etwctl dump "$ETW_CORPUS/net.4.5.2.x64.etl" --summary --enrich --format json --quiet >"$ETW_TMP/summary.json"
    python3 "$here/check_workload.py" "$ETW_TMP/summary.json" && good "names and stacks of the workload" ||
        bad "names and stacks of the workload"
fi
finish

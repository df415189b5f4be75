#!/bin/bash
# Enrichment of generated traces has exactly the expected results, from dump and through the broker, with file and with
# live knowledge; and what of the command line belongs to it.
. "$(dirname "$0")/lib.sh"

expected() { # WHAT EXPECTED DUMP
    python3 "$E2E/check_enriched.py" expected "$2" "$3" && good "$1" || bad "$1"
}
dump() { # TRACE OUT OPTION...
    local file=$1 out=$2
    shift 2
    run etwctl dump "$(path "$file")" --enrich --format json --quiet "$@" --output "$(path "$out")" 2>"$ETW_TMP/err" ||
        { bad "dump of $(basename "$file") $*: exit code $?"; sed 's/^/  /' "$ETW_TMP/err"; }
}

etl=$ETW_TMP/enrich.etl
trace "$etl" enrich --enriched "$(path "$ETW_TMP/enrich")" || finish

say "== dump"
for knowledge in file live; do
    dump "$etl" "$ETW_TMP/$knowledge.jsonl" --knowledge $knowledge
    expected "dump --knowledge $knowledge" "$ETW_TMP/enrich.$knowledge.jsonl" "$ETW_TMP/$knowledge.jsonl"
done
dump "$etl" "$ETW_TMP/default.jsonl"
same_lines "file is what dump takes without --knowledge" "$ETW_TMP/file.jsonl" "$ETW_TMP/default.jsonl"
run etwctl dump "$(path "$etl")" --format json --quiet >"$ETW_TMP/plain.jsonl"
python3 - "$ETW_TMP/plain.jsonl" "$ETW_TMP/file.jsonl" "$ETW_TMP/live.jsonl" <<'PY' && good "but for Enriched, events are as without --enrich" || bad "--enrich changes events"
import json, sys
plain, *enriched = [[json.loads(l) for l in open(p, encoding="utf-8", errors="surrogatepass")] for p in sys.argv[1:]]
for events in enriched:
    for event in events:
        event.pop("Enriched", None)
    assert events == plain
PY
trace "$ETW_TMP/small.etl" enrich-small --enriched "$(path "$ETW_TMP/small")"
dump "$ETW_TMP/small.etl" "$ETW_TMP/small.jsonl" --knowledge live --max-cached 3
expected "a cache of three: the least recently used goes" "$ETW_TMP/small.live.jsonl" "$ETW_TMP/small.jsonl"
dump "$ETW_TMP/small.etl" "$ETW_TMP/large.jsonl" --knowledge live --max-cached 4
if python3 "$E2E/check_enriched.py" expected "$ETW_TMP/small.live.jsonl" "$ETW_TMP/large.jsonl" >/dev/null; then
    bad "a cache of four should forget nothing"
else
    good "a cache of four forgets nothing"
fi

trace "$ETW_TMP/boots.etl" enrich-appended --enriched "$(path "$ETW_TMP/boots")"
for knowledge in file live; do
    dump "$ETW_TMP/boots.etl" "$ETW_TMP/boots.$knowledge.out" --knowledge $knowledge
    expected "two sessions in one file, --knowledge $knowledge" "$ETW_TMP/boots.$knowledge.jsonl" "$ETW_TMP/boots.$knowledge.out"
done

say "== text and summary"
having() { # MEMBER DUMP: events that have this enriched member
    python3 -c 'import json,sys; print(sum(sys.argv[1] in json.loads(l).get("Enriched", {}) for l in open(sys.argv[2], encoding="utf-8", errors="surrogatepass")))' "$@"
}
run etwctl dump "$(path "$etl")" --enrich >"$ETW_TMP/text"
has "the table: files of disk reads" 'C:\late\end.txt' "$ETW_TMP/text"
has "the table: registry keys" 'HKLM\SOFTWARE\Contoso' "$ETW_TMP/text"
has "the table: processes" 'app.exe' "$ETW_TMP/text"
for knowledge in file live; do
    run etwctl dump "$(path "$etl")" --enrich --knowledge $knowledge --summary --format json >"$ETW_TMP/summary"
    same "summary, $knowledge: its knowledge" $knowledge "$(json "$ETW_TMP/summary" 'd["Enrichment"]["Knowledge"]')"
    same "summary, $knowledge: events that have a file's name in the dump" \
        "$(having FileName "$ETW_TMP/$knowledge.jsonl")" "$(json "$ETW_TMP/summary" 'd["Enrichment"]["FileNames"]')"
    same "summary, $knowledge: events that have a stack in the dump" \
        "$(having Stack "$ETW_TMP/$knowledge.jsonl")" "$(json "$ETW_TMP/summary" 'd["Enrichment"]["Stacks"]')"
    same "summary, $knowledge: hits and misses are the retrievals" True \
        "$(json "$ETW_TMP/summary" 'all(c["Hits"] + c["Misses"] == c["Retrievals"] for c in d["Enrichment"]["Caches"])')"
done
run etwctl dump "$(path "$etl")" --enrich --summary >"$ETW_TMP/text"
has "the summary as text" "ENRICHMENT knowledge file" "$ETW_TMP/text"
has "the summary as text: stacks" "fragments, resolved" "$ETW_TMP/text"

say "== through the broker"
for knowledge in file live; do
    broker --replay "$(path "$etl")" --lossless --start 1 --knowledge $knowledge || break
    launch "$ETW_TMP/watch-$knowledge" etwctl watch --json --endpoint "$endpoint" \
        --spec '{"wants":[{"level":255},{"kernel":["*"]}],"stacks":["*"],"include_rundown":true}'
    ended "$pid" "the watcher" && same "exit code of watch" 0 "$code"
    if python3 "$E2E/check_enriched.py" equal "$ETW_TMP/$knowledge.jsonl" "$ETW_TMP/watch-$knowledge.out"; then
        good "dump and broker agree, --knowledge $knowledge"
    else
        bad "dump and broker differ, --knowledge $knowledge"
        sed 's/^/  /' "$ETW_TMP/watch-$knowledge.err" | head -n 5
    fi
    ended "$broker" etwbroker && same "exit code of etwbroker" 0 "$code"
done

say "== names of functions"
if command -v x86_64-w64-mingw32-gcc >/dev/null; then
    # A DLL that says of itself what the trace says of app.exe.
    mkdir "$ETW_TMP/symbols"
    x86_64-w64-mingw32-gcc -O2 -w -shared -nostdlib -Wl,-e,DllMainCRTStartup "$E2E/symbols/exports.c" "$E2E/symbols/exports.def" \
        -o "$ETW_TMP/symbols/app.exe" &&
        python3 - "$ETW_TMP/symbols/app.exe" <<'PY'
import struct, sys
image = bytearray(open(sys.argv[1], "rb").read())
pe = struct.unpack_from("<I", image, 0x3c)[0]
struct.pack_into("<I", image, pe + 8, 1610612772)  # TimeDateStamp
struct.pack_into("<I", image, pe + 24 + 56, 0x40000)  # SizeOfImage
open(sys.argv[1], "wb").write(image)
PY
    folder=$(path "$ETW_TMP/symbols")
    dump "$etl" "$ETW_TMP/named.jsonl" "--symbols=$folder"
    truth "dump --symbols names functions" grep -q '"Symbol":"first_function' "$ETW_TMP/named.jsonl"
    broker --replay "$(path "$etl")" --lossless --start 1 &&
        launch "$ETW_TMP/watch-named" etwctl watch --json --endpoint "$endpoint" "--symbols=$folder" \
            --spec '{"wants":[{"level":255},{"kernel":["*"]}],"stacks":["*"],"include_rundown":true}' &&
        ended "$pid" "the watcher" && same "exit code of watch --symbols" 0 "$code"
    python3 "$E2E/check_enriched.py" equal "$ETW_TMP/named.jsonl" "$ETW_TMP/watch-named.out" &&
        good "watch --symbols names the same functions" || bad "watch --symbols differs from dump --symbols"
    ended "$broker" etwbroker
fi

say "== wrong usage"
refused() { # WHAT TEXT PROGRAM ARG...
    local what=$1 text=$2 got=0
    shift 2
    run "$@" >"$ETW_TMP/out" 2>"$ETW_TMP/err" || got=$?
    same "$what: exit code" 2 "$got"
    has "$what" "$text" "$ETW_TMP/err"
}
refused "tsv has no place for it" "json or text" etwctl dump "$(path "$etl")" --enrich --format tsv
refused "knowledge of another kind" "file" etwctl dump "$(path "$etl")" --enrich --knowledge all
refused "knowledge without enrichment" "--enrich" etwctl dump "$(path "$etl")" --knowledge live
refused "symbols without enrichment" "--enrich" etwctl dump "$(path "$etl")" --symbols
refused "names of functions in a table" "--json" etwctl watch --symbols
refused "a cache of nothing" "--max-cached" etwctl dump "$(path "$etl")" --enrich --max-cached 0
refused "the broker, knowledge of another kind" "live" etwbroker --replay "$(path "$etl")" --knowledge all
finish

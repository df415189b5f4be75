#!/bin/bash
# Every generated scenario is read as it was meant: the dump equals, line for line, what the generator says that it wrote.
# Packed, with the other clocks, from other seeds, with few and many processors, in small buffers; circular, appended,
# cut and damaged files are scenarios of their own. Needs no corpus. The same seed gives the same bytes on both hosts.
. "$(dirname "$0")/lib.sh"

# read_back LABEL ETLGEN_ARG...
n_read=0
read_back() {
    local label=$1 file=$ETW_TMP/$1.etl
    shift
    trace "$file" "$@" || return
    dump_exit=0
    run etwctl dump --format tsv "$(path "$file")" >"$file.dump" 2>"$file.err" || dump_exit=$?
    same_lines "$label ($*)" "$file.tsv" "$file.dump" || sed 's/^/  stderr: /' "$file.err" | head -n 5
    n_read=$((n_read + 1))
}
drop() { rm -f "$ETW_TMP/$1".etl*; }

run etlgen --list >"$ETW_TMP/list" || bad "etlgen --list"
scenarios=$(awk '{ print $1 }' "$ETW_TMP/list")
packable=$(awk '/--compress/ { print $1 }' "$ETW_TMP/list")
n_scenarios=$(wc -w <<<"$scenarios")
truth "etlgen knows scenarios (at least 10, now $n_scenarios)" [ "$n_scenarios" -ge 10 ]

# Windows programs start slowly: there each scenario once, and the variants on one of them.
for s in $scenarios; do
    size=()
    ! grep -q "^$s .*--events" "$ETW_TMP/list" || size=(--events 20000)
    read_back "$s" "$s" "${size[@]}"
    case $s in
    truncated | damaged)
        truth "$s: the diagnostic on standard error names a place in the file" grep -qiE 'offset|byte|buffer' "$ETW_TMP/$s.etl.err" ;;
    *) [ "$dump_exit" = 0 ] || bad "$s: exit code $dump_exit of the dump of a sound file" ;;
    esac
    [ "$s" = kinds ] || drop "$s"
    [ "$HOST" = linux ] || continue
    read_back "$s-seed" "$s" "${size[@]}" --seed 77
    drop "$s-seed"
done

# The trace header tells of the file itself (sizes, counts); every other event is the same in a packed file.
events_of() { grep -v -e '^#' -e 68fdd900-4a3e-11d1-84f4-0000f80464e3 "$1"; }
for s in $packable; do
    [ "$HOST" = linux ] || [ "$s" = kinds ] || continue
    size=()
    ! grep -q "^$s .*--events" "$ETW_TMP/list" || size=(--events 20000)
    plain=$ETW_TMP/$s-plain.etl
    trace "$plain" "$s" "${size[@]}"
    events_of "$plain.tsv" >"$ETW_TMP/expected"
    for packing in compress compress-literal; do
        read_back "$s-$packing" "$s" "--$packing" "${size[@]}"
        events_of "$ETW_TMP/$s-$packing.etl.dump" >"$ETW_TMP/got"
        same_lines "$s: --$packing changes no event" "$ETW_TMP/expected" "$ETW_TMP/got"
    done
    truth "$s: packing with matches makes it smaller" \
        [ "$(stat -c %s "$ETW_TMP/$s-compress.etl")" -lt "$(stat -c %s "$plain")" ]
    drop "$s-compress"; drop "$s-compress-literal"; drop "$s-plain"
done

for clock in 1 2 3; do
    read_back "clock$clock" kinds --clock $clock
    drop "clock$clock"
done
read_back frequency kinds --clock 1 --freq 3579545
drop frequency
[ "$HOST" = wine ] || {
    for cpus in 1 2 64 2048; do
        read_back "cpus$cpus" load --cpus $cpus --events 30000
        drop "cpus$cpus"
    done
    read_back small load --buffer 4096 --payload 3000 --events 5000
    drop small
    read_back large load --buffer 1048576 --payload 60000 --events 300
    drop large
    read_back many load --events 300000 --cpus 4
    drop many
}

# Determinism: twice here; and here against the other host's generator, when it has been built.
run etlgen kinds --seed 5 --out "$(path "$ETW_TMP/a.etl")" >/dev/null
run etlgen kinds --seed 5 --out "$(path "$ETW_TMP/b.etl")" >/dev/null
run etlgen kinds --seed 6 --out "$(path "$ETW_TMP/c.etl")" >/dev/null
truth "the same seed gives the same bytes" cmp -s "$ETW_TMP/a.etl" "$ETW_TMP/b.etl"
if cmp -s "$ETW_TMP/a.etl" "$ETW_TMP/c.etl"; then bad "another seed gives the same bytes"; fi
if [ "$HOST" = wine ] && [ -x "$BUILD/../linux/etlgen" ]; then
    for s in $scenarios; do
        size=()
        ! grep -q "^$s .*--events" "$ETW_TMP/list" || size=(--events 2000)
        rm -f "$ETW_TMP/here.etl"
        run etlgen "$s" "${size[@]}" --out "$(path "$ETW_TMP/here.etl")" >/dev/null || bad "etlgen $s ended with $?"
        "$BUILD/../linux/etlgen" "$s" "${size[@]}" --out "$ETW_TMP/there.etl" >/dev/null
        same "$s: sha256 here and on Linux" "$(sha256sum <"$ETW_TMP/there.etl")" "$(sha256sum <"$ETW_TMP/here.etl")"
    done
elif [ "$HOST" = wine ]; then
    say "note: no Linux build beside this one: generators not compared"
fi
say "$n_read traces read back"
finish

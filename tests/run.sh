#!/bin/bash
# Builds and runs tests, one line a result, and ends with the one closing line "N passed, N failed, N skipped".
#
#   tests/run.sh STAGE...       stages run in this order; a failing one does not stop the others
#     unit:CONFIG[:ROOM,ROOM]   Criterion programs build/CONFIG/tests/unit_*; CONFIG win64 runs under Wine
#     e2e:CONFIG                tests/e2e/*.sh (but lib*.sh) with the programs of build/CONFIG
#     torture:CONFIG            build/CONFIG/torture_*
#     fuzz:SECONDS              each build/fuzz/fuzz_* for so long
#     check:layers|format|lint  one result each
#
# A script or torture program says "skipped" with exit code 77 and the reason on its last line; a unit test with
# cr_skip_test(). Environment given to all of them:
#   BUILD       the build folder, absolute                 HOST   linux | wine
#   EXE         "" | .exe                                  RUN    "" | the script that runs an .exe under Wine
#   ETW_CORPUS  the corpus folder, absolute; empty if there is none
#   ETW_TMP     an empty folder of its own, removed afterwards
# A script that needs more than 300 s has a line "# timeout: SECONDS".
#
# Settings: ONLY=NAME (a glob: unit_schema or schema, a script's or a fuzz target's name), FILTER=SUITE/TEST (a glob for
# unit tests), CI=true (a missing corpus is a failure), ETW_NO_SKIP=1 (so is every skipped test). Logs stay in
# build/test-logs.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
make=${MAKE:-make}
# The builds below are makes of their own: a job server of the one that called us is not theirs.
unset MAKEFLAGS MFLAGS
logs=$root/build/test-logs
mkdir -p "$logs"
count_file=$logs/count
rm -f "$count_file"

n_pass=0 n_fail=0 n_skip=0
failures=() skips=()
started=$(date +%s)

only=${ONLY:-*}
case "$only" in *[*?]*) ;; *) only="*$only*" ;; esac

if [ ! -d "${ETW_CORPUS:=$root/../shared/corpus}" ]; then
    missing_corpus=$ETW_CORPUS
    ETW_CORPUS=
else
    missing_corpus=
    ETW_CORPUS=$(cd "$ETW_CORPUS" && pwd)
fi
export ETW_CORPUS

# ---- Results ------------------------------------------------------------------------------------------------------

passed()  { n_pass=$((n_pass + ${3:-1})); printf 'pass  %-16s %-28s %s\n' "$stage" "$1" "${2:-}"; }
failed()  {
    n_fail=$((n_fail + ${3:-1})); failures+=("$stage $1: ${2:-}")
    printf 'FAIL  %-16s %-28s %s\n' "$stage" "$1" "${2:-}"
}
skipped() {
    if [ "${ETW_NO_SKIP:-}" = 1 ]; then failed "$1" "skipped, and ETW_NO_SKIP is set: ${2:-}"; return; fi
    n_skip=$((n_skip + 1)); skips+=("$stage $1: ${2:-no reason given}")
    printf 'skip  %-16s %-28s %s\n' "$stage" "$1" "${2:-}"
}
show() { tail -n "${2:-60}" "$1" | sed 's/^/      | /'; }
seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f s", b - a }'; }

close() {
    printf '\n'
    [ ${#skips[@]} = 0 ] || { echo "Skipped:"; printf '  %s\n' "${skips[@]}"; }
    [ ${#failures[@]} = 0 ] || { echo "Failed:"; printf '  %s\n' "${failures[@]}"; }
    echo "$(($(date +%s) - started)) s, logs in build/test-logs"
    echo "$n_pass passed, $n_fail failed, $n_skip skipped" | tee "$count_file"
    [ $n_fail = 0 ]
}

# build CONFIG GROUP: a build that fails is one failed result.
build() {
    if "$make" --no-print-directory "build-$1" "GROUP=$2" >"$logs/build-$1-$2.log" 2>&1; then return 0; fi
    failed "build" "build-$1 GROUP=$2"
    show "$logs/build-$1-$2.log" 40
    return 1
}

# Sets HOST, BUILD, EXE, RUN for a configuration, and the sanitizers' options.
enter() {
    export BUILD=$root/build/$1 HOST=linux EXE='' RUN=''
    if [ "$1" = win64 ]; then
        HOST=wine EXE=.exe RUN=$root/tests/wine/run-exe.sh
        "$root/.setup/wine.sh" start || { failed wine "the prefix could not be made"; return 1; }
    fi
    # A leak does not fail a Criterion test, and a child's report is easily lost: reports go to files, looked for afterwards.
    export ASAN_OPTIONS="log_path=$logs/sanitizer:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
    export LSAN_OPTIONS="suppressions=$root/tests/lsan.supp:print_suppressions=0"
    export UBSAN_OPTIONS="log_path=$logs/sanitizer:print_stacktrace=1"
    export TSAN_OPTIONS="log_path=$logs/sanitizer:second_deadlock_stack=1"
    rm -f "$logs"/sanitizer.*
    # The run-times of clang 14 do not always find their shadow's place in a randomised address space.
    wrap=()
    case "$1" in
    linux-asan | linux-tsan | fuzz) if setarch -R true 2>/dev/null; then wrap=(setarch -R); fi ;;
    esac
}

# run NAME SECONDS COMMAND...: output to $log, exit code in $code, a sanitizer's report in $log and as code 99.
run() {
    local name=$1 limit=$2 report group
    shift 2
    log=$logs/${stage//:/-}-$name.log
    export ETW_TMP
    ETW_TMP=$(mktemp -d)
    export ETW_WINE_TIMEOUT=$limit
    code=0
    # timeout is the leader of a process group: what a test has left running ends with it.
    timeout -k 10 "$((limit + 15))" "${wrap[@]}" "$@" </dev/null >"$log" 2>&1 &
    group=$!
    wait $group 2>/dev/null || code=$?
    kill -KILL -- -$group 2>/dev/null || true
    for report in "$logs"/sanitizer.*; do
        [ -s "$report" ] || continue
        cat "$report" >>"$log"
        code=99
    done
    rm -f "$logs"/sanitizer.*
    rm -rf "$ETW_TMP"
}

why() { # CODE
    case "$1" in
    99) echo "sanitizer report" ;;
    124 | 137) echo "timed out" ;;
    *) echo "exit code $1" ;;
    esac
}

# plain NAME SECONDS COMMAND...: one result from an exit code.
plain() {
    local began again=
    began=$(date +%s.%N)
    run "$@"
    # Wine fails to start a program once in some thousands of starts, which a script of many programs meets now and then.
    # A second try is told, with the first one's log; two failures in a row are a failure.
    if [ -n "${RUN:-}" ] && [ "$code" != 0 ] && [ "$code" != 77 ]; then
        echo "note  $stage: $1 failed under Wine ($(why $code)); its log, and a second try:"
        show "$log"
        again=", at the second try"
        run "$@"
    fi
    case $code in
    0)  passed "$1" "$(seconds_since "$began")$again" ;;
    77) skipped "$1" "$(tail -n 1 "$log")" ;;
    *)  failed "$1" "$(why $code)"; show "$log" ;;
    esac
}

none() { echo "note  $stage: nothing to run${ONLY:+ for ONLY=$ONLY}"; }

# ---- Stages -------------------------------------------------------------------------------------------------------

# One Criterion program. Its TAP file is what counts; the exit code and the plan must agree with it, so that a program
# that dies half-way is a failure.
unit_program() {
    local exe=$1 name=$2 tap=$logs/unit.tap began ok bad skip plan line
    began=$(date +%s.%N)
    rm -f "$tap"
    local args=(--tap="$tap")
    [ -z "${FILTER:-}" ] || args+=(--filter "$FILTER")
    if [ -n "$RUN" ]; then run "$name" 600 "$RUN" "$exe" "${args[@]}"; else run "$name" 600 "$exe" "${args[@]}"; fi
    [ -f "$tap" ] || : >"$tap"
    ok=$(grep -c '^ok ' "$tap" || true)
    bad=$(grep -c '^not ok ' "$tap" || true)
    skip=$(grep -c '^ok .*# SKIP' "$tap" || true)
    plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$tap")
    while read -r line; do
        # Criterion calls what --filter leaves out skipped as well.
        [ -n "${FILTER:-}" ] || skipped "${line%%|*}" "${line#*|}"
    done < <(sed -n 's/^ok - \([^ ]*\) *# SKIP */\1|/p' "$tap")
    if [ $code != 0 ] && [ "$bad" = 0 ] || [ "$((ok + bad))" != "${plan:-none}" ]; then
        failed "$name" "$(why $code), $((ok + bad)) of ${plan:-?} tests told"
        show "$log"
    fi
    if [ "$bad" != 0 ]; then
        failed "$name" "$(sed -n 's/^not ok - \([^ ]*\).*/\1/p' "$tap" | head -n 20 | tr '\n' ' ')" "$bad"
        show "$log"
    fi
    if [ "$((ok - skip))" != 0 ]; then
        passed "$name" "$((ok - skip)) tests, $(seconds_since "$began")" "$((ok - skip))"
    fi
}

stage_unit() { # CONFIG [ROOMS]
    local exe name found=
    build "$1" units || return 0
    enter "$1" || return 0
    for exe in $("$make" -s --no-print-directory "build-$1" GROUP=list-units); do
        name=$(basename "$exe" "$EXE")
        # shellcheck disable=SC2053 # a glob
        [[ $name == $only ]] || continue
        if [ -n "${2:-}" ]; then case ",$2," in *",${name#unit_},"*) ;; *) continue ;; esac; fi
        found=1
        unit_program "$root/$exe" "$name"
    done
    [ -n "$found" ] || none
}

stage_e2e() { # CONFIG
    local script name limit found=
    build "$1" all || return 0
    build "$1" helpers || return 0
    enter "$1" || return 0
    for script in tests/e2e/*.sh; do
        name=$(basename "$script" .sh)
        case "$name" in '*' | lib*) continue ;; esac
        # shellcheck disable=SC2053
        [[ $name == $only ]] || continue
        found=1
        limit=$(sed -n 's/^# timeout: *\([0-9]*\).*/\1/p' "$script")
        plain "$name" "${limit:-300}" bash "$script"
    done
    [ -n "$found" ] || none
}

stage_torture() { # CONFIG
    local exe name found=
    build "$1" helpers || return 0
    enter "$1" || return 0
    for exe in "$BUILD"/torture_*; do
        # A program whose source is gone is not a test any more.
        [ -f "tests/torture/$(basename "${exe#*torture_}" "$EXE").c" ] || continue
        name=$(basename "$exe" "$EXE")
        # shellcheck disable=SC2053
        [[ $name == $only ]] || continue
        found=1
        if [ -n "$RUN" ]; then plain "$name" 600 "$RUN" "$exe"; else plain "$name" 600 "$exe"; fi
    done
    [ -n "$found" ] || none
}

# Two targets at a time; corpora stay between runs (build/fuzz/corpus), crashing inputs too (build/fuzz/crashes).
stage_fuzz() { # SECONDS
    local exe name names=() found=
    build fuzz fuzzers || return 0
    enter fuzz || return 0
    unset ASAN_OPTIONS UBSAN_OPTIONS # libFuzzer itself reports, and keeps the input
    mkdir -p build/fuzz/crashes build/fuzz/made-seeds
    if [ -f tests/fuzz/make_seeds.sh ]; then
        if build linux all; then
            BUILD=$root/build/linux bash tests/fuzz/make_seeds.sh build/fuzz/made-seeds >"$logs/make-seeds.log" 2>&1 || {
                failed make_seeds "exit code $?"
                show "$logs/make-seeds.log"
            }
        fi
    fi
    for exe in build/fuzz/fuzz_*; do
        name=$(basename "$exe")
        [ -f "tests/fuzz/$name.c" ] || continue
        # shellcheck disable=SC2053
        [[ $name == $only ]] || continue
        names+=("$name")
    done
    # shellcheck disable=SC2016
    [ ${#names[@]} = 0 ] || printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I{} bash -c '
        target=${1#fuzz_}
        logs=$2 limit=$3
        shift 3
        corpus=build/fuzz/corpus/$target
        mkdir -p "$corpus"
        seeds=
        for folder in "tests/fuzz/seeds/$target" "build/fuzz/made-seeds/$target"; do
            [ ! -d "$folder" ] || seeds="$seeds $folder"
        done
        [ ! -f "tests/fuzz/fuzz_$target.dict" ] || seeds="$seeds -dict=tests/fuzz/fuzz_$target.dict"
        code=0
        timeout -k 10 $((limit + 120)) "$@" "build/fuzz/fuzz_$target" "$corpus" $seeds -max_total_time="$limit" \
            -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="build/fuzz/crashes/$target-" \
            >"$logs/fuzz-$target.log" 2>&1 </dev/null || code=$?
        echo $code >"$logs/fuzz-$target.code"
    ' fuzz {} "$logs" "$1" "${wrap[@]}"
    for name in "${names[@]}"; do
        found=1
        log=$logs/fuzz-${name#fuzz_}.log
        code=$(cat "$logs/fuzz-${name#fuzz_}.code")
        if [ "$code" = 0 ]; then
            passed "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs"
        else
            failed "$name" "$(why "$code"), input in build/fuzz/crashes"
            show "$log"
        fi
    done
    [ -n "$found" ] || none
}

stage_check() { # NAME
    local target
    wrap=()
    case "$1" in
    layers) target=check-layers ;;
    format) target=format-check ;;
    *) target=$1 ;;
    esac
    # -k: all that is wrong, in one go.
    plain "$target" 900 "$make" --no-print-directory -k "$target"
}

# ---- Main ---------------------------------------------------------------------------------------------------------

[ $# -gt 0 ] || { sed -n '2,22s/^# \{0,1\}//p' "$0" >&2; exit 2; }
rm -rf "$logs"
mkdir -p "$logs"

stage=corpus
if [ -n "$missing_corpus" ]; then
    if [ "${CI:-}" = true ]; then failed corpus "there is no $missing_corpus, and this is CI"
    else echo "note  no corpus in $missing_corpus (ETW_CORPUS): tests that need it will be skipped"; fi
fi

wine_used=
for argument in "$@"; do
    IFS=: read -r kind first second <<<"$argument"
    stage=$kind:$first
    case "$kind:$first" in unit:win64 | e2e:win64 | torture:win64) wine_used=1 ;; esac
    case "$kind" in
    unit | e2e | torture | fuzz | check) "stage_$kind" "$first" "$second" ;;
    *) echo "tests/run.sh: no stage $argument" >&2; exit 2 ;;
    esac
done
[ -z "$wine_used" ] || .setup/wine.sh stop
close

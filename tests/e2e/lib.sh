# Common to the end-to-end scripts: sourced, never run. tests/run.sh tells what the environment holds.
#
# - Checks go on after a failure and say what was expected and what came; `finish` ends the script with 0 or 1.
# - Nothing sleeps in the hope that something has happened: await polls for a sign of it, with a deadline.
# - What was started is ended when the script ends, whatever ends it.
set -u

# BUILD HOST EXE RUN ETW_TMP ETW_CORPUS: from tests/run.sh
: "${BUILD:?run this with tests/run.sh, or make e2e ONLY=NAME}" "${HOST:=linux}" "${EXE:=}" "${RUN:=}" "${ETW_TMP:?}"
E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PYTHONDONTWRITEBYTECODE=1
n_failed=0
started=()
# Wine starts a program in about half a second, on a machine that others use as well.
deadline_s=30
[ "$HOST" = linux ] || deadline_s=60

say() { printf '%s\n' "$*"; }
bad() { n_failed=$((n_failed + 1)); say "FAIL: $*"; }
good() { say "ok: $*"; }
skip() { say "$*"; exit 77; }
finish() {
    [ "$n_failed" = 0 ] || { say "$n_failed checks failed"; exit 1; }
    say "all checks passed"
    exit 0
}

# same WHAT EXPECTED GOT
same() {
    if [ "$2" = "$3" ]; then good "$1: $2"; else bad "$1"; say "  expected: $2"; say "  got:      $3"; fi
}
# has WHAT TEXT FILE: the file holds the text, case-blind.
has() {
    if grep -qiF -e "$2" "$3"; then good "$1: says '$2'"; else
        bad "$1"
        say "  expected a line with: $2"
        say "  got:"
        head -n 8 "$3" | sed 's/^/    /'
    fi
}
# truth WHAT COMMAND...
truth() {
    local what=$1
    shift
    if "$@"; then good "$what"; else bad "$what: not so: $*"; fi
}
# same_lines WHAT EXPECTED_FILE GOT_FILE: equal byte for byte; the first line that differs is shown.
same_lines() {
    if cmp -s "$2" "$3"; then good "$1: $(wc -l <"$2") lines equal"; return 0; fi
    bad "$1: $(wc -l <"$2") lines expected, $(wc -l <"$3") got"
    python3 "$E2E/first_difference.py" "$2" "$3" | sed 's/^/  /'
    return 1
}

# A path as the programs of this host take it.
path() { if [ "$HOST" = wine ]; then printf 'Z:%s' "$1"; else printf '%s' "$1"; fi; }

# run NAME ARG...: a program of the build, to its end.
run() {
    local program=$BUILD/$1$EXE
    shift
    if [ -n "$RUN" ]; then "$RUN" "$program" "$@"; else "$program" "$@"; fi
}
# launch LOG NAME ARG...: in the background, $! in $pid; output to LOG.out and LOG.err.
launch() {
    local log=$1 program=$BUILD/$2$EXE
    shift 2
    if [ -n "$RUN" ]; then "$RUN" "$program" "$@" >"$log.out" 2>"$log.err" </dev/null &
    else "$program" "$@" >"$log.out" 2>"$log.err" </dev/null & fi
    pid=$!
    started+=("$pid")
}
alive() { kill -0 "$1" 2>/dev/null; }
# await WHAT COMMAND...: until it succeeds; false, and a failed check, when the deadline passes.
await() {
    local what=$1 end=$((SECONDS + deadline_s))
    shift
    until "$@"; do
        if [ $SECONDS -ge $end ]; then bad "not within $deadline_s s: $what"; return 1; fi
        # Nothing more comes of a broker that has ended.
        if [ "$1" != gone ] && [ -n "${broker:-}" ] && gone "$broker"; then
            ! "$@" || return 0
            bad "the broker has ended before: $what"
            sed 's/^/  broker: /' "$broker_log.err"
            return 1
        fi
        sleep 0.02
    done
}
gone() { ! alive "$1"; }
# ended PID: waits for its end (with the deadline), exit code in $code.
ended() {
    code=none
    await "the end of process $1 (${2:-})" gone "$1" || return 1
    code=0
    wait "$1" 2>/dev/null || code=$?
}
# The process that really is the program: under Wine the script's child.
real_pid() {
    if [ "$HOST" = linux ]; then echo "$1"; return; fi
    local child
    for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
        case "$(tr '\0' ' ' <"/proc/$child/cmdline" 2>/dev/null)" in *.exe*) case "$(cat "/proc/$child/comm")" in bash | sleep) ;;
            *) echo "$child"; return ;; esac ;; esac
    done
}

clean_up() {
    local p
    for p in "${started[@]:+${started[@]}}"; do
        if alive "$p"; then
            [ "$HOST" = linux ] || kill -KILL "$(real_pid "$p")" 2>/dev/null
            { kill -CONT "$p"; kill -KILL "$p"; wait "$p"; } 2>/dev/null
        fi
    done
    [ -z "${socket_folder:-}" ] || rm -rf "$socket_folder"
}
trap clean_up EXIT
trap 'exit 1' TERM INT

# ---- A broker -----------------------------------------------------------------------------------------------------

n_endpoints=0
# A new endpoint in $endpoint: a socket's path has 107 bytes at most, so it gets a short folder of its own.
new_endpoint() {
    n_endpoints=$((n_endpoints + 1))
    if [ "$HOST" = wine ]; then endpoint=etw-e2e-$$-$n_endpoints; return; fi
    [ -n "${socket_folder:-}" ] || socket_folder=$(mktemp -d /tmp/etw-XXXXXX)
    endpoint=$socket_folder/$n_endpoints
}
# broker ARG...: starts etwbroker at a new endpoint; $broker is its pid, $broker_log its log without .out | .err.
broker() {
    new_endpoint
    broker=
    broker_log=$ETW_TMP/broker-$n_endpoints
    launch "$broker_log" etwbroker --endpoint "$endpoint" "$@"
    broker=$pid
    await "etwbroker listens at $endpoint" listening || { sed 's/^/  /' "$broker_log.err"; return 1; }
}
listening() { grep -q 'listening at' "$broker_log.err" 2>/dev/null || { gone "$broker" && sed 's/^/  broker: /' "$broker_log.err" && exit 1; }; }

request() { # METHOD [PARAMS]: the reply on standard output
    run e2e_watcher request --endpoint "$endpoint" "$@"
}
# watch NAME SPEC [OPTION...]: e2e_watcher in the background; its lines in $ETW_TMP/NAME.items, pid in $pid and pid_NAME.
# Returns when it has subscribed.
watch() {
    local name=$1 spec=$2
    shift 2
    rm -f "$ETW_TMP/$name.ready"
    launch "$ETW_TMP/$name" e2e_watcher watch --endpoint "$endpoint" --spec "$spec" --out "$(path "$ETW_TMP/$name.items")" \
        --ready "$(path "$ETW_TMP/$name.ready")" "$@"
    eval "pid_$name=$pid"
    # shellcheck disable=SC2034 # for the caller
    await "$name has subscribed" subscribed "$name" "$pid" && id=$(cat "$ETW_TMP/$name.ready")
}
subscribed() { [ -s "$ETW_TMP/$1.ready" ] || { gone "$2" && sed 's/^/  /' "$ETW_TMP/$1.err" && return 0; }; }
# watched NAME: waits for its end; it must end well.
watched() {
    local p=pid_$1
    ended "${!p}" "$1" || return 1
    [ "$code" = 0 ] || { bad "watcher $1 ended with $code"; sed 's/^/  /' "$ETW_TMP/$1.err" | head -n 5; return 1; }
}
# json FILE EXPRESSION: a Python expression over the document d.
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"; }

# trace FILE ARG...: etlgen, with the line counts of what a reader must find in FILE.tsv.
trace() {
    local file=$1
    shift
    run etlgen "$@" --out "$(path "$file")" --expect "$(path "$file.tsv")" >"$file.log" 2>&1 || { bad "etlgen $*"; cat "$file.log"; return 1; }
}
need_corpus() { [ -n "${ETW_CORPUS:-}" ] || skip "no corpus (ETW_CORPUS)"; }

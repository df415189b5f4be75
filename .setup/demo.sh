#!/bin/bash
# What "make run" shows:  .setup/demo.sh BUILD
#
# A sample trace is made (the same one each time), replayed through the broker to four watchers, and the broker's profile
# of them is printed. Ends by itself, with 0 if all of it worked; needs no terminal.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build/linux}
work=build/demo

for program in etwbroker etwctl etlgen; do
    [ -x "$build/$program" ] || { echo "run: $build/$program has not been built" >&2; exit 1; }
done

rm -rf "$work"
mkdir -p "$work"
# A socket's path has 107 bytes at most, and a clone may stand deep in a file system.
endpoint_folder=$(mktemp -d)
endpoint=$endpoint_folder/etw
broker=
cleanup() {
    [ -z "$broker" ] || kill "$broker" 2>/dev/null || true
    rm -rf "$endpoint_folder"
}
trap cleanup EXIT

"$build/etlgen" demo --out "$work/sample.etl" >/dev/null
endpoint_shown=--endpoint=demo
say() { echo; echo "\$ $*"; }

say "etwbroker --replay sample.etl --speed 2x --loop --keep $endpoint_shown &"
"$build/etwbroker" --replay "$work/sample.etl" --speed 2x --loop --keep --start 4 --endpoint "$endpoint" \
    >"$work/broker.log" 2>&1 &
broker=$!
for _ in $(seq 200); do
    [ ! -S "$endpoint" ] || break
    kill -0 "$broker" 2>/dev/null || { cat "$work/broker.log" >&2; exit 1; }
    sleep 0.05
done

# Four watchers with different wants. Each ends after a number of events; the profile is taken while they watch.
watch() { # NAME ARGUMENTS...
    local name=$1
    shift
    "$build/etwctl" watch --endpoint "$endpoint" --name "$name" --quiet "$@" >"$work/$name.txt" 2>"$work/$name.err" &
}
watch dns DNS-Client --id 3008 --timeout 4
watch starts --kernel Process --event-name Process/Start --timeout 4
watch run-keys --kernel Registry --event-name Registry/SetValue --filter 'RegistryPath -like "*\CurrentVersion\Run"' --timeout 4
watch documents --kernel File --filter 'FileName -like "*.docx" -and ProcessName -eq "WINWORD.EXE"' --timeout 4
sleep 3
"$build/etwctl" profile --endpoint "$endpoint" >"$work/profile.txt"
for job in $(jobs -p); do
    [ "$job" = "$broker" ] || wait "$job" || { cat "$work"/*.err >&2; exit 1; }
done
width=${COLUMNS:-$([ ! -t 1 ] || tput cols 2>/dev/null || true)}
show() { # NAME LINES
    [ "$(wc -l <"$work/$1.txt")" -ge 2 ] || { echo "run: the watcher $1 saw nothing" >&2; cat "$work"/*.err >&2; exit 1; }
    head -n "$2" "$work/$1.txt" | cut -c1-"${width:-140}"
}
say "etwctl watch DNS-Client --id 3008"
show dns 6
say "etwctl watch --kernel Process --event-name Process/Start"
show starts 5
say "etwctl watch --kernel Registry --event-name Registry/SetValue --filter 'RegistryPath -like \"*\\CurrentVersion\\Run\"'"
show run-keys 4
say "etwctl watch --kernel File --filter 'FileName -like \"*.docx\" -and ProcessName -eq \"WINWORD.EXE\"'"
show documents 5
say "etwctl profile"
cat "$work/profile.txt"
kill "$broker"
wait "$broker" || { cat "$work/broker.log" >&2; exit 1; }
broker=

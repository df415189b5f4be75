#!/bin/bash
# Runs one Windows program under Wine as if it were a program of this machine:  tests/wine/run-exe.sh EXE ARG...
#
# - The exit code is the program's (Wine passes the low 8 bits); 124 means that it was ended after
#   ETW_WINE_TIMEOUT seconds (default 300).
# - Standard output and error go to files first, and come out when the program has ended: Wine's own services inherit
#   them, and a reader of a pipe would wait for those. Redirected to a file by the caller they go straight there, so that
#   a script can read what a running broker has said.
# - A program that Ctrl+C ends without a handler of its own gives 0.
# - TERM and INT to this script become Ctrl+C for the program, then, after 10 seconds, its end. (A background job of a
#   script cannot be sent INT, so tests send TERM on both hosts.)
# - WINEPREFIX, if set, is used; else the common prefix (.setup/wine.sh). Any number may run at once.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
[ $# -gt 0 ] || { echo "usage: $0 EXE ARG..." >&2; exit 2; }

export WINEPREFIX=${WINEPREFIX:-$here/build/wine/prefix}
export WINEDEBUG=${WINEDEBUG:--all}
export WINEDLLOVERRIDES=${WINEDLLOVERRIDES:-winemenubuilder.exe=d;mscoree=d;mshtml=d}
export LC_ALL=C.UTF-8
unset DISPLAY WAYLAND_DISPLAY || true
/usr/lib/wine/wineserver64 -k0 2>/dev/null || {
    if [ "$WINEPREFIX" = "$here/build/wine/prefix" ]; then "$here/.setup/wine.sh" start
    else "$here/.setup/wine.sh" start "$WINEPREFIX"; fi
}

scratch=$(mktemp -d)
out=$scratch/out err=$scratch/err in=/dev/null
trap 'rm -rf "$scratch"' EXIT
# A file, or the null device: nobody waits for its end.
passes() { [ -f "/proc/self/fd/$1" ] || [ "$(readlink "/proc/self/fd/$1")" = /dev/null ]; }
if passes 1; then out=/proc/self/fd/1; fi
if passes 2; then err=/proc/self/fd/2; fi
if passes 0; then in=/proc/self/fd/0; fi

exec 3>&1 4>&2
[ "$out" = /proc/self/fd/1 ] || exec 3>"$out"
[ "$err" = /proc/self/fd/2 ] || exec 4>"$err"

/usr/lib/wine/wine64 "$@" <"$in" >&3 2>&4 3>&- 4>&- &
pid=$!
exec 3>&- 4>&-

limit=${ETW_WINE_TIMEOUT:-300}
ended=
# The watch sleeps in short steps only to be gone soon after the program is.
( trap - EXIT; n=0; while [ "$n" -lt "$limit" ]; do sleep 1; n=$((n + 1)); kill -0 "$pid" 2>/dev/null || exit 0; done
  : >"$scratch/late"; kill -KILL "$pid" 2>/dev/null ) </dev/null >/dev/null 2>&1 &
watch=$!

# shellcheck disable=SC2317 # called by the trap
finish() {
    ended=1
    kill -INT "$pid" 2>/dev/null || true
    ( trap - EXIT; n=0; while [ "$n" -lt 100 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; n=$((n + 1)); done
      kill -KILL "$pid" 2>/dev/null ) </dev/null >/dev/null 2>&1 &
}
trap finish TERM INT HUP

code=0
# Without the shell's own word on how it ended.
wait "$pid" 2>/dev/null || code=$?
# A trapped signal ends wait early, once.
if [ -n "$ended" ]; then code=0; wait "$pid" 2>/dev/null || code=$?; fi
kill $watch 2>/dev/null || true
if [ -f "$scratch/late" ]; then
    echo "run-exe: $1 ended after $limit s" >>"$scratch/note"
    code=124
fi
[ "$out" != "$scratch/out" ] || cat "$out"
[ "$err" != "$scratch/err" ] || cat "$err" >&2
[ ! -f "$scratch/note" ] || cat "$scratch/note" >&2
exit $code

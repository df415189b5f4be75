#!/bin/bash
# The Wine prefixes of the tests:
#
#   .setup/wine.sh prefix        makes build/wine/prefix once (about 10 s) and says where it is
#   .setup/wine.sh copy NAME     a fresh copy of it, build/wine/NAME, for a test that changes the machine (services, COM,
#                                replaced system DLLs); says where it is
#   .setup/wine.sh start [DIR]   makes sure that the prefix's server runs
#   .setup/wine.sh stop [DIR]    ends that server, and only that one
set -eu
cd "$(dirname "$0")/.."

# The loader itself: the "wine" script in front of it looks for 32-bit parts that nobody needs.
WINE=/usr/lib/wine/wine64
WINESERVER=/usr/lib/wine/wineserver64
export WINEDEBUG=-all
# No menus on a desktop, no offers to download Mono and Gecko.
export WINEDLLOVERRIDES='winemenubuilder.exe=d;mscoree=d;mshtml=d'
export LC_ALL=C.UTF-8
unset DISPLAY WAYLAND_DISPLAY || true

root=$PWD/build/wine
mkdir -p "$root"

# The server outlives its last client by this many seconds, then ends by itself: nothing is left behind when a test
# run is killed. Without a lingering server each program would pay for the start of services.exe.
linger=120

start() { # PREFIX
    # Signal 0: is there one already?
    WINEPREFIX=$1 "$WINESERVER" -k0 2>/dev/null && return 0
    # The first process starts services.exe and others, which keep its handles: give them none that anyone waits for,
    # and a session of their own, because a test's process group is ended with it.
    WINEPREFIX=$1 setsid -w "$WINESERVER" -p$linger </dev/null >/dev/null 2>&1 || true
    WINEPREFIX=$1 setsid -w timeout 120 "$WINE" cmd.exe /c exit </dev/null >/dev/null 2>&1
}

stop() { # PREFIX
    WINEPREFIX=$1 "$WINESERVER" -k >/dev/null 2>&1 || true
    WINEPREFIX=$1 timeout 30 "$WINESERVER" -w >/dev/null 2>&1 || true
}

reg() { WINEPREFIX=$1 timeout 60 "$WINE" reg.exe add "${@:2}" /f </dev/null >/dev/null 2>&1; }

make_prefix() {
    local p=$root/prefix
    [ -f "$p/.made" ] && return 0
    stop "$p"
    rm -rf "$p"
    # To files, never to a pipe (see start).
    if ! WINEPREFIX=$p WINEARCH=win64 timeout 300 "$WINE" wineboot.exe -i </dev/null >"$root/wineboot.log" 2>&1; then
        tail -n 20 "$root/wineboot.log" >&2
        echo "wine: wineboot failed" >&2
        exit 1
    fi
    # Without this a crash starts a debugger that answers 0 for it.
    reg "$p" 'HKLM\Software\Microsoft\Windows NT\CurrentVersion\AeDebug' /v Debugger /d ''
    # The default is Windows 7.
    reg "$p" 'HKCU\Software\Wine' /v Version /d win10
    # The registry is on disk only after the server has ended.
    stop "$p"
    touch "$p/.made"
}

# One at a time, whoever calls.
exec 9>"$root/lock"
flock 9

case "${1:-}" in
prefix) make_prefix 9>&-; echo "$root/prefix" ;;
copy)
    name=${2:?a name for the copy}
    make_prefix 9>&-
    stop "$root/$name" 9>&-
    rm -rf "${root:?}/$name"
    cp -a --reflink=auto "$root/prefix" "$root/$name"
    echo "$root/$name" ;;
# 9>&-: the server must not inherit the lock.
start) [ -n "${2:-}" ] || make_prefix 9>&-; start "${2:-$root/prefix}" 9>&- ;;
stop)  stop "${2:-$root/prefix}" 9>&- ;;
*)     sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

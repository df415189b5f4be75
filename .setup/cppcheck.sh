#!/bin/bash
# cppcheck over the sources of each host, with the types of that host; results are kept between runs.
set -eu
cd "$(dirname "$0")/.."

check() { # NAME PLATFORM LIBRARY FILE...
    local name=$1 platform=$2 library=$3
    shift 3
    [ $# -gt 0 ] || return 0
    mkdir -p "build/lint/$name"
    # unusedStructMember and the style checks have opinions, not findings; missing system headers are not our affair;
    # readdir_r, which it recommends, is deprecated.
    cppcheck --quiet --std=c11 --platform="$platform" --library="$library" --cppcheck-build-dir="build/lint/$name" \
        -j "$(nproc)" --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
        --suppress=missingIncludeSystem --suppress=readdirCalled \
        -DETW_VERSION='"0"' -I. -Ibroker "$@"
}

list() { find broker client tests/etlgen -name '*.c' "$@" 2>/dev/null | LC_ALL=C sort; }
mapfile -t common < <(list ! -path '*/windows/*')
mapfile -t windows < <(list -path '*/windows/*')
check linux unix64 posix "${common[@]}"
# cppcheck's idea of Windows has macros of these names; platform/windows/win.h takes them away for the compiler.
check win64 win64 windows -USTATUS_NO_MEMORY -USTATUS_TIMEOUT "${windows[@]}"

#!/bin/bash
# Installs what a group of targets needs:  .setup/setup.sh run|test|dist
#
#   run   builds and runs the Linux programs: a compiler and two libraries, nothing else
#   test  adds the other compilers, Criterion, Wine and the checkers
#   dist  adds zip
#
# Idempotent; when everything is there it asks dpkg only and needs neither network nor root.
set -eu
cd "$(dirname "$0")/.."

run_packages="gcc libc6-dev make libcjson-dev libexpat1-dev"
# clang comes without its sanitizer and fuzzer run-times (libclang-rt) and symbolizer (llvm). The "win32" gcc is the
# one without a pthread DLL. python3 serves test scripts only; patch and xz-utils unpack the cross build's sources.
test_packages="$run_packages clang lld clang-format clang-tidy libclang-rt-14-dev llvm cppcheck libcriterion-dev
    gcc-mingw-w64-x86-64-win32 mingw-w64-x86-64-dev wine64 patch xz-utils python3"

case "${1:-}" in
run)  packages=$run_packages;        sources="inih" ;;
test) packages=$test_packages;       sources="inih cjson expat" ;;
dist) packages="$test_packages zip"; sources="inih cjson expat" ;;
*)    echo "usage: $0 run|test|dist" >&2; exit 2 ;;
esac

missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done

if [ -n "$missing" ]; then
    echo "setup: installing$missing"
    if [ "${ETW_SETUP_DRY_RUN:-}" = 1 ]; then exit 0; fi
    sudo=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "setup: needs root or sudo to install:$missing" >&2; exit 1; }
        sudo=sudo
    fi
    # Another apt may be at work on a machine that has just started: wait for its lock.
    # env: sudo does not pass DEBIAN_FRONTEND on.
    # shellcheck disable=SC2086 # lists of words
    apt() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 "$@"; }
    log=$(mktemp)
    # shellcheck disable=SC2086
    if ! { apt update && apt install -y --no-install-recommends $missing; } >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        rm -f "$log"
        echo "setup: apt-get could not install:$missing" >&2
        exit 1
    fi
    rm -f "$log"
fi

# shellcheck disable=SC2086
.setup/fetch.sh $sources

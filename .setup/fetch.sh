#!/bin/bash
# Fetches other people's sources into build/third_party:  .setup/fetch.sh inih|cjson|expat...
#
# They are the distribution's source packages, pinned by version and by SHA-256, from the mirror that this machine's
# own apt is configured with, through apt's own downloader (its proxies and credentials apply, no index is needed).
# Nothing is fetched when the pinned version is there already.
set -eu
cd "$(dirname "$0")/.."
dest=build/third_party
cache=build/third_party/archives

# NAME  VERSION  POOL-FOLDER  FILE  SHA256. The first row of a name is the upstream source; the other, if any, holds the
# distribution's (security) patches to it. A second patch row is an alternative, for when a mirror no longer has the
# first one.
table() {
    cat <<'ROWS'
inih   59-1             libi/libinih  libinih_59.orig.tar.gz                  062279922805f5e9a369551a08d5ddb506140fe50774183ffdbb7c22bb97e3f4
cjson  1.7.15-1+deb12u4 c/cjson       cjson_1.7.15.orig.tar.gz                5308fd4bd90cef7aa060558514de6a1a4a0819974a26e6ed13973c5f624c24b2
cjson  1.7.15-1+deb12u4 c/cjson       cjson_1.7.15-1+deb12u4.debian.tar.xz    afd19a970966cf534ff1e9ec077d710a5e7e78eb4ec9b499c8bdc32e55da12cb
expat  2.5.0-1+deb12u2  e/expat       expat_2.5.0.orig.tar.gz                 ab00ee05c7067fd10a35c5d2a4922ebba746ddd50ff83b79c828da17bbdf1757
expat  2.5.0-1+deb12u2  e/expat       expat_2.5.0-1+deb12u2.debian.tar.xz     7e29f5db5067e55193540089ed0f3ec9676704cf79dcea81a9bfb9f49435ae53
expat  2.5.0-1+deb12u5  e/expat       expat_2.5.0-1+deb12u5.debian.tar.xz     08bda5605c940a2068a8f5df2a798524d8f403eae6d01e4f7039074a8e244d9e
ROWS
}

# The mirrors of this machine's apt configuration, as base addresses (update --print-uris asks nobody). The security
# archive keeps its pool one folder further down.
mirrors() {
    apt-get update --print-uris 2>/dev/null |
        sed -n "s,^'\(.*\)/dists/.*,\1,p" | sort -u |
        while read -r base; do echo "$base/pool/main"; echo "$base/pool/updates/main"; done
}

good() { echo "$2  $1" | sha256sum --check --status 2>/dev/null; }

# get FOLDER FILE SHA256: leaves FILE in the cache, or fails.
get() {
    local to="$cache/$2" mirror
    good "$to" "$3" && return 0
    mkdir -p "$cache"
    for mirror in $(mirrors); do
        rm -f "$to"
        if /usr/lib/apt/apt-helper -o Acquire::Retries=2 download-file "$mirror/$1/$2" "$to" "SHA256:$3" \
            >"$cache/log" 2>&1 && good "$to" "$3"; then
            return 0
        fi
    done
    rm -f "$to"
    return 1
}

patch_from() { # ARCHIVE FOLDER: the package's own patches, in their order
    local patches="$2/.patches" name
    mkdir -p "$patches"
    tar -xf "$1" -C "$patches" debian/patches
    # The series may hold comments and options after a name.
    while read -r name _; do
        case "$name" in "" | \#*) continue ;; esac
        (cd "$2" && patch -s -p1 --forward --no-backup-if-mismatch) <"$patches/debian/patches/$name" >/dev/null || {
            echo "fetch: patch $name does not apply" >&2
            return 1
        }
    done <"$patches/debian/patches/series"
    rm -rf "$patches"
}

fetch() { # NAME
    local name=$1 folder="$dest/$1" source='' patched='' want pool file sum
    want=$(table | awk -v n="$name" '$1 == n' | cat - .setup/fetch.sh | sha256sum)
    [ "$(cat "$folder/.fetched" 2>/dev/null)" = "$want" ] && return 0
    echo "setup: fetching the sources of $name"
    while read -r _ _ pool file sum; do
        if [ -n "$source" ] && [ -n "$patched" ]; then continue; fi
        if ! get "$pool" "$file" "$sum"; then
            [ -n "$source" ] || break
            continue
        fi
        if [ -z "$source" ]; then source=$file; else patched=$file; fi
    done < <(table | awk -v n="$name" '$1 == n')
    if [ -z "$source" ] || { [ -z "$patched" ] && table | grep -q "^$name .*debian\.tar"; }; then
        tail -n 5 "$cache/log" >&2 || true
        echo "fetch: no configured mirror has the pinned sources of $name (.setup/fetch.sh)" >&2
        return 1
    fi
    rm -rf "$folder"
    mkdir -p "$folder"
    tar -xf "$cache/$source" -C "$folder" --strip-components=1
    if [ -n "$patched" ]; then patch_from "$cache/$patched" "$folder"; fi
    "finish_$name" "$folder"
    echo "$want" >"$folder/.fetched"
}

# inih's limits are set by the build, except for two that have no switch: names of 50 bytes, which would cut and so
# merge long section names.
finish_inih() {
    sed -i 's/^#define MAX_SECTION 50$/#define MAX_SECTION 1024/; s/^#define MAX_NAME 50$/#define MAX_NAME 1024/' "$1/ini.c"
    [ "$(grep -c '^#define MAX_[A-Z]* 1024$' "$1/ini.c")" = 2 ]
}

finish_cjson() { :; }

finish_expat() {
    mv "$1/expat" "$1/.keep"
    find "$1" -mindepth 1 -maxdepth 1 ! -name .keep -exec rm -rf {} +
    mv "$1/.keep/lib" "$1/.keep/COPYING" "$1/"
    rm -rf "$1/.keep"
    # What its configure script would find out for Windows.
    cat >"$1/lib/expat_config.h" <<'CONFIG'
#define BYTEORDER 1234
#define HAVE_MEMMOVE 1
#define XML_CONTEXT_BYTES 1024
#define XML_DTD 1
#define XML_GE 1
#define XML_NS 1
CONFIG
}

for name in "$@"; do
    case "$name" in
    inih | cjson | expat) fetch "$name" ;;
    *) echo "usage: $0 inih|cjson|expat..." >&2; exit 2 ;;
    esac
done

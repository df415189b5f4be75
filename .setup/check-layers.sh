#!/bin/bash
# The include ladder (docs/CONTRIBUTING.md):  .setup/check-layers.sh [ROOT]   or   --self-test
#
# - A room of broker/ includes itself, the rooms to its left and idl/.
# - client/lib includes util, platform, event, wire, idl/ and client/; client/etwctl also source, schema, enrich.
# - idl/ includes nothing of ours.
# - Windows' headers stand only in broker/platform/windows, broker/source/windows, client/lib/windows and tests;
#   POSIX' only in broker/platform/posix, client/lib/posix and tests.
# - No "#if Windows" in the flow: a platform difference is a file. The public header (calling convention) and
#   util/base.h (the compilers' dialects) may have one.
#
# Written for awk without extensions; one line for each offence, exit code 1 if there is any.
set -eu

# shellcheck disable=SC2016 # the program is awk's
check() { # ROOT
    (cd "$1" && find broker client idl tests -name '*.[ch]' -o -name '*.def' -path 'idl/*' 2>/dev/null | LC_ALL=C sort |
        xargs -r awk '
    BEGIN {
        n = split("util platform event wire source schema enrich policy route watch profile serve main", rooms, " ")
        for (i = 1; i <= n; i++) rank[rooms[i]] = i
        split("util platform event wire", list, " ");                       for (i in list) client[list[i]] = 1
        split("util platform event wire source schema enrich", list, " ");  for (i in list) ctl[list[i]] = 1
        windows = "^(windows|winsock2|ws2tcpip|winternl|winbase|winnt|windef|winerror|winreg|winsvc|sddl|aclapi|evntrace|" \
                  "evntcons|evntprov|tdh|dbghelp|psapi|tlhelp32|ntsecapi|bcrypt|objbase|ole2|oleauto|oaidl|ocidl|olectl|" \
                  "initguid|unknwn|shellapi|userenv|wtsapi32|lm|io|process|direct|conio)\\.h$"
        posix = "^(unistd|pthread|poll|fcntl|dirent|pwd|grp|dlfcn|termios|sched|semaphore|netdb|fnmatch|glob|syslog|spawn|" \
                "strings|langinfo|ucred|sys/[a-z]+|netinet/[a-z]+|arpa/[a-z]+|linux/[a-z_]+)\\.h$"
    }
    function bad(why) { print FILENAME ":" FNR ": " why; n_bad++ }
    FNR == 1 {
        n_parts = split(FILENAME, part, "/")
        top = part[1]
        where = top "/" part[2]
        in_test = top == "tests"
        may_windows = in_test || FILENAME ~ /^(broker\/(platform|source)|client\/lib)\/windows\//
        may_posix   = in_test || FILENAME ~ /^(broker\/platform|client\/lib)\/posix\//
        may_ifdef   = in_test || FILENAME ~ /^broker\/platform\// || FILENAME ~ /\/(windows|posix)\// || \
                      FILENAME == "client/etwclient.h" || FILENAME == "broker/util/base.h"
    }
    /^[ \t]*#[ \t]*(if|elif|ifdef|ifndef)/ && !may_ifdef && \
        /_WIN32|_WIN64|__MINGW|__linux__|__unix__|_MSC_VER|__CYGWIN__/ { bad("a platform #if in the flow: make it a file behind platform/") }
    /^[ \t]*#[ \t]*include/ {
        if (!match($0, /[<"][^>"]+[>"]/)) next
        path = substr($0, RSTART + 1, RLENGTH - 2)
        quoted = substr($0, RSTART, 1) == "\""
        lower = tolower(path)
        if (lower ~ windows && !may_windows) { bad("Windows header " path " outside the platform files"); next }
        if (lower == "fcntl.h" && may_windows) next # the C library of Windows has one as well
        if (lower ~ posix && !may_posix) { bad("POSIX header " path " outside the platform files"); next }
        if (!quoted || in_test) next
        if (path ~ /\.\./) { bad("\"" path "\": name it from the root of the ladder, without .."); next }
        sub(/^broker\//, "", path)
        n_path = split(path, to, "/")
        if (n_path == 1) { bad("\"" path "\": name its room"); next }
        if (to[1] == "tests") { bad("\"" path "\": tests are included by tests only"); next }
        if (to[1] == "idl") next
        if (top == "idl") { bad("\"" path "\": idl/ includes nothing of ours"); next }
        if (top == "broker") {
            if (!(part[2] in rank)) { bad("broker/" part[2] " is not a room of the ladder"); next }
            if (to[1] == "client") { bad("\"" path "\": the broker does not include the client"); next }
            if (!(to[1] in rank)) { bad("\"" path "\": no room of that name"); next }
            if (rank[to[1]] > rank[part[2]]) bad("\"" path "\": " to[1] " stands to the right of " part[2])
        } else if (top == "client" && to[1] != "client") {
            if (part[2] == "etwctl" ? !(to[1] in ctl) : !(to[1] in client)) bad("\"" path "\": not for " where)
        }
    }
    END { exit n_bad > 0 }')
}

# A check that cannot fail shows nothing: plant each kind of offence and one honest file.
self_test() {
    local t=$1 missed=0
    plant() { # FILE LINE
        mkdir -p "$t/$(dirname "$1")"
        echo "$2" >"$t/$1"
        if check "$t" >/dev/null; then echo "check-layers: self-test: not seen: $1: $2" >&2; missed=1; fi
        rm "$t/$1"
    }
    mkdir -p "$t/broker/watch" "$t/client" "$t/idl" "$t/tests"
    printf '%s\n' '#include <stdint.h>' '#include "util/a.h"' '#include "watch/b.h"' '#include "idl/wire.h"' >"$t/broker/watch/good.c"
    check "$t" || { echo "check-layers: self-test: an honest file was refused" >&2; missed=1; }
    plant broker/util/x.c '#include "event/record.h"'
    plant broker/schema/x.h '#include "broker/route/plan.h"'
    plant broker/route/x.c '#include "watch/feed.h"'
    plant broker/watch/x.c '#include "../serve/conn.h"'
    plant broker/watch/x.c '#include "feed.h"'
    plant broker/watch/x.c '#include "client/etwclient.h"'
    plant broker/serve/x.c '#include "tests/etlgen/etlgen.h"'
    plant broker/cellar/x.c '#include "util/a.h"'
    plant broker/watch/x.c '#include <windows.h>'
    plant broker/serve/x.c '#  include <sys/socket.h>'
    plant broker/watch/x.c '#ifdef _WIN32'
    plant client/lib/x.c '#include "schema/store.h"'
    plant client/etwctl/x.c '#include "watch/feed.h"'
    plant client/etwctl/x.c '#include <Windows.h>'
    plant idl/x.h '#include "util/a.h"'
    return $missed
}

if [ "${1:-}" = --self-test ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    self_test "$scratch"
else
    check "${1:-$(dirname "$0")/..}"
fi

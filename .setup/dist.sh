#!/bin/bash
# build/dist: one archive a host, with what a user needs and nothing from this machine in it.
set -eu
cd "$(dirname "$0")/.."
version=${ETW_VERSION:?set by the Makefile}
out=build/dist
rm -rf "$out"

# put HOST STRIP FILE...: into the folder of that host's archive, programs stripped.
put() {
    local folder=$out/etwbroker-$version-$1 strip=$2 file
    shift 2
    mkdir -p "$folder"
    for file in "$@"; do
        [ -e "$file" ] || { echo "dist: $file is missing" >&2; exit 1; }
        cp -P "$file" "$folder/"
        case "$file" in
        *.exe | *.dll | */etwbroker | */etwctl | *.so) "$strip" --strip-unneeded "$folder/$(basename "$file")" ;;
        esac
    done
}

common=(LICENSE)
put linux-x64 strip "${common[@]}" build/linux/{etwbroker,etwctl,libetwclient.so,libetwclient.so.0}
put win64 x86_64-w64-mingw32-strip "${common[@]}" build/win64/{etwbroker.exe,etwctl.exe,etwclient.dll,libetwclient.dll.a}

# What both archives have beside the programs: the header where an include finds it, documents, a trace to try.
for host in linux-x64 win64; do
    folder=$out/etwbroker-$version-$host
    mkdir -p "$folder/client"
    cp client/etwclient.h client/example.c "$folder/client/"
    cp -r docs "$folder/"
    rm -f "$folder/docs/CONTRIBUTING.md"
    build/linux/etlgen demo --out "$folder/sample.etl" >/dev/null
    build/linux/etwctl completion bash >"$folder/etwctl.bash"
    case $host in
    linux-x64) needs="It needs the libraries of cJSON and expat (Debian: libcjson1, libexpat1)." dot=./ exe= ;;
    win64) needs="It needs nothing else. It has been tested under Wine only, not on Windows itself." dot= exe=.exe ;;
    esac
    cat >"$folder/README.md" <<README
# EtwBroker $version

$needs Unpack it anywhere. In one window:

    ${dot}etwbroker$exe --replay sample.etl --loop --speed realtime --keep --endpoint lab

and in another:

    ${dot}etwctl$exe watch DNS-Client --id 3008 --endpoint lab
    ${dot}etwctl$exe profile --endpoint lab
    ${dot}etwctl$exe dump sample.etl --summary

\`--help\` of each program and command has the options. docs/ has the reference: OPERATIONS.md to run it, PROTOCOL.md and
client/etwclient.h to write a client (client/example.c is one).
README
done

# The same sources give the same archives: sorted, and dated by the last commit.
date=$(git log -1 --format=%ct 2>/dev/null || echo 0)
find "$out" -exec touch -h -d "@$date" {} +
cd "$out"
tar --sort=name --owner=0 --group=0 --numeric-owner -cf - "etwbroker-$version-linux-x64" | gzip -n >"etwbroker-$version-linux-x64.tar.gz"
find "etwbroker-$version-win64" -type f | LC_ALL=C sort | TZ=UTC zip -q -X -@ "etwbroker-$version-win64.zip"
sha256sum -- *.tar.gz *.zip >SHA256SUMS
cat SHA256SUMS

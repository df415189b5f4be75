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

common=(LICENSE README.md client/etwclient.h client/example.c)
put linux-x64 strip "${common[@]}" build/linux/{etwbroker,etwctl,libetwclient.so,libetwclient.so.0,libetwclient.a}
put win64 x86_64-w64-mingw32-strip "${common[@]}" build/win64/{etwbroker.exe,etwctl.exe,etwclient.dll,libetwclient.dll.a}

# The same sources give the same archives: sorted, and dated by the last commit.
date=$(git log -1 --format=%ct 2>/dev/null || echo 0)
find "$out" -exec touch -h -d "@$date" {} +
cd "$out"
tar --sort=name --owner=0 --group=0 --numeric-owner -cf - "etwbroker-$version-linux-x64" | gzip -n >"etwbroker-$version-linux-x64.tar.gz"
find "etwbroker-$version-win64" -type f | LC_ALL=C sort | TZ=UTC zip -q -X -@ "etwbroker-$version-win64.zip"
sha256sum -- *.tar.gz *.zip >SHA256SUMS
cat SHA256SUMS

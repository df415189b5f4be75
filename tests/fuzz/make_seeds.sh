#!/bin/bash
# Makes seeds for the fuzz targets: make_seeds.sh FOLDER -> FOLDER/NAME/*  (fuzz_NAME reads them).
#
# BUILD names a build with etlgen and etwbroker. Everything comes from generated traces and from a run of the
# broker; the files of ETW_CORPUS are further sources when there is one. Nothing of it is kept in the repository.
set -eu
to=${1:?usage: make_seeds.sh FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
: "${BUILD:?the build folder with etlgen and etwbroker}"
mkdir -p "$to/file" "$to/pe"
to=$(cd "$to" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Small buffers and few events: a fuzzer wants kilobytes. Each scenario, and the packed kinds.
while read -r name rest; do
    options=(--buffer 1024 --cpus 2)
    case "$rest" in *--events*) options+=(--events 60) ;; esac
    "$BUILD/etlgen" "$name" --out "$work/$name.etl" "${options[@]}" >/dev/null 2>&1 ||
        "$BUILD/etlgen" "$name" --out "$work/$name.etl" --cpus 2 >/dev/null
    case "$rest" in *--compress*)
        "$BUILD/etlgen" "$name" --compress --out "$work/$name-packed.etl" "${options[@]}" >/dev/null 2>&1 || true ;;
    esac
done < <("$BUILD/etlgen" --list)
for clock in 2 3; do "$BUILD/etlgen" kinds --clock $clock --cpus 2 --out "$work/kinds-clock$clock.etl" >/dev/null; done

# Larger ones would be slow to mutate; their parts are found below.
find "$work" -name '*.etl' -size -256k -exec cp {} "$to/file/" \;

traces=("$work"/*.etl)
if [ -n "${ETW_CORPUS:-}" ]; then
    find "$ETW_CORPUS" -name '*.etl' -size -64k -exec cp {} "$to/file/" \;
    while read -r file; do traces+=("$file"); done < <(find "$ETW_CORPUS" -name '*.etl' -size -32M | sort)
fi
# PE files of three machines with their PDBs, and paths.
for machine in x86_64 aarch64 i686; do
    (cd "$to/pe" && clang --target=$machine-pc-windows-msvc -O1 -gcodeview -c "$here/../e2e/symbols/described.c" -o "$work/described.obj" &&
        lld-link /dll /debug /nodefaultlib /noentry /safeseh:no "/implib:$work/ignored.lib" "/pdb:$machine.pdb" "/out:$machine.dll" "$work/described.obj")
done
printf '%s' 'C:\Windows\System32\ntdll.dll' >"$to/pe/drive"
printf '%s' '\??\UNC\server\share\x.dll' >"$to/pe/unc"
printf '%s' '\Device\HarddiskVolume3\x.dll' >"$to/pe/device"
printf '%s' '\SystemRoot\System32\drivers\x.sys' >"$to/pe/system"
printf '%s' 'srv*/a*https://x/y:/b;C:\c;\\server\d' >"$to/pe/path"

python3 "$here/make_seeds.py" "$to" "$BUILD/etwbroker" "$work/kinds.etl" "${traces[@]}"
for folder in "$to"/*/; do
    echo "$(find "$folder" -type f | wc -l) $(basename "$folder")"
done

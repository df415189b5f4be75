#!/bin/bash
# Function names by the public functions (e2e_symbols), for every byte of the code of DLLs that are built here: one by
# mingw with exports, an ordinal, a forwarder and hidden functions, and three by clang and lld with a PDB (x64, ARM64,
# x86). The truth is nm's, llvm-readobj's and llvm-pdbutil's. On Linux names come from exports; under Wine from the PDB
# where there is one. Also: every place of a search path, identities that agree, are missing or do not, and paths that
# must not be opened.
. "$(dirname "$0")/lib.sh"

for tool in x86_64-w64-mingw32-gcc x86_64-w64-mingw32-nm clang lld-link llvm-readobj llvm-pdbutil python3; do
    command -v $tool >/dev/null || skip "no $tool"
done
cd "$ETW_TMP" || exit 1
unset ETW_SYMBOL_PATH _NT_SYMBOL_PATH
D=$E2E/symbols
NO_PDB=2 NO_LOCAL=8
# ETW_DBGHELP=microsoft: the prefix has Microsoft's dbghelp.dll, and WINEDLLOVERRIDES prefers it.
dbghelp=${ETW_DBGHELP:-wine}
mkdir flat
x86_64-w64-mingw32-gcc -O2 -w -shared -nostdlib -Wl,-e,DllMainCRTStartup "$D/exports.c" "$D/exports.def" -o flat/exports.dll || exit 1
for machine in x86_64 aarch64 i686; do
    safe=
    [ $machine != i686 ] || safe=/safeseh:no
    clang --target=$machine-pc-windows-msvc -O1 -g -gcodeview -c "$D/described.c" -o described.obj &&
        lld-link /dll /debug /nodefaultlib /noentry $safe "/pdb:flat/$machine.pdb" "/pdbaltpath:$machine.pdb" \
            "/out:flat/$machine.dll" described.obj || exit 1
done

truth_of() { python3 "$E2E/symbols_truth.py" "$@"; }
# resolve NAME FLAGS PATH: NAME.questions -> NAME.got, without the line of counters, which is in $stats.
resolve() {
    run e2e_symbols "$2" "$3" "$(path "$ETW_TMP/$1.questions")" 2>"$1.err" | tr -d '\r' >"$1.all"
    grep -v '^stats' "$1.all" >"$1.got"
    stats=$(sed -n 's/^stats.//p' "$1.all")
}
# check NAME DLL FLAGS PATH MODULE IDENTITY EXPECT [--guess]
check() {
    truth_of "$2" --questions "$5" "$1.questions" --identity "$6" --expect "$7" "$1.expected" ${8:+"$8"} || { bad "$1: no truth"; return; }
    resolve "$1" "$3" "$4"
    same_lines "$1" "$1.expected" "$1.got"
}
flat=$(path "$ETW_TMP/flat")
described=exports
[ "$HOST" = linux ] || described=pdb

say "== exports: each byte of the code"
check exports flat/exports.dll 0 "$flat" 'C:\Windows\System32\exports.dll' stamp exports
has "an ordinal" '#77+0x1' exports.got
truth "the forwarder is nobody's name" test "$(grep -c Forwarded exports.got)" = 0
truth "exported data is nobody's name" test "$(grep -c shared_data exports.got)" = 0
truth "hidden functions are guesses" grep -q 'second_function+0x[0-9a-f]*?' exports.got
n=$(wc -l <exports.questions)
same "one search for all of them" "lookups $((2 * n)) hits $((2 * n - 1)) misses 1 found $((2 * n)) modules 1 negative 0 opened 1 refused 0" "$stats"
say "== with a PDB: x64, ARM64, x86"
for machine in x86_64 aarch64; do
    check $machine flat/$machine.dll 0 "$flat" "\\Device\\HarddiskVolume3\\app\\$machine.dll" stamp $described
    check $machine-exports flat/$machine.dll $NO_PDB "$flat" "C:\\app\\$machine.dll" stamp exports
done
check i686-exports flat/i686.dll $NO_PDB "$flat" 'C:\app\i686.dll' stamp exports
if [ "$HOST" = wine ]; then
    has "a static function has its own name" 'inner_sum+0x1	pdb' x86_64.got
    # Wine's own DbgHelp loads no 32-bit files in a 64-bit program.
    case $dbghelp in wine) i686=exports ;; *) i686=pdb ;; esac
    check i686 flat/i686.dll 0 "$flat" 'C:\app\i686.dll' stamp $i686
fi

say "== identities"
check none flat/exports.dll 0 "$flat" 'C:\x\exports.dll' none exports --guess
check wrong flat/exports.dll 0 "$flat" 'C:\x\exports.dll' wrong nothing
same "a file that is another one is looked at once" "misses 1 negative 1 opened 1" \
    "$(sed 's/.*\(misses [0-9]*\).*\(negative [0-9]*\) \(opened [0-9]*\).*/\1 \2 \3/' <<<"$stats")"
check by-guid flat/x86_64.dll $NO_PDB "$flat" 'C:\x\x86_64.dll' pdb exports
check wrong-guid flat/x86_64.dll 0 "$flat" 'C:\x\x86_64.dll' wrong-pdb nothing
# Another build of the same name stands first.
mkdir other
x86_64-w64-mingw32-gcc -O0 -w -shared -nostdlib -Wl,-e,DllMainCRTStartup "$D/exports.c" "$D/exports.def" -o other/exports.dll -Wl,--image-base,0x180000000 -Wl,--stack,65536
printf 'x' | dd of=other/exports.dll bs=1 seek=136 conv=notrunc status=none # another time stamp, whatever the linker wrote
check behind-another flat/exports.dll 0 "$(path "$ETW_TMP/other");$flat" 'C:\x\exports.dll' stamp exports

say "== places"
size=$(printf '%x' "$(llvm-readobj --file-headers flat/exports.dll | sed -n 's/ *SizeOfImage: //p')")
stamp=$(llvm-readobj --file-headers flat/exports.dll | sed -n 's/ *TimeDateStamp:.*(0x\(.*\))/\1/p')
store=$(printf '%08X%s' "0x$stamp" "$size")
mkdir -p "store/exports.dll/$store" tree/windows/SYSTEM32/Drivers
cp flat/exports.dll "store/exports.dll/$store/"
cp flat/exports.dll tree/windows/SYSTEM32/Drivers/Exports.dll
check store flat/exports.dll 0 "srv*$(path "$ETW_TMP/nowhere")*$(path "$ETW_TMP/store")*https://example.org/symbols" 'exports.dll' stamp exports
check tree flat/exports.dll 0 "$(path "$ETW_TMP/tree")" 'C:\Windows\System32\drivers\exports.dll' stamp exports
check driver flat/exports.dll 0 "$(path "$ETW_TMP/tree")" '\SystemRoot\System32\drivers\exports.dll' stamp exports
if [ "$HOST" = linux ]; then check colon flat/exports.dll 0 "/nowhere:$flat" 'exports.dll' stamp exports; fi
# What each host takes without a search path.
own="Z:${ETW_TMP//\//\\}\\flat\\x86_64.dll"
if [ "$HOST" = linux ]; then
    check own flat/x86_64.dll 4 "" "$own" stamp nothing
else
    check own flat/x86_64.dll 0 "" "$own" stamp pdb
    check own-refused flat/x86_64.dll $NO_LOCAL "" "$own" stamp nothing
    # The PDB in a store, of a file that has gone: the trace's own word for it.
    guid=$(python3 -c 'import sys, uuid, re, subprocess
t = subprocess.run(["llvm-readobj", "--coff-debug-directory", sys.argv[1]], capture_output=True, text=True).stdout
print(uuid.UUID(bytes_le=bytes.fromhex(re.search(r"PDBGUID: \((.*)\)", t).group(1))).hex.upper())' flat/x86_64.dll)
    mkdir -p "pdbs/x86_64.pdb/${guid}1" apart
    cp flat/x86_64.pdb "pdbs/x86_64.pdb/${guid}1/"
    cp flat/x86_64.dll apart/
    check pdb-store flat/x86_64.dll 0 "$(path "$ETW_TMP/apart");cache*$(path "$ETW_TMP/pdbs")" 'C:\x\x86_64.dll' stamp pdb
    _NT_SYMBOL_PATH="srv*$(path "$ETW_TMP/pdbs")*https://example.org/" ETW_SYMBOL_PATH=$(path "$ETW_TMP/apart") \
        check environment flat/x86_64.dll 0 - 'C:\x\x86_64.dll' stamp pdb
    # Without the DLL there is nothing to read it with for Wine's.
    truth_of flat/x86_64.dll --questions 'C:\x\x86_64.dll' alone.questions --identity pdb
    resolve alone 0 "$(path "$ETW_TMP/pdbs")"
    if [ "$dbghelp" = wine ]; then truth "a PDB alone: nothing" test "$(grep -vc NOT_FOUND alone.got)" = 0
    else has "a PDB alone" 'inner_sum+0x1	pdb' alone.got; fi
    # A PDB of another build is none of this file's.
    cp flat/aarch64.pdb apart/x86_64.pdb
    check another-pdb flat/x86_64.dll 0 "$(path "$ETW_TMP/apart")" 'C:\x\x86_64.dll' stamp exports
fi
ETW_SYMBOL_PATH=$flat check environment-exports flat/exports.dll $NO_PDB - 'C:\x\exports.dll' stamp exports

say "== paths that are not opened"
cp flat/exports.dll secret.dll
for module in '..\secret.dll' 'C:\x\..\..\secret.dll' '\\.\pipe\secret.dll' 'C:\x\secret.dll:stream' '\\?\GLOBALROOT\Device\x\secret.dll' 'NUL.dll'; do
    check refused flat/exports.dll $NO_LOCAL "$(path "$ETW_TMP/flat")" "$module" stamp nothing
    same "$module" "opened 0 refused 1" "$(sed 's/.*opened/opened/' <<<"$stats")"
done
if [ "$HOST" = wine ]; then
    check unc flat/exports.dll 0 "" '\\127.0.0.1\share\secret.dll' stamp nothing
    same "a module on a server" "opened 0 refused 1" "$(sed 's/.*opened/opened/' <<<"$stats")"
fi
for folder in '\\server\symbols' '//server/symbols' "$flat;\\\\?\\UNC\\server\\share"; do
    resolve exports 0 "$folder"
    same "a search path on a server: $folder" "open	DENIED" "$(cat exports.got)"
done
finish

# event_names.txt -> a C table (schema/event_names.h). Any awk.

function fail(what) {
    printf "event_names.txt:%d: %s\n", NR, what >"/dev/stderr"
    failed = 1
    exit 1
}

function guid_bytes(text, hex, order, out, i) {
    hex = tolower(text)
    gsub(/-/, "", hex)
    if (length(text) != 36 || length(hex) != 32 || hex !~ /^[0-9a-f]+$/)
        fail("'" text "' is not a GUID")
    split("4 3 2 1 6 5 8 7 9 10 11 12 13 14 15 16", order, " ")
    out = ""
    for (i = 1; i <= 16; i++)
        out = out (i > 1 ? ", " : "") "0x" substr(hex, 2 * order[i] - 1, 2)
    return "{{" out "}}"
}

{ sub(/\r$/, "") }
/^[ \t]*#/ || /^[ \t]*$/ { next }

{
    if (NF != 3 || $2 !~ /^[0-9]+$/ || $3 ~ /["\\]/)
        fail("GUID ID NAME is wanted")
    if (($1, $2) in seen)
        fail("'" $1 " " $2 "' stands twice")
    seen[$1, $2] = 1
    rows[n++] = sprintf("    {%s, %d, \"%s\"},", guid_bytes($1), $2, $3)
}

END {
    if (failed)
        exit 1
    print "// Generated from event_names.txt; edit that.\n#include \"schema/event_names.h\"\n"
    print "const EventName event_names[] = {"
    for (i = 0; i < n; i++)
        print rows[i]
    printf "};\n\nconst uint32_t event_names_n = %d;\n", n
}

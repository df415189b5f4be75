# provider_names.txt -> a C table sorted by the GUID's bytes (schema/provider_names.h). Any awk.

function fail(what) {
    printf "provider_names.txt:%d: %s\n", NR, what >"/dev/stderr"
    failed = 1
    exit 1
}

# The 16 bytes as they lie in memory, in hex: the order of the table.
function memory_order(text, hex, order, out, i) {
    hex = tolower(text)
    gsub(/-/, "", hex)
    if (length(text) != 36 || length(hex) != 32 || hex !~ /^[0-9a-f]+$/)
        fail("'" text "' is not a GUID")
    split("4 3 2 1 6 5 8 7 9 10 11 12 13 14 15 16", order, " ")
    out = ""
    for (i = 1; i <= 16; i++)
        out = out substr(hex, 2 * order[i] - 1, 2)
    return out
}

{ sub(/\r$/, "") }
/^[ \t]*#/ || /^[ \t]*$/ { next }

{
    flag = ""
    if ($1 == "eventsource" || $1 == "eventsource!") {
        flag = $1
        $1 = ""
        sub(/^ +/, "")
    }
    key = memory_order($1)
    name = $0
    sub(/^[^ \t]+[ \t]+/, "", name)
    if (name == "" || name ~ /["\\]/)
        fail("no name, or one that C would misread")
    if (key in names)
        fail("'" $1 "' stands twice")
    names[key] = name
    flags[key] = (flag == "" ? "false" : "true") ", " (flag == "eventsource" ? "true" : "false")
    n++
    # insertion into the sorted list (n is a few hundred)
    for (i = n; i > 1 && sorted[i - 1] > key; i--)
        sorted[i] = sorted[i - 1]
    sorted[i] = key
}

END {
    if (failed)
        exit 1
    print "// Generated from provider_names.txt; edit that.\n#include \"schema/provider_names.h\"\n"
    print "const ProviderName provider_names[] = {"
    for (i = 1; i <= n; i++) {
        key = sorted[i]
        bytes = ""
        for (k = 0; k < 16; k++)
            bytes = bytes (k ? ", " : "") "0x" substr(key, 2 * k + 1, 2)
        printf "    {{{%s}}, \"%s\", %s},\n", bytes, names[key], flags[key]
    }
    printf "};\n\nconst uint32_t provider_names_n = %d;\n", n
}

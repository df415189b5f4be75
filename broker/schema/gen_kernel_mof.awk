# kernel_mof.txt -> a C table (schema/kernel_mof.h). Any awk; the text's own head describes the format.

function fail(what) {
    printf "kernel_mof.txt:%d: %s\n", NR, what >"/dev/stderr"
    failed = 1
    exit 1
}

function cstring(s) {
    gsub(/\\/, "\\\\", s)
    gsub(/"/, "\\\"", s)
    return "\"" s "\""
}

function guid_bytes(text, hex, order, out, i) {
    hex = text
    gsub(/-/, "", hex)
    if (length(hex) != 32 || hex !~ /^[0-9a-f]+$/)
        fail("'" text "' is not a GUID")
    split("4 3 2 1 6 5 8 7 9 10 11 12 13 14 15 16", order, " ")
    out = ""
    for (i = 1; i <= 16; i++)
        out = out (i > 1 ? ", " : "") "0x" substr(hex, 2 * order[i] - 1, 2)
    return "{{" out "}}"
}

BEGIN {
    type["u8"] = "IN_U8, OUT_DEFAULT"
    type["i8"] = "IN_I8, OUT_DEFAULT"
    type["i8pad3"] = "IN_I8, OUT_DEFAULT"
    type["u16"] = "IN_U16, OUT_DEFAULT"
    type["i16"] = "IN_I16, OUT_DEFAULT"
    type["u32"] = "IN_U32, OUT_DEFAULT"
    type["i32"] = "IN_I32, OUT_DEFAULT"
    type["u64"] = "IN_U64, OUT_DEFAULT"
    type["i64"] = "IN_I64, OUT_DEFAULT"
    type["x32"] = "IN_U32, OUT_HEX32"
    type["x64"] = "IN_U64, OUT_HEX64"
    type["ntstatus"] = "IN_U32, OUT_NTSTATUS"
    type["ptr"] = "IN_POINTER, OUT_DEFAULT"
    type["size"] = "IN_SIZET, OUT_DEFAULT"
    type["bool8"] = "IN_U8, OUT_BOOL"
    type["guid"] = "IN_GUID, OUT_DEFAULT"
    type["filetime"] = "IN_FILETIME, OUT_DEFAULT"
    type["wmitime"] = "IN_U64, OUT_ETW_TIME"
    type["wstr"] = "IN_UTF16, OUT_DEFAULT"
    type["astr"] = "IN_ANSI, OUT_DEFAULT"
    type["bytes"] = "IN_BINARY, OUT_HEXBINARY"
    type["noprint"] = "IN_BINARY, OUT_NO_PRINT"
    type["rest"] = "IN_BINARY, OUT_HEXBINARY"
    type["ipv4"] = "IN_U32, OUT_IPV4"
    type["ipv6"] = "IN_BINARY, OUT_IPV6"
    type["port"] = "IN_U16, OUT_PORT"
    type["sid"] = "IN_WBEM_SID, OUT_DEFAULT"
    n_classes = n_events = n_fields = n_layout = 0
    pending = ""
}

# Writes the events that wait for their fields.
function flush_events(   i, v, versions, n) {
    for (i = 1; i <= n_waiting; i++) {
        n = split(waiting_versions, versions, ",")
        for (v = 1; v <= n; v++) {
            if (versions[v] !~ /^[0-9]+$/)
                fail("bad version '" versions[v] "'")
            events[n_events++] = sprintf("    {%d, %d, %s, %d, %d, %s, %s},", waiting_op[i], versions[v],
                                         waiting_rundown[i], layout_first, n_fields - layout_first,
                                         cstring(waiting_name[i]), cstring(waiting_event[i]))
        }
    }
    n_waiting = 0
    layout_first = n_fields
}

function add_events(line,   words, n, i, colon, name, equals, event) {
    n = split(line, words, " ")
    waiting_versions = substr(words[1], 2)
    for (i = 2; i <= n; i++) {
        colon = index(words[i], ":")
        if (colon < 2 || substr(words[i], 1, colon - 1) !~ /^[0-9]+$/)
            fail("'" words[i] "' is not OP:NAME")
        name = substr(words[i], colon + 1)
        equals = index(name, "=")
        event = prefix "/" name
        if (equals) {
            event = substr(name, equals + 1)
            name = substr(name, 1, equals - 1)
        }
        # DbgID_RSDS and its like keep their underscore.
        if (name !~ /^DbgID_/)
            gsub(/_/, " ", name)
        n_waiting++
        waiting_op[n_waiting] = substr(words[i], 1, colon - 1)
        waiting_name[n_waiting] = name
        waiting_event[n_waiting] = event
        waiting_rundown[n_waiting] = (name ~ /DCStart|DCEnd|DCStop|Rundown/) ? "true" : "false"
    }
}

function add_fields(line,   parts, n, i, words, m, t, name, flags, count, count_kind, length_kind, len, b, k, f) {
    sub(/,[ \t]*$/, "", line)
    n = split(line, parts, ",")
    for (i = 1; i <= n; i++) {
        m = split(parts[i], words, " ")
        if (m != 2)
            fail("'" parts[i] "' is not TYPE NAME")
        t = words[1]
        name = words[2]
        flags = "0"
        count = len = 0
        count_kind = length_kind = "EXTENT_ONE"
        if (t ~ /!$/) {
            flags = "FIELD_KERNEL_ADDRESS"
            sub(/!$/, "", t)
        }
        if (index(t, ":")) {
            len = substr(t, index(t, ":") + 1) + 0
            t = substr(t, 1, index(t, ":") - 1)
            length_kind = "EXTENT_FIXED"
        }
        if (!(t in type))
            fail("unknown type '" t "'")
        if (t == "ipv6") {
            length_kind = "EXTENT_FIXED"
            len = 16
        }
        if (t == "rest")
            length_kind = "EXTENT_REST"
        if (t == "i8pad3")
            flags = "FIELD_PAD3"
        if (t == "noprint")
            flags = "FIELD_NO_PRINT"
        b = index(name, "[")
        if (b) {
            count = substr(name, b + 1)
            sub(/\]$/, "", count)
            name = substr(name, 1, b - 1)
            if (count == "*") {
                count_kind = "EXTENT_REST"
                count = 0
            } else if (count ~ /^[0-9]+$/) {
                count_kind = "EXTENT_FIXED"
            } else {
                count_kind = "EXTENT_FIELD"
                f = -1
                for (k = layout_first; k < n_fields; k++)
                    if (field_name[k] == count)
                        f = k - layout_first
                if (f < 0)
                    fail("no field '" count "' in front of '" name "'")
                count = f
            }
        }
        field_name[n_fields] = name
        fields[n_fields++] = sprintf("    {%s, %s, %s, %s, %s, %d, %d},", cstring(name), type[t], flags,
                                     count_kind, length_kind, count, len)
    }
}

{ sub(/\r$/, "") }
/^[ \t]*#/ || /^[ \t]*$/ { next }

pending != "" || /^v[0-9]/ {
    line = $0
    more = sub(/\\[ \t]*$/, "", line)
    if (pending == "")
        flush_events()
    pending = pending line
    if (!more) {
        add_events(pending)
        pending = ""
    }
    next
}

/^class / {
    flush_events()
    if (NF < 4)
        fail("class NAME GUID PREFIX [PROVIDER]")
    prefix = $4
    provider = NF > 4 ? $5 : "Windows Kernel"
    class_first[n_classes] = n_events
    classes[n_classes++] = sprintf("%s, %s, %s, %s", guid_bytes($3), cstring($2), cstring(prefix), cstring(provider))
    next
}

/^[ \t]/ {
    if (n_waiting == 0)
        fail("fields without an event")
    add_fields($0)
    next
}

{ fail("not understood: " $0) }

END {
    if (failed)
        exit 1
    flush_events()
    class_first[n_classes] = n_events
    print "// Generated from kernel_mof.txt; edit that.\n#include \"schema/kernel_mof.h\"\n"
    print "const MofField kernel_mof_fields[] = {"
    for (i = 0; i < n_fields; i++)
        print fields[i]
    print "};\n\nconst MofEvent kernel_mof_events[] = {"
    for (i = 0; i < n_events; i++)
        print events[i]
    print "};\n\nconst MofClass kernel_mof_classes[] = {"
    for (i = 0; i < n_classes; i++)
        printf "    {%s, %d, %d},\n", classes[i], class_first[i], class_first[i + 1] - class_first[i]
    printf "};\n\nconst uint32_t kernel_mof_n_classes = %d;\n", n_classes
}

# Makes fold.txt from the Unicode Character Database; only needed to move to a new Unicode version:
#
#   awk -f broker/util/fold_from_unicode.awk CaseFolding.txt UnicodeData.txt > broker/util/fold.txt
#
# Runs of code points at a distance of 1 or 2 that move by the same amount become one line.

function hex(text,    i, v) { # mawk has no strtonum
    v = 0
    for (i = 1; i <= length(text); i++)
        v = v * 16 + index("0123456789ABCDEF", substr(text, i, 1)) - 1
    return v
}

function flush() {
    if (count != 0)
        printf "%s 0x%04X 0x%04X %d %d\n", kind, first, last, stride, delta
    count = 0
}

function add(cp, to) {
    if (count == 1 && to - cp == delta && (cp - last == 1 || cp - last == 2)) {
        stride = cp - last
    } else if (count == 0 || to - cp != delta || cp - last != stride) {
        flush()
        first = cp
        stride = 1
        delta = to - cp
    }
    last = cp
    count++
}

BEGIN {
    FS = ";"
    print "# Simple case folding (statuses C and S of CaseFolding.txt), lines F, and the simple"
    print "# upper case of the characters below U+10000 (UnicodeData.txt), lines U."
    print "# A line is: kind, first, last, stride, delta."
    print "# A code point cp = first, first + stride ... last maps to cp + delta."
    print "# U+0131 and U+017F have no U line, because .NET's invariant culture leaves them alone."
    print "#"
    print "# Made by fold_from_unicode.awk from the Unicode Character Database 15.0.0 (2022)."
    print "# Copyright (c) 1991-2022 Unicode, Inc.; https://www.unicode.org/terms_of_use.html"
}

FNR == 1 {
    flush()
    kind = kind == "" ? "F" : "U"
}

kind == "F" && ($2 == " C" || $2 == " S") {
    add(hex($1), hex(substr($3, 2)))
}

kind == "U" && $13 != "" && length($1) == 4 && $1 != "0131" && $1 != "017F" {
    add(hex($1), hex($13))
}

END { flush() }

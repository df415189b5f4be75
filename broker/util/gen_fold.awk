# Turns fold.txt into the arrays of fold.h. Any awk:  awk -f gen_fold.awk fold.txt > fold.c
# Stops when a line is out of order, because utf.c searches the arrays by halves.

function table(name, lines, n) {
    printf "\nconst FoldRange %s[] = {\n%s};\nconst uint32_t n_%s = %d;\n", name, lines, name, n
}

# Hex numbers of the same "0x" form compare as text once they are padded.
function key(text) {
    return substr("00000000", 1, 8 - length(text) + 2) substr(text, 3)
}

BEGIN {
    print "// Generated from broker/util/fold.txt by gen_fold.awk; do not edit."
    print "#include \"util/fold.h\""
}

/^#/ || NF == 0 { next }

NF != 5 || ($1 != "F" && $1 != "U") || key($2) "" > key($3) "" ||
($1 == kind && key($2) "" <= key(last) "") || ($1 == "F" && kind == "U") {
    print "fold.txt:" FNR ": malformed or out of order" > "/dev/stderr"
    failed = 1
    exit 1
}

{
    kind = $1
    last = $3
    line = sprintf("    {%s, %s, %s, %s},\n", $2, $3, $4, $5)
    if (kind == "F") {
        fold = fold line
        n_fold++
    } else {
        upper = upper line
        n_upper++
    }
}

END {
    if (failed)
        exit 1
    table("fold_ranges", fold, n_fold)
    table("upper_ranges", upper, n_upper)
}

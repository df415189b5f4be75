"""first_difference.py EXPECTED GOT: the first line in which two files differ, and where in it."""
import itertools
import sys


def main(expected_path, got_path):
    with open(expected_path, "rb") as expected, open(got_path, "rb") as got:
        for number, (a, b) in enumerate(itertools.zip_longest(expected, got), 1):
            if a == b:
                continue
            print(f"line {number}")
            print("expected:", show(a))
            print("got:     ", show(b))
            if a and b:
                for column, (x, y) in enumerate(itertools.zip_longest(a.split(b"\t"), b.split(b"\t"))):
                    if x != y:
                        print(f"column {column}: expected {x!r}, got {y!r}")
            return


def show(line):
    return "(no such line)" if line is None else line.decode("utf-8", "replace").rstrip("\n")[:600]


main(*sys.argv[1:])

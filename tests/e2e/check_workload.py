#!/usr/bin/env python3
"""check_workload.py SUMMARY.json: what is known of net.4.5.2.x64.etl, from `dump --summary --enrich`."""
import json
import sys

FRAGMENTS = 9359  # StackWalk 32, 37, 38 in the file
NAMED = ("DiskIO/Read", "DiskIO/Write", "Memory/HardFault")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        summary = json.load(file)
    enrichment = summary["Enrichment"]
    kinds = [kind for provider in summary["Providers"] for kind in provider["Kinds"]]
    failed = False

    def same(what, expected, got):
        nonlocal failed
        print("  %-56s %s of %s" % (what, format(got, ","), format(expected, ",")))
        failed = failed or expected != got

    seen = 0
    for name in NAMED:
        of_name = [kind for kind in kinds if kind["EventName"] == name]
        events = sum(kind["Events"] for kind in of_name)
        same(name + " with a file name", events, sum(kind["FileNames"] for kind in of_name))
        seen += events
    same("DiskIo and HardFault events", 1382, seen)
    same("stack fragments", FRAGMENTS, enrichment["StackFragments"])
    same("stack fragments attached", FRAGMENTS, enrichment["StackFragmentsAttached"])
    same("references to stacks", 7046 + 2061, enrichment["StackReferences"])
    same("references resolved", enrichment["StackReferences"], enrichment["StackReferencesResolved"])
    same("events whose pid has no name", 0, enrichment["WithPidOnly"])
    failed = failed or enrichment["Degraded"]
    return 1 if failed else 0


sys.exit(main())

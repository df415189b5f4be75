#!/usr/bin/env python3
"""Checks enriched events.

check_enriched.py expected EXPECTED.jsonl DUMP.jsonl: each line of EXPECTED names an event ("n": its line in the
    dump) and members of its Enriched object; a dot leads into an object, null means absent. What EXPECTED
    does not name is not looked at.
check_enriched.py equal DUMP.jsonl WATCH.jsonl: the same events, with the same Enriched objects. Events that
    describe others are never delivered to a watcher: they are left out of the dump.
check_enriched.py same DUMP.jsonl WATCH.jsonl: the same lines, byte for byte; but-stacks: whatever their stacks.
"""
import json
import sys

SHOWN = 20
METADATA = "{bbccf6c1-6cd1-48c4-80ff-839482e37671}"


def read(path):
    with open(path, encoding="utf-8", errors="surrogatepass") as lines:
        return [json.loads(line) for line in lines]


def member(enriched, name):
    value = enriched
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def expected(path, dump):
    events = read(dump)
    checked = wrong = 0
    for line in read(path):
        n = line.pop("n")
        if n >= len(events):
            print("  event %d is not in the dump, which has %d" % (n, len(events)))
            wrong += 1
            continue
        system, enriched = events[n]["System"], events[n].get("Enriched", {})
        for name, value in line.items():
            checked += 1
            got = member(enriched, name)
            # Ids are repeated in Enriched only where they differ from the header's.
            if got is None and name in ("ProcessId", "ThreadId"):
                got = system[name.replace("Id", "ID")]
            if got == value:
                continue
            wrong += 1
            if wrong <= SHOWN:
                print("  event %d %s: %s" % (n, system.get("EventName"), name))
                print("    expected: %s" % json.dumps(value))
                print("    got:      %s" % json.dumps(got))
    print("  %d members checked, %d wrong" % (checked, wrong))
    return checked == 0 or wrong


def internal(event):
    system = event["System"]
    return system["Provider"]["Guid"] == METADATA or system["EventID"] == 65534


def equal(dump, watch):
    ours = [event for event in read(dump) if not internal(event)]
    theirs = [event for event in read(watch) if "System" in event]
    wrong = 0
    for n, (a, b) in enumerate(zip(ours, theirs)):
        if a == b:
            continue
        wrong += 1
        if wrong <= SHOWN:
            print("  event %d %s" % (n, a["System"].get("EventName")))
            for name in sorted(set(a) | set(b)):
                if a.get(name) != b.get(name):
                    print("    dump:   %s %s" % (name, json.dumps(a.get(name))[:600]))
                    print("    broker: %s %s" % (name, json.dumps(b.get(name))[:600]))
    if len(ours) != len(theirs):
        print("  %d events in the dump, %d from the broker" % (len(ours), len(theirs)))
    enriched = sum("Enriched" in event for event in theirs)
    stacks = sum("Stack" in event.get("Enriched", {}) for event in theirs)
    print("  %d events, %d enriched, %d with a stack, %d differ" % (len(theirs), enriched, stacks, wrong))
    return wrong or len(ours) != len(theirs) or enriched == 0


def same(dump, watch, stacks=True):
    lines = [[], []]
    for path, to in zip((dump, watch), lines):
        with open(path, "rb") as file:
            to.extend(file.read().splitlines())
    ours = [line for line in lines[0] if not internal(json.loads(line))]
    wrong = different = 0
    for n, (a, b) in enumerate(zip(ours, lines[1])):
        if a == b:
            continue
        if not stacks:
            a, b = json.loads(a), json.loads(b)
            for event in (a, b):
                for name in ("Stack", "StackIncomplete"):
                    event.get("Enriched", {}).pop(name, None)
                if event.get("Enriched") == {}:
                    del event["Enriched"]
            if a == b:
                different += 1
                continue
        wrong += 1
        if wrong <= SHOWN:
            print("  event %d\n    dump:   %s\n    broker: %s" % (n, str(a)[-600:], str(b)[-600:]))
    if len(ours) != len(lines[1]):
        print("  %d events in the dump, %d from the broker" % (len(ours), len(lines[1])))
    print("  %d events, %d differ%s" % (len(ours), wrong, "" if stacks else ", %d more in their stacks" % different))
    return wrong or len(ours) != len(lines[1])


def but_stacks(dump, watch):
    return same(dump, watch, False)


if __name__ == "__main__":
    sys.exit(1 if {"expected": expected, "equal": equal, "same": same, "but-stacks": but_stacks}[sys.argv[1]](sys.argv[2], sys.argv[3]) else 0)

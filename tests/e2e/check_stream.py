"""check_stream.py: what e2e_watcher received, against an independent filter over the lines of a trace.

    check_stream.py --lines FILE --items FILE [--provider GUID] [--any N] [--all N] [--level N] [--where EXPRESSION]
                    [--lossy] [--ended REASON]

--lines   golden/NAME.tsv.gz, or what etlgen --expect wrote: every event of the trace, in order
--items   what e2e_watcher wrote
--where   Python over the numbers id, version, level, opcode, task, keyword, pid, tid, cpu, bytes of an event

Checked: the events that came are exactly those, in that order, with equal header and payload (CRC-32); their numbers
are 0, 1, ... without a hole (gaps counted); the ledger of END balances and agrees with what came. With --lossy the
events may lack those that gaps tell of, and nothing else.
"""
import argparse
import sys

from trace_lines import Want, header_of, is_event, read_items, read_lines

LEDGER = ("offered denied_scope denied_policy denied_cost filtered matched held numbered dropped_queue dropped_rate "
          "dropped_oversize dropped_policy dropped_close queued sent").split()

failures = 0


def fail(text):
    global failures
    failures += 1
    print("FAIL:", text)


def expect(what, expected, got):
    if expected != got:
        fail(f"{what}: expected {expected}, got {got}")


def compare(expected, items):
    """Walks both sequences; a gap skips as many expected events as it counts."""
    position = number = received = missing = 0
    end = totals = None
    for item in items:
        kind = item[0]
        if kind == "E":
            expect("event number", number, int(item[1]))
            number = int(item[1]) + 1
            received += 1
            wanted = expected[position] if position < len(expected) else None
            if not is_event(item, wanted):
                fail(f"event {item[1]} (place {position}):\n  expected {wanted}\n  got      {item[2:]}")
                if failures > 5:
                    sys.exit(1)
            position += 1
        elif kind == "G" and item[3] != "5":
            expect("number of a gap", number, int(item[1]))
            number += int(item[2])
            missing += int(item[2])
            position += int(item[2])
        elif kind == "X":
            end = dict(zip(["reason"] + LEDGER, map(int, item[1:])))
        elif kind == "T":
            totals = list(map(int, item[1:]))
    return position, number, received, missing, end, totals


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", required=True)
    parser.add_argument("--items", required=True)
    parser.add_argument("--provider")
    number = {"type": lambda text: int(text, 0)}
    parser.add_argument("--any", default=0, **number)
    parser.add_argument("--all", default=0, **number)
    parser.add_argument("--level", default=255, **number)
    parser.add_argument("--where")
    parser.add_argument("--lossy", action="store_true")
    parser.add_argument("--ended", type=int, default=1)
    o = parser.parse_args()
    want = Want(o.provider, o.any, o.all, o.level, o.where)

    everything = list(read_lines(o.lines))
    expected = [header_of(c) for c in everything if want.passes(c)]
    if not expected:
        fail("the filter passes no event of the trace: this would prove nothing")
    position, number, received, missing, end, totals = compare(expected, read_items(o.items))
    expect("events delivered and told as missing", len(expected), position)
    if not o.lossy:
        expect("events told as missing", 0, missing)
    if end is None:
        fail("the stream has no END")
    else:
        check_ledger(end, number, received, missing, o)
    expect("the library's totals (received, gap events, next number)", [received, missing, number],
           [totals[0], totals[1], totals[3]] if totals else None)
    if not failures:
        print(f"ok: {received} events as the filter says, of {len(everything)} in the trace; {missing} told as missing")
    sys.exit(failures != 0)


def check_ledger(end, number, received, missing, o):
    expect("the reason of END", o.ended, end["reason"])
    denied = end["denied_scope"] + end["denied_policy"] + end["denied_cost"]
    dropped = sum(end[name] for name in LEDGER if name.startswith("dropped"))
    expect("ledger W: offered = denied + filtered + matched", end["offered"], denied + end["filtered"] + end["matched"])
    expect("ledger W: matched = held + numbered", end["matched"], end["held"] + end["numbered"])
    expect("ledger N: numbered = dropped + queued + sent", end["numbered"], dropped + end["queued"] + end["sent"])
    expect("numbered", number, end["numbered"])
    expect("sent", received, end["sent"])
    expect("dropped", missing, dropped)
    expect("queued at the end", 0, end["queued"])


if __name__ == "__main__":
    main()

"""check_change.py: a subscription whose wants are changed while it runs.

    check_change.py LINES ITEMS WANT...         WANT: JSON {"provider": …, "any": …, "all": …, "level": …, "where": …}

The n-th WANT holds from the n-th CHANGED notice on (the first one from the start). Checked against the lines of the
trace, which is repeated (each EPOCH but the
first one, which was over before anybody could subscribe, begins it anew):
- before each notice come all events that the old want passes, behind it all that the new one passes: there is one place
  in the trace at which the wants were exchanged, nothing is missing or doubled around it;
- numbers go on without a hole over changes and epochs, and a notice carries the number of the first event behind it;
- generations and epochs count up by one; every CHANGED came; nothing was dropped.
"""
import bisect
import json
import sys

from trace_lines import Want, header_of, is_event, read_items, read_lines


def fail(text):
    print("FAIL:", text)
    sys.exit(1)


class Walk:
    def __init__(self, lines, wants):
        self.headers = [header_of(c) for c in lines]
        self.matches = [[i for i, c in enumerate(lines) if w.passes(c)] for w in wants]
        for i, m in enumerate(self.matches):
            if not m:
                fail(f"want {i} passes no event of the trace: this would prove nothing")
        self.want = 0
        # The next event is looked for from `cursor` on. After a change the new want may hold from any place between
        # cursor and `latest`, the next event that the old want would have passed.
        self.cursor = self.latest = 0
        self.counts = [0] * len(wants)
        self.rounds = 1

    def next_match(self, want, start):
        m = self.matches[want]
        k = bisect.bisect_left(m, start)
        return m[k] if k < len(m) else len(self.headers)

    def event(self, item):
        at = self.next_match(self.want, self.cursor)
        while not is_event(item, self.headers[at] if at < len(self.headers) else None):
            if at >= self.latest:  # the change happened before this event at the latest: it must be this one
                wanted = self.headers[at] if at < len(self.headers) else "(the end of the round)"
                fail(f"event {item[1]} under want {self.want}:\n  expected {wanted}\n  got      {item[2:]}")
            at = self.next_match(self.want, at + 1)
        self.cursor = self.latest = at + 1
        # Without a change there is only one place to go on from.
        self.counts[self.want] += 1

    def change(self):
        if self.want + 1 == len(self.matches):
            fail("more CHANGED notices than changes")
        self.latest = max(self.latest, self.next_match(self.want, self.latest))
        self.want += 1

    def epoch(self):
        at = self.next_match(self.want, self.latest)
        if at < len(self.headers):
            fail(f"the round ended before {self.headers[at]} came")
        self.cursor = self.latest = 0
        self.rounds += 1


def main():
    lines = list(read_lines(sys.argv[1]))
    wants = [Want(**json.loads(text)) for text in sys.argv[3:]]
    walk = Walk(lines, wants)
    number = 0
    generation = epoch = None
    ended = False
    for item in read_items(sys.argv[2]):
        kind = item[0]
        if kind in "EC" and int(item[1]) != number:
            fail(f"{kind} has number {item[1]}, expected {number}")
        if kind == "E":
            walk.event(item)
            number += 1
        elif kind == "C":
            if generation is not None and int(item[2]) != generation + 1:
                fail(f"generation {item[2]} follows {generation}")
            generation = int(item[2])
            walk.change()
        elif kind == "P":
            if epoch is not None and int(item[1]) != epoch + 1:
                fail(f"epoch {item[1]} follows {epoch}")
            if item[2] != "2":
                fail(f"epoch {item[1]} for reason {item[2]}, expected 2 (the trace begins again)")
            epoch = int(item[1])
            walk.epoch()
        elif kind == "G":
            fail(f"a gap: {item}")
        elif kind == "X":
            ended = True
    if walk.want + 1 != len(wants):
        fail(f"{walk.want} CHANGED notices came, expected {len(wants) - 1}")
    if 0 in walk.counts:
        fail(f"no event under some wants: {walk.counts}")
    if not ended:
        fail("no END")
    print(f"ok: {walk.counts} events under the wants in turn, in {walk.rounds} rounds")


if __name__ == "__main__":
    main()

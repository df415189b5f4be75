"""trace_lines: the lines of a trace (golden/NAME.tsv.gz, or what etlgen --expect wrote) and ETW's own filter rule over them.

The rule is written here once more, independently of the broker: level 0 passes every level; a keyword of 0 passes,
another one needs a common bit with `any` and every bit of `all`; an `any` of 0 passes everything. Schemas that stand in
a file as events (TDH's schema provider, and EventSource's manifests with id 65534) are the broker's own business.
"""
import gzip

SCHEMA_PROVIDER = "bbccf6c1-6cd1-48c4-80ff-839482e37671"
MANIFEST_ID = 65534
UNKNOWN = "4294967295"
WPP_HEADER = "15"  # the lines have no number of a WPP message; a watcher gets it as the id
WPP_ID = "any"
NAMES = "cpu id version level opcode task channel keyword pid tid bytes".split()


def read_lines(path):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as lines:
        for line in lines:
            if not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def read_items(path):
    """What e2e_watcher wrote: one list for each item."""
    with open(path) as items:
        for line in items:
            yield line.rstrip("\n").split("\t")


def header_of(columns):
    """The columns that a watcher's line has as well; a header without ids says -1 there, and 2^32 - 1 here."""
    ids = [UNKNOWN if text == "-1" else text for text in columns[13:15]]
    event_id = WPP_ID if columns[4] == WPP_HEADER else columns[6]
    return columns[2:4] + columns[5:6] + [event_id] + columns[7:13] + ids + columns[15:16] + columns[17:19]


def is_event(item, header):
    """Is this item (E …) the event with this header_of?"""
    got = item[2:]
    if header is not None and header[3] == WPP_ID:
        got = got[:3] + [WPP_ID] + got[4:]
    return got == header


class Want:
    """provider: a GUID, or None for everything; where: Python over NAMES."""

    def __init__(self, provider=None, any=0, all=0, level=255, where=None):
        self.provider, self.any, self.all, self.level = provider, any, all, level
        self.where = where and compile(where, "where", "eval")

    def passes(self, columns):
        guid, event_id, level, keyword = columns[5], int(columns[6]), int(columns[8]), int(columns[12])
        if guid == SCHEMA_PROVIDER or event_id == MANIFEST_ID:
            return False
        if self.provider:
            if guid != self.provider or (level != 0 and level > self.level):
                return False
            if keyword != 0 and self.any != 0 and ((keyword & self.any) == 0 or (keyword & self.all) != self.all):
                return False
        if self.where is None:
            return True
        return bool(eval(self.where, dict(zip(NAMES, map(int, columns[3:4] + columns[6:15] + columns[17:18])))))

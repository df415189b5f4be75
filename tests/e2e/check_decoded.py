#!/usr/bin/env python3
"""Compares decoded events with independent decodings of the same traces.

  check_decoded.py --etwctl PROGRAM --corpus DIR [NAME ...]   runs "PROGRAM dump --format json FILE"
  check_decoded.py --json DUMP --decoded FILE                 compares one dump that is there already
  check_decoded.py --json DUMP --expected FILE                the same with libtrace64.expected.json

PROGRAM may be several words ("wine64 etwctl.exe"). Every event of corpus/decoded/*.jsonl is looked up in
the dump by its place in the merged stream and compared: header, then each field, its value brought back
from the text form (names of codes, addresses, times, GUIDs) to the raw one. Text of value maps cannot be
brought back; it must name the same number wherever it stands, and another text must name another number.

The reference decodes by the letter of the MOF; where the broker's schema knows better, the difference is
one of the exceptions in KNOWN, with its reason, and nothing else is let through. Exit code 0: all equal.
"""
import argparse
import collections
import ipaddress
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import uuid
from datetime import datetime

# (pattern on the reference's "how", field or None, kind of difference, reason)
#   wider     the field is wider here; the bytes come out of the reference's unconsumed ones
#   added     a field that the reference does not know
#   removed   a field that the payload does not hold
#   longer    the array goes on where the reference's ends
#   other     the value is another one, for the reason given
KNOWN = [
    (r"MOF:(TcpIp|UdpIp)_", "connid", "wider", "connid is pointer-sized; the MOF says u32"),
    (r"MOF:Thread_V3_TypeGroup1/", "ThreadName", "added", "Windows 10 appends the name without a new version"),
    (r"MOF:FileIo_ReadWrite/.*v3", "ExtraFlags", "added", "not in the MOF"),
    (r"MOF:AutoBoostEntryExhaustion/", "Reserved", "added", "four bytes that the MOF leaves out"),
    (r"MOF:EventTrace_Header/", "TimeZoneInformation", "other", "the reference does not decode it"),
    (r"MOF:StackWalk_", "Stack", "frames", "the MOF's 32 slots are not real: as many as there are"),
    (r"MOF:StackWalk_", "StackFrame", "frames", "the same for keyed stacks"),
    (r"EventInfo:.*CLRStackWalk", "Stack", "longer", "declares two frames, stores FrameCount"),
    (r"MOF:Process_V[23]_", None, "sid", "a SID behind a null pointer (synthetic sawbuck events)"),
    (r"TraceLogging:AllTypes", "custom", "other", "the reference puts a word for a custom encoding"),
]


def filetime(text):
    """ISO 8601 with seven digits to FILETIME; None when it is no such text."""
    m = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{7})Z", text)
    if not m:
        return None
    d = datetime.strptime(m[1], "%Y-%m-%dT%H:%M:%S") - datetime(1601, 1, 1)
    return (d.days * 86400 + d.seconds) * 10**7 + int(m[2])


def sockaddr(text):
    """(family, port, packed address) of 'a.b.c.d:port', '[v6%scope]:port' or a bare address."""
    m = re.fullmatch(r"\[([^\]]+)\]:(\d+)", text) or re.fullmatch(r"([\d.]+):(\d+)", text)
    host, port = (m[1], int(m[2])) if m else (text, 0)
    try:
        a = ipaddress.ip_address(host.split("%")[0])
    except ValueError:
        return None
    return (2 if a.version == 4 else 23), port, a.packed


class Maps:
    """Texts of value maps: each must stand for one number, and each number have one text."""

    def __init__(self):
        self.text = {}
        self.number = {}

    # What some of them must be, from the public CLR manifest.
    TRUTHS = {("AllocationKind", 0): "Small", ("AllocationKind", 1): "Large", ("Sku", 1): "DesktopClr",
              ("Sku", 2): "CoreClr", ("StartupMode", 1): "ManagedExe"}
    # Kernel fields that the broker gives a map of its own (SE_SIGNING_LEVEL_*, SE_IMAGE_SIGNATURE_TYPE).
    KERNEL = {
        "SignatureLevel": {0: "Unchecked", 1: "Unsigned", 2: "Enterprise", 4: "Authenticode", 6: "Store",
                           7: "Antimalware", 8: "Microsoft", 12: "Windows", 14: "WindowsTcb"},
        "SignatureType": {0: "None", 1: "Embedded", 2: "Cache", 3: "CatalogCached", 4: "CatalogNotCached",
                          5: "CatalogHint", 6: "PackageCatalog"},
    }

    def agree(self, where, text, number):
        if self.TRUTHS.get((where[-1], number), text) != text:
            return False
        return self.text.setdefault((where, number), text) == text and \
            self.number.setdefault((where, text), number) == number


class Checker:
    def __init__(self, name):
        self.name = name
        self.maps = Maps()
        self.errors = []
        self.values = 0
        self.events = 0
        self.undecoded = 0
        self.used = collections.Counter()

    def error(self, n, text):
        self.errors.append(f"{self.name}: event {n}: {text}")

    def known(self, how, field, kinds):
        for i, (pattern, name, kind, _) in enumerate(KNOWN):
            if kind in kinds and name in (None, field) and re.match(pattern, how or ""):
                self.used[i] += 1
                return kind
        return None

    # -- values --

    def same_int(self, where, want, got):
        if isinstance(got, bool):
            return got == (want != 0)
        if isinstance(got, (int, float)):
            if got == want:
                return True
            if isinstance(got, int) and got < 0:  # the reference reads everything as unsigned
                return any(got + 2**bits == want for bits in (8, 16, 32, 64))
            # floats stand in the reference as their bits
            return want == struct.unpack("<I", struct.pack("<f", got))[0] or \
                want == struct.unpack("<Q", struct.pack("<d", got))[0]
        if not isinstance(got, str):
            return False
        m = re.fullmatch(r"0x([0-9A-F]+)(?: \([A-Z0-9_]+\))?", got)
        if m:
            return int(m[1], 16) in (want, want & 0xFFFFFFFF if want < 0 else want)
        if re.fullmatch(r"-?\d+", got):
            return int(got) in (want, want - 2**64)
        if filetime(got) is not None:
            return filetime(got) == want
        if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", got):
            return int.from_bytes(ipaddress.ip_address(got).packed, "little") == want
        if len(got) == 1 and where[0] == "TraceLogging" and ord(got) == want:
            return True  # a character
        if where[0] == "MOF":
            return Maps.KERNEL.get(where[-1], {}).get(want) == got
        # TraceLogging events have no maps.
        return where[0] == "EventInfo" and self.maps.agree(where, got, want)

    def same_text(self, want, got):
        if got is None:
            return want == ""
        if not isinstance(got, str):
            return False
        if got == want:
            return True
        if re.fullmatch(r"\{[0-9a-f-]{36}\}", got):
            g = uuid.UUID(got[1:-1])
            return want in (str(g), g.bytes_le.hex())
        if re.fullmatch(r"[0-9a-f]+", want):
            raw = bytes.fromhex(want) if len(want) % 2 == 0 else b""
            if len(raw) == 16 and filetime(got) is not None:
                year, month, _, day, hour, minute, second, ms = struct.unpack("<8H", raw)
                return got == f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}0000Z"
            a = sockaddr(got)
            if a and len(raw) == 16 and a[0] == 23:
                return a[2] == raw
            if a and len(raw) >= 8:
                family, port = struct.unpack("<H", raw[:2])[0], struct.unpack(">H", raw[2:4])[0]
                at = 4 if family == 2 else 8
                return a == (family, port, raw[at:at + len(a[2])])
        return False

    def same(self, where, want, got):
        self.values += 1
        if want is None:
            return got is None
        if isinstance(want, bool) or isinstance(want, int):
            return self.same_int(where, want, got)
        if isinstance(want, str):
            return self.same_text(want, got)
        if isinstance(want, list):
            if isinstance(got, str):  # characters
                units = struct.pack(f"<{len(want)}H", *want).decode("utf-16-le", "surrogatepass")
                return got in (units.rstrip("\0"), units.split("\0")[0])
            if want and isinstance(want[0], (list, dict)):  # structures
                if isinstance(got, dict):
                    got = [got]
                return isinstance(got, list) and len(got) == len(want) and \
                    all(self.same_struct(where, w, g) for w, g in zip(want, got))
            return isinstance(got, list) and len(got) == len(want) and \
                all(self.same(where, w, g) for w, g in zip(want, got))
        return False

    def same_struct(self, where, want, got):
        if isinstance(want, dict):
            want = list(want.items())
        return isinstance(got, dict) and [w[0] for w in want] == list(got) and \
            all(self.same(where + (n,), v, got[n]) for n, v in want)

    # -- events --

    def header(self, n, want, got):
        s = got["System"]
        pairs = [
            ("guid", want["guid"], s["Provider"]["Guid"][1:-1]),
            ("version", want["ver"], s["Version"]),
            ("opcode", want["op"], s["Opcode"]),
            ("time", want["filetime"], filetime(s["TimeStamp"])),
            ("processor", want["cpu"], s["Processor"]),
        ]
        if want["hdr"] == 15:  # WPP: the reference has words for a missing GUID and no version
            pairs = pairs[3:]
        else:
            none = (None, 0xFFFFFFFF)
            pairs.append(("pid", None if want["pid"] in none else want["pid"], s["ProcessID"]))
            pairs.append(("tid", None if want["tid"] in none else want["tid"], s["ThreadID"]))
        if want["id"] is not None:
            pairs.append(("id", want["id"], s["EventID"]))
        for what, w, g in pairs:
            if w != g:
                self.error(n, f"{what} is {g!r}, not {w!r}")

    def extended(self, n, want, got):
        """The first item of each kind; stacks of both widths are one kind."""
        ext, seen = got.get("Extended", {}), set()

        def guid(d):
            return "{" + str(uuid.UUID(bytes_le=d[:16])) + "}"

        def hex64(d):
            return f"0x{struct.unpack('<Q', d[:8])[0]:X}"

        def frames(d, size):
            return [f"0x{int.from_bytes(d[i:i + size], 'little'):X}" for i in range(8, len(d) - size + 1, size)]

        def number(d):
            return int.from_bytes(d, "little")

        for kind, data in want["ext"]:
            data = bytes.fromhex(data.rstrip("."))
            kind_seen = {5: 6, 17: 18}.get(kind, kind)
            if kind_seen in seen:
                continue
            seen.add(kind_seen)
            whole = len(data) < 256  # long ones are cut in the reference
            if kind == 1:
                pairs = [(got["System"].get("RelatedActivityID"), guid(data))]
            elif kind == 3:
                pairs = [(ext.get("SessionID"), number(data))]
            elif kind == 4:
                pairs = [(ext.get("InstanceId"), number(data[:4])), (ext.get("ParentInstanceId"), number(data[4:8])),
                         (ext.get("ParentGuid"), guid(data[8:]))]
            elif kind in (5, 6):
                theirs = frames(data, 4 if kind == 5 else 8)
                mine = ext.get("StackTrace", [])
                pairs = [(ext.get("StackMatchId"), hex64(data)), (mine if whole else mine[:len(theirs)], theirs)]
            elif kind == 7:
                pairs = [(ext.get("PebsIndex"), hex64(data))]
            elif kind == 8:
                pairs = [([int(v) for v in ext.get("PmcCounters", [])],
                          [number(data[i:i + 8]) for i in range(0, len(data), 8)])]
            elif kind == 9:
                pairs = [(ext.get("PsmKey"), data.decode("utf-16-le").rstrip("\0"))]
            elif kind == 10:
                pairs = [(ext.get("EventKey"), hex64(data))]
            elif kind == 12:
                pairs = [(ext.get("ProviderTraits", {}).get("Name"), data[2:].split(b"\0")[0].decode())]
            elif kind == 13:
                pairs = [(int(ext.get("ProcessStartKey", -1)), number(data))]
            elif kind in (14, 16):
                pairs = [(ext.get("ControlGuid" if kind == 14 else "ContainerID"), guid(data))]
            elif kind == 15:
                pairs = [(int(ext.get("QpcDelta", -1)), number(data))]
            else:
                pairs = []
            for mine, theirs in pairs:
                self.values += 1
                if mine != theirs:
                    self.error(n, f"extended item {kind} is {mine!r}, not {theirs!r}")

    def sid_shift(self, data):
        """Do the fields from the SID on differ because the SID stands behind a null pointer here?"""
        sid = data.get("UserSID")
        return isinstance(sid, str) and sid.startswith("S-1-")

    def event(self, want, got):
        n, how = want["n"], want["how"]
        self.events += 1
        self.header(n, want, got)
        self.extended(n, want, got)
        raw, trailing = got.get("Raw"), len(got.get("Trailing", "")) // 2
        if want["fields"] is None:
            self.undecoded += 1  # the broker may know more: then only the header can be compared
            head = want["data"].rstrip(".")  # long ones are cut
            if raw is not None and (not raw.startswith(head) or head == want["data"] != raw):
                self.error(n, f"the raw bytes are {raw[:40]}…, not {want['data'][:40]}…")
            return
        if raw is not None:
            self.error(n, f"is not decoded ({got.get('Undecodable')}); the reference has {how}")
            return
        data = dict(got["EventData"])
        where = (how.split(":")[0], want["guid"], want["id"], want["op"], want["ver"])
        fields = list(want["fields"].items()) if isinstance(want["fields"], dict) else want["fields"]
        # frames: Stack1, Stack2 … are one array
        frames = [(name, v) for name, v in fields if re.fullmatch(r"Stack(Frame)?\d*", name)
                  and self.known(how, re.sub(r"\d+$", "", name), ("frames",))]
        fields = [f for f in fields if f not in frames]
        unconsumed, shifted = want["unconsumed"] or 0, False
        order = [name for name in data]
        at = 0
        for name, value in fields:
            if name not in data:
                if not self.known(how, name, ("removed",)):
                    self.error(n, f"field {name} is missing ({how})")
                continue
            g = data.pop(name)
            place = order.index(name)
            if place < at:
                self.error(n, f"field {name} stands out of order")
            at = place
            if name == "UserSID" and value == "" and self.sid_shift({"UserSID": g}) and \
                    self.known(how, name, ("sid",)):
                shifted = True
                continue
            if shifted:  # strings behind the SID: the reference lost its place
                continue
            if self.known(how, name, ("longer",)) and isinstance(g, list) and isinstance(value, list):
                extra = len(g) - len(value)
                if extra < 0 or unconsumed % (extra or 1):
                    self.error(n, f"{name} has {len(g)} elements for {unconsumed} bytes left over")
                g, unconsumed = g[:len(value)], 0 if extra else unconsumed
            if self.known(how, name, ("other",)):
                continue
            if self.known(how, name, ("wider",)) and unconsumed:
                unconsumed -= 4
                g = f"0x{int(g, 16) & 0xFFFFFFFF:X}" if isinstance(g, str) else g & 0xFFFFFFFF
            if not self.same(where + (name,), value, g):
                self.error(n, f"{name} is {g!r}, not {value!r} ({how})")
        if frames:
            name = next((m for m in ("Stack", "StackFrame", "Frames") if m in data), None)
            mine = data.pop(name) if name else []
            theirs = [v for _, v in frames]
            for i, v in enumerate(theirs):
                if i >= len(mine) or not self.same(where + ("frame",), v, mine[i]):
                    self.error(n, f"frame {i} is {mine[i:i + 1]}, not {v:#x} ({how})")
            short = want["note"] is not None
            if short and len(mine) != len(theirs):
                self.error(n, f"{len(mine)} frames, not {len(theirs)} ({how})")
            unconsumed -= 0 if short else (len(mine) - len(theirs)) * want["ptr"]
        elif want["note"] and want["note"].startswith("short at Stack"):
            data.pop("Stack", data.pop("StackFrame", None))
        for name in list(data):
            if self.known(how, name, ("added",)):
                value = data.pop(name)
                if isinstance(value, str) and name == "ThreadName":
                    unconsumed -= 2 * len(value) + 2
                elif unconsumed >= 4 and value is not None:
                    unconsumed -= 4
        if shifted:
            if trailing:
                self.error(n, f"{trailing} bytes behind the last field although the SID was found")
            return
        if data:
            self.error(n, f"fields that the reference does not have: {', '.join(data)} ({how})")
        if trailing != unconsumed:
            self.error(n, f"{trailing} bytes are left over, not {unconsumed} ({how})")

    def decoded(self, dump, reference):
        wanted = {}
        with open(reference, encoding="utf-8") as f:
            for line in f:
                w = json.loads(line)
                wanted[w["n"]] = w
        for n, line in enumerate(dump):
            if n in wanted:
                self.event(wanted.pop(n), json.loads(line))
        for n in wanted:
            self.error(n, "is not in the dump")

    # -- libtrace64.expected.json --

    NAMES = {"BaseAddress": "ImageBase", "ModuleSize": "ImageSize", "ImageCheckSum": "ImageChecksum",
             "ImageFileName": "FileName"}
    # The vector splits a u32 of the MOF in two.
    ABSENT = {("ThreadAutoBoostClearFloorV2", "Reserved")}
    BITS = {"UCharValue": 8, "CharValue": 8, "UShortValue": 16, "ShortValue": 16, "UIntValue": 32,
            "IntValue": 32, "ULongValue": 64, "LongValue": 64}

    def vectors(self, dump, reference):
        with open(reference, encoding="utf-8") as f:
            vectors = json.load(f)
        by_time = collections.defaultdict(list)
        for line in dump:
            e = json.loads(line)
            by_time[filetime(e["System"]["TimeStamp"])].append(e)
        for v in vectors:
            name, found = v["vector"], by_time[v["filetime"]]
            self.events += 1
            if len(found) != 1:
                self.error(name, f"{len(found)} events at its time")
                continue
            s, data = found[0]["System"], found[0].get("EventData", {})
            for what, w, g in (("guid", v["guid"], s["Provider"]["Guid"][1:-1]), ("opcode", v["op"], s["Opcode"]),
                               ("version", v["ver"], s["Version"]), ("cpu", v["cpu"], s["Processor"])):
                if w != g:
                    self.error(name, f"{what} is {g!r}, not {w!r}")
            for kind, field, literal in v["expected"]:
                if (name, field) in self.ABSENT:
                    continue
                mine = field if field in data else self.NAMES.get(field) if name.startswith("Image") else None
                if mine not in data:
                    self.error(name, f"field {field} is missing")
                    continue
                self.vector_value(name, kind, field, literal, data[mine])

    def vector_value(self, name, kind, field, literal, got):
        self.values += 1
        if kind in ("StringValue", "WStringValue"):
            pieces = re.findall(r'L?"((?:[^"\\]|\\.)*)"', literal)
            if not pieces:  # a constant of the vector's test, whose text is not given here
                if not isinstance(got, str):
                    self.error(name, f"{field} is {got!r}; a text was expected")
                return
            want = "".join(pieces).replace("\\\\", "\\").replace('\\"', '"')
            if got != want:
                self.error(name, f"{field} is {got!r}, not {want!r}")
            return
        want = int(re.sub(r"[uUlL]+$", "", literal), 0) % 2**self.BITS[kind]
        if isinstance(got, str):
            m = re.fullmatch(r"0x([0-9A-F]+)(?: \([A-Z0-9_]+\))?", got)
            if m:
                got = int(m[1], 16)
            elif re.fullmatch(r"-?\d+", got):
                got = int(got)
            elif filetime(got) is not None:
                got = filetime(got)
            elif re.fullmatch(r"\d+\.\d+\.\d+\.\d+", got):
                got = int.from_bytes(ipaddress.ip_address(got).packed, "little")
            else:
                if Maps.KERNEL.get(field, {}).get(want) != got:
                    self.error(name, f"{field} is {got!r}, not {want!r}")
                return
        if not isinstance(got, int) or got % 2**self.BITS[kind] != want:
            # ports are shown as people know them; the vectors have the bytes as they stand
            if field in ("dport", "sport") and isinstance(got, int) and \
                    int.from_bytes(got.to_bytes(2, "little"), "big") == want:
                return
            self.error(name, f"{field} is {got!r}, not {want!r}")

    def report(self):
        for e in self.errors[:200]:
            print(e)
        if len(self.errors) > 200:
            print(f"{self.name}: … and {len(self.errors) - 200} more")
        if self.values == 0 and self.undecoded == 0:
            self.errors.append("nothing compared")
            print(f"{self.name}: nothing was compared")
        state = "FAIL" if self.errors else "ok"
        print(f"{state:4} {self.name}: {self.events} events, {self.values} values, "
              f"{self.undecoded} without a reference decoding, {len(self.errors)} differences")
        return self.errors


def run(etwctl, path, host):
    command = shlex.split(etwctl) + ["dump", "--format", "json", "Z:" + path if host == "wine" else path]
    p = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8")
    yield from p.stdout
    if p.wait() != 0:
        raise SystemExit(f"{' '.join(command)}: exit code {p.returncode}")


def find(corpus, name):
    for folder in (corpus, os.path.join(corpus, "made")):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            return path
    raise SystemExit(f"{name} is not in {corpus}")


def main():
    a = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    a.add_argument("--etwctl")
    a.add_argument("--host", default="linux", metavar="HOST", help="wine: paths get a drive letter")
    a.add_argument("--corpus", default=os.environ.get("ETW_CORPUS"))
    a.add_argument("--json")
    a.add_argument("--decoded")
    a.add_argument("--expected")
    a.add_argument("names", nargs="*", help="file names of the corpus; default: all that have a reference")
    o = a.parse_args()
    failed, used = 0, collections.Counter()
    checks = []
    if o.json:
        if bool(o.decoded) == bool(o.expected):
            a.error("--json takes one of --decoded and --expected")
        lines = open(o.json, encoding="utf-8")
        checks.append((os.path.basename(o.decoded or o.expected), lines, o.decoded, o.expected))
    elif o.etwctl and o.corpus:
        folder = os.path.join(o.corpus, "decoded")
        names = o.names or sorted(f[:-len(".jsonl")] for f in os.listdir(folder) if f.endswith(".jsonl"))
        if not names:
            raise SystemExit(f"{folder} has no references")
        for name in names:
            checks.append((name, run(o.etwctl, find(o.corpus, name), o.host), os.path.join(folder, name + ".jsonl"), None))
            if name == "libtrace64.etl":
                checks.append((name + " (vectors)", run(o.etwctl, find(o.corpus, name), o.host), None,
                               os.path.join(o.corpus, "made", "libtrace64.expected.json")))
    else:
        a.error("either --etwctl and --corpus, or --json")
    for name, lines, decoded, expected in checks:
        c = Checker(name)
        if decoded:
            c.decoded(lines, decoded)
        else:
            c.vectors(lines, expected)
        failed += bool(c.report())
        used.update(c.used)
    for i, count in sorted(used.items()):
        print(f"known difference, {count} times: {KNOWN[i][1] or 'fields'} of {KNOWN[i][0]}: {KNOWN[i][3]}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

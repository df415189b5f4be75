#!/usr/bin/env python3
"""Compares an enriched dump with what Microsoft's TraceEvent says about the same file.

check_traceevent.py log|source DUMP.jsonl LOG.tsv.gz [SOURCE.tsv.gz]

log: the dump has file knowledge. source: live knowledge; rows that SOURCE lacks are those of LOG.
Row n of the text is line n of the dump. Compared are the effective process and thread, the process's name,
file names, registry paths, and stacks frame by frame. Each cell falls into one class: equal; one of the known
differences, recognised by row, field and reason; or "other". Prints the count of each class; the exit code is 1 when any
cell is "other". How many there are of each is known too (traceevent.expected): a class is no place to hide in.

Classes with a number are the known differences of the corpus' README. Those with a section are where TraceEvent leaves
the rules of etl-format: I.2 (whose an event is), I.7 (device paths), H.1 and H.3 (payloads). "artificial": libtrace64's
headers were made up, and TraceEvent takes the header's ids where the payload has better ones. "live": what a stack needs
comes behind its event, and more than 10 s behind it or never for some; what has come is marked incomplete and is compared.
"""
import collections
import gzip
import json
import re
import sys

SHOWN = 8  # examples of each kind of other difference

# Known difference 1: keys named a moment after their first use. 3: stacks whose user part came too late for TraceEvent.
LATE_NAMES = {31143, 31147}
LATE_NAME = r"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\en-US"
LATE_STACKS = {2114, 2714, 3230, 3915, 4549, 5261}
ALWAYS = 1 << 62
KNOWN_PIDS = {0: "Idle", 4: "System"}  # processes of every Windows


def unescape(cell):
    return re.sub(r"%u([0-9a-fA-F]{4})|%([0-9a-fA-F]{2})", lambda m: chr(int(m.group(1) or m.group(2), 16)), cell)


def rows(path, has_stack):
    """n -> (fixed columns, fields)."""
    result = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        head = next(lines).rstrip("\n")[1:].split("\t")
        head = head[: head.index("name=value...")]
        assert ("stack" in head) == has_stack, path
        for line in lines:
            cells = line.rstrip("\n").split("\t")
            row = dict(zip(head, cells))
            row["fields"] = {}
            for cell in cells[len(head):]:
                name, _, value = cell.partition("=")
                row["fields"].setdefault(name, unescape(value))
            result[int(row["n"])] = row
    return result


def stem(name):
    """Path.GetFileNameWithoutExtension of a name without folders."""
    at = name.rfind(".")
    return name[:at] if at >= 0 else name


class Ours:
    """One line of the dump."""

    def __init__(self, line):
        event = self.event = json.loads(line)
        self.system = event["System"]
        self.data = event.get("EventData") or {}
        self.e = event.get("Enriched") or {}
        self.name = self.system.get("EventName", "")
        self.guid = self.system["Provider"]["Guid"].strip("{}").lower()
        self.opcode = self.system["Opcode"]

    def number(self, enriched, header):
        value = self.e.get(enriched, self.system[header])
        return -1 if value is None else value

    def pid(self):
        return self.number("ProcessId", "ProcessID")

    def tid(self):
        return self.number("ThreadId", "ThreadID")

    def process(self):
        return self.e.get("ProcessName", "")

    def provenance(self, name):
        return self.e.get("Provenance", {}).get(name, "")


def hexadecimal(text):
    return int(text, 16) if isinstance(text, str) and text.startswith("0x") else int(text or 0)


def split_frames(cell):
    """At the bars, but for those in the names of methods."""
    frames, depth, begin = [], 0, 0
    for i, c in enumerate(cell):
        if c == "{" and i == begin:
            depth = 1
        elif c == "}" and depth and re.match(r"0x[0-9a-f]+(@|\||$)", cell[i + 1:]):
            depth = 0
        elif c == "|" and not depth:
            frames.append(cell[begin:i])
            begin = i + 1
    return [unescape(frame) for frame in frames + [cell[begin:]]] if cell else []


class Check:
    def __init__(self, mode, log_path):
        self.mode = mode
        self.artificial = "/libtrace64" in log_path
        self.volumes = []  # NT path, DOS path
        self.stopped = {}  # pid -> name, from its Stop or DCStop on
        self.counts = collections.Counter()
        self.examples = collections.defaultdict(list)
        self.images = collections.defaultdict(list)  # (pid, path in lower case) -> [base, end, first row, last row]
        self.known_by_time = set()  # known difference 4: addresses
        self.relative = {}  # known difference 5: key handle -> the name that TraceEvent gave it
        self.deleted = {}  # handle -> name that TraceEvent still uses
        self.stacks_of_load = {}  # known difference 2

    def count(self, field, kind, n, ours, theirs, row):
        self.counts[field, kind] += 1
        if kind == "other":
            key = (field, row["event"])
            if len(self.examples[key]) < SHOWN:
                self.examples[key].append((n, ours, theirs))

    # ---- ids ----

    def ids(self, n, o, row):
        for field, ours, theirs in (("pid", o.pid(), int(row["pid"])), ("tid", o.tid(), int(row["tid"]))):
            kind = "equal" if ours == theirs else self.known_id(field, ours, theirs, o, row)
            self.count(field, kind, n, ours, theirs, row)

    def known_id(self, field, ours, theirs, o, row):
        event, header_tid = row["event"], o.system["ThreadID"]
        image = event in ("Image/Unload", "Image/DCStart", "Image/DCStop")
        if field == "tid" and theirs == -1 and (image or event.startswith("Process/")) and ours == header_tid:
            return "9 tid left out by the library"
        init = event in ("DiskIO/ReadInit", "DiskIO/WriteInit", "DiskIO/FlushInit")
        if init and theirs == o.system[{"pid": "ProcessID", "tid": "ThreadID"}[field]]:
            issuer = o.data.get("IssuingThreadId")
            if issuer is not None and o.tid() == issuer:
                return "9 the header's ids, not the requester's"
        if event == "DiskIO/FlushBuffers" and o.tid() == o.data.get("IssuingThreadId"):
            return "9 FlushBuffers: another field"
        if event == "Thread/CSwitch" and field in ("pid", "tid"):
            new = o.data.get("NewThreadId")
            header = o.system[{"pid": "ProcessID", "tid": "ThreadID"}[field]]
            if theirs == header and o.tid() == new:
                return "10 context switch: ids of the header"
        header = o.system[{"pid": "ProcessID", "tid": "ThreadID"}[field]]
        if event == "ProcessStart/Start" and theirs == header and ours == o.data.get("ProcessID"):
            return "the process that starts, not its creator"
        if theirs == header and ours in self.payload_ids(field, o):
            if event in ("Process/Opcode(11)", "VirtualMem/Alloc", "VirtualMem/Free"):
                return "I.2 the payload's process, not the header's"
            if event == "Dispatcher/ReadyThread" and field == "tid":
                return "I.2 the thread that is made ready"
            if self.artificial:
                return "artificial header"
        return "other"

    @staticmethod
    def payload_ids(field, o):
        names = {"pid": ("ProcessId",), "tid": ("TTID", "TThreadId")}[field]
        return [hexadecimal(o.data[name]) for name in names if o.data.get(name) is not None]

    # ---- process names ----

    def process(self, n, o, row):
        ours, theirs, pid = o.process(), unescape(row["process"]), row["pid"]
        unknown = theirs in ("", "Process(%s)" % pid, "Process(%d)" % o.pid())
        if ours == "" and unknown or ours and stem(ours) == theirs:
            kind = "equal"
        else:
            kind = self.known_process(ours, theirs, unknown, o, row)
        self.count("process", kind, n, ours, theirs, row)

    def known_process(self, ours, theirs, unknown, o, row):
        image = o.data.get("ImageFileName") or ""
        if row["event"] == "Process/Defunct" and unknown and ours and ours == image:
            return "11 Defunct names its process itself"
        stops = ("Process/Stop", "Process/DCStop")
        if self.mode == "source" and row["event"] in stops and theirs == "" and ours and ours == image:
            return "12 source: gone one event early"
        if self.mode == "source" and theirs == "" and ours and self.stopped.get(o.pid()) == ours:
            return "12 source: gone with Stop and DCStop"
        if unknown and KNOWN_PIDS.get(o.pid()) == ours:
            return "the pid of every Windows"
        if row["event"].startswith("Process/") and unknown and ours == image and row["fields"].get("ImageFileName") == "":
            return "H.1 the library reads no name from this payload"
        if self.artificial and unknown and ours and o.pid() != int(row["pid"]):
            return "artificial header"
        if o.pid() != int(row["pid"]) and self.counts_as_id_difference(o, row):
            return "as the pid"
        return "other"

    def counts_as_id_difference(self, o, row):
        return self.known_id("pid", o.pid(), int(row["pid"]), o, row) != "other"

    # ---- file names ----

    def file_name(self, n, o, row):
        theirs = row["fields"].get("FileName")
        event = row["event"]
        if event in ("FileIO/DirEnum", "FileIO/DirNotify"):
            # Known difference 6: FileName is the pattern, DirectoryName what the key is called.
            theirs = row["fields"].get("DirectoryName")
        if theirs is None or not event.startswith(("FileIO/", "DiskIO/", "Memory/HardFault", "Image/", "Create")):
            return
        ours = o.e.get("FileName", "")
        if ours == theirs:
            kind = "6 DirectoryName" if event in ("FileIO/DirEnum", "FileIO/DirNotify") and ours else "equal"
        elif n in LATE_NAMES and theirs == "" and ours == LATE_NAME:
            kind = "1 named a moment after its first use"
        elif ours and ours == self.cleaned(theirs):
            kind = "I.7 Mup: components of the redirector"
        elif (ours + "\\", theirs + "\\") in [(dos, nt) for nt, dos in self.volumes]:
            kind = "I.7 the volume itself"
        elif self.mode == "source" and event == "Create" and ours and ours == self.cleaned(self.mapped(theirs)):
            kind = "I.7 source: Create is not mapped"
        elif event == "Image/Load" and row["version"] == "0" and theirs == "" and ours:
            kind = "H.3 the library reads no name from version 0"
        else:
            kind = "other"
        self.count("file", kind, n, ours, theirs, row)

    def mapped(self, path):
        for nt, dos in sorted(self.volumes, key=lambda v: -len(v[0])):
            if path.lower().startswith(nt.lower()):
                return dos + path[len(nt):]
        return path

    @staticmethod
    def cleaned(path):
        return re.sub(r"^\\\\(DfsClient\\)?(;[^\\]*\\)+", r"\\\\", path)

    # ---- registry ----

    def registry(self, n, o, row):
        theirs = row["fields"].get("KeyName")
        if theirs is None or not row["event"].startswith("Registry/"):
            return
        event = row["event"].partition("/")[2]
        handle = hexadecimal(row["fields"].get("KeyHandle", "0"))
        raw = o.data.get("KeyName") or ""
        ours = o.e.get("RegistryPath", "")
        kind = "equal" if ours == display(theirs) else self.known_key(event, handle, raw, ours, theirs, o)
        self.count("key", kind, n, ours, theirs, row)
        if event in ("Open", "Create", "Delete") and handle and raw:
            self.relative[handle] = raw
        elif event.startswith("KCB"):
            self.relative.pop(handle, None)
        if event == "KCBDelete":
            self.deleted[handle] = theirs
        elif event in ("KCBCreate", "KCBRundownBegin"):
            self.deleted.pop(handle, None)

    def known_key(self, event, handle, raw, ours, theirs, o):
        if event in ("Open", "Create", "Delete") and handle and raw == theirs and \
                (ours == raw or ours.endswith("\\" + raw)):
            return "5 the relative part only"
        if self.relative.get(handle) == theirs:
            return "5 the base has taken a relative name"
        if theirs == "" and ours and o.provenance("RegistryPath") == "rundown" and self.mode == "log":
            return "5 the end rundown is not applied backwards"
        if ours == "" and self.deleted.get(handle) == theirs:
            return "5 a deleted key keeps its name"
        return "other"

    # ---- stacks ----

    def image(self, n, o):
        """An event that tells of an image: where it was in memory, and between which rows."""
        path = (o.e.get("FileName") or o.data.get("FileName") or "").lower()
        base, size = (hexadecimal(o.data.get(name)) for name in ("ImageBase", "ImageSize"))
        known = self.images[o.pid(), path]
        last = known[-1] if known and known[-1][:2] == [base, base + size] else None
        if o.name == "Image/Load":
            known.append([base, base + size, n, ALWAYS])
        elif last is None or last[3] < n:  # told of for the first time: it has been there
            known.append([base, base + size, last[3] + 1 if last else -1, n if o.name == "Image/Unload" else ALWAYS])
        elif o.name == "Image/Unload":
            last[3] = n

    def in_image(self, n, o, module, address, offset):
        """Is the address at that offset of the module, which is in the event's process at that very time?"""
        pids = (o.pid(), 0, 4) if address >> 63 else (o.pid(),)
        return any(first <= n <= last and base + offset == address < end
                   for pid in pids for base, end, first, last in self.images.get((pid, module), ()))

    def comes_later(self, n, o, module, rva, ours):
        return any(first > n and base + rva == hexadecimal(ours.get("Address"))
                   for base, _, first, _ in self.images.get((o.pid(), module), ()))

    def frame(self, n, o, ours, theirs):
        """One of "equal", "module" (known to us alone), "later" (its image is told of behind the event) and ""."""
        module = ours.get("Module", "").lower()
        offset = hexadecimal(ours["Offset"]) if "Offset" in ours else None
        jit = re.fullmatch(r"\{.*\}(0x[0-9a-f]+)(?:@(.*))?", theirs)
        bare = re.fullmatch(r"0x[0-9a-f]+", theirs)
        if jit or bare:
            address = int(jit.group(1) if jit else theirs, 16)
            if not module:
                return "equal" if hexadecimal(ours.get("Address")) == address else ""
            if not self.in_image(n, o, module, address, offset):
                return ""
            if jit:
                return "equal" if module == (jit.group(2) or "").lower() else ""
            self.known_by_time.add(address)
            return "module"
        path, _, rva = theirs.rpartition("+")
        if self.mode == "source" and not module and self.comes_later(n, o, path.lower(), int(rva, 16), ours):
            return "later"
        return "equal" if module == path.lower() and offset == int(rva, 16) else ""

    def stack(self, n, o, row):
        theirs = split_frames(row["stack"])
        ours = o.e.get("Stack") or []
        incomplete = o.e.get("StackIncomplete", False)
        if not theirs and not ours and not incomplete:
            return
        kinds = [self.frame(n, o, a, b) for a, b in zip(ours, theirs)]
        if len(ours) == len(theirs) and all(kinds):
            kind = "equal" if "module" not in kinds else self.known_modules(o)
        elif n in LATE_STACKS and len(ours) > len(theirs) and all(kinds) and theirs:
            kind = "3 the user part came too late for the library"
        elif self.mode == "source" and incomplete and self.part(n, o, ours, theirs):
            kind = "live: %s in time" % ("a part" if ours else "its keys alone")
        elif self.last_item_wins(o, theirs):
            kind = "12 of two stack items the last wins"
        else:
            kind = self.known_clr(n, o, ours, theirs, row)
        self.count("stack", kind, n, brief(ours), brief(theirs), row)
        self.counts["frames", "equal"] += kinds.count("equal")
        if "module" in kinds:
            self.counts["frames", "4 known by its time only"] += kinds.count("module")

    def part(self, n, o, ours, theirs):
        """Is ours the beginning (the kernel part) or the end (the user part) of theirs?"""
        def same(those):
            return all(self.frame(n, o, a, b) for a, b in zip(ours, those))
        return len(ours) < len(theirs) and (same(theirs) or same(theirs[len(theirs) - len(ours):]))

    @staticmethod
    def known_modules(o):
        # Test.x64's modules of the CLR and the system, first seen in definitions behind the unload.
        return "4 modules at the time of the event" if o.process() == "Test.x64.exe" else "other"

    @staticmethod
    def last_item_wins(o, theirs):
        """An event with two stack items: ours is the first, TraceEvent's the last."""
        extended = o.event.get("Extended", {})
        items = [item for item in extended.get("Items", []) if item["Type"] in (5, 6)]
        if "StackTrace" not in extended or not items:
            return False
        width = 4 if items[-1]["Type"] == 5 else 8
        data = bytes.fromhex(items[-1]["Data"])[8:]
        last = [int.from_bytes(data[i : i + width], "little") for i in range(0, len(data), width)]
        first = [hexadecimal(a) for a in extended["StackTrace"]]
        ours = [hexadecimal(f.get("Address")) for f in o.e.get("Stack", [])]
        return ours == first and theirs == ["0x%x" % a for a in last]

    def known_clr(self, n, o, ours, theirs, row):
        """Known difference 2: the CLR's walk belongs to the map event between it and Method/LoadVerbose."""
        key = row["pid"], row["tid"]
        if row["event"] == "Method/LoadVerbose" and theirs and not ours:
            if key in self.stacks_of_load: # the one before was not found again
                return "other"
            self.stacks_of_load[key] = theirs
            return "2 stands on LoadVerbose"
        if row["event"] == "Method/ILToNativeMap" and ours and not theirs:
            at = self.stacks_of_load.pop(key, None)
            if at and len(at) == len(ours) and all(self.frame(n, o, a, b) for a, b in zip(ours, at)):
                return "2 belongs to ILToNativeMap"
        return "other"

    # ---- all ----

    def report(self):
        for key, frames in self.stacks_of_load.items():
            self.count("stack", "other", -1, "none", brief(frames), {"event": "LoadVerbose of %s/%s" % key})
        if self.known_by_time:
            self.counts["frames", "4 distinct addresses"] = len(self.known_by_time)
        fields = sorted({field for field, _ in self.counts})
        for field in fields:
            for (f, kind), n in sorted(self.counts.items()):
                if f == field:
                    print("  %-8s %-48s %9s" % (field, kind, format(n, ",")))
        for (field, event), examples in sorted(self.examples.items()):
            for n, ours, theirs in examples:
                print("  other: n %d %s %s: ours %r, TraceEvent %r" % (n, field, event, ours, theirs))
        return 1 if any(kind == "other" for _, kind in self.counts) else 0


def brief(frames):
    texts = [f if isinstance(f, str) else f.get("Module", "") + "+" + f["Offset"] if "Module" in f else f["Address"]
             for f in frames]
    return "%d frames: %s" % (len(texts), "|".join(t[-40:] for t in texts[:3])) if texts else "none"


def display(key):
    """The key's path as RegistryPath spells it, without the mapping to HKCU (the corpus has none)."""
    for prefix, shown in (("\\REGISTRY\\MACHINE", "HKLM"), ("\\REGISTRY\\USER", "HKU")):
        if key.upper() == prefix or key.upper().startswith(prefix + "\\"):
            return shown + key[len(prefix):]
    return key


def main():
    mode, dump, log_path = sys.argv[1:4]
    log = rows(log_path, True)
    source = rows(sys.argv[4], False) if mode == "source" else {}
    check = Check(mode, log_path)
    # Where images were loaded, for frames that TraceEvent gives as addresses; drive letters.
    with open(dump, encoding="utf-8", errors="surrogatepass") as lines:
        for n, line in enumerate(lines):
            if '"SysConfig/VolumeMapping"' in line:
                data = json.loads(line)["EventData"]
                check.volumes.append((data["NtPath"], data["DosPath"]))
            elif '"ImageBase"' in line and '"FileName"' in line:
                o = Ours(line)
                if o.name.startswith("Image/"):
                    check.image(n, o)
    n = -1
    with open(dump, encoding="utf-8", errors="surrogatepass") as lines:
        for n, line in enumerate(lines):
            row = source.get(n) or log.get(n)
            if row is None:
                print("  other: the dump has an event %d that TraceEvent has not" % n)
                return 1
            o = Ours(line)
            if o.guid != row["guid"]:
                print("  other: event %d is of %s here and of %s there" % (n, o.guid, row["guid"]))
                return 1
            if row["event"] in ("Process/Stop", "Process/DCStop"):
                check.stopped[o.pid()] = o.data.get("ImageFileName")
            elif row["event"] in ("Process/Start", "Process/DCStart"):
                check.stopped.pop(o.pid(), None)
            check.ids(n, o, row)
            check.process(n, o, row)
            check.file_name(n, o, row)
            check.registry(n, o, row)
            check.stack(n, o, log[n])
    if n + 1 != len(log):
        print("  other: %d events here, %d there" % (n + 1, len(log)))
        return 1
    return check.report()


if __name__ == "__main__":
    sys.exit(main())

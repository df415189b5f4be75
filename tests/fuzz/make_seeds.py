"""make_seeds: takes traces and a run of the broker apart into seeds for the fuzz targets (make_seeds.sh calls it).

    make_seeds.py FOLDER ETWBROKER SERVED_TRACE TRACE...

Reads plain buffers only, and of each only what is well-formed: it is a source of seeds, not a reader.
"""
import hashlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

METADATA = bytes.fromhex("c1f6ccbbd16cc44880ff839482e37671")
BUFFER_HEAD = 0x48
EACH = 150  # seeds of one kind


def put(folder, kind, data):
    path = os.path.join(folder, kind)
    os.makedirs(path, exist_ok=True)
    name = hashlib.sha1(data).hexdigest()[:16]
    with open(os.path.join(path, name), "wb") as out:
        out.write(data)


def blocks_of(trace):
    size = struct.unpack_from("<I", trace, 0)[0]
    if size < BUFFER_HEAD or size > 16 << 20:
        return
    for at in range(0, len(trace) - BUFFER_HEAD, size):
        end, = struct.unpack_from("<I", trace, at + 0x30)
        flags, = struct.unpack_from("<H", trace, at + 0x34)
        if not flags & 0x40 and BUFFER_HEAD <= end <= size:
            yield trace[at + BUFFER_HEAD:at + end]


def events_of(block):
    """(kind of header, event) of the headers that carry descriptions."""
    at = 0
    while at + 8 <= len(block):
        size, kind, marker = struct.unpack_from("<HBB", block, at)
        if marker & 0xC0 != 0xC0:
            return
        if kind in (1, 2, 3, 4, 16, 17):
            size = struct.unpack_from("<H", block, at + 4)[0]
        if size < 8 or at + size > len(block):
            return
        yield kind, block[at:at + size]
        at += (size + 7) & ~7


def items_of(event):
    flags, = struct.unpack_from("<H", event, 4)
    at, items = 80, {}
    while flags & 1 and at + 8 <= len(event):
        whole, kind, more, size = struct.unpack_from("<HHHH", event, at)
        if whole < 8 or at + whole > len(event):
            break
        items[kind] = event[at + 8:at + 8 + size]
        at += whole
        if not more & 1:
            break
    return items, event[at:]


def block(kind, data):
    return struct.pack("<BH", kind, len(data)) + data


def descriptions(folder, path, seen):
    with open(path, "rb") as file:
        trace = file.read()
    infos, maps, payloads, chunks = [], [], {}, {}
    for part in blocks_of(trace):
        for kind, event in events_of(part):
            if kind in (10, 20) and event[24:40] == METADATA and event[4] in (32, 33):
                (infos if event[4] == 32 else maps).append(event[48:])
            if kind not in (18, 19) or len(event) < 80:
                continue
            event_id, = struct.unpack_from("<H", event, 40)
            items, payload = items_of(event)
            provider, pid = event[24:40], event[12:16]
            payloads.setdefault((provider, event_id), payload)
            if 11 in items and len(seen["tracelogging"]) < EACH:
                meta, traits = items[11], items.get(12, b"")
                key = hashlib.sha1(meta).digest()
                if key not in seen["tracelogging"]:
                    seen["tracelogging"].add(key)
                    put(folder, "tracelogging", struct.pack("<BH", 0, len(meta)) + meta +
                        struct.pack("<H", len(traits)) + traits + payload)
            if event_id == 0xFFFE and len(payload) > 8 and payload[3] == 0x5B:
                total, number = struct.unpack_from("<HH", payload, 4)
                chunks.setdefault((provider, pid), {})[number] = (total, payload[8:])
                if len(payload) < 4096:
                    put(folder, "manifest", b"\x03\x00" + b"\x01" + struct.pack("<H", len(payload)) + payload)
    for info in infos[:EACH]:
        key = hashlib.sha1(info).digest()
        if key in seen["info"] or len(seen["info"]) >= EACH or len(info) > 0xFFFF:
            continue
        seen["info"].add(key)
        # ProviderGuid, EventDescriptor.Id; its maps are likely among the provider's.
        payload = payloads.get((info[:16], struct.unpack_from("<H", info, 32)[0]), bytes(64))
        mine = [m for m in maps if m[:16] == info[:16]][:3]
        put(folder, "event_info", block(2, payload[:4096]) + b"".join(block(1, m[:0xFFFF]) for m in mine) + block(0, info))
    for parts in chunks.values():
        total = next(iter(parts.values()))[0]
        xml = b"".join(parts[i][1] for i in range(total) if i in parts)
        if len(xml) < 65536:
            put(folder, "manifest", b"\x16\x01" + xml + bytes(32))  # in pieces
            put(folder, "manifest", b"\x00\x00" + xml + bytes(32))  # as a file


MAN = """<?xml version="1.0"?>
<instrumentationManifest xmlns="http://schemas.microsoft.com/win/2004/08/events"><instrumentation><events>
<provider name="Seed-Provider" guid="{22222222-2222-3333-4444-555555555555}" symbol="S" messageFileName="a" resourceFileName="a">
<channels><channel name="Seed/Operational" chid="op" type="Operational" value="16"/></channels>
<levels><level name="Loud" value="17" message="$(string.loud)"/></levels>
<tasks><task name="Query" value="3"><opcodes><opcode name="Ask" value="12"/></opcodes></task></tasks>
<opcodes><opcode name="Tell" value="11"/></opcodes>
<keywords><keyword name="Path" mask="0x10"/><keyword name="Net" mask="0x8000"/></keywords>
<maps><valueMap name="V"><map value="1" message="$(string.one)"/><map value="0x2" message="$(string.two)"/></valueMap>
<bitMap name="B"><map value="0x1" message="$(string.one)"/><map value="4" message="$(string.two)"/></bitMap></maps>
<templates><template tid="t">
<data name="Count" inType="win:UInt16"/><data name="Name" inType="win:UnicodeString" length="Count"/>
<data name="Kind" inType="win:UInt32" map="V"/><data name="Bits" inType="win:UInt32" map="B"/>
<struct name="Part" count="Count"><data name="A" inType="win:Int8"/><data name="B" inType="win:GUID"/></struct>
<data name="Port" inType="win:UInt16" outType="win:Port"/><data name="Sid" inType="win:SID"/>
<data name="List" inType="win:UInt16" count="Count"/><data name="Data" inType="win:Binary" length="4"/>
</template></templates>
<events><event value="7" version="1" symbol="E" template="t" level="win:Informational" task="Query" opcode="Ask"
 channel="op" keywords="Path Net" message="$(string.msg)"/><event value="8" opcode="Tell" level="Loud"/></events>
</provider></events></instrumentation><localization><resources culture="en-US"><stringTable>
<string id="one" value="The one"/><string id="two" value="Two &amp; more"/><string id="loud" value="Loud"/>
<string id="msg" value="%1 asked %2!s! for %3%n"/></stringTable></resources></localization></instrumentationManifest>
"""

FILTERS = """EventId -eq 3008 -and QueryName -like '*.top'
{ $_.U8 -gt 3 -or !($_.Mapped -in 'one','two') }
FileName -like "C:\\inetpub\\*" -and ProcessName -ne 'svchost.exe'
Signed -ge -12 -and Signed -lt 0x1F -and Double -le 1.5e3
Guid -eq '{367abb81-9844-35f1-ad32-98f038001003}'
Time -gt '2020-01-02T03:04:05.6789Z' -and TimeStamp -le '2024-02-29'
Address -eq 192.168.1.1 -or Port -in 80,443,@(8080)
-not (Flag -eq $true) -and Binary -like '*a[a-z]?`**'
Numbers -contains 4KB -or Texts -notcontains 'it''s' -or Rest -contains "x"
UserSid -eq 'S-1-5-18' -and IsElevated -eq $false -and ParentProcessId -ne $null
'Information' -eq Level -and Keywords -eq 'ut:SendPath' and ProviderName like Test*
EventData.'odd name' -ne 0 -or EventData.ProcessId -eq 4
Bits -eq 'one' -and Status -eq 0xc0000022 -and Pointer -ge 0x7fff00000000 -and ActivityId -ne $null
Json -notlike '*' -or Ansi -notin 'A','b' -or Sid -eq S-1-1-0""".split("\n")

SPECS = ['{"wants":[{"providers":["DNS-Client"],"event_ids":[3008],"filter":"QueryName -like \'*.example.com\'"}],"name":"dns"}',
         '{"wants":[{"provider":"Microsoft-Windows-Kernel-Process","any":"0x10","all":["0x10"],"level":4,"pids":[4,5]}]}',
         '{"wants":[{"kernel":["File","Registry"],"event_names":["FileIO/*"],"opcodes":[64,65]},{"level":"All"}],'
         '"queue_bytes":"8388608","queue_policy":"drop-newest","stacks":["File","*"],"enrich":"none"}',
         '{"wants":[{"kernel":"*"}],"include_rundown":true,"capture_state":true,"include_self":true,"enrich":"all"}',
         '{"wants":[{"providers":["{22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716}","My-EventSource"],"ignore_keyword0":true,'
         '"any":["Process","0x20"],"event_ids":[1,2,65534]}],"stacks":["DNS-Client"]}',
         '{"wants":[{"providers":["Microsoft-Windows-*"],"level":"Verbose"}],"queue_policy":"wait"}']


def head(kind, payload, subscription=0, request=0):
    return struct.pack("<IHHII", 16 + len(payload), kind, 0, subscription, request) + payload


HELLO = struct.pack("<IHHQ48s", 0x42575445, 1, 1, 0, b"seeds 1")


def texts(folder):
    for mode in (0, 6, 0x3e):
        put(folder, "manifest", bytes([mode, 5]) + MAN.encode() + bytes(range(64)))
    for i, text in enumerate(FILTERS):
        data = text.encode()
        header = bytes(range(16)) + struct.pack("<HBBBBHQq", 3008, 1, 11, 4, 1, 7, 0x10, 132000000000000000)
        values = struct.pack("<BIIqdI", 3, 2, 5, -12, 1.5, 1) + bytes(range(16)) + struct.pack("<Q", 132000000000000000)
        values += bytes([192, 168, 1, 1, 0, 80]) + struct.pack("<IQHHH", 0xC0000022, 0x7FFF00001000, 2, 4096, 7)
        values += "C:\\inetpub\\a.top\0".encode("utf-16le") + b"ansi\0{\"a\":1}\0"
        values += bytes([1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]) + struct.pack("<H", 6) + "abz".encode("utf-16le")
        values += struct.pack("<H", 2) + "it's\0x\0x\0y\0".encode("utf-16le")
        flags = (0x20, 0x8020, 0xC000, 0x42)[i % 4]
        put(folder, "filter", struct.pack("<H", len(data)) + data + struct.pack("<H", flags) + header + b"\x5a" + values)
    for i, text in enumerate(SPECS):
        put(folder, "json", text.encode())
        put(folder, "spec", text.encode())
        put(folder, "spec", "\n".join(SPECS[i:] + SPECS[:i]).encode())
        put(folder, "frame", b"\x00\x03" + HELLO + b"".join(
            head(2, json.dumps({"method": "subscribe", "params": json.loads(t)}).encode(), request=n + 1)
            for n, t in enumerate(SPECS[:i + 1])))
    put(folder, "json", b'[1,-2.5e-3,"\\u00e9\\ud83d\\ude00\\n",true,false,null,{"a":{"b":[[]]}},"0x10"]')
    for text in ("; comment\n[broker]\nendpoint = lab\nmanifests = /srv/man\n[limits]\nqueue = 16 MB\nqueue_max=1GB\n"
                 "connections = 7\nhandshake_ms = 250\n",
                 "\ufeff[limits]\nstalled_ms=60000\r\nslow_ms: 600000\nconnections_per_user = 64 ; note\n"
                 "administrator_connections=2\nsubscriptions_per_user=3\nqueue_per_user = 65536 MB\n"):
        put(folder, "config", text.encode())


def entry(kind, data):
    return struct.pack("<HHI", kind, 0, 8 + len(data)) + data + bytes(-len(data) % 8)


def tables(folder):
    """Batches of records with enrichment: processes with parents, texts, numbers, modules, stacks."""
    sid = bytes([1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0])

    def process(pid, parent, name, path=b"", user=b"", command=b"", sid=b""):
        return entry(1, struct.pack("<IIIHBBQqBBHHHI", pid, 4, 0, parent, 2, 0x3f, 77, 132000000000000000, len(sid), 0,
                                    len(name), len(path), len(user), len(command)) + sid + name + path + user + command)

    def module(base, path, pdb=b""):
        return entry(4, struct.pack("<QQIIIBBHHH", base, 0x1000, 3, 4, 5, 1, 0, len(path), len(pdb), 0) + bytes(range(16)) + path + pdb)

    def stack(flags, *frames):
        return entry(3, struct.pack("<II", len(frames), flags) + b"".join(struct.pack("<HHIQ", m, k, 0, at) for m, k, at in frames))

    def record(process=0, stack=0, enriched=(), flags=0):
        fields = b"".join(struct.pack("<BBH", *e) for e in enriched)
        fields += bytes(-len(fields) % 8)
        return struct.pack("<IHHqIIIHHHHHH", 40 + len(fields), flags, 0, 132000000000000000, 1, 4, 5, 0, 0,
                           len(enriched), process, stack, 0) + fields

    entries = [process(4, 0, b"System", sid=sid), process(400, 1, b"a.exe", b"C:\\a.exe", b"NT AUTHORITY\\SYSTEM", b"a.exe /x", sid),
               process(500, 2, b"\xc3\xa9.exe"), entry(2, b"C:\\f.txt"), entry(5, struct.pack("<Q", 12345)),
               module(0x10000, b"C:\\a.exe", b"a.pdb"), module(0, b"C:\\k.sys"),
               stack(1, (7, 1, 16), (6, 0, 32), (0, 1, 0xFFFFF80000000000)), entry(99, b"later")]
    records = [record(), record(3, 8, ((13, 3, 3), (40, 1, 4)), 0x80), record(2, 0, ((201, 1, 0), (202, 2, 2), (203, 1, 1), (204, 3, 1))),
               record(1, 8), record(0, 0, ((14, 1, 3), (250, 1, 8)))]
    def both(body):
        put(folder, "table", body)
        put(folder, "events", b"\0" + body)

    for n in range(len(entries) + 1):
        for some in (records[:1], records):
            body = b"".join(some)
            both(struct.pack("<IIqq", len(some), 24 + len(body), 0, 0) + body + b"".join(entries[:n]))
    chain = [process(i, i, b"x") for i in range(40)]
    body = record(40) + record(17)
    both(struct.pack("<IIqq", 2, 24 + len(body), 0, 0) + body + b"".join(chain))


def receive(endpoint, spec):
    """The broker's side of one subscription, from WELCOME to END."""
    deadline = time.monotonic() + 20
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        try:
            connection.connect(endpoint)
            break
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
    with connection:
        request = json.dumps({"method": "subscribe", "params": spec}).encode()
        connection.sendall(HELLO + head(2, request, request=1))
        stream = b""
        while True:
            data = connection.recv(1 << 16)
            if not data:
                return stream
            stream += data
            at = 0
            while at + 16 <= len(stream):
                size, kind = struct.unpack_from("<IH", stream, at)
                at += size
                if kind == 9 and at <= len(stream):
                    return stream


def frames_of(stream):
    at = 0
    while at + 16 <= len(stream):
        size, kind = struct.unpack_from("<IH", stream, at)
        yield kind, stream[at:at + size]
        at += size


def frames(folder, broker, trace):
    work = tempfile.mkdtemp()
    endpoint = os.path.join(work, "s")
    process = subprocess.Popen([broker, "--endpoint", endpoint, "--replay", trace, "--start", "1"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        stream = receive(endpoint, {"wants": [{"level": 255}], "include_rundown": True})
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(work, ignore_errors=True)
    n = 0
    schemas = []
    for kind, frame in frames_of(stream):
        if kind == 4:
            schemas.append(frame)
            if n < EACH:
                put(folder, "frame", b"\x01\x05" + frame)
                n += 1
        elif kind == 5:
            # A batch of a few records: the fuzzer needs it small.
            body, at, records = frame[24:], 24, b""
            if len(body) < 8000:
                put(folder, "events", b"\0" + body)
            end = struct.unpack_from("<I", body, 4)[0] or len(body)
            count = 0
            while at + 40 <= end and count < 400:
                size, = struct.unpack_from("<I", body, at)
                records += body[at:at + size]
                at += size
                count += 1
                if count in (1, 5) or (len(records) > 2000 and count % 7 == 0):
                    small = struct.pack("<II", count, 0) + body[8:24] + records
                    if len(small) < 60000:
                        put(folder, "frame", b"\x01\x07" + head(5, frame[16:24] + small, subscription=1))
                    if count > 5:
                        records, count = b"", 0
                        break
        else:
            put(folder, "frame", b"\x01\x02" + frame)
    gap = struct.pack("<QQIIqq", 5, 100, 1, 0, 132000000000000000, 132000000000000001)
    notices = head(6, gap, 1) + head(7, struct.pack("<QII", 105, 2, 0), 1) + head(8, struct.pack("<IIIIq", 2, 2, 0, 0, 132000000000000000))
    put(folder, "frame", b"\x01\x09" + stream[:104] + notices + b"".join(schemas[:3]) + head(9, struct.pack("<II15Q", 1, 0, *range(15)), 1))
    if not schemas:
        raise SystemExit("make_seeds: the broker sent no schema")


def main():
    folder, broker, served, traces = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    seen = {"tracelogging": set(), "info": set()}
    texts(folder)
    tables(folder)
    for path in traces:
        descriptions(folder, path, seen)
    frames(folder, broker, served)


main()

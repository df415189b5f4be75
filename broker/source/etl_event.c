// See etl_event.h. Header layouts: docs/ETL.md.
#include "source/etl_event.h"

#define G(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)                                                 \
    GUID_INIT(a, b, c, d0, d1, d2, d3, d4, d5, d6, d7)

const Guid etl_guid_event_trace =
    G(0x68fdd900, 0x4a3e, 0x11d1, 0x84, 0xf4, 0x00, 0x00, 0xf8, 0x04, 0x64, 0xe3);
const Guid etl_guid_metadata =
    G(0xbbccf6c1, 0x6cd1, 0x48c4, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71);
const Guid etl_guid_lost_event =
    G(0x6a399ae0, 0x4bc6, 0x4de9, 0x87, 0x0b, 0x36, 0x57, 0xf8, 0x94, 0x7e, 0x7e);

#define GROUP_PROCESS   0x03u
#define GROUP_IMAGE     0x14u
#define TYPE_IMAGE_LOAD 10u // logged in the process group

// Class GUID by kernel group (five bits). 0x1f is not in use: null.
static const Guid group_guids[32] = {
    /* 00 EventTrace */ G(0x68fdd900, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3),
    /* 01 DiskIo */ G(0x3d6fa8d4, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c),
    /* 02 PageFault */ G(0x3d6fa8d3, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c),
    /* 03 Process */ G(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c),
    /* 04 FileIo */ G(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3),
    /* 05 Thread */ G(0x3d6fa8d1, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c),
    /* 06 TcpIp */ G(0x9a280ac0, 0xc8e0, 0x11d1, 0x84, 0xe2, 0, 0xc0, 0x4f, 0xb9, 0x98, 0xa2),
    /* 07 Job */ G(0x3282fc76, 0xfeed, 0x498e, 0x8a, 0xa7, 0xe7, 0x0f, 0x45, 0x9d, 0x43, 0x0e),
    /* 08 UdpIp */ G(0xbf3a50c5, 0xa9c9, 0x4988, 0xa0, 0x05, 0x2d, 0xf0, 0xb7, 0xc8, 0x0f, 0x80),
    /* 09 Registry */ G(0xae53722e, 0xc863, 0x11d2, 0x86, 0x59, 0, 0xc0, 0x4f, 0xa3, 0x21, 0xa1),
    /* 0a DbgPrint */ G(0x13976d09, 0xa327, 0x438c, 0x95, 0x0b, 0x7f, 0x03, 0x19, 0x28, 0x15, 0xc7),
    /* 0b SystemConfig */
    G(0x01853a65, 0x418f, 0x4f36, 0xae, 0xfc, 0xdc, 0x0f, 0x1d, 0x2f, 0xd2, 0x35),
    /* 0c Spare, LBR */
    G(0x99134383, 0x5248, 0x43fc, 0x83, 0x4b, 0x52, 0x94, 0x54, 0xe7, 0x5d, 0xf3),
    /* 0d WNF */ G(0x42695762, 0xea50, 0x497a, 0x90, 0x68, 0x5c, 0xbb, 0xb3, 0x5e, 0x0b, 0x95),
    /* 0e Pool */ G(0x0268a8b6, 0x74fd, 0x4302, 0x9d, 0xd0, 0x6e, 0x8f, 0x17, 0x95, 0xc0, 0xcf),
    /* 0f PerfInfo */ G(0xce1dbfb4, 0x137e, 0x4da6, 0x87, 0xb0, 0x3f, 0x59, 0xaa, 0x10, 0x2c, 0xbc),
    /* 10 Heap */ G(0x222962ab, 0x6180, 0x4b88, 0xa8, 0x25, 0x34, 0x6b, 0x75, 0xf2, 0xa2, 0x4a),
    /* 11 Object */ G(0x89497f50, 0xeffe, 0x4440, 0x8c, 0xf2, 0xce, 0x6b, 0x1c, 0xdc, 0xac, 0xa7),
    /* 12 Power */ G(0xe43445e0, 0x0903, 0x48c3, 0xb8, 0x78, 0xff, 0x0f, 0xcc, 0xeb, 0xdd, 0x04),
    /* 13 ModBound */ G(0xa9152f00, 0x3f58, 0x4bee, 0x92, 0xa1, 0x70, 0xc7, 0xd0, 0x79, 0xd5, 0xdd),
    /* 14 Image */ G(0x2cb15d1d, 0x5fc1, 0x11d2, 0xab, 0xe1, 0, 0xa0, 0xc9, 0x11, 0xf5, 0x18),
    /* 15 DPC */ G(0xb2d14872, 0x7c5b, 0x463d, 0x84, 0x19, 0xee, 0x9b, 0xf7, 0xd2, 0x3e, 0x04),
    /* 16 CC */ G(0x7687a439, 0xf752, 0x45b8, 0xb7, 0x41, 0x32, 0x1a, 0xec, 0x0f, 0x8d, 0xf9),
    /* 17 CritSec */ G(0x3ac66736, 0xcc59, 0x4cff, 0x81, 0x15, 0x8d, 0xf5, 0x0e, 0x39, 0x81, 0x6b),
    /* 18 StackWalk */
    G(0xdef2fe46, 0x7bd6, 0x4b80, 0xbd, 0x94, 0xf5, 0x7f, 0xe2, 0x0d, 0x0c, 0xe3),
    /* 19 UMS */ G(0x9aec974b, 0x5b8e, 0x4118, 0x9b, 0x92, 0x31, 0x86, 0xd8, 0x00, 0x2c, 0xe5),
    /* 1a ALPC */ G(0x45d8cccd, 0x539f, 0x4b72, 0xa8, 0xb7, 0x5c, 0x68, 0x31, 0x42, 0x60, 0x9a),
    /* 1b SplitIo */ G(0xd837ca92, 0x12b9, 0x44a5, 0xad, 0x6a, 0x3a, 0x65, 0xb3, 0x57, 0x8a, 0xa8),
    /* 1c ThreadPool */
    G(0xc861d0e2, 0xa2c1, 0x4d36, 0x9f, 0x9c, 0x97, 0x0b, 0xab, 0x94, 0x3a, 0x12),
    /* 1d Hypervisor */
    G(0x7f2a405c, 0x69b5, 0x4bf9, 0xa1, 0xf5, 0x30, 0xe8, 0xf1, 0xaf, 0xab, 0x5e),
    /* 1e HypervisorX */
    G(0x2ce9a149, 0xeffe, 0x42f0, 0xa6, 0x35, 0xa1, 0xd3, 0x9e, 0x26, 0xc8, 0xf2),
    /* 1f */ {{0}},
};

// TIMED and WNODE are reserved numbers that nothing logs; ERROR has EVENT_HEADER's shape.
const EtlShape etl_shapes[ETL_SHAPES] = {
    [ETL_HEADER_SYSTEM32] = {4, 0x20, 0x10, EVENT_POINTER32},
    [ETL_HEADER_SYSTEM64] = {4, 0x20, 0x10, 0},
    [ETL_HEADER_COMPACT32] = {4, 0x18, 0x10, EVENT_POINTER32},
    [ETL_HEADER_COMPACT64] = {4, 0x18, 0x10, 0},
    [ETL_HEADER_FULL32] = {0, 0x30, 0x10, EVENT_POINTER32},
    [ETL_HEADER_INSTANCE32] = {0, 0x48, 0x10, EVENT_POINTER32},
    [ETL_HEADER_ERROR] = {0, 0x50, 0x10, 0},
    [ETL_HEADER_PERFINFO32] = {4, 0x10, 0x08, EVENT_POINTER32},
    [ETL_HEADER_PERFINFO64] = {4, 0x10, 0x08, 0},
    [ETL_HEADER_EVENT32] = {0, 0x50, 0x10, EVENT_POINTER32},
    [ETL_HEADER_EVENT64] = {0, 0x50, 0x10, 0},
    [ETL_HEADER_FULL64] = {0, 0x30, 0x10, 0},
    [ETL_HEADER_INSTANCE64] = {0, 0x48, 0x10, 0},
};

#define MARK_EVENT    0xc0u // bits 7 and 6: header type in byte 2
#define MARK_MESSAGE  0x10u // with bit 7: TRACE_MESSAGE
#define MARK_OLD_TIME 0xb0u // TRACE_HEADER_ULONG32_TIME, before Windows 2000

// TRACE_MESSAGE option flags: which fields precede the arguments, in this order.
#define MESSAGE_HEAD       8u
#define MESSAGE_SEQUENCE   0x01u
#define MESSAGE_GUID       0x02u
#define MESSAGE_COMPONENT  0x04u
#define MESSAGE_TIME       0x08u
#define MESSAGE_COUNTER    0x10u // alone: the field holds a counter of its own, not the trace's clock
#define MESSAGE_SYSTEMINFO 0x20u
#define MESSAGE_POINTER32  0x40u

// Where the time of a message stands; 0: it has none.
static uint32_t message_time_at(uint32_t options) {
    if ((options & MESSAGE_TIME) == 0)
        return 0;
    uint32_t at = MESSAGE_HEAD;
    if (options & MESSAGE_SEQUENCE)
        at += 4;
    if (options & MESSAGE_COMPONENT)
        at += 4;
    else if (options & MESSAGE_GUID)
        at += 16;
    return at;
}

static EtlScan bad(EtlSpot *ret, const char *what, uint64_t value) {
    ret->what = what;
    ret->value = value;
    return ETL_SCAN_BAD;
}

static EtlScan scan_message(const uint8_t *p, uint32_t avail, EtlSpot *ret) {
    uint32_t bytes = load_u16(p);
    if (bytes < MESSAGE_HEAD)
        return bad(ret, "message smaller than its header; rest of the buffer given up", bytes);
    if (bytes > avail)
        return bad(ret, "message reaches past the end of the events; rest of the buffer given up",
                   bytes);
    uint32_t at = message_time_at(load_u16(p + 6));
    ret->bytes = bytes;
    ret->type = ETL_HEADER_MESSAGE;
    ret->timed = at != 0 && at + 8 <= bytes;
    ret->raw = ret->timed ? load_i64(p + at) : 0;
    return ETL_SCAN_EVENT;
}

EtlScan etl_event_scan_rare(const uint8_t *p, uint32_t avail, EtlSpot *ret) {
    if (avail < 8) {
        if (avail >= 4 && load_u32(p) == ETL_FILL)
            return ETL_SCAN_END;
        return bad(ret, "too few bytes for an event before the end of the events; given up", avail);
    }
    uint32_t marker = load_u32(p);
    uint32_t flags = marker >> 24;
    uint32_t type = (marker >> 16) & 0xff;
    if ((flags & MARK_EVENT) == MARK_EVENT) {
        if (marker == ETL_FILL)
            return ETL_SCAN_END;
        if (type < ETL_SHAPES && etl_shapes[type].bytes != 0) {
            uint32_t bytes = load_u16(p + etl_shapes[type].size_at);
            if (bytes < etl_shapes[type].bytes)
                return bad(ret, "event smaller than its header; rest of the buffer given up",
                           bytes);
            return bad(ret, "event reaches past the end of the events; rest of the buffer given up",
                       bytes);
        }
        if (type == ETL_HEADER_MESSAGE)
            return scan_message(p, avail, ret);
        if (type < ETL_HEADER_FULL32)
            return bad(ret,
                       "unknown header type, its size not to be had; rest of the buffer given up",
                       type);
        // From 10 on all known types have their size in the low half of the marker.
        ret->bytes = marker & 0xffff;
        if (ret->bytes < 8 || ret->bytes > avail)
            return bad(ret,
                       "unknown header type with an impossible size; rest of the buffer given up",
                       marker);
        ret->type = (uint8_t)type;
        ret->what = "event with an unknown header type; stepped over";
        ret->value = type;
        return ETL_SCAN_SKIP;
    }
    if ((flags & 0x80) == 0 || (flags & MARK_MESSAGE) == 0)
        return bad(ret, "no event marker; rest of the buffer given up", marker);
    if (flags == MARK_OLD_TIME) {
        ret->bytes = marker & 0xffff;
        if (ret->bytes < 8 || ret->bytes > avail)
            return bad(ret, "obsolete event with an impossible size; rest of the buffer given up",
                       marker);
        ret->type = 0;
        ret->what = "obsolete event header (0xB0); stepped over";
        ret->value = marker;
        return ETL_SCAN_SKIP;
    }
    return scan_message(p, avail, ret);
}

bool etl_event_is_schema(const uint8_t *p, const EtlSpot *spot) {
    switch (spot->type) {
    case ETL_HEADER_FULL32:
    case ETL_HEADER_FULL64:
        return (p[4] == 32 || p[4] == 33) && memcmp(p + 0x18, etl_guid_metadata.b, 16) == 0;
    case ETL_HEADER_EVENT32:
    case ETL_HEADER_EVENT64:
        // An EventSource sends its manifest as event 0xFFFE, in chunks.
        return load_u16(p + 0x28) == 0xfffe && p[0x2d] == 0xfe && load_u16(p + 0x2e) == 0xfffe;
    default:
        return false;
    }
}

// SYSTEM, COMPACT and PERFINFO: class and type from the hook id, counters behind the header.
static void decode_kernel(const uint8_t *p, uint32_t head, const EtlSpot *spot,
                          uint8_t scratch[ETL_SCRATCH], EventRecord *ret, const char **ret_what) {
    uint32_t version = load_u16(p);
    uint32_t opcode = p[6];
    uint32_t group = p[7] & 0x1fu;
    if (group == GROUP_PROCESS && opcode == TYPE_IMAGE_LOAD)
        group = GROUP_IMAGE;
    ret->provider = group_guids[group];
    ret->desc.opcode = (uint8_t)opcode;
    ret->desc.version = (uint8_t)version;
    ret->flags |= EVENT_CLASSIC;
    if (group == 0 && opcode == 0)
        ret->flags |= EVENT_FILE_HEADER;

    uint32_t pebs = (version & 0x8000u) ? 8 : 0;
    uint32_t pmc = ((version >> 8) & 7u) * 8;
    if (pebs + pmc > 0) {
        if (head + pebs + pmc > spot->bytes) {
            *ret_what = "counters reach past the event; taken as payload";
        } else {
            uint32_t n = 0;
            const uint8_t *from = p + head;
            for (int i = 0; i < 2; i++) {
                uint32_t bytes = i == 0 ? pebs : pmc;
                if (bytes == 0)
                    continue;
                store_u16(scratch + n, (uint16_t)(EVENT_ITEM_HEAD + bytes));
                store_u16(scratch + n + 2, i == 0 ? EVENT_ITEM_PEBS : EVENT_ITEM_PMC);
                store_u16(scratch + n + 4, i == 0 && pmc > 0); // linkage
                store_u16(scratch + n + 6, (uint16_t)bytes);
                memcpy(scratch + n + EVENT_ITEM_HEAD, from, bytes);
                from += bytes;
                n += EVENT_ITEM_HEAD + bytes;
            }
            ret->ext = scratch;
            ret->ext_bytes = n;
            head += pebs + pmc;
        }
    }
    ret->payload = p + head;
    ret->payload_bytes = spot->bytes - head;
}

// The chain of extended items; its end is where the payload begins. When it is broken, nobody knows
// where that is: the intact items are kept and the payload is left empty, because values read at a
// wrong place would be masked and filtered as if they were true.
static void decode_items(const uint8_t *p, EventRecord *ret, const char **ret_what) {
    uint32_t left = ret->payload_bytes;
    uint32_t at = 0;
    bool more = true;
    while (more) {
        if (left - at < EVENT_ITEM_HEAD) {
            *ret_what = "extended items reach past the event; payload left out";
            break;
        }
        const uint8_t *item = p + at;
        uint32_t bytes = load_u16(item);
        uint32_t data = load_u16(item + 6);
        if (bytes < EVENT_ITEM_HEAD || (bytes & 7u) != 0 || bytes > left - at ||
            data > bytes - EVENT_ITEM_HEAD) {
            *ret_what = "malformed extended item; payload left out";
            break;
        }
        if (load_u16(item + 2) == EVENT_ITEM_TRACELOGGING)
            ret->flags |= EVENT_TRACELOGGING;
        more = (load_u16(item + 4) & 1) != 0;
        at += bytes;
    }
    ret->ext = p;
    ret->ext_bytes = at;
    ret->payload = p + at;
    ret->payload_bytes = more ? 0 : left - at;
}

static void decode_manifest(const uint8_t *p, const EtlSpot *spot, EventRecord *ret,
                            const char **ret_what) {
    uint32_t flags = load_u16(p + 4);
    ret->header_flags = (uint16_t)flags;
    ret->property = load_u16(p + 6);
    memcpy(ret->provider.b, p + 0x18, 16);
    ret->desc.id = load_u16(p + 0x28);
    ret->desc.version = p[0x2a];
    ret->desc.channel = p[0x2b];
    ret->desc.level = p[0x2c];
    ret->desc.opcode = p[0x2d];
    ret->desc.task = load_u16(p + 0x2e);
    ret->desc.keyword = load_u64(p + 0x30);
    ret->kernel_time = load_u32(p + 0x38);
    ret->user_time = load_u32(p + 0x3c);
    memcpy(ret->activity.b, p + 0x40, 16);
    if (!guid_is_null(&ret->activity))
        ret->flags |= EVENT_HAS_ACTIVITY;
    if (flags & 0x0004)
        ret->flags |= EVENT_STRING_ONLY;
    if (flags & 0x0100)
        ret->flags |= EVENT_CLASSIC;
    ret->payload = p + 0x50;
    ret->payload_bytes = spot->bytes - 0x50;
    if (flags & 0x0001)
        decode_items(p + 0x50, ret, ret_what);
}

static void decode_full(const uint8_t *p, uint32_t head, const EtlSpot *spot, EventRecord *ret) {
    ret->desc.opcode = p[4];
    ret->desc.level = p[5];
    ret->desc.version = p[6]; // 16 bits wide there; versions stay small
    memcpy(ret->provider.b, p + 0x18, 16);
    ret->kernel_time = load_u32(p + 0x28);
    ret->user_time = load_u32(p + 0x2c);
    ret->flags |= EVENT_CLASSIC;
    ret->payload = p + head;
    ret->payload_bytes = spot->bytes - head;
}

static void decode_message(const uint8_t *p, const EtlSpot *spot, EventRecord *ret,
                           const char **ret_what) {
    uint32_t options = load_u16(p + 6);
    ret->flags |= EVENT_WPP;
    ret->desc.id = load_u16(p + 4);
    ret->header_flags = (uint16_t)options;
    if (options & MESSAGE_POINTER32)
        ret->flags |= EVENT_POINTER32;
    uint32_t need = MESSAGE_HEAD;
    uint32_t sequence = (options & MESSAGE_SEQUENCE) ? 4 : 0;
    uint32_t name = (options & MESSAGE_COMPONENT) ? 4 : (options & MESSAGE_GUID) ? 16 : 0;
    uint32_t time = (options & (MESSAGE_TIME | MESSAGE_COUNTER)) ? 8 : 0;
    uint32_t ids = (options & MESSAGE_SYSTEMINFO) ? 8 : 0;
    need += sequence + name + time + ids;
    ret->pid = ret->tid = UINT32_MAX;
    if (need > spot->bytes) {
        ret->flags |= EVENT_NO_IDS;
        ret->payload = p + MESSAGE_HEAD;
        ret->payload_bytes = spot->bytes - MESSAGE_HEAD;
        *ret_what = "message too short for the fields that it announces; all taken as payload";
        return;
    }
    memcpy(ret->provider.b, p + MESSAGE_HEAD + sequence, name); // a component id fills the first 4
    if (ids > 0) {
        const uint8_t *at = p + MESSAGE_HEAD + sequence + name + time;
        ret->tid = load_u32(at);
        ret->pid = load_u32(at + 4);
    } else {
        ret->flags |= EVENT_NO_IDS;
    }
    ret->payload = p + need;
    ret->payload_bytes = spot->bytes - need;
}

void etl_event_decode(const uint8_t *p, const EtlSpot *spot, uint8_t scratch[ETL_SCRATCH],
                      EventRecord *ret, const char **ret_what) {
    memset(ret, 0, sizeof *ret);
    *ret_what = NULL;
    ret->raw_time = spot->raw;
    ret->header_type = spot->type;
    if (spot->type == ETL_HEADER_MESSAGE || spot->type >= ETL_SHAPES) {
        decode_message(p, spot, ret, ret_what);
        return;
    }
    const EtlShape *shape = &etl_shapes[spot->type];
    ret->flags = shape->flags;
    if (shape->bytes > 0x10) {
        ret->tid = load_u32(p + 0x08); // thread first, in all headers that have them
        ret->pid = load_u32(p + 0x0c);
    } else {
        ret->pid = ret->tid = UINT32_MAX;
        ret->flags |= EVENT_NO_IDS;
    }
    switch (spot->type) {
    case ETL_HEADER_SYSTEM32:
    case ETL_HEADER_SYSTEM64:
        ret->kernel_time = load_u32(p + 0x18);
        ret->user_time = load_u32(p + 0x1c);
        decode_kernel(p, shape->bytes, spot, scratch, ret, ret_what);
        return;
    case ETL_HEADER_EVENT32:
    case ETL_HEADER_EVENT64:
    case ETL_HEADER_ERROR:
        decode_manifest(p, spot, ret, ret_what);
        break;
    case ETL_HEADER_FULL32:
    case ETL_HEADER_FULL64:
    case ETL_HEADER_INSTANCE32:
    case ETL_HEADER_INSTANCE64:
        decode_full(p, shape->bytes, spot, ret);
        break;
    default: // COMPACT, PERFINFO
        decode_kernel(p, shape->bytes, spot, scratch, ret, ret_what);
        return;
    }
    if (etl_event_is_schema(p, spot))
        ret->flags |= EVENT_SCHEMA_DATA;
}

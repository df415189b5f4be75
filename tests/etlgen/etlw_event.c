#include "tests/etlgen/etlw_event.h"

#include "tests/etlgen/crc32.h"

#define NT_GUID(a, b_, c, d0, d1, d2, d3, d4, d5, d6, d7)                                          \
    GUID_INIT(a##u, b_, c, d0, d1, d2, d3, d4, d5, d6, d7)

static const Guid group_guids[] = {
    NT_GUID(0x68fdd900, 0x4a3e, 0x11d1, 0x84, 0xf4, 0x00, 0x00, 0xf8, 0x04, 0x64, 0xe3),
    NT_GUID(0x3d6fa8d4, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c),
    NT_GUID(0x3d6fa8d3, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c),
    NT_GUID(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c),
    NT_GUID(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0x00, 0x00, 0xf8, 0x04, 0x64, 0xe3),
    NT_GUID(0x3d6fa8d1, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c),
    NT_GUID(0x9a280ac0, 0xc8e0, 0x11d1, 0x84, 0xe2, 0x00, 0xc0, 0x4f, 0xb9, 0x98, 0xa2),
    NT_GUID(0x3282fc76, 0xfeed, 0x498e, 0x8a, 0xa7, 0xe7, 0x0f, 0x45, 0x9d, 0x43, 0x0e),
    NT_GUID(0xbf3a50c5, 0xa9c9, 0x4988, 0xa0, 0x05, 0x2d, 0xf0, 0xb7, 0xc8, 0x0f, 0x80),
    NT_GUID(0xae53722e, 0xc863, 0x11d2, 0x86, 0x59, 0x00, 0xc0, 0x4f, 0xa3, 0x21, 0xa1),
    NT_GUID(0x13976d09, 0xa327, 0x438c, 0x95, 0x0b, 0x7f, 0x03, 0x19, 0x28, 0x15, 0xc7),
    NT_GUID(0x01853a65, 0x418f, 0x4f36, 0xae, 0xfc, 0xdc, 0x0f, 0x1d, 0x2f, 0xd2, 0x35),
    NT_GUID(0x99134383, 0x5248, 0x43fc, 0x83, 0x4b, 0x52, 0x94, 0x54, 0xe7, 0x5d, 0xf3),
    NT_GUID(0x42695762, 0xea50, 0x497a, 0x90, 0x68, 0x5c, 0xbb, 0xb3, 0x5e, 0x0b, 0x95),
    NT_GUID(0x0268a8b6, 0x74fd, 0x4302, 0x9d, 0xd0, 0x6e, 0x8f, 0x17, 0x95, 0xc0, 0xcf),
    NT_GUID(0xce1dbfb4, 0x137e, 0x4da6, 0x87, 0xb0, 0x3f, 0x59, 0xaa, 0x10, 0x2c, 0xbc),
    NT_GUID(0x222962ab, 0x6180, 0x4b88, 0xa8, 0x25, 0x34, 0x6b, 0x75, 0xf2, 0xa2, 0x4a),
    NT_GUID(0x89497f50, 0xeffe, 0x4440, 0x8c, 0xf2, 0xce, 0x6b, 0x1c, 0xdc, 0xac, 0xa7),
    NT_GUID(0xe43445e0, 0x0903, 0x48c3, 0xb8, 0x78, 0xff, 0x0f, 0xcc, 0xeb, 0xdd, 0x04),
    NT_GUID(0xa9152f00, 0x3f58, 0x4bee, 0x92, 0xa1, 0x70, 0xc7, 0xd0, 0x79, 0xd5, 0xdd),
    NT_GUID(0x2cb15d1d, 0x5fc1, 0x11d2, 0xab, 0xe1, 0x00, 0xa0, 0xc9, 0x11, 0xf5, 0x18),
    NT_GUID(0xb2d14872, 0x7c5b, 0x463d, 0x84, 0x19, 0xee, 0x9b, 0xf7, 0xd2, 0x3e, 0x04),
    NT_GUID(0x7687a439, 0xf752, 0x45b8, 0xb7, 0x41, 0x32, 0x1a, 0xec, 0x0f, 0x8d, 0xf9),
    NT_GUID(0x3ac66736, 0xcc59, 0x4cff, 0x81, 0x15, 0x8d, 0xf5, 0x0e, 0x39, 0x81, 0x6b),
    NT_GUID(0xdef2fe46, 0x7bd6, 0x4b80, 0xbd, 0x94, 0xf5, 0x7f, 0xe2, 0x0d, 0x0c, 0xe3),
    NT_GUID(0x9aec974b, 0x5b8e, 0x4118, 0x9b, 0x92, 0x31, 0x86, 0xd8, 0x00, 0x2c, 0xe5),
    NT_GUID(0x45d8cccd, 0x539f, 0x4b72, 0xa8, 0xb7, 0x5c, 0x68, 0x31, 0x42, 0x60, 0x9a),
    NT_GUID(0xd837ca92, 0x12b9, 0x44a5, 0xad, 0x6a, 0x3a, 0x65, 0xb3, 0x57, 0x8a, 0xa8),
    NT_GUID(0xc861d0e2, 0xa2c1, 0x4d36, 0x9f, 0x9c, 0x97, 0x0b, 0xab, 0x94, 0x3a, 0x12),
    NT_GUID(0x7f2a405c, 0x69b5, 0x4bf9, 0xa1, 0xf5, 0x30, 0xe8, 0xf1, 0xaf, 0xab, 0x5e),
    NT_GUID(0x2ce9a149, 0xeffe, 0x42f0, 0xa6, 0x35, 0xa1, 0xd3, 0x9e, 0x26, 0xc8, 0xf2),
};

Guid etlw_group_guid(uint8_t group, uint8_t opcode) {
    if (group == 0x03 && opcode == 10) // hook 0x030A: the image that makes the process
        group = 0x14;
    return group < ARRAY_COUNT(group_guids) ? group_guids[group] : GUID_NULL;
}

typedef enum Shape {
    SHAPE_KERNEL,
    SHAPE_EVENT,
    SHAPE_FULL,
    SHAPE_WPP,
    SHAPE_UNKNOWN,
} Shape;

static Shape shape_of(uint8_t header_type, size_t *ret_head) {
    switch (header_type) {
    case ETL_HEADER_SYSTEM32:
    case ETL_HEADER_SYSTEM64:
        *ret_head = 0x20;
        return SHAPE_KERNEL;
    case ETL_HEADER_COMPACT32:
    case ETL_HEADER_COMPACT64:
        *ret_head = 0x18;
        return SHAPE_KERNEL;
    case ETL_HEADER_PERFINFO32:
    case ETL_HEADER_PERFINFO64:
        *ret_head = 0x10;
        return SHAPE_KERNEL;
    case ETL_HEADER_EVENT32:
    case ETL_HEADER_EVENT64:
    case ETL_HEADER_ERROR:
        *ret_head = 0x50;
        return SHAPE_EVENT;
    case ETL_HEADER_FULL32:
    case ETL_HEADER_FULL64:
        *ret_head = 0x30;
        return SHAPE_FULL;
    case ETL_HEADER_INSTANCE32:
    case ETL_HEADER_INSTANCE64:
        *ret_head = 0x48;
        return SHAPE_FULL;
    case ETL_HEADER_MESSAGE:
        *ret_head = 8;
        return SHAPE_WPP;
    default:
        *ret_head = 4;
        return SHAPE_UNKNOWN;
    }
}

static size_t wpp_head_bytes(uint16_t options) {
    size_t n = 8;
    if (options & WPP_SEQUENCE)
        n += 4;
    if (options & WPP_COMPONENT)
        n += 4;
    else if (options & WPP_GUID)
        n += 16;
    if (options & (WPP_TIMESTAMP | WPP_PERF_TIMESTAMP))
        n += 8;
    if (options & WPP_SYSTEM_INFO)
        n += 8;
    return n;
}

size_t etlw_event_bytes(const EtlwEvent *event) {
    size_t n = 0;
    switch (shape_of(event->header_type, &n)) {
    case SHAPE_KERNEL:
        n += (event->has_pebs ? 8u : 0u) + 8u * (event->n_pmc & 7u);
        break;
    case SHAPE_EVENT:
        for (uint32_t i = 0; i < event->n_items; i++)
            n += EVENT_ITEM_HEAD + ALIGN8(event->items[i].bytes);
        break;
    case SHAPE_WPP:
        n = wpp_head_bytes(event->wpp_options);
        break;
    case SHAPE_FULL:
    case SHAPE_UNKNOWN:
        break;
    }
    n += event->payload_bytes;
    return n <= UINT16_MAX ? n : 0;
}

static bool has_own_ids(const EtlwEvent *event) {
    size_t head;
    Shape shape = shape_of(event->header_type, &head);
    if (shape == SHAPE_WPP)
        return (event->wpp_options & WPP_SYSTEM_INFO) != 0;
    return head != 0x10; // PERFINFO
}

static uint8_t *encode_kernel(const EtlwEvent *e, size_t bytes, uint8_t *to) {
    size_t head;
    shape_of(e->header_type, &head);
    uint32_t counters = e->n_pmc & 7u;
    store_u16(to, (uint16_t)(e->desc.version | (e->has_pebs ? 0x8000u : 0u) | counters << 8));
    to[2] = e->header_type;
    to[3] = 0xc0;
    store_u16(to + 4, (uint16_t)bytes);
    to[6] = e->desc.opcode;
    to[7] = e->group;
    if (head == 0x10) {
        store_i64(to + 8, e->time);
    } else {
        store_u32(to + 8, e->tid);
        store_u32(to + 0xc, e->pid);
        store_i64(to + 0x10, e->time);
    }
    if (head == 0x20) {
        store_u32(to + 0x18, e->kernel_time);
        store_u32(to + 0x1c, e->user_time);
    }
    to += head;
    if (e->has_pebs) {
        store_u64(to, e->pebs);
        to += 8;
    }
    for (uint32_t i = 0; i < counters; i++, to += 8)
        store_u64(to, e->pmc[i]);
    return to;
}

static uint8_t *encode_event_header(const EtlwEvent *e, size_t bytes, uint8_t *to) {
    store_u16(to, (uint16_t)bytes);
    to[2] = e->header_type;
    to[3] = 0xc0;
    store_u16(to + 4, (uint16_t)(e->flags | (e->n_items > 0 ? 1u : 0u)));
    store_u16(to + 6, e->property);
    store_u32(to + 8, e->tid);
    store_u32(to + 0xc, e->pid);
    store_i64(to + 0x10, e->time);
    memcpy(to + 0x18, e->guid.b, 16);
    store_u16(to + 0x28, e->desc.id);
    to[0x2a] = e->desc.version;
    to[0x2b] = e->desc.channel;
    to[0x2c] = e->desc.level;
    to[0x2d] = e->desc.opcode;
    store_u16(to + 0x2e, e->desc.task);
    store_u64(to + 0x30, e->desc.keyword);
    store_u32(to + 0x38, e->kernel_time);
    store_u32(to + 0x3c, e->user_time);
    memcpy(to + 0x40, e->activity.b, 16);
    to += 0x50;
    for (uint32_t i = 0; i < e->n_items; i++) {
        const EtlwItem *item = &e->items[i];
        size_t padded = ALIGN8((size_t)item->bytes);
        store_u16(to, (uint16_t)(EVENT_ITEM_HEAD + padded));
        store_u16(to + 2, item->type);
        store_u16(to + 4, i + 1 < e->n_items ? 1 : 0);
        store_u16(to + 6, item->bytes);
        to += EVENT_ITEM_HEAD;
        memset(to, 0, padded);
        if (item->bytes > 0)
            memcpy(to, item->data, item->bytes);
        to += padded;
    }
    return to;
}

static uint8_t *encode_full(const EtlwEvent *e, size_t bytes, uint8_t *to) {
    size_t head;
    shape_of(e->header_type, &head);
    store_u16(to, (uint16_t)bytes);
    to[2] = e->header_type;
    to[3] = 0xc0;
    to[4] = e->desc.opcode;
    to[5] = e->desc.level;
    store_u16(to + 6, e->desc.version);
    store_u32(to + 8, e->tid);
    store_u32(to + 0xc, e->pid);
    store_i64(to + 0x10, e->time);
    memcpy(to + 0x18, e->guid.b, 16);
    store_u32(to + 0x28, e->kernel_time);
    store_u32(to + 0x2c, e->user_time);
    if (head == 0x48) {
        store_u32(to + 0x30, e->instance);
        store_u32(to + 0x34, e->parent_instance);
        memcpy(to + 0x38, e->parent_guid.b, 16);
    }
    return to + head;
}

static uint8_t *encode_wpp(const EtlwEvent *e, size_t bytes, uint8_t *to) {
    store_u16(to, (uint16_t)bytes);
    to[2] = 0;
    to[3] = 0x90;
    store_u16(to + 4, e->desc.id);
    store_u16(to + 6, e->wpp_options);
    to += 8;
    if (e->wpp_options & WPP_SEQUENCE) {
        store_u32(to, e->wpp_sequence);
        to += 4;
    }
    if (e->wpp_options & WPP_COMPONENT) {
        store_u32(to, e->wpp_component);
        to += 4;
    } else if (e->wpp_options & WPP_GUID) {
        memcpy(to, e->guid.b, 16);
        to += 16;
    }
    if (e->wpp_options & (WPP_TIMESTAMP | WPP_PERF_TIMESTAMP)) {
        store_i64(to, e->time);
        to += 8;
    }
    if (e->wpp_options & WPP_SYSTEM_INFO) {
        store_u32(to, e->tid);
        store_u32(to + 4, e->pid);
        to += 8;
    }
    return to;
}

void etlw_event_encode(const EtlwEvent *event, uint8_t *to) {
    size_t head, bytes = etlw_event_bytes(event);
    switch (shape_of(event->header_type, &head)) {
    case SHAPE_KERNEL:
        to = encode_kernel(event, bytes, to);
        break;
    case SHAPE_EVENT:
        to = encode_event_header(event, bytes, to);
        break;
    case SHAPE_FULL:
        to = encode_full(event, bytes, to);
        break;
    case SHAPE_WPP:
        to = encode_wpp(event, bytes, to);
        break;
    case SHAPE_UNKNOWN:
        store_u16(to, (uint16_t)bytes);
        to[2] = event->header_type;
        to[3] = 0xc0;
        to += head;
        break;
    }
    if (event->payload_bytes > 0)
        memcpy(to, event->payload, event->payload_bytes);
}

bool etlw_event_has_time(const EtlwEvent *event) {
    return event->header_type != ETL_HEADER_MESSAGE || (event->wpp_options & WPP_TIMESTAMP) != 0;
}

bool etlw_event_expected(const EtlwEvent *event) {
    size_t head;
    return shape_of(event->header_type, &head) != SHAPE_UNKNOWN;
}

static void add_item(ExpectRow *row, Buf *text, uint16_t type, const void *data, size_t bytes) {
    row->ext_crc = etlgen_crc32(row->ext_crc, data, bytes);
    buf_printf(text, "%s%u:%zu", text->bytes > 0 ? "," : "", type, bytes);
}

static uint8_t pointer_size(const EtlwEvent *e) {
    switch (e->header_type) {
    case ETL_HEADER_SYSTEM32:
    case ETL_HEADER_COMPACT32:
    case ETL_HEADER_PERFINFO32:
    case ETL_HEADER_FULL32:
    case ETL_HEADER_INSTANCE32:
    case ETL_HEADER_EVENT32:
        return 4;
    case ETL_HEADER_MESSAGE:
        return (e->wpp_options & WPP_POINTER32) ? 4 : 8;
    default:
        return 8;
    }
}

void etlw_event_row(const EtlwEvent *e, int64_t raw_time, ExpectRow *row, Buf *ext_text) {
    size_t head;
    Shape shape = shape_of(e->header_type, &head);
    *row = (ExpectRow){0};
    buf_clear(ext_text);
    row->raw_time = raw_time;
    row->header_type = e->header_type;
    row->pointer_size = pointer_size(e);
    row->id = -1;
    row->no_ids = !has_own_ids(e);
    row->pid = e->pid;
    row->tid = e->tid;
    row->data_bytes = e->payload_bytes;
    row->data_crc = etlgen_crc32(0, e->payload, e->payload_bytes);
    row->guid = shape == SHAPE_KERNEL ? etlw_group_guid(e->group, e->desc.opcode) : e->guid;
    if (shape == SHAPE_WPP) {
        row->header_flags = e->wpp_options;
        row->component = e->wpp_component;
        if (e->wpp_options & WPP_COMPONENT)
            row->guid_kind = EXPECT_GUID_COMPONENT;
        else if (!(e->wpp_options & WPP_GUID))
            row->guid_kind = EXPECT_GUID_NONE;
        return;
    }
    row->version = e->desc.version;
    row->opcode = e->desc.opcode;
    if (shape == SHAPE_FULL)
        row->level = e->desc.level;
    if (shape == SHAPE_KERNEL) {
        if (e->has_pebs)
            add_item(row, ext_text, EVENT_ITEM_PEBS, &e->pebs, 8);
        if ((e->n_pmc & 7) != 0)
            add_item(row, ext_text, EVENT_ITEM_PMC, e->pmc, 8u * (e->n_pmc & 7u));
    }
    if (shape != SHAPE_EVENT)
        return;
    row->id = e->desc.id;
    row->level = e->desc.level;
    row->channel = e->desc.channel;
    row->task = e->desc.task;
    row->keyword = e->desc.keyword;
    row->header_flags = (uint16_t)(e->flags | (e->n_items > 0 ? 1u : 0u));
    for (uint32_t i = 0; i < e->n_items; i++)
        add_item(row, ext_text, e->items[i].type, e->items[i].data, e->items[i].bytes);
}

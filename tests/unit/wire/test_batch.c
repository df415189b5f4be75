// Records and batches: round trips, every truncation, every flipped byte, limits.
#include <criterion/criterion.h>

#include "util/mem.h"
#include "wire/frame.h"
#include "wire/wire_batch.h"

static uint8_t payload_bytes[70000], ext_bytes[70000];

static EventRecord sample(uint32_t n_payload, uint32_t n_items) {
    EventRecord event;
    memset(&event, 0, sizeof event);
    for (uint32_t i = 0; i < sizeof payload_bytes; i++)
        payload_bytes[i] = (uint8_t)(i * 13 + 5);
    uint32_t at = 0;
    for (uint32_t i = 0; i < n_items; i++)
        at += event_item_put(ext_bytes + at, EVENT_ITEM_SID, "0123456789ab", 12);
    event.provider = (Guid)GUID_INIT(0x11223344, 0x5566, 0x7788, 1, 2, 3, 4, 5, 6, 7, 8);
    event.desc = (EventDescriptor){3008, 2, 16, 4, 13, 500, UINT64_C(0x8000000000000010)};
    event.time = INT64_C(132223104000000000);
    event.pid = 4711;
    event.tid = UINT32_MAX - 1;
    event.cpu = 63;
    event.activity = (Guid)GUID_INIT(9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 9);
    event.ext = ext_bytes;
    event.ext_bytes = at;
    event.payload = payload_bytes;
    event.payload_bytes = n_payload;
    return event;
}

static Schema *schema_of(const EventRecord *event, uint16_t flags) {
    Schema *schema;
    cr_assert_eq(schema_new(&schema), 0);
    schema->provider = event->provider;
    schema->desc = event->desc;
    schema->event_flags = flags;
    cr_assert_eq(schema_finish(schema, NULL), 0);
    return schema;
}

static void check_event(const EventRecord *got, const EventRecord *event) {
    cr_assert(guid_equal(&got->provider, &event->provider));
    cr_assert_eq(got->desc.id, event->desc.id);
    cr_assert_eq(got->desc.version, event->desc.version);
    cr_assert_eq(got->desc.channel, event->desc.channel);
    cr_assert_eq(got->desc.level, event->desc.level);
    cr_assert_eq(got->desc.opcode, event->desc.opcode);
    cr_assert_eq(got->desc.task, event->desc.task);
    cr_assert_eq(got->desc.keyword, event->desc.keyword);
    cr_assert_eq(got->time, event->time);
    cr_assert_eq(got->pid, event->pid);
    cr_assert_eq(got->tid, event->tid);
    cr_assert_eq(got->cpu, event->cpu);
    cr_assert_eq(got->flags, event->flags, "flags %x instead of %x", got->flags, event->flags);
    cr_assert_eq(got->ext_bytes, event->ext_bytes);
    cr_assert_eq(memcmp(got->ext, event->ext, event->ext_bytes), 0);
    cr_assert_eq(got->payload_bytes, event->payload_bytes);
    cr_assert_eq(memcmp(got->payload, event->payload, event->payload_bytes), 0);
    if (event->flags & EVENT_HAS_ACTIVITY)
        cr_assert(guid_equal(&got->activity, &event->activity));
    else
        cr_assert(guid_is_null(&got->activity));
}

static const WireEnriched enriched[] = {{1, 2, 0}, {3, 4, 1}, {255, 0, 2}};

// Writes one record into a block of exactly its size, reads it back and compares.
static void round_trip(const EventRecord *event, uint32_t type, const WireExtra *extra) {
    uint32_t bytes = wire_record_bytes(event, type, extra);
    cr_assert_gt(bytes, 0);
    cr_assert_eq(bytes % 8, 0);
    uint8_t *block = mem_alloc(bytes);
    memset(block, 0xcc, bytes);
    wire_record_put(block, bytes, event, type, extra);
    WireRecord record;
    Err err = ERR_INIT;
    cr_assert_eq(wire_record_get(block, bytes, &record, &err), 0, "%s", err.text);
    cr_assert_eq(record.bytes, bytes);
    cr_assert_eq(record.type, type);
    cr_assert_eq(record.payload, block + wire_record_payload_at(block));
    // Padding is zero: nothing of the broker's memory leaves with it.
    for (uint32_t i = wire_record_payload_at(block) + event->payload_bytes; i < bytes; i++)
        cr_assert_eq(block[i], 0, "padding byte %u", i);
    Schema *schema = schema_of(event, event->flags & WIRE_TYPE_FLAGS);
    EventRecord got;
    wire_record_event(&record, schema, &got);
    check_event(&got, event);
    if (type == 0) { // its own key must do
        wire_record_event(&record, NULL, &got);
        check_event(&got, event);
    }
    schema_unref(schema);
    uint16_t n = extra != NULL ? extra->n_enriched : 0;
    cr_assert_eq(record.n_enriched, n);
    for (uint16_t i = 0; i < n; i++) {
        WireEnriched e = wire_record_enriched(&record, i);
        cr_assert(e.field == enriched[i].field && e.provenance == enriched[i].provenance &&
                  e.entry == enriched[i].entry);
    }
    if (extra != NULL) {
        cr_assert_eq(record.process, extra->process);
        cr_assert_eq(record.stack, extra->stack);
        cr_assert_eq(record.flags & (WIRE_RECORD_MASKED | WIRE_RECORD_STACK_INCOMPLETE),
                     extra->flags);
    }
    mem_free(block);
}

Test(record, round_trips) {
    static const uint16_t flags[] = {0,
                                     EVENT_POINTER32,
                                     EVENT_HAS_ACTIVITY,
                                     EVENT_NO_IDS,
                                     EVENT_TIME_GUESSED,
                                     EVENT_OUT_OF_ORDER,
                                     EVENT_CLASSIC,
                                     EVENT_TRACELOGGING | EVENT_HAS_ACTIVITY,
                                     EVENT_WPP,
                                     EVENT_STRING_ONLY | EVENT_POINTER32,
                                     EVENT_CLASSIC | EVENT_NO_IDS | EVENT_OUT_OF_ORDER};
    for (size_t f = 0; f < ARRAY_COUNT(flags); f++) {
        for (uint32_t payload = 0; payload < 20; payload++) {
            for (uint16_t n = 0; n <= 3; n++) {
                EventRecord event = sample(payload, payload % 3);
                event.flags = flags[f];
                WireExtra extra = {WIRE_RECORD_MASKED, 1, 2, n, enriched};
                round_trip(&event, 77, &extra);
                round_trip(&event, 0, &extra);
                extra.flags = WIRE_RECORD_STACK_INCOMPLETE;
                round_trip(&event, UINT32_MAX, &extra);
                round_trip(&event, 5, NULL);
            }
        }
    }
    cr_assert_eq(mem_in_use(), 0);
}

Test(record, flags_of_the_type_do_not_travel) {
    EventRecord event = sample(4, 0), got;
    event.flags = EVENT_CLASSIC;
    uint8_t block[64];
    uint32_t bytes = wire_record_bytes(&event, 3, NULL);
    cr_assert_leq(bytes, sizeof block);
    wire_record_put(block, bytes, &event, 3, NULL);
    WireRecord record;
    cr_assert_eq(wire_record_get(block, bytes, &record, NULL), 0);
    Schema *schema = schema_of(&event, EVENT_TRACELOGGING | EVENT_HAS_ACTIVITY | EVENT_POINTER32);
    wire_record_event(&record, schema, &got);
    cr_assert_eq(got.flags, EVENT_TRACELOGGING, "%x", got.flags);
    schema_unref(schema);
}

Test(record, limits) {
    // Parts have 16-bit lengths.
    EventRecord event = sample(65535, 0);
    cr_assert_eq(wire_record_bytes(&event, 1, NULL), ALIGN8(40 + 65535));
    round_trip(&event, 1, NULL);
    event.payload_bytes = 65536;
    cr_assert_eq(wire_record_bytes(&event, 1, NULL), 0);
    event.payload_bytes = 0;
    event.ext_bytes = 65536;
    cr_assert_eq(wire_record_bytes(&event, 1, NULL), 0);
    // The whole at most WIRE_MAX_RECORD: both parts at their largest, and enriched fields up to it.
    event.ext_bytes = 65528;
    event.payload_bytes = 65480;
    cr_assert_eq(wire_record_bytes(&event, 1, NULL), WIRE_MAX_RECORD - 24);
    WireExtra extra = {0, 0, 0, 6, enriched};
    cr_assert_eq(wire_record_bytes(&event, 1, &extra), WIRE_MAX_RECORD);
    extra.n_enriched = 7;
    cr_assert_eq(wire_record_bytes(&event, 1, &extra), 0);
    extra.n_enriched = UINT16_MAX;
    cr_assert_eq(wire_record_bytes(&event, 1, &extra), 0);
    event.ext_bytes = event.payload_bytes = 65535;
    cr_assert_eq(wire_record_bytes(&event, 0, &extra), 0);
}

Test(record, every_truncation) {
    EventRecord event = sample(13, 2);
    event.flags = EVENT_HAS_ACTIVITY;
    WireExtra extra = {0, 0, 0, 3, enriched};
    uint8_t block[512];
    uint32_t bytes = wire_record_bytes(&event, 0, &extra);
    wire_record_put(block, bytes, &event, 0, &extra);
    for (uint32_t n = 0; n < bytes; n++) {
        uint8_t *cut = mem_dup(block, n); // exactly n bytes, for the sanitizer
        WireRecord record;
        cr_assert_eq(wire_record_get(cut, n, &record, NULL), -STATUS_PROTOCOL, "%u of %u bytes", n,
                     bytes);
        if (n >= 4) { // and with a length that fits
            store_u32(cut, n);
            cr_assert_eq(wire_record_get(cut, n, &record, NULL), -STATUS_PROTOCOL, "%u of %u bytes",
                         n, bytes);
        }
        mem_free(cut);
    }
}

Test(record, hostile_lengths) {
    EventRecord event = sample(16, 1);
    uint8_t block[512];
    WireRecord record;
    uint32_t bytes = wire_record_bytes(&event, 9, NULL);
    static const struct {
        uint32_t at, size;
    } members[] = {{WIRE_RECORD_SIZE, 4},
                   {WIRE_RECORD_EXT, 2},
                   {WIRE_RECORD_PAYLOAD, 2},
                   {WIRE_RECORD_ENRICHED, 2}};
    static const uint32_t values[] = {0,      1,      7,       8,          15,
                                      17,     39,     40,      0x7fff,     0x8000,
                                      0xfffe, 0xffff, 0x10000, 0x7fffffff, 0xffffffff};
    for (size_t m = 0; m < ARRAY_COUNT(members); m++) {
        for (size_t v = 0; v < ARRAY_COUNT(values); v++) {
            wire_record_put(block, bytes, &event, 9, NULL);
            uint32_t old = members[m].size == 4 ? load_u32(block + members[m].at)
                                                : load_u16(block + members[m].at);
            uint32_t value = members[m].size == 4 ? values[v] : values[v] & 0xffff;
            if (members[m].size == 4)
                store_u32(block + members[m].at, value);
            else
                store_u16(block + members[m].at, (uint16_t)value);
            uint8_t *exact = mem_dup(block, bytes);
            int result = wire_record_get(exact, bytes, &record, NULL);
            // Padding hides differences of a few bytes; the total must agree in any case.
            if (result == 0)
                cr_assert(value == old || ALIGN8(value) == ALIGN8(old), "member %zu value %x", m,
                          value);
            mem_free(exact);
        }
    }
    // A key where none belongs, and none where one does.
    wire_record_put(block, bytes, &event, 9, NULL);
    store_u32(block + WIRE_RECORD_TYPE, 0);
    cr_assert_eq(wire_record_get(block, bytes, &record, NULL), -STATUS_PROTOCOL);
    bytes = wire_record_bytes(&event, 0, NULL);
    wire_record_put(block, bytes, &event, 0, NULL);
    store_u32(block + WIRE_RECORD_TYPE, 1);
    cr_assert_eq(wire_record_get(block, bytes, &record, NULL), -STATUS_PROTOCOL);
    // An item chain that does not fill its place.
    wire_record_put(block, bytes, &event, 0, NULL);
    store_u16(block + WIRE_RECORD_FIXED + WIRE_KEY_BYTES, 16);
    cr_assert_eq(wire_record_get(block, bytes, &record, NULL), -STATUS_PROTOCOL);
}

// ---- Batches

static uint32_t make_batch(uint8_t *body, uint32_t capacity, uint32_t n, uint32_t table_entries) {
    static uint8_t table[4096];
    uint32_t table_bytes = 0;
    for (uint32_t i = 0; i < table_entries; i++) {
        store_u16(table + table_bytes, WIRE_TABLE_TEXT);
        store_u16(table + table_bytes + 2, 0);
        store_u32(table + table_bytes + 4, 8 + i);
        memset(table + table_bytes + 8, 'x', 8);
        table_bytes += (uint32_t)ALIGN8(8 + i);
    }
    BatchWriter batch;
    wire_batch_begin(&batch, body, capacity);
    for (uint32_t i = 0; i < n; i++) {
        EventRecord event = sample(i % 50, i % 3);
        event.time += i;
        WireExtra extra = {0, (uint16_t)MIN_OF(table_entries, 1u), (uint16_t)table_entries, 0,
                           NULL};
        uint8_t *record;
        cr_assert(wire_batch_append(&batch, wire_record_bytes(&event, i + 1, &extra), table_bytes,
                                    &event, i + 1, &extra, &record));
        cr_assert_eq(load_u32(record + WIRE_RECORD_TYPE), i + 1);
    }
    return wire_batch_seal(&batch, table, table_bytes);
}

static int read_batch(const uint8_t *body, size_t bytes, uint32_t *ret_n) {
    BatchReader batch;
    WireRecord record;
    int result = wire_batch_open(body, bytes, &batch, NULL);
    *ret_n = 0;
    if (result < 0)
        return result;
    while ((result = wire_batch_next(&batch, &record, NULL)) == 1)
        ++*ret_n;
    return result;
}

Test(batch, round_trip) {
    static uint8_t body[65536];
    for (uint32_t n = 0; n < 200; n += 7) {
        for (uint32_t entries = 0; entries < 4; entries++) {
            uint32_t bytes = make_batch(body, sizeof body, n, entries);
            BatchReader batch;
            Err err = ERR_INIT;
            cr_assert_eq(wire_batch_open(body, bytes, &batch, &err), 0, "%s", err.text);
            cr_assert_eq(batch.n, n);
            cr_assert_eq(batch.n_table, entries);
            cr_assert_eq(batch.first_time, n != 0 ? INT64_C(132223104000000000) : 0);
            cr_assert_eq(batch.last_time, n != 0 ? INT64_C(132223104000000000) + n - 1 : 0);
            WireRecord record;
            for (uint32_t i = 0; i < n; i++) {
                cr_assert_eq(wire_batch_next(&batch, &record, &err), 1, "%s", err.text);
                cr_assert_eq(record.type, i + 1);
                cr_assert_eq(record.payload_bytes, i % 50);
                cr_assert_eq(record.time, INT64_C(132223104000000000) + i);
            }
            cr_assert_eq(wire_batch_next(&batch, &record, &err), 0);
            uint32_t at = 0, seen = 0;
            WireTableEntry entry;
            while (wire_table_next(&batch, &at, &entry)) {
                cr_assert_eq(entry.kind, WIRE_TABLE_TEXT);
                cr_assert_eq(entry.bytes, seen);
                seen++;
            }
            cr_assert_eq(seen, entries);
        }
    }
}

Test(batch, is_full_at_its_capacity) {
    static uint8_t body[WIRE_MAX_OUT * 2];
    EventRecord event = sample(0, 0);
    uint32_t bytes = wire_record_bytes(&event, 1, NULL);
    cr_assert_eq(bytes, 40);
    for (uint32_t capacity = WIRE_BODY_HEAD + 3 * 40 - 1; capacity <= WIRE_BODY_HEAD + 3 * 40 + 1;
         capacity++) {
        BatchWriter batch;
        uint32_t n = 0;
        wire_batch_begin(&batch, body, capacity);
        while (wire_batch_append(&batch, bytes, 0, &event, 1, NULL, NULL))
            n++;
        cr_assert_eq(n, capacity < WIRE_BODY_HEAD + 3 * 40 ? 2 : 3);
        cr_assert_eq(wire_batch_seal(&batch, NULL, 0), WIRE_BODY_HEAD + n * 40);
        // Room that the table needs is not given to records.
        wire_batch_begin(&batch, body, capacity);
        for (n = 0; wire_batch_append(&batch, bytes, 40, &event, 1, NULL, NULL);)
            n++;
        cr_assert_eq(n, capacity < WIRE_BODY_HEAD + 3 * 40 ? 1 : 2);
    }
    // A larger buffer does not make a larger frame.
    BatchWriter batch;
    wire_batch_begin(&batch, body, sizeof body);
    while (wire_batch_append(&batch, bytes, 0, &event, 1, NULL, NULL))
        ;
    uint32_t sealed = wire_batch_seal(&batch, NULL, 0);
    cr_assert_leq(sealed + WIRE_PRIVATE_BYTES, WIRE_MAX_OUT);
    cr_assert_gt(sealed + WIRE_PRIVATE_BYTES + 40, WIRE_MAX_OUT);
    cr_assert(!wire_batch_append(&batch, WIRE_MAX_RECORD + 8, 0, &event, 1, NULL, NULL));
    uint32_t n;
    cr_assert_eq(read_batch(body, sealed, &n), 0);
    cr_assert_eq(n, batch.n);
}

Test(batch, private_bytes_make_a_frame) {
    uint8_t frame[WIRE_PRIVATE_BYTES + 200];
    uint32_t bytes = make_batch(frame + WIRE_PRIVATE_BYTES, 200, 2, 0);
    wire_private_put(frame, bytes, 42, UINT64_C(0x123456789abcdef0));
    Frame got;
    cr_assert_eq(frame_head_get(frame, FRAME_TO_CLIENT, &got, NULL), 0);
    cr_assert_eq(got.type, WIRE_EVENTS);
    cr_assert_eq(got.subscription, 42);
    cr_assert_eq(got.payload_bytes, WIRE_EVENTS_PRIVATE + bytes);
    cr_assert_eq(load_u64(frame + WIRE_HEAD_BYTES), UINT64_C(0x123456789abcdef0));
}

Test(batch, every_truncation_is_refused) {
    static uint8_t body[4096];
    uint32_t bytes = make_batch(body, sizeof body, 9, 3), n;
    cr_assert_eq(read_batch(body, bytes, &n), 0);
    for (uint32_t cut = 0; cut < bytes; cut++) {
        uint8_t *copy = mem_dup(body, cut);
        int result = read_batch(copy, cut, &n);
        // A table that lost whole entries is a table; then records name what is gone.
        cr_assert_eq(result, -STATUS_PROTOCOL, "%u of %u bytes give %d", cut, bytes, result);
        mem_free(copy);
    }
    static uint8_t longer[4100];
    memcpy(longer, body, bytes);
    cr_assert_lt(read_batch(longer, bytes + 1, &n), 0);
}

Test(batch, every_flipped_byte_is_survived, .timeout = 60) {
    static uint8_t body[2048];
    uint32_t bytes = make_batch(body, sizeof body, 5, 3), n;
    for (uint32_t at = 0; at < bytes; at++) {
        static const uint8_t masks[] = {0x01, 0x80, 0xff, 0x08, 0x10};
        for (size_t m = 0; m < ARRAY_COUNT(masks); m++) {
            uint8_t *copy = mem_dup(body, bytes);
            copy[at] ^= masks[m];
            BatchReader batch;
            WireRecord record;
            EventRecord event;
            if (wire_batch_open(copy, bytes, &batch, NULL) == 0) {
                for (n = 0; wire_batch_next(&batch, &record, NULL) == 1; n++) {
                    wire_record_event(&record, NULL, &event);
                    // Every byte that is given out can be read.
                    uint32_t sum = 0;
                    for (uint32_t i = 0; i < event.payload_bytes; i++)
                        sum += event.payload[i];
                    EventItem item;
                    for (uint32_t i = 0; event_item_next(event.ext, event.ext_bytes, &i, &item);)
                        sum += item.bytes != 0 ? item.data[item.bytes - 1] : 0;
                    cr_assert_lt(sum, 1u << 24);
                }
                cr_assert_leq(n, 5);
                WireTableEntry entry;
                for (uint32_t i = 0; wire_table_next(&batch, &i, &entry);)
                    cr_assert(entry.data + entry.bytes <= copy + bytes);
            }
            mem_free(copy);
        }
    }
}

Test(batch, counts_that_lie) {
    static uint8_t body[4096];
    uint32_t bytes = make_batch(body, sizeof body, 4, 0), n;
    static const uint32_t counts[] = {0, 3, 5, 100, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        store_u32(body + WIRE_BODY_COUNT, counts[i]);
        cr_assert_eq(read_batch(body, bytes, &n), -STATUS_PROTOCOL, "count %u", counts[i]);
    }
    store_u32(body + WIRE_BODY_COUNT, 4);
    static const uint32_t tables[] = {1, 8, 23, 24, 28, 0xffffffff, 0x80000000};
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        store_u32(body + WIRE_BODY_TABLE, tables[i]);
        cr_assert_eq(read_batch(body, bytes, &n), -STATUS_PROTOCOL, "table at %u", tables[i]);
    }
}

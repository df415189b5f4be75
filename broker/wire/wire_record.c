// Records of a batch.
#include "wire/wire_record.h"

static const WireExtra no_extra;

#define EXTRA_FLAGS (WIRE_RECORD_MASKED | WIRE_RECORD_STACK_INCOMPLETE)

static size_t enriched_bytes(uint16_t n) {
    return ALIGN8((size_t)n * WIRE_ENRICHED_BYTES);
}

uint32_t wire_record_bytes(const EventRecord *event, uint32_t type, const WireExtra *extra) {
    if (extra == NULL)
        extra = &no_extra;
    if (event->ext_bytes > UINT16_MAX || event->payload_bytes > UINT16_MAX)
        return 0;
    size_t bytes = WIRE_RECORD_FIXED + enriched_bytes(extra->n_enriched) + event->ext_bytes +
                   event->payload_bytes;
    if (event->flags & EVENT_HAS_ACTIVITY)
        bytes += sizeof event->activity.b;
    if (type == 0)
        bytes += WIRE_KEY_BYTES;
    bytes = ALIGN8(bytes);
    return bytes <= WIRE_MAX_RECORD ? (uint32_t)bytes : 0;
}

static uint16_t record_flags(const EventRecord *event, uint32_t type, const WireExtra *extra) {
    uint32_t flags = extra->flags & EXTRA_FLAGS;
    if (event->flags & EVENT_POINTER32)
        flags |= WIRE_RECORD_POINTER32;
    if (event->flags & EVENT_HAS_ACTIVITY)
        flags |= WIRE_RECORD_ACTIVITY;
    if (event->flags & EVENT_NO_IDS)
        flags |= WIRE_RECORD_NO_IDS;
    if (event->flags & EVENT_TIME_GUESSED)
        flags |= WIRE_RECORD_TIME_GUESSED;
    if (event->flags & EVENT_OUT_OF_ORDER)
        flags |= WIRE_RECORD_OUT_OF_ORDER;
    if (type == 0)
        flags |= WIRE_RECORD_INLINE_KEY | (uint32_t)(event->flags & 0xffu)
                                              << WIRE_RECORD_INLINE_FLAGS_SHIFT;
    return (uint16_t)flags;
}

static void put_descriptor(uint8_t *to, const EventDescriptor *desc) {
    store_u16(to, desc->id);
    to[2] = desc->version;
    to[3] = desc->channel;
    to[4] = desc->level;
    to[5] = desc->opcode;
    store_u16(to + 6, desc->task);
    store_u64(to + 8, desc->keyword);
}

void wire_record_put(uint8_t *to, uint32_t bytes, const EventRecord *event, uint32_t type,
                     const WireExtra *extra) {
    if (extra == NULL)
        extra = &no_extra;
    uint16_t flags = record_flags(event, type, extra);
    // The last word may be padding; whatever stands there is overwritten next.
    store_u64(to + bytes - 8, 0);
    store_u32(to + WIRE_RECORD_SIZE, bytes);
    store_u16(to + WIRE_RECORD_FLAGS, flags);
    store_u16(to + WIRE_RECORD_CPU, event->cpu);
    store_i64(to + WIRE_RECORD_TIME, event->time);
    store_u32(to + WIRE_RECORD_TYPE, type);
    store_u32(to + WIRE_RECORD_PID, event->pid);
    store_u32(to + WIRE_RECORD_TID, event->tid);
    store_u16(to + WIRE_RECORD_EXT, (uint16_t)event->ext_bytes);
    store_u16(to + WIRE_RECORD_PAYLOAD, (uint16_t)event->payload_bytes);
    store_u16(to + WIRE_RECORD_ENRICHED, extra->n_enriched);
    store_u16(to + WIRE_RECORD_PROCESS, extra->process);
    store_u16(to + WIRE_RECORD_STACK, extra->stack);
    store_u16(to + WIRE_RECORD_SPARE, 0);
    uint8_t *at = to + WIRE_RECORD_FIXED;
    if (flags & WIRE_RECORD_ACTIVITY) {
        memcpy(at, event->activity.b, sizeof event->activity.b);
        at += sizeof event->activity.b;
    }
    if (flags & WIRE_RECORD_INLINE_KEY) {
        memcpy(at, event->provider.b, sizeof event->provider.b);
        put_descriptor(at + sizeof event->provider.b, &event->desc);
        at += WIRE_KEY_BYTES;
    }
    if (extra->n_enriched != 0) {
        size_t room = enriched_bytes(extra->n_enriched);
        store_u64(at + room - 8, 0);
        for (uint16_t i = 0; i < extra->n_enriched; i++) {
            at[4u * i] = extra->enriched[i].field;
            at[4u * i + 1] = extra->enriched[i].provenance;
            store_u16(at + 4u * i + 2, extra->enriched[i].entry);
        }
        at += room;
    }
    if (event->ext_bytes != 0) {
        memcpy(at, event->ext, event->ext_bytes);
        at += event->ext_bytes;
    }
    if (event->payload_bytes != 0)
        memcpy(at, event->payload, event->payload_bytes);
}

// Offset of the part that follows the fixed one, activity, key and enriched fields.
static size_t items_at(uint16_t flags, uint16_t n_enriched) {
    size_t at = WIRE_RECORD_FIXED + enriched_bytes(n_enriched);
    if (flags & WIRE_RECORD_ACTIVITY)
        at += 16;
    if (flags & WIRE_RECORD_INLINE_KEY)
        at += WIRE_KEY_BYTES;
    return at;
}

uint32_t wire_record_payload_at(const uint8_t *record) {
    return (uint32_t)(items_at(load_u16(record + WIRE_RECORD_FLAGS),
                               load_u16(record + WIRE_RECORD_ENRICHED)) +
                      load_u16(record + WIRE_RECORD_EXT));
}

int wire_record_get(const uint8_t *record_untrusted, size_t room, WireRecord *ret, Err *err) {
    if (room < WIRE_RECORD_FIXED)
        return err_set(err, STATUS_PROTOCOL, "%zu bytes are left for a record of at least %u", room,
                       WIRE_RECORD_FIXED);
    const uint8_t *at = record_untrusted;
    WireRecord record;
    memset(&record, 0, sizeof record);
    record.bytes = load_u32(at + WIRE_RECORD_SIZE);
    record.flags = load_u16(at + WIRE_RECORD_FLAGS);
    record.cpu = load_u16(at + WIRE_RECORD_CPU);
    record.time = load_i64(at + WIRE_RECORD_TIME);
    record.type = load_u32(at + WIRE_RECORD_TYPE);
    record.pid = load_u32(at + WIRE_RECORD_PID);
    record.tid = load_u32(at + WIRE_RECORD_TID);
    record.ext_bytes = load_u16(at + WIRE_RECORD_EXT);
    record.payload_bytes = load_u16(at + WIRE_RECORD_PAYLOAD);
    record.n_enriched = load_u16(at + WIRE_RECORD_ENRICHED);
    record.process = load_u16(at + WIRE_RECORD_PROCESS);
    record.stack = load_u16(at + WIRE_RECORD_STACK);
    bool has_key = (record.flags & WIRE_RECORD_INLINE_KEY) != 0;
    if (has_key != (record.type == 0))
        return err_set(err, STATUS_PROTOCOL, "a record of type %u %s an inline key",
                       (unsigned)record.type, has_key ? "has" : "lacks");
    size_t items = items_at(record.flags, record.n_enriched);
    size_t whole = ALIGN8(items + record.ext_bytes + record.payload_bytes);
    if (record.bytes != whole || whole > room || whole > WIRE_MAX_RECORD)
        return err_set(err, STATUS_PROTOCOL,
                       "a record says it has %u bytes, its parts have %zu and the batch %zu",
                       (unsigned)record.bytes, whole, room);
    size_t from = WIRE_RECORD_FIXED;
    if (record.flags & WIRE_RECORD_ACTIVITY) {
        record.activity = at + from;
        from += 16;
    }
    if (has_key) {
        record.key = at + from;
        from += WIRE_KEY_BYTES;
    }
    record.enriched = at + from;
    record.ext = at + items;
    record.payload = at + items + record.ext_bytes;
    if (record.ext_bytes != 0 &&
        event_items_valid(record.ext, record.ext_bytes) != record.ext_bytes)
        return err_set(err, STATUS_PROTOCOL, "the extended items of a record are malformed");
    *ret = record;
    return 0;
}

WireEnriched wire_record_enriched(const WireRecord *record, uint16_t i) {
    const uint8_t *at = record->enriched + (size_t)i * WIRE_ENRICHED_BYTES;
    return (WireEnriched){at[0], at[1], load_u16(at + 2)};
}

static void get_descriptor(const uint8_t *at, EventDescriptor *ret) {
    ret->id = load_u16(at);
    ret->version = at[2];
    ret->channel = at[3];
    ret->level = at[4];
    ret->opcode = at[5];
    ret->task = load_u16(at + 6);
    ret->keyword = load_u64(at + 8);
}

void wire_record_event(const WireRecord *record, const Schema *schema, EventRecord *ret) {
    memset(ret, 0, sizeof *ret);
    uint32_t flags = 0;
    if (record->key != NULL) {
        memcpy(ret->provider.b, record->key, sizeof ret->provider.b);
        get_descriptor(record->key + sizeof ret->provider.b, &ret->desc);
        flags = (uint32_t)record->flags >> WIRE_RECORD_INLINE_FLAGS_SHIFT & WIRE_TYPE_FLAGS;
    } else if (schema != NULL) {
        ret->provider = schema->provider;
        ret->desc = schema->desc;
        flags = schema->event_flags & WIRE_TYPE_FLAGS;
    }
    if (record->flags & WIRE_RECORD_POINTER32)
        flags |= EVENT_POINTER32;
    if (record->flags & WIRE_RECORD_NO_IDS)
        flags |= EVENT_NO_IDS;
    if (record->flags & WIRE_RECORD_TIME_GUESSED)
        flags |= EVENT_TIME_GUESSED;
    if (record->flags & WIRE_RECORD_OUT_OF_ORDER)
        flags |= EVENT_OUT_OF_ORDER;
    if (record->activity != NULL) {
        flags |= EVENT_HAS_ACTIVITY;
        memcpy(ret->activity.b, record->activity, sizeof ret->activity.b);
    }
    ret->flags = (uint16_t)flags;
    ret->time = record->time;
    ret->pid = record->pid;
    ret->tid = record->tid;
    ret->cpu = record->cpu;
    ret->ext = record->ext;
    ret->ext_bytes = record->ext_bytes;
    ret->payload = record->payload;
    ret->payload_bytes = record->payload_bytes;
}

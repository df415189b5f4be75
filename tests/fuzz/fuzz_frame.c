// A byte stream of frames, as the broker and as the client receive it: whole, and cut into pieces at
// random; every frame is then read by its type, and what was read is written and read again.
// Input: u8 flags (1: to the client), u8 seed, the stream.
#include "tests/fuzz/decode.h"

#include "wire/frame.h"
#include "wire/wire_batch.h"

typedef struct Stream {
    uint32_t n_frames;
    uint64_t hash;
    bool hello;
    int end; // 0, or what the reader failed with
    size_t pending;
} Stream;

#define NOTICE(Type, name, bytes_)                                                                 \
    static void read_##name(const Frame *frame) {                                                  \
        Type value, again;                                                                         \
        memset(&value, 0, sizeof value);                                                           \
        memset(&again, 0, sizeof again);                                                           \
        if (wire_##name##_get(frame, &value, NULL) != 0)                                           \
            return;                                                                                \
        uint8_t room[bytes_];                                                                      \
        wire_##name##_put(room, &value);                                                           \
        fuzz_check(frame->payload_bytes >= bytes_, #name " has its least size");                   \
        Frame copy = *frame;                                                                       \
        copy.payload = room;                                                                       \
        fuzz_check(wire_##name##_get(&copy, &again, NULL) == 0, #name " that was put is read");    \
        uint8_t twice[bytes_];                                                                     \
        wire_##name##_put(twice, &again);                                                          \
        fuzz_check(memcmp(room, twice, bytes_) == 0, #name " is the same again");                  \
    }

NOTICE(WireWelcome, welcome, WIRE_WELCOME_BYTES)
NOTICE(WireGap, gap, WIRE_GAP_BYTES)
NOTICE(WireChanged, changed, WIRE_CHANGED_BYTES)
NOTICE(WireEpoch, epoch, WIRE_EPOCH_BYTES)
NOTICE(WireEnd, end, WIRE_END_BYTES)

static void read_schema(const Frame *frame) {
    Schema *s, *again;
    uint32_t type, same;
    Err err = ERR_INIT;
    int r = schema_wire_get(frame->payload, frame->payload_bytes, &type, &s, &err);
    if (r != 0) {
        fuzz_check(r == -STATUS_PROTOCOL && err.text[0], "a schema is refused with a text");
        return;
    }
    fuzz_check_schema(s);
    Buf one = BUF_INIT, two = BUF_INIT;
    int put = schema_wire_put(&one, type, s);
    fuzz_check(put == 0 || put == SCHEMA_WIRE_REDUCED, "a schema that was read can be sent");
    fuzz_check(schema_wire_get(one.data, one.bytes, &same, &again, &err) == 0 && same == type,
               "and read again");
    if (put == 0) {
        fuzz_check(again->n_fields == s->n_fields && again->n_top == s->n_top,
                   "with as many fields");
        fuzz_check(schema_wire_put(&two, type, again) == 0 && two.bytes == one.bytes &&
                       memcmp(one.data, two.data, one.bytes) == 0,
                   "it stays the same");
        static const uint8_t payload[64] = {1, 0, 2, 0, 'a', 0, 'b', 0, 0, 0, 5, 6, 7, 8};
        EventRecord r1 = {.provider = s->provider,
                          .desc = s->desc,
                          .flags = s->event_flags,
                          .payload = payload,
                          .payload_bytes = sizeof payload};
        fuzz_check(fuzz_decode(&r1, s) == fuzz_decode(&r1, again), "and reads payloads alike");
    }
    schema_unref(again);
    schema_unref(s);
    buf_deinit(&one);
    buf_deinit(&two);
}

static void read_record(const WireRecord *record, const uint8_t *body, size_t bytes) {
    const uint8_t *parts[] = {record->activity, record->key, record->enriched, record->ext,
                              record->payload};
    const size_t sizes[] = {16, WIRE_KEY_BYTES, (size_t)record->n_enriched * WIRE_ENRICHED_BYTES,
                            record->ext_bytes, record->payload_bytes};
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        if (parts[i] && sizes[i] > 0)
            fuzz_check(parts[i] >= body && parts[i] + sizes[i] <= body + bytes,
                       "a part of a record lies inside the body");
    EventRecord event;
    Schema *s = NULL;
    if (record->type != 0 && schema_new(&s) != 0)
        abort();
    wire_record_event(record, s, &event);
    fuzz_check(event_items_valid(event.ext, event.ext_bytes) == event.ext_bytes,
               "items are intact");
    WireEnriched *enriched = mem_array(record->n_enriched, sizeof *enriched);
    if (!enriched)
        abort();
    for (uint16_t i = 0; i < record->n_enriched; i++)
        enriched[i] = wire_record_enriched(record, i);
    WireExtra extra = {
        .flags = record->flags & (WIRE_RECORD_MASKED | WIRE_RECORD_STACK_INCOMPLETE),
        .process = record->process,
        .stack = record->stack,
        .n_enriched = record->n_enriched,
        .enriched = enriched,
    };
    uint32_t n = wire_record_bytes(&event, record->type, &extra);
    fuzz_check(n != 0 && n <= record->bytes, "what was read can be written, in no more room");
    uint8_t *room = mem_alloc(n);
    if (!room)
        abort();
    wire_record_put(room, n, &event, record->type, &extra);
    WireRecord again;
    Err err = ERR_INIT;
    fuzz_check(wire_record_get(room, n, &again, &err) == 0, "and read again");
    fuzz_check(again.time == record->time && again.type == record->type &&
                   again.pid == record->pid && again.tid == record->tid &&
                   again.cpu == record->cpu && again.process == record->process &&
                   again.stack == record->stack,
               "with the same head");
    fuzz_check(again.ext_bytes == record->ext_bytes &&
                   again.payload_bytes == record->payload_bytes &&
                   again.n_enriched == record->n_enriched,
               "the same sizes");
    fuzz_check((record->ext_bytes == 0 || memcmp(again.ext, record->ext, record->ext_bytes) == 0) &&
                   (record->payload_bytes == 0 ||
                    memcmp(again.payload, record->payload, record->payload_bytes) == 0),
               "and the same data");
    fuzz_check(wire_record_payload_at(room) == (uint32_t)(again.payload - room) ||
                   again.payload_bytes == 0,
               "the payload stands where masking looks for it");
    mem_free(room);
    mem_free(enriched);
    if (s)
        schema_unref(s);
}

static void read_events(const Frame *frame) {
    if (frame->payload_bytes < WIRE_EVENTS_PRIVATE)
        return;
    size_t bytes = frame->payload_bytes - WIRE_EVENTS_PRIVATE;
    uint8_t *body = mem_dup(frame->payload + WIRE_EVENTS_PRIVATE, bytes); // of its exact size
    BatchReader batch;
    Err err = ERR_INIT;
    int r = wire_batch_open(body, bytes, &batch, &err);
    fuzz_check(r == 0 || (r == -STATUS_PROTOCOL && err.text[0]), "a batch is refused with a text");
    if (r == 0) {
        WireTableEntry entry;
        uint32_t at = 0, n_entries = 0, n = 0;
        while (wire_table_next(&batch, &at, &entry)) {
            n_entries++;
            fuzz_check(entry.data >= body && entry.data + entry.bytes <= body + bytes,
                       "a table entry lies inside the body");
        }
        fuzz_check(n_entries == batch.n_table, "the table has as many entries as it says");
        WireRecord record;
        while ((r = wire_batch_next(&batch, &record, &err)) == 1) {
            n++;
            read_record(&record, body, bytes);
        }
        fuzz_check(r != 0 || n == batch.n, "a good batch has as many records as it says");
        fuzz_check(n <= batch.n, "never more");
    }
    mem_free(body);
}

static void read_frame(const Frame *frame, FrameSide side) {
    uint8_t head[WIRE_HEAD_BYTES];
    Frame again;
    frame_head_put(head, frame->type, frame->payload_bytes, frame->subscription, frame->request);
    fuzz_check(frame_head_get(head, side, &again, NULL) == 0 && again.type == frame->type &&
                   again.payload_bytes == frame->payload_bytes &&
                   again.subscription == frame->subscription && again.request == frame->request,
               "a head that was read can be written");
    fuzz_check(frame_type_name(frame->type) != NULL, "each type has a name");
    read_welcome(frame); // each _get checks the type itself
    read_gap(frame);
    read_changed(frame);
    read_epoch(frame);
    read_end(frame);
    if (frame->type == WIRE_SCHEMA)
        read_schema(frame);
    if (frame->type == WIRE_EVENTS)
        read_events(frame);
}

// seed 0: as much as there is room for; otherwise pieces of random size.
static Stream receive(const uint8_t *data, size_t size, FrameSide side, uint64_t seed) {
    Stream stream = {.hash = FUZZ_HASH_START};
    FrameReader reader;
    frame_reader_init(&reader, side);
    bool pieces = seed != 0;
    size_t at = 0;
    while (stream.end == 0) {
        Frame frame;
        Err err = ERR_INIT;
        int r;
        if (side == FRAME_TO_BROKER && !stream.hello) {
            WireHello hello;
            memset(&hello, 0, sizeof hello);
            r = frame_reader_hello(&reader, &hello, &err);
            if (r == 1) {
                stream.hello = true;
                uint16_t version = 0;
                if (wire_negotiate(&hello, &version, NULL) == 0)
                    fuzz_check(version >= hello.min_version && version <= hello.max_version,
                               "a version that both speak");
                uint8_t room[WIRE_HELLO_BYTES];
                wire_hello_put(room, &hello);
                stream.hash = fuzz_hash(stream.hash, room, sizeof room);
                continue;
            }
        } else {
            r = frame_reader_next(&reader, &frame, &err);
            if (r == 1) {
                stream.n_frames++;
                stream.hash = fuzz_hash(stream.hash, &frame.type, sizeof frame.type);
                stream.hash =
                    fuzz_hash(stream.hash, &frame.subscription, sizeof frame.subscription);
                stream.hash = fuzz_hash(stream.hash, frame.payload, frame.payload_bytes);
                if (!pieces)
                    read_frame(&frame, side);
                continue;
            }
        }
        if (r < 0) {
            fuzz_check(r == -STATUS_PROTOCOL && err.text[0], "a stream is refused with a text");
            stream.end = r;
            fuzz_check(side == FRAME_TO_BROKER && !stream.hello
                           ? frame_reader_hello(&reader, &(WireHello){0}, NULL) < 0
                           : frame_reader_next(&reader, &frame, NULL) < 0,
                       "and stays refused");
            break;
        }
        if (at == size)
            break;
        uint8_t *to;
        size_t room = frame_reader_room(&reader, &to);
        fuzz_check(room > 0, "there is room for more");
        size_t n = MIN_OF(room, size - at);
        if (pieces) {
            uint32_t x = fuzz_random(&seed);
            n = MIN_OF(n, x % 4 == 0 ? 1u : 1u + (x >> 8) % (x % 4 == 1 ? 7u : 97u));
        }
        memcpy(to, data + at, n);
        frame_reader_commit(&reader, n);
        at += n;
    }
    stream.pending = frame_reader_pending(&reader);
    frame_reader_deinit(&reader);
    return stream;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 512u * 1024u)
        return 0;
    FuzzLeaks leaks = fuzz_leaks_begin();
    FrameSide side = data[0] & 1 ? FRAME_TO_CLIENT : FRAME_TO_BROKER;
    Stream whole = receive(data + 2, size - 2, side, 0);
    Stream cut = receive(data + 2, size - 2, side, data[1] + 1u);
    fuzz_check(whole.n_frames == cut.n_frames && whole.hash == cut.hash && whole.hello == cut.hello,
               "the pieces make no difference to the frames");
    fuzz_check(whole.end == cut.end, "nor to how it ends");
    if (whole.end == 0)
        fuzz_check(whole.pending == cut.pending, "nor to what is left");
    fuzz_leaks_end(&leaks);
    return 0;
}

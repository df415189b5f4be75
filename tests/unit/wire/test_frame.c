// Heads, reassembly and the fixed payloads: round trips, every truncation, caps at n-1, n, n+1.
#include <criterion/criterion.h>

#include "util/mem.h"
#include "wire/frame.h"

// Puts bytes into a reader, at most `step` at a time; the reader decides how much room there is.
static void feed(FrameReader *reader, const uint8_t *data, size_t bytes, size_t step) {
    while (bytes != 0) {
        uint8_t *to;
        size_t room = frame_reader_room(reader, &to);
        cr_assert_gt(room, 0);
        size_t n = MIN_OF(MIN_OF(room, step), bytes);
        memcpy(to, data, n);
        frame_reader_commit(reader, n);
        data += n;
        bytes -= n;
    }
}

static uint8_t *make_frame(uint16_t type, uint32_t payload_bytes, uint32_t subscription,
                           uint32_t request) {
    uint8_t *frame = mem_alloc(WIRE_HEAD_BYTES + (size_t)payload_bytes);
    cr_assert_not_null(frame);
    frame_head_put(frame, type, payload_bytes, subscription, request);
    for (uint32_t i = 0; i < payload_bytes; i++)
        frame[WIRE_HEAD_BYTES + i] = (uint8_t)(i * 7 + type);
    return frame;
}

static void check_frame(const Frame *frame, uint16_t type, uint32_t payload_bytes) {
    cr_assert_eq(frame->type, type);
    cr_assert_eq(frame->flags, 0);
    cr_assert_eq(frame->payload_bytes, payload_bytes);
    for (uint32_t i = 0; i < payload_bytes; i++)
        cr_assert_eq(frame->payload[i], (uint8_t)(i * 7 + type), "byte %u", i);
}

// ---- Heads

typedef struct Cap {
    uint16_t type;
    FrameSide side;
    uint32_t min, max; // payload
} Cap;

static const Cap caps[] = {
    {WIRE_REQUEST, FRAME_TO_BROKER, 2, 65536 - 16},
    {WIRE_WELCOME, FRAME_TO_CLIENT, 88, 262144 - 16},
    {WIRE_REPLY, FRAME_TO_CLIENT, 2, 1048576 - 16},
    {WIRE_SCHEMA, FRAME_TO_CLIENT, 48, 262144 - 16},
    {WIRE_EVENTS, FRAME_TO_CLIENT, 32, 262144 - 16},
    {WIRE_GAP, FRAME_TO_CLIENT, 40, 262144 - 16},
    {WIRE_CHANGED, FRAME_TO_CLIENT, 16, 262144 - 16},
    {WIRE_EPOCH, FRAME_TO_CLIENT, 24, 262144 - 16},
    {WIRE_END, FRAME_TO_CLIENT, 128, 262144 - 16},
    {1000, FRAME_TO_CLIENT, 0, 262144 - 16}, // of a later version
};

static int get(uint16_t type, FrameSide side, uint32_t whole, Frame *frame) {
    uint8_t head[WIRE_HEAD_BYTES];
    Err err = ERR_INIT;
    frame_head_put(head, type, 0, 3, 4);
    store_u32(head + WIRE_HEAD_SIZE, whole);
    int result = frame_head_get(head, side, frame, &err);
    cr_assert(result == 0 ||
              (result == -STATUS_PROTOCOL && err.status == STATUS_PROTOCOL && err.text[0] != '\0'));
    return result;
}

Test(frame, caps_of_each_type) {
    for (size_t i = 0; i < ARRAY_COUNT(caps); i++) {
        const Cap *cap = &caps[i];
        const uint32_t min = cap->min + WIRE_HEAD_BYTES, max = cap->max + WIRE_HEAD_BYTES;
        Frame frame;
        cr_assert_lt(get(cap->type, cap->side, min - 1, &frame), 0, "type %u", cap->type);
        cr_assert_eq(get(cap->type, cap->side, min, &frame), 0, "type %u", cap->type);
        cr_assert_eq(frame.payload_bytes, cap->min);
        cr_assert_eq(frame.subscription, 3);
        cr_assert_eq(frame.request, 4);
        cr_assert_eq(get(cap->type, cap->side, min + 1, &frame), 0);
        cr_assert_eq(get(cap->type, cap->side, max - 1, &frame), 0);
        cr_assert_eq(get(cap->type, cap->side, max, &frame), 0);
        cr_assert_eq(frame.payload_bytes, cap->max);
        cr_assert_lt(get(cap->type, cap->side, max + 1, &frame), 0);
        cr_assert_lt(get(cap->type, cap->side, UINT32_MAX, &frame), 0);
        for (uint32_t bytes = 0; bytes < WIRE_HEAD_BYTES; bytes++)
            cr_assert_lt(get(cap->type, cap->side, bytes, &frame), 0);
    }
}

Test(frame, types_travel_one_way) {
    Frame frame;
    for (uint32_t type = 0; type < 70000; type = type < 20 ? type + 1 : type * 3) {
        if (type > UINT16_MAX)
            break;
        bool to_broker = get((uint16_t)type, FRAME_TO_BROKER, 1000, &frame) == 0;
        cr_assert_eq(to_broker, type == WIRE_REQUEST, "type %u to the broker", type);
        bool to_client = get((uint16_t)type, FRAME_TO_CLIENT, 1000, &frame) == 0;
        cr_assert_eq(to_client, type != WIRE_REQUEST, "type %u to a client", type);
    }
    cr_assert_str_eq(frame_type_name(WIRE_EVENTS), "EVENTS");
    cr_assert_str_eq(frame_type_name(0), "?");
    cr_assert_str_eq(frame_type_name(60000), "?");
}

// ---- Reassembly

Test(frame, any_cutting_of_the_stream, .timeout = 60) {
    static const uint32_t sizes[] = {2, 3, 100, 4096, 5000, 70000, 16, 262128, 2};
    static const size_t steps[] = {1, 2, 3, 15, 16, 17, 1000, 4096, 1u << 20};
    for (size_t s = 0; s < ARRAY_COUNT(steps); s++) {
        FrameReader reader;
        frame_reader_init(&reader, FRAME_TO_CLIENT);
        uint32_t next = 0;
        for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
            uint8_t *data = make_frame(WIRE_REPLY, sizes[i], 0, (uint32_t)i);
            // In two halves, so that frames are taken while others are half there.
            size_t whole = WIRE_HEAD_BYTES + (size_t)sizes[i], half = whole / 2;
            Frame frame;
            feed(&reader, data, half, steps[s]);
            cr_assert_eq(frame_reader_next(&reader, &frame, NULL), 0);
            cr_assert_eq(frame_reader_pending(&reader), half);
            feed(&reader, data + half, whole - half, steps[s]);
            cr_assert_eq(frame_reader_next(&reader, &frame, NULL), 1);
            cr_assert_eq(frame.request, next++);
            check_frame(&frame, WIRE_REPLY, sizes[i]);
            cr_assert_eq(frame_reader_next(&reader, &frame, NULL), 0);
            mem_free(data);
        }
        frame_reader_deinit(&reader);
    }
    cr_assert_eq(mem_in_use(), 0);
}

Test(frame, several_in_one_read) {
    FrameReader reader;
    frame_reader_init(&reader, FRAME_TO_CLIENT);
    Frame frame;
    uint8_t stream[3 * (WIRE_HEAD_BYTES + 40)];
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t *data = make_frame(WIRE_GAP, 40, i, 0);
        memcpy(stream + i * (WIRE_HEAD_BYTES + 40u), data, WIRE_HEAD_BYTES + 40);
        mem_free(data);
    }
    feed(&reader, stream, sizeof stream, sizeof stream);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(frame_reader_next(&reader, &frame, NULL), 1);
        cr_assert_eq(frame.subscription, i);
        check_frame(&frame, WIRE_GAP, 40);
    }
    cr_assert_eq(frame_reader_next(&reader, &frame, NULL), 0);
    cr_assert_eq(frame_reader_pending(&reader), 0);
    frame_reader_deinit(&reader);
}

Test(frame, a_bad_head_ends_the_stream) {
    FrameReader reader;
    frame_reader_init(&reader, FRAME_TO_CLIENT);
    uint8_t *good = make_frame(WIRE_GAP, 40, 0, 0);
    uint8_t bad[WIRE_HEAD_BYTES];
    frame_head_put(bad, WIRE_EVENTS, 0, 0, 0);
    Frame frame;
    Err err = ERR_INIT;
    feed(&reader, good, WIRE_HEAD_BYTES + 40, 7);
    feed(&reader, bad, sizeof bad, 7);
    feed(&reader, good, WIRE_HEAD_BYTES + 40, 7);
    cr_assert_eq(frame_reader_next(&reader, &frame, &err), 1);
    cr_assert_eq(frame_reader_next(&reader, &frame, &err), -STATUS_PROTOCOL);
    cr_assert_eq(frame_reader_next(&reader, &frame, &err), -STATUS_PROTOCOL,
                 "it went on behind the bad frame");
    mem_free(good);
    frame_reader_deinit(&reader);
}

Test(frame, a_length_that_lies_reserves_nothing) {
    FrameReader reader;
    frame_reader_init(&reader, FRAME_TO_BROKER);
    WireHello hello = {1, 1, 0, "x"};
    uint8_t bytes[WIRE_HELLO_BYTES];
    wire_hello_put(bytes, &hello);
    feed(&reader, bytes, sizeof bytes, sizeof bytes);
    cr_assert_eq(frame_reader_hello(&reader, &hello, NULL), 1);
    uint8_t head[WIRE_HEAD_BYTES];
    frame_head_put(head, WIRE_REQUEST, 0, 0, 0);
    store_u32(head, 0x7fffffff);
    mem_reset_peak();
    feed(&reader, head, sizeof head, sizeof head);
    Frame frame;
    cr_assert_lt(frame_reader_next(&reader, &frame, NULL), 0);
    uint8_t *to;
    cr_assert_gt(frame_reader_room(&reader, &to), 0);
    cr_assert_lt(mem_peak(), 16384, "%zu bytes for a head", mem_peak());
    frame_reader_deinit(&reader);
}

Test(frame, the_broker_holds_at_most_one_request_and_a_little) {
    FrameReader reader;
    frame_reader_init(&reader, FRAME_TO_BROKER);
    WireHello hello = {1, 1, 0, "x"};
    uint8_t bytes[WIRE_HELLO_BYTES];
    wire_hello_put(bytes, &hello);
    feed(&reader, bytes, sizeof bytes, 1);
    cr_assert_eq(frame_reader_hello(&reader, &hello, NULL), 1);
    mem_reset_peak();
    uint8_t *data = make_frame(WIRE_REQUEST, WIRE_MAX_IN - WIRE_HEAD_BYTES, 0, 0);
    for (int i = 0; i < 5; i++) {
        Frame frame;
        feed(&reader, data, WIRE_MAX_IN, 1000);
        cr_assert_eq(frame_reader_next(&reader, &frame, NULL), 1);
        check_frame(&frame, WIRE_REQUEST, WIRE_MAX_IN - WIRE_HEAD_BYTES);
    }
    // The old buffer and the new one stand side by side while it grows.
    cr_assert_leq(reader.capacity, WIRE_MAX_IN + 8192u);
    mem_free(data);
    frame_reader_deinit(&reader);
}

Test(frame, out_of_memory) {
    FrameReader reader;
    frame_reader_init(&reader, FRAME_TO_CLIENT);
    uint8_t *to;
    mem_fail_at(1);
    cr_assert_eq(frame_reader_room(&reader, &to), 0);
    cr_assert_gt(frame_reader_room(&reader, &to), 0);
    frame_reader_deinit(&reader);
    cr_assert_eq(mem_in_use(), 0);
}

// ---- HELLO

static int hello_of(const uint8_t *bytes, size_t n, size_t step, WireHello *ret) {
    FrameReader reader;
    Err err = ERR_INIT;
    frame_reader_init(&reader, FRAME_TO_BROKER);
    int result = 0;
    for (size_t at = 0; result == 0 && at < n; at += step) {
        feed(&reader, bytes + at, MIN_OF(step, n - at), step);
        result = frame_reader_hello(&reader, ret, &err);
    }
    frame_reader_deinit(&reader);
    return result;
}

Test(hello, round_trip) {
    WireHello hello = {1, 7, UINT64_C(0x8000000000000001), "agent/1.0"}, got;
    uint8_t bytes[WIRE_HELLO_BYTES + 10];
    memset(bytes, 0xaa, sizeof bytes);
    wire_hello_put(bytes, &hello);
    for (size_t step = 1; step <= sizeof bytes; step++) {
        memset(&got, 0xff, sizeof got);
        cr_assert_eq(hello_of(bytes, sizeof bytes, step, &got), 1);
        cr_assert_eq(got.min_version, 1);
        cr_assert_eq(got.max_version, 7);
        cr_assert_eq(got.features, UINT64_C(0x8000000000000001));
        cr_assert_str_eq(got.agent, "agent/1.0");
    }
    for (size_t n = 0; n < WIRE_HELLO_BYTES; n++)
        cr_assert_eq(hello_of(bytes, n, 64, &got), 0, "%zu bytes are a HELLO", n);
    // An agent that fills its place has no NUL on the wire.
    memset(hello.agent, 'a', sizeof hello.agent);
    hello.agent[WIRE_HELLO_AGENT_BYTES] = '\0';
    wire_hello_put(bytes, &hello);
    cr_assert_eq(hello_of(bytes, WIRE_HELLO_BYTES, 64, &got), 1);
    cr_assert_str_eq(got.agent, hello.agent);
}

Test(hello, strangers_are_known_by_their_first_byte) {
    WireHello got;
    cr_assert_eq(hello_of((const uint8_t *)"GET / HTTP/1.1", 14, 1, &got), -STATUS_PROTOCOL);
    cr_assert_eq(hello_of((const uint8_t *)"G", 1, 1, &got), -STATUS_PROTOCOL);
    cr_assert_eq(hello_of((const uint8_t *)"ETWB", 4, 1, &got), -0);
    cr_assert_eq(hello_of((const uint8_t *)"ETWX", 4, 1, &got), -STATUS_PROTOCOL);
    uint8_t bytes[WIRE_HELLO_BYTES];
    static const uint16_t versions[][2] = {{0, 0}, {0, 5}, {3, 2}};
    for (size_t i = 0; i < ARRAY_COUNT(versions); i++) {
        WireHello hello = {versions[i][0], versions[i][1], 0, ""};
        wire_hello_put(bytes, &hello);
        cr_assert_eq(hello_of(bytes, sizeof bytes, 64, &got), -STATUS_PROTOCOL);
    }
}

Test(hello, comes_once_and_first) {
    FrameReader reader;
    Frame frame;
    WireHello hello = {1, 1, 0, "x"};
    uint8_t bytes[WIRE_HELLO_BYTES];
    frame_reader_init(&reader, FRAME_TO_BROKER);
    cr_assert_eq(frame_reader_next(&reader, &frame, NULL), -STATUS_PROTOCOL);
    wire_hello_put(bytes, &hello);
    feed(&reader, bytes, sizeof bytes, 64);
    cr_assert_eq(frame_reader_hello(&reader, &hello, NULL), 1);
    cr_assert_eq(frame_reader_hello(&reader, &hello, NULL), -STATUS_PROTOCOL);
    frame_reader_deinit(&reader);
    frame_reader_init(&reader, FRAME_TO_CLIENT);
    cr_assert_eq(frame_reader_hello(&reader, &hello, NULL), -STATUS_PROTOCOL);
    frame_reader_deinit(&reader);
}

Test(hello, versions) {
    uint16_t got = 0;
    Err err = ERR_INIT;
    WireHello hello = {1, 1, 0, ""};
    cr_assert_eq(wire_negotiate(&hello, &got, &err), 0);
    cr_assert_eq(got, 1);
    hello.max_version = 900;
    cr_assert_eq(wire_negotiate(&hello, &got, &err), 0);
    cr_assert_eq(got, WIRE_VERSION);
    hello.min_version = WIRE_VERSION + 1;
    got = 77;
    cr_assert_eq(wire_negotiate(&hello, &got, &err), -STATUS_VERSION);
    cr_assert_eq(got, 77);
}

// ---- Fixed payloads

// Reads a payload of every length up to whole + 8: 0 exactly from `whole` on.
#define EXHAUST(Type, get_fn, payload, whole)                                                      \
    for (uint32_t n = 0; n <= (whole) + 8; n++) {                                                  \
        /* A copy of the exact size: the sanitizer sees a read beyond it. */                       \
        uint8_t *copy = mem_zalloc(n + 1);                                                         \
        cr_assert_not_null(copy);                                                                  \
        uint8_t *exact = mem_dup(copy, n);                                                         \
        memcpy(exact, payload, MIN_OF(n, (uint32_t)(whole)));                                      \
        Frame frame = {Type, 0, 1, 0, n, exact};                                                   \
        Err err = ERR_INIT;                                                                        \
        int result = get_fn(&frame, &got, &err);                                                   \
        cr_assert_eq(result, n < (whole) ? -STATUS_PROTOCOL : 0, "%u bytes give %d: %s", n,        \
                     result, err.text);                                                            \
        frame.type = Type == WIRE_GAP ? WIRE_END : WIRE_GAP;                                       \
        cr_assert_eq(get_fn(&frame, &got, &err), -STATUS_PROTOCOL);                                \
        mem_free(exact);                                                                           \
        mem_free(copy);                                                                            \
    }

Test(notice, welcome) {
    WireWelcome welcome = {
        1,     0x11223344,       0x5566778899aabbcc, GUID_INIT(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
        65536, "etwbroker 0.1.0"};
    WireWelcome got;
    uint8_t payload[WIRE_WELCOME_BYTES];
    wire_welcome_put(payload, &welcome);
    EXHAUST(WIRE_WELCOME, wire_welcome_get, payload, WIRE_WELCOME_BYTES)
    Frame frame = {WIRE_WELCOME, 0, 0, 0, sizeof payload, payload};
    cr_assert_eq(wire_welcome_get(&frame, &got, NULL), 0);
    cr_assert_eq(got.version, 1);
    cr_assert_eq(got.epoch, 0x11223344);
    cr_assert_eq(got.features, 0x5566778899aabbcc);
    cr_assert(guid_equal(&got.instance, &welcome.instance));
    cr_assert_eq(got.max_in, 65536);
    cr_assert_str_eq(got.agent, "etwbroker 0.1.0");
    // Offsets as idl/wire.h has them.
    cr_assert_eq(load_u32(payload + 4), 0x11223344);
    cr_assert_eq(memcmp(payload + 40, "etwbroker", 9), 0);
    store_u16(payload, 0);
    cr_assert_eq(wire_welcome_get(&frame, &got, NULL), -STATUS_VERSION);
    store_u16(payload, WIRE_VERSION + 1);
    cr_assert_eq(wire_welcome_get(&frame, &got, NULL), -STATUS_VERSION);
}

Test(notice, gap) {
    WireGap gap = {UINT64_C(0x1122334455667788), UINT64_MAX, WIRE_GAP_SOURCE, -5, INT64_MAX}, got;
    uint8_t payload[WIRE_GAP_BYTES];
    wire_gap_put(payload, &gap);
    EXHAUST(WIRE_GAP, wire_gap_get, payload, WIRE_GAP_BYTES)
    Frame frame = {WIRE_GAP, 0, 0, 0, sizeof payload, payload};
    cr_assert_eq(wire_gap_get(&frame, &got, NULL), 0);
    cr_assert_eq(got.first, gap.first);
    cr_assert_eq(got.count, gap.count);
    cr_assert_eq(got.reason, gap.reason);
    cr_assert_eq(got.from, gap.from);
    cr_assert_eq(got.to, gap.to);
}

Test(notice, changed) {
    WireChanged changed = {12345678901234, 0xfffffffe, WIRE_CHANGED_SELF}, got;
    uint8_t payload[WIRE_CHANGED_BYTES];
    wire_changed_put(payload, &changed);
    EXHAUST(WIRE_CHANGED, wire_changed_get, payload, WIRE_CHANGED_BYTES)
    Frame frame = {WIRE_CHANGED, 0, 0, 0, sizeof payload, payload};
    cr_assert_eq(wire_changed_get(&frame, &got, NULL), 0);
    cr_assert_eq(got.first, changed.first);
    cr_assert_eq(got.generation, changed.generation);
    cr_assert_eq(got.flags, changed.flags);
}

Test(notice, epoch) {
    WireEpoch epoch = {7, WIRE_EPOCH_LOOP, WIRE_EPOCH_UNCLEAN, 132223104000000001}, got;
    uint8_t payload[WIRE_EPOCH_BYTES];
    wire_epoch_put(payload, &epoch);
    EXHAUST(WIRE_EPOCH, wire_epoch_get, payload, WIRE_EPOCH_BYTES)
    Frame frame = {WIRE_EPOCH, 0, 0, 0, sizeof payload, payload};
    cr_assert_eq(wire_epoch_get(&frame, &got, NULL), 0);
    cr_assert_eq(got.number, 7);
    cr_assert_eq(got.reason, WIRE_EPOCH_LOOP);
    cr_assert_eq(got.flags, WIRE_EPOCH_UNCLEAN);
    cr_assert_eq(got.time, 132223104000000001);
}

Test(notice, end) {
    WireEnd end, got;
    uint8_t payload[WIRE_END_BYTES];
    end.reason = WIRE_END_SLOW;
    end.ledger = (WireLedger){.offered = 101,
                              .denied_scope = 102,
                              .denied_policy = 103,
                              .denied_cost = 104,
                              .filtered = 105,
                              .matched = 106,
                              .held = 107,
                              .numbered = 108,
                              .dropped_queue = 109,
                              .dropped_rate = 110,
                              .dropped_oversize = 111,
                              .dropped_policy = 112,
                              .dropped_close = 113,
                              .queued = 114,
                              .sent = UINT64_MAX};
    wire_end_put(payload, &end);
    EXHAUST(WIRE_END, wire_end_get, payload, WIRE_END_BYTES)
    Frame frame = {WIRE_END, 0, 0, 0, sizeof payload, payload};
    memset(&got, 0, sizeof got);
    cr_assert_eq(wire_end_get(&frame, &got, NULL), 0);
    cr_assert_eq(got.reason, WIRE_END_SLOW);
    cr_assert_eq(memcmp(&got.ledger, &end.ledger, sizeof got.ledger), 0);
    // The order of wire.h.
    for (uint32_t i = 0; i < 14; i++)
        cr_assert_eq(load_u64(payload + 8 + 8u * i), 101 + i);
    cr_assert_eq(load_u64(payload + 120), UINT64_MAX);
}

// Heads and reassembly. notice.c has the fixed payloads.
#include "wire/frame.h"

#include "util/mem.h"

// A read takes at least this much, so that small frames come in with few calls: requests are few, batches
// are many.
static const size_t read_bytes[] = {[FRAME_TO_BROKER] = 4096, [FRAME_TO_CLIENT] = 65536};

typedef struct FrameRule {
    const char *name;
    uint32_t min; // least payload
    uint32_t max; // largest frame, head included
    uint8_t to_broker;
} FrameRule;

// Payloads to the client may grow at their end in later minor versions: the client takes what it
// knows. "{}" is the least JSON object.
static const FrameRule rules[] = {
    [WIRE_WELCOME] = {"WELCOME", WIRE_WELCOME_BYTES, WIRE_MAX_OUT, 0},
    [WIRE_REQUEST] = {"REQUEST", 2, WIRE_MAX_IN, 1},
    [WIRE_REPLY] = {"REPLY", 2, WIRE_MAX_REPLY, 0},
    [WIRE_SCHEMA] = {"SCHEMA", WIRE_SCHEMA_FIXED, WIRE_MAX_OUT, 0},
    [WIRE_EVENTS] = {"EVENTS", WIRE_EVENTS_PRIVATE + WIRE_BODY_HEAD, WIRE_MAX_OUT, 0},
    [WIRE_GAP] = {"GAP", WIRE_GAP_BYTES, WIRE_MAX_OUT, 0},
    [WIRE_CHANGED] = {"CHANGED", WIRE_CHANGED_BYTES, WIRE_MAX_OUT, 0},
    [WIRE_EPOCH] = {"EPOCH", WIRE_EPOCH_BYTES, WIRE_MAX_OUT, 0},
    [WIRE_END] = {"END", WIRE_END_BYTES, WIRE_MAX_OUT, 0},
};

static const FrameRule *rule_of(uint16_t type) {
    return type < ARRAY_COUNT(rules) && rules[type].name != NULL ? &rules[type] : NULL;
}

const char *frame_type_name(uint16_t type) {
    const FrameRule *rule = rule_of(type);
    return rule != NULL ? rule->name : "?";
}

void frame_head_put(uint8_t *to, uint16_t type, uint32_t payload_bytes, uint32_t subscription,
                    uint32_t request) {
    store_u32(to + WIRE_HEAD_SIZE, WIRE_HEAD_BYTES + payload_bytes);
    store_u16(to + WIRE_HEAD_TYPE, type);
    store_u16(to + WIRE_HEAD_FLAGS, 0);
    store_u32(to + WIRE_HEAD_SUBSCRIPTION, subscription);
    store_u32(to + WIRE_HEAD_REQUEST, request);
}

int frame_head_get(const uint8_t *head_untrusted, FrameSide side, Frame *ret, Err *err) {
    uint32_t bytes = load_u32(head_untrusted + WIRE_HEAD_SIZE);
    uint16_t type = load_u16(head_untrusted + WIRE_HEAD_TYPE);
    const FrameRule *rule = rule_of(type);
    uint32_t min = rule != NULL ? rule->min : 0;
    uint32_t max = rule != NULL ? rule->max : WIRE_MAX_OUT;
    if (side == FRAME_TO_BROKER) {
        if (rule == NULL || !rule->to_broker)
            return err_set(err, STATUS_PROTOCOL,
                           "a frame of type %u (%s) does not travel to the broker", (unsigned)type,
                           frame_type_name(type));
    } else if (rule != NULL && rule->to_broker) {
        return err_set(err, STATUS_PROTOCOL, "a frame of type %u (%s) does not travel to a client",
                       (unsigned)type, rule->name);
    }
    if (bytes < WIRE_HEAD_BYTES + min || bytes > max)
        return err_set(err, STATUS_PROTOCOL,
                       "a frame of type %u (%s) says it has %u bytes: %u to %u are allowed",
                       (unsigned)type, frame_type_name(type), (unsigned)bytes,
                       (unsigned)(WIRE_HEAD_BYTES + min), (unsigned)max);
    ret->type = type;
    ret->flags = load_u16(head_untrusted + WIRE_HEAD_FLAGS);
    ret->subscription = load_u32(head_untrusted + WIRE_HEAD_SUBSCRIPTION);
    ret->request = load_u32(head_untrusted + WIRE_HEAD_REQUEST);
    ret->payload_bytes = bytes - WIRE_HEAD_BYTES;
    return 0;
}

void frame_reader_init(FrameReader *reader, FrameSide side) {
    memset(reader, 0, sizeof *reader);
    reader->side = side;
    reader->hello = side == FRAME_TO_BROKER;
}

void frame_reader_deinit(FrameReader *reader) {
    mem_free(reader->data);
    memset(reader, 0, sizeof *reader);
}

size_t frame_reader_pending(const FrameReader *reader) {
    return reader->end - reader->start;
}

// What the frame at the front needs in all, or a little when its head is not there yet. Only heads
// that frame_reader_next has let pass count, so that a lie about the length reserves nothing.
static size_t wanted(const FrameReader *reader) {
    size_t have = reader->end - reader->start;
    Frame frame = {0};
    if (reader->broken || reader->hello || have < WIRE_HEAD_BYTES ||
        frame_head_get(reader->data + reader->start, reader->side, &frame, NULL) < 0)
        return have + read_bytes[reader->side];
    size_t whole = WIRE_HEAD_BYTES + (size_t)frame.payload_bytes;
    return MAX_OF(whole, have) + read_bytes[reader->side];
}

size_t frame_reader_room(FrameReader *reader, uint8_t **ret) {
    size_t have = reader->end - reader->start;
    size_t want = wanted(reader);
    if (reader->start + want > reader->capacity && reader->start != 0) {
        memmove(reader->data, reader->data + reader->start, have);
        reader->start = 0;
        reader->end = have;
    }
    if (want > reader->capacity) {
        // Large frames are rare; a connection that has them keeps the buffer.
        uint8_t *data = mem_resize(reader->data, want);
        if (data == NULL)
            return 0;
        reader->data = data;
        reader->capacity = want;
    }
    *ret = reader->data + reader->end;
    return reader->capacity - reader->end;
}

void frame_reader_commit(FrameReader *reader, size_t bytes) {
    reader->end += MIN_OF(bytes, reader->capacity - reader->end);
}

static int broken(FrameReader *reader, int result) {
    reader->broken = true;
    return result;
}

int frame_reader_next(FrameReader *reader, Frame *ret, Err *err) {
    if (reader->broken || reader->hello)
        return err_set(err, STATUS_PROTOCOL,
                       reader->hello ? "a frame came before HELLO"
                                     : "the stream is broken: connect again");
    size_t have = reader->end - reader->start;
    if (have < WIRE_HEAD_BYTES)
        return 0;
    Frame frame = {0};
    const uint8_t *head = reader->data + reader->start;
    int result = frame_head_get(head, reader->side, &frame, err);
    if (result < 0)
        return broken(reader, result);
    size_t whole = WIRE_HEAD_BYTES + (size_t)frame.payload_bytes;
    if (have < whole)
        return 0;
    frame.payload = head + WIRE_HEAD_BYTES;
    reader->start += whole;
    if (reader->start == reader->end)
        reader->start = reader->end = 0;
    *ret = frame;
    return 1;
}

void wire_hello_put(uint8_t *to, const WireHello *hello) {
    memset(to, 0, WIRE_HELLO_BYTES);
    store_u32(to + WIRE_HELLO_MAGIC, WIRE_MAGIC);
    store_u16(to + WIRE_HELLO_MIN, hello->min_version);
    store_u16(to + WIRE_HELLO_MAX, hello->max_version);
    store_u64(to + WIRE_HELLO_FEATURES, hello->features);
    memcpy(to + WIRE_HELLO_AGENT, hello->agent, strnlen(hello->agent, WIRE_HELLO_AGENT_BYTES));
}

int frame_reader_hello(FrameReader *reader, WireHello *ret, Err *err) {
    if (reader->broken || !reader->hello)
        return err_set(err, STATUS_PROTOCOL, "HELLO is expected once, and first");
    size_t have = reader->end - reader->start;
    const uint8_t *at = reader->data != NULL ? reader->data + reader->start : NULL;
    uint8_t magic[4];
    store_u32(magic, WIRE_MAGIC);
    if (at != NULL && memcmp(at, magic, MIN_OF(have, sizeof magic)) != 0)
        return broken(reader,
                      err_set(err, STATUS_PROTOCOL, "the client does not speak this protocol"));
    if (at == NULL || have < WIRE_HELLO_BYTES)
        return 0;
    WireHello hello;
    memset(&hello, 0, sizeof hello);
    hello.min_version = load_u16(at + WIRE_HELLO_MIN);
    hello.max_version = load_u16(at + WIRE_HELLO_MAX);
    hello.features = load_u64(at + WIRE_HELLO_FEATURES);
    memcpy(hello.agent, at + WIRE_HELLO_AGENT, WIRE_HELLO_AGENT_BYTES);
    if (hello.min_version == 0 || hello.min_version > hello.max_version)
        return broken(reader, err_set(err, STATUS_PROTOCOL, "HELLO offers the versions %u to %u",
                                      (unsigned)hello.min_version, (unsigned)hello.max_version));
    reader->start += WIRE_HELLO_BYTES;
    reader->hello = false;
    *ret = hello;
    return 1;
}

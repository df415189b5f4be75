// Everything that is done with an event and its schema once it has one, for the targets that make
// schemas from hostile descriptions.
#pragma once

#include "tests/fuzz/fuzz.h"

#include "event/format.h"
#include "wire/schema_wire.h"

#define FUZZ_TEXT_MOST (32u << 20)

static inline void fuzz_check_schema(const Schema *s) {
    fuzz_check(s->n_fields <= SCHEMA_MAX_FIELDS && s->n_top <= s->n_fields,
               "a schema keeps its limits");
    fuzz_check(schema_bytes(s) <= SCHEMA_MAX_BYTES, "and its memory");
    fuzz_check(schema_finish((Schema *)(uintptr_t)s, NULL) == 0,
               "what was compiled passes its check");
    fuzz_check(s->provider_name && s->event_name && s->task_name && s->opcode_name &&
                   s->level_name && s->channel_name && s->keyword_names && s->message,
               "no text is NULL");
}

// The broker's own: a client takes what it is sent.
static inline void fuzz_check_compiled(const Schema *s) {
    fuzz_check_schema(s);
    fuzz_check((s->source == SCHEMA_NONE) == (s->undecodable != DECODABLE),
               "without a schema there is a reason, with one there is none");
}

// Over the wire and back: the client reads the same payloads the same way.
static inline void fuzz_check_wire(const Schema *s) {
    Buf sent = BUF_INIT, again = BUF_INIT;
    int r = schema_wire_put(&sent, 7, s);
    fuzz_check(r == 0 || r == SCHEMA_WIRE_REDUCED, "a schema can be sent");
    fuzz_check(sent.bytes + WIRE_HEAD_BYTES <= WIRE_MAX_OUT, "in one frame");
    Schema *got;
    Err err = ERR_INIT;
    uint32_t type = 0;
    int read = schema_wire_get(sent.data, sent.bytes, &type, &got, &err);
    if (read != 0)
        fprintf(stderr, "error: %s\n", err.text);
    fuzz_check(read == 0 && type == 7, "what was sent can be read");
    fuzz_check_schema(got);
    if (r == 0) {
        fuzz_check(schema_wire_put(&again, 7, got) == 0, "and sent again");
        fuzz_check(again.bytes == sent.bytes && memcmp(again.data, sent.data, sent.bytes) == 0,
                   "as the same bytes");
    }
    schema_unref(got);
    buf_deinit(&again);
    buf_deinit(&sent);
}

static inline uint64_t fuzz_decode(const EventRecord *r, const Schema *s) {
    static FieldSlice slices[SCHEMA_MAX_FIELDS];
    Payload p;
    payload_open(&p, s, r, slices);
    uint32_t consumed = payload_scan(&p);
    fuzz_check(consumed <= r->payload_bytes, "no more is consumed than there is");
    for (uint32_t i = 0; i < s->n_top; i++) {
        Value v = payload_value(&p, (uint16_t)i);
        fuzz_check(v.kind == VALUE_NONE || v.end <= r->payload_bytes,
                   "a value ends inside the payload");
        if (v.kind != VALUE_NONE && v.bytes > 0)
            fuzz_check(v.data >= r->payload && v.data + v.bytes <= r->payload + r->payload_bytes,
                       "its bytes lie inside");
    }
    Buf out = BUF_INIT;
    event_json(&out, r, s, 0, NULL);
    fuzz_check(!out.failed && out.bytes < FUZZ_TEXT_MOST, "an event's JSON has less than 32 MiB");
    fuzz_check(out.bytes > 1 && out.data[0] == '{' && out.data[out.bytes - 1] == '}',
               "and is one object");
    uint64_t h = fuzz_hash(FUZZ_HASH_START, out.data, out.bytes);
    buf_clear(&out);
    event_message(&out, r, s);
    fuzz_check(!out.failed && out.bytes < FUZZ_TEXT_MOST, "so has its message");
    buf_clear(&out);
    event_summary(&out, r, s, 200);
    fuzz_check(out.bytes <= 200, "a summary keeps its limit");
    buf_clear(&out);
    event_label(&out, r, s);
    fuzz_check(!out.failed, "an event has a label");
    buf_deinit(&out);
    return h;
}

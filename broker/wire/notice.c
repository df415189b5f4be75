// WELCOME and the notices: payloads of a fixed size. Reading takes a longer payload as well (a
// later version may add to its end), never a shorter one.
#include <stdio.h>

#include "wire/frame.h"

static int check(const Frame *frame, uint16_t type, uint32_t bytes, Err *err) {
    if (frame->type == type && frame->payload_bytes >= bytes)
        return 0;
    return err_set(err, STATUS_PROTOCOL, "a frame of type %u (%s) with %u bytes stands for %s",
                   (unsigned)frame->type, frame_type_name(frame->type),
                   (unsigned)frame->payload_bytes, frame_type_name(type));
}

int wire_negotiate(const WireHello *hello, uint16_t *ret_version, Err *err) {
    uint16_t highest = (uint16_t)MIN_OF((uint32_t)hello->max_version, WIRE_VERSION);
    if (hello->min_version > WIRE_VERSION || highest < WIRE_VERSION_OLDEST ||
        highest < hello->min_version)
        return err_set(err, STATUS_VERSION,
                       "the client speaks protocol versions %u to %u, this broker %u to %u: update "
                       "the older side",
                       (unsigned)hello->min_version, (unsigned)hello->max_version,
                       WIRE_VERSION_OLDEST, WIRE_VERSION);
    *ret_version = highest;
    return 0;
}

void wire_welcome_put(uint8_t *to, const WireWelcome *welcome) {
    memset(to, 0, WIRE_WELCOME_BYTES);
    store_u16(to + WIRE_WELCOME_VERSION, welcome->version);
    store_u32(to + WIRE_WELCOME_EPOCH, welcome->epoch);
    store_u64(to + WIRE_WELCOME_FEATURES, welcome->features);
    memcpy(to + WIRE_WELCOME_INSTANCE, welcome->instance.b, sizeof welcome->instance.b);
    store_u32(to + WIRE_WELCOME_MAX_IN, welcome->max_in);
    memcpy(to + WIRE_WELCOME_AGENT, welcome->agent,
           strnlen(welcome->agent, WIRE_HELLO_AGENT_BYTES));
}

int wire_welcome_get(const Frame *frame, WireWelcome *ret, Err *err) {
    int result = check(frame, WIRE_WELCOME, WIRE_WELCOME_BYTES, err);
    if (result < 0)
        return result;
    const uint8_t *at = frame->payload;
    WireWelcome welcome;
    memset(&welcome, 0, sizeof welcome);
    welcome.version = load_u16(at + WIRE_WELCOME_VERSION);
    welcome.epoch = load_u32(at + WIRE_WELCOME_EPOCH);
    welcome.features = load_u64(at + WIRE_WELCOME_FEATURES);
    memcpy(welcome.instance.b, at + WIRE_WELCOME_INSTANCE, sizeof welcome.instance.b);
    welcome.max_in = load_u32(at + WIRE_WELCOME_MAX_IN);
    memcpy(welcome.agent, at + WIRE_WELCOME_AGENT, WIRE_HELLO_AGENT_BYTES);
    if (welcome.version < WIRE_VERSION_OLDEST || welcome.version > WIRE_VERSION)
        return err_set(err, STATUS_VERSION,
                       "the broker chose protocol version %u, this client speaks %u to %u",
                       (unsigned)welcome.version, WIRE_VERSION_OLDEST, WIRE_VERSION);
    *ret = welcome;
    return 0;
}

void wire_gap_put(uint8_t *to, const WireGap *gap) {
    store_u64(to, gap->first);
    store_u64(to + 8, gap->count);
    store_u32(to + 16, gap->reason);
    store_u32(to + 20, 0);
    store_i64(to + 24, gap->from);
    store_i64(to + 32, gap->to);
}

int wire_gap_get(const Frame *frame, WireGap *ret, Err *err) {
    int result = check(frame, WIRE_GAP, WIRE_GAP_BYTES, err);
    if (result < 0)
        return result;
    const uint8_t *at = frame->payload;
    *ret = (WireGap){load_u64(at), load_u64(at + 8), load_u32(at + 16), load_i64(at + 24),
                     load_i64(at + 32)};
    return 0;
}

void wire_changed_put(uint8_t *to, const WireChanged *changed) {
    store_u64(to, changed->first);
    store_u32(to + 8, changed->generation);
    store_u32(to + 12, changed->flags);
}

int wire_changed_get(const Frame *frame, WireChanged *ret, Err *err) {
    int result = check(frame, WIRE_CHANGED, WIRE_CHANGED_BYTES, err);
    if (result < 0)
        return result;
    const uint8_t *at = frame->payload;
    *ret = (WireChanged){load_u64(at), load_u32(at + 8), load_u32(at + 12)};
    return 0;
}

void wire_epoch_put(uint8_t *to, const WireEpoch *epoch) {
    store_u32(to, epoch->number);
    store_u32(to + 4, epoch->reason);
    store_u32(to + 8, epoch->flags);
    store_u32(to + 12, 0);
    store_i64(to + 16, epoch->time);
}

int wire_epoch_get(const Frame *frame, WireEpoch *ret, Err *err) {
    int result = check(frame, WIRE_EPOCH, WIRE_EPOCH_BYTES, err);
    if (result < 0)
        return result;
    const uint8_t *at = frame->payload;
    *ret = (WireEpoch){load_u32(at), load_u32(at + 4), load_u32(at + 8), load_i64(at + 16)};
    return 0;
}

// The order on the wire; the struct may be reordered without changing it.
static const size_t ledger_members[] = {
    offsetof(WireLedger, offered),
    offsetof(WireLedger, denied_scope),
    offsetof(WireLedger, denied_policy),
    offsetof(WireLedger, denied_cost),
    offsetof(WireLedger, filtered),
    offsetof(WireLedger, matched),
    offsetof(WireLedger, held),
    offsetof(WireLedger, numbered),
    offsetof(WireLedger, dropped_queue),
    offsetof(WireLedger, dropped_rate),
    offsetof(WireLedger, dropped_oversize),
    offsetof(WireLedger, dropped_policy),
    offsetof(WireLedger, dropped_close),
    offsetof(WireLedger, queued),
    offsetof(WireLedger, sent),
};
_Static_assert(8 + 8 * ARRAY_COUNT(ledger_members) == WIRE_END_BYTES, "END holds the whole ledger");

void wire_end_put(uint8_t *to, const WireEnd *end) {
    store_u32(to, end->reason);
    store_u32(to + 4, 0);
    for (size_t i = 0; i < ARRAY_COUNT(ledger_members); i++)
        memcpy(to + 8 + 8 * i, (const uint8_t *)&end->ledger + ledger_members[i], 8);
}

int wire_end_get(const Frame *frame, WireEnd *ret, Err *err) {
    int result = check(frame, WIRE_END, WIRE_END_BYTES, err);
    if (result < 0)
        return result;
    ret->reason = load_u32(frame->payload);
    for (size_t i = 0; i < ARRAY_COUNT(ledger_members); i++)
        memcpy((uint8_t *)&ret->ledger + ledger_members[i], frame->payload + 8 + 8 * i, 8);
    return 0;
}

// Frames: heads, fixed payloads, and their reassembly from a byte stream. idl/wire.h has the
// offsets, docs/PROTOCOL.md the text.
//
// Pure functions and one small object (FrameReader, one owner). What comes from the other side is
// untrusted in both directions: lengths are checked against the direction's caps and each type's
// minimum before a byte of the frame is stored.
#pragma once

#include "idl/wire.h"
#include "util/err.h"
#include "util/guid.h"

typedef enum FrameSide {
    FRAME_TO_BROKER = 0, // HELLO and REQUEST
    FRAME_TO_CLIENT,     // the rest
} FrameSide;

typedef struct Frame {
    uint16_t type;
    uint16_t flags;
    uint32_t subscription;
    uint32_t request;
    uint32_t payload_bytes;
    const uint8_t *payload; // lives until the reader is used again
} Frame;

// Writes a head of WIRE_HEAD_BYTES for a payload of payload_bytes.
void frame_head_put(uint8_t *to, uint16_t type, uint32_t payload_bytes, uint32_t subscription,
                    uint32_t request);
// Reads and checks a head (all but payload is set): PROTOCOL when the length is beyond the caps of
// side and type, or below the type's minimum, or when the type may not travel to this side. Types
// unknown to a client are let through, so that a newer broker may send more.
int frame_head_get(const uint8_t *head_untrusted, FrameSide side, Frame *ret, Err *err);
const char *frame_type_name(uint16_t type); // "EVENTS"; "?" when unknown

// ---- Reassembly

typedef struct FrameReader {
    uint8_t *data;
    size_t capacity;
    size_t start, end; // the bytes that are there and not taken yet
    FrameSide side;
    bool hello; // HELLO is still to come
    bool broken;
} FrameReader;

// A reader of the broker expects HELLO first (frame_reader_hello), one of a client frames only.
void frame_reader_init(FrameReader *reader, FrameSide side);
void frame_reader_deinit(FrameReader *reader);
// Where the next bytes of the stream may be put: returns the room (> 0), 0 when out of memory.
// Pointers into earlier frames end here.
size_t frame_reader_room(FrameReader *reader, uint8_t **ret);
void frame_reader_commit(FrameReader *reader, size_t bytes); // so many were put there
// 1: *ret is the next frame; 0: more bytes are needed; < 0: PROTOCOL, and nothing more will come.
int frame_reader_next(FrameReader *reader, Frame *ret, Err *err);
size_t frame_reader_pending(const FrameReader *reader); // bytes of a frame that is not complete

// ---- HELLO and WELCOME

typedef struct WireHello {
    uint16_t min_version, max_version;
    uint64_t features;
    char agent[WIRE_HELLO_AGENT_BYTES + 1];
} WireHello;

void wire_hello_put(uint8_t *to, const WireHello *hello); // WIRE_HELLO_BYTES
// 1: *ret is the HELLO; 0: more bytes are needed; < 0: PROTOCOL, at the first byte that is wrong.
int frame_reader_hello(FrameReader *reader, WireHello *ret, Err *err);
// The highest version that both sides speak; VERSION when there is none.
int wire_negotiate(const WireHello *hello, uint16_t *ret_version, Err *err);

typedef struct WireWelcome {
    uint16_t version;
    uint32_t epoch;
    uint64_t features;
    Guid instance;
    uint32_t max_in;
    char agent[WIRE_HELLO_AGENT_BYTES + 1];
} WireWelcome;

void wire_welcome_put(uint8_t *to, const WireWelcome *welcome); // WIRE_WELCOME_BYTES
int wire_welcome_get(const Frame *frame, WireWelcome *ret, Err *err);

// ---- Notices: each _put writes the payload of the fixed size, each _get checks type and size.

typedef struct WireGap {
    uint64_t first, count; // count UINT64_MAX: unknown
    uint32_t reason;       // WIRE_GAP_*
    int64_t from, to;      // FILETIME of the first and the last of them
} WireGap;
void wire_gap_put(uint8_t *to, const WireGap *gap); // WIRE_GAP_BYTES
int wire_gap_get(const Frame *frame, WireGap *ret, Err *err);

typedef struct WireChanged {
    uint64_t first; // number of the first event under the new wants
    uint32_t generation;
    uint32_t flags; // WIRE_CHANGED_*
} WireChanged;
void wire_changed_put(uint8_t *to, const WireChanged *changed); // WIRE_CHANGED_BYTES
int wire_changed_get(const Frame *frame, WireChanged *ret, Err *err);

typedef struct WireEpoch {
    uint32_t number, reason, flags; // WIRE_EPOCH_*
    int64_t time;
} WireEpoch;
void wire_epoch_put(uint8_t *to, const WireEpoch *epoch); // WIRE_EPOCH_BYTES
int wire_epoch_get(const Frame *frame, WireEpoch *ret, Err *err);

// The ledger of a subscription (docs/LEDGER.md), in the order in which END has it.
typedef struct WireLedger {
    uint64_t offered;
    uint64_t denied_scope, denied_policy, denied_cost;
    uint64_t filtered, matched;
    uint64_t held, numbered;
    uint64_t dropped_queue, dropped_rate, dropped_oversize, dropped_policy, dropped_close;
    uint64_t queued, sent;
} WireLedger;

typedef struct WireEnd {
    uint32_t reason; // WIRE_END_*
    WireLedger ledger;
} WireEnd;
void wire_end_put(uint8_t *to, const WireEnd *end); // WIRE_END_BYTES
int wire_end_get(const Frame *frame, WireEnd *ret, Err *err);

// The wire contract: constants and offsets of every frame. docs/PROTOCOL.md is the reference text.
//
// Little-endian; no structs travel. A connection begins with 64 fixed bytes (HELLO) from the
// client; all that follows, both ways, is frames with a 16-byte head. The broker answers HELLO with
// WELCOME or closes.
#pragma once

#define WIRE_MAGIC          0x42575445u // "ETWB"
#define WIRE_VERSION        1u
#define WIRE_VERSION_OLDEST 1u

// Features of WELCOME: what the broker's source is.
#define WIRE_FEATURE_LIVE 0x1u // events happen now: a subscriber's own pid means itself

// HELLO: {u32 magic, u16 min version, u16 max version, u64 features, 48 bytes agent (UTF-8,
// NUL-padded)}
#define WIRE_HELLO_BYTES       64u
#define WIRE_HELLO_MAGIC       0u
#define WIRE_HELLO_MIN         4u
#define WIRE_HELLO_MAX         6u
#define WIRE_HELLO_FEATURES    8u
#define WIRE_HELLO_AGENT       16u
#define WIRE_HELLO_AGENT_BYTES 48u

// Head of every frame: u32 bytes (whole frame, head included), u16 type, u16 flags, u32
// subscription, u32 request.
#define WIRE_HEAD_BYTES        16u
#define WIRE_HEAD_SIZE         0u
#define WIRE_HEAD_TYPE         4u
#define WIRE_HEAD_FLAGS        6u
#define WIRE_HEAD_SUBSCRIPTION 8u
#define WIRE_HEAD_REQUEST      12u

#define WIRE_MAX_IN            (64u * 1024u)   // client to broker
#define WIRE_MAX_OUT           (256u * 1024u)  // broker to client
#define WIRE_MAX_REPLY         (1024u * 1024u) // REPLY alone may be this large
#define WIRE_MAX_RECORD        (128u * 1024u)
#define WIRE_BATCH_BYTES       (64u * 1024u)

// Frame types.
#define WIRE_WELCOME 1u
#define WIRE_REQUEST 2u
#define WIRE_REPLY   3u
#define WIRE_SCHEMA  4u
#define WIRE_EVENTS  5u
#define WIRE_GAP     6u
#define WIRE_CHANGED 7u
#define WIRE_EPOCH   8u
#define WIRE_END     9u

// WELCOME payload: {u16 version, u16 zero, u32 epoch, u64 features, instance GUID 16, u32 max_in,
// u32 zero, agent 48 (the broker's name and version)}
#define WIRE_WELCOME_BYTES    88u
#define WIRE_WELCOME_VERSION  0u
#define WIRE_WELCOME_EPOCH    4u
#define WIRE_WELCOME_FEATURES 8u
#define WIRE_WELCOME_INSTANCE 16u
#define WIRE_WELCOME_MAX_IN   32u
#define WIRE_WELCOME_AGENT    40u

// SCHEMA payload: {u32 type, u32 schema flags, GUID 16, descriptor 16, u16 event flags, u8 source,
// u8 undecodable, u32 zero} then TLVs {u16 tag, u16 zero, u32 bytes, data, padding to 4}; unknown
// tags are skipped.
#define WIRE_SCHEMA_FIXED       48u
#define WIRE_SCHEMA_TYPE        0u
#define WIRE_SCHEMA_FLAGS       4u
#define WIRE_SCHEMA_PROVIDER    8u
#define WIRE_SCHEMA_DESCRIPTOR  24u
#define WIRE_SCHEMA_EVENT_FLAGS 40u
#define WIRE_SCHEMA_SOURCE      42u
#define WIRE_SCHEMA_UNDECODABLE 43u
#define WIRE_TLV_HEAD           8u
#define WIRE_TLV_PROVIDER_NAME  1u // the strings: UTF-8 without NUL
#define WIRE_TLV_EVENT_NAME     2u
#define WIRE_TLV_TASK_NAME      3u
#define WIRE_TLV_OPCODE_NAME    4u
#define WIRE_TLV_LEVEL_NAME     5u
#define WIRE_TLV_CHANNEL_NAME   6u
#define WIRE_TLV_KEYWORD_NAMES  7u
#define WIRE_TLV_MESSAGE        8u
#define WIRE_TLV_MAP                                                                               \
    9u // {u16 index, u16 bitmap, u32 n, n x {u32 value, u32 text bytes, text}, u32 name bytes, name}
// FIELDS: {u16 n, u16 n_top} n x {u16 in, u16 out, u16 flags, u8 count kind, u8 length kind, u16
// count, u16 length, u16 first member, u16 members, u16 map index + 1, u16 name bytes, name,
// padding to 4}
#define WIRE_TLV_FIELDS  10u
#define WIRE_FIELD_FIXED 20u

// EVENTS payload: private {u64 first number}; body {u32 n, u32 table_at (from the body's start; 0 =
// none), i64 first_time, i64 last_time, records, table}. Equal watchers share the body.
#define WIRE_EVENTS_PRIVATE  8u
#define WIRE_BODY_HEAD       24u
#define WIRE_BODY_COUNT      0u
#define WIRE_BODY_TABLE      4u
#define WIRE_BODY_FIRST_TIME 8u
#define WIRE_BODY_LAST_TIME  16u

// Record, 8-aligned, 40 bytes and then by flag: activity 16, inline key 32 {GUID, descriptor};
// enriched n x {u8 field, u8 provenance, u16 table entry} padded to 8; items (ext_bytes); payload,
// padded to 8.
#define WIRE_RECORD_FIXED            40u
#define WIRE_RECORD_SIZE             0u  // u32, padding included
#define WIRE_RECORD_FLAGS            4u  // u16 WIRE_RECORD_*
#define WIRE_RECORD_CPU              6u  // u16
#define WIRE_RECORD_TIME             8u  // i64 FILETIME
#define WIRE_RECORD_TYPE             16u // u32; 0 = inline key
#define WIRE_RECORD_PID              20u // u32; 0xFFFFFFFF = unknown
#define WIRE_RECORD_TID              24u // u32
#define WIRE_RECORD_EXT              28u // u16
#define WIRE_RECORD_PAYLOAD          30u // u16
#define WIRE_RECORD_ENRICHED         32u // u16
#define WIRE_RECORD_PROCESS          34u // u16, table entry + 1; 0 = none
#define WIRE_RECORD_STACK            36u // u16, table entry + 1; 0 = none
#define WIRE_RECORD_SPARE            38u // u16, zero

#define WIRE_RECORD_POINTER32        0x0001u
#define WIRE_RECORD_ACTIVITY         0x0002u
#define WIRE_RECORD_INLINE_KEY       0x0004u
#define WIRE_RECORD_NO_IDS           0x0008u
#define WIRE_RECORD_TIME_GUESSED     0x0010u
#define WIRE_RECORD_OUT_OF_ORDER     0x0020u
#define WIRE_RECORD_MASKED           0x0040u
#define WIRE_RECORD_STACK_INCOMPLETE 0x0080u
#define WIRE_RECORD_INLINE_FLAGS_SHIFT                                                             \
    8u // event flags (low 8) of an inline key stand in the high byte

// Table entries {u16 kind, u16 zero, u32 bytes (head included), data, padding to 8}. An entry
// refers to earlier ones only; references are entry + 1, 0 = none. Texts are WTF-8 without NUL.
#define WIRE_TABLE_PROCESS 1u
#define WIRE_TABLE_TEXT    2u // the text
#define WIRE_TABLE_STACK   3u
#define WIRE_TABLE_MODULE  4u
#define WIRE_TABLE_NUMBER  5u // u64
// PROCESS: {u32 pid, u32 parent pid, u32 session, u16 parent entry + 1, u8 provenance, u8 flags,
// u64 start key, i64 start time, u8 SID bytes, u8 zero, u16 name bytes, u16 path bytes, u16 user
// bytes, u32 command line bytes} SID, name, path, user, command line
#define WIRE_PROCESS_FIXED 44u
// STACK: {u32 frames, u32 flags} frames x {u16 module entry + 1, u16 flags (1 kernel), u32 zero,
// u64 offset into the module, or the address when there is none}
#define WIRE_STACK_FIXED      8u
#define WIRE_STACK_INCOMPLETE 1u
#define WIRE_STACK_FRAME      16u
#define WIRE_FRAME_KERNEL     1u
// MODULE: {u64 base (0 = withheld), u64 size, u32 time stamp, u32 checksum, u32 PDB age, u8
// provenance, u8 zero, u16 path bytes, u16 PDB name bytes, u16 zero, GUID PDB} path, PDB name
#define WIRE_MODULE_FIXED 52u
// Enriched fields of a record: `field` is an EnrichedField (event/enriched.h) whose entry is a TEXT
// or NUMBER, or one of these, whose entry is a PROCESS. At most 16 a record.
#define WIRE_ENRICHED_CREATOR 201u
#define WIRE_ENRICHED_TARGET  202u
#define WIRE_ENRICHED_CLIENT  203u
#define WIRE_ENRICHED_CREATED 204u

// GAP payload: {u64 first, u64 count, u32 reason, u32 zero, i64 from, i64 to}
#define WIRE_GAP_BYTES    40u
#define WIRE_GAP_QUEUE    1u // the watcher was too slow
#define WIRE_GAP_RATE     2u // its rate limit
#define WIRE_GAP_OVERSIZE 3u // a record larger than WIRE_MAX_RECORD
#define WIRE_GAP_POLICY   4u // a policy change took the queue
#define WIRE_GAP_SOURCE   5u // lost before the broker; count may be UINT64_MAX: unknown
// CHANGED payload: {u64 first number under the new wants, u32 generation, u32 flags}
#define WIRE_CHANGED_BYTES 16u
#define WIRE_CHANGED_PLAIN 0x1u // enrich is none from here on
#define WIRE_CHANGED_SELF  0x2u // include_self
// EPOCH payload: {u32 number, u32 reason, u32 flags, u32 zero, i64 time}
#define WIRE_EPOCH_BYTES   24u
#define WIRE_EPOCH_START   1u
#define WIRE_EPOCH_LOOP    2u // the replayed file begins again
#define WIRE_EPOCH_SESSION 3u // the session was stopped or replaced
#define WIRE_EPOCH_UNCLEAN 0x1u
// END payload: {u32 reason, u32 zero, then the ledger as u64: offered, denied scope, denied policy,
// denied cost, filtered, matched, held, numbered, dropped queue, rate, oversize, policy, close,
// queued, sent}
#define WIRE_END_BYTES    128u
#define WIRE_END_SOURCE   1u // the source ended and the queue is drained
#define WIRE_END_STOPPED  2u // the subscription was stopped
#define WIRE_END_STALLED  3u // a reader of a lossless replay made no progress
#define WIRE_END_SHUTDOWN 4u // the broker stops
#define WIRE_END_SLOW     5u // queue policy disconnect
#define WIRE_END_POLICY   6u
#define WIRE_END_FAILED   7u // the source failed

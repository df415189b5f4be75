// The one schema model: whatever describes an event compiles to this.
//
// A Schema is immutable after schema_build and reference-counted (loop thread and client threads
// may hold it; the count is atomic). All strings are UTF-8 and never NULL ("" when the source had
// none).
#pragma once

#include "event/record.h"
#include "util/arena.h"
#include "util/err.h"

// In-types: TDH's numbers (etl-format F), the canonical codes of every source.
enum {
    IN_NULL = 0,
    IN_UTF16 = 1,
    IN_ANSI = 2,
    IN_I8 = 3,
    IN_U8 = 4,
    IN_I16 = 5,
    IN_U16 = 6,
    IN_I32 = 7,
    IN_U32 = 8,
    IN_I64 = 9,
    IN_U64 = 10,
    IN_FLOAT = 11,
    IN_DOUBLE = 12,
    IN_BOOL32 = 13,
    IN_BINARY = 14,
    IN_GUID = 15,
    IN_POINTER = 16,
    IN_FILETIME = 17,
    IN_SYSTEMTIME = 18,
    IN_SID = 19,
    IN_HEX32 = 20,
    IN_HEX64 = 21,
    IN_COUNTED_UTF16 = 22,  // u16 bytes, then units
    IN_COUNTED_ANSI = 23,   // u16 bytes, then bytes
    IN_STRUCT = 24,         // members follow in the field table
    IN_COUNTED_BINARY = 25, // u16 bytes, then bytes
    IN_COUNTED_STRING = 300,
    IN_COUNTED_ANSI_STRING = 301,
    IN_REVERSED_COUNTED_STRING = 302, // big-endian byte count
    IN_REVERSED_COUNTED_ANSI = 303,
    IN_NONNULL_STRING = 304, // to the end of the payload
    IN_NONNULL_ANSI = 305,
    IN_UTF16_CHAR = 306,
    IN_ANSI_CHAR = 307,
    IN_SIZET = 308,
    IN_HEXDUMP = 309,  // u32 bytes, then bytes
    IN_WBEM_SID = 310, // 4 zero bytes, or TOKEN_USER of two pointers and a SID
};

enum {
    OUT_DEFAULT = 0,
    OUT_STRING = 1,
    OUT_DATETIME = 2,
    OUT_BYTE = 3,
    OUT_UBYTE = 4,
    OUT_SHORT = 5,
    OUT_USHORT = 6,
    OUT_INT = 7,
    OUT_UINT = 8,
    OUT_LONG = 9,
    OUT_ULONG = 10,
    OUT_FLOAT = 11,
    OUT_DOUBLE = 12,
    OUT_BOOL = 13,
    OUT_GUID = 14,
    OUT_HEXBINARY = 15,
    OUT_HEX8 = 16,
    OUT_HEX16 = 17,
    OUT_HEX32 = 18,
    OUT_HEX64 = 19,
    OUT_PID = 20,
    OUT_TID = 21,
    OUT_PORT = 22, // big-endian
    OUT_IPV4 = 23,
    OUT_IPV6 = 24,
    OUT_SOCKADDR = 25,
    OUT_CIM_DATETIME = 26,
    OUT_ETW_TIME = 27,
    OUT_XML = 28,
    OUT_ERROR_CODE = 29,
    OUT_WIN32_ERROR = 30,
    OUT_NTSTATUS = 31,
    OUT_HRESULT = 32,
    OUT_DATETIME_INVARIANT = 33,
    OUT_JSON = 34,
    OUT_UTF8 = 35,
    OUT_PKCS7 = 36,
    OUT_CODE_POINTER = 37,
    OUT_DATETIME_UTC = 38,
    OUT_REDUCED_STRING = 300,
    OUT_NO_PRINT = 301,
};

// How long a string or binary is, or how often a field stands.
typedef enum ExtentKind {
    EXTENT_ONE = 0,  // count: a single value; length: by the type (NUL, fixed size, counted)
    EXTENT_FIXED,    // `n` literal: characters of a string, bytes of a binary, elements
    EXTENT_FIELD,    // the value of field `n` (index into Schema.fields; earlier in the same scope)
    EXTENT_PREFIX16, // a u16 in the data, in front (TraceLogging arrays, custom)
    EXTENT_REST,     // as many as the payload still holds (stack frames; last field)
} ExtentKind;

typedef struct SchemaMapEntry {
    uint32_t value;
    const char *text;
} SchemaMapEntry;

typedef struct SchemaMap {
    const char *name;
    bool bitmap; // entries are bits: all set ones are named
    uint32_t n_entries;
    const SchemaMapEntry *entries; // ascending by value
} SchemaMap;

// Field flags.
enum {
    FIELD_KERNEL_ADDRESS = 0x01, // a kernel pointer (masked for those who may not see it)
    FIELD_NO_PRINT = 0x02,
    FIELD_PAD3 = 0x04,   // 3 bytes of padding follow (Thread v1 WaitMode)
    FIELD_HINTED = 0x08, // in/out type or map come from the hint table, not from the provider
};

typedef struct SchemaField {
    const char *name;
    uint16_t in_type;
    uint16_t out_type;
    uint16_t flags;
    uint8_t count_kind;  // ExtentKind
    uint8_t length_kind; // ExtentKind
    uint16_t count;
    uint16_t length;
    uint16_t first_member; // struct: index of the first member in Schema.fields
    uint16_t n_members;    // struct: direct members
    uint16_t parent;       // index of the struct that holds it; UINT16_MAX at the top
    const SchemaMap *map;  // or NULL
    int32_t offset32;      // byte offset when everything before is of fixed size, else -1
    int32_t offset64;      // (for 4-byte and 8-byte pointers)
} SchemaField;

typedef enum SchemaSource {
    SCHEMA_NONE = 0,   // nothing describes it: delivered raw, `undecodable` says why
    SCHEMA_EVENT_INFO, // TRACE_EVENT_INFO (TDH, or metadata events of merged files)
    SCHEMA_TRACELOGGING,
    SCHEMA_MOF,      // the kernel's classic classes
    SCHEMA_MANIFEST, // in-stream EventSource manifest or .man file
    SCHEMA_STRING,   // STRING_ONLY
} SchemaSource;

// Why an event has no schema (Schema.undecodable).
typedef enum Undecodable {
    DECODABLE = 0,
    UNDECODABLE_NO_SCHEMA,  // no manifest, metadata or class known
    UNDECODABLE_WPP,        // needs the provider's TMF/PDB
    UNDECODABLE_BAD_SCHEMA, // there is one, but malformed or over budget
    UNDECODABLE_TYPE_LIMIT, // the type table is full
} Undecodable;

enum {
    SCHEMA_RUNDOWN = 0x01, // opcode DC_Start/DC_Stop or a task named …Rundown: not for watchers
    SCHEMA_FEEDER = 0x02,  // enrichment learns from it
    SCHEMA_EVENTSOURCE = 0x04, // provider is a .NET EventSource (0xFFFE carries its manifest)
};

#define SCHEMA_MAX_FIELDS 1024 // fields and members of one schema
#define SCHEMA_MAX_DEPTH  32   // nesting of structs
#define SCHEMA_MAX_BYTES  (256u * 1024u)

typedef struct Schema {
    Guid provider;
    EventDescriptor desc;
    uint16_t event_flags; // EVENT_CLASSIC, EVENT_TRACELOGGING, EVENT_WPP, EVENT_STRING_ONLY of its
                          // events
    uint8_t source;       // SchemaSource
    uint8_t undecodable;  // Undecodable
    uint32_t flags;       // SCHEMA_*
    const char *provider_name; // "Microsoft-Windows-Kernel-File"; kernel classes: "Windows Kernel"
    const char *event_name;    // TraceEvent's spelling: "FileIO/Create", "Method/LoadVerbose", …
    const char *task_name;
    const char *opcode_name;
    const char *level_name;
    const char *channel_name;
    const char *keyword_names; // separated by ", "
    const char *message;       // with %1 … inserts, or ""
    uint16_t n_fields;         // all, members included
    uint16_t n_top;            // the first n_top are the top-level fields, in payload order
    const SchemaField *fields;
    // owned by event/schema.c
    uint32_t refs;
    Arena arena;
} Schema;

// A schema under construction: the caller fills the public members with arena memory of
// schema->arena and then calls schema_finish. new: all members zero/"".
int schema_new(Schema **ret);
// Checks every invariant (indexes, struct order, depth, budgets), sets parent and the offsets,
// freezes. Takes nothing on failure: the caller frees with schema_unref. err: what is wrong.
int schema_finish(Schema *schema, Err *err);
Schema *schema_ref(Schema *schema);
Schema *schema_unref(Schema *schema);      // returns NULL
size_t schema_bytes(const Schema *schema); // what it is charged for
// Index of a top-level field by name (case-blind), or -1.
int schema_field_index(const Schema *schema, const char *name);
// Bytes of one value of a field that is no structure, with pointers of 4 or 8 bytes; -1 when only the
// payload can tell.
int64_t schema_type_bytes(const SchemaField *field, uint8_t pointer_size);
const char *schema_source_name(uint8_t source);    // "event-info", "tracelogging", …
const char *undecodable_text(uint8_t undecodable); // one clause, "" when decodable
const char *level_default_name(uint8_t level);     // "Information", … "" beyond 5
const char *opcode_default_name(uint8_t opcode);   // "Info", "Start", … ""

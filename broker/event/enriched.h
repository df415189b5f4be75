// What enrichment adds to an event: names of its fields, and one view of the values, the same in
// the broker (filled from the caches), in etwctl dump, and in a client (filled from a batch's
// table).
//
// The view owns nothing: everything lives as long as whoever filled it says (broker: until the next
// event; client: as long as the batch). Text is WTF-8 and never NULL. Any thread.
#pragma once

#include "event/format.h"

// Numbers travel on the wire (record's enriched fields): never change, append only.
typedef enum EnrichedField {
    ENRICHED_NONE = 0,
    ENRICHED_PROCESS_NAME,
    ENRICHED_PROCESS_PATH,
    ENRICHED_COMMAND_LINE,
    ENRICHED_PARENT_PROCESS_ID,
    ENRICHED_PARENT_PROCESS_NAME,
    ENRICHED_PARENT_PROCESS_PATH,
    ENRICHED_PARENT_COMMAND_LINE,
    ENRICHED_CALL_CHAIN, // names of the ancestors, nearest first, " <- " between them
    ENRICHED_USER,
    ENRICHED_USER_SID, // without a resolver: the event's SID item
    ENRICHED_SESSION_ID,
    ENRICHED_IS_ELEVATED,
    ENRICHED_FILE_NAME,
    ENRICHED_REGISTRY_PATH,
    ENRICHED_VALUE_NAME,
    ENRICHED_DATA,
    ENRICHED_LOCAL_ADDRESS,
    ENRICHED_LOCAL_PORT,
    ENRICHED_REMOTE_ADDRESS,
    ENRICHED_REMOTE_PORT,
    ENRICHED_CREATOR_PROCESS_ID,
    ENRICHED_CREATOR_PROCESS_NAME,
    ENRICHED_CREATOR_PROCESS_PATH,
    ENRICHED_CREATOR_COMMAND_LINE,
    ENRICHED_TARGET_PROCESS_NAME,
    ENRICHED_TARGET_PROCESS_PATH,
    ENRICHED_TARGET_COMMAND_LINE,
    ENRICHED_CLIENT_PROCESS_NAME,
    ENRICHED_CLIENT_PROCESS_PATH,
    ENRICHED_CLIENT_COMMAND_LINE,
    ENRICHED_CREATED_PROCESS_NAME,
    ENRICHED_CREATED_PROCESS_PATH,
    ENRICHED_CREATED_COMMAND_LINE,
    ENRICHED_IS_WOW64,
    ENRICHED_IS_PROTECTED,
    ENRICHED_SERVICE_NAME, // of the thread's SubProcessTag
    ENRICHED_OBJECT_TYPE,  // of a handle: "Event", "Key", …
    ENRICHED_OBJECT_NAME,
    ENRICHED_OPERATION, // OperationEnd: event name of the operation that ended
    ENRICHED_DURATION,  // OperationEnd: 100 ns units since its start
    ENRICHED_DIRECTION, // "Inbound", "Outbound"
    ENRICHED_N,         // at most 64: sets of them are u64
} EnrichedField;

#define ENRICHED_BIT(field) (UINT64_C(1) << (field))

EnrichedField enriched_field_find(const char *name);  // case-blind, aliases too; ENRICHED_NONE
const char *enriched_field_name(EnrichedField field); // canonical spelling

// Where a value comes from.
typedef enum Provenance {
    PROVENANCE_NONE = 0,
    PROVENANCE_LIVE,    // an event told it when it happened
    PROVENANCE_RUNDOWN, // a rundown told it before or after
    PROVENANCE_GUESS,   // the nearest thing known: may be another's
    PROVENANCE_N,
} Provenance;
const char *provenance_name(uint8_t provenance); // "live", "rundown", "guess", ""

enum { // ProcessView.flags
    PROCESS_WOW64 = 0x01,
    PROCESS_PROTECTED = 0x02,
    PROCESS_PACKAGED = 0x04,
    PROCESS_ELEVATED = 0x08,
    PROCESS_ELEVATION_KNOWN = 0x10,
    PROCESS_FLAGS_KNOWN = 0x20, // WOW64, PROTECTED and PACKAGED say something
};

// One process instance. In the broker immutable: what is learnt later makes a new one with a new
// serial.
typedef struct ProcessView {
    uint64_t serial; // unique in the broker's life (table deduplication); 0 in clients
    uint32_t pid;
    uint32_t parent_pid; // UINT32_MAX: unknown
    uint32_t session;    // UINT32_MAX: unknown
    uint8_t provenance;  // Provenance of the instance
    uint8_t flags;       // PROCESS_*
    uint8_t sid_bytes;   // 0: unknown
    uint64_t start_key;  // ProcessStartKey when known, else UniqueProcessKey; 0: unknown
    int64_t start_time;  // FILETIME; 0: before the trace, or unknown
    const uint8_t *sid;  // NULL when sid_bytes is 0
    const char *name;    // "svchost.exe"; "" unknown: only the pid is known
    const char *path;    // "C:\Windows\System32\svchost.exe"; "" unknown
    const char *command_line;
    const char *user; // "NT AUTHORITY\SYSTEM"; "" unknown
} ProcessView;

#define ENRICHED_MAX_ANCESTORS 16u
#define ENRICHED_MAX_VALUES    8u

// A process with its ancestors, nearest first.
typedef struct ProcessChain {
    const ProcessView *process; // NULL: not even a pid is known
    uint32_t n_ancestors;
    const ProcessView *ancestors[ENRICHED_MAX_ANCESTORS];
    uint64_t serial; // enriched_chain_serial, kept by whoever makes the chain; 0: not computed
} ProcessChain;

// Of a process that descends from one with serial `parent` (0: from none that is known); and of a
// whole chain: equal for the same process with the same ancestors. 0: some part has no serial.
uint64_t enriched_descendant_serial(uint64_t serial, uint64_t parent);
uint64_t enriched_chain_serial(const ProcessChain *chain);

// Which process of an event a chain is about.
typedef enum ChainRole {
    CHAIN_PROCESS =
        0, // the event's own: who did it; for start, stop and rundown events, who it is about
    CHAIN_CREATOR, // of those, who did it (the header's)
    CHAIN_TARGET,
    CHAIN_CLIENT,
    CHAIN_CREATED,
    CHAIN_N,
} ChainRole;

typedef enum EnrichedKind { ENRICHED_TEXT = 1, ENRICHED_NUMBER } EnrichedKind;

// A value that stands neither in the process nor in the payload.
typedef struct EnrichedValue {
    uint8_t field;      // EnrichedField: FILE_NAME, REGISTRY_PATH, SERVICE_NAME, OBJECT_TYPE,
                        // OBJECT_NAME, OPERATION (texts), DURATION (number)
    uint8_t provenance; // Provenance
    uint8_t kind;       // EnrichedKind
    uint64_t serial;    // of the text, unique in the broker's life; 0: none (not shared)
    const char *text;
    uint32_t bytes; // of text, without NUL
    uint64_t number;
} EnrichedValue;

typedef struct ModuleView {
    uint64_t serial; // as above
    uint64_t base, size;
    uint32_t timestamp, checksum; // TimeDateStamp of the PE header; 0 unknown
    uint32_t pdb_age;             // 0: no PDB identity
    Guid pdb_guid;
    const char *path;     // with drive letter when known
    const char *pdb_name; // "ntdll.pdb" or a path; "" unknown
    uint8_t provenance;
} ModuleView;

enum { // FrameView.flags
    FRAME_KERNEL = 1,
};

typedef struct FrameView {
    uint64_t address;         // 0 when withheld
    uint64_t offset;          // into the module
    const ModuleView *module; // NULL: in none that is known
    uint32_t flags;           // FRAME_*
} FrameView;

#define STACK_MAX_FRAMES 384u // kernel and user part together

typedef struct StackView {
    uint64_t serial; // equal serial: equal frames; 0: not shared
    uint32_t n;
    bool incomplete;         // a part did not come, or was cut
    const FrameView *frames; // innermost first
} StackView;

typedef struct EnrichedView {
    uint32_t pid, tid; // effective (etl-format I.2); UINT32_MAX: unknown
    ProcessChain chains[CHAIN_N];
    uint32_t n_values;
    EnrichedValue values[ENRICHED_MAX_VALUES];
    const StackView *stack; // NULL: none
} EnrichedView;

// The members of the event's "Enriched" object (docs/EVENT.md), for event_json's tail:
// `,"Enriched":{…}`, or nothing when there is nothing to say. symbol (may be NULL) appends the name
// of a frame's function as text ("NtCreateFile+0x14") and returns true.
void enriched_json(Buf *out, const EnrichedView *view, const EventRecord *record,
                   const Schema *schema,
                   bool (*symbol)(void *user, const FrameView *frame, Buf *out), void *user);
// A value of the view by field, as filters and clients read it: from chains, values, and the
// payload (event/derived.h). False: not known. Value.data lives as long as the view and the record;
// scratch holds what had to be composed (CallChain, addresses).
bool enriched_value(const EnrichedView *view, const EventRecord *record, const Schema *schema,
                    EnrichedField field, Buf *scratch, Value *ret);
uint8_t enriched_provenance(const EnrichedView *view,
                            EnrichedField field); // PROVENANCE_NONE: absent
// event_summary for an event with its view: when it has no message, and its payload no field of
// that name, FileName and RegistryPath stand in front.
void enriched_summary(Buf *out, const EnrichedView *view, const EventRecord *record,
                      const Schema *schema, size_t max_bytes);

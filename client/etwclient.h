/* EtwBroker client library: the whole contract.
 *
 * Link with etwclient (libetwclient.so | etwclient.dll). Plain C11, no other header is needed.
 *
 * Conventions
 * - Text is UTF-8. GUIDs are the 16 bytes of a Windows GUID. Times are FILETIME (100 ns since
 *   1601-01-01 UTC).
 * - A structure that the caller makes begins with `struct_size`; set it to sizeof.
 * - Every function returns an EtwStatus (ETW_STATUS_OK = 0) unless it says otherwise. The text of
 *   the last failure on a client, with what to do, is given by etw_error.
 * - Objects: EtwClient (a connection for requests), EtwSubscription (a data connection of its own),
 *   EtwBatch (immutable, reference-counted), EtwEvent (a view into its batch, or an owned copy).
 * - The library has no hidden threads and prints nothing.
 *
 * Threads
 * - Functions on an EtwClient: any thread (calls are serialised).
 * - etw_read on a subscription: one thread at a time. etw_cancel, etw_stats and etw_id: any thread.
 * - Batches and events: immutable; any thread, as long as a reference to the batch is held. The
 *   lazily decoded values of one event are read by one thread at a time.
 */
#ifndef ETWCLIENT_H
#define ETWCLIENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Windows: exports stand in etwclient.def, and a caller needs no declspec for functions. */
#if defined(_WIN32)
#define ETW_API
#else
#define ETW_API __attribute__((visibility("default")))
#endif

/* Frozen: a code never changes its number or meaning (idl/status.def has text and remedy). */
typedef enum EtwStatus {
    ETW_STATUS_OK = 0,
    ETW_STATUS_NO_MEMORY = 1,
    ETW_STATUS_INVALID_ARGUMENT = 2,
    ETW_STATUS_NOT_FOUND = 3,
    ETW_STATUS_DENIED = 4,
    ETW_STATUS_BUSY = 5,
    ETW_STATUS_TIMEOUT = 6,
    ETW_STATUS_CANCELLED = 7,
    ETW_STATUS_CLOSED = 8,
    ETW_STATUS_END = 9,
    ETW_STATUS_PROTOCOL = 10,
    ETW_STATUS_VERSION = 11,
    ETW_STATUS_UNAVAILABLE = 12,
    ETW_STATUS_IO = 13,
    ETW_STATUS_FORMAT = 14,
    ETW_STATUS_UNSUPPORTED = 15,
    ETW_STATUS_FILTER = 16,
    ETW_STATUS_OVERSIZE = 17,
    ETW_STATUS_CONFLICT = 18,
    ETW_STATUS_TYPE = 19,
    ETW_STATUS_INTERNAL = 20
} EtwStatus;

typedef struct EtwClient EtwClient;
typedef struct EtwSubscription EtwSubscription;
typedef struct EtwBatch EtwBatch;
typedef struct EtwEvent EtwEvent;

typedef struct EtwGuid {
    uint8_t bytes[16];
} EtwGuid;

/* Name, text and remedy of a status; never NULL; static. */
ETW_API const char *etw_status_name(int32_t status);
ETW_API const char *etw_status_text(int32_t status);
ETW_API const char *etw_status_remedy(int32_t status);

/* Version of this library, "0.1.0"; static. */
ETW_API const char *etw_version(void);

/* --- Connections ------------------------------------------------------------------------------ */

typedef struct EtwConnectOptions {
    uint32_t struct_size;
    uint32_t timeout_ms;  /* 0 = 5,000 */
    const char *endpoint; /* NULL = the default endpoint; a name, or a path; see docs/PROTOCOL.md */
    const char *agent;    /* name and version of the program, at most 47 bytes; may be NULL */
} EtwConnectOptions;

/* Connects and shakes hands. options may be NULL. On failure *client is still set when memory
 * allows, so that etw_error can tell why; it must be given to etw_disconnect in any case. Errors:
 * UNAVAILABLE (nobody listens), DENIED, VERSION, TIMEOUT, PROTOCOL, NO_MEMORY. */
ETW_API int32_t etw_connect(const EtwConnectOptions *options, EtwClient **client);

/* Closes the request connection. Subscriptions made with it live on. NULL is allowed. */
ETW_API void etw_disconnect(EtwClient *client);

typedef struct EtwError {
    uint32_t struct_size;
    int32_t status;
    char message[512]; /* one line: what, where, what to do */
    char remedy[256];
} EtwError;

/* The last failure on this client (of its subscriptions as well, until they are closed). */
ETW_API int32_t etw_error(EtwClient *client, EtwError *error);

typedef struct EtwBrokerInfo {
    uint32_t struct_size;
    uint32_t protocol; /* version in use */
    uint64_t features;
    EtwGuid instance; /* changes when the broker restarts */
    uint32_t epoch;
    uint32_t reserved;
    char agent[48]; /* the broker's name and version */
} EtwBrokerInfo;
ETW_API int32_t etw_broker(EtwClient *client, EtwBrokerInfo *info);

/* One request with a JSON reply (docs/PROTOCOL.md lists methods and shapes).
 * params: a JSON object, or NULL for {}. *reply: the result as JSON text; free it with etw_free.
 * timeout_ms: 0 = 30,000. A failure reported by the broker is returned as its status. */
ETW_API int32_t etw_request(EtwClient *client, const char *method, const char *params,
                            uint32_t timeout_ms, char **reply);
/* Frees what the library allocated for the caller. NULL is allowed. */
ETW_API void etw_free(void *memory);

/* --- Subscriptions ---------------------------------------------------------------------------- */

/* Subscribes on a data connection of its own. spec: JSON, {"wants":[{"provider":…}],…}
 * (docs/PROTOCOL.md). Returns when the broker has confirmed. Warnings, if any:
 * etw_subscription_info. Errors: FILTER, NOT_FOUND, DENIED, BUSY, INVALID_ARGUMENT, TIMEOUT, and
 * those of etw_connect. */
ETW_API int32_t etw_subscribe(EtwClient *client, const char *spec, uint32_t timeout_ms,
                              EtwSubscription **subscription);
/* Ends the subscription and frees it; batches that are still referenced stay valid. NULL is
 * allowed. */
ETW_API void etw_close(EtwSubscription *subscription);
/* Unique in the broker, never reused while it runs; 0 for NULL. */
ETW_API uint32_t etw_id(EtwSubscription *subscription);
/* The broker's reply to subscribe, as JSON {"id":…,"warnings":[…],"wants":[…]}; valid until
 * etw_close. */
ETW_API const char *etw_subscription_info(EtwSubscription *subscription);
/* Changes a subscription of the same user, from any connection: keyword, level and filter tuning.
 * spec: the members to replace. *reply (may be NULL): JSON of what came of it; etw_free. */
ETW_API int32_t etw_change(EtwClient *client, uint32_t id, const char *spec, uint32_t timeout_ms,
                           char **reply);
ETW_API int32_t etw_stop(EtwClient *client, uint32_t id);

typedef struct EtwStats {
    uint32_t struct_size;
    uint32_t epoch;
    uint64_t received;     /* events given to the caller */
    uint64_t skipped_self; /* own events left out by the library (spec member include_self) */
    uint64_t gap_events;   /* numbered by the broker and not delivered, as told by gap records */
    uint64_t source_lost;  /* told as lost before the broker; UINT64_MAX: an unknown number */
    uint64_t batches;
    uint64_t bytes;
    uint64_t next_number; /* the number that the next event will have */
} EtwStats;
ETW_API int32_t etw_stats(EtwSubscription *subscription, EtwStats *stats);

/* Waits for the next batch. timeout_ms: 0 = look only, UINT32_MAX = forever.
 * OK: *batch is set and owned by the caller (etw_batch_free). TIMEOUT: nothing came. END: the
 * stream has ended, the END item was in the last batch. CANCELLED: etw_cancel. CLOSED/IO/PROTOCOL:
 * the connection broke. */
ETW_API int32_t etw_read(EtwSubscription *subscription, uint32_t timeout_ms, EtwBatch **batch);
/* Ends a running etw_read, and all later ones, with CANCELLED. Any thread, any number of times. */
ETW_API void etw_cancel(EtwSubscription *subscription);
/* A handle that is signalled while etw_read would find data: a file descriptor on Linux (poll for
 * reading), an event HANDLE on Windows. Owned by the subscription. When data is buffered inside the
 * library it is not signalled: call etw_read with 0 until TIMEOUT before waiting. */
ETW_API intptr_t etw_wait_handle(EtwSubscription *subscription);

typedef enum EtwItemKind {
    ETW_ITEM_EVENT = 1,
    ETW_ITEM_GAP = 2,
    ETW_ITEM_CHANGED = 3,
    ETW_ITEM_EPOCH = 4,
    ETW_ITEM_END = 5
} EtwItemKind;

/* The four ledger terms that every user may see, and the broker's other ones (administrators; else
 * 0). */
typedef struct EtwLedger {
    uint64_t offered, denied_scope, denied_policy, denied_cost, filtered, matched, held, numbered;
    uint64_t dropped_queue, dropped_rate, dropped_oversize, dropped_policy, dropped_close, queued,
        sent;
} EtwLedger;

typedef struct EtwItem {
    uint32_t struct_size;
    uint32_t kind;   /* EtwItemKind */
    uint64_t number; /* event: its number; gap: the first missing; changed: the first under the new
                        wants */
    const EtwEvent *event; /* event: valid while the batch is referenced */
    uint64_t gap_count;    /* gap: events missing; UINT64_MAX: unknown (lost before the broker) */
    uint32_t reason; /* gap, epoch, end: WIRE_GAP_*, WIRE_EPOCH_*, WIRE_END_* (etw_reason_text) */
    uint32_t generation; /* changed; epoch: its number */
    uint32_t flags;      /* epoch: 1 = unclean */
    int64_t from, to;    /* gap: times; epoch: time in `from` */
    EtwLedger ledger;    /* end */
} EtwItem;

/* Next item of a batch, in order. END when there are no more. The batch keeps a cursor: one thread.
 */
ETW_API int32_t etw_batch_next(EtwBatch *batch, EtwItem *item);
ETW_API void etw_batch_rewind(EtwBatch *batch);
ETW_API uint32_t etw_batch_count(const EtwBatch *batch); /* events in it */
ETW_API EtwBatch *etw_batch_ref(EtwBatch *batch);
ETW_API void etw_batch_free(EtwBatch *batch); /* gives up one reference; NULL allowed */
ETW_API const char *etw_reason_text(uint32_t item_kind, uint32_t reason);

/* --- Events ------------------------------------------------------------------------------------
 */

typedef struct EtwHeader {
    uint32_t struct_size;
    uint32_t process_id; /* UINT32_MAX: unknown */
    uint32_t thread_id;
    uint16_t processor;
    uint8_t pointer_size;
    uint8_t decodable; /* 0: raw only, see EtwSchemaInfo.undecodable */
    int64_t time;
    EtwGuid provider;
    uint16_t id, task;
    uint8_t version, channel, level, opcode;
    uint64_t keyword;
    uint8_t has_activity, has_related_activity, classic, tracelogging;
    uint32_t payload_bytes;
    const uint8_t *payload;
    EtwGuid activity, related_activity;
} EtwHeader;
ETW_API int32_t etw_event_header(const EtwEvent *event, EtwHeader *header);

typedef struct EtwSchemaInfo {
    uint32_t struct_size;
    uint32_t field_count;
    const char *provider_name, *event_name, *task_name, *opcode_name, *level_name, *channel_name,
        *keyword_names;
    const char *message;     /* template with inserts */
    const char *source;      /* "event-info", "tracelogging", "mof", "manifest", "string", "none" */
    const char *undecodable; /* why there are no fields; "" when there are */
} EtwSchemaInfo;             /* strings live as long as the event */
ETW_API int32_t etw_schema(const EtwEvent *event, EtwSchemaInfo *info);

typedef enum EtwValueKind {
    ETW_VALUE_NONE = 0, /* the payload ends before the field */
    ETW_VALUE_NULL,
    ETW_VALUE_I64,
    ETW_VALUE_U64,
    ETW_VALUE_BOOL,
    ETW_VALUE_DOUBLE,
    ETW_VALUE_UTF16, /* data: unaligned UTF-16LE units, bytes without the NUL */
    ETW_VALUE_ANSI,
    ETW_VALUE_UTF8,
    ETW_VALUE_BINARY,
    ETW_VALUE_GUID,
    ETW_VALUE_SID,
    ETW_VALUE_TIME, /* i64: FILETIME */
    ETW_VALUE_STRUCT,
    ETW_VALUE_ARRAY
} EtwValueKind;

typedef struct EtwValue {
    uint32_t struct_size;
    uint32_t kind; /* EtwValueKind */
    const char *name;
    const uint8_t *data; /* its bytes; NULL and 0 when it has none, as numbers of the enrichment */
    uint32_t bytes;
    uint32_t count;             /* elements of an array, members of a struct */
    uint16_t in_type, out_type; /* TDH's numbers */
    uint32_t reserved;
    union {
        int64_t i64;
        uint64_t u64;
        double f64;
    } v;
    uintptr_t internal[16];
} EtwValue;

ETW_API uint32_t etw_field_count(const EtwEvent *event);
/* Field by index (0 …) or by name (case-blind). NOT_FOUND. Decodes only as far as needed. */
ETW_API int32_t etw_field_at(const EtwEvent *event, uint32_t index, EtwValue *value);
ETW_API int32_t etw_field(const EtwEvent *event, const char *name, EtwValue *value);
/* Element of an array or member of a struct. NOT_FOUND beyond the end, TYPE for other kinds. */
ETW_API int32_t etw_value_at(const EtwEvent *event, const EtwValue *value, uint32_t index,
                             EtwValue *element);

/* Text of a value as TDH formats it. Text functions: at most cap bytes with the NUL are written to
 * buf; *need (may be NULL) is the length with the NUL; OVERSIZE when it did not fit (buf then holds
 * the front). */
ETW_API int32_t etw_value_text(const EtwEvent *event, const EtwValue *value, char *buf, size_t cap,
                               size_t *need);

typedef enum EtwTextKind {
    ETW_TEXT_JSON = 1,
    ETW_TEXT_SUMMARY = 2,
    ETW_TEXT_MESSAGE = 3,
    ETW_TEXT_LABEL = 4
} EtwTextKind;
/* The whole event: one JSON object (docs/EVENT.md), a one-line summary (the message, else the
 * telling fields; in front of those FileName and RegistryPath of the enrichment when the payload
 * has no field of that name), the provider's message (NOT_FOUND when it has none), or the label
 * ("DNS-Client/3008"). JSON and summary also fail with PROTOCOL: the batch's table is damaged. */
ETW_API int32_t etw_event_text(const EtwEvent *event, EtwTextKind kind, char *buf, size_t cap,
                               size_t *need);

/* A copy that owns its memory and outlives the batch. etw_event_free. */
ETW_API int32_t etw_event_copy(const EtwEvent *event, EtwEvent **copy);
ETW_API void etw_event_free(EtwEvent *copy); /* only for copies; NULL allowed */

typedef struct EtwFrame {
    uint32_t struct_size;
    uint32_t flags;     /* 1 = kernel address */
    uint64_t address;   /* 0 when masked */
    uint64_t offset;    /* into the module */
    const char *module; /* path, or "" when unknown; lives as long as the event */
    /* A struct_size that ends here is taken, too. What identifies the module, for symbols: */
    uint64_t module_base; /* in the process; 0 unknown, or withheld */
    uint64_t module_size; /* bytes; 0 unknown */
    uint32_t time_stamp;  /* TimeDateStamp of its PE header; 0 unknown */
    uint32_t checksum;    /* of its PE header; 0 unknown */
    uint32_t pdb_age;     /* 0: the three PDB members are unknown */
    uint32_t provenance;  /* of the module: EtwProvenance */
    EtwGuid pdb_guid;
    const char *pdb_name; /* "ntdll.pdb", or a path; "" unknown; lives as long as the event */
} EtwFrame;
/* Frame i of the event's call stack, innermost first: as the broker resolved it, else the bare
 * addresses that the event itself carries. Errors: NOT_FOUND beyond the end, PROTOCOL (the batch's
 * table is damaged), NO_MEMORY. */
ETW_API int32_t etw_frame(const EtwEvent *event, uint32_t index, EtwFrame *frame);

/* --- Enrichment: what the broker knows of an event's process, file, key ----------------------- */

/* Names, types and meaning of the fields: docs/FIELDS.md. The table of a batch is decoded when one
 * of these functions is first called for one of its events. They may be called for one event by one
 * thread at a time; what they give lives as long as the event. All but the counting ones fail with
 * PROTOCOL (the batch's table is damaged) and NO_MEMORY. */

/* Enriched fields that this event has; 0 also when they cannot be read. */
ETW_API uint32_t etw_enriched_count(const EtwEvent *event);
/* The one at an index (0 …, in the order of docs/FIELDS.md); value->name is its name. NOT_FOUND
 * beyond the end. */
ETW_API int32_t etw_enriched_at(const EtwEvent *event, uint32_t index, EtwValue *value);
/* One by name or alias (case-blind). NOT_FOUND: no such field, or not known of this event. Kinds:
 * UTF8, U64, BOOL, SID, seldom those of the payload. etw_value_text formats them. */
ETW_API int32_t etw_enriched(const EtwEvent *event, const char *name, EtwValue *value);

typedef enum EtwProvenance {
    ETW_PROVENANCE_NONE = 0,    /* not known, or it stands in the event itself */
    ETW_PROVENANCE_LIVE = 1,    /* an event told it when it happened */
    ETW_PROVENANCE_RUNDOWN = 2, /* a rundown told it before or after */
    ETW_PROVENANCE_GUESS = 3    /* the nearest thing known: may be another's */
} EtwProvenance;
/* Where a field's value comes from: "live", "rundown", "guess", or "" (absent, or read from the
 * event itself). Static; never NULL. */
ETW_API const char *etw_enriched_provenance(const EtwEvent *event, const char *name);

typedef enum EtwProcessRole {
    ETW_PROCESS_EVENT = 0, /* the event's own: who did it; of start, stop and rundown events the one
                                that the event is about */
    ETW_PROCESS_CREATOR = 1, /* of those, who did it */
    ETW_PROCESS_TARGET = 2,  /* other processes that a payload names */
    ETW_PROCESS_CLIENT = 3,
    ETW_PROCESS_CREATED = 4
} EtwProcessRole;

/* EtwProcess.flags */
#define ETW_PROCESS_WOW64           0x01u
#define ETW_PROCESS_PROTECTED       0x02u
#define ETW_PROCESS_PACKAGED        0x04u
#define ETW_PROCESS_ELEVATED        0x08u
#define ETW_PROCESS_ELEVATION_KNOWN 0x10u /* ELEVATED says something */
#define ETW_PROCESS_FLAGS_KNOWN     0x20u /* WOW64, PROTECTED and PACKAGED say something */

typedef struct EtwProcess {
    uint32_t struct_size;
    uint32_t process_id;
    uint32_t parent_process_id; /* UINT32_MAX: unknown; so is session_id */
    uint32_t session_id;
    uint32_t flags;      /* ETW_PROCESS_* */
    uint32_t provenance; /* EtwProvenance */
    uint64_t start_key;  /* unique to a process in one boot; 0 unknown */
    int64_t start_time;  /* 0: before the trace, or unknown */
    const char *name;    /* "svchost.exe"; "" unknown, as the other texts */
    const char *path;
    const char *command_line;
    const char *user;   /* "NT AUTHORITY\SYSTEM" */
    const uint8_t *sid; /* NULL unknown */
    uint32_t sid_bytes;
    uint32_t reserved;
} EtwProcess;
/* A process of the event. index 0: the process itself, 1 … 16 its ancestors, the nearest first,
 * each as it was when its child started. NOT_FOUND: none is known there. A process of which only
 * the id is known has an empty name. */
ETW_API int32_t etw_process(const EtwEvent *event, EtwProcessRole role, uint32_t index,
                            EtwProcess *process);

/* --- Symbols ---------------------------------------------------------------------------------- */

/* Names of functions for frames of call stacks (docs/SYMBOLS.md). They are looked up here, in the
 * caller's process and with the caller's rights, when they are asked for and not before: the broker
 * opens no file that an event names. Names come from the export tables of PE files, bounded by their
 * exception directories, and on Windows from PDB files by DbgHelp. A file counts only when it is the
 * very one of the trace: its time stamp and size, or its PDB identity, must agree.
 *
 * Module paths are data of events and not trusted: only the folders of the search path are looked
 * into, and on Windows this machine's local disks. No symbol server is ever asked. */
typedef struct EtwSymbols EtwSymbols;

enum {                            /* EtwSymbolsOptions.flags */
       ETW_SYMBOLS_ALLOW_UNC = 1, /* folders and modules on servers may be opened */
       ETW_SYMBOLS_NO_PDB = 2,    /* exports only */
       ETW_SYMBOLS_LOCAL = 4,     /* also open a module by its own path on this machine; this is the
                                     default on Windows, and has no effect on Linux */
       ETW_SYMBOLS_NO_LOCAL = 8   /* not so; wins over LOCAL */
};

typedef struct EtwSymbolsOptions {
    uint32_t struct_size;
    uint32_t flags;   /* ETW_SYMBOLS_… */
    const char *path; /* folders, ';' between them, on Linux ':' as well; elements "srv*FOLDER" are
                         understood. NULL: ETW_SYMBOL_PATH of the environment, and on Windows
                         _NT_SYMBOL_PATH for PDB files. "": none */
    uint64_t cache_bytes; /* for tables of modules; 0 = 64 MiB; less than 4 MiB counts as 4 MiB */
} EtwSymbolsOptions;

/* options may be NULL. No file is opened yet. Errors: DENIED (path names a folder on a server
 * without ETW_SYMBOLS_ALLOW_UNC; such folders of the environment are left out and counted),
 * INVALID_ARGUMENT (more than 64 folders), NO_MEMORY. */
ETW_API int32_t etw_symbols_open(const EtwSymbolsOptions *options, EtwSymbols **symbols);
/* NULL is allowed. */
ETW_API void etw_symbols_close(EtwSymbols *symbols);

enum {                       /* EtwSymbol.flags */
       ETW_SYMBOL_GUESS = 1, /* the nearest name below: neither bounds nor the file's identity prove
                                  that it is this function */
       ETW_SYMBOL_PDB = 2,   /* from a PDB file */
       ETW_SYMBOL_EXPORTS = 4 /* from an export table */
};

typedef struct EtwSymbol {
    uint32_t struct_size;
    uint32_t flags;       /* ETW_SYMBOL_… */
    int64_t displacement; /* from the function's beginning; below 0 in a part that lies before it */
    uint32_t name_bytes;  /* of the whole name without the NUL; sizeof name or more: it was cut */
    uint32_t reserved;
    char name[1024]; /* UTF-8 without control characters; "#12" for an export without a name */
} EtwSymbol;

/* The function of a frame. The first frame of a module opens its file; what was found, and that
 * nothing was found, is kept as long as cache_bytes allow. Any thread; calls on one EtwSymbols are
 * serialised. Errors: NOT_FOUND (no module, no file of that identity, or no name near enough),
 * NO_MEMORY, INVALID_ARGUMENT. */
ETW_API int32_t etw_symbol(EtwSymbols *symbols, const EtwFrame *frame, EtwSymbol *symbol);
/* The same as text: "NtCreateFile+0x14", without "+0x0", with "?" behind a guess. Never cut. The
 * rule of the text functions holds for buf, cap and need. */
ETW_API int32_t etw_symbol_text(EtwSymbols *symbols, const EtwFrame *frame, char *buf, size_t cap,
                                size_t *need);

/* The event as etw_event_text writes it with ETW_TEXT_JSON, and in each frame of its stack the name
 * of the function ("Symbol": what etw_symbol_text gives) where one is found. symbols NULL: without.
 * The same errors and the same rule for buf, cap and need. */
ETW_API int32_t etw_event_json(const EtwEvent *event, EtwSymbols *symbols, char *buf, size_t cap,
                               size_t *need);

typedef struct EtwSymbolsStats {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t lookups; /* of frames in a module: hits + misses */
    uint64_t hits;    /* the module was in the cache, found or not */
    uint64_t misses;  /* its file had to be looked for */
    uint64_t found;   /* lookups that gave a name, guesses among them */
    uint64_t guesses;
    uint64_t modules;  /* now in the cache, with symbols */
    uint64_t negative; /* now in the cache as not found */
    uint64_t evicted;  /* left the cache for its limit */
    uint64_t opened;   /* files */
    uint64_t
        refused;    /* module paths that may not be opened; folders of the environment on servers */
    uint64_t bytes; /* of the cache now, and its limit */
    uint64_t limit;
} EtwSymbolsStats;
ETW_API int32_t etw_symbols_stats(EtwSymbols *symbols, EtwSymbolsStats *stats);

#ifdef __cplusplus
}
#endif
#endif /* ETWCLIENT_H */

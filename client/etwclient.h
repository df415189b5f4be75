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
    const uint8_t *data;
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
/* The whole event: one JSON object (docs/EVENT.md), a one-line summary, the provider's message
 * (NOT_FOUND when it has none), or the label ("DNS-Client/3008"). */
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
} EtwFrame;
/* Frame i of the event's call stack, innermost first. NOT_FOUND beyond the end. */
ETW_API int32_t etw_frame(const EtwEvent *event, uint32_t index, EtwFrame *frame);

#ifdef __cplusplus
}
#endif
#endif /* ETWCLIENT_H */

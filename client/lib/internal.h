// What the files of the client library share.
#pragma once

#include <stdatomic.h>

#include "client/etwclient.h"
#include "event/enriched.h"
#include "event/subject.h"
#include "platform/port.h"
#include "platform/thread.h"
#include "wire/frame.h"
#include "wire/wire_table.h"

// The last failure, shared by a client and its subscriptions: whoever goes last frees it.
typedef struct ErrorBox {
    PlatMutex *mutex;
    uint32_t refs; // under the mutex
    Err err;
    char remedy[256]; // the broker's own words, or ""
} ErrorBox;

ErrorBox *error_box_new(void);
ErrorBox *error_box_ref(ErrorBox *box);
ErrorBox *error_box_unref(ErrorBox *box); // returns NULL
// Keeps the failure and returns its positive status.
int32_t error_box_set(ErrorBox *box, int result, const Err *err, const char *remedy);

// One connection with its handshake done: used for requests and for data.
typedef struct Link {
    PlatChannel *channel;
    FrameReader reader;
    WireWelcome welcome;
    uint32_t next_request;
} Link;

int link_open(Link *link, const char *endpoint, const char *agent, int64_t deadline_ns, Err *err);
void link_close(Link *link);
// Sends a REQUEST; *ret_request is its id.
int link_send(Link *link, const char *method, const char *params, int64_t deadline_ns,
              uint32_t *ret_request, Err *err);
// The next frame of any type; -STATUS_TIMEOUT at the deadline (< 0: none; 0 counts as past: look
// only).
int link_frame(Link *link, int64_t deadline_ns, Frame *ret, Err *err);
// Waits for the reply to a request: the result as JSON text in *ret (mem_alloc'd), or the broker's
// refusal as -status with err and remedy filled.
int link_reply(Link *link, uint32_t request, int64_t deadline_ns, char **ret,
               uint32_t *ret_subscription, Err *err, char *remedy, size_t remedy_cap);
int64_t deadline_of(uint32_t timeout_ms, uint32_t default_ms); // 0 = the default

struct EtwClient {
    PlatMutex *mutex; // one request at a time
    Link link;
    bool connected;
    char *endpoint;
    char *agent;
    ErrorBox *error;
};

// A schema of a batch, and how its events say whom they are about.
typedef struct BatchType {
    Schema *schema; // a reference
    SubjectPlan subject;
} BatchType;

// What the events of a batch, or a copied one, share: their types, and the table that tells of
// processes, files and stacks. The table is decoded when it is first asked for; two threads may do
// so at once, and the view that comes first stays.
typedef struct EventTable {
    BatchReader reader; // only its table
    _Atomic(WireTableView *) view;
    atomic_bool composed; // an event has texts of its own
    bool plain;           // the subscription wants no enrichment
    BatchType *types;
    uint32_t n_types, types_capacity;
} EventTable;

// A text that was made for the caller of etw_enriched.
typedef struct Composed {
    struct Composed *next;
    EnrichedField field;
    uint32_t bytes;
    char text[];
} Composed;

struct EtwEvent {
    EventRecord record; // points into the batch, or into the copy's own memory
    const Schema *schema;
    EventTable *table;
    const uint8_t *wire; // the record as it came; checked
    uint32_t wire_bytes;
    bool skip;          // of this process
    Composed *composed; // newest first
};

struct EtwBatch {
    uint32_t refs;  // atomic
    EtwItem notice; // kind ETW_ITEM_EVENT: none
    uint64_t first; // number of events[0]
    uint32_t n_events, cursor;
    EtwEvent *events;
    uint8_t *body;
    EventTable table;
};

int event_table_add(EventTable *table, const Schema *schema);
void event_table_deinit(EventTable *table);
// The enrichment of an event as the broker sent it, with the effective pid and tid. A Status; err
// may be NULL.
int32_t event_view(const EtwEvent *event, EnrichedView *ret, StackView *ret_stack, Err *err);
void event_forget_composed(EtwEvent *event);
// A value for the caller.
void value_out(const Value *in, EtwValue *out);

// Takes the payload of an EVENTS frame. schema_of gives the schema of a type (borrowed) or NULL.
typedef struct BatchSource {
    const Schema *(*schema_of)(void *user, uint32_t type, bool *ret_first_use);
    void *user;
    const Schema *none; // for records with an inline key
    bool plain;         // nothing is enriched
} BatchSource;
int batch_make(const Frame *frame, const BatchSource *source, EtwBatch **ret, Err *err);
// Leaves out the events whose process is this one; *ret_skipped: how many.
int batch_skip(EtwBatch *batch, uint32_t pid, uint64_t *ret_skipped, Err *err);
int batch_make_notice(const EtwItem *notice, EtwBatch **ret);

// Copies text to a caller's buffer by the rule of the header's text functions.
int32_t text_out(const char *text, size_t bytes, char *buf, size_t cap, size_t *need);
bool struct_ok(uint32_t given, size_t known); // struct_size of the caller

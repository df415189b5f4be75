// What the files of the client library share.
#pragma once

#include "client/etwclient.h"
#include "event/format.h"
#include "platform/port.h"
#include "platform/thread.h"
#include "wire/frame.h"
#include "wire/wire_batch.h"

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

struct EtwEvent {
    EventRecord record; // points into the batch, or into the copy's own memory
    const Schema *schema;
};

struct EtwBatch {
    uint32_t refs;  // atomic
    EtwItem notice; // kind ETW_ITEM_EVENT: none
    uint64_t first; // number of events[0]
    uint32_t n_events, cursor;
    uint32_t skip_pid; // events of this process are left out; 0 = none
    EtwEvent *events;
    uint8_t *body;
    Schema **schemas; // references held
    uint32_t n_schemas, schemas_capacity;
};

// Takes the payload of an EVENTS frame. schema_of gives the schema of a type (borrowed) or NULL.
typedef struct BatchSource {
    const Schema *(*schema_of)(void *user, uint32_t type, bool *ret_first_use);
    void *user;
    const Schema *none; // for records with an inline key
} BatchSource;
int batch_make(const Frame *frame, const BatchSource *source, EtwBatch **ret, Err *err);
int batch_make_notice(const EtwItem *notice, EtwBatch **ret);

// Copies text to a caller's buffer by the rule of the header's text functions.
int32_t text_out(const char *text, size_t bytes, char *buf, size_t cap, size_t *need);
bool struct_ok(uint32_t given, size_t known); // struct_size of the caller

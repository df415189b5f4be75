// The client's side of a received batch: every public function that reads an event, its processes,
// values and frames, and copies it. The body is what a hostile broker might send. A copy must say
// what its event says, and outlive the batch.
#include "fuzz.h"

#include "client/lib/internal.h"
#include "schema/store.h"

#define N_SCHEMAS 5u

static Schema *schemas[N_SCHEMAS];
static uint32_t used; // bits

// Kernel types whose events are read in different ways: pid in the payload, thread alone, addresses
// and ports, keys; and one of which nothing is known.
static void make_schemas(void) {
    static const struct {
        Guid provider;
        uint8_t opcode;
    } kernel[N_SCHEMAS - 1] = {
        {GUID_INIT(0x9a280ac0, 0xc8e0, 0x11d1, 0x84, 0xe2, 0, 0xc0, 0x4f, 0xb9, 0x98, 0xa2), 12},
        {GUID_INIT(0xce1dbfb4, 0x137e, 0x4da6, 0x87, 0xb0, 0x3f, 0x59, 0xaa, 0x10, 0x2c, 0xbc), 46},
        {GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c), 1},
        {GUID_INIT(0xae53722e, 0xc863, 0x11d2, 0x86, 0x59, 0, 0xc0, 0x4f, 0xa3, 0x21, 0xa1), 11},
    };
    SchemaStore *store;
    EventRecord r = {.pid = 1};
    if (schema_store_new(&store) < 0)
        abort();
    for (uint32_t i = 0; i < N_SCHEMAS; i++) {
        if (i > 0)
            r = (EventRecord){.provider = kernel[i - 1].provider,
                              .desc = {.opcode = kernel[i - 1].opcode, .version = 2},
                              .flags = EVENT_CLASSIC};
        if (schema_store_find(store, &r, &schemas[i]) != 0)
            abort();
    }
    schema_store_free(store);
}

static const Schema *schema_of(void *user, uint32_t type, bool *ret_first_use) {
    (void)user;
    uint32_t i = type % N_SCHEMAS;
    *ret_first_use = !(used & 1u << i);
    used |= 1u << i;
    return schemas[i];
}

static uint64_t hash_result(uint64_t h, int32_t status) {
    fuzz_check(status == ETW_STATUS_OK || status == ETW_STATUS_NOT_FOUND ||
                   status == ETW_STATUS_PROTOCOL,
               "a status that is documented");
    return fuzz_hash(h, &status, sizeof status);
}

static uint64_t hash_value(uint64_t h, const EtwEvent *event, const EtwValue *v) {
    char text[256];
    size_t need = 0;
    int32_t status = etw_value_text(event, v, text, sizeof text, &need);
    fuzz_check(status == ETW_STATUS_OK || status == ETW_STATUS_OVERSIZE, "a value has a text");
    if (v->bytes > 0)
        h = fuzz_hash(h, v->data, v->bytes);
    return fuzz_hash(h, text, status == ETW_STATUS_OK ? need : 0);
}

static uint64_t hash_text(uint64_t h, const EtwEvent *event, EtwTextKind kind) {
    size_t need = 0;
    int32_t status = etw_event_text(event, kind, NULL, 0, &need);
    if (status != ETW_STATUS_OVERSIZE)
        return hash_result(h, status);
    char *text = mem_alloc(need);
    status = etw_event_text(event, kind, text, need, &need);
    fuzz_check(status == ETW_STATUS_OK && text[need - 1] == 0, "the room that was said is enough");
    h = fuzz_hash(h, text, need);
    mem_free(text);
    return h;
}

static uint64_t hash_event(const EtwEvent *event) {
    uint64_t h = FUZZ_HASH_START;
    EtwValue v = {.struct_size = sizeof v};
    uint32_t n = etw_enriched_count(event);
    h = fuzz_hash(h, &n, sizeof n);
    for (uint32_t i = 0; i <= n; i++) {
        int32_t status = etw_enriched_at(event, i, &v);
        fuzz_check((status == ETW_STATUS_OK) == (i < n), "as many as were counted");
        h = hash_result(h, status);
        if (status != ETW_STATUS_OK)
            continue;
        EtwValue again = {.struct_size = sizeof again};
        fuzz_check(etw_enriched(event, v.name, &again) == ETW_STATUS_OK, "found by its name");
        const char *provenance = etw_enriched_provenance(event, v.name);
        h = fuzz_hash(h, provenance, strlen(provenance));
        h = hash_value(h, event, &v);
    }
    for (uint32_t role = 0; role <= ETW_PROCESS_CREATED; role++) {
        EtwProcess p = {.struct_size = sizeof p};
        int32_t status;
        for (uint32_t i = 0; (status = etw_process(event, role, i, &p)) == ETW_STATUS_OK; i++) {
            fuzz_check(i <= 16, "sixteen ancestors at most");
            h = fuzz_hash(h, &p.process_id, sizeof p.process_id);
            h = fuzz_hash(h, p.command_line, strlen(p.command_line));
            h = fuzz_hash(h, p.path, strlen(p.path));
            if (p.sid_bytes > 0)
                h = fuzz_hash(h, p.sid, p.sid_bytes);
        }
        h = hash_result(h, status);
    }
    EtwFrame frame = {.struct_size = sizeof frame};
    int32_t status;
    for (uint32_t i = 0; (status = etw_frame(event, i, &frame)) == ETW_STATUS_OK; i++) {
        h = fuzz_hash(h, &frame.offset, sizeof frame.offset);
        h = fuzz_hash(h, frame.module, strlen(frame.module));
        h = fuzz_hash(h, frame.pdb_name, strlen(frame.pdb_name));
    }
    h = hash_result(h, status);
    h = hash_text(h, event, ETW_TEXT_JSON);
    return hash_text(h, event, ETW_TEXT_SUMMARY);
}

#define MOST_COPIES 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!schemas[0])
        make_schemas();
    if (size < 1 || size > 256u * 1024u)
        return 0;
    FuzzLeaks leaks = fuzz_leaks_begin();
    uint8_t mode = data[0];
    size_t bytes = WIRE_EVENTS_PRIVATE + size - 1;
    uint8_t *payload = mem_zalloc(bytes);
    memcpy(payload + WIRE_EVENTS_PRIVATE, data + 1, size - 1);
    Frame frame = {.type = WIRE_EVENTS, .payload_bytes = (uint32_t)bytes, .payload = payload};
    BatchSource source = {schema_of, NULL, schemas[0], (mode & 1) != 0};
    EtwBatch *batch;
    EtwEvent *copies[MOST_COPIES];
    uint64_t hashes[MOST_COPIES];
    uint32_t n = 0;
    Err err = ERR_INIT;
    used = 0;
    int r = batch_make(&frame, &source, &batch, &err);
    mem_free(payload); // the batch has its own
    fuzz_check(r == 0 || (r == -STATUS_PROTOCOL && err.text[0]), "refused with a text");
    uint64_t skipped = 0;
    if (r == 0 && (mode & 2))
        fuzz_check(batch_skip(batch, 4, &skipped, &err) <= 0, "skipped, or refused");
    EtwItem item = {.struct_size = sizeof item};
    for (uint32_t i = 0; r == 0 && etw_batch_next(batch, &item) == ETW_STATUS_OK; i++) {
        uint64_t h = hash_event(item.event);
        if (n == MOST_COPIES)
            continue;
        int32_t status = etw_event_copy(item.event, &copies[n]);
        fuzz_check(status == ETW_STATUS_OK || status == ETW_STATUS_PROTOCOL, "copied, or damaged");
        if (status == ETW_STATUS_OK)
            hashes[n++] = h;
    }
    if (r == 0)
        etw_batch_free(batch);
    for (uint32_t i = 0; i < n; i++) {
        fuzz_check(hash_event(copies[i]) == hashes[i], "a copy says the same");
        etw_event_free(copies[i]);
    }
    fuzz_leaks_end(&leaks);
    return 0;
}

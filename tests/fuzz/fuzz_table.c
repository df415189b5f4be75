// The table of a batch: bytes of a body are opened as a client does, and every record's view is
// looked at to its ends. What was read is written, moved and extracted again, and must say the
// same.
#include "fuzz.h"

#include "wire/wire_table.h"

static uint64_t hash_text(uint64_t h, const char *text) {
    return fuzz_hash(h, text, strlen(text) + 1);
}

static uint64_t hash_process(uint64_t h, const ProcessView *p) {
    uint64_t facts[] = {p->pid,   p->parent_pid, p->session,   p->provenance,
                        p->flags, p->start_key,  p->sid_bytes, (uint64_t)p->start_time};
    fuzz_check(p->serial == 0, "clients have no serials");
    fuzz_check(p->sid_bytes == 0 || sid_length(p->sid, p->sid_bytes) == p->sid_bytes,
               "a SID is whole");
    h = fuzz_hash(h, facts, sizeof facts);
    h = fuzz_hash(h, p->sid, p->sid_bytes);
    h = hash_text(h, p->name);
    h = hash_text(h, p->path);
    h = hash_text(h, p->user);
    return hash_text(h, p->command_line);
}

static uint64_t hash_frame(uint64_t h, const FrameView *f) {
    uint64_t facts[] = {f->address, f->offset, f->flags};
    h = fuzz_hash(h, facts, sizeof facts);
    const ModuleView *m = f->module;
    if (!m)
        return h;
    uint64_t more[] = {m->base, m->size, m->timestamp, m->checksum, m->pdb_age, m->provenance};
    h = fuzz_hash(fuzz_hash(h, more, sizeof more), m->pdb_guid.b, sizeof m->pdb_guid.b);
    return hash_text(hash_text(h, m->path), m->pdb_name);
}

// Reads all that a view has.
static uint64_t hash_view(const EnrichedView *v) {
    uint64_t h = FUZZ_HASH_START;
    for (int i = 0; i < CHAIN_N; i++) {
        const ProcessChain *c = &v->chains[i];
        fuzz_check(c->n_ancestors <= ENRICHED_MAX_ANCESTORS, "not too many ancestors");
        fuzz_check(c->process || c->n_ancestors == 0, "nobody has no ancestors");
        if (c->process)
            h = hash_process(h, c->process);
        for (uint32_t k = 0; k < c->n_ancestors; k++)
            h = hash_process(h, c->ancestors[k]);
    }
    fuzz_check(v->n_values <= ENRICHED_MAX_VALUES, "not too many values");
    for (uint32_t i = 0; i < v->n_values; i++) {
        const EnrichedValue *value = &v->values[i];
        uint8_t kinds[] = {value->field, value->provenance, value->kind};
        fuzz_check(value->text[value->bytes] == 0 && strlen(value->text) == value->bytes,
                   "a text ends");
        if (value->kind == ENRICHED_TEXT && value->bytes == 0)
            continue; // is not written again
        h = fuzz_hash(h, kinds, sizeof kinds);
        h = fuzz_hash(hash_text(h, value->text), &value->number, sizeof value->number);
    }
    if (!v->stack)
        return h;
    fuzz_check(v->stack->n <= STACK_MAX_FRAMES, "not too many frames");
    for (uint32_t i = 0; i < v->stack->n; i++)
        h = hash_frame(h, &v->stack->frames[i]);
    return fuzz_hash(h, &v->stack->incomplete, 1);
}

static bool has_cut_texts(const EnrichedView *v) {
    for (uint32_t i = 0; i < v->n_values; i++)
        if (v->values[i].bytes > UINT16_MAX)
            return true;
    return false;
}

static uint64_t hash_of(const WireTable *table, const uint8_t *bytes) {
    BatchReader reader = {.table = table->bytes.data,
                          .table_bytes = (uint32_t)table->bytes.bytes,
                          .n_table = table->n};
    WireTableView *view;
    WireRecord record;
    EnrichedView v;
    StackView stack;
    fuzz_check(wire_table_open(&reader, &view, NULL) == 0, "a table of ours is good");
    fuzz_check(wire_record_get(bytes, load_u32(bytes), &record, NULL) == 0, "and so its record");
    fuzz_check(wire_table_record(view, &record, &v, &stack, NULL) == 0, "and what it names");
    uint64_t h = hash_view(&v);
    wire_table_close(view);
    return h;
}

static void write_again(const WireTableView *table, const WireRecord *record, const uint8_t *bytes,
                        const EnrichedView *v) {
    uint64_t expected = hash_view(v);
    WireTable own, written, moved;
    wire_table_init(&own);
    wire_table_init(&written);
    wire_table_init(&moved);
    uint8_t *copy = mem_dup(bytes, record->bytes);
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    int r = wire_table_extract(table, copy, &own);
    fuzz_check(r == 0 || r == WIRE_TABLE_FULL, "a good record can be copied out");
    if (r == 0) {
        fuzz_check(hash_of(&own, copy) == expected, "and says the same");
        fuzz_check(wire_table_move(&moved, &own, copy) == 0, "moved into an empty table");
        fuzz_check(hash_of(&moved, copy) == expected, "as well");
    }
    mem_free(copy);
    r = wire_table_add(&written, v, &extra, enriched);
    fuzz_check(r == 0, "a view can be written into an empty table");
    fuzz_check(written.bytes.bytes <= WIRE_TABLE_MAX_BYTES, "within its bounds");
    if (r == 0) {
        EventRecord event = {.pid = record->pid, .tid = record->tid};
        uint32_t n = wire_record_bytes(&event, 1, &extra);
        uint8_t *again = mem_alloc(n);
        wire_record_put(again, n, &event, 1, &extra);
        uint64_t h = hash_of(&written, again);
        // Texts may have been cut to fit.
        fuzz_check(h == expected || own.bytes.bytes > WIRE_TABLE_MAX_BYTES / 4 || has_cut_texts(v),
                   "and says the same");
        mem_free(again);
    }
    wire_table_deinit(&own);
    wire_table_deinit(&written);
    wire_table_deinit(&moved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 512u * 1024u)
        return 0;
    FuzzLeaks leaks = fuzz_leaks_begin();
    uint8_t *body = mem_dup(data, size); // of its exact size
    BatchReader batch, all;
    WireTableView *table = NULL;
    Err err = ERR_INIT;
    int r = wire_batch_open(body, size, &batch, &err);
    all = batch;
    if (r == 0)
        r = wire_table_open(&batch, &table, &err);
    fuzz_check(r == 0 || (r == -STATUS_PROTOCOL && err.text[0]), "a table is refused with a text");
    if (r == 0) {
        fuzz_check(wire_table_bytes(table) <= 16 * (size_t)all.table_bytes + 1024,
                   "memory is a small multiple of the table's size");
        WireRecord record;
        uint32_t n = 0;
        for (const uint8_t *at = batch.at; wire_batch_next(&batch, &record, &err) == 1;
             at = batch.at) {
            EnrichedView v;
            StackView stack;
            r = wire_table_record(table, &record, &v, &stack, &err);
            fuzz_check(r == 0 || (r == -STATUS_PROTOCOL && err.text[0]),
                       "a record is refused with a text");
            if (r != 0)
                continue;
            hash_view(&v);
            if (n++ < 8)
                write_again(table, &record, at, &v);
        }
    }
    wire_table_close(table);
    mem_free(body);
    fuzz_leaks_end(&leaks);
    return 0;
}

// Tables of batches: what goes in comes out, once, within bounds; and a reader that trusts nothing.
#include <criterion/criterion.h>
#include <stdio.h>

#include "util/mem.h"
#include "wire/wire_table.h"

static const uint8_t system_sid[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};

static ProcessView process(uint64_t serial, uint32_t pid, const char *name) {
    return (ProcessView){
        .serial = serial,
        .pid = pid,
        .parent_pid = UINT32_MAX,
        .session = UINT32_MAX,
        .provenance = PROVENANCE_RUNDOWN,
        .name = name,
        .path = "",
        .command_line = "",
        .user = "",
    };
}

typedef struct World {
    ProcessView p[20];
    ModuleView m[3];
    FrameView f[4];
    StackView stack;
    EnrichedView view;
} World;

static void make_world(World *w) {
    memset(w, 0, sizeof *w);
    for (uint32_t i = 0; i < ARRAY_COUNT(w->p); i++)
        w->p[i] = process(100 + i, 1000 + i, "ancestor.exe");
    ProcessView *p = &w->p[0];
    p->name = "a.exe";
    p->path = "C:\\a.exe";
    p->command_line = "a.exe /x";
    p->user = "NT AUTHORITY\\SYSTEM";
    p->sid = system_sid;
    p->sid_bytes = sizeof system_sid;
    p->parent_pid = 1001;
    p->session = 0;
    p->flags = PROCESS_FLAGS_KNOWN | PROCESS_WOW64;
    p->start_key = UINT64_C(0x123456789abcdef0);
    p->start_time = 132404548206236167;
    for (uint32_t i = 0; i < 3; i++)
        w->m[i] = (ModuleView){.serial = 200 + i, .base = 0x10000 * (i + 1), .size = 0x1000};
    w->m[0].path = "C:\\a.exe";
    w->m[0].pdb_name = "a.pdb";
    w->m[0].pdb_age = 2;
    w->m[0].pdb_guid.b[0] = 7;
    w->m[0].timestamp = 11;
    w->m[0].checksum = 12;
    w->m[0].provenance = PROVENANCE_LIVE;
    w->m[1].path = "C:\\b.dll";
    w->m[1].pdb_name = "";
    w->m[2].path = "C:\\withheld.sys";
    w->m[2].pdb_name = "";
    w->m[2].base = 0;
    w->f[0] = (FrameView){.address = 0, .offset = 5, .module = &w->m[2], .flags = FRAME_KERNEL};
    w->f[1] = (FrameView){.address = 0x10010, .offset = 0x10, .module = &w->m[0]};
    w->f[2] = (FrameView){.address = 0x10020, .offset = 0x20, .module = &w->m[0]};
    w->f[3] = (FrameView){.address = 0xdead0000};
    w->stack = (StackView){.serial = 300, .n = 4, .frames = w->f};
    EnrichedView *v = &w->view;
    v->pid = 1000;
    v->tid = 5;
    v->chains[CHAIN_PROCESS] = (ProcessChain){p, 2, {&w->p[1], &w->p[2]}, 0};
    v->chains[CHAIN_TARGET] = (ProcessChain){&w->p[3], 2, {&w->p[1], &w->p[2]}, 0};
    v->values[0] = (EnrichedValue){
        ENRICHED_FILE_NAME, PROVENANCE_GUESS, ENRICHED_TEXT, 400, "C:\\f.txt", 8, 0};
    v->values[1] =
        (EnrichedValue){ENRICHED_DURATION, PROVENANCE_LIVE, ENRICHED_NUMBER, 0, "", 0, 77};
    v->n_values = 2;
    v->stack = &w->stack;
}

// A batch of one table and n records, as a client receives it.
typedef struct Sent {
    WireTable table;
    BatchWriter writer;
    uint8_t *body;
    BatchReader reader;
    WireTableView *view;
    WireRecord record;
    EnrichedView got;
    StackView stack;
    Err err;
} Sent;

static void sent_init(Sent *s) {
    memset(s, 0, sizeof *s);
    wire_table_init(&s->table);
    s->body = mem_alloc(WIRE_MAX_BODY);
    wire_batch_begin(&s->writer, s->body, WIRE_MAX_BODY);
}

static int add(Sent *s, const EnrichedView *view) {
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    int r = wire_table_add(&s->table, view, &extra, enriched);
    if (r != 0)
        return r;
    EventRecord event = {.pid = 4, .tid = 5};
    uint32_t bytes = wire_record_bytes(&event, 1, &extra);
    cr_assert(wire_batch_append(&s->writer, bytes, (uint32_t)s->table.bytes.bytes, &event, 1,
                                &extra, NULL));
    return 0;
}

static int opened(Sent *s) {
    uint32_t bytes =
        wire_batch_seal(&s->writer, s->table.bytes.data, (uint32_t)s->table.bytes.bytes);
    int r = wire_batch_open(s->body, bytes, &s->reader, &s->err);
    return r < 0 ? r : wire_table_open(&s->reader, &s->view, &s->err);
}

static void next(Sent *s) {
    cr_assert_eq(wire_batch_next(&s->reader, &s->record, &s->err), 1, "%s", s->err.text);
    cr_assert_eq(wire_table_record(s->view, &s->record, &s->got, &s->stack, &s->err), 0, "%s",
                 s->err.text);
}

static void sent_free(Sent *s) {
    wire_table_close(s->view);
    wire_table_deinit(&s->table);
    mem_free(s->body);
}

static void same_process(const ProcessView *a, const ProcessView *b) {
    cr_assert(a->pid == b->pid && a->parent_pid == b->parent_pid && a->session == b->session &&
              a->provenance == b->provenance && a->flags == b->flags &&
              a->start_key == b->start_key && a->start_time == b->start_time &&
              a->sid_bytes == b->sid_bytes);
    cr_assert(a->sid_bytes == 0 || memcmp(a->sid, b->sid, a->sid_bytes) == 0);
    cr_assert_str_eq(a->name, b->name);
    cr_assert_str_eq(a->path, b->path);
    cr_assert_str_eq(a->command_line, b->command_line);
    cr_assert_str_eq(a->user, b->user);
}

static void same_view(const EnrichedView *a, const EnrichedView *b) {
    for (int i = 0; i < CHAIN_N; i++) {
        const ProcessChain *x = &a->chains[i], *y = &b->chains[i];
        cr_assert_eq(!x->process, !y->process);
        if (!x->process)
            continue;
        same_process(x->process, y->process);
        cr_assert_eq(x->n_ancestors, y->n_ancestors);
        for (uint32_t k = 0; k < x->n_ancestors; k++)
            same_process(x->ancestors[k], y->ancestors[k]);
    }
    cr_assert_eq(a->n_values, b->n_values);
    for (uint32_t i = 0; i < a->n_values; i++) {
        const EnrichedValue *x = &a->values[i], *y = &b->values[i];
        cr_assert(x->field == y->field && x->provenance == y->provenance && x->kind == y->kind &&
                  x->number == y->number && x->bytes == y->bytes);
        cr_assert_str_eq(x->text, y->text);
    }
    cr_assert_eq(!a->stack, !b->stack);
    if (!a->stack)
        return;
    cr_assert_eq(a->stack->n, b->stack->n);
    cr_assert_eq(a->stack->incomplete, b->stack->incomplete);
    for (uint32_t i = 0; i < a->stack->n; i++) {
        const FrameView *x = &a->stack->frames[i], *y = &b->stack->frames[i];
        cr_assert(x->address == y->address && x->offset == y->offset && x->flags == y->flags);
        cr_assert_eq(!x->module, !y->module);
        if (!x->module)
            continue;
        const ModuleView *m = x->module, *o = y->module;
        cr_assert(m->base == o->base && m->size == o->size && m->timestamp == o->timestamp &&
                  m->checksum == o->checksum && m->pdb_age == o->pdb_age &&
                  m->provenance == o->provenance && memcmp(m->pdb_guid.b, o->pdb_guid.b, 16) == 0);
        cr_assert_str_eq(m->path, o->path);
        cr_assert_str_eq(m->pdb_name, o->pdb_name);
    }
}

Test(table, what_goes_in_comes_out) {
    World w;
    Sent s;
    size_t before = mem_in_use();
    make_world(&w);
    w.stack.incomplete = true;
    sent_init(&s);
    cr_assert_eq(add(&s, &w.view), 0);
    cr_assert_eq(opened(&s), 0, "%s", s.err.text);
    next(&s);
    same_view(&w.view, &s.got);
    cr_assert_eq(s.got.pid, 1000, "of the process entry, not of the header");
    cr_assert_eq(s.got.tid, 5);
    cr_assert(s.record.flags & WIRE_RECORD_STACK_INCOMPLETE);
    cr_assert(wire_table_bytes(s.view) < 8 * s.table.bytes.bytes + 1024);
    cr_assert_eq(wire_batch_next(&s.reader, &s.record, &s.err), 0);
    sent_free(&s);
    cr_assert_eq(mem_in_use(), before);
}

Test(table, nothing_takes_nothing) {
    Sent s;
    EnrichedView empty = {.pid = UINT32_MAX, .tid = UINT32_MAX};
    StackView none = {.serial = 9, .n = 0};
    uint16_t entry = 9;
    sent_init(&s);
    cr_assert_eq(add(&s, &empty), 0);
    cr_assert_eq(wire_table_add_stack(&s.table, &none, &entry), 0);
    cr_assert_eq(entry, 0);
    cr_assert_eq(s.table.n, 0);
    cr_assert_eq(opened(&s), 0);
    next(&s);
    cr_assert(!s.got.chains[0].process && !s.got.stack && s.got.n_values == 0);
    cr_assert_eq(s.got.pid, 4, "the header's");
    sent_free(&s);
}

Test(table, the_same_again_costs_no_bytes) {
    World w;
    Sent s;
    make_world(&w);
    sent_init(&s);
    w.view.n_values = 1; // numbers are never shared
    cr_assert_eq(add(&s, &w.view), 0);
    size_t bytes = s.table.bytes.bytes;
    uint32_t n = s.table.n;
    for (int i = 0; i < 100; i++)
        cr_assert_eq(add(&s, &w.view), 0);
    cr_assert_eq(s.table.bytes.bytes, bytes);
    // 3 processes of the chain, the target, a text, 2 modules, a stack.
    cr_assert_eq(n, 8);
    cr_assert_eq(s.table.n, n);
    // Another process with a known parent: only itself.
    ProcessView child = process(999, 5, "child.exe");
    w.view.chains[CHAIN_PROCESS] = (ProcessChain){&child, 3, {&w.p[0], &w.p[1], &w.p[2]}, 0};
    cr_assert_eq(add(&s, &w.view), 0);
    cr_assert_eq(s.table.n, n + 1);
    cr_assert_eq(opened(&s), 0);
    for (int i = 0; i < 102; i++)
        next(&s);
    cr_assert_eq(s.got.chains[0].n_ancestors, 3, "with the parent's entry");
    sent_free(&s);
}

Test(table, without_a_serial_only_bare_processes_are_shared) {
    Sent s;
    EnrichedView v = {.pid = 7};
    ProcessView bare = process(0, 7, ""), named = process(0, 8, "x");
    bare.provenance = PROVENANCE_NONE;
    sent_init(&s);
    v.chains[0].process = &bare;
    cr_assert_eq(add(&s, &v), 0);
    cr_assert_eq(add(&s, &v), 0);
    cr_assert_eq(s.table.n, 1);
    bare.pid = 0;
    cr_assert_eq(add(&s, &v), 0);
    cr_assert_eq(add(&s, &v), 0);
    cr_assert_eq(s.table.n, 2);
    v.chains[0].process = &named;
    cr_assert_eq(add(&s, &v), 0);
    cr_assert_eq(add(&s, &v), 0);
    cr_assert_eq(s.table.n, 4);
    sent_free(&s);
}

Test(table, sixteen_ancestors_and_no_more) {
    World w;
    Sent s;
    make_world(&w);
    sent_init(&s);
    ProcessChain *c = &w.view.chains[0];
    c->n_ancestors = ENRICHED_MAX_ANCESTORS;
    for (uint32_t i = 0; i < ENRICHED_MAX_ANCESTORS; i++)
        c->ancestors[i] = &w.p[i + 1];
    cr_assert_eq(add(&s, &w.view), 0);
    // Behind it, a child: its chain would have 17, and is cut at another place.
    ProcessView child = process(999, 5, "child.exe");
    EnrichedView v = {.pid = 5, .chains[0] = {&child, ENRICHED_MAX_ANCESTORS, {0}, 0}};
    for (uint32_t i = 0; i < ENRICHED_MAX_ANCESTORS; i++)
        v.chains[0].ancestors[i] = &w.p[i];
    cr_assert_eq(add(&s, &v), 0);
    cr_assert_eq(opened(&s), 0);
    next(&s);
    cr_assert_eq(s.got.chains[0].n_ancestors, 16);
    cr_assert_eq(s.got.chains[0].ancestors[15]->pid, 1016);
    next(&s);
    cr_assert_eq(s.got.chains[0].n_ancestors, 16);
    cr_assert_eq(s.got.chains[0].ancestors[15]->pid, 1015);
    sent_free(&s);
}

Test(table, many_entries_are_found_again_and_clearing_forgets) {
    WireTable t;
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    EnrichedView v = {.pid = 1};
    wire_table_init(&t);
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 1; i <= 1000; i++) {
            ProcessView p = process(i, i, "");
            v.chains[0].process = &p;
            cr_assert_eq(wire_table_add(&t, &v, &extra, enriched), 0);
            cr_assert_eq(extra.process, i);
        }
        for (uint32_t i = 1000; i >= 1; i--) {
            ProcessView p = process(i, i, "");
            v.chains[0].process = &p;
            cr_assert_eq(wire_table_add(&t, &v, &extra, enriched), 0);
            cr_assert_eq(extra.process, i);
        }
        cr_assert_eq(t.n, 1000);
        if (round == 1)
            t.generation = UINT32_MAX; // the next clearing wraps
        wire_table_clear(&t);
        cr_assert_eq(t.n, 0);
    }
    wire_table_deinit(&t);
}

Test(table, taking_back_leaves_what_was) {
    WireTable t;
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    EnrichedView v = {.pid = 1};
    wire_table_init(&t);
    // In every size, over the growing of the slots, what lies in front is still found and what was
    // taken back is not.
    for (uint32_t keep = 0; keep <= 40; keep++) {
        wire_table_clear(&t);
        WireTableMark mark = wire_table_mark(&t);
        for (uint32_t i = 1; i <= 60; i++) {
            ProcessView p = process(i * 7919, i, "");
            if (i == keep + 1)
                mark = wire_table_mark(&t);
            v.chains[0].process = &p;
            cr_assert_eq(wire_table_add(&t, &v, &extra, enriched), 0);
        }
        wire_table_back(&t, mark);
        cr_assert_eq(t.n, keep);
        for (uint32_t i = 1; i <= 60; i++) {
            ProcessView p = process(i * 7919, i, "");
            v.chains[0].process = &p;
            cr_assert_eq(wire_table_add(&t, &v, &extra, enriched), 0);
            cr_assert_eq(extra.process, i);
        }
        cr_assert_eq(t.n, 60);
    }
    wire_table_deinit(&t);
}

Test(table, full_at_the_limit_and_everything_taken_back) {
    WireTable t;
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    EnrichedView v = {.pid = 1, .n_values = 2};
    static char text[WIRE_TABLE_MAX_BYTES];
    memset(text, 'x', sizeof text);
    v.values[0] = (EnrichedValue){ENRICHED_DURATION, PROVENANCE_LIVE, ENRICHED_NUMBER, 0, "", 0, 1};
    v.values[1] =
        (EnrichedValue){ENRICHED_FILE_NAME, PROVENANCE_LIVE, ENRICHED_TEXT, 1, text, 0, 0};
    // The table has 16 bytes; a number takes 16 and a text its 8 bytes of head.
    const uint32_t most = WIRE_TABLE_MAX_BYTES - 16 - 16 - WIRE_TABLE_HEAD;
    for (uint32_t bytes = most - 1; bytes <= most + 1; bytes++) {
        EnrichedView first = {.n_values = 1, .values[0] = v.values[0]};
        wire_table_init(&t);
        cr_assert_eq(wire_table_add(&t, &first, &extra, enriched), 0);
        v.values[1].bytes = bytes;
        extra.process = 99;
        int r = wire_table_add(&t, &v, &extra, enriched);
        cr_assert_eq(r, bytes <= most ? 0 : WIRE_TABLE_FULL, "%u", bytes);
        cr_assert_eq(t.n, r == 0 ? 3 : 1);
        cr_assert_eq(extra.process, r == 0 ? 0 : 99, "untouched when nothing was added");
        // In an empty table it fits always: cut.
        wire_table_clear(&t);
        cr_assert_eq(wire_table_add(&t, &v, &extra, enriched), 0);
        wire_table_deinit(&t);
    }
}

Test(table, the_largest_view_fits_into_an_empty_table) {
    static char text[70001];
    for (size_t i = 0; i + 1 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2); // two bytes each, so that cuts fall inside of one
    static ProcessView p[85];
    static ModuleView m[STACK_MAX_FRAMES];
    static FrameView f[STACK_MAX_FRAMES + 1];
    StackView stack = {.serial = 1, .n = STACK_MAX_FRAMES + 1, .frames = f};
    EnrichedView v = {.pid = 1, .n_values = ENRICHED_MAX_VALUES, .stack = &stack};
    uint8_t sid[68] = {1, 15, 0, 0, 0, 0, 0, 5};
    for (uint32_t i = 0; i < 85; i++) {
        p[i] = process(i + 1, i, text);
        p[i].path = p[i].user = p[i].command_line = text;
        p[i].sid = sid;
        p[i].sid_bytes = sizeof sid;
        ProcessChain *c = &v.chains[i / 17];
        if (i % 17 == 0)
            c->process = &p[i];
        else
            c->ancestors[c->n_ancestors++] = &p[i];
    }
    for (uint32_t i = 0; i < STACK_MAX_FRAMES; i++) {
        m[i] = (ModuleView){.serial = i + 1, .path = text, .pdb_name = text};
        f[i].module = &m[i];
    }
    for (uint32_t i = 0; i < ENRICHED_MAX_VALUES; i++)
        v.values[i] = (EnrichedValue){ENRICHED_FILE_NAME, 1, ENRICHED_TEXT, i + 1, text, 70000, 0};
    Sent s;
    sent_init(&s);
    cr_assert_eq(add(&s, &v), 0);
    cr_assert_leq(s.table.bytes.bytes, WIRE_TABLE_MAX_BYTES);
    cr_assert_eq(opened(&s), 0, "%s", s.err.text);
    next(&s);
    cr_assert_eq(s.got.chains[4].n_ancestors, 16);
    cr_assert_eq(strlen(s.got.chains[4].ancestors[15]->name), 64);
    cr_assert_eq(s.got.stack->n, STACK_MAX_FRAMES);
    cr_assert(s.got.stack->incomplete, "one frame was too many");
    sent_free(&s);
}

Test(table, texts_are_cut_at_their_length_between_characters) {
    static char text[65540];
    for (uint32_t bytes = 65534; bytes <= 65537; bytes++) {
        Sent s;
        memset(text, 'x', sizeof text);
        text[bytes] = 0;
        memcpy(text + bytes - 2, "\xc3\xa9", 2);
        ProcessView p = process(1, 1, text);
        EnrichedView v = {.pid = 1, .chains[0] = {&p, 0, {NULL}, 0}};
        sent_init(&s);
        cr_assert_eq(add(&s, &v), 0);
        cr_assert_eq(opened(&s), 0, "%s", s.err.text);
        next(&s);
        size_t expected = bytes <= 65535 ? bytes : bytes == 65536 ? 65534 : 65535;
        cr_assert_eq(strlen(s.got.chains[0].process->name), expected, "%u: %zu", bytes,
                     strlen(s.got.chains[0].process->name));
        sent_free(&s);
    }
}

Test(table, a_malformed_sid_does_not_travel) {
    World w;
    Sent s;
    make_world(&w);
    w.p[0].sid_bytes = 11;
    sent_init(&s);
    cr_assert_eq(add(&s, &w.view), 0);
    cr_assert_eq(opened(&s), 0, "%s", s.err.text);
    next(&s);
    cr_assert_eq(s.got.chains[0].process->sid_bytes, 0);
    cr_assert_str_eq(s.got.chains[0].process->name, "a.exe");
    sent_free(&s);
}

Test(table, each_failing_allocation_takes_everything_back) {
    World w;
    size_t before = mem_in_use();
    make_world(&w);
    int failures = 0;
    for (size_t nth = 1;; nth++) {
        WireTable t;
        WireExtra extra = {0};
        WireEnriched enriched[WIRE_MAX_ENRICHED];
        wire_table_init(&t);
        mem_fail_at(nth);
        int r = wire_table_add(&t, &w.view, &extra, enriched);
        mem_fail_at(0);
        if (r == 0) {
            wire_table_deinit(&t);
            break;
        }
        failures++;
        cr_assert_eq(r, -STATUS_NO_MEMORY);
        cr_assert(t.n == 0 && t.bytes.bytes == 0);
        cr_assert_eq(wire_table_add(&t, &w.view, &extra, enriched), 0, "it works again");
        wire_table_deinit(&t);
    }
    cr_assert_gt(failures, 2);
    Sent s;
    sent_init(&s);
    cr_assert_eq(add(&s, &w.view), 0);
    for (size_t nth = 1; nth <= 2; nth++) {
        mem_fail_at(nth);
        int r = opened(&s);
        mem_fail_at(0);
        cr_assert_eq(r, -STATUS_NO_MEMORY);
        s.writer.bytes -= (uint32_t)s.table.bytes.bytes; // seal again
    }
    cr_assert_eq(opened(&s), 0);
    sent_free(&s);
    cr_assert_eq(mem_in_use(), before);
}

// ---- From table to table ----

static uint8_t *record_of(WireTable *t, const EnrichedView *v, bool with_parts) {
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    cr_assert_eq(wire_table_add(t, v, &extra, enriched), 0);
    EventRecord event = {.pid = 4, .tid = 5, .flags = with_parts ? EVENT_HAS_ACTIVITY : 0};
    uint32_t type = with_parts ? 0 : 1, bytes = wire_record_bytes(&event, type, &extra);
    uint8_t *record = mem_alloc(bytes);
    wire_record_put(record, bytes, &event, type, &extra);
    return record;
}

static void read_moved(WireTable *t, const uint8_t *record, const EnrichedView *expected) {
    BatchReader reader = {
        .table = t->bytes.data, .table_bytes = (uint32_t)t->bytes.bytes, .n_table = t->n};
    WireTableView *view;
    WireRecord r;
    EnrichedView got;
    StackView stack;
    Err err = ERR_INIT;
    cr_assert_eq(wire_table_open(&reader, &view, &err), 0, "%s", err.text);
    cr_assert_eq(wire_record_get(record, load_u32(record), &r, &err), 0, "%s", err.text);
    cr_assert_eq(wire_table_record(view, &r, &got, &stack, &err), 0, "%s", err.text);
    same_view(expected, &got);
    // And out of the received table into one of its own, as a copied event does.
    WireTable own;
    wire_table_init(&own);
    uint8_t *copy = mem_dup(record, load_u32(record));
    cr_assert_eq(wire_table_extract(view, copy, &own), 0);
    wire_table_close(view);
    BatchReader mine = {
        .table = own.bytes.data, .table_bytes = (uint32_t)own.bytes.bytes, .n_table = own.n};
    cr_assert_eq(wire_table_open(&mine, &view, &err), 0, "%s", err.text);
    cr_assert_eq(wire_record_get(copy, load_u32(copy), &r, &err), 0);
    cr_assert_eq(wire_table_record(view, &r, &got, &stack, &err), 0, "%s", err.text);
    same_view(expected, &got);
    cr_assert_leq(own.n, t->n, "nothing twice");
    wire_table_close(view);
    wire_table_deinit(&own);
    mem_free(copy);
}

Test(table, a_held_record_moves_with_what_it_names) {
    World w;
    make_world(&w);
    for (int parts = 0; parts < 2; parts++) {
        WireTable own, batch;
        wire_table_init(&own);
        wire_table_init(&batch);
        uint8_t *record = record_of(&own, &w.view, parts);
        // The batch has other entries in front, and some of these already.
        ProcessView other = process(1, 1, "other.exe");
        EnrichedView v = {.pid = 1, .chains[0] = {&other, 2, {&w.p[1], &w.p[2]}, 0}};
        uint8_t *first = record_of(&batch, &v, false);
        mem_free(first);
        cr_assert_eq(wire_table_move(&batch, &own, record), 0);
        read_moved(&batch, record, &w.view);
        uint32_t n = batch.n;
        uint8_t *again = record_of(&batch, &w.view, parts);
        cr_assert_eq(batch.n, n + 1, "all but the number is known by its serial");
        mem_free(again);
        mem_free(record);
        wire_table_deinit(&own);
        wire_table_deinit(&batch);
    }
}

Test(table, a_move_that_does_not_fit_changes_nothing) {
    World w;
    WireTable own, batch;
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    make_world(&w);
    wire_table_init(&own);
    wire_table_init(&batch);
    uint8_t *record = record_of(&own, &w.view, true), *before = mem_dup(record, load_u32(record));
    uint32_t record_bytes = load_u32(record);
    static char text[WIRE_TABLE_MAX_BYTES];
    memset(text, 'x', sizeof text);
    EnrichedView filler = {.n_values = 1};
    filler.values[0] = (EnrichedValue){ENRICHED_FILE_NAME,          1, ENRICHED_TEXT, 1, text,
                                       WIRE_TABLE_MAX_BYTES - 1000, 0};
    // Ever less room, until the last entry does not fit.
    int full = 0, good = 0;
    for (uint32_t room = 0; room <= 1000; room += 8) {
        wire_table_clear(&batch);
        filler.values[0].bytes = WIRE_TABLE_MAX_BYTES - WIRE_TABLE_HEAD - room;
        cr_assert_eq(wire_table_add(&batch, &filler, &extra, enriched), 0);
        WireTableMark mark = wire_table_mark(&batch);
        int r = wire_table_move(&batch, &own, record);
        if (r == 0) {
            good++;
            memcpy(record, before, record_bytes);
            continue;
        }
        full++;
        cr_assert_eq(r, WIRE_TABLE_FULL);
        cr_assert(batch.n == mark.n && batch.bytes.bytes == mark.bytes);
        cr_assert_eq(memcmp(record, before, record_bytes), 0);
    }
    cr_assert(full > 50 && good > 10, "%d %d", full, good);
    mem_free(record);
    mem_free(before);
    wire_table_deinit(&own);
    wire_table_deinit(&batch);
}

// ---- Hostile tables ----

typedef struct Break {
    const char *what;
    uint32_t kind; // of the nth entry of this kind …
    uint32_t nth;
    uint32_t at, bytes; // … this number in its data …
    uint64_t value;     // … becomes this
    bool fine;
} Break;

static const Break breaks[] = {
    {"a process is its own parent", WIRE_TABLE_PROCESS, 1, 12, 2, 2, false},
    {"its parent is an entry behind it", WIRE_TABLE_PROCESS, 0, 12, 2, 2, false},
    {"its parent is beyond the table", WIRE_TABLE_PROCESS, 1, 12, 2, 60000, false},
    {"its parent is a text", WIRE_TABLE_PROCESS, 3, 12, 2, 4, false},
    {"no parent", WIRE_TABLE_PROCESS, 1, 12, 2, 0, true},
    {"the SID is longer", WIRE_TABLE_PROCESS, 2, 32, 1, 255, false},
    {"the SID is another", WIRE_TABLE_PROCESS, 2, 32, 1, 8, false},
    {"the name is longer", WIRE_TABLE_PROCESS, 2, 34, 2, 65535, false},
    {"the path is longer", WIRE_TABLE_PROCESS, 2, 36, 2, 65535, false},
    {"the user is longer", WIRE_TABLE_PROCESS, 2, 38, 2, 65535, false},
    {"the command line is longer", WIRE_TABLE_PROCESS, 2, 40, 4, 0xffffffff, false},
    {"the command line wraps", WIRE_TABLE_PROCESS, 2, 40, 4, 0xffffffd0, false},
    {"a NUL in the name", WIRE_TABLE_PROCESS, 2, 44 + 12, 1, 0, false},
    {"no UTF-8 in the name", WIRE_TABLE_PROCESS, 2, 44 + 12, 1, 0xff, false},
    {"other flags", WIRE_TABLE_PROCESS, 2, 15, 1, 0xff, true},
    {"a NUL in a text", WIRE_TABLE_TEXT, 0, 3, 1, 0, false},
    {"no UTF-8 in a text", WIRE_TABLE_TEXT, 0, 3, 1, 0xc3, false},
    {"too many frames", WIRE_TABLE_STACK, 0, 0, 4, 5, false},
    {"far too many frames", WIRE_TABLE_STACK, 0, 0, 4, 0x10000000, false},
    {"fewer frames", WIRE_TABLE_STACK, 0, 0, 4, 3, true},
    {"a frame in a process", WIRE_TABLE_STACK, 0, 8, 2, 1, false},
    {"a frame in a later entry", WIRE_TABLE_STACK, 0, 8, 2, 500, false},
    {"a frame in the stack itself", WIRE_TABLE_STACK, 0, 8, 2, 9, false},
    {"a longer path", WIRE_TABLE_MODULE, 0, 30, 2, 200, false},
    {"a longer PDB name", WIRE_TABLE_MODULE, 1, 32, 2, 65535, false},
};

static uint8_t *data_of(WireTable *t, uint32_t kind, uint32_t nth) {
    BatchReader reader = {
        .table = t->bytes.data, .table_bytes = (uint32_t)t->bytes.bytes, .n_table = t->n};
    WireTableEntry e;
    for (uint32_t at = 0; wire_table_next(&reader, &at, &e);)
        if (e.kind == kind && nth-- == 0)
            return t->bytes.data + (e.data - t->bytes.data);
    cr_assert_fail("no such entry");
    return NULL;
}

Test(table, a_lie_in_an_entry_is_refused) {
    for (size_t i = 0; i < ARRAY_COUNT(breaks); i++) {
        const Break *b = &breaks[i];
        World w;
        Sent s;
        make_world(&w);
        sent_init(&s);
        cr_assert_eq(add(&s, &w.view), 0);
        cr_assert_eq(s.table.n, 9);
        uint8_t *data = data_of(&s.table, b->kind, b->nth);
        memcpy(data + b->at, &b->value, b->bytes);
        int r = opened(&s);
        cr_assert_eq(r, b->fine ? 0 : -STATUS_PROTOCOL, "%s: %d", b->what, r);
        if (!b->fine)
            cr_assert(s.err.text[0]);
        sent_free(&s);
    }
}

Test(table, entries_that_are_cut_are_refused) {
    static const struct {
        uint16_t kind;
        uint32_t least;
    } kinds[] = {{WIRE_TABLE_PROCESS, WIRE_PROCESS_FIXED},
                 {WIRE_TABLE_TEXT, 0},
                 {WIRE_TABLE_NUMBER, 8},
                 {WIRE_TABLE_STACK, WIRE_STACK_FIXED},
                 {WIRE_TABLE_MODULE, WIRE_MODULE_FIXED},
                 {77, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        for (uint32_t bytes = 0; bytes <= 64; bytes++) {
            uint8_t table[80] = {0};
            store_u16(table, kinds[i].kind);
            store_u32(table + 4, WIRE_TABLE_HEAD + bytes);
            BatchReader reader = {
                .table = table, .table_bytes = (uint32_t)ALIGN8(8 + bytes), .n_table = 1};
            WireTableView *view = NULL;
            Err err = ERR_INIT;
            if (kinds[i].kind == WIRE_TABLE_TEXT)
                memset(table + 8, 'x', bytes);
            int r = wire_table_open(&reader, &view, &err);
            cr_assert_eq(r, bytes >= kinds[i].least ? 0 : -STATUS_PROTOCOL, "kind %u, %u bytes: %d",
                         kinds[i].kind, bytes, r);
            wire_table_close(view);
        }
    }
}

Test(table, a_record_that_names_the_wrong_kind_is_refused) {
    World w;
    Sent s;
    make_world(&w);
    sent_init(&s);
    cr_assert_eq(add(&s, &w.view), 0);
    cr_assert_eq(opened(&s), 0);
    next(&s);
    const WireRecord good = s.record;
    for (uint16_t entry = 0; entry <= s.table.n + 1; entry++) {
        uint32_t at = 0;
        WireTableEntry e = {.kind = 0};
        for (uint16_t i = 0; i < entry && i < s.table.n; i++)
            wire_table_next(&s.reader, &at, &e);
        uint16_t kind = entry == 0 || entry > s.table.n ? 0 : e.kind;
        WireRecord r = good;
        r.process = entry;
        cr_assert_eq(wire_table_record(s.view, &r, &s.got, &s.stack, &s.err),
                     entry == 0 || kind == WIRE_TABLE_PROCESS ? 0 : -STATUS_PROTOCOL);
        r = good;
        r.stack = entry;
        cr_assert_eq(wire_table_record(s.view, &r, &s.got, &s.stack, &s.err),
                     entry == 0 || kind == WIRE_TABLE_STACK ? 0 : -STATUS_PROTOCOL);
        if (entry == 0)
            continue;
        static const struct {
            uint8_t field;
            uint16_t a, b; // kinds that are right; 0: any
        } fields[] = {{ENRICHED_FILE_NAME, WIRE_TABLE_TEXT, WIRE_TABLE_NUMBER},
                      {WIRE_ENRICHED_CREATOR, WIRE_TABLE_PROCESS, WIRE_TABLE_PROCESS},
                      {WIRE_ENRICHED_CREATED, WIRE_TABLE_PROCESS, WIRE_TABLE_PROCESS},
                      {ENRICHED_N, 0, 0},
                      {ENRICHED_NONE, 0, 0},
                      {200, 0, 0},
                      {205, 0, 0}};
        for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
            uint8_t one[4] = {fields[i].field, 1};
            store_u16(one + 2, (uint16_t)(entry - 1));
            r = good;
            r.n_enriched = 1;
            r.enriched = one;
            bool right = fields[i].a == 0 || kind == fields[i].a || kind == fields[i].b;
            cr_assert_eq(wire_table_record(s.view, &r, &s.got, &s.stack, &s.err),
                         right ? 0 : -STATUS_PROTOCOL, "field %u, entry %u", one[0], entry);
        }
    }
    uint8_t many[4 * (WIRE_MAX_ENRICHED + 1)] = {0};
    for (uint16_t n = WIRE_MAX_ENRICHED - 1; n <= WIRE_MAX_ENRICHED + 1; n++) {
        WireRecord r = good;
        r.n_enriched = n;
        r.enriched = many;
        cr_assert_eq(wire_table_record(s.view, &r, &s.got, &s.stack, &s.err),
                     n <= WIRE_MAX_ENRICHED ? 0 : -STATUS_PROTOCOL);
    }
    sent_free(&s);
}

Test(table, an_incomplete_stack_says_so_even_without_frames) {
    Sent s;
    EnrichedView v = {.pid = 1};
    StackView stack = {.n = 0, .incomplete = true};
    v.stack = &stack;
    sent_init(&s);
    cr_assert_eq(add(&s, &v), 0);
    cr_assert_eq(opened(&s), 0);
    next(&s);
    cr_assert(s.got.stack && s.got.stack->incomplete && s.got.stack->n == 0);
    sent_free(&s);
}

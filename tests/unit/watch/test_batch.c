#include <criterion/criterion.h>

#include "make.h"
#include "util/mem.h"

static Bench bench;

static void setup(void) {
    bench_init(&bench, 1 << 20);
}

static void teardown(void) {
    bench_deinit(&bench);
}

Test(batch, decodes_alone_and_in_order, .init = setup, .fini = teardown) {
    uint64_t first;
    Batch *batch = make_batch(&bench, 3, &first);
    BatchReader reader;
    WireRecord record;
    Err err = ERR_INIT;
    cr_assert_eq(wire_batch_open(batch->body, batch->bytes, &reader, &err), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(wire_batch_next(&reader, &record, &err), 1);
        cr_assert_eq(record.time, 1000 + i);
        cr_assert_eq(record.type, 1);
        cr_assert_eq(record.payload_bytes, 8);
        cr_assert_eq(record.payload[7], 8);
    }
    cr_assert_eq(wire_batch_next(&reader, &record, &err), 0);
    cr_assert_eq(batch->first_time, 1000);
    cr_assert_eq(batch->last_time, 1002);
    cr_assert_eq(batch->n_types, 1);
    cr_assert_eq(batch->types[0].id, 1);
    batch_unref(batch);
}

Test(batch, small_batches_do_not_pin_large_buffers, .init = setup, .fini = teardown) {
    uint64_t first;
    Batch *small = make_batch(&bench, 1, &first);
    Batch *middle = make_batch(&bench, 100, &first);
    cr_assert_leq(small->capacity, 512);
    cr_assert_geq(middle->capacity, middle->bytes);
    cr_assert_lt(middle->capacity, 2 * middle->bytes);
    cr_assert_eq(bench.pool.live_bytes, small->capacity + middle->capacity);
    batch_unref(small);
    batch_unref(middle);
}

Test(batch, every_distinct_type_is_listed_once, .init = setup, .fini = teardown) {
    static const uint32_t types[] = {
        7, 9, 7, OPEN_BATCH_SEEN - 1, OPEN_BATCH_SEEN, 9, OPEN_BATCH_SEEN};
    EventRecord r = make_record(1, "x", 1);
    uint32_t bytes = wire_record_bytes(&r, 7, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(types); i++)
        cr_assert(open_batch_take(&bench.pool, &bench.open, bytes, &r, types[i], bench.schema));
    Batch *batch = open_batch_seal(&bench.pool, &bench.open);
    cr_assert_eq(batch->n_types, 4);
    cr_assert_eq(batch->types[0].id, 7);
    cr_assert_eq(batch->types[1].id, 9);
    cr_assert_eq(batch->types[2].id, OPEN_BATCH_SEEN - 1);
    cr_assert_eq(batch->types[3].id, OPEN_BATCH_SEEN);
    batch_unref(batch);
    // The next batch lists its types anew.
    cr_assert(open_batch_take(&bench.pool, &bench.open, bytes, &r, 9, bench.schema));
    batch = open_batch_seal(&bench.pool, &bench.open);
    cr_assert_eq(batch->n_types, 1);
    batch_unref(batch);
}

Test(batch, fits_to_the_last_byte, .init = setup, .fini = teardown) {
    static uint8_t payload[60000];
    EventRecord r = make_record(1, payload, sizeof payload);
    uint32_t bytes = wire_record_bytes(&r, 1, NULL);
    cr_assert(open_batch_take(&bench.pool, &bench.open, bytes, &r, 1, bench.schema));
    uint32_t left = bench.open.writer.capacity - bench.open.writer.bytes;
    cr_assert(open_batch_fits(&bench.open, left - 8));
    cr_assert(open_batch_fits(&bench.open, left));
    cr_assert_not(open_batch_fits(&bench.open, left + 8));
    batch_unref(open_batch_seal(&bench.pool, &bench.open));
}

Test(batch, a_record_larger_than_a_batch_gets_a_buffer_of_its_own, .init = setup,
     .fini = teardown) {
    static uint8_t payload[65000];
    static uint8_t ext[40000];
    uint32_t ext_bytes = event_item_put(ext, EVENT_ITEM_STACK64, payload, 39000);
    EventRecord r = make_record(1, payload, sizeof payload);
    r.ext = ext;
    r.ext_bytes = ext_bytes;
    uint32_t bytes = wire_record_bytes(&r, 1, NULL);
    cr_assert_gt(bytes, WIRE_BATCH_BYTES);
    cr_assert(open_batch_fits(&bench.open, bytes), "an empty batch takes anything");
    cr_assert(open_batch_take(&bench.pool, &bench.open, bytes, &r, 1, bench.schema));
    Batch *batch = open_batch_seal(&bench.pool, &bench.open);
    cr_assert_eq(batch->capacity, bytes + WIRE_BODY_HEAD);
    batch_unref(batch);
}

// A view whose process alone takes `name_bytes` in the table; as another process each time.
static const EnrichedView *view_of(uint32_t name_bytes) {
    static char name[65536];
    static ProcessView process;
    static EnrichedView view;
    static uint64_t serial;
    memset(name, 'n', name_bytes);
    name[name_bytes] = 0;
    process = (ProcessView){
        .serial = ++serial, .pid = 7, .name = name, .path = "", .command_line = "", .user = ""};
    memset(&view, 0, sizeof view);
    view.pid = view.tid = 7;
    view.chains[CHAIN_PROCESS].process = &process;
    return &view;
}

Test(batch, record_and_table_fit_together_to_the_last_byte, .init = setup, .fini = teardown) {
    static uint8_t payload[65000];
    for (int extra = -8; extra <= 8; extra += 8) {
        EventRecord small = make_record(1, payload, 8), rest = make_record(2, payload, 0);
        cr_assert_eq(
            open_batch_take_view(&bench.pool, &bench.open, &small, 1, bench.schema, view_of(1000)),
            0);
        const BatchWriter *w = &bench.open.writer;
        const EnrichedView *view = view_of(1000);
        uint32_t table = (uint32_t)bench.open.table.bytes.bytes; // of one such view
        uint32_t left = w->capacity - w->bytes - 2 * table;
        rest.payload_bytes = (uint32_t)((int)left - (int)WIRE_RECORD_FIXED + extra);
        WireTableMark mark = wire_table_mark(&bench.open.table);
        int r = open_batch_take_view(&bench.pool, &bench.open, &rest, 1, bench.schema, view);
        if (extra <= 0) {
            cr_assert_eq(r, 0);
            cr_assert_eq(w->n, 2);
        } else {
            cr_assert_eq(r, OPEN_BATCH_FULL);
            cr_assert_eq(w->n, 1);
            cr_assert_eq(bench.open.table.bytes.bytes, mark.bytes, "taken back");
        }
        Batch *batch = open_batch_seal(&bench.pool, &bench.open);
        cr_assert_leq(batch->bytes, WIRE_BATCH_BYTES);
        if (extra == 0)
            cr_assert_eq(batch->bytes, WIRE_BATCH_BYTES);
        cr_assert_eq(bench.open.table.bytes.bytes, 0, "the next batch has a table of its own");
        batch_unref(batch);
    }
}

Test(batch, a_held_record_comes_with_its_entries, .init = setup, .fini = teardown) {
    static uint8_t payload[60000];
    for (uint32_t bytes = 8; bytes <= 60000; bytes += 59992) {
        WireTable table;
        WireExtra extra = {0};
        WireEnriched enriched[WIRE_MAX_ENRICHED];
        static uint8_t record[WIRE_MAX_RECORD], before[WIRE_MAX_RECORD];
        FrameView frames[2] = {{.address = 5, .offset = 5}, {.address = 6, .offset = 6}};
        StackView stack = {.serial = 0, .n = 2, .frames = frames};
        EventRecord r = make_record(1234, payload, bytes), other = make_record(1, payload, 8);
        wire_table_init(&table);
        cr_assert_eq(wire_table_add(&table, view_of(1000), &extra, enriched), 0);
        uint32_t size = wire_record_bytes(&r, 1, &extra);
        wire_record_put(record, size, &r, 1, &extra);
        memcpy(before, record, size);
        HeldRecord held = {record, &table, &stack, true};
        // Behind another one that has the table's first entries.
        cr_assert_eq(
            open_batch_take_view(&bench.pool, &bench.open, &other, 1, bench.schema, view_of(10000)),
            0);
        int taken = open_batch_take_held(&bench.pool, &bench.open, &held, 1, bench.schema);
        if (bytes > 1000) {
            cr_assert_eq(taken, OPEN_BATCH_FULL);
            cr_assert_eq(bench.open.writer.n, 1);
            batch_unref(open_batch_seal(&bench.pool, &bench.open));
            taken = open_batch_take_held(&bench.pool, &bench.open, &held, 1, bench.schema);
        }
        cr_assert_eq(taken, 0);
        cr_assert_eq(memcmp(before, record, size), 0, "the record stays as it is");
        Batch *batch = open_batch_seal(&bench.pool, &bench.open);
        BatchReader reader;
        WireRecord got;
        WireTableView *entries;
        EnrichedView view;
        StackView read;
        Err err = ERR_INIT;
        cr_assert_eq(wire_batch_open(batch->body, batch->bytes, &reader, &err), 0);
        cr_assert_eq(wire_table_open(&reader, &entries, &err), 0);
        for (uint32_t i = 0; i < batch->n_events; i++)
            cr_assert_eq(wire_batch_next(&reader, &got, &err), 1, "%s", err.text);
        cr_assert_eq(got.time, 1234);
        cr_assert_eq(batch->last_time, 1234);
        cr_assert(got.flags & WIRE_RECORD_STACK_INCOMPLETE);
        cr_assert_eq(wire_table_record(entries, &got, &view, &read, &err), 0, "%s", err.text);
        cr_assert_eq(strlen(view.chains[CHAIN_PROCESS].process->name), 1000);
        cr_assert_eq(view.stack->n, 2);
        wire_table_close(entries);
        batch_unref(batch);
        wire_table_deinit(&table);
    }
}

Test(batch, survives_every_failing_allocation, .init = setup, .fini = teardown) {
    EventRecord r = make_record(1, "abc", 3);
    uint32_t bytes = wire_record_bytes(&r, 1, NULL);
    for (size_t nth = 1; nth < 10; nth++) {
        size_t before = mem_in_use();
        BatchPool pool = {.n_free = 0};
        OpenBatch open = {.n_types = 0};
        mem_fail_at(nth);
        bool taken = open_batch_take(&pool, &open, bytes, &r, 1, bench.schema);
        Batch *batch = taken ? open_batch_seal(&pool, &open) : NULL;
        mem_fail_at(0);
        if (taken && !batch) // nothing is lost by a failed seal: it can be tried again
            batch = open_batch_seal(&pool, &open);
        cr_assert(!taken || batch);
        if (batch)
            cr_assert_eq(batch->n_events, 1);
        batch_unref(batch);
        open_batch_deinit(&pool, &open);
        batch_pool_deinit(&pool);
        cr_assert_eq(mem_in_use(), before);
    }
}

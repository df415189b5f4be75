// What dump adds to events: usage, the two halves of an Enriched member, the queue of held events.
#include "client/etwctl/dump_enrich.h"

#include <criterion/criterion.h>

#include "schema/store.h"
#include "util/mem.h"

static int check(EnrichDumpOptions o, bool tsv, const char *says) {
    Err err = ERR_INIT;
    int r = dump_enrich_check(&o, tsv, &err);
    if (says)
        cr_assert(strstr(err.text, says) != NULL, "%s", err.text);
    return r;
}

Test(dump_enrich, usage) {
    const int wrong = -(int)STATUS_INVALID_ARGUMENT;
    cr_assert_eq(check((EnrichDumpOptions){0}, true, NULL), 0);
    cr_assert_eq(check((EnrichDumpOptions){.enrich = true}, false, NULL), 0);
    cr_assert_eq(check((EnrichDumpOptions){.enrich = true}, true, "tsv"), wrong);
    cr_assert_eq(check((EnrichDumpOptions){.enrich = true, .knowledge = "LIVE"}, false, NULL), 0);
    cr_assert_eq(check((EnrichDumpOptions){.enrich = true, .knowledge = "all"}, false, "live"),
                 wrong);
    cr_assert_eq(check((EnrichDumpOptions){.knowledge = "file"}, false, "--enrich"), wrong);
    cr_assert_eq(check((EnrichDumpOptions){.symbols = ""}, false, "--symbols"), wrong);
    const uint64_t numbers[] = {0, 1, 100000000, 100000001};
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        EnrichDumpOptions o = {
            .enrich = true, .knowledge = "live", .max_cached = {numbers[i], true}};
        cr_assert_eq(check(o, false, NULL), i == 0 || i == 3 ? wrong : 0);
    }
    cr_assert_eq(check((EnrichDumpOptions){.max_cached = {5, true}}, false, "--max-cached"), wrong);
    cr_assert_eq(check((EnrichDumpOptions){.enrich = true, .max_cached = {5, true}}, false, "live"),
                 wrong);
}

static void merged(const char *base, const char *more, const char *expected) {
    Buf out = BUF_INIT;
    enriched_merge(&out, base, strlen(base), more, strlen(more));
    cr_assert_str_eq(buf_str(&out), expected);
    buf_deinit(&out);
}

Test(dump_enrich, halves_become_one_member) {
    merged("", "", "");
    merged(",\"Enriched\":{\"A\":1}", "", ",\"Enriched\":{\"A\":1}");
    merged("", ",\"Enriched\":{\"S\":[]}", ",\"Enriched\":{\"S\":[]}");
    merged(",\"Enriched\":{\"A\":1}", ",\"Enriched\":{\"S\":[],\"I\":true}",
           ",\"Enriched\":{\"A\":1,\"S\":[],\"I\":true}");
    merged(",\"Enriched\":{\"A\":1,\"Provenance\":{\"A\":\"live\"}}", ",\"Enriched\":{\"S\":[]}",
           ",\"Enriched\":{\"A\":1,\"S\":[],\"Provenance\":{\"A\":\"live\"}}");
    // A value that looks like the member has its quotes escaped.
    merged(",\"Enriched\":{\"A\":\",\\\"Provenance\\\":{\"}", ",\"Enriched\":{\"S\":[]}",
           ",\"Enriched\":{\"A\":\",\\\"Provenance\\\":{\",\"S\":[]}");
}

static Schema *schema;

static int put(HeldQueue *q, int64_t time, uint8_t *payload, uint32_t bytes) {
    EventRecord r = {.time = time, .payload = payload, .payload_bytes = bytes};
    r.ext = payload;
    r.ext_bytes = bytes >= 8 ? 8 : 0;
    return held_put(q, &r, schema, NULL, "tail", 4, payload);
}

Test(dump_enrich, held_events_keep_bytes_and_order) {
    size_t before = mem_in_use();
    SchemaStore *store;
    cr_assert_eq(schema_store_new(&store), 0);
    cr_assert_eq(schema_store_find(store, &(EventRecord){0}, &schema), 0);
    HeldQueue q;
    held_init(&q);
    uint8_t payload[24];
    memset(payload, 7, sizeof payload);
    cr_assert(!held_any(&q));
    cr_assert_null(held_take(&q, true));
    for (int64_t i = 0; i < 3; i++)
        cr_assert_eq(put(&q, 10 - i, payload, sizeof payload), 0);
    memset(payload, 0, sizeof payload); // copies, not references
    for (int64_t i = 0; i < 3; i++) {
        cr_assert(held_any(&q));
        Held *held = held_take(&q, false); // without a stack to wait for
        cr_assert_not_null(held);
        cr_assert_eq(held->record.time, 10 - i);
        cr_assert_eq(held->record.payload_bytes, 24);
        cr_assert_eq(held->record.payload[23], 7);
        cr_assert_eq(held->record.ext[7], 7);
        cr_assert_eq(memcmp(held->tail, "tail", 4), 0);
        cr_assert(held->user == payload);
        held_drop(held);
    }
    cr_assert_eq(q.bytes, 0);
    cr_assert_eq(put(&q, 1, payload, 3), 0); // after empty, and left to the end
    cr_assert_eq(put(&q, 2, NULL, 0), 0);
    mem_fail_at(1);
    cr_assert_eq(put(&q, 3, NULL, 0), -(int)STATUS_NO_MEMORY);
    mem_fail_at(0);
    held_deinit(&q);
    schema_unref(schema);
    schema_store_free(store);
    cr_assert_eq(mem_in_use(), before);
}

// What follows from the event's type alone stands in the first half already.
Test(dump_enrich, the_half_with_the_stack_repeats_nothing) {
    static const uint8_t payload[40] = {1};
    size_t before = mem_in_use();
    EventRecord r = {.provider = GUID_INIT(0x9a280ac0, 0xc8e0, 0x11d1, 0x84, 0xe2, 0, 0xc0, 0x4f,
                                           0xb9, 0x98, 0xa2),
                     .desc = {.opcode = 12, .version = 2}, // TcpIp/Connect
                     .flags = EVENT_CLASSIC,
                     .payload = payload,
                     .payload_bytes = sizeof payload};
    SchemaStore *store;
    cr_assert_eq(schema_store_new(&store), 0);
    cr_assert_eq(schema_store_find(store, &r, &schema), 0);
    DumpEnrich e = {0};
    held_init(&e.held);
    EnrichedView view = {.pid = 1, .tid = UINT32_MAX};
    const FrameView frame = {.address = 0x1000};
    const StackView stack = {.n = 1, .frames = &frame};
    const char *tail = dump_enrich_tail(&e, &view, &r, schema);
    cr_assert_eq(held_put(&e.held, &r, schema, NULL, tail, e.tail.bytes, NULL), 0);
    Held *held = held_take(&e.held, true);
    const char *whole = dump_enrich_held_tail(&e, held, &stack);
    const char *direction = strstr(whole, "\"Direction\"");
    cr_assert_not_null(direction, "%s", whole);
    cr_assert_null(strstr(direction + 1, "\"Direction\""), "%s", whole);
    cr_assert_not_null(strstr(whole, "\"Stack\":[{\"Address\":\"0x1000\""), "%s", whole);
    held_drop(held);
    dump_enrich_close(&e);
    schema_unref(schema);
    schema_store_free(store);
    cr_assert_eq(mem_in_use(), before);
}

Test(dump_enrich, nothing_is_held_beyond_ten_seconds) {
    SchemaStore *store;
    cr_assert_eq(schema_store_new(&store), 0);
    cr_assert_eq(schema_store_find(store, &(EventRecord){0}, &schema), 0);
    EnrichOptions options = {.limits = enrich_limits_default()};
    Enricher *enricher;
    cr_assert_eq(enricher_new(&options, &enricher), 0);
    EnrichPlan plan = enrich_plan(schema);
    for (int64_t more = -1; more <= 1; more++) {
        HeldQueue q;
        held_init(&q);
        EventRecord r = {.time = 1000, .tid = 7, .ordinal = (uint64_t)(more + 2)};
        enricher_begin(enricher, &plan, &r, schema);
        StackWait *wait = enricher_expect(enricher);
        cr_assert_not_null(wait);
        cr_assert_eq(held_put(&q, &r, schema, wait, "", 0, NULL), 0);
        cr_assert_null(held_take(&q, false));
        held_seen(&q, 1000 + HELD_TIME + more); // of an event that is not chosen
        Held *held = held_take(&q, false);
        cr_assert_eq(held != NULL, more >= 0);
        held_drop(held);
        held_deinit(&q);
    }
    enricher_free(enricher);
    schema_unref(schema);
    schema_store_free(store);
}

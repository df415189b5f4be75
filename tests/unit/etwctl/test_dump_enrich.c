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
        EnrichDumpOptions o = {.enrich = true, .max_cached = {numbers[i], true}};
        cr_assert_eq(check(o, false, NULL), i == 0 || i == 3 ? wrong : 0);
    }
    cr_assert_eq(check((EnrichDumpOptions){.max_cached = {5, true}}, false, "--max-cached"), wrong);
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

// The type table: identity, ids, limits, forgetting.
#include "blob.h"

#include "schema/types.h"
#include "util/mem.h"

static SchemaStore *store;
static TypeTable *table;
static size_t before;
static uint32_t dropped;

static void drop(void *routes) {
    cr_assert(routes == &dropped);
    dropped++;
}

static void set_up(void) {
    before = mem_in_use();
    dropped = 0;
    cr_assert(schema_store_new(&store) == 0);
    cr_assert(type_table_new(store, drop, &table) == 0);
}

static void tear_down(void) {
    table = type_table_free(table);
    store = schema_store_free(store);
    cr_assert(mem_in_use() == before, "%zu bytes are left", mem_in_use() - before);
}

static Guid provider_number(uint32_t n) {
    Guid g = test_provider;
    store_u32(g.b, n);
    return g;
}

Test(types, identity, .init = set_up, .fini = tear_down) {
    EventRecord r = test_event(&test_provider, 1, 0);
    Type *t = type_table_find(table, &r);
    cr_assert(t && t->id == 1 && t->schema && guid_equal(&t->provider, &test_provider));
    cr_assert(type_table_find(table, &r) == t && type_table_count(table) == 2);
    r.payload_bytes = 99, r.pid = 5, r.time = 7, r.cpu = 3; // not what a type is
    cr_assert(type_table_find(table, &r) == t);
    // each part of the descriptor is
    EventDescriptor d = r.desc;
    r.desc.id = 2;
    cr_assert(type_table_find(table, &r)->id == 2);
    r.desc = d, r.desc.version = 1;
    cr_assert(type_table_find(table, &r)->id == 3);
    r.desc = d, r.desc.channel = 1;
    cr_assert(type_table_find(table, &r)->id == 4);
    r.desc = d, r.desc.level = 1;
    cr_assert(type_table_find(table, &r)->id == 5);
    r.desc = d, r.desc.opcode = 1;
    cr_assert(type_table_find(table, &r)->id == 6);
    r.desc = d, r.desc.task = 1;
    cr_assert(type_table_find(table, &r)->id == 7);
    r.desc = d, r.desc.keyword = UINT64_C(1) << 63;
    cr_assert(type_table_find(table, &r)->id == 8);
    r.desc = d, r.flags = EVENT_CLASSIC;
    cr_assert(type_table_find(table, &r)->id == 9);
    r.flags = EVENT_POINTER32 | EVENT_HAS_ACTIVITY; // flags that say nothing of the type
    cr_assert(type_table_find(table, &r) == t);
    r.provider = provider_number(1);
    cr_assert(type_table_find(table, &r)->id == 10);
    for (uint32_t id = 1; id <= 10; id++)
        cr_assert(type_table_get(table, id)->id == id);
    cr_assert(type_table_get(table, 11) == NULL && type_table_get(table, UINT32_MAX) == NULL);
    cr_assert(type_table_get(table, 0)->schema->undecodable == UNDECODABLE_TYPE_LIMIT);
}

Test(types, tracelogging_by_its_metadata, .init = set_up, .fini = tear_down) {
    uint8_t ext[3][256];
    EventRecord r = test_event(&test_provider, 0, 0);
    r.flags = EVENT_TRACELOGGING;
    static const char *const meta[] = {"\0One\0a\0\x08", "\0Two\0a\0\x08", "\0One\0a\0\x04"};
    Type *types[3];
    for (int i = 0; i < 3; i++) {
        r.ext = ext[i];
        r.ext_bytes = test_tl_item(ext[i], 0, meta[i], 8);
        types[i] = type_table_find(table, &r);
        cr_assert(types[i]->id == (uint32_t)i + 1 && types[i]->tl_hash != 0);
    }
    cr_assert(strcmp(types[1]->schema->event_name, "Two") == 0);
    cr_assert(types[2]->schema->fields[0].in_type == IN_U8);
    // the same metadata elsewhere, behind another item
    uint8_t other[256];
    uint32_t n = event_item_put(other, EVENT_ITEM_SID, "12345678", 8);
    r.ext = other;
    r.ext_bytes = test_tl_item(other, n, meta[1], 8);
    cr_assert(type_table_find(table, &r) == types[1]);
}

Test(types, one_provider_at_the_limit, .init = set_up, .fini = tear_down) {
    Type *t = NULL;
    for (uint32_t i = 0; i < TYPES_MAX_PROVIDER - 1; i++) {
        EventRecord r = test_event(&test_provider, (uint16_t)i, 0);
        t = type_table_find(table, &r);
    }
    cr_assert(t->id == TYPES_MAX_PROVIDER - 1, "n - 1");
    EventRecord last = test_event(&test_provider, 60000, 0),
                over = test_event(&test_provider, 60001, 0);
    cr_assert(type_table_find(table, &last)->id == TYPES_MAX_PROVIDER, "n");
    Type *overflow = type_table_find(table, &over);
    cr_assert(overflow && overflow->id == 0 && overflow->schema != NULL, "n + 1");
    cr_assert(overflow->schema->undecodable == UNDECODABLE_TYPE_LIMIT);
    cr_assert(type_table_find(table, &over) == overflow);
    cr_assert(type_table_find(table, &last)->id == TYPES_MAX_PROVIDER, "the others stay");
    Guid other = provider_number(9);
    EventRecord r = test_event(&other, 1, 0);
    cr_assert(type_table_find(table, &r)->id == TYPES_MAX_PROVIDER + 1, "other providers go on");
    type_table_forget(table, &test_provider);
    cr_assert(type_table_find(table, &over)->id == TYPES_MAX_PROVIDER + 2,
              "its room is free again");
}

Test(types, all_at_the_limit, .init = set_up, .fini = tear_down, .timeout = 60) {
    uint32_t n = 0;
    Guid g;
    for (uint32_t p = 0; n < TYPES_MAX; p++) {
        g = provider_number(p);
        for (uint16_t i = 0; i < TYPES_MAX_PROVIDER && n < TYPES_MAX; i++) {
            EventRecord r = test_event(&g, i, 0);
            cr_assert(type_table_find(table, &r)->id == ++n);
        }
    }
    g = provider_number(1000);
    EventRecord r = test_event(&g, 1, 0);
    cr_assert(type_table_find(table, &r)->id == 0);
    cr_assert(type_table_count(table) == TYPES_MAX + 1);
    g = provider_number(3);
    r = test_event(&g, 77, 0);
    cr_assert(type_table_find(table, &r)->id == 3 * TYPES_MAX_PROVIDER + 78, "still found");
}

Test(types, forgetting, .init = set_up, .fini = tear_down) {
    Guid other = provider_number(5);
    EventRecord a = test_event(&test_provider, 1, 0), b = test_event(&other, 1, 0);
    Type *ta = type_table_find(table, &a), *tb = type_table_find(table, &b);
    ta->routes = &dropped;
    tb->routes = &dropped;
    type_table_forget(table, &test_provider);
    cr_assert(dropped == 1 && type_table_get(table, 1) == NULL);
    cr_assert(type_table_find(table, &b) == tb, "the other one's stays");
    Type *again = type_table_find(table, &a);
    cr_assert(again->id == 3 && again->routes == NULL, "an id is never used again");
    type_table_forget(table, &test_metadata_class); // of no type
    cr_assert(type_table_find(table, &a) == again);
    tear_down();
    cr_assert(dropped == 2);
    set_up();
}

Test(types, many_and_forgotten_again, .init = set_up, .fini = tear_down) {
    // Slots are rebuilt: everything that stays must be found, whatever its place was.
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t p = 0; p < 40; p++) {
            Guid g = provider_number(p);
            for (uint16_t i = 0; i < 25; i++) {
                EventRecord r = test_event(&g, i, 0);
                Type *t = type_table_find(table, &r);
                cr_assert(t && t->desc.id == i && guid_equal(&t->provider, &g));
                t->events++;
            }
        }
        Guid g = provider_number(round);
        type_table_forget(table, &g);
    }
    for (uint32_t p = 4; p < 40; p++) {
        Guid g = provider_number(p);
        EventRecord r = test_event(&g, 3, 0);
        cr_assert(type_table_find(table, &r)->events == 4);
    }
}

Test(types, each_allocation_fails, .init = set_up, .fini = tear_down) {
    size_t n = 1;
    for (;; n++) {
        table = type_table_free(table);
        mem_fail_at(n);
        int r = type_table_new(store, drop, &table);
        Type *t = NULL;
        EventRecord e = test_event(&test_provider, 1, 0);
        if (r == 0)
            t = type_table_find(table, &e);
        mem_fail_at(0);
        if (t)
            break;
        cr_assert(r == 0 || r == -STATUS_NO_MEMORY);
        if (r < 0)
            continue;
        cr_assert(type_table_find(table, &e)->id == 1, "the next event finds room");
    }
    cr_assert(n > 5);
}

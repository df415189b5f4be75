// A real trace with all of its knowledge and with little: what little is left is missing, or says
// that it is a guess, but is never wrong.
#include <criterion/criterion.h>
#include <stdio.h>

#include "enrich/enrich.h"
#include "schema/types.h"
#include "source/etl_reader.h"
#include "unit/common/corpus.h"
#include "util/mem.h"

typedef struct Compared {
    uint64_t asked, known, same, missing, guessed, wrong;
} Compared;

static SchemaStore *store;
static TypeTable *types;
static EnrichPlan plans[TYPES_MAX];
static bool planned[TYPES_MAX];

static const Type *type_of(const EventRecord *record) {
    Guid provider;
    if (record->flags & EVENT_SCHEMA_DATA)
        cr_assert(schema_store_feed(store, record, &provider) >= 0);
    const Type *type = type_table_find(types, record);
    cr_assert(type != NULL && type->id != 0);
    if (!planned[type->id])
        plans[type->id] = enrich_plan(type->schema);
    planned[type->id] = true;
    return type;
}

static bool value_of(Enricher *e, const EventRecord *record, EnrichedField field, Buf *ret) {
    Value v;
    buf_clear(ret);
    if (!enricher_resolve(e, record, field, &v))
        return false;
    value_text(ret, NULL, &v, 0);
    return true;
}

static void compare(Enricher *all, Enricher *little, const EventRecord *record, Compared *c) {
    static const EnrichedField fields[] = {
        ENRICHED_PROCESS_NAME, ENRICHED_COMMAND_LINE,  ENRICHED_USER_SID,
        ENRICHED_FILE_NAME,    ENRICHED_REGISTRY_PATH, ENRICHED_SERVICE_NAME,
    };
    static Buf right, got;
    for (uint32_t i = 0; i < ARRAY_COUNT(fields); i++) {
        bool known = value_of(all, record, fields[i], &right);
        bool there = value_of(little, record, fields[i], &got);
        c->asked++;
        c->known += known;
        if (!there) {
            c->missing += known;
            continue;
        }
        if (known && strcmp(buf_str(&right), buf_str(&got)) == 0) {
            c->same++;
        } else if (enriched_provenance(enricher_view(little, false), fields[i]) ==
                   PROVENANCE_GUESS) {
            c->guessed++;
        } else if (c->wrong++ < 5) {
            printf("  event %llu %s: %s, but %s\n", (unsigned long long)record->ordinal,
                   enriched_field_name(fields[i]), known ? buf_str(&right) : "nothing",
                   buf_str(&got));
        }
    }
    buf_deinit(&right);
    buf_deinit(&got);
}

static void walk(const char *path, Enricher *all, Enricher *little, bool scan, Compared *c) {
    Err err = ERR_INIT;
    EtlReader *reader;
    EventRecord record;
    cr_assert(etl_open(path, NULL, &reader, &err) == 0, "%s", err.text);
    while (etl_next(reader, &record, &err) > 0) {
        const Type *type = type_of(&record);
        const EnrichPlan *plan = &plans[type->id];
        Enricher *both[] = {all, little};
        for (uint32_t i = 0; i < 2; i++) {
            if (scan && enrich_is_feeder(&record))
                enricher_learn(both[i], plan, &record, type->schema);
            if (!scan && enrich_learns_from(plan, &record))
                enricher_observe(both[i], plan, &record, type->schema);
            if (!scan)
                enricher_begin(both[i], plan, &record, type->schema);
        }
        if (!scan)
            compare(all, little, &record, c);
    }
    etl_close(reader);
    enricher_learned(all);
    enricher_learned(little);
}

static void with_little(const char *path, size_t bytes, bool degraded) {
    Enricher *all, *little;
    Compared c = {0};
    EnrichOptions o = {.limits = enrich_limits_default(), .file_knowledge = true};
    cr_assert_eq(enricher_new(&o, &all), 0);
    o.scan_bytes = bytes;
    cr_assert_eq(enricher_new(&o, &little), 0);
    walk(path, all, little, true, &c);
    cr_assert(!enricher_degraded(all));
    cr_assert_eq(enricher_degraded(little), degraded, "%zu", bytes);
    walk(path, all, little, false, &c);
    printf("%zu KiB: %llu of %llu the same, %llu missing, %llu guesses, %llu wrong\n", bytes / 1024,
           (unsigned long long)c.same, (unsigned long long)c.known, (unsigned long long)c.missing,
           (unsigned long long)c.guessed, (unsigned long long)c.wrong);
    cr_assert_eq(c.wrong, 0);
    cr_assert(c.known > 100000 && c.same > 0);
    cr_assert_eq(c.missing != 0, degraded);
    enricher_free(all);
    enricher_free(little);
}

Test(enrich_corpus, little_knowledge_is_never_wrong, .timeout = 280) {
    char path[1024];
    if (!corpus_file("net.4.5.2.x64.etl", path, sizeof path))
        cr_skip_test("no corpus");
    size_t before = mem_in_use();
    cr_assert(schema_store_new(&store) == 0 && type_table_new(store, NULL, &types) == 0);
    with_little(path, (size_t)64 << 20, false);
    with_little(path, (size_t)2 << 20, true);
    with_little(path, (size_t)512 << 10, true);
    with_little(path, (size_t)64 << 10, true);
    type_table_free(types);
    schema_store_free(store);
    cr_assert_eq(mem_in_use(), before);
}

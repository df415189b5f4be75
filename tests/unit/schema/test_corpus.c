// Every event of the corpus finds the schema that an independent decoder found: for each line of
// decoded/*.jsonl (the first three events of each kind) the same GUID at the same place, a schema
// exactly where that decoder had one, and the same fields in the same order.
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>

#include "schema/types.h"
#include "source/etl_reader.h"
#include "unit/common/corpus.h"
#include "util/mem.h"

static const char *const files[] = {
    "AMSITrace.etl",
    "SelfDescribingSingleEvent.etl",
    "ShutdownPerfDiagLogger.etl",
    "diaghub.user_paged.1.etl",
    "gcevents.etl",
    "image_data_32_v1.etl",
    "image_data_64_v2.etl",
    "marissa_mytrace.etl",
    "net.4.5.2.x64.etl",
    "powershell.etl",
    "primitive-types.etl",
    "process_data_32_v2.etl",
    "process_data_64_v3.etl",
    "pyetw_out.etl",
    "made/features.etl",
    "made/libtrace64.etl",
};

static void feed_all(SchemaStore *store, const char *path) {
    EtlOptions options = {.schema_only = true};
    EtlReader *reader;
    EventRecord r;
    Err err = ERR_INIT;
    Guid provider;
    cr_assert(etl_open(path, &options, &reader, &err) == 0, "%s", err.text);
    while (etl_next(reader, &r, &err) > 0)
        cr_assert(schema_store_feed(store, &r, &provider) >= 0);
    cr_assert(err.status == 0, "%s", err.text);
    etl_close(reader);
}

// "Name(layout v2)" and the like: the decoder's fields, as an object or a list of pairs.
static const char *field_name(const cJSON *field) {
    if (field->string)
        return field->string;
    const cJSON *name = cJSON_GetArrayItem(field, 0);
    return cJSON_IsString(name) ? name->valuestring : "";
}

// Where our layouts go beyond the decoder's, which took the MOF as it is: fields appended by newer
// systems, and frames, which are one array here.
static bool beyond(const Schema *s, uint32_t i, const char *theirs) {
    static const char *const appended[] = {"ThreadName", "ExtraFlags", "Reserved", "StackFrame"};
    if (strncmp(theirs, "Stack", 5) == 0 && strncmp(s->fields[i].name, "Stack", 5) == 0)
        return true;
    for (size_t k = 0; k < ARRAY_COUNT(appended); k++)
        if (theirs[0] == '\0' && strcmp(s->fields[i].name, appended[k]) == 0)
            return true;
    return false;
}

static void same_fields(const Schema *s, const cJSON *row, const char *where) {
    const cJSON *fields = cJSON_GetObjectItemCaseSensitive(row, "fields");
    const cJSON *field = fields ? fields->child : NULL;
    for (uint32_t i = 0; i < s->n_top; i++, field = field ? field->next : NULL) {
        const char *theirs = field ? field_name(field) : "";
        bool same = strcmp(theirs, s->fields[i].name) == 0 || beyond(s, i, theirs);
        cr_assert(same, "%s, %s: field %u is %s, the decoder has '%s'", where, s->event_name, i,
                  s->fields[i].name, theirs);
        if (strncmp(theirs, "Stack", 5) == 0 && strcmp(theirs, "StackKey") != 0 &&
            strcmp(theirs, "StackProcess") != 0 && strcmp(theirs, "StackThread") != 0)
            break; // Stack1, Stack2 …
    }
}

// Event types that we describe and the decoder did not: KernelTraceControl's, in-stream manifests,
// one-string events, image identity (table and etl-format F, G).
static bool ours_alone(const Schema *s, const EventRecord *r) {
    return s->source == SCHEMA_MANIFEST || s->source == SCHEMA_STRING ||
           (s->source == SCHEMA_MOF &&
            (strcmp(s->provider_name, "KernelTraceControl") == 0 ||
             strcmp(s->task_name, "SysConfig") == 0 ||
             (strcmp(s->task_name, "Image") == 0 && r->desc.version < 2)));
}

typedef struct Counts {
    uint32_t rows, described, raw;
} Counts;

static void check_row(TypeTable *types, const EventRecord *r, const cJSON *row, const char *file,
                      Counts *counts) {
    char where[256];
    snprintf(where, sizeof where, "%s event %.0f", file,
             cJSON_GetObjectItemCaseSensitive(row, "n")->valuedouble);
    Guid guid;
    const char *text = cJSON_GetObjectItemCaseSensitive(row, "guid")->valuestring;
    if (guid_parse(text, &guid)) // the decoder writes other words for WPP without a GUID
        cr_assert(guid_equal(&guid, &r->provider), "%s: the rows do not match", where);
    Type *type = type_table_find(types, r);
    cr_assert(type != NULL && type->id != 0);
    const Schema *s = type->schema;
    const cJSON *how = cJSON_GetObjectItemCaseSensitive(row, "how");
    counts->rows++;
    if (cJSON_IsString(how)) {
        cr_assert(s->source != SCHEMA_NONE, "%s: no schema, but the decoder had %s", where,
                  how->valuestring);
        same_fields(s, row, where);
        counts->described++;
    } else {
        cr_assert(s->source == SCHEMA_NONE || ours_alone(s, r), "%s: %s", where, s->event_name);
        counts->raw += s->source == SCHEMA_NONE;
    }
}

static void check_file(const char *name, Counts *counts) {
    char path[1024], decoded[256];
    const char *base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
    snprintf(decoded, sizeof decoded, "decoded/%s.jsonl", base);
    size_t bytes;
    char *lines = corpus_load(decoded, &bytes);
    if (!corpus_file(name, path, sizeof path) || !lines)
        return;
    SchemaStore *store;
    TypeTable *types;
    EtlReader *reader;
    Err err = ERR_INIT;
    EtlOptions options = {0};
    cr_assert(schema_store_new(&store) == 0 && type_table_new(store, NULL, &types) == 0);
    feed_all(store, path);
    cr_assert(etl_open(path, &options, &reader, &err) == 0, "%s", err.text);
    EventRecord r;
    int64_t at = -1;
    for (char *line = lines, *end = lines + bytes; line < end;) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((stop ? stop : end) - line);
        cJSON *row = cJSON_ParseWithLength(line, n);
        cr_assert(row != NULL, "%s", decoded);
        int64_t want = (int64_t)cJSON_GetObjectItemCaseSensitive(row, "n")->valuedouble;
        while (at < want) {
            cr_assert(etl_next(reader, &r, &err) == 1, "%s ends before event %lld", name,
                      (long long)want);
            at++;
        }
        check_row(types, &r, row, name, counts);
        cJSON_Delete(row);
        line += n + 1;
    }
    etl_close(reader);
    type_table_free(types);
    schema_store_free(store);
    mem_free(lines);
}

Test(corpus, schemas_as_an_independent_decoder_found_them, .timeout = 120) {
    Counts counts = {0};
    for (size_t i = 0; i < ARRAY_COUNT(files); i++)
        check_file(files[i], &counts);
    if (counts.rows == 0)
        return; // no corpus: the helper has said so
    cr_assert(counts.described > 500, "%u of %u", counts.described, counts.rows);
    cr_assert(counts.raw > 50 && counts.raw < counts.described, "%u raw", counts.raw);
}

// What merged files say about themselves, counted once by hand.
Test(corpus, metadata_of_a_merged_file, .timeout = 60) {
    char path[1024];
    if (!corpus_file("net.4.5.2.x64.etl", path, sizeof path))
        return;
    SchemaStore *store;
    cr_assert(schema_store_new(&store) == 0);
    feed_all(store, path);
    SchemaStoreStats stats = schema_store_stats(store);
    cr_assert(stats.event_infos == 61 && stats.map_infos == 24, "%u infos, %u maps",
              (unsigned)stats.event_infos, (unsigned)stats.map_infos);
    cr_assert(stats.manifests == 3 && stats.manifest_chunks == 4, "%u manifests, %u chunks",
              (unsigned)stats.manifests, (unsigned)stats.manifest_chunks);
    cr_assert(stats.rejected == 0);
    schema_store_free(store);
}

// Names of manifest events in TraceEvent's spelling (traceevent/net.4.5.2.x64.etl.log.tsv.gz).
Test(corpus, names_as_traceevent_has_them, .timeout = 60) {
    static const struct {
        const char *guid;
        uint16_t id;
        uint8_t version, opcode;
        const char *name;
    } cases[] = {
        {"1c95126e-7eea-49a9-a3fe-a378b03ddb4d", 1001, 0, 0, "DnsServerForInterface"},
        {"22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716", 1, 1, 1, "ProcessStart/Start"},
        {"edd08927-9cc4-4e65-b970-c2560fb5c289", 12, 1, 0, "Create"},
        {"e13c0d23-ccbc-4e12-931b-d9cc2eee27e4", 143, 1, 37, "Method/LoadVerbose"},
        {"e13c0d23-ccbc-4e12-931b-d9cc2eee27e4", 1, 2, 1, "GC/Start"},
        {"e13c0d23-ccbc-4e12-931b-d9cc2eee27e4", 50, 0, 1, "ThreadPoolWorkerThread/Start"},
        {"a669021c-c450-4609-a035-5af59af4df18", 144, 1, 40, "Method/DCStopVerbose"},
        {"b675ec37-bdb6-4648-bc92-f3fdc74d3ca2", 14, 0, 18, "ETW_TASK_PROVIDER/ETW_OPCODE_ENABLE"},
        {"a8a71ac1-040f-54a2-07ca-00a89b5ab761", 2, 0, 1, "Tracing/Start"},
        {"a8a71ac1-040f-54a2-07ca-00a89b5ab761", 10, 0, 0, "CommandLineParameters"},
        {"8e9f5090-2d75-4d03-8a81-e5afbf85daf1", 30, 0, 0, "ThreadPoolEnqueueWork"},
        {"2e5dba47-a3d2-4d16-8ee0-6671ffdcd7b5", 8, 0, 1, "TaskExecute/Start"},
        {"763fd754-7086-4dfe-95eb-c01a46faf4ca", 188, 0, 69, "NgenBinder/NgenBind"},
    };
    char path[1024];
    if (!corpus_file("net.4.5.2.x64.etl", path, sizeof path))
        return;
    SchemaStore *store;
    cr_assert(schema_store_new(&store) == 0);
    feed_all(store, path);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        EventRecord r = {
            .desc = {.id = cases[i].id, .version = cases[i].version, .opcode = cases[i].opcode}};
        Schema *schema;
        cr_assert(guid_parse(cases[i].guid, &r.provider));
        cr_assert(schema_store_find(store, &r, &schema) == 0);
        cr_assert(strcmp(schema->event_name, cases[i].name) == 0, "%s is called %s", cases[i].name,
                  schema->event_name);
        schema_unref(schema);
    }
    schema_store_free(store);
}

// Keywords that blobs tell of, against the table that was written from the manifests.
typedef struct Keywords {
    uint64_t mask;
    const char *name;
    bool found;
} Keywords;

static void look_for(void *user, uint64_t mask, const char *name) {
    Keywords *k = user;
    k->found |= mask == k->mask && strcmp(name, k->name) == 0;
}

Test(corpus, keywords_of_blobs, .timeout = 60) {
    static const struct {
        const char *guid;
        uint64_t mask;
        const char *name;
    } cases[] = {
        {"a669021c-c450-4609-a035-5af59af4df18", 0x8, "LoaderRundownKeyword"},
        {"a669021c-c450-4609-a035-5af59af4df18", 0x10, "JitRundownKeyword"},
        {"a669021c-c450-4609-a035-5af59af4df18", 0x20, "NGenRundownKeyword"},
        {"e13c0d23-ccbc-4e12-931b-d9cc2eee27e4", 0x8000, "ExceptionKeyword"},
        {"edd08927-9cc4-4e65-b970-c2560fb5c289", 0x80, "KERNEL_FILE_KEYWORD_CREATE"},
        {"22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716", 0x10, "WINEVENT_KEYWORD_PROCESS"},
    };
    char path[1024];
    if (!corpus_file("net.4.5.2.x64.etl", path, sizeof path))
        return;
    SchemaStore *store;
    cr_assert(schema_store_new(&store) == 0);
    feed_all(store, path);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        Guid guid;
        Keywords k = {cases[i].mask, cases[i].name, false};
        cr_assert(guid_parse(cases[i].guid, &guid));
        cr_assert(schema_store_keywords(store, &guid, look_for, &k) > 0);
        cr_assert(k.found, "%s", cases[i].name);
    }
    schema_store_free(store);
}

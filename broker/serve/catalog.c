#include "serve/catalog.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#include "enrich/enrich.h"
#include "route/kernel.h"
#include "util/utf.h"
#include "wire/json.h"

static void hex_member(JsonWriter *w, const char *key, uint64_t v) {
    char text[24];
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)v);
    jsonw_key(w, key);
    jsonw_text(w, text);
}

static void provider_row(void *user, const Guid *guid, const char *name) {
    JsonWriter *w = user;
    char text[GUID_TEXT];
    jsonw_object(w);
    jsonw_key(w, "name");
    jsonw_text(w, name);
    jsonw_key(w, "guid");
    jsonw_text(w, guid_format(guid, text));
    jsonw_object_end(w);
}

typedef struct OnlyProvider {
    Guid guid;
    uint32_t n;
} OnlyProvider;

static void only_provider(void *user, const Guid *guid, const char *name) {
    OnlyProvider *only = user;
    (void)name;
    if (only->n++ == 0)
        only->guid = *guid;
}

static void keyword_row(void *user, uint64_t mask, const char *name) {
    JsonWriter *w = user;
    jsonw_object(w);
    jsonw_key(w, "name");
    jsonw_text(w, name);
    hex_member(w, "mask", mask);
    jsonw_object_end(w);
}

static void enriched_member(JsonWriter *w, uint64_t fields) {
    jsonw_key(w, "enriched");
    jsonw_array(w);
    for (uint32_t i = 1; i < ENRICHED_N; i++)
        if (fields & ENRICHED_BIT(i))
            jsonw_text(w, enriched_field_name((EnrichedField)i));
    jsonw_array_end(w);
}

typedef struct EventRows {
    JsonWriter *w;
    KernelSet types; // only what these cover; 0: all
} EventRows;

static void event_row(void *user, const Schema *schema) {
    const EventRows *rows = user;
    JsonWriter *w = rows->w;
    if (rows->types != 0 && !kernel_matches(rows->types, &schema->provider, schema->desc.opcode))
        return;
    jsonw_object(w);
    jsonw_key(w, "id");
    if (schema->event_flags & EVENT_CLASSIC)
        jsonw_null(w);
    else
        jsonw_u64(w, schema->desc.id);
    jsonw_key(w, "version");
    jsonw_u64(w, schema->desc.version);
    jsonw_key(w, "opcode");
    jsonw_u64(w, schema->desc.opcode);
    jsonw_key(w, "level");
    jsonw_u64(w, schema->desc.level);
    hex_member(w, "keyword", schema->desc.keyword);
    jsonw_key(w, "name");
    jsonw_text(w, schema->event_name);
    jsonw_key(w, "fields");
    jsonw_array(w);
    for (uint16_t i = 0; i < schema->n_top; i++)
        jsonw_text(w, schema->fields[i].name);
    jsonw_array_end(w);
    enriched_member(w, enrich_plan(schema).fields & ~enrich_process_fields());
    jsonw_key(w, "message");
    jsonw_text(w, schema->message);
    jsonw_object_end(w);
}

// What all kinds of details end with: the events of some classes, and the fields that each may
// have.
static void events_members(SchemaStore *store, const Guid *const *guids, uint32_t n,
                           KernelSet types, JsonWriter *w) {
    EventRows rows = {w, types};
    jsonw_key(w, "events");
    jsonw_array(w);
    for (uint32_t i = 0; i < n; i++)
        schema_store_events(store, guids[i], event_row, &rows);
    jsonw_array_end(w);
    enriched_member(w, enrich_process_fields());
}

// ---- Kernel types ----

static void kernel_row(const KernelType *type, JsonWriter *w) {
    jsonw_object(w);
    jsonw_key(w, "name");
    jsonw_text(w, type->name);
    jsonw_key(w, "aliases");
    jsonw_text(w, type->aliases);
    jsonw_key(w, "classes");
    jsonw_array(w);
    for (uint32_t i = 0; i < type->n_classes; i++) {
        uint8_t group = 0;
        if (kernel_is_class(type->classes[i].class_guid, &group))
            jsonw_text(w, kernel_class_name(group));
    }
    jsonw_array_end(w);
    jsonw_key(w, "hot");
    jsonw_bool(w, (type->options & KERNEL_HOT) != 0);
    jsonw_key(w, "stacks");
    jsonw_bool(w, type->n_stacks > 0);
    jsonw_object_end(w);
}

static int kernel_types(SchemaStore *store, const char *pattern, JsonWriter *w, Err *err) {
    KernelSet set = kernel_types_match(pattern);
    const KernelType *only = NULL;
    uint32_t n = 0;
    if (set == 0)
        return names_no_kernel_type(pattern, err);
    jsonw_object(w);
    jsonw_key(w, "kernel");
    jsonw_array(w);
    for (uint32_t k = 0; kernel_type(k); k++) {
        if (!(set & KERNEL_BIT(k)))
            continue;
        only = kernel_type(k);
        kernel_row(only, w);
        n++;
    }
    jsonw_array_end(w);
    if (n == 1) {
        const Guid *guids[ARRAY_COUNT(only->classes)];
        for (uint32_t i = 0; i < only->n_classes; i++)
            guids[i] = only->classes[i].class_guid;
        events_members(store, guids, only->n_classes, set, w);
    }
    jsonw_object_end(w);
    return 0;
}

// ---- Providers ----

static int unknown_provider(const RouteNames *names, const char *name, Err *err) {
    Buf near = BUF_INIT;
    names_nearest(names, name, &near);
    int r = err_set(err, STATUS_NOT_FOUND, "no provider '%.120s'%s%s", name,
                    near.bytes ? "; nearest: " : "", buf_str(&near));
    buf_deinit(&near);
    return r;
}

int catalog_providers(SchemaStore *store, const RouteNames *names, const cJSON *params,
                      JsonWriter *w, Err *err) {
    static const char *const allowed[] = {"name", "kernel", "detail", NULL};
    const char *name = "*", *kernel = NULL;
    bool detail = false;
    int r = json_refuse_unknown(params, allowed, err);
    if (r == 0)
        r = json_get_string(params, "name", &name, err);
    if (r >= 0)
        r = json_get_string(params, "kernel", &kernel, err);
    if (r >= 0)
        r = json_get_bool(params, "detail", &detail, err);
    if (r < 0)
        return r;
    if (kernel && json_member(params, "name"))
        return err_set(err, STATUS_INVALID_ARGUMENT, "'name' and 'kernel' exclude each other");
    if (kernel)
        return kernel_types(store, kernel, w, err);
    OnlyProvider only = {.n = 0};
    schema_store_providers(store, name, only_provider, &only);
    if (only.n == 0 && (fold_equal(name, "kernel") || fold_equal(name, "Windows Kernel")))
        return kernel_types(store, "*", w, err);
    if (only.n == 0 && kernel_type_find(name) >= 0) // what people say for its events
        return kernel_types(store, name, w, err);
    if (only.n == 0)
        return unknown_provider(names, name, err);
    jsonw_object(w);
    jsonw_key(w, "providers");
    jsonw_array(w);
    schema_store_providers(store, name, provider_row, w);
    jsonw_array_end(w);
    if (detail && only.n == 1) {
        const Guid *guid = &only.guid;
        jsonw_key(w, "keywords");
        jsonw_array(w);
        schema_store_keywords(store, guid, keyword_row, w);
        jsonw_array_end(w);
        events_members(store, &guid, 1, 0, w);
    }
    jsonw_object_end(w);
    return 0;
}

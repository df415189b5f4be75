#include "make.h"

#include <criterion/criterion.h>

#include "util/mem.h"
#include "util/utf.h"
#include "wire/json.h"

Event *event_new(void) {
    Event *e = mem_zalloc(sizeof *e);
    cr_assert_not_null(e);
    cr_assert_eq(schema_new(&e->schema), 0);
    memset(e->provider.b, 0x11, sizeof e->provider.b);
    e->desc = (EventDescriptor){
        .id = 3008, .version = 1, .level = 4, .opcode = 1, .task = 7, .keyword = 0x10};
    Schema *s = e->schema;
    s->source = SCHEMA_MANIFEST;
    s->provider_name = "Test-Provider";
    s->event_name = "Query/Start";
    s->task_name = "Query";
    s->opcode_name = "Start";
    s->keyword_names = "ut:SendPath, ut:ReceivePath";
    s->fields = arena_array(&s->arena, 64, sizeof(SchemaField));
    cr_assert_not_null(s->fields);
    e->record.pid = 4711;
    e->record.tid = 12;
    e->record.cpu = 3;
    e->record.payload = e->payload;
    e->record.ext = e->ext;
    return e;
}

SchemaField *event_field(Event *e, const char *name, uint16_t in_type, uint16_t out_type) {
    SchemaField *f = (SchemaField *)&e->schema->fields[e->schema->n_fields++];
    e->schema->n_top++;
    cr_assert_leq(e->schema->n_fields, 64);
    f->name = name;
    f->in_type = in_type;
    f->out_type = out_type;
    f->parent = UINT16_MAX;
    return f;
}

void event_put(Event *e, const void *data, size_t bytes) {
    cr_assert_leq(e->record.payload_bytes + bytes, sizeof e->payload);
    if (bytes != 0)
        memcpy(e->payload + e->record.payload_bytes, data, bytes);
    e->record.payload_bytes += (uint32_t)bytes;
}

void event_put_u32(Event *e, uint32_t v) {
    event_put(e, &v, sizeof v);
}

void event_put_u64(Event *e, uint64_t v) {
    event_put(e, &v, sizeof v);
}

void event_put_utf16(Event *e, const char *utf8) {
    Buf units = BUF_INIT;
    utf8_to_utf16(&units, utf8, strlen(utf8));
    event_put(e, units.data, units.bytes);
    event_put(e, "\0", 2);
    buf_deinit(&units);
}

void event_put_units(Event *e, uint16_t unit, size_t n) {
    for (size_t i = 0; i < n; i++)
        event_put(e, &unit, sizeof unit);
}

const SchemaMap *event_map(Event *e, bool bitmap, const char *const *texts, const uint32_t *values,
                           uint32_t n) {
    SchemaMap *map = arena_alloc(&e->schema->arena, sizeof *map);
    SchemaMapEntry *entries = arena_array(&e->schema->arena, n, sizeof *entries);
    cr_assert(map && entries);
    for (uint32_t i = 0; i < n; i++)
        entries[i] = (SchemaMapEntry){values[i], texts[i]};
    *map = (SchemaMap){"Map", bitmap, n, entries};
    return map;
}

void event_ready(Event *e) {
    Err err = ERR_INIT;
    e->schema->provider = e->provider;
    e->schema->desc = e->desc;
    e->schema->event_flags = e->record.flags;
    cr_assert_eq(schema_finish(e->schema, &err), 0, "%s", err.text);
    e->record.provider = e->provider;
    e->record.desc = e->desc;
    e->type = (RouteType){.provider = &e->provider,
                          .desc = &e->desc,
                          .event_flags = e->record.flags,
                          .schema = e->schema};
}

void event_free(Event *e) {
    schema_unref(e->schema);
    mem_free(e);
}

bool event_passes_with(Event *e, const char *text, FilterResolve resolve, void *user,
                       FilterCounters *counters) {
    Filter *filter;
    BoundFilter *bound;
    Err err = ERR_INIT;
    FilterCounters own = {0, 0, 0};
    cr_assert_eq(filter_parse(text, strlen(text), &filter, NULL, &err), 0, "%s: %s", text,
                 err.text);
    cr_assert_eq(filter_bind(filter, &e->type, &bound), 0);
    FilterInput input = {.record = &e->record, .resolve = resolve, .resolve_user = user};
    size_t calls = mem_calls();
    bool result = filter_eval(bound, &input, counters ? counters : &own);
    cr_assert_eq(mem_calls(), calls, "evaluating allocates nothing: %s", text);
    // The same with the payload opened by the caller.
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    Payload payload;
    payload_open(&payload, e->schema, &e->record, slices);
    input.payload = &payload;
    cr_assert_eq(filter_eval(bound, &input, &own), result, "%s", text);
    filter_unbind(bound);
    // Its canonical text means the same, and is its own canonical text.
    Filter *again;
    cr_assert_eq(filter_parse(filter_text(filter), strlen(filter_text(filter)), &again, NULL, &err),
                 0, "%s -> %s: %s", text, filter_text(filter), err.text);
    cr_assert_str_eq(filter_text(again), filter_text(filter));
    cr_assert_eq(filter_bind(again, &e->type, &bound), 0);
    cr_assert_eq(filter_eval(bound, &input, &own), result, "%s -> %s", text, filter_text(filter));
    filter_unbind(bound);
    filter_free(again);
    filter_free(filter);
    return result;
}

bool event_passes(Event *e, const char *text, FilterCounters *counters) {
    return event_passes_with(e, text, NULL, NULL, counters);
}

FilterVerdict event_verdict(Event *e, const char *text) {
    Filter *filter;
    BoundFilter *bound;
    Err err = ERR_INIT;
    cr_assert_eq(filter_parse(text, strlen(text), &filter, NULL, &err), 0, "%s: %s", text,
                 err.text);
    cr_assert_eq(filter_bind(filter, &e->type, &bound), 0);
    FilterVerdict verdict = filter_verdict(bound);
    filter_unbind(bound);
    filter_free(filter);
    return verdict;
}

uint32_t filter_error(const char *text, Err *ret_err) {
    Filter *filter = NULL;
    uint32_t column = 0;
    size_t before = mem_in_use();
    *ret_err = (Err)ERR_INIT;
    int r = filter_parse(text, strlen(text), &filter, &column, ret_err);
    cr_assert_eq(r, -(int)STATUS_FILTER, "%s is accepted", text);
    cr_assert_eq(ret_err->status, STATUS_FILTER);
    cr_assert_eq(mem_in_use(), before, "%s leaks", text);
    return column;
}

// --- names ---

const Guid guid_dns =
    GUID_INIT(0x1c95126e, 0x7eea, 0x49a9, 0xa3, 0xfe, 0xa3, 0x78, 0xb0, 0x3d, 0xdb, 0x4d);
const Guid guid_kernel_file =
    GUID_INIT(0xedd08927, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89);
const Guid guid_kernel_process =
    GUID_INIT(0x22fb2cd6, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16);
const Guid guid_amsi =
    GUID_INIT(0x2a576b87, 0x09a7, 0x520e, 0xc2, 0x1a, 0x49, 0x42, 0xf0, 0x27, 0x1d, 0x67);
const Guid guid_powershell_core =
    GUID_INIT(0xf90714a8, 0x5509, 0x434a, 0xbf, 0x6d, 0xb1, 0x62, 0x4c, 0x8a, 0x19, 0xa2);

static const struct {
    const Guid *guid;
    const char *name;
} providers[] = {
    {&guid_dns, "Microsoft-Windows-DNS-Client"},
    {&guid_kernel_file, "Microsoft-Windows-Kernel-File"},
    {&guid_kernel_process, "Microsoft-Windows-Kernel-Process"},
    {&guid_amsi, "Microsoft-Antimalware-Scan-Interface"},
    {&guid_powershell_core, "PowerShellCore"},
};

static const struct {
    const Guid *guid;
    uint64_t mask;
    const char *name;
} keywords[] = {
    {&guid_kernel_process, 0x10, "WINEVENT_KEYWORD_PROCESS"},
    {&guid_kernel_process, 0x20, "WINEVENT_KEYWORD_THREAD"},
    {&guid_kernel_process, 0x40, "WINEVENT_KEYWORD_IMAGE"},
    {&guid_kernel_process, UINT64_C(0x8000000000000000),
     "Microsoft-Windows-Kernel-Process/Analytic"},
    {&guid_kernel_file, 0x10, "KERNEL_FILE_KEYWORD_FILENAME"},
    {&guid_kernel_file, 0x80, "KERNEL_FILE_KEYWORD_CREATE"},
    {&guid_kernel_file, 0x400, "KERNEL_FILE_KEYWORD_DELETE_PATH"},
    {&guid_kernel_file, 0x1000, "KERNEL_FILE_KEYWORD_CREATE_NEW_FILE"},
    {&guid_dns, 1, "ut:SendPath"},
    {&guid_dns, 2, "ut:ReceivePath"},
    {&guid_powershell_core, 1, "ONLY_KEYWORD_Runspace"},
};

static bool name_matches(const char *pattern, const char *name) {
    static const char *const prefixes[] = {"", "Microsoft-Windows-", "Microsoft-"};
    for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
        size_t n = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], n) == 0 && fold_glob(pattern, name + n))
            return true;
    }
    return false;
}

static uint32_t find_providers(void *user, const char *pattern, NamesProvider each,
                               void *each_user) {
    (void)user;
    uint32_t n = 0;
    for (size_t i = 0; i < ARRAY_COUNT(providers); i++) {
        if (!name_matches(pattern, providers[i].name))
            continue;
        each(each_user, providers[i].guid, providers[i].name);
        n++;
    }
    return n;
}

static uint32_t find_keywords(void *user, const Guid *guid, NamesKeyword each, void *each_user) {
    (void)user;
    uint32_t n = 0;
    for (size_t i = 0; i < ARRAY_COUNT(keywords); i++) {
        if (!guid_equal(keywords[i].guid, guid))
            continue;
        each(each_user, keywords[i].mask, keywords[i].name);
        n++;
    }
    return n;
}

static const char *find_name(void *user, const Guid *guid) {
    (void)user;
    for (size_t i = 0; i < ARRAY_COUNT(providers); i++)
        if (guid_equal(providers[i].guid, guid))
            return providers[i].name;
    return NULL;
}

const RouteNames test_names = {NULL, find_providers, find_keywords, find_name, NULL};

// --- JSON ---

static cJSON *parse(const char *text) {
    char *copy = mem_strdup(text);
    Err err = ERR_INIT;
    cJSON *json = NULL;
    cr_assert_not_null(copy);
    bool plain = strchr(copy, '"') != NULL; // an echo, with its own single quotes
    for (char *p = copy; *p && !plain; p++)
        if (*p == '\'')
            *p = '"';
    cr_assert_eq(json_parse(copy, strlen(copy), &json, &err), 0, "%s: %s", text, err.text);
    mem_free(copy);
    return json;
}

Want *want_of(const char *text, Buf *warnings, Err *err) {
    cJSON *json = parse(text);
    Err own = ERR_INIT;
    Want *want = NULL;
    int r = want_from_json(json, &test_names, &want, warnings, err ? err : &own);
    json_free(json);
    if (!err)
        cr_assert_eq(r, 0, "%s: %s", text, own.text);
    else
        cr_assert_eq(r, -err->status);
    return want;
}

Spec *spec_of(const char *text, Buf *warnings, Err *err) {
    cJSON *json = parse(text);
    Err own = ERR_INIT;
    Spec *spec = NULL;
    int r = spec_from_json(json, &test_names, &spec, warnings, err ? err : &own);
    json_free(json);
    if (!err)
        cr_assert_eq(r, 0, "%s: %s", text, own.text);
    else
        cr_assert_eq(r, -err->status);
    return spec;
}

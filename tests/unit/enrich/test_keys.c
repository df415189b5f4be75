// Registry keys: what a KCB is called, when, and how it is shown.
#include "enrich/keys.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "schema/kernel_mof.h"
#include "tests/etlgen/blob.h"
#include "util/mem.h"
#include "util/utf.h"

enum {
    CREATE = 10,
    OPEN = 11,
    DELETE = 12,
    QUERY = 13,
    SET_VALUE = 14,
    QUERY_VALUE = 16,
    KCB_CREATE = 22,
    KCB_DELETE = 23,
    RUNDOWN_BEGIN = 24,
    RUNDOWN_END = 25,
    CLOSE = 27,
    CHANGE_NOTIFY = 48,
};

#define SOFTWARE "\\REGISTRY\\MACHINE\\SOFTWARE"

static Keys *keys;
static Schema *schemas[256];
static Buf payload, path;
static size_t before;
static uint64_t now; // ordinal

static void set_up(void) {
    before = mem_in_use();
    now = 10;
}

static void tear_down(void) {
    keys = keys_free(keys);
    for (size_t i = 0; i < ARRAY_COUNT(schemas); i++)
        schemas[i] = schema_unref(schemas[i]);
    buf_deinit(&payload);
    buf_deinit(&path);
    cr_assert_eq(mem_in_use(), before, "%zu bytes left behind", mem_in_use() - before);
}

static void make_keys(uint32_t max_keys, bool looks_ahead) {
    KeysOptions options = {max_keys, 0, looks_ahead};
    keys = keys_free(keys);
    cr_assert_eq(keys_new(&options, &keys), 0);
}

static const Guid registry =
    GUID_INIT(0xae53722e, 0xc863, 0x11d2, 0x86, 0x59, 0, 0xc0, 0x4f, 0xa3, 0x21, 0xa1);

static const Schema *schema_of(int opcode) {
    EventDescriptor desc = {.opcode = (uint8_t)opcode, .version = 2};
    if (!schemas[opcode])
        cr_assert_eq(kernel_mof_compile(&registry, &desc, &schemas[opcode]), 0);
    return schemas[opcode];
}

// A classic event of version 2. name: NULL ends the payload behind the handle.
static EventRecord event(int opcode, uint64_t handle, const char *name) {
    buf_clear(&payload);
    if (opcode == CHANGE_NOTIFY)
        buf_u64(&payload, 0x77);
    else
        buf_zero(&payload, 16); // InitialTime, Status, Index
    buf_u64(&payload, handle);
    if (name)
        blob_utf16z(&payload, name);
    return (EventRecord){.provider = registry,
                         .desc = {.opcode = (uint8_t)opcode, .version = 2},
                         .flags = EVENT_CLASSIC,
                         .ordinal = now,
                         .payload = payload.data,
                         .payload_bytes = (uint32_t)payload.bytes};
}

static void tell(int opcode, uint64_t handle, const char *name) {
    const Schema *schema = schema_of(opcode);
    KeyPlan plan = keys_plan(schema);
    now++;
    EventRecord record = event(opcode, handle, name);
    keys_observe(keys, &plan, &record, schema);
}

static void check(const EventRecord *record, const Schema *schema, const uint8_t *sid,
                  size_t sid_bytes, const char *expected, uint8_t provenance) {
    KeyPlan plan = keys_plan(schema);
    uint8_t got = 99;
    buf_clear(&path);
    buf_text(&path, "in front "); // what stands there stays
    bool there = keys_path(keys, &plan, record, schema, sid, sid_bytes, &path, &got);
    cr_assert(strncmp(buf_str(&path), "in front ", 9) == 0);
    cr_assert_eq(path.bytes, strlen(buf_str(&path)));
    cr_assert_eq(there, expected != NULL, "opcode %u: %s", record->desc.opcode, buf_str(&path));
    cr_assert_str_eq(buf_str(&path) + 9, expected ? expected : "");
    cr_assert_eq(got, there ? provenance : 99, "%s: provenance %u", buf_str(&path), got);
}

static void shows_at(uint64_t at, int opcode, uint64_t handle, const char *name,
                     const char *expected, uint8_t provenance) {
    EventRecord record = event(opcode, handle, name);
    record.ordinal = at;
    check(&record, schema_of(opcode), NULL, 0, expected, provenance);
}

static void shows(int opcode, uint64_t handle, const char *name, const char *expected,
                  uint8_t provenance) {
    shows_at(++now, opcode, handle, name, expected, provenance);
}

Test(keys, relative_and_absolute, .init = set_up, .fini = tear_down) {
    make_keys(100, false);
    tell(RUNDOWN_BEGIN, 0xa0, SOFTWARE);
    tell(KCB_CREATE, 0xb0, SOFTWARE "\\Contoso");
    shows(OPEN, 0xb0, "Sub\\Key", "HKLM\\SOFTWARE\\Contoso\\Sub\\Key", PROVENANCE_LIVE);
    shows(CREATE, 0xa0, "x", "HKLM\\SOFTWARE\\x", PROVENANCE_RUNDOWN);
    shows(OPEN, 0xa0, "", "HKLM\\SOFTWARE", PROVENANCE_RUNDOWN);
    shows(OPEN, 0xa0, NULL, "HKLM\\SOFTWARE", PROVENANCE_RUNDOWN);
    shows(OPEN, 0, "\\Registry\\Machine\\System", "HKLM\\System", PROVENANCE_LIVE);
    shows(OPEN, 0xa0, "\\REGISTRY\\USER\\.DEFAULT", "HKU\\.DEFAULT", PROVENANCE_LIVE);
    shows(OPEN, 0, "", NULL, 0);
    shows(OPEN, 0, NULL, NULL, 0);
    // Operations on a handle.
    shows(QUERY, 0xb0, "", "HKLM\\SOFTWARE\\Contoso", PROVENANCE_LIVE);
    shows(CLOSE, 0xb0, NULL, "HKLM\\SOFTWARE\\Contoso", PROVENANCE_LIVE);
    shows(DELETE, 0xb0, "Sub", "HKLM\\SOFTWARE\\Contoso\\Sub", PROVENANCE_LIVE);
    shows(SET_VALUE, 0xb0, "Sub", "HKLM\\SOFTWARE\\Contoso", PROVENANCE_LIVE);
    shows(QUERY_VALUE, 0xb0, "\\x", "HKLM\\SOFTWARE\\Contoso", PROVENANCE_LIVE);
    shows(CHANGE_NOTIFY, 0xb0, NULL, "HKLM\\SOFTWARE\\Contoso", PROVENANCE_LIVE);
    // The events of KCBs themselves.
    shows(KCB_CREATE, 0xc0, SOFTWARE, "HKLM\\SOFTWARE", PROVENANCE_LIVE);
    shows(RUNDOWN_END, 0xc0, SOFTWARE, "HKLM\\SOFTWARE", PROVENANCE_RUNDOWN);
    shows(KCB_DELETE, 0xb0, "", "HKLM\\SOFTWARE\\Contoso", PROVENANCE_LIVE);
    // A closed handle does not end the KCB.
    tell(CLOSE, 0xb0, "");
    shows(QUERY, 0xb0, "", "HKLM\\SOFTWARE\\Contoso", PROVENANCE_LIVE);
}

Test(keys, a_base_that_is_not_known, .init = set_up, .fini = tear_down) {
    make_keys(100, false);
    shows(OPEN, 0xb0, "Sub\\Key", "Sub\\Key", PROVENANCE_GUESS);
    shows(DELETE, 0xb0, "Sub", "Sub", PROVENANCE_GUESS);
    shows(QUERY, 0xb0, "", NULL, 0);
    shows(SET_VALUE, 0xb0, "Run", NULL, 0);
    shows(KCB_DELETE, 0xb0, NULL, NULL, 0);
    shows(RUNDOWN_BEGIN, 0xb0, NULL, NULL, 0);
    CacheStats stats;
    cr_assert_eq(keys_stats(keys, &stats), 1);
    cr_assert(stats.misses == 6 && stats.hits == 0 && stats.entries == 0);
}

Test(keys, a_reused_kcb, .init = set_up, .fini = tear_down) {
    make_keys(100, true);
    tell(KCB_CREATE, 0xa0, "\\REGISTRY\\MACHINE\\One");
    uint64_t one = now;
    tell(KCB_DELETE, 0xa0, "\\REGISTRY\\MACHINE\\One");
    uint64_t deleted = now;
    now += 5;
    tell(KCB_CREATE, 0xa0, "\\REGISTRY\\MACHINE\\Two");
    uint64_t two = now;
    shows_at(one, SET_VALUE, 0xa0, "v", "HKLM\\One", PROVENANCE_LIVE);
    shows_at(deleted, KCB_DELETE, 0xa0, "", "HKLM\\One", PROVENANCE_LIVE);
    shows_at(two, SET_VALUE, 0xa0, "v", "HKLM\\Two", PROVENANCE_LIVE);
    shows_at(two + 100, SET_VALUE, 0xa0, "v", "HKLM\\Two", PROVENANCE_LIVE);
    // In between, a key may be used a moment before it is named.
    shows_at(deleted + 1, SET_VALUE, 0xa0, "v", "HKLM\\Two", PROVENANCE_GUESS);
    // Live nobody can know, and the old name would be wrong.
    make_keys(100, false);
    tell(KCB_CREATE, 0xa0, "\\REGISTRY\\MACHINE\\One");
    tell(KCB_DELETE, 0xa0, "\\REGISTRY\\MACHINE\\One");
    shows_at(now, KCB_DELETE, 0xa0, "", "HKLM\\One", PROVENANCE_LIVE);
    shows(SET_VALUE, 0xa0, "v", NULL, 0);
    // Created anew without a delete in between.
    tell(KCB_CREATE, 0xa0, "\\REGISTRY\\MACHINE\\Two");
    tell(KCB_CREATE, 0xa0, "\\REGISTRY\\MACHINE\\Three");
    shows_at(now - 1, QUERY, 0xa0, "", "HKLM\\Two", PROVENANCE_LIVE);
    shows(QUERY, 0xa0, "", "HKLM\\Three", PROVENANCE_LIVE);
    // Created with a name that cannot be read: not the old one.
    tell(KCB_CREATE, 0xa0, NULL);
    shows_at(now, QUERY, 0xa0, "", NULL, 0);
    shows_at(now - 1, QUERY, 0xa0, "", "HKLM\\Three", PROVENANCE_LIVE);
    // The same name in other letters is the same key.
    tell(KCB_CREATE, 0xa0, "\\REGISTRY\\MACHINE\\Three");
    tell(KCB_CREATE, 0xa0, "\\Registry\\Machine\\THREE");
    shows(QUERY, 0xa0, "", "HKLM\\Three", PROVENANCE_LIVE);
}

// The end of a key is told, what it was is not: the rundown of another does not reach back.
Test(keys, an_end_without_a_name, .init = set_up, .fini = tear_down) {
    make_keys(100, true);
    tell(KCB_DELETE, 0xa0, "");
    uint64_t deleted = now;
    now = 500;
    tell(RUNDOWN_END, 0xa0, SOFTWARE);
    shows_at(deleted, QUERY, 0xa0, "", NULL, 0);
    shows_at(deleted + 1, QUERY, 0xa0, "", "HKLM\\SOFTWARE", PROVENANCE_RUNDOWN);
}

Test(keys, names_that_come_at_the_end, .init = set_up, .fini = tear_down) {
    make_keys(100, true);
    now = 500;
    tell(RUNDOWN_END, 0xa0, SOFTWARE);
    tell(KCB_DELETE, 0xb0, SOFTWARE "\\Gone");
    uint64_t deleted = now;
    tell(RUNDOWN_END, 0xb0, SOFTWARE "\\New");
    shows_at(0, SET_VALUE, 0xa0, "v", "HKLM\\SOFTWARE", PROVENANCE_RUNDOWN);
    shows_at(300, OPEN, 0xa0, "x", "HKLM\\SOFTWARE\\x", PROVENANCE_RUNDOWN);
    shows_at(1000, SET_VALUE, 0xa0, "v", "HKLM\\SOFTWARE", PROVENANCE_RUNDOWN);
    // A delete names what it ends.
    shows_at(3, QUERY, 0xb0, "", "HKLM\\SOFTWARE\\Gone", PROVENANCE_LIVE);
    shows_at(deleted, QUERY, 0xb0, "", "HKLM\\SOFTWARE\\Gone", PROVENANCE_LIVE);
    shows_at(deleted + 1, QUERY, 0xb0, "", "HKLM\\SOFTWARE\\New", PROVENANCE_RUNDOWN);
    // What the end says is the better guess when something in between was not told.
    tell(KCB_CREATE, 0xc0, SOFTWARE "\\Was");
    uint64_t was = now;
    now += 10;
    tell(RUNDOWN_END, 0xc0, SOFTWARE "\\Is");
    shows_at(was, QUERY, 0xc0, "", "HKLM\\SOFTWARE\\Was", PROVENANCE_LIVE);
    shows_at(was + 5, QUERY, 0xc0, "", "HKLM\\SOFTWARE\\Is", PROVENANCE_GUESS);
}

static const uint8_t ana[] = {1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0,    0, 1, 0,
                              0, 0, 2, 0, 0, 0, 3, 0, 0,  0, 0xe9, 3, 0, 0};

Test(keys, how_paths_are_shown, .init = set_up, .fini = tear_down) {
#define ANA "S-1-5-21-1-2-3-1001"
    static const struct {
        const char *raw, *shown, *shown_to_ana;
    } cases[] = {
        {"\\REGISTRY\\MACHINE", "HKLM", "HKLM"},
        {"\\REGISTRY\\MACHINE\\", "HKLM\\", "HKLM\\"},
        {"\\registry\\machine\\x", "HKLM\\x", "HKLM\\x"},
        {"\\REGISTRY\\MACHINEX", "\\REGISTRY\\MACHINEX", "\\REGISTRY\\MACHINEX"},
        {"\\REGISTRY\\MACHIN", "\\REGISTRY\\MACHIN", "\\REGISTRY\\MACHIN"},
        {"\\REGISTRY", "\\REGISTRY", "\\REGISTRY"},
        {"\\REGISTRYX\\MACHINE", "\\REGISTRYX\\MACHINE", "\\REGISTRYX\\MACHINE"},
        {"\\REGISTRY\\USER", "HKU", "HKU"},
        {"\\REGISTRY\\USER\\", "HKU\\", "HKU\\"},
        {"\\REGISTRY\\USERS\\x", "\\REGISTRY\\USERS\\x", "\\REGISTRY\\USERS\\x"},
        {"\\REGISTRY\\USER\\" ANA, "HKU\\" ANA, "HKCU"},
        {"\\REGISTRY\\USER\\s-1-5-21-1-2-3-1001\\Run", "HKU\\s-1-5-21-1-2-3-1001\\Run",
         "HKCU\\Run"},
        {"\\REGISTRY\\USER\\" ANA "\\Software\\x", "HKU\\" ANA "\\Software\\x",
         "HKCU\\Software\\x"},
        {"\\REGISTRY\\USER\\" ANA "1\\x", "HKU\\" ANA "1\\x", "HKU\\" ANA "1\\x"},
        {"\\REGISTRY\\USER\\" ANA "_Classes", "HKU\\" ANA "_Classes", "HKCU\\Software\\Classes"},
        {"\\REGISTRY\\USER\\" ANA "_CLASSES\\.txt", "HKU\\" ANA "_CLASSES\\.txt",
         "HKCU\\Software\\Classes\\.txt"},
        {"\\REGISTRY\\USER\\" ANA "_Classes2", "HKU\\" ANA "_Classes2", "HKU\\" ANA "_Classes2"},
        {"\\REGISTRY\\USER\\S-1-5-18\\x", "HKU\\S-1-5-18\\x", "HKU\\S-1-5-18\\x"},
        {"\\REGISTRY\\A\\{12}\\x", "\\REGISTRY\\A\\{12}\\x", "\\REGISTRY\\A\\{12}\\x"},
        {"\\REGISTRY\\WC\\Silo\\x", "\\REGISTRY\\WC\\Silo\\x", "\\REGISTRY\\WC\\Silo\\x"},
        {"\\REGISTRY\\MACHINE\\\xc3\xa4\xed\xa0\xbd", "HKLM\\\xc3\xa4\xed\xa0\xbd",
         "HKLM\\\xc3\xa4\xed\xa0\xbd"},
    };
    make_keys(100, false);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        EventRecord record = event(OPEN, 0, cases[i].raw);
        check(&record, schema_of(OPEN), NULL, 0, cases[i].shown, PROVENANCE_LIVE);
        check(&record, schema_of(OPEN), ana, sizeof ana, cases[i].shown_to_ana, PROVENANCE_LIVE);
        // Not a SID.
        check(&record, schema_of(OPEN), ana, sizeof ana - 1, cases[i].shown, PROVENANCE_LIVE);
        check(&record, schema_of(OPEN), ana, 0, cases[i].shown, PROVENANCE_LIVE);
    }
    // The longest SID there is.
    uint8_t sid[68] = {1, 15, 255, 255, 255, 255, 255, 255};
    memset(sid + 8, 255, 60);
    char raw[300] = "\\REGISTRY\\USER\\S-1-0xffffffffffff";
    for (int i = 0; i < 15; i++)
        strcat(raw, "-4294967295");
    strcat(raw, "_Classes\\x");
    EventRecord record = event(OPEN, 0, raw);
    check(&record, schema_of(OPEN), sid, sizeof sid, "HKCU\\Software\\Classes\\x", PROVENANCE_LIVE);
    // Composed of two parts.
    tell(KCB_CREATE, 0xa0, "\\REGISTRY\\USER");
    record = event(OPEN, 0xa0, ANA "\\x");
    check(&record, schema_of(OPEN), ana, sizeof ana, "HKCU\\x", PROVENANCE_LIVE);
    tell(KCB_CREATE, 0xb0, "\\REGISTRY\\");
    shows(OPEN, 0xb0, "MACHINE\\x", "HKLM\\x", PROVENANCE_LIVE);
}

Test(keys, eviction, .init = set_up, .fini = tear_down) {
    make_keys(3, false);
    tell(KCB_CREATE, 1, "\\REGISTRY\\MACHINE\\1");
    tell(KCB_CREATE, 2, "\\REGISTRY\\MACHINE\\2");
    tell(KCB_CREATE, 3, "\\REGISTRY\\MACHINE\\3");
    shows(QUERY, 1, "", "HKLM\\1", PROVENANCE_LIVE); // now 2 is the oldest
    tell(KCB_CREATE, 4, "\\REGISTRY\\MACHINE\\4");
    shows(QUERY, 2, "", NULL, 0);
    shows(QUERY, 1, "", "HKLM\\1", PROVENANCE_LIVE);
    shows(QUERY, 3, "", "HKLM\\3", PROVENANCE_LIVE);
    shows(QUERY, 4, "", "HKLM\\4", PROVENANCE_LIVE);
    CacheStats stats;
    keys_stats(keys, &stats);
    cr_assert_str_eq(stats.name, "Keys");
    cr_assert(stats.entries == 3 && stats.limit == 3 && stats.evicted == 1 && stats.inserted == 4);
    cr_assert(stats.hits == 4 && stats.misses == 1 && stats.live == 4);
    keys_clear(keys);
    shows(QUERY, 4, "", NULL, 0);
    // By bytes of names.
    KeysOptions options = {100000, 64 * 1024, false};
    keys = keys_free(keys);
    cr_assert_eq(keys_new(&options, &keys), 0);
    size_t held = mem_in_use();
    char name[1100] = "\\REGISTRY\\MACHINE\\";
    memset(name + strlen(name), 'x', 1000);
    for (uint64_t i = 1; i <= 1000; i++)
        tell(KCB_CREATE, i, name);
    keys_stats(keys, &stats);
    cr_assert(stats.bytes <= 64 * 1024 && stats.evicted > 900, "%llu bytes",
              (unsigned long long)stats.bytes);
    cr_assert(mem_in_use() - held < 256 * 1024);
}

// A payload by hand, read with any schema.
static void survives(const Schema *schema, const uint8_t *data, uint32_t bytes, uint16_t flags) {
    KeyPlan plan = keys_plan(schema);
    uint8_t *exact = mem_dup(data, bytes); // so that a sanitizer sees what is read behind it
    cr_assert_not_null(exact);
    EventRecord record = {.provider = schema->provider,
                          .desc = schema->desc,
                          .flags = (uint16_t)(schema->event_flags | flags),
                          .ordinal = ++now,
                          .payload = exact,
                          .payload_bytes = bytes};
    uint8_t provenance;
    buf_clear(&path);
    keys_observe(keys, &plan, &record, schema);
    (void)keys_path(keys, &plan, &record, schema, NULL, 0, &path, &provenance);
    mem_free(exact);
}

Test(keys, hostile_payloads, .init = set_up, .fini = tear_down) {
    make_keys(100, false);
    uint8_t junk[200];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = (uint8_t)(i * 37 + 1);
    for (int opcode = 10; opcode <= 48; opcode++) {
        if (opcode == 33 || (opcode > 40 && opcode < 48))
            continue;
        for (uint32_t bytes = 0; bytes < 80; bytes++) {
            survives(schema_of(opcode), junk, bytes, 0);
            survives(schema_of(opcode), junk, bytes, EVENT_POINTER32);
        }
    }
    // A handle of 0 is no key.
    keys_clear(keys);
    tell(KCB_CREATE, 0, SOFTWARE);
    tell(RUNDOWN_END, 0, SOFTWARE);
    tell(KCB_DELETE, 0, SOFTWARE);
    shows(QUERY, 0, "", NULL, 0);
    CacheStats stats;
    keys_stats(keys, &stats);
    cr_assert_eq(stats.entries, 0);
}

Test(keys, long_names, .init = set_up, .fini = tear_down) {
    enum { LIMIT = 32768 };
    static char name[65536];
    make_keys(100, false);
    for (size_t n = LIMIT - 1; n <= LIMIT + 1; n++) {
        memset(name, 'k', n);
        memcpy(name, "\\REGISTRY\\A\\", 12);
        name[n] = 0;
        tell(KCB_CREATE, 0xa0 + n, name);
        shows(QUERY, 0xa0 + n, "", n <= LIMIT ? name : NULL, PROVENANCE_LIVE);
        shows(OPEN, 0, name, n <= LIMIT ? name : NULL, PROVENANCE_LIVE);
        tell(RUNDOWN_END, 0xf0000 + n, name);
        shows(QUERY, 0xf0000 + n, "", n <= LIMIT ? name : NULL, PROVENANCE_RUNDOWN);
    }
    // Base and relative name together.
    name[LIMIT - 2] = 0;
    tell(KCB_CREATE, 1, name);
    name[LIMIT - 2] = '\\';
    memcpy(name + LIMIT - 1, "a", 2);
    shows(OPEN, 1, "a", name, PROVENANCE_LIVE);
    shows(OPEN, 1, "ab", NULL, 0);
    shows(OPEN, 2, "ab", "ab", PROVENANCE_GUESS);
    // As long as a payload can be, without an end.
    static uint8_t all[65535];
    memset(all, 'a', sizeof all);
    survives(schema_of(KCB_CREATE), all, sizeof all, 0);
    survives(schema_of(OPEN), all, sizeof all, 0);
}

// --- Microsoft-Windows-Kernel-Registry ---

static const Guid kernel_registry =
    GUID_INIT(0x70eb4f03, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd);
enum { CREATE_KEY = 1, OPEN_KEY = 2, DELETE_KEY = 3, SET_VALUE_KEY = 5, CLOSE_KEY = 13 };

static const Schema *manifest_schema(int id) {
    static const SchemaField open[] = {{.name = "BaseObject", .in_type = IN_POINTER},
                                       {.name = "KeyObject", .in_type = IN_POINTER},
                                       {.name = "Status", .in_type = IN_U32},
                                       {.name = "Disposition", .in_type = IN_U32},
                                       {.name = "BaseName", .in_type = IN_UTF16},
                                       {.name = "RelativeName", .in_type = IN_UTF16}};
    static const SchemaField other[] = {{.name = "KeyObject", .in_type = IN_POINTER},
                                        {.name = "Status", .in_type = IN_U32},
                                        {.name = "KeyName", .in_type = IN_UTF16}};
    Schema **at = &schemas[200 + id];
    if (*at)
        return *at;
    cr_assert_eq(schema_new(at), 0);
    bool opens = id == CREATE_KEY || id == OPEN_KEY;
    uint16_t n = opens ? 6 : 3;
    SchemaField *fields = arena_array(&(*at)->arena, n, sizeof *fields);
    cr_assert_not_null(fields);
    memcpy(fields, opens ? open : other, n * sizeof *fields);
    (*at)->fields = fields;
    (*at)->n_fields = (*at)->n_top = n;
    (*at)->source = SCHEMA_MANIFEST;
    (*at)->provider = kernel_registry;
    (*at)->desc.id = (uint16_t)id;
    Err err = ERR_INIT;
    cr_assert_eq(schema_finish(*at, &err), 0, "%s", err.text);
    return *at;
}

static EventRecord manifest_record(int id) {
    return (EventRecord){.provider = kernel_registry,
                         .desc = {.id = (uint16_t)id},
                         .ordinal = now,
                         .payload = payload.data,
                         .payload_bytes = (uint32_t)payload.bytes};
}

static EventRecord opening(uint64_t base, uint64_t object, uint32_t status, const char *base_name,
                           const char *relative) {
    buf_clear(&payload);
    buf_u64(&payload, base);
    buf_u64(&payload, object);
    buf_u32(&payload, status);
    buf_u32(&payload, 2);
    blob_utf16z(&payload, base_name);
    if (relative)
        blob_utf16z(&payload, relative);
    return manifest_record(OPEN_KEY);
}

static void opens(uint64_t base, uint64_t object, uint32_t status, const char *base_name,
                  const char *relative, const char *expected, uint8_t provenance) {
    const Schema *schema = manifest_schema(OPEN_KEY);
    KeyPlan plan = keys_plan(schema);
    now++;
    EventRecord record = opening(base, object, status, base_name, relative);
    keys_observe(keys, &plan, &record, schema);
    check(&record, schema, NULL, 0, expected, provenance);
}

static void has(int id, uint64_t object, const char *name, const char *expected,
                uint8_t provenance) {
    const Schema *schema = manifest_schema(id);
    KeyPlan plan = keys_plan(schema);
    now++;
    buf_clear(&payload);
    buf_u64(&payload, object);
    buf_u32(&payload, 0);
    blob_utf16z(&payload, name);
    EventRecord record = manifest_record(id);
    keys_observe(keys, &plan, &record, schema);
    check(&record, schema, NULL, 0, expected, provenance);
}

Test(keys, manifest_events, .init = set_up, .fini = tear_down) {
    make_keys(100, false);
    opens(0, 1, 0, "", "\\REGISTRY\\MACHINE\\SOFTWARE", "HKLM\\SOFTWARE", PROVENANCE_LIVE);
    opens(1, 2, 0, "", "Contoso", "HKLM\\SOFTWARE\\Contoso", PROVENANCE_LIVE);
    opens(2, 3, 0, "\\REGISTRY\\MACHINE\\Other", "Sub", "HKLM\\Other\\Sub", PROVENANCE_LIVE);
    opens(77, 4, 0, "\\REGISTRY\\USER\\x", NULL, "HKU\\x", PROVENANCE_LIVE);
    opens(2, 5, 0, "Contoso", "Run", "HKLM\\SOFTWARE\\Contoso\\Run", PROVENANCE_LIVE);
    has(SET_VALUE_KEY, 5, "", "HKLM\\SOFTWARE\\Contoso\\Run", PROVENANCE_LIVE);
    has(SET_VALUE_KEY, 5, "run", "HKLM\\SOFTWARE\\Contoso\\Run", PROVENANCE_LIVE);
    has(SET_VALUE_KEY, 5, "un", "HKLM\\SOFTWARE\\Contoso\\Run\\un", PROVENANCE_LIVE);
    has(SET_VALUE_KEY, 5, "\\REGISTRY\\A\\x", "\\REGISTRY\\A\\x", PROVENANCE_LIVE);
    has(DELETE_KEY, 3, "Sub", "HKLM\\Other\\Sub", PROVENANCE_LIVE);
    has(SET_VALUE_KEY, 77, "", "HKU\\x", PROVENANCE_LIVE); // learnt from BaseName
    has(SET_VALUE_KEY, 99, "", NULL, 0);
    has(SET_VALUE_KEY, 99, "Run", "Run", PROVENANCE_GUESS);
    // A failed open names no object; one whose base is unknown names it nothing.
    opens(1, 6, 0xc0000034, "", "Missing", "HKLM\\SOFTWARE\\Missing", PROVENANCE_LIVE);
    has(SET_VALUE_KEY, 6, "", NULL, 0);
    opens(99, 7, 0, "", "x", "x", PROVENANCE_GUESS);
    has(SET_VALUE_KEY, 7, "", NULL, 0);
    opens(99, 7, 0, "y", "x", "y\\x", PROVENANCE_GUESS);
    has(SET_VALUE_KEY, 7, "", NULL, 0);
    opens(99, 5, 0, "", "x", "x", PROVENANCE_GUESS);
    has(SET_VALUE_KEY, 5, "", NULL, 0); // not what it was before
    // Closed, and reused.
    has(CLOSE_KEY, 2, "", "HKLM\\SOFTWARE\\Contoso", PROVENANCE_LIVE);
    has(SET_VALUE_KEY, 2, "", NULL, 0);
    opens(1, 2, 0, "", "New", "HKLM\\SOFTWARE\\New", PROVENANCE_LIVE);
    has(SET_VALUE_KEY, 2, "", "HKLM\\SOFTWARE\\New", PROVENANCE_LIVE);
}

// Each key is opened relative to the one before: the names may not grow without bound.
Test(keys, a_chain_of_relative_opens, .init = set_up, .fini = tear_down) {
    make_keys(100, false);
    char part[1025];
    memset(part, 'p', 1024);
    part[1024] = 0;
    const Schema *schema = manifest_schema(OPEN_KEY);
    KeyPlan plan = keys_plan(schema);
    now++;
    EventRecord record = opening(0, 1, 0, "", "\\REGISTRY\\A");
    keys_observe(keys, &plan, &record, schema);
    uint64_t known = 0;
    for (uint64_t i = 1; i < 100; i++) {
        now++;
        record = opening(i, i + 1, 0, "", part);
        keys_observe(keys, &plan, &record, schema);
        uint8_t provenance;
        buf_clear(&path);
        if (keys_path(keys, &plan, &record, schema, NULL, 0, &path, &provenance) &&
            provenance == PROVENANCE_LIVE)
            known = i;
        cr_assert_leq(path.bytes, 32768);
    }
    cr_assert_eq(known, 31, "%llu parts", (unsigned long long)known);
    CacheStats stats;
    keys_stats(keys, &stats);
    cr_assert_eq(stats.entries, 32);
}

Test(keys, other_events_tell_nothing, .init = set_up, .fini = tear_down) {
    make_keys(10, false);
    static const Guid process =
        GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
    EventDescriptor desc = {.opcode = 10, .version = 4};
    desc.opcode = 1;
    cr_assert_eq(kernel_mof_compile(&process, &desc, &schemas[1]), 0);
    cr_assert_eq(keys_plan(schemas[1]).role, KEY_NOTHING);
    cr_assert_eq(keys_plan(schema_of(30)).role, KEY_NOTHING); // TxRCommit
    cr_assert_eq(keys_plan(schema_of(34)).role, KEY_NOTHING); // Counters
    cr_assert_eq(keys_plan(schema_of(36)).role, KEY_NOTHING); // HiveInit
    cr_assert_eq(keys_plan(schema_of(29)).role, KEY_OTHER);
    cr_assert_eq(schema_new(&schemas[2]), 0); // nothing describes it
    schemas[2]->provider = kernel_registry;
    schemas[2]->desc.id = OPEN_KEY;
    cr_assert_eq(keys_plan(schemas[2]).role, KEY_NOTHING);
    schemas[2]->provider = registry;
    schemas[2]->event_flags = EVENT_CLASSIC;
    schemas[2]->desc.opcode = KCB_CREATE;
    KeyPlan plan = keys_plan(schemas[2]);
    cr_assert_eq(plan.role, KEY_NOTHING);
    EventRecord record = event(OPEN, 0, SOFTWARE);
    keys_observe(keys, &plan, &record, schemas[2]);
    check(&record, schemas[2], NULL, 0, NULL, 0);
    // Before Vista 22 was the rundown.
    desc = (EventDescriptor){.opcode = KCB_CREATE, .version = 1};
    cr_assert_eq(kernel_mof_compile(&registry, &desc, &schemas[3]), 0);
    cr_assert_eq(keys_plan(schemas[3]).role, KEY_KCB_STATE);
}

Test(keys, no_memory, .init = set_up, .fini = tear_down) {
    KeysOptions options = {100, 0, false};
    int r = -1;
    size_t held = mem_in_use();
    for (size_t nth = 1; r < 0; nth++) {
        mem_fail_at(nth);
        r = keys_new(&options, &keys);
        mem_fail_at(0);
        if (r < 0)
            cr_assert_eq(mem_in_use(), held);
    }
    // Whatever fails: a name that is right, or none.
    const Schema *schema = schema_of(KCB_CREATE), *open = manifest_schema(OPEN_KEY);
    KeyPlan plan = keys_plan(schema), open_plan = keys_plan(open);
    for (size_t nth = 1; nth < 40; nth++) {
        keys_clear(keys);
        tell(KCB_CREATE, 1, "\\REGISTRY\\MACHINE\\Old");
        now++;
        EventRecord record = event(KCB_CREATE, 1, "\\REGISTRY\\MACHINE\\New");
        mem_fail_at(nth);
        keys_observe(keys, &plan, &record, schema);
        mem_fail_at(0);
        record = event(QUERY, 1, "");
        KeyPlan query = keys_plan(schema_of(QUERY));
        uint8_t provenance;
        buf_clear(&path);
        if (keys_path(keys, &query, &record, schema_of(QUERY), NULL, 0, &path, &provenance))
            cr_assert_str_eq(buf_str(&path), "HKLM\\New");
        now++;
        record = opening(0x50, 1, 0, "\\REGISTRY\\MACHINE", "Third");
        mem_fail_at(nth);
        keys_observe(keys, &open_plan, &record, open);
        mem_fail_at(0);
        record = event(QUERY, 1, "");
        buf_clear(&path);
        if (keys_path(keys, &query, &record, schema_of(QUERY), NULL, 0, &path, &provenance))
            cr_assert_str_eq(buf_str(&path), "HKLM\\Third");
        // The caller's buffer cannot grow.
        Buf small = {.limit = 4};
        cr_assert_not(keys_path(keys, &plan, &record, schema, NULL, 0, &small, &provenance));
        buf_deinit(&small);
    }
}

// Kernel objects of handle events: names, types, reuse of addresses.
#include "enrich/objects.h"

#include <criterion/criterion.h>

#include "schema/kernel_mof.h"
#include "tests/etlgen/blob.h"
#include "util/mem.h"

enum {
    CREATE_HANDLE = 32,
    CLOSE_HANDLE = 33,
    DUPLICATE = 34,
    TYPE_START = 36,
    TYPE_END = 37,
    HANDLE_START = 38,
    HANDLE_END = 39,
    CREATE_OBJECT = 48,
    DELETE_OBJECT = 49,
    REFERENCE = 50,
};

enum { EVENT = 16, KEY = 44 }; // type numbers

static Objects *objects;
static Schema *schemas[64];
static Buf payload;
static size_t before;
static uint64_t now;

static void set_up(void) {
    before = mem_in_use();
    now = 10;
}

static void tear_down(void) {
    objects = objects_free(objects);
    for (size_t i = 0; i < ARRAY_COUNT(schemas); i++)
        schemas[i] = schema_unref(schemas[i]);
    buf_deinit(&payload);
    cr_assert_eq(mem_in_use(), before, "%zu bytes left behind", mem_in_use() - before);
}

static void make_objects(uint32_t max, bool looks_ahead) {
    objects = objects_free(objects);
    cr_assert_eq(objects_new(max, 0, looks_ahead, &objects), 0);
}

static const Guid object_class =
    GUID_INIT(0x89497f50, 0xeffe, 0x4440, 0x8c, 0xf2, 0xce, 0x6b, 0x1c, 0xdc, 0xac, 0xa7);

static const Schema *schema_of(int opcode) {
    EventDescriptor desc = {.opcode = (uint8_t)opcode, .version = 2};
    if (!schemas[opcode])
        cr_assert_eq(kernel_mof_compile(&object_class, &desc, &schemas[opcode]), 0);
    return schemas[opcode];
}

// name: NULL ends the payload behind the type.
static EventRecord event(int opcode, uint64_t object, uint16_t type, const char *name) {
    buf_clear(&payload);
    switch (opcode) {
    case TYPE_START:
    case TYPE_END:
        buf_u16(&payload, type);
        buf_u16(&payload, 0);
        break;
    case REFERENCE:
        buf_u64(&payload, object);
        buf_u64(&payload, 0);
        break;
    case CREATE_OBJECT:
    case DELETE_OBJECT:
        buf_u64(&payload, object);
        buf_u16(&payload, type);
        break;
    case DUPLICATE:
        buf_u64(&payload, object);
        buf_zero(&payload, 12);
        buf_u16(&payload, type);
        break;
    default:
        buf_u64(&payload, object);
        buf_u32(&payload, 4);
        if (opcode == HANDLE_START || opcode == HANDLE_END)
            buf_u32(&payload, 0x100);
        buf_u16(&payload, type);
        break;
    }
    if (name)
        blob_utf16z(&payload, name);
    return (EventRecord){.provider = object_class,
                         .desc = {.opcode = (uint8_t)opcode, .version = 2},
                         .flags = EVENT_CLASSIC,
                         .ordinal = now,
                         .payload = payload.data,
                         .payload_bytes = (uint32_t)payload.bytes};
}

static void tell(int opcode, uint64_t object, uint16_t type, const char *name) {
    const Schema *schema = schema_of(opcode);
    ObjectPlan plan = objects_plan(schema);
    now++;
    EventRecord record = event(opcode, object, type, name);
    objects_observe(objects, &plan, &record, schema);
}

static void is_text(const Text *text, uint8_t got, const char *expected, uint8_t provenance) {
    cr_assert_eq(text != NULL, expected != NULL, "%.200s", text ? text->s : "nothing");
    if (text) {
        cr_assert_str_eq(text->s, expected);
        cr_assert_eq(got, provenance, "%.200s: %u", text->s, got);
    }
}

static void named_at(uint64_t at, int opcode, uint64_t object, const char *name,
                     uint8_t provenance) {
    const Schema *schema = schema_of(opcode);
    ObjectPlan plan = objects_plan(schema);
    EventRecord record = event(opcode, object, EVENT, NULL);
    record.ordinal = at;
    uint8_t got = 99;
    const Text *text = objects_name(objects, &plan, &record, schema, &got);
    is_text(text, got, name, provenance);
}

static void typed(int opcode, uint64_t object, uint16_t type, const char *name,
                  uint8_t provenance) {
    ObjectPlan plan = objects_plan(schema_of(opcode));
    EventRecord record = event(opcode, object, type, NULL);
    uint8_t got = 99;
    const Text *text = objects_type(objects, &plan, &record, &got);
    is_text(text, got, name, provenance);
}

// An object goes of which nothing is known: the rundown of the next one at its address does not
// reach back over it.
Test(objects, an_end_of_something_unknown, .init = set_up, .fini = tear_down) {
    make_objects(100, true);
    tell(DELETE_OBJECT, 0xa0, EVENT, NULL);
    uint64_t deleted = now;
    tell(CREATE_OBJECT, 0xb0, EVENT, NULL);
    now = 100;
    tell(HANDLE_END, 0xa0, EVENT, "\\Next");
    tell(HANDLE_END, 0xb0, EVENT, "\\Born");
    named_at(deleted - 1, CLOSE_HANDLE, 0xa0, NULL, 0);
    named_at(deleted, CLOSE_HANDLE, 0xa0, NULL, 0);
    named_at(deleted + 1, CLOSE_HANDLE, 0xa0, "\\Next", PROVENANCE_RUNDOWN);
    named_at(deleted, CLOSE_HANDLE, 0xb0, NULL, 0);
    named_at(deleted + 1, CLOSE_HANDLE, 0xb0, "\\Born", PROVENANCE_LIVE);
}

Test(objects, names, .init = set_up, .fini = tear_down) {
    make_objects(100, false);
    tell(CREATE_HANDLE, 0xa0, EVENT, "\\BaseNamedObjects\\Go");
    tell(HANDLE_START, 0xb0, EVENT, "\\Rundown");
    tell(CREATE_HANDLE, 0xc0, EVENT, NULL);
    tell(CREATE_HANDLE, 0xd0, EVENT, "");
    static const int uses[] = {CREATE_HANDLE, CLOSE_HANDLE, DUPLICATE, REFERENCE, DELETE_OBJECT};
    for (size_t i = 0; i < ARRAY_COUNT(uses); i++) {
        named_at(now, uses[i], 0xa0, "\\BaseNamedObjects\\Go", PROVENANCE_LIVE);
        named_at(now, uses[i], 0xb0, "\\Rundown", PROVENANCE_RUNDOWN);
        named_at(now, uses[i], 0xc0, NULL, 0);
        named_at(now, uses[i], 0xd0, NULL, 0);
        named_at(now, uses[i], 0xe0, NULL, 0);
    }
    // A rundown means backwards as well, a handle only from then on.
    named_at(0, CLOSE_HANDLE, 0xb0, "\\Rundown", PROVENANCE_RUNDOWN);
    named_at(0, CLOSE_HANDLE, 0xa0, NULL, 0);
    // A second handle tells nothing, or what was missing.
    tell(CREATE_HANDLE, 0xa0, EVENT, NULL);
    named_at(now, CLOSE_HANDLE, 0xa0, "\\BaseNamedObjects\\Go", PROVENANCE_LIVE);
    tell(HANDLE_END, 0xc0, EVENT, "\\Late");
    named_at(now - 1, CLOSE_HANDLE, 0xc0, "\\Late", PROVENANCE_LIVE);
    // The event's own name, when nothing was learnt from it.
    const Schema *schema = schema_of(CLOSE_HANDLE);
    ObjectPlan plan = objects_plan(schema);
    EventRecord record = event(CLOSE_HANDLE, 0xe0, EVENT, "\\Own");
    uint8_t got;
    const Text *text = objects_name(objects, &plan, &record, schema, &got);
    is_text(text, got, "\\Own", PROVENANCE_LIVE);
}

Test(objects, a_reused_address, .init = set_up, .fini = tear_down) {
    make_objects(100, false);
    tell(CREATE_HANDLE, 0xa0, EVENT, "\\One");
    uint64_t one = now;
    tell(DELETE_OBJECT, 0xa0, EVENT, NULL);
    uint64_t gone = now;
    named_at(gone, DELETE_OBJECT, 0xa0, "\\One", PROVENANCE_LIVE);
    named_at(gone + 1, CLOSE_HANDLE, 0xa0, NULL, 0);
    now += 5;
    tell(CREATE_HANDLE, 0xa0, EVENT, "\\Two");
    named_at(now, CLOSE_HANDLE, 0xa0, "\\Two", PROVENANCE_LIVE);
    named_at(one, CLOSE_HANDLE, 0xa0, "\\One", PROVENANCE_LIVE);
    // Without a delete: a new object ends the old one, and so does another name or another type.
    tell(CREATE_OBJECT, 0xa0, EVENT, NULL);
    named_at(now, CREATE_OBJECT, 0xa0, NULL, 0);
    named_at(now - 1, CLOSE_HANDLE, 0xa0, "\\Two", PROVENANCE_LIVE);
    tell(CREATE_HANDLE, 0xa0, EVENT, "\\Three");
    named_at(now, CLOSE_HANDLE, 0xa0, "\\Three", PROVENANCE_LIVE);
    tell(CREATE_HANDLE, 0xa0, EVENT, "\\Four");
    named_at(now, CLOSE_HANDLE, 0xa0, "\\Four", PROVENANCE_LIVE);
    named_at(now - 1, CLOSE_HANDLE, 0xa0, "\\Three", PROVENANCE_LIVE);
    tell(CREATE_HANDLE, 0xa0, KEY, NULL);
    named_at(now, CLOSE_HANDLE, 0xa0, NULL, 0);
}

Test(objects, looking_ahead, .init = set_up, .fini = tear_down) {
    make_objects(100, true);
    tell(TYPE_END, 0, EVENT, "Event");
    tell(HANDLE_END, 0xa0, EVENT, "\\End");
    tell(CREATE_HANDLE, 0xb0, EVENT, "\\Later");
    named_at(0, CLOSE_HANDLE, 0xa0, "\\End", PROVENANCE_RUNDOWN);
    named_at(0, CLOSE_HANDLE, 0xb0, "\\Later", PROVENANCE_GUESS);
    now = 0;
    typed(CLOSE_HANDLE, 0xa0, EVENT, "Event", PROVENANCE_RUNDOWN);
}

Test(objects, types, .init = set_up, .fini = tear_down) {
    make_objects(100, false);
    tell(TYPE_START, 0, EVENT, "Event");
    tell(TYPE_START, 0, KEY, "Key");
    tell(CREATE_HANDLE, 0xa0, KEY, "\\REGISTRY\\MACHINE");
    typed(CLOSE_HANDLE, 0xa0, EVENT, "Event", PROVENANCE_RUNDOWN);
    typed(DELETE_OBJECT, 0, KEY, "Key", PROVENANCE_RUNDOWN);
    typed(DUPLICATE, 0, KEY, "Key", PROVENANCE_RUNDOWN);
    typed(TYPE_END, 0, KEY, "Key", PROVENANCE_RUNDOWN);
    typed(CREATE_HANDLE, 0, 99, NULL, 0);
    // These have no type of their own.
    typed(REFERENCE, 0xa0, 0, "Key", PROVENANCE_RUNDOWN);
    typed(REFERENCE, 0xb0, 0, NULL, 0);
    CacheStats stats[2];
    cr_assert_eq(objects_stats(objects, stats), 2);
    cr_assert_str_eq(stats[0].name, "Objects");
    cr_assert_str_eq(stats[1].name, "Object types");
    cr_assert(stats[0].entries == 1 && stats[1].entries == 2);
    objects_clear(objects);
    typed(CLOSE_HANDLE, 0xa0, EVENT, NULL, 0);
    named_at(now, CLOSE_HANDLE, 0xa0, NULL, 0);
}

Test(objects, duplicate_of_version_3, .init = set_up, .fini = tear_down) {
    make_objects(100, false);
    EventDescriptor desc = {.opcode = DUPLICATE, .version = 3};
    cr_assert_eq(kernel_mof_compile(&object_class, &desc, &schemas[DUPLICATE]), 0);
    tell(TYPE_START, 0, KEY, "Key");
    ObjectPlan plan = objects_plan(schemas[DUPLICATE]);
    buf_clear(&payload);
    buf_u64(&payload, 0xa0);
    buf_zero(&payload, 16); // two handles, two processes
    buf_u16(&payload, KEY);
    EventRecord record = {.provider = object_class,
                          .desc = desc,
                          .flags = EVENT_CLASSIC,
                          .ordinal = now,
                          .payload = payload.data,
                          .payload_bytes = (uint32_t)payload.bytes};
    uint8_t got;
    const Text *text = objects_type(objects, &plan, &record, &got);
    is_text(text, got, "Key", PROVENANCE_RUNDOWN);
}

Test(objects, eviction, .init = set_up, .fini = tear_down) {
    make_objects(2, false);
    tell(CREATE_HANDLE, 1, EVENT, "\\1");
    tell(CREATE_HANDLE, 2, EVENT, "\\2");
    named_at(now, CLOSE_HANDLE, 1, "\\1", PROVENANCE_LIVE);
    tell(CREATE_HANDLE, 3, EVENT, "\\3");
    named_at(now, CLOSE_HANDLE, 2, NULL, 0);
    named_at(now, CLOSE_HANDLE, 1, "\\1", PROVENANCE_LIVE);
    named_at(now, CLOSE_HANDLE, 3, "\\3", PROVENANCE_LIVE);
    CacheStats stats[2];
    objects_stats(objects, stats);
    cr_assert(stats[0].entries == 2 && stats[0].evicted == 1);
    // Type numbers of a hostile file.
    for (int type = 0; type < 5000; type++)
        tell(TYPE_START, 0, (uint16_t)type, "Type");
    objects_stats(objects, stats);
    cr_assert_leq(stats[1].entries, 1024);
}

Test(objects, hostile_payloads, .init = set_up, .fini = tear_down) {
    make_objects(100, false);
    uint8_t junk[64];
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] = (uint8_t)(i * 41 + 3);
    static const int opcodes[] = {32, 33, 34, 36, 37, 38, 39, 48, 49, 50, 51};
    for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
        const Schema *schema = schema_of(opcodes[i]);
        ObjectPlan plan = objects_plan(schema);
        for (uint32_t bytes = 0; bytes <= sizeof junk; bytes++) {
            uint8_t *exact = mem_dup(junk, bytes);
            EventRecord record = {.provider = object_class,
                                  .desc = schema->desc,
                                  .flags =
                                      (uint16_t)(EVENT_CLASSIC | (bytes & 1 ? EVENT_POINTER32 : 0)),
                                  .ordinal = ++now,
                                  .payload = exact,
                                  .payload_bytes = bytes};
            uint8_t got;
            objects_observe(objects, &plan, &record, schema);
            (void)objects_name(objects, &plan, &record, schema, &got);
            (void)objects_type(objects, &plan, &record, &got);
            mem_free(exact);
        }
    }
    // Names beyond the limit are not known.
    static char name[32770];
    for (size_t n = 32767; n <= 32769; n++) {
        memset(name, 'n', n);
        name[n] = 0;
        tell(CREATE_HANDLE, 0x1000 + n, EVENT, name);
        named_at(now, CLOSE_HANDLE, 0x1000 + n, n <= 32768 ? name : NULL, PROVENANCE_LIVE);
    }
    // An address of 0 is no object.
    tell(CREATE_HANDLE, 0, EVENT, "\\Zero");
    named_at(now, CLOSE_HANDLE, 0, NULL, 0);
    static const Guid other = {{1}};
    Schema *schema = NULL;
    cr_assert_eq(schema_new(&schema), 0);
    schema->provider = other;
    cr_assert_eq(objects_plan(schema).role, OBJECT_NOTHING);
    schema->provider = object_class;
    schema->event_flags = EVENT_CLASSIC;
    schema->desc.opcode = CREATE_HANDLE;
    cr_assert_eq(objects_plan(schema).role, OBJECT_NOTHING);
    schema_unref(schema);
}

Test(objects, no_memory, .init = set_up, .fini = tear_down) {
    int r = -1;
    size_t held = mem_in_use();
    for (size_t nth = 1; r < 0; nth++) {
        mem_fail_at(nth);
        r = objects_new(100, 0, false, &objects);
        mem_fail_at(0);
        if (r < 0)
            cr_assert_eq(mem_in_use(), held);
    }
    const Schema *schema = schema_of(CREATE_HANDLE);
    ObjectPlan plan = objects_plan(schema), close = objects_plan(schema_of(CLOSE_HANDLE));
    for (size_t nth = 1; nth < 20; nth++) {
        objects_clear(objects);
        tell(CREATE_HANDLE, 1, EVENT, nth & 1 ? "\\Old" : NULL);
        now++;
        EventRecord record = event(CREATE_HANDLE, 1, EVENT, "\\New");
        mem_fail_at(nth);
        objects_observe(objects, &plan, &record, schema);
        mem_fail_at(0);
        record = event(CLOSE_HANDLE, 1, EVENT, NULL);
        uint8_t got;
        const Text *name = objects_name(objects, &close, &record, schema_of(CLOSE_HANDLE), &got);
        cr_assert(!name || strcmp(name->s, "\\New") == 0, "allocation %zu: %s", nth, name->s);
    }
}

// TraceLogging metadata: every type, tags, counts, structures; and what is malformed.
#include "blob.h"

#include "schema/tracelogging.h"
#include "util/mem.h"

static uint8_t ext[16384];
static Schema *schema;
static size_t before;

static void set_up(void) {
    before = mem_in_use();
    schema = NULL;
}

static void tear_down(void) {
    schema = schema_unref(schema);
    cr_assert(mem_in_use() == before);
}

// meta: the metadata behind its size.
static int compile_bytes(const void *meta, size_t bytes) {
    schema = schema_unref(schema);
    EventRecord r = test_event(&test_provider, 0, 0);
    r.flags = EVENT_TRACELOGGING;
    r.ext = ext;
    r.ext_bytes = test_tl_item(ext, 0, meta, (uint16_t)bytes);
    return tracelogging_compile(&r, NULL, &schema);
}

#define COMPILE(text) compile_bytes(text, sizeof text - 1)

Test(tracelogging, every_type, .init = set_up, .fini = tear_down) {
    for (uint8_t type = 0; type <= 31; type++) {
        uint8_t meta[] = "\0Event\0field\0\0";
        meta[13] = type;
        int r = compile_bytes(meta, 14);
        if (type > 25) {
            cr_assert(r == BUILDER_BAD, "type %u", type);
            continue;
        }
        cr_assert(r == 0, "type %u", type);
        cr_assert(strcmp(schema->event_name, "Event") == 0);
        cr_assert(schema->n_top == 1 && strcmp(schema->fields[0].name, "field") == 0);
        // 14 is binary with a count in front: type 25 of TDH
        cr_assert(schema->fields[0].in_type == (type == 14 ? IN_COUNTED_BINARY : type));
        cr_assert(schema->source == SCHEMA_TRACELOGGING &&
                  schema->event_flags == EVENT_TRACELOGGING);
    }
}

Test(tracelogging, out_types, .init = set_up, .fini = tear_down) {
    static const struct {
        uint8_t in, out;
        uint16_t expect;
    } cases[] = {
        {8, 0, OUT_DEFAULT},
        {8, 1, OUT_NO_PRINT},
        {4, 2, OUT_STRING},
        {4, 3, OUT_BOOL},
        {4, 4, OUT_HEX8},
        {6, 4, OUT_HEX16},
        {8, 4, OUT_HEX32},
        {10, 4, OUT_HEX64},
        {8, 5, OUT_PID},
        {8, 6, OUT_TID},
        {6, 7, OUT_PORT},
        {8, 8, OUT_IPV4},
        {14, 9, OUT_IPV6},
        {14, 10, OUT_SOCKADDR},
        {1, 11, OUT_XML},
        {1, 12, OUT_JSON},
        {8, 13, OUT_WIN32_ERROR},
        {8, 14, OUT_NTSTATUS},
        {8, 15, OUT_HRESULT},
        {10, 16, OUT_DATETIME},
        {20, 17, OUT_INT},
        {21, 18, OUT_ULONG},
        {2, 35, OUT_UTF8},
        {14, 36, OUT_PKCS7},
        {21, 37, OUT_CODE_POINTER},
        {17, 38, OUT_DATETIME_UTC},
        {8, 39, OUT_DEFAULT},
        {8, 34, OUT_DEFAULT},
        {14, 4, OUT_HEXBINARY},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t meta[] = "\0E\0f\0\0\0";
        meta[5] = (uint8_t)(cases[i].in | 0x80);
        meta[6] = cases[i].out;
        cr_assert(compile_bytes(meta, 7) == 0);
        cr_assert(schema->fields[0].out_type == cases[i].expect, "in %u out %u: %u", cases[i].in,
                  cases[i].out, schema->fields[0].out_type);
        cr_assert(((schema->fields[0].flags & FIELD_NO_PRINT) != 0) == (cases[i].out == 1));
    }
}

Test(tracelogging, tags, .init = set_up, .fini = tear_down) {
    cr_assert(COMPILE("\x80\x00"
                      "E\0f\0\x08") == 0 &&
              schema->n_top == 1);
    cr_assert(COMPILE("\x81\x82\x83\x04"
                      "E\0f\0\x08") == 0 &&
                  schema->n_top == 1,
              "four bytes");
    cr_assert(COMPILE("\x81\x82\x83\x84\x05"
                      "E\0f\0\x08") == BUILDER_BAD,
              "five");
    // of a field: behind its out type
    cr_assert(COMPILE("\0E\0f\0\x88\x88\x81\x02g\0\x08") == 0 && schema->n_top == 2);
    cr_assert(schema->fields[0].out_type == OUT_IPV4);
}

Test(tracelogging, counts, .init = set_up, .fini = tear_down) {
    cr_assert(COMPILE("\0E\0a\0\x28\x03\x00v\0\x48z\0\x28\x00\x00t\0\x08") == 0);
    cr_assert(schema->fields[0].count_kind == EXTENT_FIXED && schema->fields[0].count == 3);
    cr_assert(schema->fields[1].count_kind == EXTENT_PREFIX16);
    cr_assert(schema->fields[2].count_kind == EXTENT_FIXED && schema->fields[2].count == 0);
    cr_assert(schema->fields[3].count_kind == EXTENT_ONE);
    cr_assert(COMPILE("\0E\0a\0\x28\x03") == BUILDER_BAD, "half a count");
}

Test(tracelogging, custom_is_counted_bytes, .init = set_up, .fini = tear_down) {
    cr_assert(COMPILE("\0E\0c\0\x6d\x02\x00\xaa\xbbt\0\x08") == 0);
    cr_assert(schema->fields[0].in_type == IN_COUNTED_BINARY && schema->n_top == 2);
    cr_assert(COMPILE("\0E\0c\0\x6d\x03\x00\xaa\xbb") == BUILDER_BAD, "less than it says");
    cr_assert(COMPILE("\0E\0c\0\x6d\x00\x00") == 0, "no type information");
}

Test(tracelogging, structures, .init = set_up, .fini = tear_down) {
    // S{ a, T[]{ b }, c }, d
    cr_assert(COMPILE("\0E\0S\0\x98\x03"
                      "a\0\x08"
                      "T\0\xd8\x01"
                      "b\0\x0a"
                      "c\0\x06"
                      "d\0\x04") == 0);
    cr_assert(schema->n_top == 2 && schema->n_fields == 6);
    const SchemaField *s = &schema->fields[0];
    cr_assert(s->in_type == IN_STRUCT && s->first_member == 2 && s->n_members == 3);
    const SchemaField *t = &schema->fields[3];
    cr_assert(strcmp(t->name, "T") == 0 && t->count_kind == EXTENT_PREFIX16 && t->parent == 0);
    cr_assert(t->n_members == 1 && strcmp(schema->fields[t->first_member].name, "b") == 0);
    cr_assert(strcmp(schema->fields[4].name, "c") == 0 && strcmp(schema->fields[1].name, "d") == 0);
    // the last structure lacks a member
    cr_assert(COMPILE("\0E\0S\0\x98\x02"
                      "a\0\x08") == BUILDER_BAD);
    cr_assert(COMPILE("\0E\0S\0\x98\x00") == 0, "no members");
    cr_assert(COMPILE("\0E\0S\0\x18") == 0, "no out type: none either");
}

Test(tracelogging, nesting_at_the_limit, .init = set_up, .fini = tear_down) {
    for (uint32_t levels = SCHEMA_MAX_DEPTH - 1; levels <= SCHEMA_MAX_DEPTH + 1; levels++) {
        uint8_t meta[1024] = "\0E";
        size_t n = 3;
        for (uint32_t i = 0; i + 1 < levels; i++) {
            memcpy(meta + n, "s\0\x98\x01", 4);
            n += 4;
        }
        memcpy(meta + n, "x\0\x08", 3);
        cr_assert((compile_bytes(meta, n + 3) == 0) == (levels <= SCHEMA_MAX_DEPTH), "%u", levels);
    }
}

Test(tracelogging, fields_at_the_limit, .init = set_up, .fini = tear_down) {
    for (uint32_t n = SCHEMA_MAX_FIELDS - 1; n <= SCHEMA_MAX_FIELDS + 1; n++) {
        uint8_t meta[3 + 2 * (SCHEMA_MAX_FIELDS + 1)] = "\0E";
        for (uint32_t i = 0; i < n; i++)
            meta[3 + 2 * i + 1] = 4; // no name, one byte
        cr_assert((compile_bytes(meta, 3 + 2 * n) == 0) == (n <= SCHEMA_MAX_FIELDS), "%u", n);
    }
}

Test(tracelogging, sizes, .init = set_up, .fini = tear_down) {
    static const uint8_t good[] = {10, 0, 0, 'E', 0, 'f', 'l', 'd', 0, 8};
    EventItem item = {EVENT_ITEM_TRACELOGGING, sizeof good, good};
    const uint8_t *meta;
    size_t bytes;
    cr_assert(tracelogging_metadata(&item, &meta, &bytes) && bytes == 10);
    uint8_t bad[sizeof good];
    static const uint16_t sizes[] = {0, 1, 3, 11, 0xffff};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        memcpy(bad, good, sizeof good);
        store_u16(bad, sizes[i]);
        item.data = bad;
        cr_assert(!tracelogging_metadata(&item, &meta, &bytes), "size %u", sizes[i]);
    }
    for (uint16_t n = 0; n < sizeof good; n++) {
        item = (EventItem){EVENT_ITEM_TRACELOGGING, n, good};
        cr_assert(!tracelogging_metadata(&item, &meta, &bytes), "item of %u bytes", n);
    }
}

Test(tracelogging, cut_anywhere, .init = set_up, .fini = tear_down) {
    static const char whole[] = "\x81\x02"
                                "Name\0S\0\x98\x02"
                                "a\0\x28\x03\x00"
                                "c\0\x6d\x01\x00\xaa"
                                "z\0\x88\x85\x01";
    size_t n = sizeof whole - 1, good = 0;
    for (size_t cut = 0; cut <= n; cut++) {
        schema = schema_unref(schema);
        uint8_t *item = mem_alloc(cut + 2), *chain = mem_alloc(ALIGN8(cut + 2) + 8);
        store_u16(item, (uint16_t)(cut + 2));
        memcpy(item + 2, whole, cut);
        EventRecord r = test_event(&test_provider, 0, 0);
        r.flags = EVENT_TRACELOGGING;
        r.ext = chain;
        r.ext_bytes = event_item_put(chain, EVENT_ITEM_TRACELOGGING, item, (uint16_t)(cut + 2));
        int result = tracelogging_compile(&r, NULL, &schema);
        cr_assert(result == 0 || result == BUILDER_BAD);
        good += result == 0;
        mem_free(item);
        mem_free(chain);
    }
    // behind the name, behind the structure, and whole
    cr_assert(good == 3, "%zu", good);
}

Test(tracelogging, provider_traits, .init = set_up, .fini = tear_down) {
    uint8_t traits[64] = {0, 0, 'P', 'r', 'o', 'v', 0, 19, 0, 1};
    memcpy(traits + 10, test_metadata_class.b, 16);
    store_u16(traits, 26);
    EventRecord r = test_event(&test_provider, 0, 0);
    r.flags = EVENT_TRACELOGGING;
    uint32_t n = event_item_put(ext, EVENT_ITEM_TRAITS, traits, 26);
    r.ext = ext;
    r.ext_bytes = test_tl_item(ext, n, "\0E\0", 3);
    const char *name;
    cr_assert(tracelogging_provider_name(&r, &name) == 4 && memcmp(name, "Prov", 4) == 0);
    Guid group;
    cr_assert(tracelogging_group(&r, &group) && guid_equal(&group, &test_metadata_class));
    cr_assert(tracelogging_compile(&r, "Other", &schema) == 0);
    cr_assert(strcmp(schema->provider_name, "Prov") == 0);
    // the chunk is longer than the traits
    store_u16(traits, 25);
    n = event_item_put(ext, EVENT_ITEM_TRAITS, traits, 26);
    r.ext_bytes = test_tl_item(ext, n, "\0E\0", 3);
    cr_assert(!tracelogging_group(&r, &group));
    // the traits are longer than the item
    store_u16(traits, 27);
    n = event_item_put(ext, EVENT_ITEM_TRAITS, traits, 26);
    r.ext_bytes = test_tl_item(ext, n, "\0E\0", 3);
    cr_assert(tracelogging_provider_name(&r, &name) == 0);
    schema = schema_unref(schema);
    cr_assert(tracelogging_compile(&r, "Other", &schema) == 0);
    cr_assert(strcmp(schema->provider_name, "Other") == 0);
}

Test(tracelogging, each_allocation_fails, .init = set_up, .fini = tear_down) {
    size_t n = 1;
    for (;; n++) {
        mem_fail_at(n);
        int r = COMPILE("\0E\0S\0\x98\x01"
                        "a\0\x08"
                        "d\0\x04");
        mem_fail_at(0);
        if (r == 0)
            break;
        cr_assert(r == -STATUS_NO_MEMORY);
    }
    cr_assert(n > 3);
}

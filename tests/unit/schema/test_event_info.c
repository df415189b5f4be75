// TRACE_EVENT_INFO and EVENT_MAP_INFO: what is right, and each offset, count and index out of
// range.
#include "blob.h"

#include "util/mem.h"

static TestBlob blob, map_blob;
static Schema *schema;
static size_t before;

static void set_up(void) {
    before = mem_in_use();
    schema = NULL;
}

static void tear_down(void) {
    schema = schema_unref(schema);
    cr_assert(mem_in_use() == before, "%zu bytes are left", mem_in_use() - before);
}

static int compile(void) {
    schema = schema_unref(schema);
    return event_info_compile(blob.data, blob.bytes, NULL, NULL, &schema);
}

static void three_fields(void) {
    blob_start(&blob, &test_provider, 3, 3);
    blob_property(&blob, 0, "Count", 0, IN_U32, OUT_DEFAULT, 1, 4);
    blob_property(&blob, 1, "Items ", PROP_COUNT, IN_U16, OUT_PORT, 0, 2);
    blob_property(&blob, 2, "Text", 0, IN_UTF16, OUT_STRING, 1, 0);
    blob_name(&blob, 0x34, "Provider ");
    blob_name(&blob, 0x44, "Task");
    blob_name(&blob, 0x48, "win:Start ");
    blob_name(&blob, 0x4c, "Count is %1.");
    blob.data[0x25] = 1; // opcode
}

Test(event_info, names_and_fields, .init = set_up, .fini = tear_down) {
    three_fields();
    uint32_t keywords = blob_string(&blob, "Read ");
    blob_string(&blob, "Write");
    blob_string(&blob, "");
    blob_set32(&blob, 0x40, keywords);
    cr_assert(compile() == 0);
    cr_assert(strcmp(schema->provider_name, "Provider") == 0);
    cr_assert(strcmp(schema->event_name, "Task/Start") == 0, "%s", schema->event_name);
    cr_assert(strcmp(schema->opcode_name, "Start") == 0);
    cr_assert(strcmp(schema->level_name, "Information") == 0);
    cr_assert(strcmp(schema->keyword_names, "Read, Write") == 0, "%s", schema->keyword_names);
    cr_assert(strcmp(schema->message, "Count is %1.") == 0);
    cr_assert(schema->source == SCHEMA_EVENT_INFO && schema->desc.id == 7 &&
              schema->desc.version == 2);
    cr_assert(schema->n_top == 3 && schema->n_fields == 3);
    cr_assert(strcmp(schema->fields[1].name, "Items") == 0, "blanks at the end are trimmed");
    cr_assert(schema->fields[1].count_kind == EXTENT_FIELD && schema->fields[1].count == 0);
    cr_assert(schema->fields[1].out_type == OUT_PORT);
    cr_assert(schema->fields[2].length_kind == EXTENT_ONE);
    cr_assert(schema->fields[1].offset64 == 4 && schema->fields[2].offset64 == -1);
}

Test(event_info, info_opcode_is_left_out, .init = set_up, .fini = tear_down) {
    three_fields();
    blob.data[0x25] = 0;
    blob_name(&blob, 0x48, "win:Info");
    cr_assert(compile() == 0 && strcmp(schema->event_name, "Task") == 0);
    blob_set32(&blob, 0x44, 0);
    cr_assert(compile() == 0 && strcmp(schema->event_name, "EventID(7)") == 0);
}

Test(event_info, lengths, .init = set_up, .fini = tear_down) {
    blob_start(&blob, &test_provider, 5, 5);
    blob_property(&blob, 0, "n", 0, IN_U8, 0, 1, 1);
    blob_property(&blob, 1, "fixed", 0x10, IN_UTF16, 0, 1, 12);
    blob_property(&blob, 2, "counted", PROP_LENGTH, IN_BINARY, 0, 1, 0);
    blob_property(&blob, 3, "six", 0, IN_BINARY, OUT_IPV6, 1, 0);
    blob_property(&blob, 4, "pair", PROP_FIXED_COUNT, IN_U32, 0, 2, 4);
    cr_assert(compile() == 0);
    cr_assert(schema->fields[1].length_kind == EXTENT_FIXED && schema->fields[1].length == 12);
    cr_assert(schema->fields[2].length_kind == EXTENT_FIELD && schema->fields[2].length == 0);
    cr_assert(schema->fields[3].length_kind == EXTENT_FIXED && schema->fields[3].length == 16);
    cr_assert(schema->fields[4].count_kind == EXTENT_FIXED && schema->fields[4].count == 2);
    cr_assert(schema->fields[2].offset32 == 25 && schema->fields[3].offset32 == -1);
}

Test(event_info, structures_are_laid_out_behind_the_top_level, .init = set_up, .fini = tear_down) {
    // top: a, S{x, T{y}, m}, b   stored with T's members in front of S's
    blob_start(&blob, &test_provider, 7, 3);
    blob_property(&blob, 0, "a", 0, IN_U32, 0, 1, 4);
    blob_property(&blob, 1, "S", PROP_STRUCT | PROP_COUNT, 3, 3, 0, 0);
    blob_property(&blob, 2, "b", 0, IN_U8, 0, 1, 1);
    blob_property(&blob, 3, "x", 0, IN_U16, 0, 1, 2);
    blob_property(&blob, 4, "T", PROP_STRUCT, 6, 1, 1, 0);
    blob_property(&blob, 5, "m", PROP_LENGTH, IN_ANSI, 0, 1, 3);
    blob_property(&blob, 6, "y", 0, IN_U64, 0, 1, 8);
    cr_assert(compile() == 0);
    cr_assert(schema->n_fields == 7 && schema->n_top == 3);
    const SchemaField *s = &schema->fields[1];
    cr_assert(s->in_type == IN_STRUCT && s->count_kind == EXTENT_FIELD && s->count == 0);
    cr_assert(s->first_member == 3 && s->n_members == 3);
    const SchemaField *m = &schema->fields[5];
    cr_assert(strcmp(m->name, "m") == 0 && m->parent == 1);
    cr_assert(m->length_kind == EXTENT_FIELD && m->length == 3, "x, which is the first member");
    const SchemaField *t = &schema->fields[4];
    cr_assert(t->parent == 1 && t->n_members == 1);
    cr_assert(strcmp(schema->fields[t->first_member].name, "y") == 0);
    cr_assert(t->offset64 == 2 && m->offset64 == 10, "counted from the start of the structure");
    cr_assert(schema->fields[2].offset64 == -1);
}

Test(event_info, wbem_blobs_are_of_their_class, .init = set_up, .fini = tear_down) {
    three_fields();
    blob_set32(&blob, 0x30, DECODING_WBEM);
    EventInfoKey key;
    cr_assert(event_info_key(blob.data, blob.bytes, &key));
    cr_assert(guid_equal(&key.provider, &test_provider), "without an event class: the provider");
    memcpy(blob.data + 0x10, test_metadata_class.b, 16);
    cr_assert(event_info_key(blob.data, blob.bytes, &key));
    cr_assert(guid_equal(&key.provider, &test_metadata_class) && key.desc.opcode == 1);
    cr_assert(compile() == 0 && (schema->event_flags & EVENT_CLASSIC));
}

// ---- Hostile blobs
// -------------------------------------------------------------------------------

Test(event_info, too_short, .init = set_up, .fini = tear_down) {
    three_fields();
    size_t whole = blob.bytes;
    for (blob.bytes = 0; blob.bytes < EVENT_INFO_HEAD + 3 * EVENT_INFO_PROPERTY; blob.bytes++)
        cr_assert(compile() == BUILDER_BAD, "%zu bytes", blob.bytes);
    // From here on the table fits; strings may be cut but never read beyond the end.
    for (; blob.bytes <= whole; blob.bytes++) {
        uint8_t *exact = mem_dup(blob.data, blob.bytes); // for the sanitizers
        schema = schema_unref(schema);
        int r = event_info_compile(exact, blob.bytes, NULL, NULL, &schema);
        cr_assert(r == 0 || r == BUILDER_BAD);
        mem_free(exact);
    }
    cr_assert(schema != NULL, "the whole blob compiles");
}

Test(event_info, each_offset_out_of_range, .init = set_up, .fini = tear_down) {
    static const uint32_t heads[] = {0x34, 0x38, 0x3c, 0x40, 0x44, 0x48, 0x4c};
    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        three_fields();
        uint32_t end = (uint32_t)blob.bytes;
        static const uint32_t beyond[] = {0, 1, 0x7fffffff};
        for (size_t k = 0; k < ARRAY_COUNT(beyond); k++) {
            blob_set32(&blob, heads[i], end + beyond[k]);
            cr_assert(compile() == BUILDER_BAD, "head offset 0x%x", heads[i]);
        }
        blob_set32(&blob, heads[i], UINT32_MAX);
        cr_assert(compile() == BUILDER_BAD);
        blob_set32(&blob, heads[i], end - 2); // the last NUL: an empty name
        cr_assert(compile() == 0);
        blob_set32(&blob, heads[i], end - 1); // half a unit
        cr_assert(compile() == 0);
    }
    for (uint32_t p = 0; p < 3; p++) {
        three_fields();
        blob_set32(&blob, EVENT_INFO_HEAD + p * EVENT_INFO_PROPERTY + 4, (uint32_t)blob.bytes);
        cr_assert(compile() == BUILDER_BAD, "name of property %u", p);
    }
}

Test(event_info, counts_out_of_range, .init = set_up, .fini = tear_down) {
    three_fields();
    blob_set32(&blob, 0x68, 4); // more at the top than there are
    cr_assert(compile() == BUILDER_BAD);
    three_fields();
    blob_set32(&blob, 0x64, UINT32_MAX);
    cr_assert(compile() == BUILDER_BAD);
    three_fields();
    blob_set32(&blob, 0x64, (uint32_t)((blob.bytes - EVENT_INFO_HEAD) / EVENT_INFO_PROPERTY) + 1);
    cr_assert(compile() == BUILDER_BAD, "one property more than fits");
    three_fields();
    blob_set32(&blob, 0x30, 4);
    cr_assert(compile() == BUILDER_BAD, "an unknown decoding source");
}

Test(event_info, indexes_out_of_range, .init = set_up, .fini = tear_down) {
    uint32_t second = EVENT_INFO_HEAD + EVENT_INFO_PROPERTY;
    static const uint16_t wrong[] = {1, 2, 3, 0x7fff, 0xffff}; // itself, behind, outside
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        three_fields();
        blob_set16(&blob, second + 16, wrong[i]);
        cr_assert(compile() == BUILDER_BAD, "count by property %u", wrong[i]);
        blob_start(&blob, &test_provider, 3, 3);
        blob_property(&blob, 0, "n", 0, IN_U32, 0, 1, 4);
        blob_property(&blob, 1, "data", PROP_LENGTH, IN_BINARY, 0, 1, wrong[i]);
        blob_property(&blob, 2, "m", 0, IN_U32, 0, 1, 4);
        cr_assert(compile() == BUILDER_BAD, "length by property %u", wrong[i]);
    }
    three_fields();
    blob_set16(&blob, EVENT_INFO_HEAD + 8, IN_UTF16); // a text cannot count
    cr_assert(compile() == BUILDER_BAD);
    three_fields();
    blob_set16(&blob, EVENT_INFO_HEAD + 8, 26); // no such type
    cr_assert(compile() == BUILDER_BAD);
    three_fields();
    blob_set16(&blob, EVENT_INFO_HEAD + 8, IN_STRUCT); // a structure without the flag
    cr_assert(compile() == BUILDER_BAD);
}

// A structure with the members [from, from + n).
static void structure(uint32_t i, uint16_t from, uint16_t n) {
    blob_property(&blob, i, "S", PROP_STRUCT, from, n, 1, 0);
}

Test(event_info, structures_that_refer_to_themselves, .init = set_up, .fini = tear_down) {
    static const uint16_t from[] = {0, 1, 2, 3, 0xffff};
    for (size_t i = 0; i < ARRAY_COUNT(from); i++) {
        blob_start(&blob, &test_provider, 3, 1);
        structure(0, from[i], 2);
        blob_property(&blob, 1, "x", 0, IN_U32, 0, 1, 4);
        blob_property(&blob, 2, "y", 0, IN_U32, 0, 1, 4);
        cr_assert((compile() == 0) == (from[i] == 1), "members from %u", from[i]);
    }
    blob_start(&blob, &test_provider, 3, 1); // 0 -> 1 -> 1
    structure(0, 1, 1);
    structure(1, 1, 1);
    cr_assert(compile() == BUILDER_BAD);
    blob_start(&blob, &test_provider, 3, 2); // two structures share the members: over the budget
    structure(0, 2, 1);
    structure(1, 2, 1);
    blob_property(&blob, 2, "x", 0, IN_U32, 0, 1, 4);
    cr_assert(compile() == BUILDER_BAD);
}

Test(event_info, nesting_at_the_limit, .init = set_up, .fini = tear_down) {
    static const uint32_t depths[] = {SCHEMA_MAX_DEPTH - 1, SCHEMA_MAX_DEPTH, SCHEMA_MAX_DEPTH + 1};
    for (size_t i = 0; i < ARRAY_COUNT(depths); i++) {
        uint32_t n = depths[i]; // n - 1 structures, one within the other, and a number in the last
        blob_start(&blob, &test_provider, n, 1);
        for (uint32_t k = 0; k + 1 < n; k++)
            structure(k, (uint16_t)(k + 1), 1);
        blob_property(&blob, n - 1, "x", 0, IN_U32, 0, 1, 4);
        cr_assert((compile() == 0) == (n <= SCHEMA_MAX_DEPTH), "%u levels", n);
    }
}

Test(event_info, fields_at_the_limit, .init = set_up, .fini = tear_down) {
    for (uint32_t n = SCHEMA_MAX_FIELDS - 1; n <= SCHEMA_MAX_FIELDS + 1; n++) {
        blob_start(&blob, &test_provider, n, n);
        uint32_t name = blob_string(&blob, "f");
        for (uint32_t i = 0; i < n; i++) {
            uint32_t at = EVENT_INFO_HEAD + i * EVENT_INFO_PROPERTY;
            blob_set32(&blob, at + 4, name);
            blob_set16(&blob, at + 8, IN_U8);
            blob_set16(&blob, at + 16, 1);
        }
        cr_assert((compile() == 0) == (n <= SCHEMA_MAX_FIELDS), "%u fields", n);
    }
}

Test(event_info, one_long_name_many_times, .init = set_up, .fini = tear_down) {
    // 1,000 fields whose names are one text of 8,000 characters: 8 MB if nobody counted.
    blob_start(&blob, &test_provider, 1000, 1000);
    uint32_t name = (uint32_t)blob.bytes;
    for (int i = 0; i < 8000; i++) {
        blob.data[blob.bytes++] = 'x';
        blob.data[blob.bytes++] = 0;
    }
    blob_string(&blob, "");
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t at = EVENT_INFO_HEAD + i * EVENT_INFO_PROPERTY;
        blob_set32(&blob, at + 4, name);
        blob_set16(&blob, at + 8, IN_U8);
    }
    mem_reset_peak();
    cr_assert(compile() == BUILDER_BAD);
    cr_assert(mem_peak() - before < 2 * SCHEMA_MAX_BYTES, "%zu bytes", mem_peak() - before);
}

// ---- Maps
// ----------------------------------------------------------------------------------------

static const void *give_map(void *user, const Guid *provider, const void *units, size_t n,
                            size_t *ret_bytes) {
    (void)user, (void)units;
    if (!guid_equal(provider, &test_provider) || n != 3)
        return NULL;
    *ret_bytes = map_blob.bytes;
    return map_blob.data;
}

static int compile_mapped(void) {
    MapFinder finder = {give_map, NULL};
    blob_start(&blob, &test_provider, 1, 1);
    blob_property(&blob, 0, "v", 0, IN_U32, 0, 1, 4);
    blob_set32(&blob, EVENT_INFO_HEAD + 12, blob_string(&blob, "Map"));
    schema = schema_unref(schema);
    return event_info_compile(blob.data, blob.bytes, NULL, &finder, &schema);
}

static const TestMapEntry entries[] = {{7, "seven "}, {1, "one"}, {7, "again"}, {3, "three"}};

Test(event_info, map_is_sorted_and_trimmed, .init = set_up, .fini = tear_down) {
    blob_map(&map_blob, "Map", 1, entries, 4);
    cr_assert(compile_mapped() == 0);
    const SchemaMap *m = schema->fields[0].map;
    cr_assert(m && m->n_entries == 3 && !m->bitmap && strcmp(m->name, "Map") == 0);
    cr_assert(m->entries[0].value == 1 && m->entries[1].value == 3 && m->entries[2].value == 7);
    cr_assert(strcmp(m->entries[2].text, "seven") == 0 || strcmp(m->entries[2].text, "again") == 0);
    blob_map(&map_blob, "Map", 2, entries, 2);
    cr_assert(compile_mapped() == 0 && schema->fields[0].map->bitmap);
}

Test(event_info, an_unusable_map_leaves_the_number, .init = set_up, .fini = tear_down) {
    blob_map(&map_blob, "Map", 4, entries, 4); // patterns
    cr_assert(compile_mapped() == 0 && schema->fields[0].map == NULL);
    static const uint32_t counts[] = {6, 0x1fffffff, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        blob_map(&map_blob, "Map", 1, entries, 1);
        map_blob.bytes = MAP_INFO_HEAD + 5 * 8;
        blob_set32(&map_blob, 8, counts[i]);
        cr_assert(compile_mapped() == 0 && schema->fields[0].map == NULL, "%u entries", counts[i]);
    }
    blob_map(&map_blob, "Map", 1, entries, 2);
    blob_set32(&map_blob, MAP_INFO_HEAD + 8, (uint32_t)map_blob.bytes); // text of entry 1
    cr_assert(compile_mapped() == 0 && schema->fields[0].map == NULL);
    blob_map(&map_blob, "Map", 1, entries, 2);
    blob_set32(&map_blob, 0, (uint32_t)map_blob.bytes); // its name
    cr_assert(compile_mapped() == 0 && schema->fields[0].map == NULL);
    blob_map(&map_blob, "Map", 1, entries, 2);
    blob_set32(&map_blob, 12, 1); // values are texts
    cr_assert(compile_mapped() == 0 && schema->fields[0].map == NULL);
}

Test(event_info, map_name_offset_out_of_range, .init = set_up, .fini = tear_down) {
    blob_map(&map_blob, "Map", 1, entries, 2);
    cr_assert(compile_mapped() == 0);
    blob_set32(&blob, EVENT_INFO_HEAD + 12, (uint32_t)blob.bytes);
    MapFinder finder = {give_map, NULL};
    schema = schema_unref(schema);
    cr_assert(event_info_compile(blob.data, blob.bytes, NULL, &finder, &schema) == BUILDER_BAD);
}

Test(event_info, each_allocation_fails, .init = set_up, .fini = tear_down) {
    blob_map(&map_blob, "Map", 1, entries, 4);
    uint32_t failed = 0;
    for (size_t n = 1;; n++) {
        mem_fail_at(n);
        int r = compile_mapped();
        mem_fail_at(0);
        if (r == 0)
            break;
        cr_assert(r == -STATUS_NO_MEMORY, "allocation %zu: %d", n, r);
        failed++;
    }
    cr_assert(failed >= 3);
}

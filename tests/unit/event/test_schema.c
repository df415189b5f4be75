// The schema model: invariants that schema_finish checks, offsets, budgets, names, sharing.
#include <criterion/criterion.h>
#include <stdio.h>

#include "event/schema.h"
#include "util/mem.h"

static Schema *s;
static SchemaField *f;
static Err err;
static size_t before;

static void set_up(void) {
    before = mem_in_use();
    s = NULL;
}

static void tear_down(void) {
    s = schema_unref(s);
    cr_assert(mem_in_use() == before);
}

static void begin(uint16_t n, uint16_t n_top) {
    s = schema_unref(s);
    cr_assert(schema_new(&s) == 0);
    s->n_fields = n;
    s->n_top = n_top;
    f = arena_array(&s->arena, n ? n : 1, sizeof *f);
    cr_assert(f != NULL);
    for (uint32_t i = 0; i < n; i++)
        f[i] = (SchemaField){.name = "f", .in_type = IN_U32};
    s->fields = f;
}

static bool good(void) {
    err = (Err)ERR_INIT;
    int r = schema_finish(s, &err);
    cr_assert(r == 0 || r == -STATUS_FORMAT);
    cr_assert((r == 0) == (err.status == 0));
    return r == 0;
}

Test(schema, an_empty_one_is_good, .init = set_up, .fini = tear_down) {
    begin(0, 0);
    s->fields = NULL;
    cr_assert(good());
    cr_assert(s->provider_name[0] == '\0' && s->message[0] == '\0');
    cr_assert(schema_bytes(s) >= sizeof *s);
    cr_assert(schema_field_index(s, "x") == -1);
}

Test(schema, names_may_not_be_missing, .init = set_up, .fini = tear_down) {
    const char **names[8];
    for (int i = 0; i < 8; i++) {
        begin(0, 0);
        const char **all[] = {&s->provider_name, &s->event_name, &s->task_name,
                              &s->opcode_name,   &s->level_name, &s->channel_name,
                              &s->keyword_names, &s->message};
        memcpy(names, all, sizeof all);
        *names[i] = NULL;
        cr_assert(!good(), "name %d", i);
    }
    begin(1, 1);
    f[0].name = NULL; // of a field: it becomes ""
    cr_assert(good() && s->fields[0].name[0] == '\0');
}

Test(schema, top_level_counts, .init = set_up, .fini = tear_down) {
    begin(2, 3);
    cr_assert(!good());
    begin(2, 1); // the second belongs to nothing
    cr_assert(!good());
    begin(2, 2);
    cr_assert(good());
    begin(1, 1);
    s->fields = NULL;
    cr_assert(!good());
}

Test(schema, offsets, .init = set_up, .fini = tear_down) {
    static const struct {
        uint16_t type;
        int bytes32, bytes64;
    } sizes[] = {
        {IN_NULL, 0, 0},
        {IN_I8, 1, 1},
        {IN_U8, 1, 1},
        {IN_I16, 2, 2},
        {IN_U16, 2, 2},
        {IN_I32, 4, 4},
        {IN_U32, 4, 4},
        {IN_I64, 8, 8},
        {IN_U64, 8, 8},
        {IN_FLOAT, 4, 4},
        {IN_DOUBLE, 8, 8},
        {IN_BOOL32, 4, 4},
        {IN_GUID, 16, 16},
        {IN_POINTER, 4, 8},
        {IN_FILETIME, 8, 8},
        {IN_SYSTEMTIME, 16, 16},
        {IN_HEX32, 4, 4},
        {IN_HEX64, 8, 8},
        {IN_UTF16_CHAR, 2, 2},
        {IN_ANSI_CHAR, 1, 1},
        {IN_SIZET, 4, 8},
        {IN_UTF16, -1, -1},
        {IN_ANSI, -1, -1},
        {IN_BINARY, -1, -1},
        {IN_SID, -1, -1},
        {IN_WBEM_SID, -1, -1},
        {IN_COUNTED_UTF16, -1, -1},
        {IN_COUNTED_ANSI, -1, -1},
        {IN_COUNTED_BINARY, -1, -1},
        {IN_COUNTED_STRING, -1, -1},
        {IN_REVERSED_COUNTED_STRING, -1, -1},
        {IN_NONNULL_STRING, -1, -1},
        {IN_HEXDUMP, -1, -1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        begin(3, 3);
        f[0].in_type = sizes[i].type;
        cr_assert(good(), "type %u", sizes[i].type);
        cr_assert(s->fields[0].offset32 == 0 && s->fields[0].offset64 == 0);
        cr_assert(s->fields[1].offset32 == sizes[i].bytes32, "type %u", sizes[i].type);
        cr_assert(s->fields[1].offset64 == sizes[i].bytes64, "type %u", sizes[i].type);
        int after = sizes[i].bytes64 < 0 ? -1 : sizes[i].bytes64 + 4;
        cr_assert(s->fields[2].offset64 == after);
    }
}

Test(schema, offsets_behind_arrays_and_padding, .init = set_up, .fini = tear_down) {
    begin(6, 6);
    f[0].count_kind = EXTENT_FIXED, f[0].count = 3;
    f[1].in_type = IN_I8, f[1].flags = FIELD_PAD3;
    f[2].in_type = IN_UTF16, f[2].length_kind = EXTENT_FIXED, f[2].length = 5;
    f[3].in_type = IN_BINARY, f[3].length_kind = EXTENT_FIXED, f[3].length = 7;
    f[4].count_kind = EXTENT_PREFIX16;
    cr_assert(good());
    cr_assert(f[1].offset32 == 12 && f[2].offset32 == 16 && f[3].offset32 == 26);
    cr_assert(f[4].offset32 == 33 && f[5].offset32 == -1);
}

Test(schema, offsets_of_structures, .init = set_up, .fini = tear_down) {
    begin(5, 3); // a, S[2]{ptr, u16}, b
    f[1].in_type = IN_STRUCT, f[1].first_member = 3, f[1].n_members = 2;
    f[1].count_kind = EXTENT_FIXED, f[1].count = 2;
    f[3].in_type = IN_POINTER, f[4].in_type = IN_U16;
    cr_assert(good());
    cr_assert(f[2].offset32 == 4 + 2 * 6 && f[2].offset64 == 4 + 2 * 10);
    cr_assert(f[3].offset64 == 0 && f[4].offset64 == 8 && f[4].offset32 == 4);
    cr_assert(f[3].parent == 1 && f[4].parent == 1 && f[0].parent == UINT16_MAX);
}

Test(schema, an_offset_beyond_31_bits_is_none, .init = set_up, .fini = tear_down) {
    begin(4, 3); // 0xffff * 0xffff * 16 bytes
    f[0].in_type = IN_STRUCT, f[0].first_member = 3, f[0].n_members = 1;
    f[0].count_kind = EXTENT_FIXED, f[0].count = UINT16_MAX;
    f[3].in_type = IN_GUID, f[3].count_kind = EXTENT_FIXED, f[3].count = UINT16_MAX;
    cr_assert(good());
    cr_assert(f[1].offset64 == -1 && f[2].offset64 == -1);
}

Test(schema, references, .init = set_up, .fini = tear_down) {
    for (uint16_t to = 0; to < 5; to++) {
        begin(4, 4);
        f[0].in_type = IN_UTF16;
        f[1].count_kind = EXTENT_FIXED, f[1].count = 2;
        f[3].count_kind = EXTENT_FIELD, f[3].count = to;
        // 0 is a text, 1 an array, 3 itself, 4 outside
        cr_assert(good() == (to == 2), "count by field %u", to);
        begin(4, 4);
        f[0].in_type = IN_UTF16;
        f[1].count_kind = EXTENT_FIXED, f[1].count = 2;
        f[3].in_type = IN_BINARY;
        f[3].length_kind = EXTENT_FIELD, f[3].length = to;
        cr_assert(good() == (to == 2), "length by field %u", to);
    }
    begin(4, 2); // a member may not refer to the outside
    f[1].in_type = IN_STRUCT, f[1].first_member = 2, f[1].n_members = 2;
    f[3].count_kind = EXTENT_FIELD, f[3].count = 0;
    cr_assert(!good());
    f[3].count = 2;
    cr_assert(good());
}

Test(schema, lengths_are_for_texts_and_bytes, .init = set_up, .fini = tear_down) {
    for (uint16_t type = 0; type <= IN_COUNTED_BINARY; type++) {
        if (type == IN_STRUCT)
            continue;
        begin(1, 1);
        f[0].in_type = type;
        f[0].length_kind = EXTENT_FIXED, f[0].length = 4;
        bool may = type == IN_UTF16 || type == IN_ANSI || type == IN_BINARY;
        cr_assert(good() == may, "type %u", type);
    }
}

Test(schema, unknown_kinds_and_types, .init = set_up, .fini = tear_down) {
    static const uint16_t wrong[] = {26, 299, 311, UINT16_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        begin(1, 1);
        f[0].in_type = wrong[i];
        cr_assert(!good(), "type %u", wrong[i]);
    }
    begin(1, 1);
    f[0].count_kind = EXTENT_REST + 1;
    cr_assert(!good());
    begin(1, 1);
    f[0].in_type = IN_ANSI, f[0].length_kind = EXTENT_REST + 1;
    cr_assert(!good());
}

Test(schema, the_rest_is_for_the_last, .init = set_up, .fini = tear_down) {
    begin(2, 2);
    f[0].count_kind = EXTENT_REST;
    cr_assert(!good());
    begin(2, 2);
    f[1].count_kind = EXTENT_REST;
    cr_assert(good());
    begin(2, 2);
    f[0].in_type = IN_BINARY, f[0].length_kind = EXTENT_REST;
    cr_assert(!good());
    begin(2, 2);
    f[1].in_type = IN_BINARY, f[1].length_kind = EXTENT_REST;
    cr_assert(good());
    f[1].count_kind = EXTENT_REST; // both: what would one of them take?
    cr_assert(!good());
    begin(2, 1);
    f[0].in_type = IN_STRUCT, f[0].first_member = 1, f[0].n_members = 1;
    f[1].count_kind = EXTENT_REST; // within a structure, which may repeat
    cr_assert(!good());
}

Test(schema, structures_in_a_wrong_order, .init = set_up, .fini = tear_down) {
    for (uint16_t first = 0; first < 6; first++) {
        begin(4, 2); // 1 is a structure of two
        f[1].in_type = IN_STRUCT, f[1].first_member = first, f[1].n_members = 2;
        cr_assert(good() == (first == 2), "members from %u", first);
    }
    begin(4, 2); // both claim the same
    for (int i = 0; i < 2; i++)
        f[i].in_type = IN_STRUCT, f[i].first_member = 2, f[i].n_members = 2;
    cr_assert(!good());
    begin(3, 1); // 2 holds 1: backwards
    f[0].in_type = IN_STRUCT, f[0].first_member = 2, f[0].n_members = 1;
    f[2].in_type = IN_STRUCT, f[2].first_member = 1, f[2].n_members = 1;
    cr_assert(!good());
    begin(1, 1); // no members at all
    f[0].in_type = IN_STRUCT;
    cr_assert(good());
}

Test(schema, depth_at_the_limit, .init = set_up, .fini = tear_down) {
    for (uint16_t n = SCHEMA_MAX_DEPTH - 1; n <= SCHEMA_MAX_DEPTH + 1; n++) {
        begin(n, 1);
        for (uint16_t i = 0; i + 1 < n; i++)
            f[i].in_type = IN_STRUCT, f[i].first_member = (uint16_t)(i + 1), f[i].n_members = 1;
        cr_assert(good() == (n <= SCHEMA_MAX_DEPTH), "%u levels", n);
    }
}

Test(schema, fields_at_the_limit, .init = set_up, .fini = tear_down) {
    for (uint16_t n = SCHEMA_MAX_FIELDS - 1; n <= SCHEMA_MAX_FIELDS + 1; n++) {
        begin(n, n);
        cr_assert(good() == (n <= SCHEMA_MAX_FIELDS), "%u fields", n);
    }
}

Test(schema, bytes_at_the_limit, .init = set_up, .fini = tear_down) {
    // The arena counts whole chunks: find the smallest block with which the budget is exceeded.
    for (int over = -1; over <= 1; over++) {
        begin(0, 0);
        size_t have = schema_bytes(s);
        size_t block = (SCHEMA_MAX_BYTES - have) / 8 * 8;
        // The chunk's own head is what one probe shows.
        Schema *probe;
        cr_assert(schema_new(&probe) == 0);
        cr_assert(arena_alloc(&probe->arena, 100000) != NULL);
        size_t head = schema_bytes(probe) - sizeof *probe - 100000;
        schema_unref(probe);
        block = block - head;
        size_t ask = (size_t)((int64_t)block + over * 8);
        cr_assert(arena_alloc(&s->arena, ask) != NULL);
        bool within = schema_bytes(s) <= SCHEMA_MAX_BYTES;
        cr_assert(good() == within);
        cr_assert(over <= 0 ? within : !within, "%d: %zu", over, schema_bytes(s));
    }
}

Test(schema, maps_must_ascend, .init = set_up, .fini = tear_down) {
    static const SchemaMapEntry up[] = {{1, "a"}, {2, "b"}}, twice[] = {{1, "a"}, {1, "b"}};
    static const SchemaMapEntry down[] = {{2, "a"}, {1, "b"}}, none[] = {{1, NULL}, {2, "b"}};
    const SchemaMapEntry *const all[] = {up, twice, down, none};
    for (int i = 0; i < 4; i++) {
        SchemaMap map = {.name = "m", .n_entries = 2, .entries = all[i]};
        begin(1, 1);
        f[0].map = &map;
        cr_assert(good() == (i == 0), "map %d", i);
        map.entries = NULL;
        cr_assert(!good());
    }
}

Test(schema, field_by_name, .init = set_up, .fini = tear_down) {
    begin(4, 3);
    f[0].name = "First", f[1].name = "Twice", f[2].name = "TWICE", f[3].name = "Member";
    f[2].in_type = IN_STRUCT, f[2].first_member = 3, f[2].n_members = 1;
    cr_assert(good());
    cr_assert(schema_field_index(s, "first") == 0);
    cr_assert(schema_field_index(s, "twice") == 1, "the first of a name");
    cr_assert(schema_field_index(s, "Member") == -1, "only the top level");
    cr_assert(schema_field_index(s, "Firs") == -1 && schema_field_index(s, "") == -1);
}

Test(schema, references_are_counted, .init = set_up, .fini = tear_down) {
    begin(1, 1);
    cr_assert(good());
    Schema *other = schema_ref(s);
    cr_assert(other == s && schema_unref(other) == NULL);
    cr_assert(s->fields[0].in_type == IN_U32, "still there");
    cr_assert(schema_unref(NULL) == NULL);
}

Test(schema, texts_of_codes) {
    cr_assert(strcmp(schema_source_name(SCHEMA_NONE), "none") == 0);
    cr_assert(strcmp(schema_source_name(SCHEMA_MOF), "kernel") == 0);
    cr_assert(strcmp(schema_source_name(SCHEMA_STRING), "string") == 0);
    cr_assert(schema_source_name(SCHEMA_STRING + 1)[0] == '\0');
    cr_assert(undecodable_text(DECODABLE)[0] == '\0');
    for (uint8_t i = UNDECODABLE_NO_SCHEMA; i <= UNDECODABLE_TYPE_LIMIT; i++)
        cr_assert(undecodable_text(i)[0] != '\0', "%u", i);
    cr_assert(undecodable_text(UNDECODABLE_TYPE_LIMIT + 1)[0] == '\0');
    cr_assert(strcmp(level_default_name(4), "Information") == 0);
    cr_assert(strcmp(level_default_name(5), "Verbose") == 0 && level_default_name(6)[0] == '\0');
    cr_assert(strcmp(opcode_default_name(0), "Info") == 0);
    cr_assert(strcmp(opcode_default_name(3), "DCStart") == 0);
    cr_assert(strcmp(opcode_default_name(9), "Send") == 0 && opcode_default_name(10)[0] == '\0');
    cr_assert(strcmp(opcode_default_name(240), "Receive") == 0);
}

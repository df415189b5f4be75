// Extents: arrays, counts and lengths that fields give, structures, missing tails, hostile counts.
#include "unit/event/make.h"

#include "util/mem.h"

#define PAYLOAD_IS(m, expected)                                                                    \
    cr_assert_str_eq(made_payload_json(m), expected, "%s", buf_str(&(m)->out))

Test(extent, packed_fields_in_order) {
    // Process v1, 64-bit: no padding between a u32 and a pointer
    const SchemaField f[] = {
        FIELD("PageDirectoryBase", IN_POINTER, OUT_DEFAULT),
        FIELD("ProcessId", IN_U32, OUT_PID),
        FIELD("ExitStatus", IN_I32, OUT_DEFAULT),
        FIELD("UserSID", IN_WBEM_SID, OUT_DEFAULT),
        FIELD("ImageFileName", IN_ANSI, OUT_DEFAULT),
    };
    Made m;
    make(&m, f, 5, 5, "0010000000000000 04000000 03010000 00000000 53797374656d00", 8);
    PAYLOAD_IS(&m, "{\"PageDirectoryBase\":\"0x1000\",\"ProcessId\":4,\"ExitStatus\":259,"
                   "\"UserSID\":null,\"ImageFileName\":\"System\"}");
    cr_assert_eq(m.payload.consumed, 27);
    cr_assert(!m.payload.truncated);
    made_free(&m);
    // the same event of a 32-bit system
    make(&m, f, 5, 5, "00100000 04000000 03010000 00000000 53797374656d00", 4);
    PAYLOAD_IS(&m, "{\"PageDirectoryBase\":\"0x1000\",\"ProcessId\":4,\"ExitStatus\":259,"
                   "\"UserSID\":null,\"ImageFileName\":\"System\"}");
    cr_assert_eq(m.payload.consumed, 23);
    made_free(&m);
}

Test(extent, fixed_offsets_need_no_slices) {
    const SchemaField f[] = {
        FIELD("A", IN_POINTER, OUT_DEFAULT),
        FIELD("B", IN_U32, OUT_DEFAULT),
        FIELD("Name", IN_UTF16, OUT_DEFAULT),
        FIELD("C", IN_U8, OUT_DEFAULT),
    };
    Made m;
    make(&m, f, 4, 4, "0100000000000000 02000000 6100 0000 07", 8);
    payload_open(&m.payload, m.schema, &m.record, NULL);
    cr_assert_eq(payload_value(&m.payload, 1).u64, 2);
    Value name = payload_value(&m.payload, 2);
    cr_assert_eq(name.kind, VALUE_UTF16);
    cr_assert_eq(name.bytes, 2);
    cr_assert_eq(name.end, 16);
    cr_assert_eq(m.payload.n_slices, 0, "fixed offsets must not locate anything");
    // behind a string there is no fixed offset: found all the same
    cr_assert_eq(payload_value(&m.payload, 3).u64, 7);
    cr_assert_eq(payload_value(&m.payload, 4).kind, VALUE_NONE);
    payload_open(&m.payload, m.schema, &m.record, NULL);
    cr_assert_eq(payload_scan(&m.payload), 17);
    made_free(&m);
}

Test(extent, slices) {
    const SchemaField f[] = {
        FIELD("N", IN_U8, OUT_DEFAULT),
        COUNTED("A", IN_U16, OUT_DEFAULT, EXTENT_FIELD, 0),
        FIELD("S", IN_COUNTED_ANSI, OUT_DEFAULT),
        FIELD("Z", IN_U32, OUT_DEFAULT),
    };
    Made m;
    make(&m, f, 4, 4, "02 0100 0200 0100 41", 8);
    cr_assert_eq(payload_scan(&m.payload), 8);
    cr_assert_eq(m.payload.n_slices, 4);
    const FieldSlice *s = m.slices;
    cr_assert(s[0].offset == 0 && s[0].bytes == 1 && s[0].n_elements == 1 && s[0].present);
    cr_assert(s[1].offset == 1 && s[1].bytes == 4 && s[1].n_elements == 2 && s[1].present);
    cr_assert(s[2].offset == 5 && s[2].bytes == 3 && s[2].n_elements == 1 && s[2].present);
    cr_assert(s[3].offset == 8 && s[3].bytes == 0 && s[3].n_elements == 0 && !s[3].present);
    // backwards, from the slices
    cr_assert_eq(payload_value(&m.payload, 3).kind, VALUE_NONE);
    cr_assert_eq(payload_value(&m.payload, 2).bytes, 1);
    cr_assert_eq(payload_value(&m.payload, 0).u64, 2);
    made_free(&m);
}

Test(extent, arrays) {
    Made m;
    const SchemaField fixed[] = {COUNTED("A", IN_U16, OUT_DEFAULT, EXTENT_FIXED, 3),
                                 FIELD("B", IN_U8, OUT_DEFAULT)};
    make(&m, fixed, 2, 2, "0100 0200 0300 09", 8);
    PAYLOAD_IS(&m, "{\"A\":[1,2,3],\"B\":9}");
    cr_assert_str_eq(made_text(&m, 0), "[1, 2, 3]");
    Value a = payload_value(&m.payload, 0);
    cr_assert_eq(a.n_elements, 3);
    cr_assert_eq(value_element(&m.payload, &a, 2).u64, 3);
    cr_assert_eq(value_element(&m.payload, &a, 3).kind, VALUE_NONE);
    made_free(&m);

    const SchemaField field[] = {FIELD("N", IN_U32, OUT_DEFAULT),
                                 COUNTED("A", IN_HEX32, OUT_DEFAULT, EXTENT_FIELD, 0),
                                 FIELD("B", IN_U8, OUT_DEFAULT)};
    make(&m, field, 3, 3, "02000000 0a000000 0b000000 09", 8);
    PAYLOAD_IS(&m, "{\"N\":2,\"A\":[\"0xA\",\"0xB\"],\"B\":9}");
    made_free(&m);
    make(&m, field, 3, 3, "00000000 09", 8);
    PAYLOAD_IS(&m, "{\"N\":0,\"A\":[],\"B\":9}");
    made_free(&m);

    const SchemaField prefix[] = {COUNTED("A", IN_U8, OUT_DEFAULT, EXTENT_PREFIX16, 0),
                                  FIELD("B", IN_U8, OUT_DEFAULT)};
    make(&m, prefix, 2, 2, "0200 0809 07", 8);
    PAYLOAD_IS(&m, "{\"A\":[8,9],\"B\":7}");
    cr_assert_eq(m.slices[0].bytes, 4, "the prefix belongs to the field");
    made_free(&m);

    const SchemaField rest[] = {FIELD("T", IN_U32, OUT_TID),
                                COUNTED("Stack", IN_POINTER, OUT_DEFAULT, EXTENT_REST, 0)};
    make(&m, rest, 2, 2, "07000000 0010000000000000 0020000000000000", 8);
    PAYLOAD_IS(&m, "{\"T\":7,\"Stack\":[\"0x1000\",\"0x2000\"]}");
    cr_assert_eq(m.payload.consumed, 20);
    made_free(&m);
    make(&m, rest, 2, 2, "07000000", 8);
    PAYLOAD_IS(&m, "{\"T\":7,\"Stack\":[]}");
    made_free(&m);
    // seven odd bytes behind the frames are no frame
    make(&m, rest, 2, 2, "07000000 0010000000000000 00200000000000", 8);
    PAYLOAD_IS(&m, "{\"T\":7,\"Stack\":[\"0x1000\"]}");
    cr_assert_eq(m.payload.consumed, 12);
    made_free(&m);
}

Test(extent, arrays_of_variable_elements) {
    Made m;
    const SchemaField strings[] = {FIELD("N", IN_U8, OUT_DEFAULT),
                                   COUNTED("A", IN_UTF16, OUT_DEFAULT, EXTENT_FIELD, 0),
                                   FIELD("B", IN_U8, OUT_DEFAULT)};
    make(&m, strings, 3, 3, "02 6100 0000 6200 6300 0000 05", 8);
    PAYLOAD_IS(&m, "{\"N\":2,\"A\":[\"a\",\"bc\"],\"B\":5}");
    Value a = payload_value(&m.payload, 1);
    Value second = value_element(&m.payload, &a, 1);
    cr_assert_eq(second.bytes, 4);
    cr_assert_eq(value_element(&m.payload, &a, 2).kind, VALUE_NONE);
    made_free(&m);

    // elements of a length that a field gives
    const SchemaField sized[] = {FIELD("L", IN_U8, OUT_DEFAULT),
                                 {.name = "A",
                                  .in_type = IN_BINARY,
                                  .count_kind = EXTENT_FIXED,
                                  .count = 2,
                                  .length_kind = EXTENT_FIELD,
                                  .length = 0},
                                 FIELD("B", IN_U8, OUT_DEFAULT)};
    make(&m, sized, 3, 3, "03 010203 040506 07", 8);
    PAYLOAD_IS(&m, "{\"L\":3,\"A\":[\"010203\",\"040506\"],\"B\":7}");
    made_free(&m);

    const SchemaField sids[] = {COUNTED("A", IN_SID, OUT_DEFAULT, EXTENT_PREFIX16, 0)};
    make(&m, sids, 1, 1, "0200 0100000000000001 0101000000000005 12000000", 8);
    PAYLOAD_IS(&m, "{\"A\":[\"S-1-1\",\"S-1-5-18\"]}");
    made_free(&m);
}

Test(extent, character_arrays_are_strings) {
    Made m;
    const SchemaField fixed[] = {COUNTED("Drive", IN_UTF16_CHAR, OUT_DEFAULT, EXTENT_FIXED, 4),
                                 FIELD("B", IN_U8, OUT_DEFAULT)};
    make(&m, fixed, 2, 2, "4300 3a00 0000 5800 09", 8); // stale bytes behind the NUL
    PAYLOAD_IS(&m, "{\"Drive\":\"C:\",\"B\":9}");
    made_free(&m);
    const SchemaField counted[] = {COUNTED("Raw", IN_U16, OUT_STRING, EXTENT_PREFIX16, 0)};
    make(&m, counted, 1, 1, "0300 6100 0000 6200", 8);
    PAYLOAD_IS(&m, "{\"Raw\":\"a\\u0000b\"}");
    cr_assert_eq(payload_value(&m.payload, 0).n_elements, 3);
    made_free(&m);
    const SchemaField bytes[] = {COUNTED("Raw", IN_U8, OUT_STRING, EXTENT_FIXED, 4)};
    make(&m, bytes, 1, 1, "41424300", 8);
    PAYLOAD_IS(&m, "{\"Raw\":\"ABC\"}");
    made_free(&m);
    // without the out-type they are numbers
    const SchemaField numbers[] = {COUNTED("Raw", IN_U8, OUT_DEFAULT, EXTENT_FIXED, 2)};
    make(&m, numbers, 1, 1, "4142", 8);
    PAYLOAD_IS(&m, "{\"Raw\":[65,66]}");
    made_free(&m);
}

Test(extent, lengths) {
    Made m;
    const SchemaField f[] = {
        FIELD("L", IN_U16, OUT_DEFAULT), SIZED("S", IN_UTF16, OUT_DEFAULT, EXTENT_FIELD, 0),
        FIELD("M", IN_U32, OUT_DEFAULT), SIZED("B", IN_BINARY, OUT_DEFAULT, EXTENT_FIELD, 2),
        FIELD("E", IN_U8, OUT_DEFAULT)};
    make(&m, f, 5, 5, "0200 6100 6200 03000000 010203 09", 8);
    PAYLOAD_IS(&m, "{\"L\":2,\"S\":\"ab\",\"M\":3,\"B\":\"010203\",\"E\":9}");
    made_free(&m);
    make(&m, f, 5, 5, "0000 00000000 09", 8);
    PAYLOAD_IS(&m, "{\"L\":0,\"S\":\"\",\"M\":0,\"B\":\"\",\"E\":9}");
    made_free(&m);
}

Test(extent, padding_behind_a_field) {
    SchemaField f[] = {FIELD("WaitMode", IN_I8, OUT_DEFAULT), FIELD("E", IN_U8, OUT_DEFAULT)};
    f[0].flags = FIELD_PAD3;
    Made m;
    make(&m, f, 2, 2, "01 000000 09", 8);
    PAYLOAD_IS(&m, "{\"WaitMode\":1,\"E\":9}");
    made_free(&m);
    make(&m, f, 2, 2, "01 0000", 8); // the padding is cut
    PAYLOAD_IS(&m, "{\"WaitMode\":1,\"E\":null}");
    cr_assert_eq(m.payload.consumed, 3);
    made_free(&m);
}

// { N:u8, Outer{ Len:u8, Text:ansi[Len], Inner{ X:u16 }[2] }[N], Tail:u8 }
static const SchemaField nested[] = {
    FIELD("N", IN_U8, OUT_DEFAULT),
    {.name = "Outer",
     .in_type = IN_STRUCT,
     .count_kind = EXTENT_FIELD,
     .count = 0,
     .first_member = 3,
     .n_members = 3},
    FIELD("Tail", IN_U8, OUT_DEFAULT),
    FIELD("Len", IN_U8, OUT_DEFAULT),
    SIZED("Text", IN_ANSI, OUT_DEFAULT, EXTENT_FIELD, 3),
    {.name = "Inner",
     .in_type = IN_STRUCT,
     .count_kind = EXTENT_FIXED,
     .count = 2,
     .first_member = 6,
     .n_members = 1},
    FIELD("X", IN_U16, OUT_DEFAULT),
};

Test(extent, nested_structures) {
    Made m;
    make(&m, nested, 7, 3, "02 0141 0100 0200 024243 0300 0400 09", 8);
    PAYLOAD_IS(&m, "{\"N\":2,\"Outer\":[{\"Len\":1,\"Text\":\"A\",\"Inner\":[{\"X\":1},{\"X\":2}]},"
                   "{\"Len\":2,\"Text\":\"BC\",\"Inner\":[{\"X\":3},{\"X\":4}]}],\"Tail\":9}");
    cr_assert_eq(m.payload.consumed, m.record.payload_bytes);
    cr_assert_str_eq(made_text(&m, 1), "[{Len: 1, Text: A, Inner: [{X: 1}, {X: 2}]}, "
                                       "{Len: 2, Text: BC, Inner: [{X: 3}, {X: 4}]}]");
    Value outer = payload_value(&m.payload, 1);
    Value second = value_element(&m.payload, &outer, 1);
    cr_assert_eq(second.kind, VALUE_STRUCT);
    Value text = value_member(&m.payload, &second, 1);
    cr_assert_eq(text.kind, VALUE_ANSI);
    cr_assert_eq(text.bytes, 2);
    Value inner = value_member(&m.payload, &second, 2);
    Value last = value_element(&m.payload, &inner, 1);
    cr_assert_eq(value_member(&m.payload, &last, 0).u64, 4);
    cr_assert_eq(value_member(&m.payload, &second, 3).kind, VALUE_NONE);
    made_free(&m);
}

Test(extent, structures_cut_by_the_end) {
    Made m;
    // in the middle of the second element: what is there, then nothing
    make(&m, nested, 7, 3, "02 0141 0100 0200 024243", 8);
    PAYLOAD_IS(&m, "{\"N\":2,\"Outer\":[{\"Len\":1,\"Text\":\"A\",\"Inner\":[{\"X\":1},{\"X\":2}]},"
                   "{\"Len\":2,\"Text\":\"BC\",\"Inner\":null}],\"Tail\":null}");
    made_free(&m);
    make(&m, nested, 7, 3, "02", 8);
    PAYLOAD_IS(&m, "{\"N\":2,\"Outer\":null,\"Tail\":null}");
    made_free(&m);
    make(&m, nested, 7, 3, "00 09", 8);
    PAYLOAD_IS(&m, "{\"N\":0,\"Outer\":[],\"Tail\":9}");
    made_free(&m);
}

Test(extent, many_references_in_a_structure) {
    // six pairs of length and bytes, references both recent and far back
    SchemaField f[14] = {{.name = "S", .in_type = IN_STRUCT, .first_member = 1, .n_members = 13}};
    for (int i = 0; i < 6; i++) {
        f[1 + 2 * i] = (SchemaField)FIELD("L", IN_U8, OUT_DEFAULT);
        f[2 + 2 * i] =
            (SchemaField)SIZED("B", IN_BINARY, OUT_DEFAULT, EXTENT_FIELD, (uint16_t)(1 + 2 * i));
    }
    f[13] = (SchemaField)SIZED("Far", IN_BINARY, OUT_DEFAULT, EXTENT_FIELD, 1);
    Made m;
    make(&m, f, 14, 1, "02aabb 01cc 00 01dd 01ee 01ff 1234", 8);
    cr_assert_str_eq(made_text(&m, 0), "{L: 2, B: aabb, L: 1, B: cc, L: 0, B: , L: 1, B: dd, "
                                       "L: 1, B: ee, L: 1, B: ff, Far: 1234}");
    Value s = payload_value(&m.payload, 0);
    Value far = value_member(&m.payload, &s, 12);
    cr_assert_eq(far.bytes, 2);
    made_free(&m);
}

Test(extent, missing_tail) {
    const SchemaField f[] = {FIELD("A", IN_U32, OUT_DEFAULT), FIELD("B", IN_U32, OUT_DEFAULT),
                             FIELD("C", IN_UTF16, OUT_DEFAULT)};
    Made m;
    make(&m, f, 3, 3, "01000000", 8);
    PAYLOAD_IS(&m, "{\"A\":1,\"B\":null,\"C\":null}");
    cr_assert(!m.payload.truncated, "an older, shorter layout is no damage");
    made_free(&m);
    make(&m, f, 3, 3, "01000000 020000", 8); // n - 1 bytes of B
    PAYLOAD_IS(&m, "{\"A\":1,\"B\":null,\"C\":null}");
    cr_assert(m.payload.truncated);
    cr_assert_eq(m.payload.consumed, 4);
    made_free(&m);
    make(&m, f, 3, 3, "01000000 02000000 61", 8); // one byte behind B
    PAYLOAD_IS(&m, "{\"A\":1,\"B\":2,\"C\":\"\"}");
    made_free(&m);
    make(&m, f, 3, 3, "", 8);
    PAYLOAD_IS(&m, "{\"A\":null,\"B\":null,\"C\":null}");
    cr_assert_eq(m.payload.consumed, 0);
    made_free(&m);
}

Test(extent, counts_against_the_payload) {
    const SchemaField f[] = {FIELD("N", IN_U32, OUT_DEFAULT),
                             COUNTED("A", IN_U16, OUT_DEFAULT, EXTENT_FIELD, 0),
                             FIELD("B", IN_U8, OUT_DEFAULT)};
    Made m;
    // three elements are there: a count of 2, 3, 4
    make(&m, f, 3, 3, "02000000 0100 0200 0300", 8);
    PAYLOAD_IS(&m, "{\"N\":2,\"A\":[1,2],\"B\":3}");
    cr_assert(!m.payload.truncated);
    made_free(&m);
    make(&m, f, 3, 3, "03000000 0100 0200 0300", 8);
    PAYLOAD_IS(&m, "{\"N\":3,\"A\":[1,2,3],\"B\":null}");
    cr_assert(!m.payload.truncated);
    made_free(&m);
    make(&m, f, 3, 3, "04000000 0100 0200 0300", 8);
    PAYLOAD_IS(&m, "{\"N\":4,\"A\":[1,2,3],\"B\":null}");
    cr_assert(m.payload.truncated);
    made_free(&m);
    make(&m, f, 3, 3, "ffffffff 0100 0200 03", 8);
    PAYLOAD_IS(&m, "{\"N\":4294967295,\"A\":[1,2],\"B\":null}");
    cr_assert(m.payload.truncated);
    made_free(&m);
}

Test(extent, lengths_against_the_payload) {
    Made m;
    const SchemaField counted = FIELD("S", IN_COUNTED_ANSI, OUT_DEFAULT);
    make(&m, &counted, 1, 1, "0200 414243", 8);
    PAYLOAD_IS(&m, "{\"S\":\"AB\"}");
    cr_assert(m.payload.consumed == 4 && !m.payload.truncated);
    made_free(&m);
    make(&m, &counted, 1, 1, "0300 414243", 8);
    PAYLOAD_IS(&m, "{\"S\":\"ABC\"}");
    cr_assert(m.payload.consumed == 5 && !m.payload.truncated);
    made_free(&m);
    make(&m, &counted, 1, 1, "0400 414243", 8);
    PAYLOAD_IS(&m, "{\"S\":\"ABC\"}");
    cr_assert(m.payload.consumed == 5 && m.payload.truncated);
    made_free(&m);
    make(&m, &counted, 1, 1, "ffff", 8);
    PAYLOAD_IS(&m, "{\"S\":\"\"}");
    cr_assert(m.payload.consumed == 2 && m.payload.truncated);
    made_free(&m);
    make(&m, &counted, 1, 1, "ff", 8);
    PAYLOAD_IS(&m, "{\"S\":null}");
    cr_assert(m.payload.consumed == 0 && m.payload.truncated);
    made_free(&m);
    const SchemaField dump = FIELD("S", IN_HEXDUMP, OUT_DEFAULT);
    make(&m, &dump, 1, 1, "ffffffff 0102", 8);
    PAYLOAD_IS(&m, "{\"S\":\"0102\"}");
    cr_assert(m.payload.truncated);
    made_free(&m);
    const SchemaField fixed = SIZED("S", IN_UTF16, OUT_DEFAULT, EXTENT_FIXED, 65535);
    make(&m, &fixed, 1, 1, "6100 62", 8);
    PAYLOAD_IS(&m, "{\"S\":\"a\"}");
    cr_assert(m.payload.truncated);
    made_free(&m);
    const SchemaField sid = FIELD("S", IN_SID, OUT_DEFAULT);
    make(&m, &sid, 1, 1, "0101000000000005 120000", 8);
    PAYLOAD_IS(&m, "{\"S\":\"0101000000000005120000\"}");
    cr_assert(m.payload.truncated);
    made_free(&m);
    make(&m, &sid, 1, 1, "01010000000000", 8);
    PAYLOAD_IS(&m, "{\"S\":null}");
    made_free(&m);
}

Test(extent, elements_without_bytes_are_paid) {
    // 65,535 arrays of 65,535 nothings: the budget ends it, not the patience of a watcher
    const SchemaField f[] = {
        {.name = "S",
         .in_type = IN_STRUCT,
         .count_kind = EXTENT_FIXED,
         .count = 65535,
         .first_member = 1,
         .n_members = 1},
        COUNTED("Z", IN_NULL, OUT_DEFAULT, EXTENT_FIXED, 65535),
    };
    Made m;
    make(&m, f, 2, 1, "", 8);
    const char *json = made_payload_json(&m);
    cr_assert(strlen(json) < 1000000, "%zu bytes of JSON out of an empty payload", strlen(json));
    cr_assert(m.payload.truncated);
    made_free(&m);
    // strings of no bytes
    const SchemaField s[] = {COUNTED("S", IN_ANSI, OUT_DEFAULT, EXTENT_FIXED, 65535)};
    make(&m, s, 1, 1, "4100", 8);
    PAYLOAD_IS(&m, "{\"S\":[\"A\"]}");
    cr_assert(m.payload.truncated);
    made_free(&m);
}

Test(extent, deep_counts_are_paid_once) {
    // eight structures deep, 65,535 of each, an array of nothing at the bottom
    SchemaField f[10];
    for (uint16_t i = 0; i < 9; i++)
        f[i] = (SchemaField){.name = "S",
                             .in_type = IN_STRUCT,
                             .count_kind = EXTENT_FIXED,
                             .count = 65535,
                             .first_member = (uint16_t)(i + 1),
                             .n_members = 1};
    f[9] = (SchemaField)COUNTED("N", IN_COUNTED_ANSI, OUT_DEFAULT, EXTENT_FIXED, 65535);
    Made m;
    make(&m, f, 10, 1, "0000 0000 0000 0000", 8);
    const char *json = made_payload_json(&m);
    cr_assert(strlen(json) < 4000000, "%zu bytes of JSON", strlen(json));
    cr_assert(m.payload.truncated);
    cr_assert(strlen(made_text(&m, 0)) < 4000000);
    made_free(&m);
}

Test(extent, budget_at_its_limit) {
    // one payment for each element: PAYLOAD_BUDGET - 1 counted strings and the count fit, no more
    enum { N = 3 };
    const SchemaField f[] = {FIELD("C", IN_U8, OUT_DEFAULT),
                             COUNTED("A", IN_COUNTED_ANSI, OUT_DEFAULT, EXTENT_FIELD, 0)};
    for (uint32_t budget = N; budget <= N + 2; budget++) {
        Made m;
        make(&m, f, 2, 2, "03 0000 0000 0000", 8);
        m.payload.budget = budget; // N + 1 are needed: the count, then N elements
        payload_scan(&m.payload);
        cr_assert_eq(m.payload.truncated, budget < N + 1, "budget %u", budget);
        cr_assert_eq(m.slices[1].n_elements, budget < N + 1 ? (uint32_t)N - 1 : (uint32_t)N);
        made_free(&m);
    }
}

Test(extent, iteration_ends_where_the_data_end) {
    Made m;
    make(&m, nested, 7, 3, "ff 0141 0100 0200", 8);
    Value outer = payload_value(&m.payload, 1), item;
    ValueIter it;
    uint32_t n = 0;
    for (bool more = value_first(&m.payload, &outer, &it, &item); more;
         more = value_next(&m.payload, &it, &item))
        n++;
    cr_assert_eq(n, outer.n_elements);
    cr_assert_eq(n, 1);
    Value scalar = payload_value(&m.payload, 0);
    cr_assert(!value_first(&m.payload, &scalar, &it, &item), "a number has no elements");
    made_free(&m);
}

Test(extent, every_prefix_of_a_payload) {
    // whatever is cut off: no read outside (the sanitizer watches an exact copy), consumed within
    static const char hex[] = "02 0141 0100 0200 024243 0300 0400 09";
    Made m;
    make(&m, nested, 7, 3, hex, 8);
    uint32_t all = m.record.payload_bytes;
    for (uint32_t n = 0; n <= all; n++) {
        uint8_t *exact = mem_dup(m.bytes, n);
        m.record.payload = exact;
        m.record.payload_bytes = n;
        payload_open(&m.payload, m.schema, &m.record, m.slices);
        cr_assert(payload_scan(&m.payload) <= n);
        made_payload_json(&m);
        cr_assert_eq(m.payload.consumed == all, n == all);
        mem_free(exact);
    }
    made_free(&m);
}

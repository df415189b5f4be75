// Counted text, and reading it from payloads.
#include "make.h"

#include "util/mem.h"

static size_t before;

static void set_up(void) {
    before = mem_in_use();
}

static void tear_down(void) {
    make_end();
    cr_assert(mem_in_use() == before);
}

Test(text, is_counted_and_numbered, .init = set_up, .fini = tear_down) {
    Text *a = text_new("abc\0d", 3), *b = text_new("", 0);
    cr_assert(a->bytes == 3 && strcmp(a->s, "abc") == 0 && b->bytes == 0 && b->s[0] == 0);
    cr_assert(a->serial != 0 && b->serial > a->serial && serial_next() > b->serial);
    cr_assert(text_charge(a) == sizeof(Text) + 4 && text_charge(NULL) == 0);
    cr_assert(text_ref(a) == a);
    cr_assert(text_unref(a) == NULL);
    cr_assert(strcmp(a->s, "abc") == 0); // one reference is left
    text_unref(a);
    text_unref(b);
    cr_assert(text_unref(NULL) == NULL);
}

Test(text, from_utf16_ends_at_the_first_nul, .init = set_up, .fini = tear_down) {
    static const uint8_t units[] = {'a', 0, 0x3d, 0xd8, 0, 0xde, 0x00, 0xdc, 0, 0, 'x', 0, 'y'};
    Text *t = text_from_utf16(units, sizeof units);
    cr_assert(strcmp(t->s, "a\xf0\x9f\x98\x80\xed\xb0\x80") == 0); // a lone surrogate at the end
    text_unref(t);
    t = text_from_utf16(units, 1); // half a unit
    cr_assert(t && t->bytes == 0);
    text_unref(t);
    t = text_from_utf16(units, 2);
    cr_assert(strcmp(t->s, "a") == 0);
    text_unref(t);
    for (size_t at = 1; at <= 4; at++) {
        mem_fail_at(at);
        text_unref(text_from_utf16(units, sizeof units));
        mem_fail_at(0);
    }
}

Test(facts, fields_by_name_and_what_they_hold, .init = set_up, .fini = tear_down) {
    MakeEvent e = make_process_event(1, 4,
                                     &(MakeProcess){.key = 0xffff8001,
                                                    .pid = 77,
                                                    .parent = 4,
                                                    .session = 1,
                                                    .name = "caf\xe9.exe",
                                                    .command_line = "caf\xc3\xa9 /x"},
                                     false);
    static const char *const none[] = {"Nothing", NULL};
    static const char *const pid[] = {"Nothing", "processid", NULL};
    static const char *const name[] = {"ImageFileName", NULL};
    static const char *const command[] = {"CommandLine", NULL};
    static const char *const package[] = {"PackageFullName", NULL};
    cr_assert(fact_field(e.schema, none) == -1);
    uint64_t n = 0;
    cr_assert(fact_u64(&e.record, e.schema, fact_field(e.schema, pid), &n) && n == 77);
    cr_assert(!fact_u64(&e.record, e.schema, fact_field(e.schema, name), &n) && n == 77);
    cr_assert(!fact_u64(&e.record, e.schema, -1, &n));
    Text *t = fact_text(&e.record, e.schema, fact_field(e.schema, name));
    cr_assert(t && strcmp(t->s, "caf\xc3\xa9.exe") == 0); // Latin-1
    text_unref(t);
    t = fact_text(&e.record, e.schema, fact_field(e.schema, command));
    cr_assert(t && strcmp(t->s, "caf\xc3\xa9 /x") == 0);
    text_unref(t);
    cr_assert(fact_text(&e.record, e.schema, fact_field(e.schema, package)) == NULL); // empty
    cr_assert(fact_text(&e.record, e.schema, fact_field(e.schema, pid)) == NULL);
    // Cut anywhere, nothing is read behind the end.
    uint32_t whole = e.record.payload_bytes;
    for (uint32_t bytes = 0; bytes < whole; bytes++) {
        e.record.payload_bytes = bytes;
        text_unref(fact_text(&e.record, e.schema, fact_field(e.schema, command)));
        (void)fact_u64(&e.record, e.schema, fact_field(e.schema, pid), &n);
    }
}

// Messages with inserts, one-line summaries, labels.
#include "unit/event/make.h"

static const SchemaField fields[] = {
    FIELD("Name", IN_UTF16, OUT_DEFAULT),
    FIELD("Code", IN_U32, OUT_DEFAULT),
    FIELD("Status", IN_I32, OUT_NTSTATUS),
    FIELD("Ratio", IN_DOUBLE, OUT_DEFAULT),
};
// "ab", 42, STATUS_ACCESS_DENIED, 1.5
static const char payload[] = "6100 6200 0000 2a000000 220000c0 000000000000f83f";

static const char *message(Made *m, const char *text) {
    m->schema->message = text;
    buf_clear(&m->out);
    cr_assert(event_message(&m->out, &m->record, m->schema));
    return buf_str(&m->out);
}

typedef struct MessageCase {
    const char *message, *text;
} MessageCase;

Test(message, inserts) {
    static const MessageCase cases[] = {
        {"plain", "plain"},
        {"%1 and %2", "ab and 42"},
        {"%1%2%3", "ab420xC0000022 (STATUS_ACCESS_DENIED)"},
        {"%4", "1.5"},
        {"%5", "%5"},   // no such field: left as it stands
        {"%10", "%10"}, // two digits belong to the number
        {"%99x", "%99x"},
        {"%123", "%123"}, // 12 names nothing; 3 is text
        {"%05", ""},      // %0 ends the message
        {"a%0b", "a"},
        {"%1!s!", "ab"},
        {"%1!S!", "ab"},
        {"%1!ws!", "ab"},
        {"[%1!5s!]", "[   ab]"},
        {"[%1!-5s!]", "[ab   ]"},
        {"[%1!.1s!]", "[a]"},
        {"[%1!3.1s!]", "[  a]"},
        {"%2!d!", "42"},
        {"%2!u!", "42"},
        {"%2!lu!", "42"},
        {"%2!I64u!", "42"},
        {"%2!x!", "2a"},
        {"%2!X!", "2A"},
        {"0x%2!08X!", "0x0000002A"},
        {"%2!#x!", "0x2a"},
        {"%2!#010x!", "0x0000002a"},
        {"%2!o!", "52"},
        {"[%2!6d!]", "[    42]"},
        {"[%2!-6d!]", "[42    ]"},
        {"[%2!06d!]", "[000042]"},
        {"%2!+d!", "+42"},
        {"%3!d!", "-1073741790"},
        {"%3!u!", "3221225506"},
        {"%3!08x!", "c0000022"},
        {"%3!s!", "0xC0000022 (STATUS_ACCESS_DENIED)"},
        {"%4!f!", "1.500000"},
        {"%4!.1f!", "1.5"},
        {"%1!d!", "ab"},    // not a number: its text
        {"%1!q!", "ab!q!"}, // no specification: text
        {"%1!", "ab!"},
        {"%1!s", "ab!s"},
        {"%1!!", "ab!!"},
        {"a%nb%tc%rd%be", "a\nb\tc\rd e"},
        {"100%%", "100%"},
        {"%.%!% ", ".! "},
        {"%z", "z"},
        {"end %", "end %"},
        {"%1!9999s!", NULL}, // below: the width is bounded
    };
    Made m;
    make(&m, fields, 4, 4, payload, 8);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *text = message(&m, cases[i].message);
        if (cases[i].text)
            cr_assert_str_eq(text, cases[i].text, "'%s' gives '%s'", cases[i].message, text);
        else
            cr_assert_eq(strlen(text), 256, "'%s' gives %zu bytes", cases[i].message, strlen(text));
    }
    m.schema->message = "";
    buf_clear(&m.out);
    buf_text(&m.out, "before");
    cr_assert(!event_message(&m.out, &m.record, m.schema));
    cr_assert_str_eq(buf_str(&m.out), "before");
    cr_assert(!event_message(&m.out, &m.record, NULL));
    made_free(&m);
}

Test(message, insert_of_a_missing_field_is_empty) {
    Made m;
    make(&m, fields, 4, 4, "6100 0000", 8);
    cr_assert_str_eq(message(&m, "%1,%2,%3!x!."), "a,,.");
    made_free(&m);
}

Test(message, characters_not_bytes) {
    Made m;
    make(&m, fields, 4, 4, "e900 e900 0000 2a000000", 8);
    cr_assert_str_eq(message(&m, "[%1!4s!]"), "[  \xc3\xa9\xc3\xa9]");
    cr_assert_str_eq(message(&m, "[%1!.1s!]"), "[\xc3\xa9]");
    made_free(&m);
}

Test(message, repeated_inserts_are_bounded) {
    // 20,000 inserts of 100 characters
    static char text[40001];
    for (int i = 0; i < 20000; i++)
        memcpy(text + 2 * i, "%1", 2);
    const SchemaField f[] = {FIELD("S", IN_NONNULL_ANSI, OUT_DEFAULT)};
    Made m;
    make(&m, f, 1, 1, "", 8);
    memset(m.bytes, 'x', 100);
    m.record.payload_bytes = 100;
    size_t bytes = strlen(message(&m, text));
    cr_assert(bytes > 65536 && bytes < 65536 + 200, "%zu", bytes);
    made_free(&m);
}

// ---- Summaries ----

static const char *summary(Made *m, size_t max) {
    buf_clear(&m->out);
    event_summary(&m->out, &m->record, m->schema, max);
    return buf_str(&m->out);
}

Test(summary, message_in_one_line) {
    Made m;
    make(&m, fields, 4, 4, payload, 8);
    m.schema->message = "  It  failed:%n%n\t%1%t\r\n(%2) ";
    cr_assert_str_eq(summary(&m, 100), "It failed: ab (42)");
    made_free(&m);
}

Test(summary, telling_fields_first) {
    const SchemaField f[] = {
        FIELD("Irp", IN_POINTER, OUT_DEFAULT),
        FIELD("FileObject", IN_POINTER, OUT_DEFAULT),
        FIELD("Reserved0", IN_U32, OUT_DEFAULT),
        FIELD("Empty", IN_ANSI, OUT_DEFAULT),
        FIELD("CreateOptions", IN_HEX32, OUT_DEFAULT),
        FIELD("filename", IN_ANSI, OUT_DEFAULT),
        FIELD("Start", IN_U64, OUT_ETW_TIME),
        FIELD("Blob", IN_COUNTED_BINARY, OUT_DEFAULT),
        FIELD("Secret", IN_U32, OUT_NO_PRINT),
        FIELD("Missing", IN_U32, OUT_DEFAULT),
    };
    Made m;
    make(&m, f, 10, 10,
         "0100000000000000 0200000000000000 00000000 00 20000000 433a5c782e7400"
         "0700000000000000 0200 abcd 05000000",
         8);
    cr_assert_str_eq(summary(&m, 200), "filename=C:\\x.t CreateOptions=0x20");
    made_free(&m);
}

Test(summary, flags_hide_fields) {
    SchemaField f[] = {FIELD("A", IN_U32, OUT_DEFAULT), FIELD("B", IN_HEX64, OUT_DEFAULT),
                       FIELD("C", IN_U32, OUT_DEFAULT)};
    f[0].flags = FIELD_NO_PRINT;
    f[1].flags = FIELD_KERNEL_ADDRESS;
    Made m;
    make(&m, f, 3, 3, "01000000 0200000000000000 03000000", 8);
    cr_assert_str_eq(summary(&m, 200), "C=3");
    made_free(&m);
}

Test(summary, cut_between_characters) {
    const SchemaField f[] = {FIELD("F", IN_UTF16, OUT_DEFAULT)};
    Made m;
    make(&m, f, 1, 1, "e900 e900 e900 e900 0000", 8); // "F=éééé": 10 bytes
    cr_assert_str_eq(summary(&m, 10), "F=\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
    cr_assert_str_eq(summary(&m, 11), "F=\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
    cr_assert_str_eq(summary(&m, 9), "F=\xc3\xa9\xc3\xa9\xe2\x80\xa6");
    cr_assert_str_eq(summary(&m, 8), "F=\xc3\xa9\xe2\x80\xa6");
    cr_assert_str_eq(summary(&m, 3), "\xe2\x80\xa6");
    cr_assert_str_eq(summary(&m, 2), "");
    cr_assert_str_eq(summary(&m, 0), "");
    made_free(&m);
}

Test(summary, controls_cannot_break_the_line) {
    const SchemaField f[] = {FIELD("CommandLine", IN_ANSI, OUT_DEFAULT),
                             FIELD("N", IN_U8, OUT_DEFAULT)};
    Made m;
    make(&m, f, 2, 2, "61 0d0a 1b 62 00 05", 8);
    cr_assert_str_eq(summary(&m, 100), "CommandLine=a b N=5");
    made_free(&m);
}

Test(summary, string_only_and_undecodable) {
    const SchemaField f[] = {FIELD("Message", IN_UTF16, OUT_DEFAULT)};
    Made m;
    make(&m, f, 1, 1, "6800 6900 0000", 8);
    m.schema->source = SCHEMA_STRING;
    cr_assert_str_eq(summary(&m, 100), "hi");
    m.schema->source = SCHEMA_NONE;
    m.schema->undecodable = UNDECODABLE_NO_SCHEMA;
    cr_assert_str_eq(summary(&m, 200),
                     "6 bytes (no manifest, metadata or class describes it) 680069000000");
    m.record.payload_bytes = 0;
    cr_assert_str_eq(summary(&m, 200), "0 bytes (no manifest, metadata or class describes it)");
    made_free(&m);
}

Test(summary, appends) {
    const SchemaField f[] = {FIELD("N", IN_U8, OUT_DEFAULT)};
    Made m;
    make(&m, f, 1, 1, "05", 8);
    buf_text(&m.out, "x y  ");
    event_summary(&m.out, &m.record, m.schema, 100);
    cr_assert_str_eq(buf_str(&m.out), "x y  N=5", "what stood there stays as it was");
    made_free(&m);
}

// ---- Labels ----

static const char *label(Made *m, const char *provider, const char *name, uint16_t flags) {
    m->schema->provider_name = provider;
    m->schema->event_name = name;
    m->record.flags = flags;
    buf_clear(&m->out);
    event_label(&m->out, &m->record, m->schema);
    return buf_str(&m->out);
}

Test(label, forms) {
    Made m;
    make(&m, NULL, 0, 0, "", 8);
    m.record.desc.id = 3008;
    m.record.desc.opcode = 64;
    m.record.provider =
        (Guid)GUID_INIT(0x68fdd900, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 4, 0x64, 0xe3);
    cr_assert_str_eq(label(&m, "Microsoft-Windows-DNS-Client", "", 0), "DNS-Client/3008");
    cr_assert_str_eq(label(&m, "Microsoft-Windows-DNS-Client", "Query", 0), "DNS-Client/3008");
    cr_assert_str_eq(label(&m, "Microsoft-Antimalware-Scan-Interface", "", 0),
                     "Microsoft-Antimalware-Scan-Interface/3008");
    cr_assert_str_eq(label(&m, "Windows Kernel", "FileIO/Create", EVENT_CLASSIC), "FileIO/Create");
    cr_assert_str_eq(label(&m, "My.Provider", "Started", EVENT_TRACELOGGING),
                     "My.Provider/Started");
    cr_assert_str_eq(label(&m, "", "", 0), "68fdd900-4a3e-11d1-84f4-0000f80464e3/3008");
    cr_assert_str_eq(label(&m, "", "", EVENT_CLASSIC), "68fdd900-4a3e-11d1-84f4-0000f80464e3/64");
    cr_assert_str_eq(label(&m, "", "", EVENT_WPP), "68fdd900-4a3e-11d1-84f4-0000f80464e3/3008");
    buf_clear(&m.out);
    event_label(&m.out, &m.record, NULL);
    cr_assert_str_eq(buf_str(&m.out), "68fdd900-4a3e-11d1-84f4-0000f80464e3/3008");
    made_free(&m);
}

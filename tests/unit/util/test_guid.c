#include "util/guid.h"

#include <criterion/criterion.h>

static const Guid kernel =
    GUID_INIT(0x68fdd900, 0x4a3e, 0x11d1, 0x84, 0xf4, 0x00, 0x00, 0xf8, 0x04, 0x64, 0xe3);

Test(guid, text_and_memory) {
    static const uint8_t bytes[16] = {0x00, 0xd9, 0xfd, 0x68, 0x3e, 0x4a, 0xd1, 0x11,
                                      0x84, 0xf4, 0x00, 0x00, 0xf8, 0x04, 0x64, 0xe3};
    char text[GUID_TEXT];
    Guid g;
    cr_assert_arr_eq(kernel.b, bytes, 16);
    cr_assert_str_eq(guid_format(&kernel, text), "68fdd900-4a3e-11d1-84f4-0000f80464e3");
    cr_assert(guid_parse("68fdd900-4a3e-11d1-84f4-0000f80464e3", &g));
    cr_assert(guid_equal(&g, &kernel));
    g = GUID_NULL;
    cr_assert(guid_is_null(&g));
    cr_assert_not(guid_is_null(&kernel));
    cr_assert(guid_parse("{68FDD900-4A3E-11D1-84F4-0000F80464E3}", &g));
    cr_assert(guid_equal(&g, &kernel));
    cr_assert_eq(guid_hash(&g), guid_hash(&kernel));
}

Test(guid, everything_else_is_refused) {
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "68fdd900",
        "68fdd900-4a3e-11d1-84f4-0000f80464e",
        "68fdd900-4a3e-11d1-84f4-0000f80464e33",
        "{68fdd900-4a3e-11d1-84f4-0000f80464e3",
        "68fdd900-4a3e-11d1-84f4-0000f80464e3}",
        "{68fdd900-4a3e-11d1-84f4-0000f80464e3}}",
        "(68fdd900-4a3e-11d1-84f4-0000f80464e3)",
        "68fdd9004a3e11d184f40000f80464e3",
        "68fdd90-04a3e-11d1-84f4-0000f80464e3",
        "68fdd900-4a3e-11d1-84f40-000f80464e3",
        " 68fdd900-4a3e-11d1-84f4-0000f80464e3",
        "68fdd900-4a3e-11d1-84f4-0000f80464e3 ",
        "68fdd900-4a3e-11d1-84f4-0000f80464eg",
        "0x8fdd900-4a3e-11d1-84f4-0000f80464e",
        "+8fdd900-4a3e-11d1-84f4-0000f80464e3",
        ("68fdd900-4a3e-11d1-84f4\xe2\x80\x90"
         "000f80464e3"), // a hyphen of another kind
    };
    Guid g = kernel;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        cr_assert_not(guid_parse(bad[i], &g), "%s", bad[i]);
        cr_assert(guid_equal(&g, &kernel));
    }
    // Cut anywhere: reads nothing behind the NUL (checked by the address sanitizer).
    char text[GUID_TEXT];
    for (size_t n = 0; n < 36; n++) {
        guid_format(&kernel, text);
        text[n] = '\0';
        cr_assert_not(guid_parse(text, &g));
    }
}

Test(guid, every_byte_survives) {
    for (unsigned v = 0; v < 256; v++) {
        for (size_t i = 0; i < 16; i++) {
            Guid g = kernel, back;
            char text[GUID_TEXT];
            g.b[i] = (uint8_t)v;
            cr_assert(guid_parse(guid_format(&g, text), &back));
            cr_assert(guid_equal(&g, &back));
        }
    }
}

// Providers that use the rule, with the GUIDs under which their publishers document them.
Test(guid, derived_from_the_name) {
    static const char *const known[][2] = {
        {"System.Runtime", "49592c0f-5a05-516d-aa4b-a64e02026c89"},
        {"system.RUNTIME", "49592c0f-5a05-516d-aa4b-a64e02026c89"},
        {"Microsoft-Diagnostics-DiagnosticSource", "adb401e1-5296-51f8-c125-5fda75826144"},
        {"Microsoft-ApplicationInsights-Core", "74af9f20-af6a-5582-9382-f21f674fb271"},
        {"Microsoft-ApplicationInsights-Data", "a62adddb-6b4b-519d-7ba1-f983d81623e0"},
    };
    char text[GUID_TEXT];
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        Guid g = guid_from_name(known[i][0]);
        cr_assert_str_eq(guid_format(&g, text), known[i][1]);
    }
}

Test(guid, names_beyond_ascii) {
    Guid lower = guid_from_name("\xc3\xa4\xd0\xb6"); // a with diaeresis, zhe
    Guid upper = guid_from_name("\xc3\x84\xd0\x96");
    cr_assert(guid_equal(&lower, &upper));
    Guid dotless = guid_from_name("\xc4\xb1");
    Guid i = guid_from_name("I");
    cr_assert_not(guid_equal(&dotless, &i));
    Guid sharp = guid_from_name("\xc3\x9f"); // no simple upper case
    Guid ss = guid_from_name("SS");
    cr_assert_not(guid_equal(&sharp, &ss));
    // Both are U+FFFD to .NET's encoder.
    Guid broken = guid_from_name("\xff"), surrogate = guid_from_name("\xed\xa0\x80");
    cr_assert(guid_equal(&broken, &surrogate));
    // Bytes computed with Python: hashlib.sha1 over the namespace and
    // "\U0001f600".encode("utf-16-be").
    char text[GUID_TEXT];
    Guid smile = guid_from_name("\xf0\x9f\x98\x80");
    cr_assert_str_eq(guid_format(&smile, text), "1e70abc6-ecea-57b2-193b-86b4419aa8fb");
}

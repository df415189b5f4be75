// Every in-type with its out-types: kind, text, JSON and bytes consumed, from the literal bytes.
#include "unit/event/make.h"

typedef struct Case {
    uint16_t in, out;
    uint8_t length_kind;
    uint16_t length;
    int pointer;
    const char *hex;
    int kind;
    const char *text;
    const char *json; // NULL: as text, bare
    uint32_t end;
} Case;

#define ONE EXTENT_ONE, 0, 8
// bare: the JSON is the text; quoted: the same in quotes.
#define BARE(in, out, hex, kind, text, end)                                                        \
    { in, out, ONE, hex, kind, text, text, end }
#define QUOTED(in, out, hex, kind, text, end)                                                      \
    { in, out, ONE, hex, kind, text, "\"" text "\"", end }

static void check(const Case *c, size_t n) {
    for (size_t i = 0; i < n; i++, c++) {
        SchemaField f = SIZED("F", c->in, c->out, c->length_kind, c->length);
        Made m;
        make(&m, &f, 1, 1, c->hex, c->pointer);
        Value v = payload_value(&m.payload, 0);
        cr_assert_eq(v.kind, c->kind, "case %zu (in %u out %u): kind %u, not %d", i, c->in, c->out,
                     v.kind, c->kind);
        cr_assert_str_eq(made_text(&m, 0), c->text, "case %zu (in %u out %u): text %s, not %s", i,
                         c->in, c->out, buf_str(&m.out), c->text);
        cr_assert_str_eq(made_json(&m, 0), c->json, "case %zu (in %u out %u): JSON %s, not %s", i,
                         c->in, c->out, buf_str(&m.out), c->json);
        payload_open(&m.payload, m.schema, &m.record, m.slices);
        cr_assert_eq(payload_scan(&m.payload), c->end,
                     "case %zu (in %u out %u): consumed %u, not %u", i, c->in, c->out,
                     m.payload.consumed, c->end);
        made_free(&m);
    }
}

Test(types, integers) {
    static const Case cases[] = {
        BARE(IN_I8, OUT_DEFAULT, "80", VALUE_I64, "-128", 1),
        BARE(IN_I8, OUT_BYTE, "ff", VALUE_I64, "-1", 1),
        BARE(IN_I8, OUT_UBYTE, "ff", VALUE_U64, "255", 1),
        BARE(IN_U8, OUT_DEFAULT, "ff", VALUE_U64, "255", 1),
        BARE(IN_U8, OUT_UBYTE, "80", VALUE_U64, "128", 1),
        BARE(IN_U8, OUT_BYTE, "ff", VALUE_I64, "-1", 1),
        BARE(IN_I16, OUT_DEFAULT, "0080", VALUE_I64, "-32768", 2),
        BARE(IN_I16, OUT_SHORT, "ffff", VALUE_I64, "-1", 2),
        BARE(IN_U16, OUT_DEFAULT, "ffff", VALUE_U64, "65535", 2),
        BARE(IN_U16, OUT_USHORT, "0102", VALUE_U64, "513", 2),
        BARE(IN_I32, OUT_DEFAULT, "00000080", VALUE_I64, "-2147483648", 4),
        BARE(IN_I32, OUT_INT, "feffffff", VALUE_I64, "-2", 4),
        BARE(IN_I32, OUT_UINT, "feffffff", VALUE_U64, "4294967294", 4),
        BARE(IN_U32, OUT_DEFAULT, "ffffffff", VALUE_U64, "4294967295", 4),
        BARE(IN_U32, OUT_UINT, "01020304", VALUE_U64, "67305985", 4),
        BARE(IN_U32, OUT_INT, "ffffffff", VALUE_I64, "-1", 4),
        BARE(IN_I64, OUT_DEFAULT, "ffffffffffffffff", VALUE_I64, "-1", 8),
        BARE(IN_U64, OUT_ULONG, "0a00000000000000", VALUE_U64, "10", 8),
        BARE(IN_U64, OUT_LONG, "ffffffffffffffff", VALUE_I64, "-1", 8),
        // 2^53 is the last that every JSON reader keeps
        BARE(IN_U64, OUT_DEFAULT, "0000000000002000", VALUE_U64, "9007199254740992", 8),
        QUOTED(IN_U64, OUT_DEFAULT, "0100000000002000", VALUE_U64, "9007199254740993", 8),
        QUOTED(IN_U64, OUT_DEFAULT, "ffffffffffffffff", VALUE_U64, "18446744073709551615", 8),
        BARE(IN_I64, OUT_DEFAULT, "000000000000e0ff", VALUE_I64, "-9007199254740992", 8),
        QUOTED(IN_I64, OUT_DEFAULT, "ffffffffffffdfff", VALUE_I64, "-9007199254740993", 8),
        QUOTED(IN_I64, OUT_DEFAULT, "0000000000000080", VALUE_I64, "-9223372036854775808", 8),
        BARE(IN_U32, OUT_PID, "34120000", VALUE_U64, "4660", 4),
        BARE(IN_U32, OUT_TID, "78560000", VALUE_U64, "22136", 4),
        BARE(IN_U16, OUT_PORT, "01bb", VALUE_U64, "443", 2),
        BARE(IN_U16, OUT_PORT, "ffff", VALUE_U64, "65535", 2),
    };
    check(cases, ARRAY_COUNT(cases));
}

Test(types, hexadecimal) {
    static const Case cases[] = {
        QUOTED(IN_HEX32, OUT_DEFAULT, "efbeadde", VALUE_U64, "0xDEADBEEF", 4),
        QUOTED(IN_HEX64, OUT_DEFAULT, "1000000000000000", VALUE_U64, "0x10", 8),
        QUOTED(IN_HEX64, OUT_CODE_POINTER, "0000000080f8ffff", VALUE_U64, "0xFFFFF88000000000", 8),
        QUOTED(IN_U8, OUT_HEX8, "0f", VALUE_U64, "0xF", 1),
        QUOTED(IN_I8, OUT_HEX8, "ff", VALUE_I64, "0xFF", 1),
        QUOTED(IN_U16, OUT_HEX16, "00a0", VALUE_U64, "0xA000", 2),
        QUOTED(IN_I16, OUT_HEX16, "ffff", VALUE_I64, "0xFFFF", 2),
        QUOTED(IN_U32, OUT_HEX32, "00000000", VALUE_U64, "0x0", 4),
        QUOTED(IN_I32, OUT_HEX32, "ffffffff", VALUE_I64, "0xFFFFFFFF", 4),
        QUOTED(IN_U64, OUT_HEX64, "ffffffffffffffff", VALUE_U64, "0xFFFFFFFFFFFFFFFF", 8),
        QUOTED(IN_POINTER, OUT_DEFAULT, "8877665544332211", VALUE_U64, "0x1122334455667788", 8),
        QUOTED(IN_SIZET, OUT_DEFAULT, "0010000000000000", VALUE_U64, "0x1000", 8),
        {IN_POINTER, OUT_DEFAULT, EXTENT_ONE, 0, 4, "88776655 44332211", VALUE_U64, "0x55667788",
         "\"0x55667788\"", 4},
        {IN_SIZET, OUT_DEFAULT, EXTENT_ONE, 0, 4, "00100000", VALUE_U64, "0x1000", "\"0x1000\"", 4},
        BARE(IN_POINTER, OUT_ULONG, "0a00000000000000", VALUE_U64, "10", 8),
    };
    check(cases, ARRAY_COUNT(cases));
}

Test(types, booleans_and_floats) {
    static const Case cases[] = {
        BARE(IN_BOOL32, OUT_DEFAULT, "00000000", VALUE_BOOL, "false", 4),
        BARE(IN_BOOL32, OUT_BOOL, "01000000", VALUE_BOOL, "true", 4),
        BARE(IN_BOOL32, OUT_BOOL, "00000001", VALUE_BOOL, "true", 4),
        BARE(IN_U8, OUT_BOOL, "02", VALUE_BOOL, "true", 1),
        BARE(IN_U8, OUT_BOOL, "00", VALUE_BOOL, "false", 1),
        BARE(IN_FLOAT, OUT_DEFAULT, "0000c03f", VALUE_DOUBLE, "1.5", 4),
        BARE(IN_FLOAT, OUT_FLOAT, "cdcccc3d", VALUE_DOUBLE, "0.1", 4),
        BARE(IN_DOUBLE, OUT_DEFAULT, "9a9999999999b93f", VALUE_DOUBLE, "0.1", 8),
        BARE(IN_DOUBLE, OUT_DOUBLE, "00000000000004c0", VALUE_DOUBLE, "-2.5", 8),
        BARE(IN_DOUBLE, OUT_DOUBLE, "182d4454fb210940", VALUE_DOUBLE, "3.141592653589793", 8),
        QUOTED(IN_DOUBLE, OUT_DEFAULT, "000000000000f87f", VALUE_DOUBLE, "NaN", 8),
        QUOTED(IN_DOUBLE, OUT_DEFAULT, "000000000000f07f", VALUE_DOUBLE, "Infinity", 8),
        QUOTED(IN_DOUBLE, OUT_DEFAULT, "000000000000f0ff", VALUE_DOUBLE, "-Infinity", 8),
        QUOTED(IN_FLOAT, OUT_DEFAULT, "000080ff", VALUE_DOUBLE, "-Infinity", 4),
    };
    check(cases, ARRAY_COUNT(cases));
}

Test(types, times) {
    static const Case cases[] = {
        // 132404548206236167: the start of a real trace, 2020-07-29 00:07:00.6236167 UTC
        QUOTED(IN_FILETIME, OUT_DEFAULT, "07927a2e3c65d601", VALUE_TIME,
               "2020-07-29T00:07:00.6236167Z", 8),
        QUOTED(IN_FILETIME, OUT_DATETIME_UTC, "07927a2e3c65d601", VALUE_TIME,
               "2020-07-29T00:07:00.6236167Z", 8),
        QUOTED(IN_FILETIME, OUT_DATETIME, "0000000000000000", VALUE_TIME,
               "1601-01-01T00:00:00.0000000Z", 8),
        QUOTED(IN_U64, OUT_DATETIME, "07927a2e3c65d601", VALUE_TIME, "2020-07-29T00:07:00.6236167Z",
               8),
        QUOTED(IN_I64, OUT_DATETIME_INVARIANT, "07927a2e3c65d601", VALUE_TIME,
               "2020-07-29T00:07:00.6236167Z", 8),
        // raw clock units stay numbers
        BARE(IN_U64, OUT_ETW_TIME, "47aa000000000000", VALUE_U64, "43591", 8),
        // a Thursday (real bytes of a TraceLogging event)
        QUOTED(IN_SYSTEMTIME, OUT_DEFAULT, "e507 0900 0400 0900 0e00 3b00 2300 1f03", VALUE_TIME,
               "2021-09-09T14:59:35.7990000Z", 16),
        QUOTED(IN_SYSTEMTIME, OUT_DATETIME, "e507 0900 0400 0900 0e00 3b00 2300 e703", VALUE_TIME,
               "2021-09-09T14:59:35.9990000Z", 16),
        // 1000 milliseconds, month 13, all zero: no dates; the bytes
        QUOTED(IN_SYSTEMTIME, OUT_DEFAULT, "e507 0900 0400 0900 0e00 3b00 2300 e803", VALUE_BINARY,
               "e5070900040009000e003b002300e803", 16),
        QUOTED(IN_SYSTEMTIME, OUT_DEFAULT, "e507 0d00 0400 0900 0e00 3b00 2300 1f03", VALUE_BINARY,
               "e5070d00040009000e003b0023001f03", 16),
        QUOTED(IN_SYSTEMTIME, OUT_DEFAULT, "00000000000000000000000000000000", VALUE_BINARY,
               "00000000000000000000000000000000", 16),
    };
    check(cases, ARRAY_COUNT(cases));
}

Test(types, codes) {
    static const Case cases[] = {
        QUOTED(IN_U32, OUT_NTSTATUS, "220000c0", VALUE_U64, "0xC0000022 (STATUS_ACCESS_DENIED)", 4),
        QUOTED(IN_I32, OUT_NTSTATUS, "220000c0", VALUE_I64, "0xC0000022 (STATUS_ACCESS_DENIED)", 4),
        QUOTED(IN_HEX32, OUT_NTSTATUS, "00000000", VALUE_U64, "0x00000000 (STATUS_SUCCESS)", 4),
        QUOTED(IN_U32, OUT_NTSTATUS, "78563412", VALUE_U64, "0x12345678", 4),
        QUOTED(IN_U32, OUT_WIN32_ERROR, "05000000", VALUE_U64, "0x00000005 (ERROR_ACCESS_DENIED)",
               4),
        QUOTED(IN_U32, OUT_WIN32_ERROR, "2b230000", VALUE_U64,
               "0x0000232B (DNS_ERROR_RCODE_NAME_ERROR)", 4),
        QUOTED(IN_I32, OUT_HRESULT, "05000780", VALUE_I64, "0x80070005 (E_ACCESSDENIED)", 4),
        QUOTED(IN_U32, OUT_HRESULT, "02000780", VALUE_U64, "0x80070002 (ERROR_FILE_NOT_FOUND)", 4),
        QUOTED(IN_U32, OUT_HRESULT, "00000000", VALUE_U64, "0x00000000 (S_OK)", 4),
        QUOTED(IN_U32, OUT_ERROR_CODE, "02000000", VALUE_U64, "0x00000002 (ERROR_FILE_NOT_FOUND)",
               4),
        QUOTED(IN_U32, OUT_ERROR_CODE, "340000c0", VALUE_U64,
               "0xC0000034 (STATUS_OBJECT_NAME_NOT_FOUND)", 4),
        QUOTED(IN_U32, OUT_ERROR_CODE, "05400080", VALUE_U64, "0x80004005 (E_FAIL)", 4),
    };
    check(cases, ARRAY_COUNT(cases));
}

Test(types, addresses) {
    static const Case cases[] = {
        QUOTED(IN_U32, OUT_IPV4, "0a800075", VALUE_U64, "10.128.0.117", 4),
        QUOTED(IN_U32, OUT_IPV4, "effffffa", VALUE_U64, "239.255.255.250", 4),
        {IN_BINARY, OUT_IPV6, ONE, "2001489800e000817cb900ab0cd5e6af", VALUE_BINARY,
         "2001:4898:e0:81:7cb9:ab:cd5:e6af", "\"2001:4898:e0:81:7cb9:ab:cd5:e6af\"", 16},
        {IN_BINARY, OUT_IPV6, EXTENT_FIXED, 16, 8, "00000000000000000000000000000001", VALUE_BINARY,
         "::1", "\"::1\"", 16},
        {IN_BINARY, OUT_IPV6, ONE, "00000000000000000000000000000000", VALUE_BINARY, "::", "\"::\"",
         16},
        {IN_BINARY, OUT_IPV6, ONE, "fe800000000000000000000000000000", VALUE_BINARY,
         "fe80::", "\"fe80::\"", 16},
        // RFC 5952 4.2.2: one zero group alone is not shortened
        {IN_BINARY, OUT_IPV6, ONE, "20010db8000000010001000100010001", VALUE_BINARY,
         "2001:db8:0:1:1:1:1:1", "\"2001:db8:0:1:1:1:1:1\"", 16},
        // 4.2.3: the longest run; the first of equals
        {IN_BINARY, OUT_IPV6, ONE, "20010000000000010000000000000001", VALUE_BINARY,
         "2001:0:0:1::1", "\"2001:0:0:1::1\"", 16},
        {IN_BINARY, OUT_IPV6, ONE, "20010db8000000000001000000000001", VALUE_BINARY,
         "2001:db8::1:0:0:1", "\"2001:db8::1:0:0:1\"", 16},
        // 5: mapped IPv4
        {IN_BINARY, OUT_IPV6, ONE, "00000000000000000000ffffc0000280", VALUE_BINARY,
         "::ffff:192.0.2.128", "\"::ffff:192.0.2.128\"", 16},
        // SOCKADDR_IN and SOCKADDR_IN6, with and without port, with scope
        {IN_BINARY, OUT_SOCKADDR, EXTENT_FIXED, 16, 8, "0200 01bb 7f000001 0000000000000000",
         VALUE_BINARY, "127.0.0.1:443", "\"127.0.0.1:443\"", 16},
        {IN_BINARY, OUT_SOCKADDR, EXTENT_FIXED, 16, 8, "0200 0000 0a000001 0000000000000000",
         VALUE_BINARY, "10.0.0.1", "\"10.0.0.1\"", 16},
        {IN_BINARY, OUT_SOCKADDR, EXTENT_FIXED, 28, 8,
         "1700 0035 00000000 20010db8000000000000000000000001 00000000", VALUE_BINARY,
         "[2001:db8::1]:53", "\"[2001:db8::1]:53\"", 28},
        {IN_BINARY, OUT_SOCKADDR, EXTENT_FIXED, 28, 8,
         "1700 0035 00000000 fe800000000000000000000000000001 07000000", VALUE_BINARY,
         "[fe80::1%7]:53", "\"[fe80::1%7]:53\"", 28},
        {IN_BINARY, OUT_SOCKADDR, EXTENT_FIXED, 28, 8,
         "17000000000000002001489800000000000000001050105000000000", VALUE_BINARY,
         "2001:4898::1050:1050", "\"2001:4898::1050:1050\"", 28},
        // one byte short of an address, and an unknown family
        {IN_BINARY, OUT_SOCKADDR, EXTENT_FIXED, 7, 8, "020001bb7f0000", VALUE_BINARY,
         "020001bb7f0000", "\"020001bb7f0000\"", 7},
        {IN_BINARY, OUT_SOCKADDR, EXTENT_FIXED, 8, 8, "0300000011223344", VALUE_BINARY,
         "0300000011223344", "\"0300000011223344\"", 8},
    };
    check(cases, ARRAY_COUNT(cases));
}

Test(types, guids_and_sids) {
    static const Case cases[] = {
        QUOTED(IN_GUID, OUT_DEFAULT, "00d9fd683e4ad11184f40000f80464e3", VALUE_GUID,
               "{68fdd900-4a3e-11d1-84f4-0000f80464e3}", 16),
        {IN_BINARY, OUT_GUID, EXTENT_FIXED, 16, 8, "00d9fd683e4ad11184f40000f80464e3", VALUE_GUID,
         "{68fdd900-4a3e-11d1-84f4-0000f80464e3}", "\"{68fdd900-4a3e-11d1-84f4-0000f80464e3}\"",
         16},
        QUOTED(IN_SID, OUT_DEFAULT, "010100000000000512000000", VALUE_SID, "S-1-5-18", 12),
        QUOTED(IN_SID, OUT_STRING, "010500000000000515000000010000000200000003000000e9030000",
               VALUE_SID, "S-1-5-21-1-2-3-1001", 28),
        QUOTED(IN_SID, OUT_DEFAULT, "0100000000000001", VALUE_SID, "S-1-1", 8),
        // MS-DTYP: an authority above 32 bits is hexadecimal
        QUOTED(IN_SID, OUT_DEFAULT, "010100010000000005000000", VALUE_SID, "S-1-0x000100000000-5",
               12),
        // 15 subauthorities are the most; 16 are bytes over the extent that they claim
        QUOTED(IN_SID, OUT_DEFAULT,
               "010f000000000005 00000000 01000000 02000000 03000000 04000000 05000000 06000000"
               "07000000 08000000 09000000 0a000000 0b000000 0c000000 0d000000 0e000000",
               VALUE_SID, "S-1-5-0-1-2-3-4-5-6-7-8-9-10-11-12-13-14", 68),
        QUOTED(
            IN_SID, OUT_DEFAULT,
            "0110000000000005 00000000 01000000 02000000 03000000 04000000 05000000 06000000"
            "07000000 08000000 09000000 0a000000 0b000000 0c000000 0d000000 0e000000 0f000000",
            VALUE_BINARY,
            "011000000000000500000000010000000200000003000000040000000500000006000000070000000800"
            "0000090000000a0000000b0000000c0000000d0000000e0000000f000000",
            72),
        QUOTED(IN_SID, OUT_DEFAULT, "020100000000000512000000", VALUE_BINARY,
               "020100000000000512000000", 12),
    };
    check(cases, ARRAY_COUNT(cases));
}

Test(types, wbem_sids) {
    static const Case cases[] = {
        // no SID: exactly four zero bytes
        {IN_WBEM_SID, OUT_DEFAULT, ONE, "00000000", VALUE_NULL, "", "null", 4},
        {IN_WBEM_SID, OUT_DEFAULT, ONE, "00000000 49646c6500", VALUE_NULL, "", "null", 4},
        // TOKEN_USER of two pointers, then the SID
        QUOTED(IN_WBEM_SID, OUT_DEFAULT,
               "10223344 55667788 00000000 00000000 0101000000000005 12000000", VALUE_SID,
               "S-1-5-18", 28),
        {IN_WBEM_SID, OUT_DEFAULT, EXTENT_ONE, 0, 4, "10223344 00000000 0101000000000005 12000000",
         VALUE_SID, "S-1-5-18", "\"S-1-5-18\"", 20},
        // synthetic events: the pointer is zero, the SID is there all the same
        QUOTED(IN_WBEM_SID, OUT_DEFAULT,
               "00000000 00000000 00000000 00000000 0101000000000005 12000000", VALUE_SID,
               "S-1-5-18", 28),
        {IN_WBEM_SID, OUT_DEFAULT, EXTENT_ONE, 0, 4, "00000000 00000000 0101000000000005 12000000",
         VALUE_SID, "S-1-5-18", "\"S-1-5-18\"", 20},
        // cut inside that SID: then the zero counts as "no SID"
        {IN_WBEM_SID, OUT_DEFAULT, EXTENT_ONE, 0, 4, "00000000 00000000 0101000000000005 120000",
         VALUE_NULL, "", "null", 4},
    };
    check(cases, ARRAY_COUNT(cases));
}

Test(types, strings) {
    static const Case cases[] = {
        QUOTED(IN_UTF16, OUT_DEFAULT, "6100 6200 0000", VALUE_UTF16, "ab", 6),
        QUOTED(IN_UTF16, OUT_STRING, "6100 6200 0000 6300", VALUE_UTF16, "ab", 6),
        QUOTED(IN_UTF16, OUT_DEFAULT, "0000", VALUE_UTF16, "", 2),
        // unterminated, and with an odd byte at the end
        QUOTED(IN_UTF16, OUT_DEFAULT, "6100 6200", VALUE_UTF16, "ab", 4),
        QUOTED(IN_UTF16, OUT_DEFAULT, "6100 6200 63", VALUE_UTF16, "ab", 5),
        QUOTED(IN_UTF16, OUT_DEFAULT, "61", VALUE_UTF16, "", 1),
        QUOTED(IN_UTF16, OUT_XML, "3c00 6100 2f00 3e00 0000", VALUE_UTF16, "<a/>", 10),
        QUOTED(IN_UTF16, OUT_JSON, "3100 0000", VALUE_UTF16, "1", 4),
        // U+1F600 as a pair; U+20AC
        QUOTED(IN_UTF16, OUT_DEFAULT, "3dd8 00de ac20 0000", VALUE_UTF16,
               "\xf0\x9f\x98\x80\xe2\x82\xac", 8),
        QUOTED(IN_ANSI, OUT_DEFAULT, "414200", VALUE_ANSI, "AB", 3),
        QUOTED(IN_ANSI, OUT_STRING, "4142", VALUE_ANSI, "AB", 2),
        QUOTED(IN_ANSI, OUT_DEFAULT, "00", VALUE_ANSI, "", 1),
        // 0xe9 is Latin-1, or broken UTF-8
        QUOTED(IN_ANSI, OUT_STRING, "e900", VALUE_ANSI, "\xc3\xa9", 2),
        QUOTED(IN_ANSI, OUT_UTF8, "c3a900", VALUE_UTF8, "\xc3\xa9", 3),
        QUOTED(IN_ANSI, OUT_UTF8, "e900", VALUE_UTF8, "\xef\xbf\xbd", 2),
        QUOTED(IN_ANSI, OUT_XML, "3c612f3e00", VALUE_UTF8, "<a/>", 5),
        QUOTED(IN_ANSI, OUT_REDUCED_STRING, "4100", VALUE_ANSI, "A", 2),
        QUOTED(IN_COUNTED_UTF16, OUT_DEFAULT, "0400 6100 6200 6300", VALUE_UTF16, "ab", 6),
        QUOTED(IN_COUNTED_STRING, OUT_STRING, "0200 6100", VALUE_UTF16, "a", 4),
        QUOTED(IN_COUNTED_UTF16, OUT_DEFAULT, "0000", VALUE_UTF16, "", 2),
        QUOTED(IN_COUNTED_UTF16, OUT_DEFAULT, "0300 6100 62", VALUE_UTF16, "a", 5),
        QUOTED(IN_COUNTED_ANSI, OUT_DEFAULT, "0300 78797a 41", VALUE_ANSI, "xyz", 5),
        QUOTED(IN_COUNTED_ANSI, OUT_UTF8, "0200 c3a9", VALUE_UTF8, "\xc3\xa9", 4),
        QUOTED(IN_COUNTED_ANSI_STRING, OUT_DEFAULT, "0100 41", VALUE_ANSI, "A", 3),
        QUOTED(IN_REVERSED_COUNTED_STRING, OUT_DEFAULT, "0004 6100 6200", VALUE_UTF16, "ab", 6),
        QUOTED(IN_REVERSED_COUNTED_ANSI, OUT_DEFAULT, "0002 4142 43", VALUE_ANSI, "AB", 4),
        QUOTED(IN_NONNULL_STRING, OUT_DEFAULT, "6100 6200", VALUE_UTF16, "ab", 4),
        QUOTED(IN_NONNULL_ANSI, OUT_DEFAULT, "616263", VALUE_ANSI, "abc", 3),
        QUOTED(IN_UTF16_CHAR, OUT_DEFAULT, "4d00", VALUE_UTF16, "M", 2),
        QUOTED(IN_ANSI_CHAR, OUT_DEFAULT, "4d", VALUE_ANSI, "M", 1),
        QUOTED(IN_U16, OUT_STRING, "4d00", VALUE_UTF16, "M", 2),
        QUOTED(IN_U8, OUT_STRING, "4d", VALUE_ANSI, "M", 1),
        QUOTED(IN_I8, OUT_STRING, "4d", VALUE_ANSI, "M", 1),
        // lengths in characters; a fixed buffer ends at its NUL, a counted one only loses those at its end
        {IN_UTF16, OUT_DEFAULT, EXTENT_FIXED, 3, 8, "6100 0000 6200 6300", VALUE_UTF16, "a",
         "\"a\"", 6},
        {IN_UTF16, OUT_DEFAULT, EXTENT_FIXED, 2, 8, "6100 6200 6300", VALUE_UTF16, "ab", "\"ab\"",
         4},
        {IN_UTF16, OUT_DEFAULT, EXTENT_FIXED, 0, 8, "6100", VALUE_UTF16, "", "\"\"", 0},
        {IN_ANSI, OUT_DEFAULT, EXTENT_FIXED, 3, 8, "41004243", VALUE_ANSI, "A", "\"A\"", 3},
        {IN_ANSI, OUT_DEFAULT, EXTENT_PREFIX16, 0, 8, "0300 410042 43", VALUE_ANSI, "A\0B",
         "\"A\\u0000B\"", 5},
        {IN_UTF16, OUT_DEFAULT, EXTENT_PREFIX16, 0, 8, "0600 6100 6200 0000 6300", VALUE_UTF16,
         "ab", "\"ab\"", 8},
        {IN_UTF16, OUT_DEFAULT, EXTENT_REST, 0, 8, "6100 6200 0000", VALUE_UTF16, "ab", "\"ab\"",
         6},
        {IN_ANSI, OUT_DEFAULT, EXTENT_REST, 0, 8, "414200", VALUE_ANSI, "AB", "\"AB\"", 3},
    };
    check(cases, ARRAY_COUNT(cases));
}

Test(types, binaries) {
    static const Case cases[] = {
        {IN_NULL, OUT_DEFAULT, ONE, "01", VALUE_NULL, "", "null", 0},
        {IN_BINARY, OUT_HEXBINARY, EXTENT_FIXED, 3, 8, "0AbCff00", VALUE_BINARY, "0abcff",
         "\"0abcff\"", 3},
        {IN_BINARY, OUT_DEFAULT, EXTENT_PREFIX16, 0, 8, "0200 0102 03", VALUE_BINARY, "0102",
         "\"0102\"", 4},
        {IN_BINARY, OUT_DEFAULT, EXTENT_REST, 0, 8, "010203", VALUE_BINARY, "010203", "\"010203\"",
         3},
        {IN_BINARY, OUT_DEFAULT, ONE, "0102", VALUE_BINARY, "", "\"\"", 0},
        QUOTED(IN_COUNTED_BINARY, OUT_DEFAULT, "0200 0102 03", VALUE_BINARY, "0102", 4),
        QUOTED(IN_COUNTED_BINARY, OUT_PKCS7, "0100 30", VALUE_BINARY, "30", 3),
        QUOTED(IN_HEXDUMP, OUT_DEFAULT, "03000000 0a0b0c 0d", VALUE_BINARY, "0a0b0c", 7),
        // a hint that bytes are text
        {IN_BINARY, OUT_STRING, EXTENT_FIXED, 6, 8, "6100 6200 0000", VALUE_UTF16, "ab", "\"ab\"",
         6},
        {IN_BINARY, OUT_UTF8, EXTENT_FIXED, 2, 8, "c3a9", VALUE_UTF8, "\xc3\xa9", "\"\xc3\xa9\"",
         2},
    };
    check(cases, ARRAY_COUNT(cases));
}

Test(types, json_escapes) {
    static const Case cases[] = {
        {IN_ANSI, OUT_DEFAULT, ONE, "225c08090a0c0d011f7f00", VALUE_ANSI,
         "\"\\\b\t\n\f\r\x01\x1f\x7f", "\"\\\"\\\\\\b\\t\\n\\f\\r\\u0001\\u001f\\u007f\"", 11},
        {IN_UTF16, OUT_DEFAULT, ONE, "2200 5c00 0a00 0000", VALUE_UTF16, "\"\\\n",
         "\"\\\"\\\\\\n\"", 8},
        // lone surrogates: escapes in JSON, WTF-8 in text
        {IN_UTF16, OUT_DEFAULT, ONE, "3dd8 6100 00de 0000", VALUE_UTF16,
         "\xed\xa0\xbd"
         "a\xed\xb8\x80",
         "\"\\ud83da\\ude00\"", 8},
        {IN_UTF16, OUT_DEFAULT, ONE, "3dd8", VALUE_UTF16, "\xed\xa0\xbd", "\"\\ud83d\"", 2},
    };
    check(cases, ARRAY_COUNT(cases));
}

static const SchemaMapEntry sizes[] = {{0, "Small"}, {1, "Large \"x\""}, {7, "Huge"}};
static const SchemaMap size_map = {"Sizes", false, 3, sizes};
static const SchemaMapEntry flags[] = {{1, "Read"}, {2, "Write"}, {0x80000000, "All"}};
static const SchemaMap flag_map = {"Flags", true, 3, flags};
static const SchemaMapEntry zero[] = {{0, "None"}, {4, "Four"}};
static const SchemaMap zero_map = {"Zero", true, 2, zero};

typedef struct MapCase {
    const SchemaMap *map;
    uint16_t in;
    const char *hex, *text, *json;
} MapCase;

Test(types, maps) {
    static const MapCase cases[] = {
        {&size_map, IN_U32, "00000000", "Small", "\"Small\""},
        {&size_map, IN_U32, "01000000", "Large \"x\"", "\"Large \\\"x\\\"\""},
        {&size_map, IN_U8, "07", "Huge", "\"Huge\""},
        {&size_map, IN_U32, "06000000", "6", "6"},
        {&size_map, IN_U32, "08000000", "8", "8"},
        {&size_map, IN_BOOL32, "01000000", "Large \"x\"", "\"Large \\\"x\\\"\""},
        {&size_map, IN_U64, "0100000001000000", "4294967297", "4294967297"},
        {&flag_map, IN_U32, "03000000", "Read | Write", "\"Read | Write\""},
        {&flag_map, IN_U32, "0a000000", "Write | 0x8", "\"Write | 0x8\""},
        {&flag_map, IN_HEX32, "08000000", "0x8", "\"0x8\""},
        {&flag_map, IN_I32, "00000080", "All", "\"All\""},
        {&flag_map, IN_U32, "00000000", "0", "\"0\""},
        {&zero_map, IN_U32, "00000000", "None", "\"None\""},
        {&zero_map, IN_U32, "05000000", "Four | 0x1", "\"Four | 0x1\""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        SchemaField f = FIELD("F", cases[i].in, OUT_DEFAULT);
        f.map = cases[i].map;
        Made m;
        make(&m, &f, 1, 1, cases[i].hex, 8);
        cr_assert_str_eq(made_text(&m, 0), cases[i].text, "case %zu: %s", i, buf_str(&m.out));
        cr_assert_str_eq(made_json(&m, 0), cases[i].json, "case %zu: %s", i, buf_str(&m.out));
        made_free(&m);
    }
}

Test(types, no_maps) {
    SchemaField f = FIELD("F", IN_U32, OUT_DEFAULT);
    f.map = &size_map;
    Made m;
    make(&m, &f, 1, 1, "01000000", 8);
    Value v = payload_value(&m.payload, 0);
    value_text(&m.out, &m.payload, &v, FORMAT_NO_MAPS);
    cr_assert_str_eq(buf_str(&m.out), "1");
    made_free(&m);
}

Test(types, sid_length_limits) {
    uint8_t sid[68] = {1, 1, 0, 0, 0, 0, 0, 5, 18};
    cr_assert_eq(sid_length(sid, 11), 0);
    cr_assert_eq(sid_length(sid, 12), 12);
    cr_assert_eq(sid_length(sid, 13), 12);
    cr_assert_eq(sid_length(sid, 7), 0);
    sid[1] = 15;
    cr_assert_eq(sid_length(sid, 68), 68);
    sid[1] = 16;
    cr_assert_eq(sid_length(sid, 68), 0);
    sid[1] = 1;
    sid[0] = 0;
    cr_assert_eq(sid_length(sid, 12), 0);
}

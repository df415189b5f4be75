#include <criterion/criterion.h>
#include <stdio.h>

#include "make.h"
#include "util/mem.h"

static void canonical(const char *text, const char *expected) {
    Filter *filter;
    Err err = ERR_INIT;
    cr_assert_eq(filter_parse(text, strlen(text), &filter, NULL, &err), 0, "%s: %s", text,
                 err.text);
    cr_assert_not_null(filter);
    cr_assert_str_eq(filter_text(filter), expected, "%s -> %s", text, filter_text(filter));
    filter_free(filter);
}

Test(filter_parse, canonical_text) {
    canonical("Id -eq 3008", "Id -eq 3008");
    canonical("eventid EQ 0xBC0", "Id -eq 0xbc0");
    canonical("{ $_.QueryName -like '*.top' }", "QueryName -like '*.top'");
    canonical("QueryName like *.top and ProcessName ne svchost.exe",
              "QueryName -like '*.top' -and ProcessName -ne 'svchost.exe'");
    canonical("(((Id -eq 1)))", "Id -eq 1");
    canonical("a -eq 1 -or b -eq 2 -and c -eq 3", "a -eq 1 -or b -eq 2 -and c -eq 3");
    canonical("a -eq 1 -or (b -eq 2 -and c -eq 3)", "a -eq 1 -or (b -eq 2 -and c -eq 3)");
    canonical("(a -eq 1 -and b -eq 2) -and (c -eq 3 -and d -eq 4)",
              "a -eq 1 -and b -eq 2 -and c -eq 3 -and d -eq 4");
    canonical("-not (a -eq 1)", "-not (a -eq 1)");
    canonical("!(a -eq 1 or b)", "-not (a -eq 1 -or b)");
    canonical("not not IsElevated", "-not -not IsElevated");
    canonical("Id -in 1,2, 3", "Id -in 1, 2, 3");
    canonical("Id -in (1,2)", "Id -in 1, 2");
    canonical("Id -in @(1)", "Id -in 1");
    canonical("Id -not -in 1,2", "Id -notin 1, 2");
    canonical("a -not -like 'x'", "a -notlike 'x'");
    canonical("Id -ieq 5", "Id -eq 5");
    canonical("1,2,3 -contains Id", "Id -in 1, 2, 3");
    canonical("(1,2) -notcontains Id", "Id -notin 1, 2");
    canonical("5 -lt Number", "Number -gt 5");
    canonical("'x' -in Tags", "Tags -contains 'x'");
    canonical("$null -eq User", "User -eq $null");
    canonical("a -eq \"it's \"\"so\"\"\"", "a -eq 'it''s \"so\"'");
    canonical("a -eq 'C:\\x\\'", "a -eq 'C:\\x\\'");
    canonical("EventData.ProcessId -eq 4KB", "EventData.ProcessId -eq 4096");
    canonical("eventdata.Other -eq -1", "Other -eq -1");
    canonical("EventData.'odd name' -eq 1", "EventData.'odd name' -eq 1");
    canonical("EventData.'and' -eq 1", "EventData.and -eq 1");
    canonical("InterfaceUuid -eq {367abb81-9844-35f1-ad32-98f038001003}",
              "InterfaceUuid -eq '367abb81-9844-35f1-ad32-98f038001003'");
    canonical("UserSid -eq S-1-5-18", "UserSid -eq 'S-1-5-18'");
    canonical("RemoteAddress -eq 10.0.0.1", "RemoteAddress -eq '10.0.0.1'");
    canonical("PID -eq 4", "ProcessId -eq 4");
    canonical("IsElevated -eq $true", "IsElevated -eq $true");
    canonical("a \xe2\x80\x93"
              "eq \xe2\x80\x98x\xe2\x80\x99", // en dash, typographic quotes
              "a -eq 'x'");
    canonical("Level -le Warning", "Level -le 'Warning'");
}

Test(filter_parse, blank_text_is_no_filter) {
    static const char *const blank[] = {"", "  \t\r\n", "{}", "{ }"};
    for (size_t i = 0; i < ARRAY_COUNT(blank); i++) {
        Filter *filter = (Filter *)&filter;
        cr_assert_eq(filter_parse(blank[i], strlen(blank[i]), &filter, NULL, NULL), 0);
        cr_assert_null(filter, "%s", blank[i]);
    }
}

static void refused(const char *text, uint32_t column, const char *part) {
    Err err;
    uint32_t got = filter_error(text, &err);
    cr_assert_eq(got, column, "%s: column %u, %s", text, got, err.text);
    char prefix[32];
    snprintf(prefix, sizeof prefix, "column %u: ", column);
    cr_assert_eq(strncmp(err.text, prefix, strlen(prefix)), 0, "%s", err.text);
    cr_assert_not_null(strstr(err.text, part), "%s: '%s' lacks '%s'", text, err.text, part);
}

Test(filter_parse, errors_have_a_place_and_a_remedy) {
    refused("a -match 'x'", 3, "no regex in the broker: use -like or Where-Object");
    refused("a -notmatch 'x'", 3, "use -like or Where-Object");
    refused("a -cmatch 'x'", 3, "use -like or Where-Object");
    refused("a -ceq 'x'", 3, "use -eq here and -ceq in Where-Object");
    refused("a -clike 'x'", 3, "Where-Object");
    refused("a -cnotin 'x'", 3, "Where-Object");
    refused("a -band 2", 3, "Where-Object");
    refused("a -eq 1 -xor b -eq 2", 9, "Where-Object");
    refused("a -equals 1", 3, "-eq -ne -lt");
    refused("a == 1", 3, "use -eq");
    refused("a = 1", 3, "use -eq");
    refused("a != 1", 3, "use -ne");
    refused("a <= 1", 3, "use -le");
    refused("a -eq 1 && b -eq 2", 9, "use -and");
    refused("a -eq 1 || b", 9, "use -or");
    refused("a -eq $x", 7, "variables");
    refused("a -eq 'x", 7, "no closing quote");
    refused("a -eq", 6, "a value");
    refused("a -eq -and", 7, "put '-and' in quotes");
    refused("a -eq and", 7, "quotes");
    refused("-eq 1", 1, "a field name");
    refused("a -eq 1 b", 9, "-and, -or");
    refused("(a -eq 1", 1, "never closed");
    refused("a -eq 1)", 8, "-and, -or");
    refused("{ a -eq 1", 10, "'}'");
    refused("a -eq 1 -and", 13, "a field name");
    refused("a -eq 1,2", 7, "-in");
    refused("1,2 -eq a", 1, "-contains");
    refused("'*x' -like a", 6, "left");
    refused("-not a -eq 1", 6, "-not binds to the field alone");
    refused("!Name -like 'x*'", 2, "-not binds");
    refused("a -like '[x'", 9, "backtick");
    refused("a -like $null", 9, "-eq or -ne");
    refused("a - 1", 3, "a dash stands alone");
    refused("[int]a -eq 1", 1, "casts");
    refused("EventData. -eq 1", 1, "EventData.");
    refused("\xc3\xa4\xc3\xb6 -match 1", 4, "no regex"); // columns count characters, not bytes
    refused("a\x01 -eq 'x", 8, "closing");
}

Test(filter_parse, text_limit) {
    char text[FILTER_MAX_BYTES + 8];
    for (size_t n = FILTER_MAX_BYTES - 1; n <= FILTER_MAX_BYTES + 1; n++) {
        memset(text, ' ', sizeof text);
        memcpy(text, "a -eq 1", 7);
        Filter *filter = NULL;
        Err err = ERR_INIT;
        int r = filter_parse(text, n, &filter, NULL, &err);
        cr_assert_eq(r, n <= FILTER_MAX_BYTES ? 0 : -(int)STATUS_FILTER, "%zu", n);
        if (n > FILTER_MAX_BYTES)
            cr_assert_not_null(strstr(err.text, "4096"));
        filter_free(filter);
    }
}

static int parse_status(const char *text) {
    Filter *filter = NULL;
    int r = filter_parse(text, strlen(text), &filter, NULL, NULL);
    filter_free(filter);
    return r;
}

Test(filter_parse, predicate_limit) {
    for (uint32_t n = FILTER_MAX_PREDICATES - 1; n <= FILTER_MAX_PREDICATES + 1; n++) {
        Buf text = BUF_INIT;
        for (uint32_t i = 0; i < n; i++)
            buf_printf(&text, "%sa -eq %u", i ? " -and " : "", i);
        cr_assert_eq(parse_status(buf_str(&text)),
                     n <= FILTER_MAX_PREDICATES ? 0 : -(int)STATUS_FILTER);
        buf_clear(&text);
        for (uint32_t i = 0; i < n; i++) // truth tests and turned comparisons count as well
            buf_printf(&text, i % 2 ? "%s1 -eq b" : "%sa", i ? " -or " : "");
        cr_assert_eq(parse_status(buf_str(&text)),
                     n <= FILTER_MAX_PREDICATES ? 0 : -(int)STATUS_FILTER);
        buf_deinit(&text);
    }
}

Test(filter_parse, depth_limit) {
    for (uint32_t n = FILTER_MAX_DEPTH - 1; n <= FILTER_MAX_DEPTH + 1; n++) {
        for (int kind = 0; kind < 3; kind++) {
            Buf text = BUF_INIT;
            uint32_t depth = 0;
            while (depth < n) {
                bool parenthesis = kind == 0 || (kind == 2 && depth % 2);
                buf_text(&text, parenthesis ? "(" : "-not ");
                depth++;
            }
            buf_text(&text, "a");
            for (uint32_t i = 0; i < n; i++)
                buf_text(&text, kind == 0 || (kind == 2 && i % 2) ? ")" : "");
            cr_assert_eq(parse_status(buf_str(&text)),
                         n <= FILTER_MAX_DEPTH ? 0 : -(int)STATUS_FILTER, "%u of kind %d: %s", n,
                         kind, buf_str(&text));
            buf_deinit(&text);
        }
    }
    // Depth is nesting, not length: as many as fit side by side are fine.
    Buf text = BUF_INIT;
    for (int i = 0; i < 60; i++)
        buf_printf(&text, "%s((!(a)))", i ? " -or " : "");
    cr_assert_eq(parse_status(buf_str(&text)), 0);
    buf_deinit(&text);
}

Test(filter_parse, list_limit) {
    for (uint32_t n = FILTER_MAX_IN - 1; n <= FILTER_MAX_IN + 1; n++) {
        Buf text = BUF_INIT;
        buf_text(&text, "Id -in ");
        for (uint32_t i = 0; i < n; i++)
            buf_printf(&text, "%s%u", i ? "," : "", i);
        cr_assert_eq(parse_status(buf_str(&text)), n <= FILTER_MAX_IN ? 0 : -(int)STATUS_FILTER);
        buf_deinit(&text);
    }
}

Test(filter_parse, pattern_limit) {
    for (uint32_t n = FILTER_MAX_PATTERN - 1; n <= FILTER_MAX_PATTERN + 1; n++) {
        Buf text = BUF_INIT;
        buf_text(&text, "a -like '");
        for (uint32_t i = 0; i < n; i++)
            buf_char(&text, i % 5 ? 'x' : '*');
        buf_text(&text, "'");
        cr_assert_eq(parse_status(buf_str(&text)),
                     n <= FILTER_MAX_PATTERN ? 0 : -(int)STATUS_FILTER);
        buf_deinit(&text);
    }
}

typedef struct Seen {
    char text[512];
} Seen;

static void see(void *user, HeaderField header, EnrichedField enriched, const char *name) {
    Seen *seen = user;
    size_t n = strlen(seen->text);
    snprintf(seen->text + n, sizeof seen->text - n, "%d/%d/%s ", (int)(header != HEADER_NONE),
             (int)(enriched != ENRICHED_NONE), name);
}

Test(filter_parse, names_its_fields_once) {
    const char *text =
        "Id -eq 1 -and EventId -eq 2 -or ProcessName -eq 'x' -or a -eq 1 -or A -eq 2 -or "
        "EventData.ProcessName -eq 'y'";
    Filter *filter;
    cr_assert_eq(filter_parse(text, strlen(text), &filter, NULL, NULL), 0);
    Seen seen = {""};
    filter_fields(filter, see, &seen);
    cr_assert_str_eq(seen.text, "1/0/Id 0/1/ProcessName 0/0/a 0/0/ProcessName ");
    cr_assert_eq(filter_enriched(filter), ENRICHED_BIT(ENRICHED_PROCESS_NAME));
    cr_assert_gt(filter_bytes(filter), 100);
    filter_free(filter);
}

// Whatever stands in the text: an answer, no crash, no leak.
Test(filter_parse, survives_any_text, .timeout = 60) {
    static const char *const pieces[] = {"a",
                                         " -eq ",
                                         "'x'",
                                         "\"",
                                         "'",
                                         "(",
                                         ")",
                                         "{",
                                         "}",
                                         ",",
                                         "$",
                                         "$true",
                                         "-not ",
                                         "!",
                                         "-and ",
                                         " or ",
                                         "0x",
                                         "1",
                                         "KB",
                                         "-in ",
                                         "@(",
                                         "-like ",
                                         "[a-",
                                         "]",
                                         "*",
                                         "`",
                                         "\xff",
                                         "\xc3",
                                         ".",
                                         "EventData.",
                                         "$_.",
                                         "-",
                                         " ",
                                         "\xe2\x80\x98",
                                         "{367abb81-9844-35f1-ad32-98f038001003}",
                                         "\0"};
    size_t base = mem_in_use();
    uint32_t seed = 7, accepted = 0;
    for (int round = 0; round < 40000; round++) {
        char text[256];
        size_t n = 0;
        for (uint32_t k = (seed = seed * 1664525u + 1013904223u) >> 28; k > 0; k--) {
            const char *piece =
                pieces[((seed = seed * 1664525u + 1013904223u) >> 8) % ARRAY_COUNT(pieces)];
            size_t bytes = MAX_OF(strlen(piece), 1u);
            if (n + bytes > sizeof text)
                break;
            memcpy(text + n, piece, bytes);
            n += bytes;
        }
        Filter *filter = NULL;
        Err err = ERR_INIT;
        int r = filter_parse(text, n, &filter, NULL, &err);
        cr_assert(r == 0 || r == -(int)STATUS_FILTER);
        accepted += r == 0 && filter;
        filter_free(filter);
    }
    cr_assert_eq(mem_in_use(), base);
    cr_assert_gt(accepted, 100);
}

Test(filter_parse, each_allocation_may_fail) {
    const char *text =
        "Id -in 1,2,3,4,5 -and (QueryName -like '*x?[a-z]*' -or -not (UserSid -eq S-1-5-18))";
    size_t base = mem_in_use();
    int failures = 0;
    for (size_t nth = 1;; nth++) {
        Filter *filter = NULL;
        mem_fail_at(nth);
        int r = filter_parse(text, strlen(text), &filter, NULL, NULL);
        mem_fail_at(0);
        if (r == 0) {
            filter_free(filter);
            break;
        }
        cr_assert_eq(r, -(int)STATUS_NO_MEMORY);
        cr_assert_eq(mem_in_use(), base, "allocation %zu", nth);
        failures++;
    }
    cr_assert_gt(failures, 3);
    cr_assert_eq(mem_in_use(), base);
}

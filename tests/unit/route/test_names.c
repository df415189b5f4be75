#include "route/names.h"

#include <cjson/cJSON.h>
#include <criterion/criterion.h>

#include "make.h"
#include "route/kernel.h"

static void nearest(const char *name, const char *expected) {
    Buf out = BUF_INIT;
    names_nearest(&test_names, name, &out);
    cr_assert_str_eq(buf_str(&out), expected, "%s -> %s", name, buf_str(&out));
    buf_deinit(&out);
}

Test(names, nearest_providers) {
    nearest("DNS-Cleint", "Microsoft-Windows-DNS-Client");
    nearest("microsoft-windows-dns-client2", "Microsoft-Windows-DNS-Client");
    nearest("Kernel-Fil", "Microsoft-Windows-Kernel-File");
    nearest("PowershelCore", "PowerShellCore");
    nearest("Contoso-Widgets-Production", "");
}

static void keyword(const Guid *provider, const char *word, uint64_t expected) {
    uint64_t mask = 0;
    cr_assert(names_keyword(&test_names, provider, word, &mask), "%s", word);
    cr_assert_eq(mask, expected, "%s: 0x%llx", word, (unsigned long long)mask);
}

Test(names, keywords_without_the_prefix_that_all_share) {
    keyword(&guid_kernel_process, "WINEVENT_KEYWORD_PROCESS", 0x10);
    keyword(&guid_kernel_process, "process", 0x10);
    keyword(&guid_kernel_process, "Image", 0x40);
    keyword(&guid_kernel_process, "*", UINT64_MAX);
    keyword(&guid_kernel_process, "0x50", 0x50);
    keyword(&guid_kernel_process, "80", 80);
    keyword(&guid_kernel_process, "Microsoft-Windows-Kernel-Process/Analytic", UINT64_C(1) << 63);
    keyword(&guid_kernel_file, "CREATE", 0x80);
    keyword(&guid_kernel_file, "create*", 0x1080);
    keyword(&guid_kernel_file, "CREATE_NEW_FILE", 0x1000);
    keyword(&guid_dns, "SendPath", 1);
    keyword(&guid_dns, "ut:SendPath", 1);
    keyword(&guid_powershell_core, "Runspace", 1);
    uint64_t mask = 77;
    cr_assert_not(names_keyword(&test_names, &guid_kernel_process, "Reed", &mask));
    cr_assert_not(names_keyword(&test_names, &guid_kernel_process, "x*", &mask));
    cr_assert_not(names_keyword(&test_names, &guid_amsi, "any", &mask));
    cr_assert_eq(mask, 77);
    Buf out = BUF_INIT;
    names_nearest_keyword(&test_names, &guid_kernel_process, "WINEVENT_KEYWORD_PROCES", &out);
    cr_assert_eq(strncmp(buf_str(&out), "WINEVENT_KEYWORD_PROCESS, ", 26), 0, "best first: %s",
                 buf_str(&out));
    buf_clear(&out);
    names_nearest_keyword(&test_names, &guid_kernel_process, "Imege", &out);
    cr_assert_str_eq(buf_str(&out), "WINEVENT_KEYWORD_IMAGE");
    buf_deinit(&out);
}

Test(names, masks) {
    uint64_t v;
    cr_assert(names_parse_mask("0xFFFFFFFFFFFFFFFF", &v) && v == UINT64_MAX);
    cr_assert(names_parse_mask("18446744073709551615", &v) && v == UINT64_MAX);
    cr_assert(names_parse_mask("0", &v) && v == 0);
    static const char *const bad[] = {
        "", "0x", "-1", "18446744073709551616", "0x10000000000000000", "1 ", "x"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        cr_assert_not(names_parse_mask(bad[i], &v), "%s", bad[i]);
}

static void built_in(const char *provider, const char *word, uint64_t expected) {
    SchemaStore *store;
    cr_assert_eq(schema_store_new(&store), 0);
    RouteNames names = names_of_store(store);
    Guid guid;
    uint64_t mask = 0;
    cr_assert(guid_parse(provider, &guid));
    cr_assert(names_keyword(&names, &guid, word, &mask), "%s", word);
    cr_assert_eq(mask, expected, "%s: 0x%llx", word, (unsigned long long)mask);
    schema_store_free(store);
}

Test(names, keywords_of_the_workloads_need_no_manifest) {
    built_in("b675ec37-bdb6-4648-bc92-f3fdc74d3ca2", "ENABLEMENT", 0x400);
    built_in("099614a5-5dd7-4788-8bc9-e29f43db28fc", "search", 0x1);
    built_in("70eb4f03-c1de-4f73-a051-33d13d5413bd", "SetValueKey", 0x100);
    built_in("edd08927-9cc4-4e65-b970-c2560fb5c289", "RENAME_SETLINK_PATH", 0x800);
}

Test(names, fields_of_known_events) {
    SchemaStore *store = NULL;
    Buf near = BUF_INIT;
    Guid unknown = GUID_INIT(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    cr_assert_eq(schema_store_new(&store), 0);
    RouteNames names = names_of_store(store);
    const Guid *file_io = kernel_class(4);
    cr_assert_eq(names_field(&names, file_io, "openpath", &near), NAMES_FIELD_KNOWN);
    cr_assert_eq(names_field(&names, file_io, "OpenPath.Length", &near), NAMES_FIELD_KNOWN);
    cr_assert_eq(near.bytes, 0);
    cr_assert_eq(names_field(&names, file_io, "OpnPath", &near), NAMES_FIELD_UNKNOWN);
    cr_assert_not_null(strstr(buf_str(&near), "OpenPath"), "%s", buf_str(&near));
    cr_assert_eq(names_field(&names, &unknown, "OpnPath", &near), NAMES_FIELD_NO_EVENTS);
    buf_deinit(&near);
    schema_store_free(store);
}

// The warnings that a want from JSON gives, with ' for ", where the kernel's own events are known.
static void warnings_of(const char *json, Buf *out) {
    SchemaStore *store = NULL;
    char text[256];
    size_t n = strlen(json);
    cr_assert_lt(n, sizeof text);
    for (size_t i = 0; i <= n; i++)
        text[i] = (char)(json[i] == '\'' ? '"' : json[i]);
    cr_assert_eq(schema_store_new(&store), 0);
    RouteNames names = names_of_store(store);
    cJSON *tree = cJSON_Parse(text);
    Want *want = NULL;
    Err err = ERR_INIT;
    buf_clear(out);
    cr_assert_eq(want_from_json(tree, &names, &want, out, &err), 0, "%s", err.text);
    want_free(want);
    cJSON_Delete(tree);
    schema_store_free(store);
}

Test(names, a_field_that_no_event_of_a_kernel_type_has_is_told) {
    Buf out = BUF_INIT;
    warnings_of("{'kernel':'Process','filter':'ProcesName -eq 1'}", &out);
    cr_assert(
        strstr(buf_str(&out), "no known event of these kernel types has a field 'ProcesName'"));
    cr_assert(strstr(buf_str(&out), "near it: ProcessName"), "%s", buf_str(&out));
    warnings_of("{'kernel':'*','filter':'ProcesName -eq 1'}", &out);
    cr_assert(strstr(buf_str(&out), "near it: ProcessName"), "%s", buf_str(&out));
    // Of the payload, of the header, of enrichment; and where nothing is known of the events.
    warnings_of("{'kernel':['Process','File'],'filter':'IrpPtr -eq 1 -or ImageFileName -eq 1'}",
                &out);
    cr_assert_eq(out.bytes, 0, "%s", buf_str(&out));
    warnings_of("{'kernel':'Process','filter':'ProcessName -eq 1 -and Level -eq 0'}", &out);
    cr_assert_eq(out.bytes, 0, "%s", buf_str(&out));
    // A field of another type's events.
    warnings_of("{'kernel':'Process','filter':'IoSize -eq 1'}", &out);
    cr_assert(strstr(buf_str(&out), "'IoSize'"), "%s", buf_str(&out));
    warnings_of("{'provider':'{11111111-2222-3333-4444-555555555555}','filter':'Foo -eq 1'}", &out);
    cr_assert_eq(out.bytes, 0, "%s", buf_str(&out));
    buf_deinit(&out);
}

Test(names, an_event_that_no_kernel_type_has_is_told) {
    Buf out = BUF_INIT;
    warnings_of("{'kernel':'Process','event_names':'Proces/Start'}", &out);
    cr_assert(strstr(buf_str(&out), "is called 'Proces/Start'; near it: Process/Start"), "%s",
              buf_str(&out));
    warnings_of("{'kernel':'Process','event_names':['process/start','Process/DC*']}", &out);
    cr_assert_eq(out.bytes, 0, "%s", buf_str(&out));
    warnings_of("{'kernel':'Process','event_names':'FileIO/*'}", &out);
    cr_assert(strstr(buf_str(&out), "is called 'FileIO/*'"), "%s", buf_str(&out));
    warnings_of("{'kernel':'*','event_names':'SysConfig/*'}", &out); // of no type
    cr_assert_null(strstr(buf_str(&out), "is called"), "%s", buf_str(&out));
    warnings_of("{'event_names':'DocumentSaved'}", &out); // of any provider
    cr_assert_eq(out.bytes, 0, "%s", buf_str(&out));
    buf_deinit(&out);
}

Test(names, levels_between_the_five_and_a_providers_own_are_told) {
    Buf out = BUF_INIT;
    const struct {
        const char *want;
        bool told;
    } cases[] = {{"{'level':'5'}", false},
                 {"{'level':'6'}", true},
                 {"{'level':'15'}", true},
                 {"{'level':'16'}", false},
                 {"{'level':'All'}", false}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        warnings_of(cases[i].want, &out);
        cr_assert_eq(strstr(buf_str(&out), "none of the five") != NULL, cases[i].told, "%s: %s",
                     cases[i].want, buf_str(&out));
    }
    buf_deinit(&out);
}

Test(names, a_kernel_type_that_is_none_brings_the_nearest) {
    Err err = ERR_INIT;
    cr_assert_eq(names_no_kernel_type("Fille", &err), -STATUS_NOT_FOUND);
    cr_assert(strstr(err.text, "'Fille' is no kernel type; did you mean File? There are Process"));
    cr_assert_eq(names_no_kernel_type("xyzzy", &err), -STATUS_NOT_FOUND);
    cr_assert(strstr(err.text, "'xyzzy' is no kernel type; there are Process"), "%s", err.text);
}

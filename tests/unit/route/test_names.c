#include "route/names.h"

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

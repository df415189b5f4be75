// The built-in tables of names, and the field hints.
#include "blob.h"

#include "schema/event_names.h"
#include "schema/hints.h"
#include "schema/provider_names.h"
#include "util/mem.h"
#include "util/utf.h"

Test(names, the_table_is_sorted_and_found) {
    cr_assert(provider_names_n >= 150, "%u", provider_names_n);
    for (uint32_t i = 0; i < provider_names_n; i++) {
        const ProviderName *p = &provider_names[i];
        cr_assert(provider_name_find(&p->guid) == p, "%s", p->name);
        for (uint32_t k = 0; k < i; k++)
            cr_assert(!fold_equal(provider_names[k].name, p->name), "%s stands twice", p->name);
    }
    cr_assert(provider_name_find(&GUID_NULL) == NULL && provider_name_find(&test_provider) == NULL);
}

Test(names, an_event_source_has_the_guid_of_its_name) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < provider_names_n; i++) {
        const ProviderName *p = &provider_names[i];
        if (!p->guid_from_name)
            continue;
        Guid g = guid_from_name(p->name);
        cr_assert(guid_equal(&g, &p->guid), "%s", p->name);
        cr_assert(p->event_source);
        n++;
    }
    cr_assert(n >= 10);
}

static const char *name_of(const char *guid) {
    Guid g;
    cr_assert(guid_parse(guid, &g));
    const ProviderName *p = provider_name_find(&g);
    return p ? p->name : "";
}

Test(names, providers_of_the_workloads) {
    static const char *const known[][2] = {
        {"1c95126e-7eea-49a9-a3fe-a378b03ddb4d", "Microsoft-Windows-DNS-Client"},
        {"eb79061a-a566-4698-9119-3ed2807060e7", "Microsoft-Windows-DNSServer"},
        {"edd08927-9cc4-4e65-b970-c2560fb5c289", "Microsoft-Windows-Kernel-File"},
        {"22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716", "Microsoft-Windows-Kernel-Process"},
        {"7dd42a49-5329-4832-8dfd-43d979153a88", "Microsoft-Windows-Kernel-Network"},
        {"70eb4f03-c1de-4f73-a051-33d13d5413bd", "Microsoft-Windows-Kernel-Registry"},
        {"1418ef04-b0b4-4623-bf7e-d74ab47bbdaa", "Microsoft-Windows-WMI-Activity"},
        {"b675ec37-bdb6-4648-bc92-f3fdc74d3ca2", "Microsoft-Windows-Kernel-EventTracing"},
        {"a669021c-c450-4609-a035-5af59af4df18", "Microsoft-Windows-DotNETRuntimeRundown"},
        {"245f975d-909d-49ed-b8f9-9a75691d6b6b", "Microsoft-Windows-URLMon"},
        {"5770385f-c22a-43e0-bf4c-06f5698ffbd9", "Microsoft-Windows-Sysmon"},
        {"8c416c79-d49b-4f01-a467-e56d3aa8234c", "Microsoft-Windows-Win32k"},
        {"a0c1853b-5c40-4b15-8766-3cf1c58f985a", "Microsoft-Windows-PowerShell"},
        {"747ef6fd-e535-4d16-b510-42c90f6873a1", "Microsoft-Windows-PrintService"},
        {"2a576b87-09a7-520e-c21a-4942f0271d67", "Microsoft-Antimalware-Scan-Interface"},
        {"f90714a8-5509-434a-bf6d-b1624c8a19a2", "PowerShellCore"},
        {"49592c0f-5a05-516d-aa4b-a64e02026c89", "System.Runtime"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        cr_assert(strcmp(name_of(known[i][0]), known[i][1]) == 0, "%s", known[i][1]);
}

Test(names, events_of_the_clr) {
    Guid clr;
    cr_assert(guid_parse("e13c0d23-ccbc-4e12-931b-d9cc2eee27e4", &clr));
    cr_assert(strcmp(event_name_find(&clr, 143), "Method/LoadVerbose") == 0);
    cr_assert(event_name_find(&clr, 9999) == NULL && event_name_find(&test_provider, 143) == NULL);
}

// ---- Hints
// ---------------------------------------------------------------------------------------

static TestBlob blob;
static Schema *schema;
static size_t before;

static void set_up(void) {
    before = mem_in_use();
    schema = NULL;
}

static void tear_down(void) {
    schema = schema_unref(schema);
    cr_assert(mem_in_use() == before);
}

typedef struct Case {
    const char *guid;
    uint16_t id;
    const char *field;
    uint16_t in, out;
    uint16_t want_in, want_out;
    const char *want_map;
    uint32_t value;
    const char *text;
} Case;

static const SchemaField *compiled(const Case *c) {
    Guid g;
    cr_assert(guid_parse(c->guid, &g));
    blob_start(&blob, &g, 1, 1);
    blob_set16(&blob, 0x20, c->id);
    blob_property(&blob, 0, c->field, 0, c->in, c->out, 1, 0);
    schema = schema_unref(schema);
    cr_assert(event_info_compile(blob.data, blob.bytes, NULL, NULL, &schema) == 0);
    return &schema->fields[0];
}

#define DNS   "1c95126e-7eea-49a9-a3fe-a378b03ddb4d"
#define WMI   "1418ef04-b0b4-4623-bf7e-d74ab47bbdaa"
#define REG   "70eb4f03-c1de-4f73-a051-33d13d5413bd"
#define AMSI  "2a576b87-09a7-520e-c21a-4942f0271d67"
#define KPROC "22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716"

Test(hints, applied, .init = set_up, .fini = tear_down) {
    static const Case cases[] = {
        {DNS, 3008, "QueryType", IN_U32, 0, IN_U32, 0, "DnsRecordType", 28, "AAAA"},
        {DNS, 3008, "QueryStatus", IN_U32, 0, IN_U32, OUT_WIN32_ERROR, NULL, 0, NULL},
        {DNS, 3020, "Status", IN_U32, OUT_UINT, IN_U32, OUT_WIN32_ERROR, NULL, 0, NULL},
        {DNS, 1001, "Address", IN_BINARY, OUT_HEXBINARY, IN_BINARY, OUT_SOCKADDR, NULL, 0, NULL},
        {WMI, 11, "ClientProcessCreationTime", IN_U64, OUT_ULONG, IN_FILETIME, OUT_DATETIME, NULL,
         0, NULL},
        {WMI, 23, "CreatedProcessCreationTime", IN_U64, 0, IN_FILETIME, OUT_DATETIME, NULL, 0,
         NULL},
        {REG, 5, "Type", IN_U32, 0, IN_U32, 0, "RegistryValueType", 4, "REG_DWORD"},
        {REG, 1, "Status", IN_U32, 0, IN_U32, OUT_NTSTATUS, NULL, 0, NULL},
        {AMSI, 1101, "content", IN_BINARY, OUT_HEXBINARY, IN_BINARY, OUT_STRING, NULL, 0, NULL},
        {AMSI, 1101, "scanResult", IN_U32, 0, IN_U32, 0, "AmsiResult", 32768,
         "AMSI_RESULT_DETECTED"},
        {KPROC, 5, "SignatureLevel", IN_U8, 0, IN_U8, 0, "ImageSigningLevel", 12, "Windows"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const Case *c = &cases[i];
        const SchemaField *f = compiled(c);
        cr_assert(f->flags & FIELD_HINTED, "%s", c->field);
        cr_assert(f->in_type == c->want_in && f->out_type == c->want_out, "%s: %u %u", c->field,
                  f->in_type, f->out_type);
        cr_assert((f->map != NULL) == (c->want_map != NULL), "%s", c->field);
        if (!f->map)
            continue;
        cr_assert(strcmp(f->map->name, c->want_map) == 0);
        bool found = false;
        for (uint32_t e = 0; e < f->map->n_entries; e++)
            found |= f->map->entries[e].value == c->value &&
                     strcmp(f->map->entries[e].text, c->text) == 0;
        cr_assert(found, "%s %u", c->field, c->value);
    }
}

Test(hints, not_applied, .init = set_up, .fini = tear_down) {
    static const Case cases[] = {
        {DNS, 3008, "QueryName", IN_U32, 0, 0, 0, NULL, 0, NULL},
        {DNS, 3008, "QueryType", IN_U64, 0, 0, 0, NULL, 0, NULL}, // another type than expected
        {DNS, 3008, "Status", IN_U32, OUT_HRESULT, 0, 0, NULL, 0,
         NULL}, // the manifest knows better
        {WMI, 11, "ClientProcessCreationTime", IN_FILETIME, 0, 0, 0, NULL, 0, NULL},
        {REG, 4, "Type", IN_U32, 0, 0, 0, NULL, 0, NULL}, // another event
        {"11111111-2222-3333-4444-555555555555", 5, "QueryType", IN_U32, 0, 0, 0, NULL, 0, NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const SchemaField *f = compiled(&cases[i]);
        cr_assert(!(f->flags & FIELD_HINTED) && f->map == NULL, "case %zu", i);
        cr_assert(f->in_type == cases[i].in && f->out_type == cases[i].out);
    }
}

Test(hints, pointers_count_as_kernel_addresses, .init = set_up, .fini = tear_down) {
    static const struct {
        const char *guid;
        uint16_t in;
        bool marked;
    } cases[] = {
        {"edd08927-9cc4-4e65-b970-c2560fb5c289", IN_POINTER, true},
        {"11111111-2222-3333-4444-555555555555", IN_POINTER, true},  // nobody knows whose
        {"e13c0d23-ccbc-4e12-931b-d9cc2eee27e4", IN_POINTER, false}, // the CLR's own
        {AMSI, IN_POINTER, false},
        {"edd08927-9cc4-4e65-b970-c2560fb5c289", IN_U64, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        Case c = {.guid = cases[i].guid, .id = 1, .field = "p", .in = cases[i].in};
        cr_assert(((compiled(&c)->flags & FIELD_KERNEL_ADDRESS) != 0) == cases[i].marked,
                  "case %zu", i);
    }
}

Test(hints, clr_stack_walk, .init = set_up, .fini = tear_down) {
    Guid clr;
    cr_assert(guid_parse("e13c0d23-ccbc-4e12-931b-d9cc2eee27e4", &clr));
    blob_start(&blob, &clr, 2, 2);
    blob_set16(&blob, 0x20, 82);
    blob_property(&blob, 0, "FrameCount", 0, IN_U32, 0, 1, 4);
    blob_property(&blob, 1, "Stack", 0x20, IN_POINTER, 0, 2, 8);
    cr_assert(event_info_compile(blob.data, blob.bytes, NULL, NULL, &schema) == 0);
    cr_assert(schema->fields[1].count_kind == EXTENT_FIELD && schema->fields[1].count == 0);
    cr_assert(strcmp(schema->event_name, "ClrStack/Walk") == 0);
}

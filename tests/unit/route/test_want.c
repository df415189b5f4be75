#include <criterion/criterion.h>
#include <stdio.h>

#include "make.h"
#include "util/mem.h"
#include "wire/json.h"

static void refused(const char *json, Status status, const char *part) {
    Err err = ERR_INIT;
    size_t before = mem_in_use();
    cr_assert_null(want_of(json, NULL, &err), "%s is accepted", json);
    cr_assert_eq(err.status, (int)status, "%s: %s", json, err.text);
    cr_assert_not_null(strstr(err.text, part), "%s: '%s' lacks '%s'", json, err.text, part);
    cr_assert_eq(mem_in_use(), before, "%s leaks", json);
}

static void warned(const char *json, const char *part) {
    Buf warnings = BUF_INIT;
    Want *want = want_of(json, &warnings, NULL);
    if (part)
        cr_assert_not_null(strstr(buf_str(&warnings), part), "%s: '%s'", json, buf_str(&warnings));
    else
        cr_assert_str_eq(buf_str(&warnings), "", "%s", json);
    buf_deinit(&warnings);
    want_free(want);
}

Test(want, providers_by_name_guid_and_glob) {
    Want *w = want_of("{'provider':'DNS-Client'}", NULL, NULL);
    cr_assert_eq(w->n_providers, 1);
    cr_assert(guid_equal(&w->providers[0].guid, &guid_dns));
    cr_assert_str_eq(w->providers[0].name, "Microsoft-Windows-DNS-Client");
    cr_assert_eq(w->level, 5, "the default is verbose");
    want_free(w);
    w = want_of(
        "{'providers':['{1C95126E-7EEA-49A9-A3FE-A378B03DDB4D}','microsoft-windows-dns-client']}",
        NULL, NULL);
    cr_assert_eq(w->n_providers, 1);
    want_free(w);
    w = want_of("{'providers':['Kernel-*','PowerShellCore']}", NULL, NULL);
    cr_assert_eq(w->n_providers, 3);
    for (uint32_t i = 1; i < 3; i++)
        cr_assert_lt(memcmp(w->providers[i - 1].guid.b, w->providers[i].guid.b, 16), 0);
    want_free(w);
    Buf warnings = BUF_INIT;
    w = want_of("{'provider':'DNS-Cleint'}", &warnings, NULL);
    Guid hash = guid_from_name("DNS-Cleint");
    cr_assert(w->providers[0].hashed && guid_equal(&w->providers[0].guid, &hash));
    cr_assert_not_null(strstr(buf_str(&warnings), "Microsoft-Windows-DNS-Client"), "%s",
                       buf_str(&warnings));
    want_free(w);
    buf_deinit(&warnings);
    refused("{'provider':'Nothing-*'}", STATUS_NOT_FOUND, "Nothing-*");
    refused("{'provider':''}", STATUS_INVALID_ARGUMENT, "empty");
    refused("{'provider':true}", STATUS_INVALID_ARGUMENT, "'provider'");
    refused("{'provider':'a','providers':'b'}", STATUS_INVALID_ARGUMENT, "give one");
}

Test(want, kernel_words) {
    Want *w = want_of("{'kernel':['Process','image_load']}", NULL, NULL);
    cr_assert_eq(w->kernel, kernel_types_match("Process") | kernel_types_match("Image"));
    want_free(w);
    w = want_of("{'provider':'kernel','kernel':['Process']}", NULL, NULL);
    cr_assert_eq(w->kernel, kernel_types_match("Process"));
    cr_assert_eq(w->n_providers, 0);
    want_free(w);
    w = want_of("{'provider':'{9e814aad-3204-11d2-9a82-006008a86939}'}", NULL, NULL);
    cr_assert_eq(w->kernel, KERNEL_ALL);
    want_free(w);
    warned("{'provider':'kernel'}", "every kernel type");
    warned("{'kernel':'*'}", "most frequent");
    warned("{'kernel':'Process','any':16}", "neither keyword");
    warned("{'kernel':'Process','event_ids':[1]}", "no ids");
    warned("{'kernel':'Process'}", NULL);
    refused("{'kernel':'Proces'}", STATUS_NOT_FOUND, "Process Thread Image");
}

Test(want, masks_are_exact_in_64_bits) {
    Want *w =
        want_of("{'provider':'Kernel-Process','any':'0x8000000000000010','all':'16'}", NULL, NULL);
    cr_assert_eq(w->providers[0].any, UINT64_C(0x8000000000000010));
    cr_assert_eq(w->providers[0].all, 16);
    want_free(w);
    w = want_of("{'provider':'Kernel-Process','any':['Process','IMAGE',1]}", NULL, NULL);
    cr_assert_eq(w->providers[0].any, 0x51);
    want_free(w);
    w = want_of("{'any':9007199254740991}", NULL, NULL);
    cr_assert_eq(w->any, UINT64_C(9007199254740991));
    want_free(w);
    refused("{'any':9007199254740992}", STATUS_INVALID_ARGUMENT, "2^53");
    refused("{'any':-1}", STATUS_INVALID_ARGUMENT, "any");
    refused("{'any':1.5}", STATUS_INVALID_ARGUMENT, "any");
    refused("{'any':'Process'}", STATUS_INVALID_ARGUMENT, "needs a provider");
    refused("{'provider':'Kernel-Process','any':'Proces'}", STATUS_NOT_FOUND,
            "WINEVENT_KEYWORD_PROCESS");
    refused("{'providers':['Kernel-Process','AMSI-unknown'],'any':'Process'}", STATUS_NOT_FOUND,
            "AMSI-unknown");
    // Workload 12 of Velociraptor: 'all' alone does nothing.
    warned("{'provider':'Kernel-Process','all':'0x400'}", "'all' is not used");
    warned("{'provider':'Kernel-Process','any':1,'all':'0x400'}", NULL);
}

Test(want, levels) {
    static const struct {
        const char *text;
        int level;
    } cases[] = {{"Critical", 1}, {"error", 2},       {"Warning", 3}, {"Informational", 4},
                 {"info", 4},     {"Information", 4}, {"VERBOSE", 5}, {"All", 255},
                 {"0", 255},      {"255", 255},       {"16", 16},     {"1", 1},
                 {"256", -1},     {"", -1},           {"loud", -1},   {"-1", -1}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t level = 0;
        bool ok = want_parse_level(cases[i].text, &level);
        cr_assert_eq(ok, cases[i].level >= 0, "%s", cases[i].text);
        if (ok)
            cr_assert_eq(level, cases[i].level, "%s", cases[i].text);
    }
    refused("{'level':'loud'}", STATUS_INVALID_ARGUMENT, "loud");
    refused("{'level':[1,2]}", STATUS_INVALID_ARGUMENT, "level");
}

Test(want, keys_and_values_are_checked) {
    refused("{'providr':'x'}", STATUS_INVALID_ARGUMENT, "providr");
    refused("{'Provider':'x'}", STATUS_INVALID_ARGUMENT, "Provider");
    refused("{'event_ids':[70000]}", STATUS_INVALID_ARGUMENT, "65535");
    refused("{'event_ids':['x']}", STATUS_INVALID_ARGUMENT, "event_ids");
    refused("{'opcodes':[256]}", STATUS_INVALID_ARGUMENT, "256");
    refused("{'opcodes':'Begin'}", STATUS_INVALID_ARGUMENT, "Begin");
    refused("{'pids':[4294967296]}", STATUS_INVALID_ARGUMENT, "pids");
    refused("{'filter':5}", STATUS_INVALID_ARGUMENT, "filter");
    refused("{'filter':'a -match 1'}", STATUS_FILTER, "filter: column 3");
    refused("{'ignore_keyword0':1}", STATUS_INVALID_ARGUMENT, "ignore_keyword0");
    refused("[]", STATUS_INVALID_ARGUMENT, "object");
    cJSON *json = cJSON_CreateObject(); // a tree that never passed the scan
    cJSON_AddItemToObject(json, "level", cJSON_CreateNumber(1));
    cJSON_AddItemToObject(json, "level", cJSON_CreateNumber(2));
    Err err = ERR_INIT;
    Want *want = NULL;
    cr_assert_eq(want_from_json(json, &test_names, &want, NULL, &err),
                 -(int)STATUS_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, "level"), "%s", err.text);
    cJSON_Delete(json);
}

static Want *want_with_list(const char *key, uint32_t n, const char *format, Err *err) {
    Buf text = BUF_INIT;
    buf_printf(&text, "{'%s':[", key);
    for (uint32_t i = 0; i < n; i++) {
        buf_text(&text, i ? "," : "");
        buf_text(&text, format); // the same value is enough to count
    }
    buf_text(&text, "]}");
    Want *want = want_of(buf_str(&text), NULL, err);
    buf_deinit(&text);
    return want;
}

Test(want, list_limits) {
    static const struct {
        const char *key, *value;
        uint32_t limit;
    } cases[] = {{"event_ids", "5", WANT_MAX_IDS},
                 {"event_names", "'a'", WANT_MAX_NAMES},
                 {"pids", "5", WANT_MAX_PIDS},
                 {"any", "5", WANT_MAX_KEYWORDS},
                 {"all", "5", WANT_MAX_KEYWORDS},
                 {"providers", "'DNS-Client'", WANT_MAX_PROVIDERS},
                 {"opcodes", "5", 256}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        for (uint32_t n = cases[i].limit - 1; n <= cases[i].limit + 1; n++) {
            Err err = ERR_INIT;
            Want *want = want_with_list(cases[i].key, n, cases[i].value, &err);
            cr_assert_eq(want != NULL, n <= cases[i].limit, "%s: %u: %s", cases[i].key, n,
                         err.text);
            want_free(want);
        }
    }
    for (uint32_t n = WANT_MAX_NAME_BYTES - 1; n <= WANT_MAX_NAME_BYTES + 1; n++) {
        Buf text = BUF_INIT;
        buf_text(&text, "{'event_names':'");
        for (uint32_t i = 0; i < n; i++)
            buf_char(&text, 'n');
        buf_text(&text, "'}");
        Err err = ERR_INIT;
        Want *want = want_of(buf_str(&text), NULL, &err);
        cr_assert_eq(want != NULL, n <= WANT_MAX_NAME_BYTES);
        want_free(want);
        buf_deinit(&text);
    }
}

static void all_providers(Buf *text, uint32_t n) {
    buf_text(text, "{'providers':[");
    for (uint32_t i = 0; i < n; i++)
        buf_printf(text, "%s'Contoso-%u'", i ? "," : "", i);
    buf_text(text, "]}");
}

Test(want, provider_limit_counts_distinct_ones) {
    for (uint32_t n = WANT_MAX_PROVIDERS - 1; n <= WANT_MAX_PROVIDERS + 1; n++) {
        Buf text = BUF_INIT;
        all_providers(&text, n);
        Err err = ERR_INIT;
        Want *want = want_of(buf_str(&text), NULL, &err);
        cr_assert_eq(want != NULL, n <= WANT_MAX_PROVIDERS, "%u: %s", n, err.text);
        if (want)
            cr_assert_eq(want->n_providers, n);
        want_free(want);
        buf_deinit(&text);
    }
}

Test(want, echo_is_read_again) {
    static const char *const texts[] = {
        "{'provider':'DNS-Client','event_ids':[3008,3006,3008],'filter':'Name like *.top'}",
        "{'kernel':['File','Process'],'event_names':['FileIO/*','x'],'opcodes':[1,'Stop']}",
        "{'provider':'Kernel-Process','any':['PROCESS','0x40'],'all':'0x10','level':3}",
        "{'pids':[4,8],'ignore_keyword0':true}",
        "{'provider':'Unknown-Thing'}",
        "{}",
        "{'kernel':'*'}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        Want *a = want_of(texts[i], NULL, NULL);
        Buf first = BUF_INIT, second = BUF_INIT;
        JsonWriter w = jsonw(&first);
        want_to_json(a, &w);
        Want *b = want_of(buf_str(&first), NULL, NULL);
        w = jsonw(&second);
        want_to_json(b, &w);
        cr_assert_str_eq(buf_str(&first), buf_str(&second));
        want_free(a);
        want_free(b);
        buf_deinit(&first);
        buf_deinit(&second);
    }
}

// --- static match ---

static bool type_matches(const char *json, Event *e, bool include_rundown) {
    Want *want = want_of(json, NULL, NULL);
    bool result = want_matches_type(want, &e->type, include_rundown);
    want_free(want);
    return result;
}

static Event *dns_event(uint64_t keyword, uint8_t level) {
    Event *e = event_new();
    e->provider = guid_dns;
    e->desc.keyword = keyword;
    e->desc.level = level;
    event_ready(e);
    return e;
}

Test(want_match, keyword_rule_is_etws) {
    static const struct {
        const char *json;
        uint64_t keyword;
        bool match;
    } cases[] = {
        {"{'provider':'DNS-Client'}", 0x10, true},
        {"{'provider':'DNS-Client','any':'0x10'}", 0x10, true},
        {"{'provider':'DNS-Client','any':'0x10'}", 0x20, false},
        {"{'provider':'DNS-Client','any':'0x30'}", 0x20, true},
        {"{'provider':'DNS-Client','any':'0x10'}", 0, true},
        {"{'provider':'DNS-Client','any':'0x10','ignore_keyword0':true}", 0, false},
        {"{'provider':'DNS-Client','ignore_keyword0':true}", 0, false},
        {"{'provider':'DNS-Client','any':'0x30','all':'0x30'}", 0x10, false},
        {"{'provider':'DNS-Client','any':'0x30','all':'0x30'}", 0x70, true},
        {"{'provider':'DNS-Client','any':'0x30','all':'0x30'}", 0, true},
        {"{'provider':'DNS-Client','all':'0x400'}", 0x10, true},
        {"{'provider':'DNS-Client','any':'0x8000000000000000'}", UINT64_C(0x8000000000000010),
         true},
        {"{'any':'0x10'}", 0x20, false},
        {"{'any':'0x10'}", 0x10, true},
        {"{'provider':'Kernel-Process'}", 0x10, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        Event *e = dns_event(cases[i].keyword, 4);
        cr_assert_eq(type_matches(cases[i].json, e, false), cases[i].match, "%s", cases[i].json);
        event_free(e);
    }
}

Test(want_match, level_rule) {
    for (int want = 1; want <= 6; want++) {
        for (uint8_t level = 0; level <= 6; level++) {
            char json[80];
            snprintf(json, sizeof json, "{'provider':'DNS-Client','level':%d}", want);
            Event *e = dns_event(0, level);
            cr_assert_eq(type_matches(json, e, false), level == 0 || level <= want, "%u of %d",
                         level, want);
            event_free(e);
        }
    }
    Event *e = dns_event(0, 255);
    cr_assert(type_matches("{'level':'All'}", e, false) && type_matches("{'level':0}", e, false));
    cr_assert_not(type_matches("{}", e, false), "the default is 5");
    event_free(e);
}

Test(want_match, ids_names_opcodes) {
    Event *e = dns_event(0x10, 4);
    cr_assert(type_matches("{'event_ids':[1,3008]}", e, false));
    cr_assert_not(type_matches("{'event_ids':[3007,3009]}", e, false));
    cr_assert(type_matches("{'event_names':['x','query/*']}", e, false));
    cr_assert_not(type_matches("{'event_names':'Query'}", e, false));
    cr_assert(type_matches("{'opcodes':['Start']}", e, false) &&
              type_matches("{'opcodes':[1]}", e, false));
    cr_assert_not(type_matches("{'opcodes':[2]}", e, false));
    cr_assert_not(type_matches("{'event_ids':[3008],'opcodes':[2]}", e, false), "keys are an and");
    event_free(e);
}

static Event *kernel_event(uint8_t group, uint8_t opcode, const char *name, uint32_t schema_flags) {
    Event *e = event_new();
    e->provider = *kernel_class(group);
    e->desc = (EventDescriptor){.opcode = opcode};
    e->record.flags = EVENT_CLASSIC;
    e->schema->provider_name = "Windows Kernel";
    e->schema->event_name = name;
    e->schema->flags = schema_flags;
    event_ready(e);
    return e;
}

Test(want_match, kernel_types) {
    Event *e = kernel_event(3, 1, "Process/Start", 0);
    cr_assert(type_matches("{'kernel':'Process'}", e, false));
    cr_assert_not(type_matches("{'kernel':['File','Thread']}", e, false));
    cr_assert(type_matches("{'kernel':'Process','event_names':'Process/Start'}", e, false));
    cr_assert_not(type_matches("{'kernel':'Process','event_names':'Process/Stop'}", e, false));
    cr_assert(
        type_matches("{'kernel':'Process','level':1,'any':16,'ignore_keyword0':true}", e, false),
        "kernel events have neither level nor keyword");
    cr_assert(
        type_matches("{'provider':'DNS-Client','event_ids':[3008],'kernel':'Process'}", e, false),
        "ids are for events that have one");
    cr_assert_not(type_matches("{'event_ids':[0]}", e, false), "a classic event has no id");
    cr_assert(type_matches("{}", e, false) && type_matches("{'kernel':'*'}", e, false));
    cr_assert(type_matches("{'provider':'3d6fa8d0-fe05-11d0-9dda-00c04fd7ba7c'}", e, false));
    event_free(e);
}

Test(want_match, rundown_stays_out_unless_it_is_named) {
    Event *e = kernel_event(3, 3, "Process/DCStart", SCHEMA_RUNDOWN);
    cr_assert_not(type_matches("{'kernel':'Process'}", e, false));
    cr_assert(type_matches("{'kernel':'Process'}", e, true));
    cr_assert_not(type_matches("{}", e, false));
    cr_assert_not(type_matches("{'kernel':'Process','event_names':'Process/*'}", e, false));
    cr_assert(type_matches("{'kernel':'Process','event_names':'Process/DC*'}", e, false));
    cr_assert(type_matches("{'kernel':'Process','event_names':'process/dcstart'}", e, false));
    cr_assert(type_matches("{'kernel':'Process','opcodes':[3]}", e, false));
    event_free(e);
    // Workloads 13 and 14: the CLR's rundown provider is asked for because of its rundown.
    e = dns_event(0x10, 4);
    e->schema->flags |= SCHEMA_RUNDOWN;
    cr_assert_not(type_matches("{'provider':'DNS-Client'}", e, false));
    cr_assert(type_matches("{'provider':'DNS-Client','event_ids':[3008]}", e, false));
    e->schema->provider_name = "Microsoft-Windows-DotNETRuntimeRundown";
    cr_assert(type_matches("{'provider':'DNS-Client'}", e, false));
    cr_assert_not(type_matches("{}", e, false), "everything is not a name");
    event_free(e);
}

// --- dynamic match ---

static bool event_matches(const char *json, Event *e, FilterCounters *counters) {
    Want *want = want_of(json, NULL, NULL);
    BoundWant bound;
    FilterCounters own = {0, 0, 0};
    FilterInput input = {.record = &e->record};
    cr_assert_eq(want_bind(want, &e->type, &bound), 0);
    bool result = want_matches_event(&bound, &input, counters ? counters : &own);
    want_unbind(&bound);
    want_free(want);
    return result;
}

Test(want_match, pids_and_filter) {
    Event *e = event_new();
    event_field(e, "Number", IN_U32, OUT_DEFAULT);
    event_put_u32(e, 5);
    event_ready(e);
    cr_assert(event_matches("{'pids':[1,4711]}", e, NULL));
    cr_assert_not(event_matches("{'pids':[1,4712]}", e, NULL));
    cr_assert(event_matches("{'filter':'Number -eq 5'}", e, NULL));
    cr_assert_not(event_matches("{'pids':[4712],'filter':'Number -eq 5'}", e, NULL));
    cr_assert_not(event_matches("{'pids':[4711],'filter':'Number -eq 6'}", e, NULL));
    event_free(e);
}

Test(want_match, pid_of_events_whose_header_has_none) {
    // Velociraptor 9: TCP events keep ProcessID 4294967295.
    Event *e = event_new();
    event_field(e, "PID", IN_U32, OUT_DEFAULT);
    event_put_u32(e, 640);
    e->record.flags = EVENT_CLASSIC | EVENT_NO_IDS;
    e->record.pid = UINT32_MAX;
    event_ready(e);
    cr_assert(event_matches("{'pids':[640]}", e, NULL));
    cr_assert_not(event_matches("{'pids':[641]}", e, NULL));
    e->record.payload_bytes = 3;
    cr_assert_not(event_matches("{'pids':[640]}", e, NULL));
    event_free(e);
}

Test(want_match, process_events_are_about_the_payloads_process) {
    // Process/Start: the header is the creator's (etl-format I.2).
    Event *e = event_new();
    event_field(e, "ProcessId", IN_U32, OUT_DEFAULT);
    event_put_u32(e, 640);
    e->provider = *kernel_class(3);
    e->record.flags = EVENT_CLASSIC;
    e->record.pid = 912;
    event_ready(e);
    cr_assert(event_matches("{'pids':[640]}", e, NULL));
    cr_assert_not(event_matches("{'pids':[912]}", e, NULL));
    cr_assert(event_matches("{'filter':'PID -eq 640'}", e, NULL));
    cr_assert_not(event_matches("{'filter':'PID -eq 912'}", e, NULL));
    cr_assert(event_matches("{'filter':'TID -eq $null'}", e, NULL),
              "the header's is the creator's");
    e->record.payload_bytes = 3; // cut: the header is all there is
    cr_assert(event_matches("{'pids':[912]}", e, NULL));
    cr_assert(event_matches("{'filter':'PID -eq 912 -and TID -ne $null'}", e, NULL));
    event_free(e);
}

Test(want_match, ids_of_events_that_tell_only_their_thread) {
    // DiskIO/ReadInit: the header is that of whoever ran.
    Event *e = event_new();
    event_field(e, "Irp", IN_U64, OUT_DEFAULT);
    event_field(e, "IssuingThreadId", IN_U32, OUT_DEFAULT);
    event_put_u64(e, 1);
    event_put_u32(e, 77);
    e->provider = *kernel_class(1);
    e->desc.opcode = 12;
    e->record.flags = EVENT_CLASSIC;
    e->record.pid = 912;
    e->record.tid = 78;
    event_ready(e);
    cr_assert(event_matches("{'filter':'TID -eq 77 -and PID -eq $null'}", e, NULL));
    cr_assert_not(event_matches("{'pids':[912]}", e, NULL));
    e->record.tid = 77;
    cr_assert(event_matches("{'pids':[912],'filter':'TID -eq 77 -and PID -eq 912'}", e, NULL));
    event_free(e);
}

Test(want_match, the_subject_that_is_given_counts) {
    Event *e = event_new();
    event_ready(e);
    Subject subject = {640, 77, UINT32_MAX, UINT32_MAX};
    FilterInput input = {.record = &e->record, .subject = &subject};
    static const struct {
        const char *json;
        bool match;
    } cases[] = {{"{'pids':[640]}", true},
                 {"{'pids':[4711]}", false},
                 {"{'filter':'ProcessId -eq 640 -and ThreadId -eq 77'}", true},
                 {"{'filter':'ProcessId -eq 4711'}", false}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        Want *want = want_of(cases[i].json, NULL, NULL);
        BoundWant bound;
        FilterCounters counters = {0, 0, 0};
        cr_assert_eq(want_bind(want, &e->type, &bound), 0);
        cr_assert_eq(want_matches_event(&bound, &input, &counters), cases[i].match, "%s",
                     cases[i].json);
        want_unbind(&bound);
        want_free(want);
    }
    event_free(e);
}

#include <criterion/criterion.h>
#include <stdio.h>

#include "make.h"
#include "util/mem.h"

// Fields of every kind, fixed ones first.
static Event *full_event(void) {
    static const char *const operations[] = {"None", "Read", "Write"};
    static const uint32_t operation_values[] = {0, 1, 2};
    static const char *const bits[] = {"Hidden", "System"};
    static const uint32_t bit_values[] = {2, 4};
    Event *e = event_new();
    event_field(e, "Number", IN_U32, OUT_DEFAULT);
    event_put_u32(e, 4096);
    event_field(e, "Signed", IN_I32, OUT_DEFAULT);
    event_put_u32(e, 0xC000013A);
    event_field(e, "Operation", IN_U32, OUT_DEFAULT)->map =
        event_map(e, false, operations, operation_values, 3);
    event_put_u32(e, 2);
    event_field(e, "Attributes", IN_U32, OUT_DEFAULT)->map =
        event_map(e, true, bits, bit_values, 2);
    event_put_u32(e, 4);
    event_field(e, "InterfaceUuid", IN_GUID, OUT_DEFAULT);
    event_put(e, guid_dns.b, 16);
    event_field(e, "Address", IN_U32, OUT_IPV4);
    event_put(e, "\x0a\x00\x00\x01", 4);
    event_field(e, "When", IN_FILETIME, OUT_DEFAULT);
    event_put_u64(e, UINT64_C(132404908206236167));
    event_field(e, "Flag", IN_BOOL32, OUT_DEFAULT);
    event_put_u32(e, 1);
    event_field(e, "Ratio", IN_DOUBLE, OUT_DEFAULT);
    event_put(e, &(double){0.5}, 8);
    event_field(e, "Port", IN_U16, OUT_PORT);
    event_put(e, "\x01\xbb", 2); // 443, big-endian
    event_field(e, "Pointer", IN_POINTER, OUT_DEFAULT);
    event_put_u64(e, UINT64_C(0xffff8001deadbeef));
    event_field(e, "Status", IN_U32, OUT_NTSTATUS);
    event_put_u32(e, 0xC0000022);
    event_field(e, "Big", IN_U64, OUT_DEFAULT);
    event_put_u64(e, UINT64_MAX);
    event_field(e, "QueryName", IN_UTF16, OUT_DEFAULT);
    event_put_utf16(e, "www.Example.\xc3\x84TOP");
    event_field(e, "Short", IN_ANSI, OUT_DEFAULT);
    event_put(e, "notepad.exe", 12);
    event_field(e, "Empty", IN_UTF16, OUT_DEFAULT);
    event_put_utf16(e, "");
    event_field(e, "Sid", IN_SID, OUT_DEFAULT);
    event_put(e, "\1\1\0\0\0\0\0\5\x12\0\0\0", 12);
    SchemaField *f = event_field(e, "content", IN_BINARY, OUT_DEFAULT);
    f->length_kind = EXTENT_FIXED;
    f->length = 16;
    event_put(e, "A\0m\0s\0i\0U\0t\0\0\0\0\0", 16);
    f = event_field(e, "Numbers", IN_U32, OUT_DEFAULT);
    f->count_kind = EXTENT_FIXED;
    f->count = 3;
    event_put_u32(e, 10);
    event_put_u32(e, 20);
    event_put_u32(e, 30);
    f = event_field(e, "Names", IN_UTF16, OUT_DEFAULT);
    f->count_kind = EXTENT_FIXED;
    f->count = 2;
    event_put_utf16(e, "alpha");
    event_put_utf16(e, "beta");
    f = event_field(e, "Address6", IN_BINARY, OUT_IPV6);
    f->length_kind = EXTENT_FIXED;
    f->length = 16;
    event_put(e, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    event_field(e, "ProcessId", IN_U32, OUT_DEFAULT); // the header's name
    event_put_u32(e, 99);
    event_field(e, "FileName", IN_UTF16, OUT_DEFAULT); // an enriched name
    event_put_utf16(e, "\\Device\\x.docx");
    event_field(e, "Dotted.Name", IN_U32, OUT_DEFAULT);
    event_put_u32(e, 5);
    event_field(e, "Missing", IN_UTF16, OUT_DEFAULT); // the payload ends in front of it
    e->record.time = INT64_C(132404908206236167);
    event_ready(e);
    return e;
}

static void all_true(Event *e, const char *const *filters, size_t n) {
    for (size_t i = 0; i < n; i++)
        cr_assert(event_passes(e, filters[i], NULL), "%s", filters[i]);
}

static void all_false(Event *e, const char *const *filters, size_t n) {
    for (size_t i = 0; i < n; i++)
        cr_assert_not(event_passes(e, filters[i], NULL), "%s", filters[i]);
}

#define ALL_TRUE(e, ...)                                                                           \
    all_true(e, (const char *const[]){__VA_ARGS__},                                                \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
#define ALL_FALSE(e, ...)                                                                          \
    all_false(e, (const char *const[]){__VA_ARGS__},                                               \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

Test(filter_eval, numbers) {
    Event *e = full_event();
    ALL_TRUE(e, "Number -eq 4096", "Number -eq 0x1000", "Number -eq 4KB", "Number -eq '4096'",
             "Number eq '0x1000'", "Number -ne 4097", "Number -lt 4097", "Number -le 4096",
             "Number -gt 4095", "Number -ge 4096", "Number -gt -1", "Number -gt 4095.5",
             "Number -lt 4096.5", "Number -in 1,2,4096", "Number -notin 1,2", "Number -like '40*'",
             "Number -like '*96'", "Number -ne 'text'", "Signed -lt 0", "Signed -eq -1073741510",
             "Signed -eq 0xC000013A", "Big -eq 18446744073709551615", "Big -eq 0xFFFFFFFFFFFFFFFF",
             "Big -gt 9223372036854775807", "Big -gt -1", "Flag -eq $true", "Flag -eq 1",
             "Flag -eq 'true'", "Flag -ne $false", "Flag", "Number", "Ratio -eq 0.5", "Ratio -lt 1",
             "Ratio -gt 0.25", "4096 -eq Number", "4000 -lt Number", "number -EQ 4096");
    ALL_FALSE(e, "Number -eq 4095", "Number -eq 'x'", "Number -lt 4096", "Number -gt 4096",
              "Number -ne 4096", "Number -eq $null", "Number -in 1,2", "Number -notin 4096",
              "Number -eq 0x10000000000001000", "Signed -gt 0", "Signed -eq 3221225786",
              "Big -eq -1", "Flag -eq $false", "Ratio -gt 0.5", "Number -lt 'text'",
              "Number -gt 'text'", "-not Flag", "Number -like '41*'", "Number -eq 4096.5");
    event_free(e);
}

Test(filter_eval, texts) {
    Event *e = full_event();
    ALL_TRUE(e, "QueryName -eq 'www.example.\xc3\xa4top'", "QueryName -like '*.\xc3\xa4top'",
             "QueryName -like 'WWW.*'", "QueryName -notlike '*.com'", "QueryName -ne 'x'",
             "QueryName -in 'a','WWW.EXAMPLE.\xc3\x84TOP'", "QueryName -gt 'a'",
             "QueryName -lt 'x'", "QueryName -ge 'www.example.\xc3\xa4top'",
             "QueryName -contains 'www.example.\xc3\xa4top'", "Short -eq 'NOTEPAD.EXE'",
             "Short -like 'note?ad.*'", "Short -eq notepad.exe", "Empty -eq ''", "-not Empty",
             "QueryName", "Short -le 'notepad.exe'", "Short -lt 'notepad.exe1'",
             "QueryName -like '*'", "Empty -like '*'", "Short -like '*.EXE'",
             "Short -like '*notepad.exe'", "Short -notlike '*xnotepad.exe'", "Empty -notlike '*a'");
    ALL_FALSE(e, "QueryName -eq 'www.example.top'", "QueryName -eq 'www.example.\xc3\xa4to'",
              "QueryName -eq 'www.example.\xc3\xa4topp'", "QueryName -like 'example*'",
              "QueryName -lt 'a'", "QueryName -contains 'example'", "Short -eq 'notepad'",
              "Empty -like '?*'", "Empty", "Short -eq 5", "QueryName -notlike '*top'",
              "QueryName -eq $null");
    event_free(e);
}

Test(filter_eval, maps_match_by_number_and_text) {
    Event *e = full_event();
    ALL_TRUE(e, "Operation -eq 2", "Operation -eq 'Write'", "Operation -eq 'write'",
             "Operation -like 'wr*'", "Operation -like '2'", "Operation -in 'Read','Write'",
             "Operation -in 1,2", "Operation -ne 'Read'", "Operation -notlike 'R*'",
             "Attributes -eq 4", "Attributes -like '*System*'", "Operation -gt 1");
    ALL_FALSE(e, "Operation -eq 'Read'", "Operation -eq 1", "Operation -ne 'Write'",
              "Operation -ne 2", "Operation -notlike 'W*'", "Operation -notlike '2'",
              "Attributes -like '*Hidden*'", "Operation -notin 'Write'");
    event_free(e);
}

Test(filter_eval, typed_values) {
    Event *e = full_event();
    ALL_TRUE(e, "InterfaceUuid -eq '{1C95126E-7EEA-49A9-A3FE-A378B03DDB4D}'",
             "InterfaceUuid -eq {1c95126e-7eea-49a9-a3fe-a378b03ddb4d}",
             "InterfaceUuid -eq 1c95126e-7eea-49a9-a3fe-a378b03ddb4d",
             "InterfaceUuid -like '*7eea*'", "Address -eq '10.0.0.1'", "Address -eq 10.0.0.1",
             "Address -like '10.*'", "Address -ne '10.0.0.2'", "Address6 -eq 'fe80::1'",
             "Address6 -eq 'FE80:0:0:0:0:0:0:1'", "Sid -eq 'S-1-5-18'", "Sid -like 'S-1-5-*'",
             "When -eq '2020-07-29T10:07:00.6236167Z'", "When -gt '2020-07-29'",
             "When -lt '2020-07-29T12:07:01+02:00'", "When -ge '2020-07-29T10:07:00.6236167Z'",
             "When -like '2020-07-29T10:*'", "TimeStamp -ge '2020-07-29T10:07'",
             "TimeStamp -lt '2021-01-01'", "Port -eq 443", "Port -in 80,443",
             "Pointer -eq 0xffff8001deadbeef", "Pointer -like '0xffff8001*'",
             "Status -eq 0xC0000022", "Status -eq 3221225506", "Status -like '*C0000022*'",
             "Status -eq 'STATUS_ACCESS_DENIED'", "Status -in status_access_denied, STATUS_TIMEOUT",
             "Status -eq '0xC0000022 (STATUS_ACCESS_DENIED)'", "Status -ne 'STATUS_TIMEOUT'",
             "content -like '*msiU*'", "content -eq 'AmsiUt'", "content -ne 'x'",
             "content -eq '41006d00730069005500740000000000'", "content");
    ALL_FALSE(e, "InterfaceUuid -eq '22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716'",
              "InterfaceUuid -eq 'x'", "Address -eq '10.0.0.2'", "Address -eq '1.0.0.10'",
              "Address6 -eq 'fe80::2'", "Sid -eq 'S-1-5-19'", "Sid -eq 'x'",
              "When -gt '2021-01-01'", "When -eq '2020-07-29T10:07:00Z'", "When -lt 'yesterday'",
              "Port -eq 47873", "Status -eq 'STATUS_TIMEOUT'", "Status -eq 'ERROR_ACCESS_DENIED'",
              "content -like '*xyz*'", "content -eq 'Amsi'", "InterfaceUuid -lt 'x'");
    event_free(e);
}

Test(filter_eval, arrays_match_by_any_element) {
    Event *e = full_event();
    ALL_TRUE(e, "Numbers -eq 20", "Numbers -contains 30", "Numbers -gt 25", "Numbers -ne 10",
             "Numbers -in 1,10", "Numbers -notcontains 40", "Numbers -notin 1,2",
             "Names -eq 'BETA'", "Names -like 'al*'", "Names -contains 'alpha'", "'beta' -in Names",
             "Names -notcontains 'gamma'", "Names -notlike 'a*'", "Numbers");
    ALL_FALSE(e, "Numbers -eq 21", "Numbers -gt 30", "Numbers -contains 40",
              "Numbers -notcontains 10", "Numbers -notin 30", "Names -like 'g*'",
              "Names -notcontains 'beta'", "'gamma' -in Names");
    event_free(e);
}

Test(filter_eval, header_fields_win_and_eventdata_reaches_behind) {
    Event *e = full_event();
    ALL_TRUE(e, "Id -eq 3008", "EventId -in 3006,3008", "Version -eq 1", "Level -eq 4",
             "Level -le Informational", "Level -eq 'Information'", "Level -lt Verbose",
             "Opcode -eq 1", "Opcode -eq Start", "Task -eq 7", "Task -eq 'Query'",
             "Keywords -eq 0x10", "Keyword -eq 'ut:SendPath'", "Keywords -like 'ut:Rec*'",
             "KeywordsDisplayNames -contains 'ut:ReceivePath'", "ProviderName -like 'test-*'",
             "ProviderId -eq {11111111-1111-1111-1111-111111111111}", "EventName -eq 'query/start'",
             "ProcessId -eq 4711", "PID -eq 4711", "TID -eq 12", "ThreadId -lt 13",
             "Processor -eq 3", "EventData.ProcessId -eq 99", "EventData.FileName -like '*.docx'",
             "EventData.'Dotted.Name' -eq 5", "Dotted.Name -eq 5", "ActivityId -eq $null",
             "-not ActivityId", "Id -like '30*'", "ProviderId -like '*1111*'",
             "TimeStamp -like '2020-07-29T10*'", "Level -like 4", "Level -like 'Info*'",
             "$_.Id -eq 3008");
    ALL_FALSE(e, "ProcessId -eq 99", "Id -eq 1", "Level -gt Informational",
              "Keywords -eq 'ut:Other'", "Keywords -ne 'ut:SendPath'", "EventData.Id -eq 3008",
              "EventName -eq 'x'", "ActivityId -like '*'");
    event_free(e);
}

Test(filter_eval, missing_values_are_null) {
    Event *e = full_event();
    // core.md: -ne, -notlike, -notin are true; everything else, and any ordering, is false.
    static const struct {
        const char *operation;
        bool result;
    } cases[] = {
        {"-eq 'x'", false},     {"-ne 'x'", true},        {"-like '*'", false},
        {"-notlike '*'", true}, {"-in 'x','y'", false},   {"-notin 'x'", true},
        {"-lt 5", false},       {"-le 5", false},         {"-gt 5", false},
        {"-ge 5", false},       {"-contains 'x'", false}, {"-notcontains 'x'", true},
        {"-lt 'x'", false},     {"-ge ''", false},        {"-eq 0", false},
        {"-eq ''", false},
    };
    // Absent in the type; in the type but behind the payload's end; enriched without enrichment.
    static const char *const fields[] = {"Nowhere", "Missing", "ProcessName",
                                         "EventData.ProcessName"};
    for (size_t f = 0; f < ARRAY_COUNT(fields); f++) {
        for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
            char text[128], negated[160];
            snprintf(text, sizeof text, "%s %s", fields[f], cases[i].operation);
            snprintf(negated, sizeof negated, "-not (%s)", text);
            FilterCounters counters = {0, 0, 0};
            cr_assert_eq(event_passes(e, text, &counters), cases[i].result, "%s", text);
            cr_assert_eq(counters.unjudged, 1, "%s", text);
            cr_assert_eq(event_passes(e, negated, &counters), !cases[i].result, "%s", negated);
            cr_assert_eq(counters.unjudged, 2, "%s", negated);
        }
    }
    FilterCounters counters = {0, 0, 0};
    cr_assert(event_passes(e, "Nowhere -eq $null", &counters));
    cr_assert_not(event_passes(e, "Nowhere -ne $null", &counters));
    cr_assert(event_passes(e, "Nowhere -in 'x',$null", &counters));
    cr_assert_not(event_passes(e, "Nowhere", &counters));
    cr_assert(event_passes(e, "Number -ne $null", &counters));
    cr_assert_not(event_passes(e, "Number -eq $null", &counters));
    cr_assert_eq(counters.unjudged, 0, "asking for $null is judged");
    // One event counts once, however many of its values are missing.
    cr_assert(
        event_passes(e, "Nowhere -ne 1 -and Missing -ne 2 -and ProcessName -ne 'x'", &counters));
    cr_assert_eq(counters.unjudged, 1);
    cr_assert_eq(counters.evaluated, 7);
    event_free(e);
}

Test(filter_eval, order_of_and_and_or_is_powershells) {
    Event *e = full_event();
    // One precedence, from the left: (true or …) and false.
    cr_assert_not(event_passes(e, "Number -eq 4096 -or Number -eq 1 -and Number -eq 2", NULL));
    cr_assert(event_passes(e, "Number -eq 4096 -or (Number -eq 1 -and Number -eq 2)", NULL));
    cr_assert(event_passes(e, "Number -eq 1 -and Number -eq 2 -or Number -eq 4096", NULL));
    event_free(e);
}

static bool resolve(void *user, const EventRecord *record, EnrichedField field, Value *ret) {
    cr_assert_not_null(record);
    if (field == ENRICHED_PROCESS_NAME)
        *ret = (Value){.kind = VALUE_UTF8, .data = (const uint8_t *)"svchost.exe", .bytes = 11};
    else if (field == ENRICHED_FILE_NAME)
        *ret = (Value){.kind = VALUE_UTF8, .data = (const uint8_t *)"C:\\x.docx", .bytes = 9};
    else if (field == ENRICHED_IS_ELEVATED)
        *ret = (Value){.kind = VALUE_BOOL, .u64 = 1};
    else if (field == ENRICHED_PARENT_PROCESS_ID)
        *ret = (Value){.kind = VALUE_U64, .u64 = 640};
    else
        return false;
    ++*(int *)user;
    return true;
}

Test(filter_eval, enriched_fields_come_from_the_resolver_then_the_payload) {
    Event *e = full_event();
    int calls = 0;
    cr_assert(event_passes_with(e, "ProcessName -eq 'SVCHOST.EXE'", resolve, &calls, NULL));
    cr_assert(event_passes_with(e, "FileName -like 'C:\\*'", resolve, &calls, NULL));
    cr_assert(
        event_passes_with(e, "EventData.FileName -like '\\Device\\*'", resolve, &calls, NULL));
    cr_assert(
        event_passes_with(e, "IsElevated -and ParentProcessId -eq 640", resolve, &calls, NULL));
    cr_assert_gt(calls, 0);
    cr_assert(event_passes(e, "FileName -like '\\Device\\*'", NULL),
              "the payload's, without enrichment");
    // From the event's own items.
    static const uint8_t sid[] = {1, 1, 0, 0, 0, 0, 0, 5, 19, 0, 0, 0};
    e->record.ext_bytes = event_item_put(e->ext, EVENT_ITEM_SID, sid, sizeof sid);
    uint32_t session = 2;
    e->record.ext_bytes += event_item_put(e->ext + e->record.ext_bytes, EVENT_ITEM_SESSION_ID,
                                          &session, sizeof session);
    cr_assert(event_passes(e, "UserSid -eq 'S-1-5-19' -and SessionId -eq 2", NULL));
    e->record.ext_bytes = event_item_put(e->ext, EVENT_ITEM_RELATED_ACTIVITY, guid_dns.b, 16);
    cr_assert(
        event_passes(e, "RelatedActivityId -eq {1c95126e-7eea-49a9-a3fe-a378b03ddb4d}", NULL));
    event_free(e);
}

Test(filter_eval, structs_are_reached_by_dots) {
    Event *e = event_new();
    SchemaField *f = event_field(e, "Point", IN_STRUCT, OUT_DEFAULT);
    f->first_member = 2;
    f->n_members = 2;
    event_field(e, "After", IN_U32, OUT_DEFAULT);
    event_field(e, "X", IN_U32, OUT_DEFAULT)->parent = 0;
    event_field(e, "Name", IN_UTF16, OUT_DEFAULT)->parent = 0;
    e->schema->n_top = 2;
    event_put_u32(e, 7);
    event_put_utf16(e, "origin");
    event_put_u32(e, 8);
    event_ready(e);
    ALL_TRUE(e, "Point.X -eq 7", "EventData.point.name -eq 'Origin'", "After -eq 8");
    ALL_FALSE(e, "Point.X -eq 8", "Point.Y -eq 7", "Point.X.Z -eq 7", "After.X -eq 7");
    event_free(e);
}

Test(filter_eval, the_type_decides_what_it_can) {
    Event *e = full_event();
    cr_assert_eq(event_verdict(e, "Id -eq 3008"), FILTER_ALWAYS);
    cr_assert_eq(event_verdict(e, "Id -eq 1"), FILTER_NEVER);
    cr_assert_eq(event_verdict(e, "Id -eq 3008 -and Number -eq 1"), FILTER_DEPENDS);
    cr_assert_eq(event_verdict(e, "Id -eq 1 -and Number -eq 1"), FILTER_NEVER);
    cr_assert_eq(event_verdict(e, "Id -eq 3008 -or Number -eq 1"), FILTER_ALWAYS);
    cr_assert_eq(event_verdict(e, "Id -eq 1 -or Number -eq 1"), FILTER_DEPENDS);
    cr_assert_eq(event_verdict(e, "-not (Id -eq 1)"), FILTER_ALWAYS);
    cr_assert_eq(event_verdict(e, "-not (Id -eq 3008 -or Number -eq 1)"), FILTER_NEVER);
    cr_assert_eq(event_verdict(e, "ProcessId -eq 4711"), FILTER_DEPENDS);
    cr_assert_eq(
        event_verdict(e, "Level -le 4 -and EventName -like 'Q*' -and ProviderName -ne 'x'"),
        FILTER_ALWAYS);
    // The overflow type holds events of any kind: its events are looked at one by one.
    e->type.open = true;
    cr_assert_eq(event_verdict(e, "Id -eq 3008"), FILTER_DEPENDS);
    cr_assert(event_passes(e, "Id -eq 3008", NULL));
    e->record.desc.id = 5;
    cr_assert_not(event_passes(e, "Id -eq 3008", NULL));
    event_free(e);
}

Test(filter_eval, classic_events_have_no_id_and_a_pid_in_the_payload) {
    Event *e = event_new();
    event_field(e, "PID", IN_U32, OUT_DEFAULT);
    event_put_u32(e, 640);
    e->record.flags = EVENT_CLASSIC | EVENT_NO_IDS;
    e->record.pid = e->record.tid = UINT32_MAX;
    e->desc.id = 0;
    event_ready(e);
    FilterCounters counters = {0, 0, 0};
    cr_assert_not(event_passes(e, "Id -eq 0", &counters));
    cr_assert_eq(counters.unjudged, 1);
    cr_assert(event_passes(e, "PID -eq 640 -and EventData.PID -eq 640", NULL));
    cr_assert(event_passes(e, "TID -eq $null", NULL));
    event_free(e);
}

static int calls_of(const char *filter) {
    Event *e = full_event();
    int calls = 0;
    event_passes_with(e, filter, resolve, &calls, NULL);
    event_free(e);
    return calls;
}

Test(filter_eval, the_cheapest_comparison_comes_first) {
    // The resolver is not asked when something cheaper has decided, wherever it stands.
    cr_assert_eq(calls_of("ProcessName -eq 'svchost.exe' -and Number -eq 1"), 0);
    cr_assert_eq(calls_of("ProcessName -eq 'x' -or Number -eq 4096"), 0);
    cr_assert_gt(calls_of("ProcessName -eq 'svchost.exe' -and Number -eq 4096"), 0);
}

Test(filter_eval, counts_the_bytes_it_examines) {
    Event *e = event_new();
    event_field(e, "Text", IN_UTF16, OUT_DEFAULT);
    event_put_units(e, 'a', 32768);
    event_put(e, "\0", 2);
    event_ready(e);
    FilterCounters counters = {0, 0, 0};
    cr_assert_not(event_passes(e, "Text -like '*b*'", &counters));
    cr_assert(counters.examined >= 65536 && counters.examined <= 65600, "%llu",
              (unsigned long long)counters.examined);
    counters.examined = 0;
    cr_assert_not(event_passes(e, "Text -eq 'b'", &counters));
    cr_assert_leq(counters.examined, 16, "a length tells");
    counters.examined = 0;
    cr_assert(event_passes(e, "Text -like '*aaa'", &counters));
    cr_assert_not(event_passes(e, "Text -like '*b'", &counters));
    cr_assert_leq(counters.examined, 16, "the end tells");
    counters.examined = 0;
    cr_assert_not(event_passes(e, "Text -like 'b*'", &counters));
    cr_assert_leq(counters.examined, 16, "the first character tells");
    event_free(e);
}

Test(filter_eval, truncated_and_odd_payloads_are_safe) {
    static const char *const filters[] = {
        "QueryName -like '*x*' -or Sid -eq 'S-1-5-18' -or content -like '*y*' -or Numbers -eq 1",
        "Names -like 'z*' -or Address6 -eq '::1' -or Short -gt 'z' -or Big -lt 0 -or When -gt "
        "'2100-01-01'"};
    Event *e = full_event();
    uint32_t whole = e->record.payload_bytes;
    for (uint32_t n = 0; n <= whole; n++) {
        e->record.payload_bytes = n;
        // In a block of exactly this size, so that a sanitizer sees a read behind it.
        uint8_t *copy = mem_dup(e->payload, MAX_OF(n, 1u));
        e->record.payload = copy;
        for (size_t i = 0; i < ARRAY_COUNT(filters); i++)
            event_passes(e, filters[i], NULL);
        e->record.payload = e->payload;
        mem_free(copy);
    }
    event_free(e);
}

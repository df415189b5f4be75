// The filter language and its evaluation on hostile events. Input: u16 bytes of the filter, the
// filter, u16 flags, 40 bytes of header, u8 enriched values, payload.
#include "tests/fuzz/fuzz.h"

#include "route/filter.h"

static const SchemaMapEntry entries[] = {{0, "zero"}, {1, "one"}, {2, "two"}, {4, "four"}};
static const SchemaMap values = {"Values", false, 4, entries}, bits = {"Bits", true, 4, entries};

// A field of each kind of value; texts and arrays last, where nothing behind them is lost.
static const SchemaField fields[] = {
    {.name = "U8", .in_type = IN_U8, .parent = UINT16_MAX},
    {.name = "Mapped", .in_type = IN_U32, .map = &values, .parent = UINT16_MAX},
    {.name = "Bits", .in_type = IN_U32, .map = &bits, .parent = UINT16_MAX},
    {.name = "Signed", .in_type = IN_I64, .parent = UINT16_MAX},
    {.name = "Double", .in_type = IN_DOUBLE, .parent = UINT16_MAX},
    {.name = "Flag", .in_type = IN_BOOL32, .parent = UINT16_MAX},
    {.name = "Guid", .in_type = IN_GUID, .parent = UINT16_MAX},
    {.name = "Time", .in_type = IN_FILETIME, .parent = UINT16_MAX},
    {.name = "Address", .in_type = IN_U32, .out_type = OUT_IPV4, .parent = UINT16_MAX},
    {.name = "Port", .in_type = IN_U16, .out_type = OUT_PORT, .parent = UINT16_MAX},
    {.name = "Status", .in_type = IN_U32, .out_type = OUT_NTSTATUS, .parent = UINT16_MAX},
    {.name = "Pointer", .in_type = IN_POINTER, .parent = UINT16_MAX},
    {.name = "N", .in_type = IN_U16, .parent = UINT16_MAX},
    {.name = "Numbers",
     .in_type = IN_U16,
     .count_kind = EXTENT_FIELD,
     .count = 12,
     .parent = UINT16_MAX},
    {.name = "FileName", .in_type = IN_UTF16, .parent = UINT16_MAX},
    {.name = "Ansi", .in_type = IN_ANSI, .parent = UINT16_MAX},
    {.name = "Json", .in_type = IN_ANSI, .out_type = OUT_JSON, .parent = UINT16_MAX},
    {.name = "Sid", .in_type = IN_SID, .parent = UINT16_MAX},
    {.name = "Binary", .in_type = IN_COUNTED_BINARY, .parent = UINT16_MAX},
    {.name = "Texts", .in_type = IN_UTF16, .count_kind = EXTENT_PREFIX16, .parent = UINT16_MAX},
    {.name = "Rest", .in_type = IN_UTF16, .count_kind = EXTENT_REST, .parent = UINT16_MAX},
};

static Schema *schema_make(void) {
    Schema *s;
    if (schema_new(&s) != 0)
        abort();
    s->fields = arena_dup(&s->arena, fields, sizeof fields);
    s->n_fields = s->n_top = ARRAY_COUNT(fields);
    s->source = SCHEMA_MANIFEST;
    s->provider_name = "Test-Provider";
    s->event_name = "Query/Start";
    s->task_name = "Query";
    s->opcode_name = "Start";
    s->level_name = "Information";
    s->keyword_names = "ut:SendPath, ut:ReceivePath";
    if (schema_finish(s, NULL) != 0)
        abort();
    return s;
}

static bool resolve(void *user, const EventRecord *record, EnrichedField field, Value *ret) {
    uint8_t have = *(const uint8_t *)user;
    (void)record;
    if (!(have >> (field % 8u) & 1))
        return false;
    static const char text[] = "C:\\Windows\\System32\\svchost.exe";
    *ret = (Value){.kind = VALUE_UTF8, .data = (const uint8_t *)text, .bytes = sizeof text - 1};
    if (field == ENRICHED_PARENT_PROCESS_ID || field == ENRICHED_SESSION_ID)
        *ret = (Value){.kind = VALUE_U64, .u64 = have};
    else if (field == ENRICHED_IS_ELEVATED)
        *ret = (Value){.kind = VALUE_BOOL, .u64 = have & 1};
    return true;
}

static void count_field(void *user, HeaderField header, EnrichedField enriched, const char *name) {
    uint32_t *n = user;
    ++*n;
    fuzz_check(header < HEADER_N && enriched < ENRICHED_N && name,
               "a field is one of those there are");
    fuzz_check(header == HEADER_NONE || enriched == ENRICHED_NONE, "and only one");
}

static void evaluate(const Filter *f, const Filter *again, const Schema *s, const EventRecord *r,
                     uint8_t have) {
    RouteType type = {&r->provider, &r->desc, r->flags & (EVENT_CLASSIC | EVENT_TRACELOGGING),
                      false, s};
    BoundFilter *a, *b, *open;
    FieldSlice slices[ARRAY_COUNT(fields)];
    if (filter_bind(f, &type, &a) != 0 || filter_bind(again, &type, &b) != 0)
        abort();
    type.open = true;
    if (filter_bind(f, &type, &open) != 0)
        abort();
    size_t calls = mem_calls();
    Payload payload;
    payload_open(&payload, s, r, slices);
    FilterInput without = {.record = r, .resolve = resolve, .resolve_user = &have};
    FilterInput with = without;
    with.payload = &payload;
    FilterCounters first = {0}, second = {0}, third = {0};
    bool yes = filter_eval(a, &with, &first);
    fuzz_check(filter_eval(a, &without, &second) == yes,
               "with and without an opened payload alike");
    fuzz_check(filter_eval(b, &without, &third) == yes, "the canonical text is the same filter");
    FilterCounters fourth = {0};
    fuzz_check(filter_eval(open, &without, &fourth) == yes, "so it is for a type that is open");
    fuzz_check(mem_calls() == calls, "evaluating allocates nothing");
    // A compared value is looked at once for each literal; addresses, times and codes as text take
    // 1 KiB.
    uint64_t each = (uint64_t)r->payload_bytes * 2 + r->ext_bytes + 2048;
    fuzz_check(first.examined <= FILTER_MAX_PREDICATES * FILTER_MAX_IN * each,
               "what is examined is bounded");
    fuzz_check(first.examined == second.examined && first.unjudged == second.unjudged,
               "an event costs the same each time");
    fuzz_check(first.evaluated <= 1 && first.unjudged <= 1, "an event is judged once");
    FilterVerdict verdict = filter_verdict(a);
    fuzz_check(verdict != FILTER_ALWAYS || yes, "a type that always matches matches");
    fuzz_check(verdict != FILTER_NEVER || !yes, "one that never does does not");
    filter_unbind(open);
    filter_unbind(b);
    filter_unbind(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 64u * 1024u)
        return 0;
    FuzzLeaks leaks = fuzz_leaks_begin();
    FuzzInput in = {data, size};
    uint32_t n_text, n_payload;
    uint16_t want = fuzz_u16(&in);
    uint8_t *text = fuzz_take(&in, want % 5000u, &n_text);
    uint32_t column = UINT32_MAX;
    Filter *f = NULL, *again = NULL;
    Err err = ERR_INIT;
    int r = filter_parse((const char *)text, n_text, &f, &column, &err);
    if (r != 0) {
        fuzz_check(r == -STATUS_FILTER && err.text[0] && column <= n_text + 1,
                   "a filter is refused with a text and a place");
    } else if (f) {
        const char *canonical = filter_text(f);
        fuzz_check(filter_bytes(f) <= 1u << 20, "a filter takes at most a megabyte");
        // The canonical text may be longer than what is allowed: dashes, quotes and names were
        // added.
        size_t n = strlen(canonical);
        r = filter_parse(canonical, n, &again, &column, &err);
        if (r != 0)
            fprintf(stderr, "canonical: %s\nerror: %s\n", canonical, err.text);
        fuzz_check(r == 0 && again, "canonical text is a filter");
        if (strcmp(filter_text(again), canonical) != 0)
            fprintf(stderr, "1: %s\n2: %s\n", canonical, filter_text(again));
        fuzz_check(strcmp(filter_text(again), canonical) == 0, "and its own canonical text");
        fuzz_check(filter_enriched(f) == filter_enriched(again),
                   "that reads the same enriched fields");
        uint32_t n_fields = 0;
        filter_fields(f, count_field, &n_fields);
        fuzz_check(n_fields >= 1 && n_fields <= FILTER_MAX_PREDICATES, "a filter names a field");

        uint16_t flags = fuzz_u16(&in);
        EventRecord e = {.flags = flags & (EVENT_CLASSIC | EVENT_POINTER32 | EVENT_NO_IDS)};
        uint8_t head[40];
        for (size_t i = 0; i < sizeof head; i++)
            head[i] = fuzz_u8(&in);
        memcpy(e.provider.b, head, 16);
        memcpy(&e.desc, head + 16, sizeof e.desc);
        e.time = load_i64(head + 32);
        e.cpu = head[0];
        e.pid = e.flags & EVENT_NO_IDS ? UINT32_MAX : load_u32(head + 4);
        e.tid = e.flags & EVENT_NO_IDS ? UINT32_MAX : load_u32(head + 8);
        if (!guid_is_null(&e.provider) && (flags & EVENT_HAS_ACTIVITY)) {
            e.activity = e.provider;
            e.flags |= EVENT_HAS_ACTIVITY;
        }
        uint8_t have = fuzz_u8(&in);
        uint8_t ext[EVENT_ITEM_HEAD + 24];
        e.ext = ext;
        if (flags & 0x8000)
            e.ext_bytes =
                event_item_put(ext, flags & 0x4000 ? EVENT_ITEM_SID : EVENT_ITEM_RELATED_ACTIVITY,
                               head, flags & 0x2000 ? 16 : 12);
        e.payload = fuzz_take(&in, 65535, &n_payload);
        e.payload_bytes = n_payload;
        Schema *s = schema_make();
        evaluate(f, again, s, &e, have);
        schema_unref(s);
        mem_free((void *)(uintptr_t)e.payload);
        filter_free(again);
    }
    filter_free(f);
    mem_free(text);
    fuzz_leaks_end(&leaks);
    return 0;
}

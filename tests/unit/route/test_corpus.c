// Filters and wants on real traces, against counts made without them: straight from headers and
// payload bytes.
#include <criterion/criterion.h>

#include "make.h"
#include "schema/types.h"
#include "source/etl_reader.h"
#include "unit/common/corpus.h"
#include "util/utf.h"

typedef struct Run {
    EtlReader *reader;
    SchemaStore *store;
    TypeTable *types;
    EventRecord record;
    const Type *type;
} Run;

static bool open_run(Run *run, const char *name) {
    char path[1024];
    Err err = ERR_INIT;
    memset(run, 0, sizeof *run);
    if (!corpus_file(name, path, sizeof path))
        return false;
    cr_assert_eq(schema_store_new(&run->store), 0);
    cr_assert_eq(type_table_new(run->store, NULL, &run->types), 0);
    EtlOptions options = {.schema_only = true};
    cr_assert_eq(etl_open(path, &options, &run->reader, &err), 0, "%s", err.text);
    Guid provider;
    while (etl_next(run->reader, &run->record, &err) == 1)
        schema_store_feed(run->store, &run->record, &provider);
    etl_close(run->reader);
    options.schema_only = false;
    cr_assert_eq(etl_open(path, &options, &run->reader, &err), 0, "%s", err.text);
    return true;
}

static bool next(Run *run) {
    Err err = ERR_INIT;
    int r = etl_next(run->reader, &run->record, &err);
    cr_assert_geq(r, 0, "%s", err.text);
    if (r == 0)
        return false;
    run->type = type_table_find(run->types, &run->record);
    cr_assert_not_null(run->type);
    return true;
}

static void close_run(Run *run) {
    etl_close(run->reader);
    type_table_free(run->types);
    schema_store_free(run->store);
}

// A subscription with its programs by type, as the watch room keeps them.
typedef struct Probe {
    Spec *spec;
    BoundSpec *programs[4096];
    bool bound[4096];
    uint64_t matched, offered;
    FilterCounters counters;
} Probe;

static bool take(Probe *s, const Run *run) {
    uint32_t id = run->type->id;
    cr_assert_lt(id, 4096);
    if (!s->bound[id]) {
        RouteType type = {.provider = &run->type->provider,
                          .desc = &run->type->desc,
                          .event_flags = run->type->event_flags,
                          .schema = run->type->schema};
        cr_assert_geq(spec_bind(s->spec, &type, &s->programs[id]), 0);
        s->bound[id] = true;
    }
    if (!s->programs[id])
        return false;
    FilterInput input = {.record = &run->record};
    bool matched = spec_matches(s->programs[id], &input, &s->counters, NULL);
    s->offered++;
    s->matched += matched;
    return matched;
}

static void done(Probe *s) {
    for (size_t i = 0; i < ARRAY_COUNT(s->programs); i++)
        spec_unbind(s->programs[i]);
    spec_unref(s->spec);
}

static bool has_utf16(const EventRecord *r, const char *text) {
    size_t n = strlen(text);
    for (size_t at = 0; at + 2 * n <= r->payload_bytes; at++) {
        size_t i = 0;
        while (i < n && r->payload[at + 2 * i + 1] == 0 &&
               (r->payload[at + 2 * i] | 0x20) == (text[i] | 0x20))
            i++;
        if (i == n)
            return true;
    }
    return false;
}

Test(route_corpus, amsi_scripts, .timeout = 60) {
    Run run;
    if (!open_run(&run, "AMSITrace.etl"))
        return;
    static Probe s;
    // TraceLogging: no ids, a field name with a blank.
    s.spec =
        spec_of("{'wants':[{'provider':'8e805eb3-6a8f-4a1e-90fa-a831d94e54a1',"
                "'event_names':'AmsiScript*','filter':'Script -like *powershell.exe* -and Engine "
                "-like vb* -and EventData.\\u0027Raw Script\\u0027 -like *powershell*'}]}",
                NULL, NULL);
    Guid provider;
    cr_assert(guid_parse("8e805eb3-6a8f-4a1e-90fa-a831d94e54a1", &provider));
    uint64_t expected = 0, scans = 0;
    while (next(&run)) {
        bool scan = guid_equal(&run.record.provider, &provider);
        bool wanted =
            scan && has_utf16(&run.record, "powershell.exe") && has_utf16(&run.record, "VBScript");
        scans += scan;
        expected += wanted;
        cr_assert_eq(take(&s, &run), wanted, "%s at %lld: %s", run.type->schema->event_name,
                     (long long)run.record.raw_time, wanted ? "wanted" : "not wanted");
    }
    cr_assert(expected > 0 && expected < scans, "%llu of %llu", (unsigned long long)expected,
              (unsigned long long)scans);
    cr_assert_eq(s.offered, scans);
    done(&s);
    close_run(&run);
}

static bool ends_dll(const EventRecord *r) {
    static const uint8_t end[] = {'.', 0, 'd', 0, 'l', 0, 'l', 0, 0, 0};
    if (r->payload_bytes < sizeof end)
        return false;
    const uint8_t *p = r->payload + r->payload_bytes - sizeof end;
    for (size_t i = 0; i < sizeof end; i++)
        if ((i < 8 && i % 2 == 0 && i > 0 ? (p[i] | 0x20) : p[i]) != end[i])
            return false;
    return true;
}

Test(route_corpus, wants_on_a_large_trace, .timeout = 120) {
    Run run;
    if (!open_run(&run, "net.4.5.2.x64.etl"))
        return;
    static Probe s[6];
    const char *texts[] = {
        // The CLR's provider with three masks and levels.
        "{'wants':[{'provider':'e13c0d23-ccbc-4e12-931b-d9cc2eee27e4','any':'0x8','level':4}]}",
        "{'wants':[{'provider':'e13c0d23-ccbc-4e12-931b-d9cc2eee27e4','any':'0x98','all':'0x10',"
        "'level':5}],'include_rundown':true}",
        "{'wants':[{'level':'All'}],'include_rundown':true}",
        "{'wants':[{'kernel':'Image','event_names':'Image/Load','filter':'FileName -like *.dll'}]}",
        "{'wants':[{'filter':'ProcessId -eq 3988 -and Processor -lt 4','level':0,'pids':[3988]}],"
        "'include_rundown':true}",
        "{'wants':[{'kernel':'Network'}]}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(s); i++)
        s[i].spec = spec_of(texts[i], NULL, NULL);
    Guid clr, image, tcp, udp, process, thread, disk, config;
    cr_assert(guid_parse("e13c0d23-ccbc-4e12-931b-d9cc2eee27e4", &clr));
    image = *kernel_class(0x14);
    tcp = *kernel_class(6);
    udp = *kernel_class(8);
    process = *kernel_class(3);
    thread = *kernel_class(5);
    disk = *kernel_class(1);
    config = *kernel_class(0x0b);
    uint64_t total = 0;
    while (next(&run)) {
        const EventRecord *r = &run.record;
        const EventDescriptor *d = &r->desc;
        bool of_clr = guid_equal(&r->provider, &clr);
        bool rundown = (run.type->schema->flags & SCHEMA_RUNDOWN) != 0;
        total++;
        cr_assert_eq(take(&s[0], &run),
                     of_clr && !rundown && d->level <= 4 && (d->keyword == 0 || (d->keyword & 8)));
        cr_assert_eq(take(&s[1], &run),
                     of_clr && d->level <= 5 &&
                         (d->keyword == 0 || ((d->keyword & 0x98) && (d->keyword & 0x10))));
        cr_assert(take(&s[2], &run));
        cr_assert_eq(take(&s[3], &run),
                     guid_equal(&r->provider, &image) && d->opcode == 10 && ends_dll(r));
        bool network = guid_equal(&r->provider, &tcp) || guid_equal(&r->provider, &udp);
        bool of_process = take(&s[4], &run);
        // Process, Thread and Image events are about the payload's process, and so are a few
        // others; DiskIO's tell only the thread, whose process is known here when it is the
        // header's (etl-format H, I.2; 64-bit layouts: this file has no others of these).
        bool is_process = guid_equal(&r->provider, &process);
        int at = -1;
        if (is_process)
            at = d->opcode == 11 || d->opcode == 32 || d->opcode == 33 ? 0 : 8;
        else if (guid_equal(&r->provider, &image) && d->opcode < 33)
            at = 16;
        else if (guid_equal(&r->provider, &thread))
            at = 0;
        else if (guid_equal(&r->provider, &config) && d->opcode == 15)
            at = 0; // a service
        bool of_disk = guid_equal(&r->provider, &disk) && r->pid != UINT32_MAX;
        if (of_disk) // ReadInit, WriteInit, FlushInit
            cr_assert_eq(of_process,
                         load_u32(r->payload + 8) == r->tid && r->pid == 3988 && r->cpu < 4);
        else if (at >= 0)
            cr_assert_eq(of_process, load_u32(r->payload + at) == 3988 && r->cpu < 4, "opcode %u",
                         d->opcode);
        else if (r->pid != UINT32_MAX)
            cr_assert_eq(of_process, r->pid == 3988 && r->cpu < 4);
        else if (network) // their payload begins with the pid
            cr_assert_eq(of_process, load_u32(r->payload) == 3988 && r->cpu < 4);
        cr_assert_eq(take(&s[5], &run), network);
    }
    cr_assert_eq(total, 179474);
    for (size_t i = 0; i < ARRAY_COUNT(s); i++) {
        cr_assert_gt(s[i].matched, 0, "%zu", i);
        cr_assert(i == 2 ? s[i].matched == total : s[i].matched < total / 2, "%zu", i);
        done(&s[i]);
    }
    close_run(&run);
}

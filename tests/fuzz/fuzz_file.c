// A whole .etl file: merged twice (with a rewind), in file order, and the scan for schema data.
//
// Beyond "no crash": the walk ends, records are what the reader promises, statistics agree with what
// came, both orders give the same events, and the scan gives exactly the schema data of the file order.
#include "tests/fuzz/fuzz.h"

#include "event/record.h"
#include "source/etl_reader.h"

// A few bytes of a packed buffer can stand for megabytes of events.
#define MOST_EVENTS 60000u
#define CPUS        65536u

typedef struct Walk {
    uint64_t events, ordered, schema_events, schema_ordered;
    uint64_t unordered; // a sum: the same for every order
    bool cut;
} Walk;

static uint64_t record_hash(const EventRecord *r) {
    uint64_t h = fuzz_hash(FUZZ_HASH_START, r->provider.b, sizeof r->provider.b);
    uint64_t words[] = {r->desc.id,     r->desc.version, r->desc.channel, r->desc.level,
                        r->desc.opcode, r->desc.task,    r->desc.keyword, r->pid,
                        r->tid,         r->cpu,          r->header_flags, r->property,
                        r->header_type, r->ext_bytes,    r->payload_bytes};
    h = fuzz_hash(h, words, sizeof words);
    h = fuzz_hash(h, r->ext, r->ext_bytes); // reads every byte that the record offers
    return fuzz_hash(h, r->payload, r->payload_bytes);
}

static void check_record(const EventRecord *r) {
    fuzz_check(r->ext_bytes == 0 || event_items_valid(r->ext, r->ext_bytes) == r->ext_bytes,
               "extended items are intact");
    fuzz_check(r->payload_bytes <= 0x10000 && r->ext_bytes <= 0x20000,
               "a record has at most 64 KiB");
    fuzz_check(r->header_type < 32, "the header's type is one of those that are counted");
    fuzz_check(!(r->flags & EVENT_HAS_ACTIVITY) == guid_is_null(&r->activity),
               "EVENT_HAS_ACTIVITY says whether there is one");
    fuzz_check(!(r->flags & EVENT_NO_IDS) || (r->pid == UINT32_MAX && r->tid == UINT32_MAX),
               "EVENT_NO_IDS goes with ids of -1");
}

static void check_stats(EtlReader *reader, const Walk *walk, bool schema_only, size_t file_bytes) {
    const EtlStats *s = etl_stats(reader);
    fuzz_check(s->events == walk->events, "the events that came were counted");
    uint64_t by_header = 0;
    for (size_t i = 0; i < ARRAY_COUNT(s->by_header); i++)
        by_header += s->by_header[i];
    fuzz_check(schema_only || by_header == s->events, "each event has one header type");
    fuzz_check(s->malformed <= s->events && s->out_of_order <= s->events,
               "parts are not above the whole");
    // Twice when packed: for its compression, and for an event in what could be unpacked.
    fuzz_check(s->bad_buffers <= 2 * (uint64_t)etl_info(reader)->n_buffers,
               "a buffer is given up once");
    fuzz_check(s->buffers <= etl_info(reader)->n_buffers, "a buffer is walked once");
    fuzz_check(s->bytes <= (uint64_t)file_bytes, "no byte is walked twice");
    const EtlDiagnostic *d;
    uint32_t kept = etl_diagnostics(reader, &d);
    fuzz_check(kept == MIN_OF(s->n_diagnostics, (uint32_t)ETL_DIAGNOSTICS_KEPT),
               "the first diagnostics are kept");
    for (uint32_t i = 0; i < kept; i++)
        fuzz_check(d[i].what && d[i].what[0] && d[i].offset <= file_bytes,
                   "a diagnostic says what, and where in the file");
    double progress = etl_progress(reader);
    fuzz_check(progress >= 0 && progress <= 1, "progress is a share");
}

static Walk walk_all(EtlReader *reader, bool merging, bool schema_only, size_t file_bytes) {
    static int64_t last[CPUS];
    static uint32_t last_segment[CPUS];
    static uint32_t last_round[CPUS];
    static uint32_t round;
    Walk walk = {.ordered = FUZZ_HASH_START, .schema_ordered = FUZZ_HASH_START};
    EventRecord r;
    int more;
    Err err = ERR_INIT;
    round++;
    while ((more = etl_next(reader, &r, &err)) == 1) {
        check_record(&r);
        uint64_t h = record_hash(&r);
        uint32_t segment = etl_segment(reader);
        walk.events++;
        walk.unordered += h;
        h = fuzz_hash(h, &r.time, sizeof r.time);
        walk.ordered = fuzz_hash(walk.ordered, &h, sizeof h);
        if (r.flags & EVENT_SCHEMA_DATA) {
            walk.schema_events++;
            walk.schema_ordered = fuzz_hash(walk.schema_ordered, r.payload, r.payload_bytes);
        } else {
            fuzz_check(!schema_only, "the scan for schema data gives nothing else");
        }
        if (merging) {
            bool known = last_round[r.cpu] == round && last_segment[r.cpu] == segment;
            fuzz_check(!known || r.time >= last[r.cpu] || (r.flags & EVENT_OUT_OF_ORDER),
                       "within a CPU time goes on, or the event is flagged");
            if (!known || r.time > last[r.cpu])
                last[r.cpu] = r.time;
            last_segment[r.cpu] = segment;
            last_round[r.cpu] = round;
        }
        if (walk.events == MOST_EVENTS) {
            walk.cut = true;
            break;
        }
    }
    fuzz_check(more >= 0, "nothing but memory and I/O ends a walk early");
    check_stats(reader, &walk, schema_only, file_bytes);
    if (!walk.cut)
        fuzz_check(etl_next(reader, &r, &err) == 0, "the end stays the end");
    return walk;
}

static bool open_as(const uint8_t *data, size_t size, const EtlOptions *options, EtlReader **ret) {
    Err err = ERR_INIT;
    int r = etl_open_memory(data, size, options, ret, &err);
    if (r == 0)
        return true;
    fuzz_check(r == -STATUS_FORMAT && err.text[0], "a file is refused for its format, with a text");
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FuzzLeaks leaks = fuzz_leaks_begin();
    uint32_t bytes;
    FuzzInput in = {data, size};
    uint8_t *file = fuzz_take(&in, size, &bytes);
    EtlReader *reader;
    EtlOptions merge = {0}, file_order = {.file_order = true}, schema_only = {.schema_only = true};
    if (!open_as(file, size, &merge, &reader))
        goto out;
    Walk first = walk_all(reader, true, false, size);
    Err err = ERR_INIT;
    fuzz_check(etl_rewind(reader, &err) == 0, "a reader can be rewound");
    Walk again = walk_all(reader, true, false, size);
    fuzz_check(first.events == again.events && first.ordered == again.ordered,
               "the second pass gives what the first gave");
    etl_close(reader);

    fuzz_check(open_as(file, size, &file_order, &reader),
               "what can be merged can be read in file order");
    Walk plain = walk_all(reader, false, false, size);
    if (!first.cut && !plain.cut)
        fuzz_check(first.events == plain.events && first.unordered == plain.unordered,
                   "both orders give the same events");
    etl_close(reader);

    fuzz_check(open_as(file, size, &schema_only, &reader), "and be scanned");
    Walk schemas = walk_all(reader, false, true, size);
    if (!plain.cut && !schemas.cut)
        fuzz_check(plain.schema_events == schemas.events &&
                       plain.schema_ordered == schemas.schema_ordered,
                   "the scan gives all schema data in file order");
    etl_close(reader);
out:
    mem_free(file);
    fuzz_leaks_end(&leaks);
    return 0;
}

// Files that a regular session does not write, or only when something went wrong: one scenario each.

#include "tests/etlgen/scenario.h"
#include "util/timefmt.h"

static const Guid odd_guid =
    GUID_INIT(0x0dd0f11eu, 0x77a1, 0x4c55, 0xa0, 0x0d, 0x0d, 0xdf, 0x11, 0xe0, 0x00, 0x01);

// One event of a plain mixture. The time moves on, so no two events have the same.
static void filler_event(Gen *g, uint32_t cpu, uint64_t n) {
    gen_advance_us(g, 5, 50);
    if (prng_chance(&g->rng, 40)) {
        kp_sample(&g->payload, 8, 0x7ff600000000u + n, 4 * (uint32_t)(n % 50), 1);
        gen_kernel(g, cpu, ETL_HEADER_PERFINFO64, GROUP_PERF, PERF_SAMPLE, 2, 0, 0);
        return;
    }
    EtlwEvent e = {.header_type = ETL_HEADER_EVENT64, .guid = odd_guid, .pid = 1200, .tid = 1204};
    e.desc = (EventDescriptor){.id = (uint16_t)(1 + n % 3), .level = 4, .keyword = 1};
    buf_u64(&g->payload, n);
    buf_zero(&g->payload, prng_below(&g->rng, 120));
    gen_emit(g, cpu, &e);
}

static void filler(Gen *g, uint64_t n_events) {
    for (uint64_t n = 0; n < n_events && g->status == 0; n++)
        filler_event(g, gen_cpu(g), n);
}

// --- lost ---

static void run_lost(const ScenarioOptions *o, Gen *g) {
    static const Guid lost_guid =
        GUID_INIT(0x6a399ae0u, 0x4bc6, 0x4de9, 0x87, 0x0b, 0x36, 0x57, 0xf8, 0x94, 0x7e, 0x7e);
    // LastDroppedTimes: a slot for each CPU.
    EtlwEvent dropped = {
        .header_type = ETL_HEADER_SYSTEM64, .group = GROUP_TRACE, .time = gen_raw(g)};
    dropped.desc = (EventDescriptor){.version = 2, .opcode = 82};
    buf_u32(&g->payload, g->n_cpus);
    buf_u32(&g->payload, 0);
    for (uint32_t i = 0; i < g->n_cpus; i++)
        buf_u64(&g->payload, (uint64_t)etlw_clock_raw(&g->clock, 1000 + i));
    dropped.payload = g->payload.data;
    dropped.payload_bytes = (uint32_t)g->payload.bytes;
    etlw_header_event(g->writer, &dropped);
    buf_clear(&g->payload);

    uint64_t part = MAX_OF(o->n_events / 4, UINT64_C(1));
    filler(g, part);
    etlw_mark(g->writer, 0, ETLW_BUFFER_EVENTS_LOST);
    etlw_count_lost(g->writer, 17, 0);
    filler(g, part);
    etlw_flush_all(g->writer);
    etlw_skip_sequence(g->writer, 3);
    etlw_mark(g->writer, 1 % g->n_cpus, ETLW_BUFFER_BUFFER_LOST);
    etlw_count_lost(g->writer, 250, 3);
    filler(g, part);
    for (uint8_t opcode = 32; opcode <= 34; opcode++)
        gen_classic(g, 0, &lost_guid, opcode, 0, 0, 0);
    filler(g, part);
}

const ScenarioInfo scenario_lost = {
    .name = "lost",
    .summary = "267 events and 3 buffers lost: flags, gaps in the sequence, RT_LostEvent",
    .n_events = 4000,
    .n_cpus = 4,
    .scales = true,
    .packs = true,
    .run = run_lost,
};

// --- circular ---

#define CIRCLE 6u

static void prepare_circular(const ScenarioOptions *o, EtlwOptions *w) {
    (void)o;
    w->buffer_bytes = 4096;
    w->mode = ETLW_MODE_CIRCULAR;
    w->max_file_mb = 1;
    w->circular_buffers = CIRCLE;
}

static void run_filler(const ScenarioOptions *o, Gen *g) {
    filler(g, o->n_events);
}

const ScenarioInfo scenario_circular = {
    .name = "circular",
    .summary = "a circular file of 6 data buffers that went round several times",
    .n_events = 1500,
    .n_cpus = 3,
    .scales = true,
    .prepare = prepare_circular,
    .run = run_filler,
};

// --- appended ---

static void prepare_appended(const ScenarioOptions *o, EtlwOptions *w) {
    (void)o;
    w->mode = ETLW_MODE_APPEND;
}

// The machine was started again before the second session: its clock reads less than the first one's.
static void run_appended(const ScenarioOptions *o, Gen *g) {
    filler(g, o->n_events / 2);
    EtlwOptions next = etlw_defaults();
    next.n_cpus = o->n_cpus;
    next.mode = ETLW_MODE_APPEND;
    next.clock = g->clock;
    next.clock.start_time += 2 * 3600 * FILETIME_PER_SECOND;
    if (next.clock.type == ETLW_CLOCK_SYSTEM)
        next.clock.start_raw = next.clock.start_time;
    else
        next.clock.start_raw = g->clock.start_raw / 9;
    next.boot_time = next.clock.start_time - 600 * FILETIME_PER_SECOND;
    next.session_name = "EtwBroker Sample again";
    gen_append(g, &next);
    filler(g, o->n_events - o->n_events / 2);
}

const ScenarioInfo scenario_appended = {
    .name = "appended",
    .summary = "two sessions in one file, the machine restarted between them",
    .n_events = 2000,
    .n_cpus = 4,
    .scales = true,
    .packs = true,
    .prepare = prepare_appended,
    .run = run_appended,
};

// --- truncated, unfinished, preallocated ---

#define SMALL_BUFFER 8192u

static void prepare_truncated(const ScenarioOptions *o, EtlwOptions *w) {
    (void)o;
    w->buffer_bytes = SMALL_BUFFER;
    w->unfinished = true;
}

// Inside the last buffer but one, at an odd offset: an event is cut too.
static uint64_t cut_truncated(const ScenarioOptions *o, uint64_t bytes) {
    uint64_t buffer = o->buffer_bytes != 0 ? o->buffer_bytes : SMALL_BUFFER;
    return bytes > 3 * buffer ? bytes - buffer - buffer / 2 - 13 : bytes - 13;
}

const ScenarioInfo scenario_truncated = {
    .name = "truncated",
    .summary = "copied while the session was open: cut inside an event, header without totals",
    .n_events = 2000,
    .n_cpus = 2,
    .scales = true,
    .prepare = prepare_truncated,
    .run = run_filler,
    .cut = cut_truncated,
};

static void prepare_unfinished(const ScenarioOptions *o, EtlwOptions *w) {
    (void)o;
    w->unfinished = true;
}

const ScenarioInfo scenario_unfinished = {
    .name = "unfinished",
    .summary = "the system stopped before the header got its end time and buffer count",
    .n_events = 2000,
    .n_cpus = 4,
    .scales = true,
    .packs = true,
    .prepare = prepare_unfinished,
    .run = run_filler,
};

static void prepare_preallocated(const ScenarioOptions *o, EtlwOptions *w) {
    (void)o;
    w->mode = ETLW_MODE_SEQUENTIAL | ETLW_MODE_PREALLOCATE;
    w->max_file_mb = 4;
    w->stale_tail_buffers = 2;
    w->zero_tail_bytes = 4 * w->buffer_bytes;
}

const ScenarioInfo scenario_preallocated = {
    .name = "preallocated",
    .summary = "behind the data: two buffers of an earlier session, then zeros",
    .n_events = 2000,
    .n_cpus = 4,
    .scales = true,
    .prepare = prepare_preallocated,
    .run = run_filler,
};

// --- markers ---

static void run_markers(const ScenarioOptions *o, Gen *g) {
    static const uint16_t types[] = {ETLW_BUFFER_EMPTY_MARKER, ETLW_BUFFER_REFTIME,
                                     ETLW_BUFFER_DBG_INFO};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        filler(g, o->n_events / 4);
        etlw_marker_buffer(g->writer, (uint32_t)i % g->n_cpus, types[i], gen_raw(g));
    }
    etlw_flush_all(g->writer);
    for (uint32_t cpu = 0; cpu < g->n_cpus; cpu++)
        etlw_buffer_type(g->writer, cpu, ETLW_BUFFER_RUNDOWN);
    filler(g, o->n_events / 4);
}

const ScenarioInfo scenario_markers = {
    .name = "markers",
    .summary = "buffers of the types EMPTY_MARKER, REFTIME, DBG_INFO and RUNDOWN",
    .n_events = 2000,
    .n_cpus = 3,
    .scales = true,
    .packs = true,
    .run = run_markers,
};

// --- merged ---

static void prepare_merged(const ScenarioOptions *o, EtlwOptions *w) {
    (void)o;
    w->trim_header_buffer = true;
    w->exact_offsets = true;
    w->session_name = "Relogger";
    w->file_name = "[multiple files]";
    w->unterminated_names = true;
    w->pointer_size = 4;
}

// The trace headers of the merged files are ordinary events here.
static void run_merged(const ScenarioOptions *o, Gen *g) {
    EtlwEvent mask = {.header_type = ETL_HEADER_SYSTEM64, .group = GROUP_TRACE, .time = gen_raw(g)};
    mask.desc = (EventDescriptor){.version = 2, .opcode = 5};
    buf_zero(&g->payload, 36);
    mask.payload = g->payload.data;
    mask.payload_bytes = (uint32_t)g->payload.bytes;
    etlw_header_event(g->writer, &mask);
    buf_clear(&g->payload);
    filler(g, o->n_events / 2);
    buf_zero(&g->payload, 0x118);
    if (!g->payload.failed) {
        store_u32(g->payload.data, 65536);
        store_u64(g->payload.data + 0x100, 3579545); // another clock: must be ignored
        store_u64(g->payload.data + 0x108, (uint64_t)g->clock.start_time - 77);
        store_u32(g->payload.data + 0x110, ETLW_CLOCK_QPC);
    }
    gen_kernel(g, 0, ETL_HEADER_SYSTEM64, GROUP_TRACE, 0, 2, 2200, 2204);
    filler(g, o->n_events - o->n_events / 2);
}

const ScenarioInfo scenario_merged = {
    .name = "merged",
    .summary = "as merging tools write: short header buffer, odd offsets, a second header event",
    .n_events = 2000,
    .n_cpus = 4,
    .scales = true,
    .packs = true,
    .prepare = prepare_merged,
    .run = run_merged,
};

// --- win7 ---

static void prepare_win7(const ScenarioOptions *o, EtlwOptions *w) {
    (void)o;
    static const uint32_t version[4] = {6, 1, 1, 5};
    memcpy(w->os_version, version, sizeof version);
    w->os_build = 7601;
    w->buffer_bytes = 32 * 1024;
    w->zero_saved_offset = true;
    w->old_cpu_field = true;
    if (o->perf_freq == 0)
        w->clock.perf_freq = 2337949;
}

static void run_win7(const ScenarioOptions *o, Gen *g) {
    for (uint64_t n = 0; n < o->n_events / 2 && g->status == 0; n++) {
        filler_event(g, gen_cpu(g), n);
        gen_advance_us(g, 1, 3);
        EtlwEvent e = {
            .header_type = ETL_HEADER_EVENT64, .guid = odd_guid, .pid = 1200, .tid = 1208};
        e.flags = 4; // STRING_ONLY
        blob_utf16z(&g->payload, n % 2 == 0 ? "service started" : "Übergröße: naïve text");
        gen_emit(g, gen_cpu(g), &e);
    }
}

const ScenarioInfo scenario_win7 = {
    .name = "win7",
    .summary = "Windows 7: no SavedOffset, byte CPU numbers, 2337949 Hz, string-only events",
    .n_events = 2000,
    .n_cpus = 4,
    .scales = true,
    .prepare = prepare_win7,
    .run = run_win7,
};

// --- damaged ---

static void put_lost_event(Gen *g, uint32_t cpu) {
    uint8_t bytes[0x50 + 8] = {0};
    static const uint8_t payload[8];
    EtlwEvent e = {.header_type = ETL_HEADER_EVENT64, .guid = odd_guid, .time = gen_raw(g)};
    e.payload = payload;
    e.payload_bytes = sizeof payload;
    etlw_event_encode(&e, bytes);
    etlw_raw(g->writer, cpu, bytes, sizeof bytes);
}

// In each damaged buffer: good events, damage, good-looking events that cannot be trusted any more.
static void run_damaged(const ScenarioOptions *o, Gen *g) {
    static const uint8_t damage[][24] = {
        {0},                                                          // zero marker
        {0x00, 0x00, ETL_HEADER_EVENT64, 0xc0},                       // size 0
        {0x20, 0x00, ETL_HEADER_EVENT64, 0xc0},                       // smaller than its header
        {0xff, 0xff, ETL_HEADER_EVENT64, 0xc0},                       // beyond the buffer
        {0x02, 0x00, ETL_HEADER_PERFINFO64, 0xc0, 0x08, 0, 46, 0x0f}, // kernel header, too small
        {0x10, 0x00, ETL_HEADER_EVENT64, 0x40},                       // no mark in the flags
        {0xff, 0xff, 0xff, 0xff},                                     // end marker
    };
    uint64_t part = o->n_events / ARRAY_COUNT(damage) + 1;
    for (size_t i = 0; i < ARRAY_COUNT(damage) && g->status == 0; i++) {
        uint32_t cpu = (uint32_t)i % g->n_cpus;
        filler(g, part);
        etlw_flush(g->writer, cpu);
        for (uint64_t n = 0; n < 5; n++)
            filler_event(g, cpu, n);
        etlw_raw(g->writer, cpu, damage[i], sizeof damage[i]);
        put_lost_event(g, cpu);
        put_lost_event(g, cpu);
        etlw_flush(g->writer, cpu);
    }
    filler(g, part);
}

const ScenarioInfo scenario_damaged = {
    .name = "damaged",
    .summary = "seven buffers with bad bytes in the middle: what stands in front must survive",
    .n_events = 2100,
    .n_cpus = 3,
    .scales = true,
    .packs = true,
    .run = run_damaged,
};

#include "tests/etlgen/etl_writer.h"

#include "tests/etlgen/etlw_header.h"
#include "util/mem.h"

// A buffer under construction. data == NULL: none is open.
typedef struct OpenBuffer {
    uint8_t *data;
    uint32_t used;  // header included; events start at multiples of 8
    uint32_t exact; // end of the last event without its padding
    uint32_t n_events;
    uint32_t expect_id;
    uint64_t sequence;
    int64_t last_time;
    uint16_t cpu, flags, type;
    bool is_open;
} OpenBuffer;

struct EtlwWriter {
    EtlwOptions options; // of the present session
    EtlwSink *sink;
    Expect *expect; // or NULL
    Lz77Pack *pack; // or NULL
    OpenBuffer *cpus;
    int64_t *last_times; // by CPU, over buffers
    uint16_t *next_types;
    size_t n_cpus;     // slots of the three
    OpenBuffer header; // kept until the session ends: its totals come last
    uint64_t header_at;
    uint32_t header_bytes; // it takes in the file; 0: not placed yet
    uint32_t segment;
    uint64_t next_sequence;
    uint64_t n_data;  // data buffers written in this session
    uint64_t last_at; // file offset of the last buffer written
    uint16_t last_flags;
    int64_t end_raw;    // latest event
    uint32_t *ring_ids; // expectation ids of a circular file's places
    uint64_t n_written; // buffers, for the order of expectations
    uint64_t n_events, n_backwards;
    EtlwTotals totals;
    Buf scratch, ext_text;
    int failed; // negative status
};

EtlwOptions etlw_defaults(void) {
    EtlwOptions o = {0};
    o.buffer_bytes = 64 * 1024;
    o.n_cpus = 4;
    o.clock = (EtlwClock)ETLW_CLOCK_DEFAULT;
    o.mode = ETLW_MODE_SEQUENTIAL;
    o.pointer_size = 8;
    o.session_name = "EtwBroker Sample";
    o.file_name = "C:\\Traces\\sample.etl";
    o.os_version[0] = 10;
    o.os_version[2] = 1;
    o.os_version[3] = 5;
    o.os_build = 22631;
    o.boot_time = o.clock.start_time - o.clock.start_raw;
    o.pid = 4120;
    o.tid = 7316;
    o.logger_id = 28;
    o.first_sequence = 1;
    return o;
}

static int check_options(const EtlwOptions *o, Err *err) {
    if (o->buffer_bytes < ETLW_MIN_BUFFER || o->buffer_bytes > ETLW_MAX_BUFFER ||
        o->buffer_bytes % 8 != 0)
        return err_set(err, STATUS_INVALID_ARGUMENT,
                       "buffers of %u bytes: take a multiple of 8 from %u to %u", o->buffer_bytes,
                       ETLW_MIN_BUFFER, ETLW_MAX_BUFFER);
    if (o->n_cpus == 0 || o->n_cpus > ETLW_MAX_CPUS)
        return err_set(err, STATUS_INVALID_ARGUMENT, "%u CPUs: take 1 to %u", o->n_cpus,
                       ETLW_MAX_CPUS);
    if (o->clock.type < ETLW_CLOCK_QPC || o->clock.type > ETLW_CLOCK_CYCLES)
        return err_set(err, STATUS_INVALID_ARGUMENT,
                       "clock %u: take 1 (QPC), 2 (system time), 3 (cycles)", o->clock.type);
    if (o->clock.perf_freq < 0 || (o->clock.type == ETLW_CLOCK_CYCLES && o->clock.cpu_mhz == 0))
        return err_set(err, STATUS_INVALID_ARGUMENT, "the clock's frequency must be positive");
    if (o->pointer_size != 4 && o->pointer_size != 8)
        return err_set(err, STATUS_INVALID_ARGUMENT, "pointers of %u bytes: take 4 or 8",
                       o->pointer_size);
    if (o->circular_buffers > 0 && o->packing != ETLW_PLAIN)
        return err_set(err, STATUS_UNSUPPORTED,
                       "a circular file cannot be compressed: its buffers must "
                       "have one size");
    return 0;
}

static int fail(EtlwWriter *w, Status status) {
    if (w->failed == 0)
        w->failed = -(int)status;
    return w->failed;
}

static OpenBuffer *cpu_slot(EtlwWriter *w, uint32_t cpu) {
    if (cpu >= ETLW_MAX_CPUS) {
        fail(w, STATUS_INVALID_ARGUMENT);
        return NULL;
    }
    if (cpu < w->n_cpus)
        return &w->cpus[cpu];
    size_t n = MIN_OF(MAX_OF((size_t)cpu + 1, w->n_cpus * 2), (size_t)ETLW_MAX_CPUS);
    OpenBuffer *cpus = mem_resize(w->cpus, n * sizeof *cpus);
    if (cpus != NULL)
        w->cpus = cpus;
    int64_t *times = mem_resize(w->last_times, n * sizeof *times);
    if (times != NULL)
        w->last_times = times;
    uint16_t *types = mem_resize(w->next_types, n * sizeof *types);
    if (types != NULL)
        w->next_types = types;
    if (cpus == NULL || times == NULL || types == NULL) {
        fail(w, STATUS_NO_MEMORY);
        return NULL;
    }
    for (size_t i = w->n_cpus; i < n; i++) {
        cpus[i] = (OpenBuffer){0};
        cpus[i].cpu = (uint16_t)i;
        times[i] = INT64_MIN;
        types[i] = ETLW_BUFFER_GENERIC;
    }
    w->n_cpus = n;
    return &w->cpus[cpu];
}

static int open_buffer(EtlwWriter *w, OpenBuffer *b, uint16_t type) {
    if (b->data == NULL)
        b->data = mem_alloc(w->options.buffer_bytes);
    if (b->data == NULL)
        return fail(w, STATUS_NO_MEMORY);
    b->used = b->exact = ETLW_BUFFER_HEAD;
    b->n_events = 0;
    b->flags = 0;
    b->type = type;
    // What a message without a time inherits: the event before it on its CPU.
    b->last_time = type != ETLW_BUFFER_HEADER && w->last_times[b->cpu] != INT64_MIN
                       ? w->last_times[b->cpu]
                       : w->options.clock.start_raw;
    b->sequence = type == ETLW_BUFFER_HEADER ? 0 : w->next_sequence++;
    b->expect_id = w->expect != NULL ? expect_buffer(w->expect, w->segment, b->cpu) : 0;
    b->is_open = true;
    return 0;
}

static void put_buffer_head(const EtlwWriter *w, const OpenBuffer *b, uint8_t *head,
                            uint32_t file_bytes, uint32_t end, uint16_t flags) {
    const EtlwOptions *o = &w->options;
    bool is_header = b->type == ETLW_BUFFER_HEADER;
    memset(head, 0, ETLW_BUFFER_HEAD);
    store_u32(head, file_bytes);
    store_u32(head + 0x04, is_header && o->zero_saved_offset ? 0 : end);
    store_u32(head + 0x08, end);
    // Informative only: raw clock in files as logged, FILETIME in compressed ones, 0 in header buffers.
    int64_t time = is_header ? 0 : b->last_time;
    if (!is_header && o->packing != ETLW_PLAIN)
        time = etlw_clock_filetime(&o->clock, time);
    store_i64(head + 0x10, time);
    store_u64(head + 0x18, b->sequence);
    if (o->old_cpu_field) {
        head[0x28] = (uint8_t)b->cpu;
        head[0x29] = (uint8_t)(o->pointer_size * 2); // Alignment
    } else {
        store_u16(head + 0x28, b->cpu);
        flags |= ETLW_BUFFER_PROC_INDEX;
    }
    store_u16(head + 0x2a, o->logger_id);
    store_u32(head + 0x2c, 3);
    store_u32(head + 0x30, end);
    store_u16(head + 0x34, flags);
    store_u16(head + 0x36, b->type);
}

// Fills up with the end marker and gives the bytes that the buffer takes in the file.
static uint32_t finish_plain(EtlwWriter *w, OpenBuffer *b, uint32_t file_bytes, uint16_t flags) {
    memset(b->data + b->used, 0xff, file_bytes - b->used);
    put_buffer_head(w, b, b->data, file_bytes, w->options.exact_offsets ? b->exact : b->used,
                    flags);
    return file_bytes;
}

static bool finish_packed(EtlwWriter *w, OpenBuffer *b, uint16_t flags) {
    buf_clear(&w->scratch);
    buf_zero(&w->scratch, ETLW_BUFFER_HEAD);
    Lz77Mode mode = w->options.packing == ETLW_PACK_LITERAL ? LZ77_LITERAL : LZ77_MATCH;
    lz77_pack(w->pack, b->data + ETLW_BUFFER_HEAD, b->used - ETLW_BUFFER_HEAD, mode, &w->scratch);
    if (w->scratch.failed) {
        fail(w, STATUS_NO_MEMORY);
        return false;
    }
    if (mode == LZ77_MATCH && w->scratch.bytes >= b->used)
        return false;
    put_buffer_head(w, b, w->scratch.data, (uint32_t)w->scratch.bytes, b->used,
                    (uint16_t)(flags | ETLW_BUFFER_COMPRESSED));
    return true;
}

static int sink_status(EtlwWriter *w) {
    if (!w->sink->failed)
        return 0;
    return fail(w, w->sink->memory != NULL ? STATUS_NO_MEMORY : STATUS_IO);
}

// A trimmed header buffer is as long as its events, with some room for those still to come.
static uint32_t header_file_bytes(const EtlwWriter *w) {
    if (!w->options.trim_header_buffer)
        return w->options.buffer_bytes;
    size_t bytes = MAX_OF(ALIGN8((size_t)w->header.used), (size_t)0x400);
    return (uint32_t)MIN_OF((size_t)w->options.buffer_bytes, bytes);
}

// Writes the header buffer in front of the first data buffer, as a placeholder: its size is fixed from
// then on, its totals come at the end of the session.
static int place_header(EtlwWriter *w) {
    if (w->header_bytes != 0)
        return 0;
    w->header_bytes = header_file_bytes(w);
    finish_plain(w, &w->header, w->header_bytes, ETLW_BUFFER_FLUSH_MARKER);
    etlw_sink_append(w->sink, w->header.data, w->header_bytes);
    if (w->expect != NULL)
        expect_written(w->expect, w->header.expect_id, w->header_at, w->n_written);
    w->n_written++;
    return sink_status(w);
}

// Where the next data buffer goes; a wrapped circular file gives a place that is overwritten.
static uint64_t next_place(EtlwWriter *w, bool *ret_over) {
    uint32_t ring = w->options.circular_buffers;
    *ret_over = ring > 0 && w->n_data >= ring;
    if (!*ret_over)
        return w->sink->bytes;
    return w->header_at + w->header_bytes + w->options.buffer_bytes * (w->n_data % ring);
}

static int write_data_buffer(EtlwWriter *w, OpenBuffer *b, uint16_t flags) {
    const uint8_t *data = b->data;
    uint32_t bytes;
    if (place_header(w) < 0)
        return w->failed;
    flags |= b->flags;
    if (w->pack != NULL && b->n_events > 0 && finish_packed(w, b, flags)) {
        data = w->scratch.data;
        bytes = (uint32_t)w->scratch.bytes;
    } else {
        bytes = finish_plain(w, b, w->options.buffer_bytes, flags);
    }
    if (w->failed < 0)
        return w->failed;
    bool over;
    uint64_t at = next_place(w, &over);
    if (over)
        etlw_sink_patch(w->sink, at, data, bytes);
    else
        etlw_sink_append(w->sink, data, bytes);
    if (sink_status(w) < 0)
        return w->failed;
    if (w->expect != NULL) {
        if (w->ring_ids != NULL) {
            uint64_t place = w->n_data % w->options.circular_buffers;
            if (over)
                expect_gone(w->expect, w->ring_ids[place]);
            w->ring_ids[place] = b->expect_id;
        }
        // A reader brings the buffers of a circular file back into sequence.
        expect_written(w->expect, b->expect_id, at,
                       w->ring_ids != NULL ? b->sequence : w->n_written);
    }
    w->last_at = at;
    w->last_flags = load_u16(data + 0x34);
    w->n_data++;
    w->n_written++;
    b->is_open = false;
    return 0;
}

// --- events ---

static int add_event(EtlwWriter *w, OpenBuffer *b, const EtlwEvent *event, size_t bytes) {
    size_t padded = ALIGN8(bytes);
    uint8_t *to = b->data + b->used;
    etlw_event_encode(event, to);
    memset(to + bytes, 0, padded - bytes);
    if (etlw_event_has_time(event) && etlw_event_expected(event)) {
        b->last_time = event->time;
        w->end_raw = MAX_OF(w->end_raw, event->time);
    }
    b->exact = b->used + (uint32_t)bytes;
    b->used += (uint32_t)padded;
    if (w->expect != NULL && etlw_event_expected(event)) {
        ExpectRow row;
        etlw_event_row(event, b->last_time, &row, &w->ext_text);
        row.buffer = b->expect_id;
        row.index = b->n_events;
        row.end = b->exact;
        expect_row(w->expect, &row, buf_str(&w->ext_text));
    }
    b->n_events++;
    return 0;
}

// Makes room for `bytes` in the CPU's buffer; NULL after a failure.
static OpenBuffer *room_for(EtlwWriter *w, uint32_t cpu, size_t bytes) {
    OpenBuffer *b = cpu_slot(w, cpu);
    if (b == NULL)
        return NULL;
    if (b->is_open && b->used + ALIGN8(bytes) > w->options.buffer_bytes &&
        write_data_buffer(w, b, 0) < 0)
        return NULL;
    if (!b->is_open && open_buffer(w, b, w->next_types[cpu]) < 0)
        return NULL;
    return b;
}

int etlw_event(EtlwWriter *w, uint32_t cpu, const EtlwEvent *event) {
    if (w->failed < 0)
        return w->failed;
    size_t bytes = etlw_event_bytes(event);
    if (bytes == 0 || ALIGN8(bytes) > w->options.buffer_bytes - ETLW_BUFFER_HEAD)
        return -(int)STATUS_OVERSIZE;
    OpenBuffer *b = room_for(w, cpu, bytes);
    if (b == NULL)
        return w->failed;
    if (etlw_event_has_time(event)) {
        if (event->time < w->last_times[cpu])
            w->n_backwards++;
        w->last_times[cpu] = MAX_OF(w->last_times[cpu], event->time);
    }
    w->n_events++;
    return add_event(w, b, event, bytes);
}

int etlw_raw(EtlwWriter *w, uint32_t cpu, const void *data, size_t bytes) {
    if (w->failed < 0)
        return w->failed;
    if (bytes == 0 || ALIGN8(bytes) > w->options.buffer_bytes - ETLW_BUFFER_HEAD)
        return -(int)STATUS_OVERSIZE;
    OpenBuffer *b = room_for(w, cpu, bytes);
    if (b == NULL)
        return w->failed;
    memset(b->data + b->used, 0, ALIGN8(bytes));
    memcpy(b->data + b->used, data, bytes);
    b->exact = b->used + (uint32_t)bytes;
    b->used += (uint32_t)ALIGN8(bytes);
    b->n_events++;
    return 0;
}

int etlw_header_event(EtlwWriter *w, const EtlwEvent *event) {
    if (w->failed < 0)
        return w->failed;
    size_t bytes = etlw_event_bytes(event);
    uint32_t limit = w->header_bytes != 0 ? w->header_bytes : w->options.buffer_bytes;
    if (bytes == 0 || w->header.used + ALIGN8(bytes) > limit)
        return -(int)STATUS_OVERSIZE;
    w->n_events++;
    return add_event(w, &w->header, event, bytes);
}

// --- sessions ---

// Builds the trace header event; its payload lies in w->scratch.
static EtlwEvent trace_header_event(EtlwWriter *w, const EtlwTotals *totals) {
    const EtlwOptions *o = &w->options;
    buf_clear(&w->scratch);
    etlw_header_put(o, totals, &w->scratch);
    EtlwEvent e = {0};
    e.header_type = o->pointer_size == 4 ? ETL_HEADER_SYSTEM32 : ETL_HEADER_SYSTEM64;
    e.desc.version = 2;
    e.pid = o->pid;
    e.tid = o->tid;
    e.time = o->clock.type == ETLW_CLOCK_SYSTEM ? o->clock.start_time : o->clock.start_raw;
    e.payload = w->scratch.data;
    e.payload_bytes = (uint32_t)w->scratch.bytes;
    return e;
}

// The header event is always the first row of its session's header buffer.
static void expect_header(EtlwWriter *w, const EtlwEvent *event) {
    if (w->expect == NULL)
        return;
    ExpectRow row;
    etlw_event_row(event, event->time, &row, &w->ext_text);
    row.buffer = w->header.expect_id;
    row.index = 0;
    row.end = ETLW_BUFFER_HEAD + (uint32_t)etlw_event_bytes(event);
    expect_row(w->expect, &row, buf_str(&w->ext_text));
}

static int begin_session(EtlwWriter *w) {
    const EtlwOptions *o = &w->options;
    w->segment = w->expect != NULL ? expect_segment(w->expect, &o->clock) : 0;
    w->next_sequence = o->first_sequence;
    w->n_data = 0;
    w->header_at = w->sink->bytes;
    w->header_bytes = 0;
    w->end_raw = INT64_MIN;
    w->totals = (EtlwTotals){.events_lost = o->events_lost, .buffers_lost = o->buffers_lost};
    w->header.cpu = 0;
    if (open_buffer(w, &w->header, ETLW_BUFFER_HEADER) < 0)
        return w->failed;
    EtlwEvent event = trace_header_event(w, &w->totals);
    if (w->scratch.failed)
        return fail(w, STATUS_NO_MEMORY);
    size_t bytes = etlw_event_bytes(&event);
    if (bytes == 0 || ETLW_BUFFER_HEAD + ALIGN8(bytes) > o->buffer_bytes)
        return fail(w, STATUS_OVERSIZE);
    // Its row comes at the end of the session, with the totals.
    Expect *expect = w->expect;
    w->expect = NULL;
    add_event(w, &w->header, &event, bytes);
    w->expect = expect;
    return 0;
}

int etlw_flush(EtlwWriter *w, uint32_t cpu) {
    OpenBuffer *b = w->failed < 0 ? NULL : cpu_slot(w, cpu);
    if (b == NULL || !b->is_open)
        return w->failed;
    return write_data_buffer(w, b, 0);
}

int etlw_flush_all(EtlwWriter *w) {
    for (uint32_t cpu = 0; cpu < w->n_cpus && w->failed == 0; cpu++)
        etlw_flush(w, cpu);
    return w->failed;
}

// Flushes, marks the last buffer and writes the trace header with its totals.
static int end_session(EtlwWriter *w) {
    etlw_flush_all(w);
    if (place_header(w) < 0)
        return w->failed;
    const EtlwOptions *o = &w->options;
    if (w->n_data > 0) {
        uint8_t flags[2];
        store_u16(flags, (uint16_t)(w->last_flags | ETLW_BUFFER_FLUSH_MARKER));
        etlw_sink_patch(w->sink, w->last_at + 0x34, flags, sizeof flags);
    }
    if (!o->unfinished) {
        w->totals.end_time = etlw_clock_filetime(&o->clock, w->end_raw) + 20000; // 2 ms to stop
        uint64_t n =
            o->circular_buffers > 0 ? MIN_OF(w->n_data, (uint64_t)o->circular_buffers) : w->n_data;
        w->totals.buffers_written = (uint32_t)n + 1;
    }
    EtlwEvent event = trace_header_event(w, &w->totals);
    if (w->scratch.failed)
        return fail(w, STATUS_NO_MEMORY);
    etlw_event_encode(&event, w->header.data + ETLW_BUFFER_HEAD);
    expect_header(w, &event);
    finish_plain(w, &w->header, w->header_bytes, ETLW_BUFFER_FLUSH_MARKER);
    etlw_sink_patch(w->sink, w->header_at, w->header.data, w->header_bytes);
    w->header.is_open = false;
    return sink_status(w);
}

int etlw_append(EtlwWriter *w, const EtlwOptions *options) {
    if (w->failed < 0)
        return w->failed;
    EtlwOptions next = *options;
    next.buffer_bytes = w->options.buffer_bytes;
    next.packing = w->options.packing;
    next.circular_buffers = 0;
    next.trim_header_buffer = w->options.trim_header_buffer;
    if (check_options(&next, NULL) < 0 || w->options.circular_buffers > 0)
        return fail(w, STATUS_INVALID_ARGUMENT);
    if (end_session(w) < 0)
        return w->failed;
    for (size_t i = 0; i < w->n_cpus; i++)
        w->last_times[i] = INT64_MIN;
    w->options = next;
    return begin_session(w);
}

int etlw_mark(EtlwWriter *w, uint32_t cpu, uint16_t buffer_flags) {
    OpenBuffer *b = w->failed < 0 ? NULL : room_for(w, cpu, 8);
    if (b != NULL)
        b->flags |= buffer_flags;
    return w->failed;
}

void etlw_skip_sequence(EtlwWriter *w, uint32_t n) {
    w->next_sequence += n;
}

void etlw_count_lost(EtlwWriter *w, uint32_t events, uint32_t buffers) {
    w->totals.events_lost += events;
    w->totals.buffers_lost += buffers;
}

int etlw_marker_buffer(EtlwWriter *w, uint32_t cpu, uint16_t type, int64_t raw_time) {
    OpenBuffer *b = w->failed < 0 ? NULL : cpu_slot(w, cpu);
    if (b == NULL || etlw_flush(w, cpu) < 0 || open_buffer(w, b, type) < 0)
        return w->failed;
    b->last_time = raw_time;
    return write_data_buffer(w, b, 0);
}

int etlw_buffer_type(EtlwWriter *w, uint32_t cpu, uint16_t type) {
    if (w->failed == 0 && cpu_slot(w, cpu) != NULL)
        w->next_types[cpu] = type;
    return w->failed;
}

uint64_t etlw_events(const EtlwWriter *w) {
    return w->n_events;
}

uint64_t etlw_bytes(const EtlwWriter *w) {
    return w->sink->bytes;
}

uint64_t etlw_backwards(const EtlwWriter *w) {
    return w->n_backwards;
}

// --- the file ---

int etlw_open(const EtlwOptions *options, EtlwSink *sink, Expect *expect, EtlwWriter **ret,
              Err *err) {
    int result = check_options(options, err);
    if (result < 0)
        return result;
    EtlwWriter *w = mem_zalloc(sizeof *w);
    if (w == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a trace writer");
    w->options = *options;
    w->sink = sink;
    w->expect = expect;
    if (options->packing != ETLW_PLAIN && (w->pack = lz77_pack_new()) == NULL)
        fail(w, STATUS_NO_MEMORY);
    if (options->circular_buffers > 0 && expect != NULL) {
        w->ring_ids = mem_array(options->circular_buffers, sizeof *w->ring_ids);
        if (w->ring_ids == NULL)
            fail(w, STATUS_NO_MEMORY);
    }
    if (w->failed == 0)
        cpu_slot(w, options->n_cpus - 1);
    if (w->failed == 0)
        begin_session(w);
    if (w->failed < 0)
        return etlw_close(w, err);
    *ret = w;
    return 0;
}

// What a preallocated file still holds of an earlier session: another logger, older times, and
// sequence numbers that do not continue ours.
static void write_stale_buffers(EtlwWriter *w) {
    const int64_t an_hour = 3600;
    uint16_t logger_id = w->options.logger_id;
    int64_t old = w->options.clock.start_raw - an_hour * etlw_clock_freq(&w->options.clock);
    static const uint8_t zeros[16];
    EtlwEvent event = {.header_type = ETL_HEADER_PERFINFO64, .group = 0x0f, .time = old};
    event.desc = (EventDescriptor){.version = 2, .opcode = 46};
    event.payload = zeros;
    event.payload_bytes = sizeof zeros;
    OpenBuffer *b = &w->header;
    w->options.logger_id = (uint16_t)(logger_id + 1);
    for (uint32_t i = 0; i < w->options.stale_tail_buffers; i++) {
        b->type = ETLW_BUFFER_GENERIC;
        b->sequence = 1 + i;
        b->last_time = old;
        b->used = b->exact = ETLW_BUFFER_HEAD + (uint32_t)etlw_event_bytes(&event);
        etlw_event_encode(&event, b->data + ETLW_BUFFER_HEAD);
        finish_plain(w, b, w->options.buffer_bytes, 0);
        etlw_sink_append(w->sink, b->data, w->options.buffer_bytes);
    }
    w->options.logger_id = logger_id;
}

static void write_tail(EtlwWriter *w) {
    write_stale_buffers(w);
    static const uint8_t zeros[4096];
    for (uint32_t left = w->options.zero_tail_bytes; left > 0;) {
        uint32_t n = (uint32_t)MIN_OF((size_t)left, sizeof zeros);
        etlw_sink_append(w->sink, zeros, n);
        left -= n;
    }
    sink_status(w);
}

int etlw_close(EtlwWriter *w, Err *err) {
    if (w == NULL)
        return 0;
    if (w->failed == 0 && end_session(w) == 0)
        write_tail(w);
    int failed = w->failed;
    for (size_t i = 0; i < w->n_cpus; i++)
        mem_free(w->cpus[i].data);
    mem_free(w->cpus);
    mem_free(w->last_times);
    mem_free(w->next_types);
    mem_free(w->header.data);
    mem_free(w->ring_ids);
    lz77_pack_free(w->pack);
    buf_deinit(&w->scratch);
    buf_deinit(&w->ext_text);
    mem_free(w);
    if (failed == 0)
        return 0;
    return err_set(err, (Status)-failed, "writing the trace failed: %s", status_text(-failed));
}

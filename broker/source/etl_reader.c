// See etl_reader.h. The stream is a merge over queues of buffers: one queue for each CPU, in the
// order of the index, and one for header buffers, whose late events (dropped times) belong to no
// CPU's order. Keys are (raw time, place of the buffer in the index), so that events of equal time
// stay in file order. Segments (sessions appended to one file) are merged one after the other.
//
// Memory: one window for each queue. Beyond options.memory_bytes windows of plain buffers shrink to
// WINDOW_MIN, and CPUs with compressed buffers, which must be unpacked whole, wait until others
// have ended: their events then come late and are flagged, but none is lost.
#include "source/etl_reader.h"

#include <stdlib.h>

#include "source/etl_buffer.h"
#include "source/etl_event.h"
#include "source/etl_index.h"
#include "util/mem.h"
#include "util/utf.h"

#define MEMORY_DEFAULT ((size_t)256 << 20)
#define WINDOW_MIN     (2 * ETL_EVENT_MAX)
#define QUEUE_STRAY    (ETL_CPU_MAX + 1u) // buffers with an impossible processor number
#define QUEUE_HEADER   (ETL_CPU_MAX + 2u)
#define N_QUEUES       (ETL_CPU_MAX + 3u)
#define NO_CURSOR      UINT16_MAX

typedef struct Cursor {
    uint32_t buffer; // index of the open buffer
    uint32_t next;   // index of the one after it
    uint8_t *own;    // memory of the window; NULL: not allocated
    size_t own_bytes;
    const uint8_t *data; // the window: bytes [base, base + have) of the buffer's image
    uint32_t base, have;
    uint32_t at;     // of the event found, in the image
    uint32_t end;    // of the events, in the image
    bool open, held; // held: waits for memory
    bool backwards, no_time;
    int64_t last_raw, max_raw; // within the queue
    bool any;                  // last_raw and max_raw are set
    int64_t key;
    EtlSpot spot;
} Cursor;

typedef struct Head {
    int64_t key;
    uint32_t order;
    uint16_t cursor;
} Head;

struct EtlReader {
    EtlOptions options;
    EtlInput input;
    EtlIndex index;
    EtlInfo info;
    EtlStats stats, stats_at_open;
    EtlLog log;
    uint32_t log_at_open;
    char *session_name, *file_name;
    bool merge;

    uint32_t segment; // open one; index.n_segments = end
    bool started;
    Cursor *cursors; // of the open segment
    uint32_t n_cursors;
    Head *heap; // smallest first
    uint32_t n_heap;
    bool yielded; // heap[0]'s event was given out
    uint32_t n_held;
    bool late;            // some queue of the segment had to wait
    int64_t max_raw;      // given out, of the segment
    size_t windows_bytes; // allocated
    uint8_t *packed;      // a compressed buffer as it stands in the file, and its image
    size_t packed_bytes;
    uint8_t *image;
    size_t image_bytes;
    uint8_t scratch[ETL_SCRATCH];
};

static void note(EtlReader *r, const EtlBuffer *b, uint32_t at, const char *what, uint64_t value) {
    etl_log_add(&r->log, b->offset, at, what, value);
    r->stats.n_diagnostics = r->log.n;
}

// ---- Windows

static int grow(uint8_t **block, size_t *bytes, size_t need, Err *err) {
    if (*bytes >= need)
        return 0;
    mem_free(*block);
    *bytes = 0;
    *block = mem_alloc(need);
    if (*block == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a buffer of %zu bytes", need);
    *bytes = need;
    return 0;
}

static int grow_window(EtlReader *r, Cursor *c, size_t need, Err *err) {
    size_t before = c->own_bytes;
    int result = grow(&c->own, &c->own_bytes, need, err);
    r->windows_bytes = r->windows_bytes - before + c->own_bytes;
    return result;
}

static void drop_window(EtlReader *r, Cursor *c) {
    r->windows_bytes -= c->own_bytes;
    mem_free(c->own);
    c->own = NULL;
    c->own_bytes = 0;
    c->data = NULL;
    c->open = false;
}

// Bytes of a plain buffer that are read at once.
static size_t window_for(const EtlReader *r, size_t bytes) {
    size_t window = r->options.window_bytes;
    if (window == 0) {
        window = bytes;
        if (r->n_cursors > 0 && bytes > r->options.memory_bytes / r->n_cursors)
            window = r->options.memory_bytes / r->n_cursors;
    }
    window = MAX_OF(window, (size_t)WINDOW_MIN);
    return MIN_OF(window, bytes);
}

// Makes the window begin at image offset `from` (a plain buffer's image is the buffer).
static int fill_window(EtlReader *r, Cursor *c, uint32_t from, Err *err) {
    const EtlBuffer *b = &r->index.buffers[c->buffer];
    size_t want = MIN_OF(c->own_bytes, (size_t)(c->end - from));
    uint32_t kept = 0;
    if (c->have > 0 && from >= c->base && from < c->base + c->have) {
        kept = c->base + c->have - from;
        memmove(c->own, c->own + (from - c->base), kept);
    }
    size_t got = 0;
    if (want > kept) {
        int result = etl_input_read(&r->input, b->offset + from + kept, c->own + kept, want - kept,
                                    &got, err);
        if (result < 0)
            return result;
    }
    c->base = from;
    c->have = kept + (uint32_t)got;
    if (c->have < want) {
        note(r, b, c->base + c->have, "the file has become shorter; kept what there is", c->have);
        c->end = c->base + c->have;
    }
    return 0;
}

static void give_up(EtlReader *r, const EtlBuffer *b, uint32_t at, uint64_t bytes, const char *what,
                    uint64_t value) {
    note(r, b, at, what, value);
    r->stats.bad_buffers++;
    r->stats.bad_bytes += bytes;
}

// > 0: not enough memory for another window now.
static int open_packed(EtlReader *r, Cursor *c, const EtlSegment *segment, Err *err) {
    const EtlBuffer *b = &r->index.buffers[c->buffer];
    const uint8_t *raw;
    size_t got = b->bytes;
    int result;
    if (r->input.file == NULL) {
        raw = r->input.memory + b->offset;
    } else {
        if ((result = grow(&r->packed, &r->packed_bytes, b->bytes, err)) < 0)
            return result;
        if ((result = etl_input_read(&r->input, b->offset, r->packed, b->bytes, &got, err)) < 0)
            return result;
        raw = r->packed;
    }
    if (got < ETL_BUFFER_HEAD) {
        note(r, b, 0, "the file has become shorter; buffer left out", got);
        c->at = c->end = 0;
        return 0;
    }
    EtlBufferHead head;
    etl_buffer_head(raw, &head);
    uint32_t capacity = etl_buffer_image_bytes(&head, segment->buffer_bytes);
    if ((result = grow(&r->image, &r->image_bytes, capacity, err)) < 0)
        return result;
    const char *what;
    uint32_t total = etl_buffer_inflate(raw, (uint32_t)got, r->image, capacity, &what);
    if (c->own_bytes < total && r->n_heap > 0 && r->merge &&
        r->windows_bytes - c->own_bytes + total > r->options.memory_bytes)
        return 1;
    if (what != NULL)
        give_up(r, b, total,
                total < head.offset && head.offset <= ETL_BUFFER_MAX ? head.offset - total : 0,
                what, head.offset);
    // Unpacking goes to shared memory first, so that a window takes what a buffer holds, not what
    // its header claims. Where the window is large enough, the two change places.
    if (c->own_bytes >= r->image_bytes || (c->own_bytes >= total && c->own_bytes >= capacity)) {
        uint8_t *own = c->own;
        size_t own_bytes = c->own_bytes;
        r->windows_bytes = r->windows_bytes - own_bytes + r->image_bytes;
        c->own = r->image;
        c->own_bytes = r->image_bytes;
        r->image = own;
        r->image_bytes = own_bytes;
    } else {
        if ((result = grow_window(r, c, total, err)) < 0)
            return result;
        memcpy(c->own, r->image, total);
    }
    c->data = c->own;
    c->base = 0;
    c->have = total;
    c->end = etl_buffer_events_end(&head, c->own, total, &what);
    if (what != NULL)
        note(r, b, head.offset, what, head.saved);
    c->at = ETL_BUFFER_HEAD;
    return 0;
}

static int open_plain(EtlReader *r, Cursor *c, Err *err) {
    const EtlBuffer *b = &r->index.buffers[c->buffer];
    if (r->input.file == NULL) {
        c->data = r->input.memory + b->offset;
        c->base = 0;
        c->have = c->end = b->bytes;
    } else {
        int result = grow_window(r, c, window_for(r, b->bytes), err);
        if (result < 0)
            return result;
        c->data = c->own;
        c->have = 0;
        c->end = b->bytes;
        if ((result = fill_window(r, c, 0, err)) < 0)
            return result;
        if (c->have < ETL_BUFFER_HEAD) {
            c->at = c->end = 0;
            return 0;
        }
    }
    EtlBufferHead head;
    etl_buffer_head(c->data, &head);
    const char *what;
    c->end = etl_buffer_events_end(&head, c->have >= c->end ? c->data : NULL, c->end, &what);
    if (what != NULL)
        note(r, b, head.offset, what, head.saved);
    c->at = ETL_BUFFER_HEAD;
    return 0;
}

// Opens the cursor's next buffer. 1: open; 0: the queue has ended; 2: waits for memory.
static int open_next(EtlReader *r, Cursor *c, Err *err) {
    if (c->next == ETL_INDEX_NONE)
        return 0;
    const EtlSegment *segment = &r->index.segments[r->segment];
    const EtlBuffer *b = &r->index.buffers[c->next];
    c->buffer = c->next;
    int result = (b->flags & ETL_BUFFER_COMPRESSED) != 0 ? open_packed(r, c, segment, err)
                                                         : open_plain(r, c, err);
    if (result < 0)
        return result;
    if (result > 0)
        return 2;
    c->next = r->merge                                      ? b->next
              : c->buffer + 1 < segment->first + segment->n ? c->buffer + 1
                                                            : ETL_INDEX_NONE;
    c->open = true;
    r->stats.buffers++;
    r->stats.bytes += b->bytes;
    r->stats.lost_event_flags += (b->flags & ETL_BUFFER_EVENTS_LOST) != 0;
    r->stats.lost_buffer_flags += (b->flags & ETL_BUFFER_BUFFER_LOST) != 0;
    return 1;
}

// Buffers of these types hold no events, or events of another form; they are read when they begin
// with an event all the same (then the type is what is damaged).
static bool without_events(uint8_t type) {
    return type == ETL_BUFFER_CTX_SWAP || type == ETL_BUFFER_REFTIME || type == ETL_BUFFER_EMPTY ||
           type == ETL_BUFFER_DBG_INFO;
}

// ---- Stepping

// Finds the next event from c->at on. 1: found; 0: the queue has ended; 2: waits for memory.
static int find_event(EtlReader *r, Cursor *c, Err *err) {
    for (;;) {
        if (!c->open || c->at >= c->end) {
            int result = open_next(r, c, err);
            if (result != 1) {
                c->open = false;
                return result;
            }
            continue;
        }
        uint32_t avail = c->end - c->at;
        if (c->base + c->have < c->end &&
            c->base + c->have - c->at < MIN_OF(avail, ETL_EVENT_MAX)) {
            int result = fill_window(r, c, c->at, err);
            if (result < 0)
                return result;
            continue;
        }
        const EtlBuffer *b = &r->index.buffers[c->buffer];
        const uint8_t *p = c->data + (c->at - c->base);
        EtlScan scan = etl_event_scan(p, avail, &c->spot);
        if (scan == ETL_SCAN_EVENT) {
            if (r->options.schema_only && !etl_event_is_schema(p, &c->spot)) {
                c->at += (uint32_t)ALIGN8(c->spot.bytes);
                continue;
            }
            if (c->spot.timed) {
                c->last_raw = c->spot.raw;
                c->no_time = false;
            } else {
                // Without a time of its own, it is as old as the one before it.
                if (!c->any)
                    c->last_raw = r->index.segments[r->segment].clock.header_raw;
                c->spot.raw = c->last_raw;
                c->no_time = true;
            }
            c->backwards = c->any && c->spot.raw < c->max_raw && r->merge;
            if (!c->backwards)
                c->max_raw = c->spot.raw;
            c->any = true;
            c->key = c->spot.raw;
            return 1;
        }
        if (scan == ETL_SCAN_SKIP) {
            note(r, b, c->at, c->spot.what, c->spot.value);
            r->stats.skipped++;
            c->at += (uint32_t)ALIGN8(c->spot.bytes);
            continue;
        }
        if (scan == ETL_SCAN_BAD && !(c->at == ETL_BUFFER_HEAD && without_events(b->type)))
            give_up(r, b, c->at, avail, c->spot.what, c->spot.value);
        c->at = c->end;
    }
}

static bool before(const Head *a, const Head *b) {
    return a->key < b->key || (a->key == b->key && a->order < b->order);
}

static void sift_down(EtlReader *r, uint32_t i) {
    Head *heap = r->heap;
    Head moving = heap[i];
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= r->n_heap)
            break;
        if (child + 1 < r->n_heap && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &moving))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moving;
}

static void heap_push(EtlReader *r, uint16_t cursor) {
    const Cursor *c = &r->cursors[cursor];
    Head head = {c->key, c->buffer, cursor};
    uint32_t i = r->n_heap++;
    while (i > 0 && before(&head, &r->heap[(i - 1) / 2])) {
        r->heap[i] = r->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    r->heap[i] = head;
}

// Lets queues in that had to wait for memory, as far as there is some now.
static int admit_held(EtlReader *r, Err *err) {
    for (uint32_t i = 0; i < r->n_cursors && r->n_held > 0; i++) {
        Cursor *c = &r->cursors[i];
        if (!c->held)
            continue;
        int result = find_event(r, c, err);
        if (result < 0)
            return result;
        if (result == 2)
            break;
        c->held = false;
        r->n_held--;
        if (result == 1)
            heap_push(r, (uint16_t)i);
        else
            drop_window(r, c);
    }
    return 0;
}

// ---- Segments

static void close_segment(EtlReader *r) {
    for (uint32_t i = 0; i < r->n_cursors; i++)
        drop_window(r, &r->cursors[i]);
    mem_free(r->cursors);
    mem_free(r->heap);
    r->cursors = NULL;
    r->heap = NULL;
    r->n_cursors = r->n_heap = r->n_held = 0;
    r->yielded = r->late = false;
    r->max_raw = INT64_MIN;
}

static uint32_t queue_of(const EtlReader *r, const EtlBuffer *b) {
    if (!r->merge)
        return 0;
    if (b->type == ETL_BUFFER_HEADER)
        return QUEUE_HEADER;
    return MIN_OF(b->cpu, QUEUE_STRAY);
}

static int open_segment(EtlReader *r, Err *err) {
    const EtlSegment *s = &r->index.segments[r->segment];
    uint16_t cursor_of[N_QUEUES];
    uint32_t tail[N_QUEUES] = {0}; // of queues that have a buffer already
    memset(cursor_of, 0xff, sizeof cursor_of);
    uint32_t n = 0;
    for (uint32_t i = s->first; i < s->first + s->n; i++) {
        uint32_t queue = queue_of(r, &r->index.buffers[i]);
        if (cursor_of[queue] == NO_CURSOR)
            cursor_of[queue] = (uint16_t)n++;
    }
    if (n == 0)
        return 0;
    r->cursors = mem_array(n, sizeof *r->cursors);
    r->heap = mem_array(n, sizeof *r->heap);
    if (r->cursors == NULL || r->heap == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory to merge %u processors", n);
    r->n_cursors = n;
    for (uint32_t i = 0; i < n; i++)
        r->cursors[i].next = ETL_INDEX_NONE;
    for (uint32_t i = s->first; i < s->first + s->n; i++) {
        EtlBuffer *b = &r->index.buffers[i];
        uint32_t queue = queue_of(r, b);
        b->next = ETL_INDEX_NONE;
        Cursor *c = &r->cursors[cursor_of[queue]];
        if (c->next == ETL_INDEX_NONE)
            c->next = i;
        else
            r->index.buffers[tail[queue]].next = i;
        tail[queue] = i;
    }
    for (uint32_t i = 0; i < n; i++) {
        Cursor *c = &r->cursors[i];
        int result = find_event(r, c, err);
        if (result < 0)
            return result;
        if (result == 1) {
            heap_push(r, (uint16_t)i);
        } else if (result == 2) {
            if (r->n_held++ == 0)
                note(r, &r->index.buffers[c->next], 0,
                     "more processors than memory for their buffers; some come late", n);
            c->held = r->late = true;
        } else {
            drop_window(r, c);
        }
    }
    return 0;
}

// ---- Public

static int take_name(char **ret, const uint8_t *units, uint32_t n, Err *err) {
    size_t bytes = units == NULL ? 0 : utf16_to_utf8_fixed(NULL, 0, units, n);
    *ret = mem_alloc(bytes + 1);
    if (*ret == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the session's name");
    (*ret)[0] = 0;
    if (bytes > 0)
        (void)utf16_to_utf8_fixed(*ret, bytes + 1, units, n);
    return 0;
}

static void fill_info(EtlReader *r, const EtlTraceHead *h) {
    EtlInfo *info = &r->info;
    info->buffer_bytes = h->buffer_bytes;
    info->os_build = h->os_build;
    info->n_processors = h->n_processors;
    info->timer_resolution = h->timer_resolution;
    info->max_file_mb = h->max_file_mb;
    info->mode = h->mode;
    info->buffers_written = h->buffers_written;
    info->start_buffers = h->start_buffers;
    info->pointer_size = h->pointer_size;
    info->events_lost = h->events_lost;
    info->cpu_mhz = h->cpu_mhz;
    info->buffers_lost = h->buffers_lost;
    info->os_major = h->os_major;
    info->os_minor = h->os_minor;
    info->sub_version = h->sub_version;
    info->sub_minor = h->sub_minor;
    info->start_time = h->clock.start_time;
    info->end_time = h->end_time;
    info->boot_time = h->boot_time;
    info->perf_freq = h->perf_freq;
    info->raw_freq = h->clock.freq;
    info->header_time = h->clock.header_raw;
    info->clock_type = h->clock.type;
    info->bias_minutes = h->bias_minutes;
    info->session_name = r->session_name;
    info->file_name = r->file_name;
    info->file_bytes = r->input.bytes;
    info->n_buffers = r->index.n_buffers;
    info->n_cpus = r->index.n_cpus;
    info->compressed = r->index.compressed;
    info->circular_wrapped = r->index.circular_wrapped;
    info->appended = r->index.n_segments > 1;
    // Of all sessions in the file; later headers may know of more.
    for (uint32_t i = 0; i < r->index.n_segments; i++) {
        const EtlSegment *s = &r->index.segments[i];
        info->events_lost = i == 0 ? s->events_lost : info->events_lost + s->events_lost;
        info->buffers_lost = i == 0 ? s->buffers_lost : info->buffers_lost + s->buffers_lost;
    }
}

// Takes the input's file, also on failure.
static int open_input(const EtlInput *take_input, const EtlOptions *options, EtlReader **ret,
                      Err *err) {
    EtlReader *r = mem_zalloc(sizeof *r);
    if (r == NULL) {
        plat_file_close(take_input->file);
        return err_set(err, STATUS_NO_MEMORY, "no memory to open the file");
    }
    r->input = *take_input;
    if (options != NULL)
        r->options = *options;
    if (r->options.memory_bytes == 0)
        r->options.memory_bytes = MEMORY_DEFAULT;
    r->merge = !r->options.file_order && !r->options.schema_only;
    EtlTraceHead head;
    uint8_t *head_bytes;
    int result = etl_index_build(&r->index, &r->input, &r->log, &head, &head_bytes, err);
    if (result < 0)
        goto fail;
    result = take_name(&r->session_name, head.session_name, head.session_units, err);
    if (result == 0)
        result = take_name(&r->file_name, head.file_name, head.file_units, err);
    mem_free(head_bytes);
    if (result < 0)
        goto fail;
    fill_info(r, &head);
    r->stats_at_open.sequence_gaps = r->index.sequence_gaps;
    r->stats_at_open.n_diagnostics = r->log.n;
    r->log_at_open = r->log.n;
    r->stats = r->stats_at_open;
    *ret = r;
    return 0;
fail:
    etl_close(r);
    return result;
}

int etl_open(const char *path, const EtlOptions *options, EtlReader **ret, Err *err) {
    EtlInput input = {0};
    int result = plat_file_open(path, &input.file, err);
    if (result < 0)
        return result;
    input.bytes = plat_file_size(input.file);
    result = open_input(&input, options, ret, err);
    return result < 0 ? err_prefix(err, result, "%s", path) : 0;
}

int etl_open_memory(const void *data, size_t bytes, const EtlOptions *options, EtlReader **ret,
                    Err *err) {
    EtlInput input = {NULL, data, bytes};
    return open_input(&input, options, ret, err);
}

EtlReader *etl_close(EtlReader *r) {
    if (r != NULL) {
        close_segment(r);
        etl_index_deinit(&r->index);
        mem_free(r->packed);
        mem_free(r->image);
        mem_free(r->session_name);
        mem_free(r->file_name);
        plat_file_close(r->input.file);
        mem_free(r);
    }
    return NULL;
}

// Steps over the event that was given out last.
static int advance(EtlReader *r, Err *err) {
    Cursor *c = &r->cursors[r->heap[0].cursor];
    c->at += (uint32_t)ALIGN8(c->spot.bytes);
    r->yielded = false;
    int result = find_event(r, c, err);
    if (result < 0)
        return result;
    if (result == 1) {
        r->heap[0].key = c->key;
        r->heap[0].order = c->buffer;
        sift_down(r, 0);
        return 0;
    }
    if (result == 2) {
        c->held = r->late = true;
        r->n_held++;
    }
    drop_window(r, c);
    r->heap[0] = r->heap[--r->n_heap];
    if (r->n_heap > 0)
        sift_down(r, 0);
    return r->n_held > 0 ? admit_held(r, err) : 0;
}

int etl_next(EtlReader *r, EventRecord *ret, Err *err) {
    int result;
    if (r->yielded && (result = advance(r, err)) < 0)
        return result;
    while (r->n_heap == 0) {
        if (r->n_held > 0) {
            if ((result = admit_held(r, err)) < 0)
                return result;
            continue;
        }
        close_segment(r);
        if (r->started && r->segment < r->index.n_segments)
            r->segment++;
        r->started = true;
        if (r->segment >= r->index.n_segments)
            return 0;
        if ((result = open_segment(r, err)) < 0)
            return result;
    }
    Cursor *c = &r->cursors[r->heap[0].cursor];
    const EtlBuffer *b = &r->index.buffers[c->buffer];
    const char *what;
    etl_event_decode(c->data + (c->at - c->base), &c->spot, r->scratch, ret, &what);
    ret->time = etl_clock_filetime(&r->index.segments[r->segment].clock, c->spot.raw);
    ret->cpu = b->cpu;
    ret->session = (uint16_t)MIN_OF(r->segment, UINT16_MAX);
    ret->ordinal = r->stats.events; // counted from 0 again by etl_rewind
    if (c->no_time)
        ret->flags |= EVENT_TIME_GUESSED;
    bool late = r->late && c->spot.raw < r->max_raw;
    r->max_raw = MAX_OF(r->max_raw, c->spot.raw);
    if (c->backwards || late) {
        ret->flags |= EVENT_OUT_OF_ORDER;
        r->stats.out_of_order++;
    }
    if (what != NULL) {
        note(r, b, c->at, what, c->spot.bytes);
        r->stats.malformed++;
    }
    r->stats.events++;
    r->stats.by_header[ret->header_type & 31]++;
    r->yielded = true;
    return 1;
}

int etl_rewind(EtlReader *r, Err *err) {
    (void)err;
    close_segment(r);
    r->segment = 0;
    r->started = false;
    r->stats = r->stats_at_open;
    r->log.n = r->log_at_open;
    return 0;
}

const EtlInfo *etl_info(const EtlReader *r) {
    return &r->info;
}

const EtlStats *etl_stats(const EtlReader *r) {
    return &r->stats;
}

uint32_t etl_diagnostics(const EtlReader *r, const EtlDiagnostic **ret) {
    *ret = r->log.kept;
    return MIN_OF(r->log.n, (uint32_t)ETL_DIAGNOSTICS_KEPT);
}

uint32_t etl_segment(const EtlReader *r) {
    return MIN_OF(r->segment, r->index.n_segments - 1);
}

double etl_progress(const EtlReader *r) {
    if (r->index.bytes == 0 || (r->started && r->segment >= r->index.n_segments))
        return 1.0;
    return (double)r->stats.bytes / (double)r->index.bytes;
}

int64_t etl_to_filetime(const EtlReader *r, int64_t raw) {
    return etl_clock_filetime(&r->index.segments[etl_segment(r)].clock, raw);
}

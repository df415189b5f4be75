// See etl_index.h.
#include "source/etl_index.h"

#include <stdlib.h>

#include "source/etl_buffer.h"
#include "source/etl_event.h"
#include "util/mem.h"

// Below this size the nominal buffer size is no grid to step by: ETW's smallest buffer is 1 KiB.
#define GRID_MIN   1024u
#define SCAN_CHUNK 4096u
// A header and the first event's marker: enough to tell a blank buffer from a damaged header.
#define PEEK_BYTES (ETL_BUFFER_HEAD + 8u)

typedef struct Walk {
    EtlIndex *index;
    EtlInput *input;
    EtlLog *log;
    EtlTraceHead trace; // of the current segment
    uint64_t size;
    uint32_t nominal;
    bool compressed;
    // Of the current segment, for stale buffers.
    uint32_t n_data;
    uint16_t logger;
    uint64_t max_sequence;
    uint64_t blank_at; // first of a run of blank buffers; UINT64_MAX = none
} Walk;

typedef struct Peek {
    uint8_t raw[PEEK_BYTES];
    uint32_t got;
    EtlBufferHead head;
} Peek;

static bool size_possible(uint32_t bytes) {
    return bytes >= ETL_BUFFER_HEAD && bytes <= ETL_BUFFER_MAX;
}

// A header that may well be one: used to choose between two possible sizes of the buffer before it.
static bool head_plausible(const EtlBufferHead *head) {
    return size_possible(head->bytes) && head->type < ETL_BUFFER_TYPES &&
           (size_possible(head->offset) || size_possible(head->saved));
}

static int peek(Walk *w, uint64_t offset, Peek *ret, Err *err) {
    size_t got;
    int result = etl_input_read(w->input, offset, ret->raw, sizeof ret->raw, &got, err);
    if (result < 0)
        return result;
    ret->got = (uint32_t)got;
    if (got >= ETL_BUFFER_HEAD)
        etl_buffer_head(ret->raw, &ret->head);
    return 0;
}

// 1: a buffer of this size may begin at `offset`, or the file ends exactly there.
static int next_is(Walk *w, uint64_t offset, uint32_t bytes, Err *err) {
    if (offset >= w->size)
        return offset == w->size;
    Peek p;
    int result = peek(w, offset, &p, err);
    if (result < 0)
        return result;
    return p.got >= ETL_BUFFER_HEAD && head_plausible(&p.head) && p.head.bytes == bytes;
}

// The most that a compressed buffer can take: literals cost 36 bytes for 32.
static uint64_t compressed_max(const Walk *w) {
    uint64_t nominal = w->nominal >= GRID_MIN ? w->nominal : ETL_BUFFER_MAX;
    return nominal + nominal / 8 + ETL_BUFFER_HEAD + 64;
}

// The header of a compressed buffer, consistent in all that it says.
static bool packed_plausible(const Walk *w, const EtlBufferHead *head) {
    return (head->flags & ETL_BUFFER_COMPRESSED) != 0 && head->type == ETL_BUFFER_GENERIC &&
           head->state == 3 && head->saved == head->offset && size_possible(head->offset) &&
           size_possible(head->bytes) && head->bytes <= compressed_max(w) &&
           head->cpu <= ETL_CPU_MAX && head->sequence != 0 && head->sequence <= UINT32_MAX;
}

// What may follow a buffer of a compressed file: bytes of a stream pass for a header too easily when
// only sizes are looked at.
static bool follower_plausible(const Walk *w, const EtlBufferHead *head) {
    bool packed = (head->flags & ETL_BUFFER_COMPRESSED) != 0;
    return head_plausible(head) && head->bytes <= compressed_max(w) && head->flags <= 0xff &&
           head->cpu <= ETL_CPU_MAX && head->state <= 4 && head->sequence <= UINT32_MAX &&
           (packed ? head->saved == head->offset : head->offset <= head->bytes);
}

// 1: such a buffer begins at `offset`, or the file ends exactly there.
static int follower_at(Walk *w, uint64_t offset, Err *err) {
    if (offset >= w->size)
        return offset == w->size;
    Peek p;
    int result = peek(w, offset, &p, err);
    if (result < 0)
        return result;
    return p.got >= ETL_BUFFER_HEAD && follower_plausible(w, &p.head);
}

// Looks for a compressed buffer's header in [from, to): consistent in itself, and followed by another
// header or the end of the file. 1: found at *ret; 0: none.
static int find_compressed(Walk *w, uint64_t from, uint64_t to, uint64_t *ret, Err *err) {
    uint8_t chunk[SCAN_CHUNK];
    to = MIN_OF(to, w->size);
    while (from < to) {
        size_t got;
        int result = etl_input_read(w->input, from, chunk, sizeof chunk, &got, err);
        if (result < 0)
            return result;
        if (got < ETL_BUFFER_HEAD)
            return 0;
        size_t i = 0;
        for (; i + ETL_BUFFER_HEAD <= got && from + i < to; i++) {
            if (load_u16(chunk + i + 0x36) != ETL_BUFFER_GENERIC)
                continue; // most places are no header
            EtlBufferHead head;
            etl_buffer_head(chunk + i, &head);
            if (!packed_plausible(w, &head))
                continue;
            uint64_t next = from + i + head.bytes;
            result = next > w->size ? 1 : follower_at(w, next, err);
            if (result < 0)
                return result;
            if (result > 0) {
                *ret = from + i;
                return 1;
            }
        }
        from += i;
    }
    return 0;
}

// The header event of a header buffer. 1: found; 0: there is none. *ret_bytes: memory that ret's names
// point into (mem_free).
static int load_trace_head(Walk *w, uint64_t offset, const EtlBufferHead *head, EtlTraceHead *ret,
                           uint8_t **ret_bytes, Err *err) {
    *ret = (EtlTraceHead){0};
    bool packed = (head->flags & ETL_BUFFER_COMPRESSED) != 0;
    // The event is the first one, so the front of the buffer is enough; its announced size is not
    // needed, and may be damaged.
    size_t want = packed ? head->bytes : ETL_BUFFER_HEAD + ETL_EVENT_MAX;
    uint32_t capacity = packed ? etl_buffer_image_bytes(head, 0) : 0;
    uint8_t *raw = mem_alloc(want);
    uint8_t *image = packed ? mem_alloc(capacity) : NULL;
    int result;
    if (raw == NULL || (packed && image == NULL)) {
        result = err_set(err, STATUS_NO_MEMORY, "no memory for the trace header");
        goto out;
    }
    size_t got;
    result = etl_input_read(w->input, offset, raw, want, &got, err);
    if (result != 0)
        goto out;
    const uint8_t *p = raw;
    uint32_t bytes = (uint32_t)got;
    if (packed && got > ETL_BUFFER_HEAD) {
        const char *what;
        bytes = etl_buffer_inflate(raw, bytes, image, capacity, &what);
        p = image;
    }
    EtlSpot spot;
    if (bytes <= ETL_BUFFER_HEAD ||
        etl_event_scan(p + ETL_BUFFER_HEAD, bytes - ETL_BUFFER_HEAD, &spot) != ETL_SCAN_EVENT ||
        (spot.type != ETL_HEADER_SYSTEM32 && spot.type != ETL_HEADER_SYSTEM64))
        goto out;
    uint8_t scratch[ETL_SCRATCH];
    EventRecord record;
    const char *what;
    etl_event_decode(p + ETL_BUFFER_HEAD, &spot, scratch, &record, &what);
    if ((record.flags & EVENT_FILE_HEADER) == 0 ||
        !etl_trace_head(record.payload, record.payload_bytes, spot.type == ETL_HEADER_SYSTEM64,
                        spot.raw, ret))
        goto out;
    *ret_bytes = packed ? image : raw;
    mem_free(packed ? raw : NULL);
    return 1;
out:
    mem_free(raw);
    mem_free(image);
    return result;
}

static void log_fixes(EtlLog *log, uint64_t offset, const EtlTraceHead *head) {
    static const struct {
        uint32_t fix;
        const char *what;
    } texts[] = {
        {ETL_FIX_FREQ, "clock frequency missing or impossible; 10 MHz taken"},
        {ETL_FIX_CLOCK, "unknown clock type; performance counter taken"},
        {ETL_FIX_POINTER, "pointer size neither 4 nor 8; that of the header event taken"},
        {ETL_FIX_STRINGS, "session or file name missing or cut off; kept what there is"},
        {ETL_FIX_CPU_SPEED, "cycle clock without a processor speed; counter frequency taken"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        if (head->fixes & texts[i].fix & ~(uint32_t)ETL_FIX_STRINGS)
            etl_log_add(log, offset, ETL_BUFFER_HEAD, texts[i].what, head->fixes);
    }
}

static int add_segment(Walk *w, const EtlTraceHead *trace, Err *err) {
    EtlIndex *index = w->index;
    EtlSegment *segments = mem_resize(index->segments, (index->n_segments + 1u) * sizeof *segments);
    if (segments == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the index of the file");
    index->segments = segments;
    EtlSegment *s = &segments[index->n_segments++];
    *s = (EtlSegment){0};
    s->first = index->n_buffers;
    s->clock = trace->clock;
    s->events_lost = trace->events_lost;
    s->buffers_lost = trace->buffers_lost;
    w->trace = *trace;
    w->trace.session_name = w->trace.file_name = NULL;
    w->compressed = (trace->mode & ETL_MODE_COMPRESSED) != 0;
    if (trace->buffer_bytes >= GRID_MIN && trace->buffer_bytes <= ETL_BUFFER_MAX)
        w->nominal = trace->buffer_bytes;
    s->buffer_bytes = w->nominal;
    w->n_data = 0;
    w->max_sequence = 0;
    return 0;
}

static int add_buffer(Walk *w, const EtlBuffer *buffer, Err *err) {
    EtlIndex *index = w->index;
    if (index->n_buffers == index->capacity) {
        size_t capacity = index->capacity == 0 ? 64 : (size_t)index->capacity * 2;
        if (capacity >= ETL_INDEX_NONE)
            return err_set(err, STATUS_UNSUPPORTED, "the file has more than 2^31 buffers");
        EtlBuffer *buffers = mem_resize(index->buffers, capacity * sizeof *buffers);
        if (buffers == NULL)
            return err_set(err, STATUS_NO_MEMORY, "no memory for the index of %u buffers",
                           index->n_buffers);
        index->buffers = buffers;
        index->capacity = (uint32_t)capacity;
    }
    index->buffers[index->n_buffers++] = *buffer;
    index->segments[index->n_segments - 1].n++;
    index->bytes += buffer->bytes;
    return 0;
}

// How far to the next buffer, and whether this one's header can be believed.
typedef struct Step {
    uint64_t bytes;
    bool damaged;
    bool stop; // nothing can be found behind this one
} Step;

static int step_packed(Walk *w, uint64_t at, const EtlBufferHead *head, Step *ret, Err *err) {
    uint64_t found;
    bool possible = size_possible(head->bytes) && head->type < ETL_BUFFER_TYPES;
    if (possible) {
        ret->bytes = head->bytes;
        uint64_t next = at + head->bytes;
        int result = follower_at(w, next, err);
        if (result != 0)
            return MIN_OF(result, 0);
        // This size is wrong (then a header stands inside), or the next header is, or the file is cut.
        bool believed = at == 0 || follower_plausible(w, head);
        result = find_compressed(w, at + (believed ? ETL_BUFFER_HEAD : 1), next, &found, err);
        if (result < 0)
            return result;
        if (result > 0) {
            etl_log_add(w->log, at, 0, "buffer size is wrong; next buffer found by its header",
                        head->bytes);
            ret->bytes = found - at;
        }
        return 0;
    }
    ret->damaged = true;
    int result = find_compressed(w, at + 1, at + compressed_max(w), &found, err);
    if (result < 0)
        return result;
    if (result > 0) {
        etl_log_add(w->log, at, 0, "damaged buffer header; next buffer found by its header",
                    head->bytes);
        ret->bytes = found - at;
    } else {
        etl_log_add(w->log, at, 0,
                    "damaged buffer header and no other behind it; end of the file taken",
                    head->bytes);
        ret->bytes = MIN_OF(w->size - at, compressed_max(w));
        ret->stop = true;
    }
    return 0;
}

static int step_plain(Walk *w, uint64_t at, const EtlBufferHead *head, Step *ret, Err *err) {
    bool grid = w->nominal >= GRID_MIN;
    if (grid && head->bytes == w->nominal) {
        ret->bytes = w->nominal;
        return 0;
    }
    if (!grid) {
        ret->bytes = head->bytes;
        if (!size_possible(head->bytes)) {
            etl_log_add(w->log, at, 0, "impossible buffer size; end of the file taken",
                        head->bytes);
            ret->bytes = w->size - at;
            ret->damaged = ret->stop = true;
        }
        return 0;
    }
    ret->bytes = w->nominal;
    if (size_possible(head->bytes)) {
        // Either this size is damaged, or the nominal size is, or this is a header buffer that a merging
        // tool has trimmed. The header that stands behind decides.
        bool trimmed = at == 0 || head->type == ETL_BUFFER_HEADER;
        int result = next_is(w, at + w->nominal, w->nominal, err);
        if (result < 0)
            return result;
        int own = next_is(w, at + head->bytes, trimmed ? w->nominal : head->bytes, err);
        if (own < 0)
            return own;
        // Two neighbours that agree on another size outweigh the trace header; at the end of the file
        // there is no neighbour.
        if (own > 0 && (result == 0 || (!trimmed && at + head->bytes != w->size))) {
            ret->bytes = head->bytes;
            if (!trimmed) {
                etl_log_add(w->log, at, 0, "nominal buffer size is wrong; the buffer's taken",
                            head->bytes);
                w->nominal = head->bytes;
                w->index->segments[w->index->n_segments - 1].buffer_bytes = head->bytes;
            }
            return 0;
        }
        if (result > 0) {
            etl_log_add(w->log, at, 0, "buffer size is wrong; nominal size taken", head->bytes);
            return 0;
        }
        if (at == 0) {
            // Then the nominal size is wrong as well; the next buffer will tell.
            ret->bytes = head->bytes;
            return 0;
        }
    }
    ret->damaged = true;
    etl_log_add(w->log, at, 0, "damaged buffer header; nominal size taken", head->bytes);
    return 0;
}

// A compressed buffer in a file that is not. 1: its header and the place of the next one say so.
static int is_packed_stranger(Walk *w, uint64_t at, const EtlBufferHead *head, Err *err) {
    if (head->bytes == w->nominal || !packed_plausible(w, head))
        return 0;
    int result = next_is(w, at + w->nominal, w->nominal, err);
    if (result != 0)
        return MIN_OF(result, 0);
    return follower_at(w, at + head->bytes, err);
}

static bool all_zero(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] != 0)
            return false;
    }
    return true;
}

// A preallocated file is not cleared: behind the session's buffers those of an earlier one may stand.
// One sign alone may be damage; two together are another session.
static bool is_stale(const Walk *w, const EtlBufferHead *head) {
    if ((w->trace.mode & ETL_MODE_PREALLOCATE) == 0 || w->n_data == 0 ||
        head->type == ETL_BUFFER_HEADER)
        return false;
    int signs = 0;
    signs += head->logger != w->logger;
    signs += head->time != 0 && head->time < w->trace.clock.header_raw;
    signs += w->trace.buffers_written > 0 && w->n_data + 1 >= w->trace.buffers_written;
    signs += (w->trace.mode & ETL_MODE_CIRCULAR) == 0 &&
             (head->sequence == 0 || head->sequence + 2 * ETL_CPU_MAX < w->max_sequence ||
              head->sequence > w->max_sequence + 2 * ETL_CPU_MAX);
    return signs >= 2;
}

static int walk_header(Walk *w, uint64_t at, const EtlBufferHead *head, Err *err) {
    EtlTraceHead trace;
    uint8_t *bytes = NULL;
    int result = load_trace_head(w, at, head, &trace, &bytes, err);
    if (result < 0)
        return result;
    if (result == 0) {
        etl_log_add(w->log, at, ETL_BUFFER_HEAD, "header buffer without a trace header; clock kept",
                    0);
        return 0;
    }
    mem_free(bytes);
    EtlSegment *current = &w->index->segments[w->index->n_segments - 1];
    if (etl_clock_equal(&trace.clock, &current->clock)) {
        // The same session again (a header at the end): its counts are the later ones.
        current->events_lost = MAX_OF(current->events_lost, trace.events_lost);
        current->buffers_lost = MAX_OF(current->buffers_lost, trace.buffers_lost);
        return 0;
    }
    log_fixes(w->log, at, &trace);
    return add_segment(w, &trace, err);
}

static void note_blank_end(Walk *w, uint64_t at) {
    if (w->blank_at != UINT64_MAX)
        etl_log_add(w->log, w->blank_at, 0, "unused buffers (zeroes); passed over",
                    at - w->blank_at);
    w->blank_at = UINT64_MAX;
}

static int walk_buffers(Walk *w, Err *err) {
    EtlIndex *index = w->index;
    for (uint64_t at = 0; at < w->size;) {
        uint64_t left = w->size - at;
        Peek p;
        int result = peek(w, at, &p, err);
        if (result < 0)
            return result;
        if (p.got < ETL_BUFFER_HEAD) {
            etl_log_add(w->log, at, 0, "too few bytes for a buffer at the end; left out", left);
            break;
        }
        EtlBufferHead *head = &p.head;
        bool first = at == 0;
        bool blank = !first && all_zero(p.raw, p.got);
        if (blank && !w->compressed) {
            if (w->blank_at == UINT64_MAX)
                w->blank_at = at;
            if (w->nominal < GRID_MIN)
                break;
            at += w->nominal;
            continue;
        }
        note_blank_end(w, at);
        // Before the step is chosen: an appended session may have other sizes.
        if (!first && head->type == ETL_BUFFER_HEADER && size_possible(head->bytes) &&
            (result = walk_header(w, at, head, err)) < 0)
            return result;
        if (is_stale(w, head)) {
            etl_log_add(
                w->log, at, 0,
                "buffer of an earlier session in a preallocated file; end of the trace taken",
                head->sequence);
            break;
        }
        Step step = {0, false, false};
        bool packed = w->compressed;
        if (!packed && (result = is_packed_stranger(w, at, head, err)) != 0) {
            if (result < 0)
                return result;
            packed = true;
        }
        result =
            packed ? step_packed(w, at, head, &step, err) : step_plain(w, at, head, &step, err);
        if (result < 0)
            return result;
        if (blank && step.stop)
            break; // zeroes to the end
        if (step.bytes > left)
            etl_log_add(w->log, at, 0, "last buffer is cut off; kept what there is", left);

        if (step.bytes < ETL_BUFFER_HEAD) {
            // No buffer, but the end of the one before, whose size was too small.
            index->buffers[index->n_buffers - 1].bytes += (uint32_t)step.bytes;
            index->bytes += step.bytes;
            at += step.bytes;
            continue;
        }

        EtlBuffer buffer = {at, 0, 0, ETL_INDEX_NONE, head->cpu, (uint8_t)head->flags, 0};
        buffer.bytes = (uint32_t)MIN_OF(step.bytes, left);
        buffer.type = (uint8_t)MIN_OF(head->type, ETL_BUFFER_TYPES);
        if (head->sequence <= UINT32_MAX && !step.damaged)
            buffer.sequence = (uint32_t)head->sequence;
        if (step.damaged && packed)
            buffer.flags |= ETL_BUFFER_COMPRESSED;
        else if (!packed && !first && head->type != ETL_BUFFER_HEADER)
            buffer.flags &= (uint8_t)~ETL_BUFFER_COMPRESSED; // it has the size of a plain one
        if (buffer.cpu > ETL_CPU_MAX)
            etl_log_add(w->log, at, 0, "impossible processor number; buffer kept", buffer.cpu);
        else if (!step.damaged)
            index->n_cpus = MAX_OF(index->n_cpus, buffer.cpu + 1u);
        if (head->type >= ETL_BUFFER_TYPES && !step.damaged)
            etl_log_add(w->log, at, 0, "unknown buffer type; read as any other", head->type);
        index->compressed |= (buffer.flags & ETL_BUFFER_COMPRESSED) != 0;
        if ((result = add_buffer(w, &buffer, err)) < 0)
            return result;
        if (!first && head->type != ETL_BUFFER_HEADER && !step.damaged) {
            if (w->n_data++ == 0)
                w->logger = head->logger;
            if (head->sequence <= UINT32_MAX)
                w->max_sequence = MAX_OF(w->max_sequence, head->sequence);
        }
        if (step.stop)
            break;
        at += step.bytes;
    }
    note_blank_end(w, w->size);
    return 0;
}

static int by_sequence(const void *a_, const void *b_) {
    const EtlBuffer *a = a_, *b = b_;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

// A circular file that has wrapped begins in the middle: the oldest buffer has the smallest number.
static bool order_segment(EtlIndex *index, const EtlSegment *s) {
    uint32_t last[ETL_CPU_MAX + 2] = {0};
    bool rotated = false;
    EtlBuffer *b = index->buffers + s->first;
    uint32_t first_data = 0;
    while (first_data < s->n && b[first_data].type == ETL_BUFFER_HEADER)
        first_data++;
    for (uint32_t i = first_data; i < s->n && !rotated; i++) {
        uint32_t *cpu = &last[MIN_OF(b[i].cpu, ETL_CPU_MAX + 1)];
        rotated = b[i].sequence != 0 && b[i].sequence < *cpu;
        if (b[i].sequence != 0)
            *cpu = b[i].sequence;
    }
    if (!rotated)
        return false;
    // A buffer whose number is damaged stays behind the one it follows in the file.
    for (uint32_t i = first_data + 1; i < s->n; i++) {
        if (b[i].sequence == 0)
            b[i].sequence = b[i - 1].sequence;
    }
    qsort(b + first_data, s->n - first_data, sizeof *b, by_sequence);
    return true;
}

// Numbers are given out one by one, so each number missing between the smallest and the largest is a
// buffer that did not reach the file (sessions of a NEWFILE series begin above 1).
static int count_gaps(EtlIndex *index, EtlSegment *s, EtlLog *log, Err *err) {
    const EtlBuffer *b = index->buffers + s->first;
    uint32_t low = UINT32_MAX, high = 0, unnumbered = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (b[i].sequence == 0) {
            unnumbered += b[i].type != ETL_BUFFER_HEADER;
            continue;
        }
        low = MIN_OF(low, b[i].sequence);
        high = MAX_OF(high, b[i].sequence);
    }
    if (high == 0)
        return 0;
    uint64_t range = (uint64_t)high - low + 1;
    if (range > 4 * (uint64_t)s->n + 65536) {
        etl_log_add(log, b[0].offset, 0, "sequence numbers are too far apart; gaps not counted",
                    range);
        return 0;
    }
    uint8_t *seen = mem_zalloc((size_t)(range / 8 + 1));
    if (seen == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the index of the file");
    uint64_t distinct = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (b[i].sequence == 0)
            continue;
        uint32_t bit = b[i].sequence - low;
        distinct += ((seen[bit / 8] >> (bit % 8)) & 1) == 0;
        seen[bit / 8] = (uint8_t)(seen[bit / 8] | (1u << (bit % 8)));
    }
    mem_free(seen);
    uint64_t missing = range - distinct;
    s->sequence_gaps = missing > unnumbered ? missing - unnumbered : 0;
    if (s->sequence_gaps > 0)
        etl_log_add(log, b[0].offset, 0, "sequence numbers are missing: buffers were lost",
                    s->sequence_gaps);
    index->sequence_gaps += s->sequence_gaps;
    return 0;
}

int etl_index_build(EtlIndex *index, EtlInput *input, EtlLog *log, EtlTraceHead *ret_head,
                    uint8_t **ret_head_bytes, Err *err) {
    Walk w = {0};
    w.index = index;
    w.input = input;
    w.log = log;
    w.size = input->bytes;
    w.blank_at = UINT64_MAX;
    *index = (EtlIndex){0};
    *ret_head_bytes = NULL;

    Peek p;
    int result = peek(&w, 0, &p, err);
    if (result < 0)
        return result;
    if (p.got < ETL_BUFFER_HEAD)
        return err_set(err, STATUS_FORMAT,
                       "not an .etl file: it has %llu bytes, a buffer header alone has 72",
                       (unsigned long long)input->bytes);
    if (!size_possible(p.head.bytes))
        return err_set(
            err, STATUS_FORMAT,
            "not an .etl file of Windows Vista or later: at offset 0 a buffer size from 72 "
            "to 16777216 was expected, found %u",
            p.head.bytes);
    result = load_trace_head(&w, 0, &p.head, ret_head, ret_head_bytes, err);
    if (result < 0)
        return result;
    if (result == 0)
        return err_set(err, STATUS_FORMAT,
                       "not an .etl file, or its first buffer is damaged: at offset 72 the trace "
                       "header event was expected, found 0x%08x",
                       p.got >= PEEK_BYTES ? load_u32(p.raw + ETL_BUFFER_HEAD) : 0);
    if (p.head.type != ETL_BUFFER_HEADER)
        etl_log_add(log, 0, 0, "first buffer is not marked as a header buffer; taken as one",
                    p.head.type);
    log_fixes(log, 0, ret_head);
    w.nominal = p.head.bytes;
    result = add_segment(&w, ret_head, err);
    if (result == 0 &&
        (ret_head->buffer_bytes < GRID_MIN || ret_head->buffer_bytes > ETL_BUFFER_MAX))
        etl_log_add(log, 0, ETL_BUFFER_HEAD,
                    "nominal buffer size is impossible; the first buffer's taken",
                    ret_head->buffer_bytes);
    if (result == 0)
        result = walk_buffers(&w, err);
    for (uint32_t i = 0; result == 0 && i < index->n_segments; i++) {
        if (ret_head->mode & ETL_MODE_CIRCULAR)
            index->circular_wrapped |= order_segment(index, &index->segments[i]);
        result = count_gaps(index, &index->segments[i], log, err);
    }
    index->buffer_bytes = index->segments != NULL ? index->segments[0].buffer_bytes : 0;
    if (result < 0) {
        mem_free(*ret_head_bytes);
        *ret_head_bytes = NULL;
        etl_index_deinit(index);
    }
    return result;
}

void etl_index_deinit(EtlIndex *index) {
    mem_free(index->buffers);
    mem_free(index->segments);
    *index = (EtlIndex){0};
}

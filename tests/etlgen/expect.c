#include "tests/etlgen/expect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/mem.h"

static const char heading[] =
    "#n\traw_ts\tfiletime\tcpu\thdrtype\tguid\tid(-1 "
    "classic)\tversion\tlevel\topcode\ttask\tchannel\t"
    "keyword\tpid\ttid\tptrsize\thdrflags\tdatalen\tcrc32(data)\text(type:len,...)\t"
    "crc32(ext datas concatenated)\n";

void expect_init(Expect *expect) {
    *expect = (Expect){0};
}

void expect_deinit(Expect *expect) {
    mem_free(expect->rows);
    mem_free(expect->buffers);
    mem_free(expect->segments);
    buf_deinit(&expect->text);
    *expect = (Expect){0};
}

// Room for one more element of `bytes`; the array may move.
static bool room(Expect *expect, void **array, size_t n, size_t *capacity, size_t bytes) {
    if (n < *capacity)
        return !expect->failed;
    size_t more = *capacity == 0 ? 64 : *capacity * 2, total;
    void *moved = size_mul(more, bytes, &total) ? mem_resize(*array, total) : NULL;
    if (moved == NULL) {
        expect->failed = true;
        return false;
    }
    *array = moved;
    *capacity = more;
    return !expect->failed;
}

uint32_t expect_segment(Expect *expect, const EtlwClock *clock) {
    void *array = expect->segments;
    bool ok = room(expect, &array, expect->n_segments, &expect->segments_capacity, sizeof *clock);
    expect->segments = array;
    if (!ok)
        return 0;
    expect->segments[expect->n_segments] = *clock;
    return (uint32_t)expect->n_segments++;
}

uint32_t expect_buffer(Expect *expect, uint32_t segment, uint16_t cpu) {
    void *array = expect->buffers;
    bool ok =
        room(expect, &array, expect->n_buffers, &expect->buffers_capacity, sizeof(ExpectBuffer));
    expect->buffers = array;
    if (!ok)
        return 0;
    expect->buffers[expect->n_buffers] = (ExpectBuffer){.segment = segment, .cpu = cpu};
    return (uint32_t)expect->n_buffers++;
}

void expect_written(Expect *expect, uint32_t buffer, uint64_t file_offset, uint64_t order) {
    if (expect->failed)
        return;
    expect->buffers[buffer].file_offset = file_offset;
    expect->buffers[buffer].order = order;
    expect->buffers[buffer].written = true;
}

void expect_gone(Expect *expect, uint32_t buffer) {
    if (!expect->failed)
        expect->buffers[buffer].written = false;
}

void expect_row(Expect *expect, const ExpectRow *row, const char *ext_text) {
    void *array = expect->rows;
    bool ok = room(expect, &array, expect->n_rows, &expect->rows_capacity, sizeof *row);
    expect->rows = array;
    if (!ok)
        return;
    ExpectRow *to = &expect->rows[expect->n_rows];
    *to = *row;
    to->ext_text = (uint32_t)expect->text.bytes;
    to->ext_text_bytes = (uint32_t)strlen(ext_text);
    buf_append(&expect->text, ext_text, to->ext_text_bytes);
    if (expect->text.failed)
        expect->failed = true;
    else
        expect->n_rows++;
}

typedef struct SortKey {
    uint32_t segment, row;
    int64_t time;   // highest so far on this CPU
    uint64_t order; // of the buffer
    uint32_t index; // in the buffer
    uint16_t cpu;
} SortKey;

static int compare_place(const void *a_, const void *b_) {
    const SortKey *a = a_, *b = b_;
    if (a->segment != b->segment)
        return a->segment < b->segment ? -1 : 1;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int compare_time(const void *a_, const void *b_) {
    const SortKey *a = a_, *b = b_;
    if (a->segment != b->segment)
        return a->segment < b->segment ? -1 : 1;
    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return compare_place(a_, b_);
}

// Replaces each time by the highest one so far on its CPU (keys stand in file order).
static void raise_times(SortKey *keys, size_t n, int64_t *highest, size_t n_cpus) {
    uint32_t segment = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        if (keys[i].segment != segment) {
            segment = keys[i].segment;
            for (size_t c = 0; c < n_cpus; c++)
                highest[c] = INT64_MIN;
        }
        int64_t *top = &highest[keys[i].cpu];
        *top = MAX_OF(*top, keys[i].time);
        keys[i].time = *top;
    }
}

static bool in_file(const ExpectBuffer *buffer, uint32_t end, uint64_t file_limit) {
    return buffer->written && (file_limit == 0 || buffer->file_offset + end <= file_limit);
}

static void format_row(const Expect *expect, const ExpectRow *row, size_t n, Buf *out) {
    const ExpectBuffer *buffer = &expect->buffers[row->buffer];
    int64_t filetime = etlw_clock_filetime(&expect->segments[buffer->segment], row->raw_time);
    char guid[GUID_TEXT];
    buf_printf(out, "%zu\t%lld\t%lld\t%u\t%u\t", n, (long long)row->raw_time, (long long)filetime,
               buffer->cpu, row->header_type);
    if (row->guid_kind == EXPECT_GUID_COMPONENT)
        buf_printf(out, "component-%08x", row->component);
    else if (row->guid_kind == EXPECT_GUID_NONE)
        buf_text(out, "message-noguid");
    else
        buf_text(out, guid_format(&row->guid, guid));
    buf_printf(out, "\t%d\t%u\t%u\t%u\t%u\t%u\t%llu", row->id, row->version, row->level,
               row->opcode, row->task, row->channel, (unsigned long long)row->keyword);
    if (row->no_ids)
        buf_text(out, "\t-1\t-1");
    else
        buf_printf(out, "\t%u\t%u", row->pid, row->tid);
    buf_printf(out, "\t%u\t%u\t%u\t%08x\t", row->pointer_size, row->header_flags, row->data_bytes,
               row->data_crc);
    if (row->ext_text_bytes == 0) {
        buf_text(out, "\t-\n");
        return;
    }
    buf_append(out, expect->text.data + row->ext_text, row->ext_text_bytes);
    buf_printf(out, "\t%08x\n", row->ext_crc);
}

int expect_lines(const Expect *expect, uint64_t file_limit, ExpectLine emit, void *context,
                 Err *err) {
    if (expect->failed)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the expectation of this many events");
    size_t n_cpus = 1;
    for (size_t i = 0; i < expect->n_buffers; i++)
        n_cpus = MAX_OF(n_cpus, (size_t)expect->buffers[i].cpu + 1);
    Buf line = BUF_INIT;
    int64_t *highest = mem_array(n_cpus, sizeof *highest);
    SortKey *keys = mem_array(MAX_OF(expect->n_rows, (size_t)1), sizeof *keys);
    int result = 0;
    if (highest == NULL || keys == NULL) {
        result = err_set(err, STATUS_NO_MEMORY, "no memory to sort %zu events", expect->n_rows);
        goto out;
    }
    size_t n = 0;
    for (size_t i = 0; i < expect->n_rows; i++) {
        const ExpectRow *row = &expect->rows[i];
        const ExpectBuffer *b = &expect->buffers[row->buffer];
        if (in_file(b, row->end, file_limit))
            keys[n++] =
                (SortKey){b->segment, (uint32_t)i, row->raw_time, b->order, row->index, b->cpu};
    }
    qsort(keys, n, sizeof *keys, compare_place);
    raise_times(keys, n, highest, n_cpus);
    qsort(keys, n, sizeof *keys, compare_time);
    result = emit(context, heading, sizeof heading - 1);
    for (size_t i = 0; i < n && result >= 0; i++) {
        buf_clear(&line);
        format_row(expect, &expect->rows[keys[i].row], i, &line);
        if (line.failed)
            result = err_set(err, STATUS_NO_MEMORY, "no memory for a line of the expectation");
        else
            result = emit(context, (const char *)line.data, line.bytes);
    }
out:
    buf_deinit(&line);
    mem_free(keys);
    mem_free(highest);
    return result;
}

static int emit_to_buf(void *context, const char *line, size_t bytes) {
    Buf *out = context;
    buf_append(out, line, bytes);
    return out->failed ? -(int)STATUS_NO_MEMORY : 0;
}

int expect_to_buf(const Expect *expect, uint64_t file_limit, Buf *out, Err *err) {
    int result = expect_lines(expect, file_limit, emit_to_buf, out, err);
    if (result < 0 && out->failed)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the expectation");
    return result;
}

static int emit_to_file(void *context, const char *line, size_t bytes) {
    return fwrite(line, 1, bytes, context) == bytes ? 0 : -(int)STATUS_IO;
}

int expect_to_file(const Expect *expect, uint64_t file_limit, const char *path, Err *err) {
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return err_set(err, STATUS_IO, "cannot create %s: %s; check the folder and its rights",
                       path, strerror(errno));
    int result = expect_lines(expect, file_limit, emit_to_file, file, err);
    if (fclose(file) != 0 || result == -(int)STATUS_IO)
        return err_set(err, STATUS_IO, "cannot write %s: is the disk full?", path);
    return result;
}

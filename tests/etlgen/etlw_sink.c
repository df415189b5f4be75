#include "tests/etlgen/etlw_sink.h"

#include <errno.h>

// A long has 32 bits on Windows, where traces of more than 2 GiB are still wanted.
static int seek_to(FILE *file, uint64_t at) {
#if defined(_WIN32)
    return _fseeki64(file, (int64_t)at, SEEK_SET);
#else
    return fseek(file, (long)at, SEEK_SET);
#endif
}

int etlw_sink_open_file(EtlwSink *sink, const char *path, Err *err) {
    *sink = (EtlwSink){0};
    sink->file = fopen(path, "wb");
    if (sink->file == NULL)
        return err_set(err, STATUS_IO, "cannot create %s: %s; check the folder and its rights",
                       path, strerror(errno));
    return 0;
}

void etlw_sink_open_memory(EtlwSink *sink, Buf *memory) {
    *sink = (EtlwSink){0};
    sink->memory = memory;
}

void etlw_sink_open_null(EtlwSink *sink) {
    *sink = (EtlwSink){0};
}

// How many of `bytes` at offset `at` stand in front of the limit.
static size_t within_limit(const EtlwSink *sink, uint64_t at, size_t bytes) {
    if (sink->limit == 0)
        return bytes;
    if (at >= sink->limit)
        return 0;
    return (size_t)MIN_OF((uint64_t)bytes, sink->limit - at);
}

void etlw_sink_append(EtlwSink *sink, const void *data, size_t bytes) {
    size_t kept = within_limit(sink, sink->bytes, bytes);
    if (sink->file != NULL && kept > 0 && fwrite(data, 1, kept, sink->file) != kept)
        sink->failed = true;
    if (sink->memory != NULL) {
        buf_append(sink->memory, data, kept);
        if (sink->memory->failed)
            sink->failed = true;
    }
    sink->bytes += bytes;
}

void etlw_sink_patch(EtlwSink *sink, uint64_t at, const void *data, size_t bytes) {
    size_t kept = within_limit(sink, at, bytes);
    if (kept == 0 || sink->failed)
        return;
    if (sink->memory != NULL)
        memcpy(sink->memory->data + at, data, kept);
    if (sink->file == NULL)
        return;
    uint64_t end = sink->limit != 0 ? MIN_OF(sink->bytes, sink->limit) : sink->bytes;
    if (seek_to(sink->file, at) != 0 || fwrite(data, 1, kept, sink->file) != kept ||
        seek_to(sink->file, end) != 0)
        sink->failed = true;
}

int etlw_sink_close(EtlwSink *sink, Err *err) {
    bool failed = sink->failed;
    if (sink->file != NULL && fclose(sink->file) != 0)
        failed = true;
    sink->file = NULL;
    if (!failed)
        return 0;
    if (sink->memory != NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the trace after %llu bytes",
                       (unsigned long long)sink->bytes);
    return err_set(err, STATUS_IO, "cannot write the trace after %llu bytes: is the disk full?",
                   (unsigned long long)sink->bytes);
}

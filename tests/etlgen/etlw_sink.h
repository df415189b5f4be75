// Where a generated trace goes: a file, memory, or nowhere (only counted). Append and patch; an
// optional limit cuts the file as a copy of an open trace would be cut. One owner, one thread.
#pragma once

#include <stdio.h>

#include "util/buf.h"
#include "util/err.h"

typedef struct EtlwSink {
    FILE *file;     // at most one of file and memory is set
    Buf *memory;    // borrowed
    uint64_t bytes; // appended, those behind the limit included
    uint64_t limit; // bytes kept; 0 = all
    bool failed;    // sticky; etlw_sink_close reports it
} EtlwSink;

int etlw_sink_open_file(EtlwSink *sink, const char *path, Err *err);
void etlw_sink_open_memory(EtlwSink *sink, Buf *memory);
void etlw_sink_open_null(EtlwSink *sink);
void etlw_sink_append(EtlwSink *sink, const void *data, size_t bytes);
// Overwrites bytes that were appended before.
void etlw_sink_patch(EtlwSink *sink, uint64_t at, const void *data, size_t bytes);
int etlw_sink_close(EtlwSink *sink, Err *err);

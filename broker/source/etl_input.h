// The bytes of an .etl file, on disk or in memory, and the log of what was wrong with them.
//
// Files are read with an offset, never mapped: a trace may be cut short by its session while we read
// it, which a mapping answers with SIGBUS. One owner, one thread at a time.
#pragma once

#include "platform/file.h"
#include "source/etl_reader.h"

typedef struct EtlInput {
    PlatFile *file;
    const uint8_t *memory; // borrowed; when there is no file
    uint64_t bytes;
} EtlInput;

// Reads up to n bytes; less only where the input ends (or a file has become shorter).
int etl_input_read(EtlInput *input, uint64_t offset, void *to, size_t n, size_t *ret_got, Err *err);

typedef struct EtlLog {
    EtlDiagnostic kept[ETL_DIAGNOSTICS_KEPT];
    uint32_t n; // all; at most ETL_DIAGNOSTICS_KEPT are kept
} EtlLog;

void etl_log_add(EtlLog *log, uint64_t offset, uint32_t at, const char *what, uint64_t value);

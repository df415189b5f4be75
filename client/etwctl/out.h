// Where a command's output goes: standard output or a file, through one large buffer.
//
// A reader that has gone away (a closed pipe) is a clean end, not a failure. One owner, main thread.
#pragma once

#include <stdio.h>

#include "util/buf.h"
#include "util/err.h"

#define OUT_CHUNK  (256u * 1024u) // a good size for one write
#define OUT_CLOSED 1              // the reader has gone: end quietly

typedef struct Out {
    Buf buf; // append here
    FILE *file;
    const char *path; // NULL: standard output
    bool closed;
} Out;

// path NULL or "-": standard output.
int out_open(Out *out, const char *path, Err *err);
// Writes what the buffer holds: 0, OUT_CLOSED, or < 0.
int out_flush(Out *out, Err *err);
// Flushes when the buffer is large enough.
static inline int out_step(Out *out, Err *err) {
    return out->buf.bytes < OUT_CHUNK ? 0 : out_flush(out, err);
}
// Flushes and closes; the result as of out_flush.
int out_close(Out *out, Err *err);
// For short answers: writes text to standard output and ends the program's output. Returns an exit code.
int out_text(const char *text, size_t bytes);

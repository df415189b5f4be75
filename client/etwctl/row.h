// The event table: Time, PID, Event, Summary; one event a line. Pure functions over a Buf.
#pragma once

#include "util/buf.h"

// columns: of the terminal; 0: lines are not cut.
void row_header(Buf *out);
void row_write(Buf *out, int64_t time, uint32_t pid, const char *label, size_t label_bytes,
               const char *summary, size_t summary_bytes, size_t columns);

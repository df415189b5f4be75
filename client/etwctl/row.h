// The event table: Time, PID, Process, Event, Summary; one event a line. Pure functions over a Buf.
#pragma once

#include "util/buf.h"

// process: name, "" when it is not known. columns: of the terminal; 0: lines are not cut.
void row_header(Buf *out, size_t columns);
void row_write(Buf *out, int64_t time, uint32_t pid, const char *process, const char *label,
               size_t label_bytes, const char *summary, size_t summary_bytes, size_t columns);

#include "client/etwctl/row.h"

#include <stdio.h>

#include "client/etwctl/text.h"
#include "util/timefmt.h"

#define PID_WIDTH     6
#define NARROW        100 // of a terminal: the summary takes some of the other columns' room
#define SUMMARY_LEAST 20  // of a narrow terminal: the line wraps rather than showing nothing

static size_t process_width(size_t columns) {
    return columns > 0 && columns < NARROW ? 13 : 18;
}

static size_t label_width(size_t columns) {
    return columns > 0 && columns < NARROW ? 20 : 30;
}

void row_header(Buf *out, size_t columns) {
    buf_printf(out, "%-12s %*s %-*s %-*s %s\n", "Time", PID_WIDTH, "PID",
               (int)process_width(columns), "Process", (int)label_width(columns), "Event",
               "Summary");
}

void row_write(Buf *out, int64_t time, uint32_t pid, const char *process, const char *label,
               size_t label_bytes, const char *summary, size_t summary_bytes, size_t columns) {
    const size_t process_room = process_width(columns), label_room = label_width(columns);
    char clock[FILETIME_TEXT], number[16];
    filetime_format_clock(time, clock);
    size_t used = strlen(clock);
    buf_append(out, clock, used);
    if (pid == UINT32_MAX)
        memcpy(number, "-", 2);
    else
        snprintf(number, sizeof number, "%u", (unsigned)pid);
    size_t digits = strlen(number), pad = digits < PID_WIDTH ? PID_WIDTH - digits : 0;
    text_pad(out, pad + 1);
    buf_append(out, number, digits);
    buf_char(out, ' ');
    used += pad + digits + 2;
    size_t process_columns = process[0] ? text_clean(out, process, strlen(process), process_room)
                                        : text_clean(out, "-", 1, process_room);
    pad = process_columns < process_room ? process_room - process_columns : 0;
    text_pad(out, pad + 1);
    used += process_columns + pad + 1;
    size_t label_columns = text_clean(out, label, label_bytes, 0);
    if (summary_bytes > 0) {
        pad = label_columns < label_room ? label_room - label_columns : 0;
        text_pad(out, pad + 1);
        used += label_columns + pad + 1;
        size_t room = columns == 0                     ? 0
                      : columns > used + SUMMARY_LEAST ? columns - used
                                                       : SUMMARY_LEAST;
        text_clean(out, summary, summary_bytes, room);
    }
    buf_char(out, '\n');
}

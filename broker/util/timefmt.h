// FILETIME (100 ns since 1601-01-01 UTC) to and from text. Pure functions; any thread.
#pragma once

#include "util/base.h"

#define FILETIME_TEXT       32
#define FILETIME_PER_SECOND INT64_C(10000000)
#define FILETIME_UNIX_EPOCH INT64_C(116444736000000000)

// "2020-07-29T10:07:00.6236167Z"; times outside of years 1601-9999 become "0x…" (16 digits).
char *filetime_format(int64_t filetime, char buf[FILETIME_TEXT]);
// "10:07:00.623" of the UTC day, for tables.
char *filetime_format_clock(int64_t filetime, char buf[FILETIME_TEXT]);
typedef struct CalendarTime {
    int year, month, day, weekday, hour, minute, second, ticks; // ticks: 100 ns
} CalendarTime;
bool filetime_to_calendar(int64_t filetime, CalendarTime *ret);
bool calendar_to_filetime(const CalendarTime *c, int64_t *ret); // weekday is ignored

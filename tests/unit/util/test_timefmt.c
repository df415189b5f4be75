#include "util/timefmt.h"

#include <criterion/criterion.h>

#define TICKS_PER_DAY (INT64_C(864) * 1000000000)
#define LAST_TICK     (INT64_C(3067671) * TICKS_PER_DAY - 1) // of the year 9999

static const char *text_of(int64_t filetime) {
    static char buf[FILETIME_TEXT];
    return filetime_format(filetime, buf);
}

Test(timefmt, known_times) {
    cr_assert_str_eq(text_of(0), "1601-01-01T00:00:00.0000000Z");
    cr_assert_str_eq(text_of(1), "1601-01-01T00:00:00.0000001Z");
    cr_assert_str_eq(text_of(FILETIME_UNIX_EPOCH), "1970-01-01T00:00:00.0000000Z");
    cr_assert_str_eq(
        text_of(FILETIME_UNIX_EPOCH + INT64_C(1596017220) * FILETIME_PER_SECOND + 6236167),
        "2020-07-29T10:07:00.6236167Z");
    cr_assert_str_eq(text_of(FILETIME_UNIX_EPOCH + INT64_C(951782400) * FILETIME_PER_SECOND - 1),
                     "2000-02-28T23:59:59.9999999Z");
    cr_assert_str_eq(text_of(FILETIME_UNIX_EPOCH + INT64_C(951782400) * FILETIME_PER_SECOND),
                     "2000-02-29T00:00:00.0000000Z");
    char buf[FILETIME_TEXT];
    int64_t t = FILETIME_UNIX_EPOCH + INT64_C(1596017220) * FILETIME_PER_SECOND + 6236167;
    cr_assert_str_eq(filetime_format_clock(t, buf), "10:07:00.623");
    cr_assert_str_eq(filetime_format_clock(t / TICKS_PER_DAY * TICKS_PER_DAY - 1, buf),
                     "23:59:59.999");
}

Test(timefmt, times_outside_of_the_range) {
    char buf[FILETIME_TEXT];
    CalendarTime c;
    cr_assert_str_eq(text_of(LAST_TICK - 1), "9999-12-31T23:59:59.9999998Z");
    cr_assert_str_eq(text_of(LAST_TICK), "9999-12-31T23:59:59.9999999Z");
    cr_assert_str_eq(text_of(LAST_TICK + 1), "0x24c85a5ed1c04000");
    cr_assert_str_eq(text_of(-1), "0xffffffffffffffff");
    cr_assert_str_eq(text_of(INT64_MAX), "0x7fffffffffffffff");
    cr_assert_str_eq(text_of(INT64_MIN), "0x8000000000000000");
    cr_assert_str_eq(filetime_format_clock(-1, buf), "0xffffffffffffffff");
    cr_assert_not(filetime_to_calendar(-1, &c));
    cr_assert_not(filetime_to_calendar(LAST_TICK + 1, &c));
}

// Walks the calendar by its rules (month lengths, leap years) and meets the same date on each day.
Test(timefmt, every_day_of_8400_years, .timeout = 60) {
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t day = 0;
    for (int year = 1601; year <= 9999; year++) {
        bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
        for (int month = 1; month <= 12; month++) {
            int length = lengths[month - 1] + (month == 2 && leap);
            for (int d = 1; d <= length; d++, day++) {
                int64_t t = day * TICKS_PER_DAY + day, back;
                CalendarTime c;
                cr_assert(filetime_to_calendar(t, &c));
                if (c.year != year || c.month != month || c.day != d || c.weekday != (day + 1) % 7)
                    cr_assert_fail("%d-%d-%d", year, month, d);
                cr_assert(calendar_to_filetime(&c, &back));
                cr_assert_eq(back, t);
            }
            CalendarTime after = {.year = year, .month = month, .day = length + 1};
            int64_t t = 42;
            cr_assert_not(calendar_to_filetime(&after, &t));
            cr_assert_eq(t, 42);
        }
    }
    cr_assert_eq(day * TICKS_PER_DAY - 1, LAST_TICK);
}

Test(timefmt, each_field_at_its_limits) {
    static const struct {
        int low, high;
    } limits[] = {{1601, 9999}, {1, 12}, {1, 31}, {0, 23}, {0, 59}, {0, 59}, {0, 9999999}};
    for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
        for (int step = -1; step <= 1; step++) {
            for (int upper = 0; upper <= 1; upper++) {
                CalendarTime c = {2023, 1, 15, 99, 1, 2, 3, 4}; // the weekday is ignored
                int *fields[] = {&c.year,   &c.month,  &c.day,  &c.hour,
                                 &c.minute, &c.second, &c.ticks};
                *fields[i] = (upper ? limits[i].high : limits[i].low) + step;
                bool good = upper ? step <= 0 : step >= 0;
                int64_t t;
                CalendarTime back;
                cr_assert_eq(calendar_to_filetime(&c, &t), good);
                if (good) {
                    cr_assert(filetime_to_calendar(t, &back));
                    back.weekday = c.weekday;
                    cr_assert_arr_eq(&back, &c, sizeof c);
                }
            }
        }
    }
    CalendarTime extreme = {INT32_MIN, 1, 1, 0, 0, 0, 0, 0};
    int64_t t;
    cr_assert_not(calendar_to_filetime(&extreme, &t));
    extreme.year = INT32_MAX;
    cr_assert_not(calendar_to_filetime(&extreme, &t));
}

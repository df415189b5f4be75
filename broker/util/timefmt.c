// FILETIME and the proleptic Gregorian calendar. Days are turned into dates with the 400-year cycle
// counted from 1 March, which puts the leap day at the end of the year and needs no table.
#include "util/timefmt.h"

#define SECONDS_PER_DAY 86400
#define TICKS_PER_DAY   (SECONDS_PER_DAY * FILETIME_PER_SECOND)
// From 1 March of the year 0 to 1 January 1601: four cycles of 400 years, then less two months.
#define DAYS_TO_1601       (4 * 146097 + 306)
#define YEAR_FIRST         1601
#define YEAR_LAST          9999
#define DAYS_TO_YEAR_10000 3067671 // from 1601-01-01

static bool in_range(int64_t filetime) {
    return filetime >= 0 && filetime / TICKS_PER_DAY < DAYS_TO_YEAR_10000;
}

bool filetime_to_calendar(int64_t filetime, CalendarTime *ret) {
    if (!in_range(filetime))
        return false;
    uint32_t days = (uint32_t)(filetime / TICKS_PER_DAY);
    uint64_t ticks = (uint64_t)(filetime % TICKS_PER_DAY);
    uint32_t seconds = (uint32_t)(ticks / (uint64_t)FILETIME_PER_SECOND);

    uint32_t d = days + DAYS_TO_1601;
    uint32_t cycle = d / 146097;
    uint32_t day_of_cycle = d % 146097;
    uint32_t year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36524 - day_of_cycle / 146096) / 365;
    uint32_t day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    uint32_t month_from_march = (5 * day_of_year + 2) / 153;
    uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    uint32_t year = cycle * 400 + year_of_cycle + (month <= 2 ? 1 : 0);

    *ret = (CalendarTime){
        .year = (int)year,
        .month = (int)month,
        .day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
        .weekday = (int)((days + 1) % 7), // 1601-01-01 was a Monday; 0 is Sunday
        .hour = (int)(seconds / 3600),
        .minute = (int)(seconds / 60 % 60),
        .second = (int)(seconds % 60),
        .ticks = (int)(ticks % (uint64_t)FILETIME_PER_SECOND),
    };
    return true;
}

static int days_of_month(int year, int month) {
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool calendar_to_filetime(const CalendarTime *c, int64_t *ret) {
    if (c->year < YEAR_FIRST || c->year > YEAR_LAST || c->month < 1 || c->month > 12)
        return false;
    if (c->day < 1 || c->day > days_of_month(c->year, c->month))
        return false;
    // A leap second (60) has no FILETIME of its own.
    if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0 ||
        c->second > 59 || c->ticks < 0 || c->ticks >= FILETIME_PER_SECOND)
        return false;
    int year = c->year - (c->month <= 2 ? 1 : 0);
    int month_from_march = c->month > 2 ? c->month - 3 : c->month + 9;
    int day_of_year = (153 * month_from_march + 2) / 5 + c->day - 1;
    int64_t days = (int64_t)year * 365 + year / 4 - year / 100 + year / 400 + day_of_year;
    int64_t seconds = (days - DAYS_TO_1601) * SECONDS_PER_DAY + (int64_t)c->hour * 3600 +
                      (int64_t)c->minute * 60 + c->second;
    *ret = seconds * FILETIME_PER_SECOND + c->ticks;
    return true;
}

static char *put_digits(char *p, uint32_t v, int n, char after) {
    for (int i = n - 1; i >= 0; i--) {
        p[i] = (char)('0' + v % 10);
        v /= 10;
    }
    p[n] = after;
    return p + n + 1;
}

static char *put_hex(char *buf, int64_t filetime) {
    static const char digits[] = "0123456789abcdef";
    uint64_t v = (uint64_t)filetime;
    buf[0] = '0';
    buf[1] = 'x';
    for (int i = 0; i < 16; i++)
        buf[2 + i] = digits[(v >> (60 - 4 * i)) & 15];
    buf[18] = '\0';
    return buf;
}

static char *put_clock(char *p, const CalendarTime *c) {
    p = put_digits(p, (uint32_t)c->hour, 2, ':');
    p = put_digits(p, (uint32_t)c->minute, 2, ':');
    return put_digits(p, (uint32_t)c->second, 2, '.');
}

char *filetime_format(int64_t filetime, char buf[FILETIME_TEXT]) {
    CalendarTime c;
    if (!filetime_to_calendar(filetime, &c))
        return put_hex(buf, filetime);
    char *p = put_digits(buf, (uint32_t)c.year, 4, '-');
    p = put_digits(p, (uint32_t)c.month, 2, '-');
    p = put_digits(p, (uint32_t)c.day, 2, 'T');
    p = put_clock(p, &c);
    p = put_digits(p, (uint32_t)c.ticks, 7, 'Z');
    *p = '\0';
    return buf;
}

char *filetime_format_clock(int64_t filetime, char buf[FILETIME_TEXT]) {
    CalendarTime c;
    if (!filetime_to_calendar(filetime, &c))
        return put_hex(buf, filetime);
    put_digits(put_clock(buf, &c), (uint32_t)c.ticks / 10000, 3, '\0');
    return buf;
}

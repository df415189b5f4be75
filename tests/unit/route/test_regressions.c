// Inputs that once broke something, as the fuzz targets found them.
#include <criterion/criterion.h>

#include "route/filter.h"

// A NUL inside a quoted text was taken, and the canonical text ended there: filters that differ
// behind it had equal texts, by which feeds are shared.
Test(regressions, a_filter_with_a_nul_character_is_refused) {
    static const char text[] = "a -eq 1 -and Name -eq 'S-1\0-5-18'";
    Filter *filter = NULL;
    Err err = ERR_INIT;
    uint32_t column = 0;
    cr_assert_eq(filter_parse(text, sizeof text - 1, &filter, &column, &err), -STATUS_FILTER);
    cr_assert_null(filter);
    cr_assert_eq(column, 27);
    cr_assert_not_null(strstr(err.text, "column 27"), "%s", err.text);
    cr_assert_eq(filter_parse("\0", 1, &filter, &column, &err), -STATUS_FILTER);
    cr_assert_eq(column, 1);
    cr_assert_eq(filter_parse("Id -eq 1\0", 9, &filter, &column, &err), -STATUS_FILTER);
    cr_assert_eq(column, 9);
    cr_assert_eq(filter_parse("Id -eq 1\0", 8, &filter, &column, &err), 0, "%s", err.text);
    filter_free(filter);
}

// A number beyond a double's range became infinite, and the canonical text "-inf" was no filter.
Test(regressions, a_number_beyond_a_double_never_becomes_infinite) {
    static const char *const texts[] = {"Signed -ge -9e999", "Signed -ge 9e999", "a -in 1,9e400"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        Filter *filter = NULL;
        Err err = ERR_INIT;
        if (filter_parse(texts[i], strlen(texts[i]), &filter, NULL, &err) == 0) {
            cr_assert_null(strstr(filter_text(filter), "inf"), "%s", filter_text(filter));
            Filter *again = NULL;
            cr_assert_eq(
                filter_parse(filter_text(filter), strlen(filter_text(filter)), &again, NULL, &err),
                0, "%s: %s", filter_text(filter), err.text);
            filter_free(again);
        }
        filter_free(filter);
    }
}

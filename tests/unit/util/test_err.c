#include "util/err.h"

#include <criterion/criterion.h>

#include "util/utf.h"

Test(err, set_fills_and_returns_the_negative_status) {
    Err err = ERR_INIT;
    cr_assert_eq(err_set(&err, STATUS_NOT_FOUND, "no provider '%s' (%d)", "X", 7), -3);
    cr_assert_eq(err.status, STATUS_NOT_FOUND);
    cr_assert_str_eq(err.text, "no provider 'X' (7)");
    cr_assert_eq(err_set(NULL, STATUS_IO, "unseen"), -STATUS_IO);
    cr_assert_eq(err_set(&err, STATUS_OK, "%s", ""), 0);
    cr_assert_str_eq(err.text, "");
}

Test(err, prefix_goes_in_front) {
    Err err = ERR_INIT;
    int r = err_set(&err, STATUS_FORMAT, "bad header");
    cr_assert_eq(err_prefix(&err, r, "file %s", "a.etl"), -STATUS_FORMAT);
    cr_assert_str_eq(err.text, "file a.etl: bad header");
    cr_assert_eq(err.status, STATUS_FORMAT);
    cr_assert_eq(err_prefix(NULL, -5, "x"), -5);
}

Test(err, prefix_of_an_error_without_text) {
    Err err = ERR_INIT;
    cr_assert_eq(err_prefix(&err, -STATUS_NO_MEMORY, "schema"), -STATUS_NO_MEMORY);
    cr_assert_str_eq(err.text, "schema: out of memory");
    cr_assert_eq(err.status, STATUS_NO_MEMORY);
}

Test(err, arguments_may_point_into_it) {
    Err err = ERR_INIT;
    err_set(&err, STATUS_IO, "inner");
    err_set(&err, STATUS_FORMAT, "outer (%s)", err.text);
    cr_assert_str_eq(err.text, "outer (inner)");
    err_prefix(&err, -1, "%s", err.text);
    cr_assert_str_eq(err.text, "outer (inner): outer (inner)");
}

Test(err, text_is_one_clean_line) {
    Err err = ERR_INIT;
    err_set(&err, STATUS_IO, "%s", "a\r\nb\x1b[31mc\x7f\td");
    cr_assert_str_eq(err.text, "a  b [31mc  d");
    // C1 controls, the line and paragraph separators: terminals obey some of them.
    err_set(&err, STATUS_IO, "%s", "\xc2\x9bx\xe2\x80\xa8y\xe2\x80\xa9z");
    cr_assert_str_eq(err.text, " x y z");
    err_set(&err, STATUS_IO, "%s", "\xff\xc3(\xed\xa0\x80 \xc3\xa4 \xef\xbf\xbd");
    cr_assert_str_eq(err.text, "\?\?(? \xc3\xa4 \xef\xbf\xbd");
}

Test(err, length_at_the_limit) {
    Err err = ERR_INIT;
    char text[600];
    for (size_t n = 505; n < 520; n++) {
        memset(text, 'x', sizeof text);
        text[n] = '\0';
        err_set(&err, STATUS_IO, "%s", text);
        cr_assert_eq(strlen(err.text), MIN_OF(n, 511u));
        memcpy(text + n, "\xf0\x9f\x98\x80", 5); // whole or not at all
        err_set(&err, STATUS_IO, "%s", text);
        cr_assert_eq(strlen(err.text), n + 4 <= 511 ? n + 4 : MIN_OF(n, 511u));
        cr_assert(utf8_valid(err.text, strlen(err.text)));
        err_prefix(&err, -1, "%s", "p\xc3\xa4");
        cr_assert_leq(strlen(err.text), 511);
        cr_assert(utf8_valid(err.text, strlen(err.text)));
        err_prefix(&err, -1, "%s", text);
        cr_assert_leq(strlen(err.text), 511);
        cr_assert(utf8_valid(err.text, strlen(err.text)));
    }
}

Test(err, every_status_has_name_text_and_remedy) {
    for (int status = 0; status <= 20; status++) {
        cr_assert_str_neq(status_name(status), "UNKNOWN");
        cr_assert_gt(strlen(status_text(status)), 0);
        cr_assert_not_null(status_remedy(status));
    }
    cr_assert_str_eq(status_name(STATUS_NOT_FOUND), "NOT_FOUND");
    cr_assert_str_eq(status_text(STATUS_OK), "success");
    cr_assert_str_eq(status_remedy(STATUS_CLOSED), "connect again");
    static const int unknown[] = {-1, 21, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < ARRAY_COUNT(unknown); i++) {
        cr_assert_str_eq(status_name(unknown[i]), "UNKNOWN");
        cr_assert_gt(strlen(status_text(unknown[i])), 0);
        cr_assert_str_eq(status_remedy(unknown[i]), "");
    }
}

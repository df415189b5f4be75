#include <criterion/criterion.h>

#include "route/filter.h"

// What the broker echoes is parsed again when a subscription is changed.
Test(filter, a_canonical_text_over_the_limit_gives_way_to_the_typed_one) {
    Buf text = BUF_INIT;
    Err err = ERR_INIT;
    Filter *filter = NULL;
    // 'Id in 1,2,…' without dashes and blanks: the canonical form is longer.
    buf_text(&text, "Id in 1000");
    while (text.bytes + 5 <= FILTER_MAX_BYTES && text.bytes < 1280)
        buf_text(&text, ",1000");
    while (text.bytes + 64 <= FILTER_MAX_BYTES)
        buf_text(&text, " or Id in 1000,1000,1000,1000,1000,1000,1000,1000,1000,1000,1000");
    cr_assert_eq(filter_parse(buf_str(&text), text.bytes, &filter, NULL, &err), 0, "%s", err.text);
    cr_assert_str_eq(filter_text(filter), buf_str(&text));
    Filter *again = NULL;
    cr_assert_eq(filter_parse(filter_text(filter), strlen(filter_text(filter)), &again, NULL, &err),
                 0);
    filter_free(again);
    filter_free(filter);
    buf_deinit(&text);
}

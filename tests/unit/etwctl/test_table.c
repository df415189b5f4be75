#include <criterion/criterion.h>
#include <stdio.h>

#include "client/etwctl/row.h"
#include "client/etwctl/table.h"
#include "client/etwctl/text.h"

static const Column columns[] = {
    {"Name", 6, false, true}, {"N", 4, true, false}, {"Rest", 5, false, false}};

Test(etwctl_table, cells_keep_their_columns) {
    Buf out = BUF_INIT;
    table_header(&out, columns, 3);
    table_row(&out, columns, 3, (const char *const[]){"abc", "12", "x"});
    table_row(&out, columns, 3, (const char *const[]){"abcdefgh", "123456", "abcdefgh"});
    table_row(&out, columns, 3, (const char *const[]){"a", "1", ""});
    cr_assert_str_eq(buf_str(&out), "  Name      N Rest\n"
                                    "  abc      12 x\n"
                                    "  \xe2\x80\xa6"
                                    "defgh 123456 abcd\xe2\x80\xa6\n"
                                    "  a         1\n");
    buf_deinit(&out);
}

Test(etwctl_table, one_column_takes_the_room_of_a_wide_terminal) {
    Column own[3];
    memcpy(own, columns, sizeof own);
    cr_assert_eq(table_width(own, 3), 2 + 6 + 1 + 4 + 1 + 5);
    table_widen(own, 3, 0, 19);
    cr_assert_eq(own[0].width, 6);
    table_widen(own, 3, 0, 20);
    cr_assert_eq(own[0].width, 7);
    table_widen(own, 3, 0, 10); // never narrower
    cr_assert_eq(own[0].width, 7);
}

static const char *row_of(Buf *out, uint32_t pid, const char *process, const char *label,
                          const char *summary, size_t terminal) {
    buf_clear(out);
    row_write(out, INT64_C(132404548206236167), pid, process, label, strlen(label), summary,
              strlen(summary), terminal);
    return buf_str(out);
}

static const char *row(Buf *out, uint32_t pid, const char *label, const char *summary,
                       size_t terminal) {
    return row_of(out, pid, "", label, summary, terminal);
}

Test(etwctl_row, lines_fill_a_terminal_and_no_more) {
    Buf out = BUF_INIT;
    char summary[101];
    memset(summary, 's', 100);
    summary[100] = '\0';
    const char *line = row(&out, 4711, "DNS-Client/3008", summary, 100);
    cr_assert_eq(strlen(line),
                 100 + 2 + 1); // the ellipsis has 3 bytes for one column, and the line feed
    cr_assert(strstr(line, "  4711 -                  DNS-Client/3008 "), "%s", line);
    line = row(&out, UINT32_MAX, "Image/Load", summary, 0);
    cr_assert(strstr(line, summary));
    cr_assert(strstr(line, " - -                  Image/Load"), "%s", line);
    // A label that is too long pushes; the summary keeps some columns.
    line = row(&out, 1, summary, "what happened", 40);
    cr_assert(strstr(line, "what happened"));
    cr_assert_str_eq(line + strlen(row(&out, 1, "a", "", 40)) - 2, "a\n");
    buf_deinit(&out);
}

Test(etwctl_row, the_process_has_a_column_of_its_own) {
    Buf out = BUF_INIT;
    row_header(&out, 0);
    const char *header = buf_str(&out);
    size_t process = (size_t)(strstr(header, "Process") - header);
    size_t event = (size_t)(strstr(header, "Event") - header);
    const char *line = row_of(&out, 4, "svchost.exe", "Image/Load", "s", 0);
    cr_assert_eq((size_t)(strstr(line, "svchost.exe ") - line), process, "%s", line);
    cr_assert_eq((size_t)(strstr(line, "Image/Load") - line), event, "%s", line);
    // The width to the column, and one beyond: cut, so that the others keep their place.
    line = row_of(&out, 4, "123456789012345678", "Image/Load", "s", 0);
    cr_assert_eq((size_t)(strstr(line, " Image/Load") - line), event - 1, "%s", line);
    line = row_of(&out, 4, "1234567890123456789", "Image/Load", "s", 0);
    cr_assert(strstr(line, " 12345678901234567\xe2\x80\xa6 Image/Load"), "%s", line);
    line = row_of(&out, 4, "bad\x1b[2J", "Image/Load", "s", 0);
    cr_assert_null(strchr(line, '\x1b'));
    buf_deinit(&out);
}

Test(etwctl_row, a_narrow_terminal_leaves_room_for_the_summary) {
    Buf out = BUF_INIT;
    char summary[101], header[128];
    memset(summary, 's', 100);
    summary[100] = '\0';
    for (size_t wide = 80; wide <= 101; wide++) {
        buf_clear(&out);
        row_header(&out, wide);
        snprintf(header, sizeof header, "%s", buf_str(&out));
        const char *line =
            row_of(&out, 4, "SearchIndexer.exe", "FileIO/OperationEnd", summary, wide);
        cr_assert_eq(text_columns(line, strlen(line) - 1), wide, "%zu: %s", wide, line);
        size_t at = (size_t)(strstr(header, "Summary") - header);
        size_t bytes = (size_t)(strstr(line, " sss") - line) + 1;
        cr_assert_eq(text_columns(line, bytes), at, "%s%s", header, line);
        cr_assert_geq(wide - at, wide < 100 ? 24 : 29);
    }
    buf_deinit(&out);
}

Test(etwctl_table, a_narrow_terminal_gets_fewer_columns) {
    Column own[3];
    static const uint8_t order[] = {1, 0};
    Buf out = BUF_INIT;
    memcpy(own, columns, sizeof own);
    table_narrow(own, 3, 0, 3, 19); // fits
    cr_assert_eq(own[0].width, 6);
    table_narrow(own, 3, 0, 3, 18);
    cr_assert_eq(own[0].width, 5);
    table_narrow(own, 3, 0, 3, 10); // no narrower than the least
    cr_assert_eq(own[0].width, 3);
    table_drop(own, 3, order, 2, 16); // fits
    cr_assert(own[1].title);
    table_drop(own, 3, order, 2, 15);
    cr_assert_null(own[1].title);
    cr_assert_eq(table_width(own, 3), 2 + 3 + 1 + 5);
    table_header(&out, own, 3);
    table_row(&out, own, 3, (const char *const[]){"abc", "12", "x"});
    cr_assert_str_eq(buf_str(&out), "  \xe2\x80\xa6me Rest\n  abc x\n");
    buf_deinit(&out);
}

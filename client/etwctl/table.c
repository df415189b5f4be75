#include "client/etwctl/table.h"

#include "client/etwctl/text.h"

static void put_cell(Buf *out, const Column *c, const char *text, bool last) {
    size_t bytes = strlen(text);
    if (c->right) {
        size_t columns = text_columns(text, bytes);
        text_pad(out, columns < c->width ? c->width - columns : 0);
        text_clean(out, text, bytes, 0);
        return;
    }
    size_t used = c->cut_front ? text_clean_tail(out, text, bytes, c->width)
                               : text_clean(out, text, bytes, c->width);
    if (!last && used < c->width)
        text_pad(out, c->width - used);
}

void table_row(Buf *out, const Column *columns, size_t n, const char *const *cells) {
    bool first = true;
    text_pad(out, TABLE_INDENT);
    for (size_t i = 0; i < n; i++) {
        if (!columns[i].title)
            continue;
        if (!first)
            buf_char(out, ' ');
        first = false;
        put_cell(out, &columns[i], cells[i], i + 1 == n);
    }
    while (out->bytes > 0 && out->data[out->bytes - 1] == ' ')
        out->data[--out->bytes] = '\0';
    buf_char(out, '\n');
}

void table_header(Buf *out, const Column *columns, size_t n) {
    const char *titles[32];
    for (size_t i = 0; i < n && i < ARRAY_COUNT(titles); i++)
        titles[i] = columns[i].title;
    table_row(out, columns, MIN_OF(n, ARRAY_COUNT(titles)), titles);
}

size_t table_width(const Column *columns, size_t n) {
    size_t width = TABLE_INDENT - 1;
    for (size_t i = 0; i < n; i++)
        width += columns[i].title ? columns[i].width + 1u : 0;
    return width;
}

void table_widen(Column *columns, size_t n, size_t at, size_t total) {
    size_t width = table_width(columns, n);
    if (width < total)
        columns[at].width = (uint16_t)(columns[at].width + (total - width));
}

void table_narrow(Column *columns, size_t n, size_t at, uint16_t least, size_t total) {
    size_t width = table_width(columns, n);
    if (width > total && columns[at].width > least)
        columns[at].width = (uint16_t)(columns[at].width -
                                       MIN_OF(width - total, (size_t)(columns[at].width - least)));
}

void table_drop(Column *columns, size_t n, const uint8_t *order, size_t n_order, size_t total) {
    for (size_t i = 0; i < n_order && table_width(columns, n) > total; i++)
        columns[order[i]].title = NULL;
}

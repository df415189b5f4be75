// Tables of text: fixed columns, cut cells, numbers to the right. Pure functions over a Buf.
#pragma once

#include "util/buf.h"

typedef struct Column {
    const char *title; // NULL: left out
    uint16_t width;    // 0: as long as its text; for the last one
    bool right;        // numbers
    bool cut_front;    // a long text keeps its end
} Column;

#define TABLE_INDENT 2

void table_header(Buf *out, const Column *columns, size_t n);
// cells: one text a column; the last one is not padded. Numbers are never cut: they push.
void table_row(Buf *out, const Column *columns, size_t n, const char *const *cells);
// Widens columns[at] so that the table fills `total` columns of a terminal; never narrows.
void table_widen(Column *columns, size_t n, size_t at, size_t total);
size_t table_width(const Column *columns, size_t n);
// Narrows columns[at], down to `least`, so that the table fills `total` columns and no more.
void table_narrow(Column *columns, size_t n, size_t at, uint16_t least, size_t total);
// Leaves columns out, in this order, until the table fits.
void table_drop(Column *columns, size_t n, const uint8_t *order, size_t n_order, size_t total);

// Rows of the broker's reader in the columns of the golden files, to compare with what the generator
// expects.
#pragma once

#include "util/buf.h"

// Appends the heading and a line for each event that the reader gives for the file in memory; fails the
// test when the reader does. ret_out_of_order: events that the reader marks so.
void reader_rows(const Buf *file, Buf *lines, uint64_t *ret_out_of_order);
// Fails the test at the first line that differs.
void rows_equal(const char *what, Buf *actual, Buf *expected);

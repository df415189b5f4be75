// Events as tab-separated lines: everything of an event that stands in the file, payloads as their CRC-32. The form
// in which readers of .etl files are compared. Pure functions over a Buf; crc32_init first.
#pragma once

#include "event/record.h"
#include "util/buf.h"

void tsv_header(Buf *out);
// n: the event's place in the file's merged order, from 0.
void tsv_row(Buf *out, uint64_t n, const EventRecord *record);

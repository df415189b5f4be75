// CRC-32 (IEEE 802.3, reflected), written for the expectations of generated files: on purpose not the
// broker's, so that a fault there cannot hide itself. Pure; any thread.
#pragma once

#include "util/base.h"

// crc: 0 to start, or the result so far.
uint32_t etlgen_crc32(uint32_t crc, const void *data, size_t bytes);

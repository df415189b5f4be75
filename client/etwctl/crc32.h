// CRC-32 as of zip and Ethernet (reflected polynomial 0xEDB88320), eight bytes a step. Pure; any thread once
// crc32_init has been called.
#pragma once

#include "util/base.h"

void crc32_init(void);
// crc: 0 at first, then what the call before returned.
uint32_t crc32_update(uint32_t crc, const void *data, size_t bytes);

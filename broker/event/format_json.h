// Payload fields as JSON, straight into a Buf. Private to the event room; see format.h.
#pragma once

#include "event/format.h"

// {"name": value, …} of all top-level fields; leaves the payload located to its end.
void json_payload(Buf *out, Payload *p, uint32_t options);

// The parts of the scenario `kinds`; also usable alone by unit tests. Any thread.
#pragma once

#include "tests/etlgen/gen.h"

extern const Guid kinds_guid;         // provider of its manifest events
extern const Guid kinds_message_guid; // of its WPP messages
extern const Guid kinds_tracelogging_guid;
extern const Guid kinds_eventsource_guid;

void kinds_headers(Gen *g); // every header type, counters, WPP option sets, unknown types
void kinds_items(Gen *g);   // every extended item, alone and all at once
void kinds_schemas(Gen *g); // TRACE_EVENT_INFO: in-types, out-types, lengths, counts, structs, maps
void kinds_tracelogging(Gen *g);
void kinds_eventsource(Gen *g); // manifest in one chunk and in several
void kinds_kernel(Gen *g, uint8_t pointer_size);

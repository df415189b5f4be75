// Schemas on the wire: the payload of a SCHEMA frame. idl/wire.h has the layout.
//
// The broker writes what it compiled; the client builds the same schema again, with every limit of
// event/schema.h checked, because a schema steers how it reads each payload of the type. Pure functions.
#pragma once

#include "event/schema.h"
#include "idl/wire.h"
#include "util/buf.h"

// The schema was too large for one frame: message, then value maps were left out, and at the last
// everything (the type then travels as SCHEMA_NONE with UNDECODABLE_BAD_SCHEMA).
#define SCHEMA_WIRE_REDUCED 1

// Appends the payload for this type id to out: at most WIRE_MAX_OUT with its head. 0,
// SCHEMA_WIRE_REDUCED, or -STATUS_NO_MEMORY (out then has nothing more than before).
int schema_wire_put(Buf *out, uint32_t type, const Schema *schema);
// Builds a schema from a payload; the caller owns one reference. PROTOCOL with err, or NO_MEMORY.
int schema_wire_get(const uint8_t *payload_untrusted, size_t bytes, uint32_t *ret_type,
                    Schema **ret, Err *err);

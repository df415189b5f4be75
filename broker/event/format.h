// Turning values and events into text the way TDH does: pointers and hex types as 0x…, FILETIME as
// ISO 8601 UTC with 100 ns, SIDs as S-1-…, GUIDs in braces, IPv4/IPv6, ports, NTSTATUS and Win32
// codes with their names, value maps by name. Appends to a Buf; no state; any thread.
#pragma once

#include "event/value.h"
#include "util/jsonw.h"

enum {
    FORMAT_NO_MAPS = 1, // numbers instead of map texts
};

// One value as text: scalars, arrays as "[a, b]", structs as "{x: 1, y: 2}".
void value_text(Buf *out, Payload *p, const Value *v, uint32_t options);
// One value as JSON, typed: numbers stay numbers unless |n| > 2^53 or the type is hexadecimal or
// mapped (then a string); binary is lower-case hex text; NaN and infinities are strings.
void value_json(JsonWriter *w, Payload *p, const Value *v, uint32_t options);
// {"name": value, …} of all top-level fields, in order; a name that stands twice gets "name#2".
void payload_json(JsonWriter *w, Payload *p, uint32_t options);

// The whole event as one JSON object: System, EventData, Extended, Raw when undecoded, and behind
// them `tail`: raw members, each with a comma in front (enriched_json writes them), "" or NULL for
// none. docs/EVENT.md has the shape.
void event_json(Buf *out, const EventRecord *r, const Schema *schema, uint32_t options,
                const char *tail);
// The provider's message with its values inserted ("%1!s!" forms and %n, %t, %% understood);
// false and nothing appended when the schema has none.
bool event_message(Buf *out, const EventRecord *r, const Schema *schema);
// One line: the message when there is one, else "Name=value Name=value …" of the telling fields.
void event_summary(Buf *out, const EventRecord *r, const Schema *schema, size_t max_bytes);
// "DNS-Client/3008" or "FileIO/Create": short provider name and id or name, for tables.
void event_label(Buf *out, const EventRecord *r, const Schema *schema);

void sid_text(Buf *out, const uint8_t *sid, size_t bytes);   // hex when malformed
size_t sid_length(const uint8_t *sid_untrusted, size_t max); // 0 when malformed

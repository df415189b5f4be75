// Makes event types, records, wants and names for the tests of the route room.
#pragma once

#include "route/plan.h"
#include "route/spec.h"

typedef struct Event {
    Schema *schema;
    Guid provider;
    EventDescriptor desc;
    RouteType type;
    EventRecord record;
    uint8_t payload[160 * 1024];
    uint8_t ext[256];
} Event;

// An event without fields: provider {11111111-…}, id 3008, version 1, level 4, opcode 1, task 7,
// keyword 0x10, named "Test-Provider" and "Query/Start".
Event *event_new(void);
// Adds a top-level field; strings are NUL-terminated in the payload.
SchemaField *event_field(Event *e, const char *name, uint16_t in_type, uint16_t out_type);
void event_put(Event *e, const void *data, size_t bytes);
void event_put_u32(Event *e, uint32_t v);
void event_put_u64(Event *e, uint64_t v);
void event_put_utf16(Event *e, const char *utf8);        // with a NUL
void event_put_units(Event *e, uint16_t unit, size_t n); // without
const SchemaMap *event_map(Event *e, bool bitmap, const char *const *texts, const uint32_t *values,
                           uint32_t n);
void event_ready(Event *e); // after the last field: freezes the schema
void event_free(Event *e);

// Parses, binds and evaluates; counters may be NULL. A bad filter fails the test.
bool event_passes(Event *e, const char *filter, FilterCounters *counters);
bool event_passes_with(Event *e, const char *filter, FilterResolve resolve, void *user,
                       FilterCounters *counters);
FilterVerdict event_verdict(Event *e, const char *filter);
// Text that filter_parse refuses: *ret_err; returns the column.
uint32_t filter_error(const char *text, Err *ret_err);

// Providers Microsoft-Windows-DNS-Client, Microsoft-Windows-Kernel-File, -Kernel-Process,
// Microsoft-Antimalware-Scan-Interface, PowerShellCore, with keywords as on real systems.
extern const RouteNames test_names;
extern const Guid guid_dns, guid_kernel_file, guid_kernel_process, guid_amsi, guid_powershell_core;

// From JSON text with ' for " (text that has " stays as it is). A failure ends the test, unless err is given: then NULL.
Want *want_of(const char *json, Buf *warnings, Err *err);
Spec *spec_of(const char *json, Buf *warnings, Err *err);

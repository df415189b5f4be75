// The kernel's classic event classes (MOF) and KernelTraceControl's: look-up and compilation.
//
// The table is generated from kernel_mof.txt. An event of a version that is not listed takes the
// highest known one below it (etl-format B.7): newer systems only append fields. No state.
#pragma once

#include "schema/builder.h"

typedef struct MofField {
    const char *name;
    uint16_t in_type, out_type, flags;
    uint8_t count_kind, length_kind;
    uint16_t count, length; // EXTENT_FIELD: index within the event's fields
} MofField;

typedef struct MofEvent {
    uint8_t opcode, version;
    bool rundown;
    uint16_t first_field, n_fields;
    const char *name;       // of the MOF
    const char *event_name; // TraceEvent's
} MofEvent;

typedef struct MofClass {
    Guid guid;
    const char *name;
    const char *prefix; // of the event names (TraceEvent's): "FileIO" for FileIo
    const char *provider;
    uint16_t first_event, n_events;
} MofClass;

extern const MofField kernel_mof_fields[];
extern const MofEvent kernel_mof_events[];
extern const MofClass kernel_mof_classes[];
extern const uint32_t kernel_mof_n_classes;

const MofClass *kernel_mof_class(const Guid *guid); // NULL when it is none of them
const MofEvent *kernel_mof_event(const MofClass *class, uint8_t opcode, uint8_t version);
// 0, BUILDER_BAD when no class or event type fits, or -STATUS_NO_MEMORY.
int kernel_mof_compile(const Guid *guid, const EventDescriptor *desc, Schema **ret);

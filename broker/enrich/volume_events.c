#include "enrich/volume_events.h"

enum { OP_SYSTEM_PATHS = 33, OP_VOLUME_MAPPING = 35 };

const Guid volume_events_class =
    GUID_INIT(0x9b79ee91, 0xb5fd, 0x41c0, 0xa2, 0x43, 0x42, 0x48, 0xe2, 0x66, 0xe9, 0xd0);

VolumePlan volumes_plan(const Schema *schema) {
    static const char *const nt[] = {"NtPath", NULL}, *const dos[] = {"DosPath", NULL},
                             *const windows[] = {"SystemWindowsDirectory", "WindowsDirectory",
                                                 NULL};
    VolumePlan plan = {VOLUME_NOTHING, -1, -1};
    if (!(schema->event_flags & EVENT_CLASSIC) ||
        !guid_equal(&schema->provider, &volume_events_class))
        return plan;
    if (schema->desc.opcode == OP_VOLUME_MAPPING) {
        plan.from = fact_field(schema, nt);
        plan.to = fact_field(schema, dos);
        if (plan.from >= 0 && plan.to >= 0)
            plan.role = VOLUME_MAPPING;
    } else if (schema->desc.opcode == OP_SYSTEM_PATHS) {
        plan.from = fact_field(schema, windows);
        if (plan.from >= 0)
            plan.role = VOLUME_SYSTEM_PATHS;
    }
    return plan;
}

void volumes_observe(Volumes *volumes, const VolumePlan *plan, const EventRecord *record,
                     const Schema *schema) {
    Text *from = fact_text(record, schema, plan->from);
    Text *to = fact_text(record, schema, plan->to); // `\??\` maps to nothing
    if (from && plan->role == VOLUME_MAPPING)
        (void)volumes_add(volumes, from->s, to ? to->s : "");
    else if (from)
        (void)volumes_set_windows(volumes, from->s);
    text_unref(from);
    text_unref(to);
}

// The events of merged traces that tell of volumes: SysConfigEx VolumeMapping (35) and SystemPaths
// (33) (etl-format F, I.7). No state.
#pragma once

#include "enrich/facts.h"
#include "enrich/volumes.h"

typedef enum VolumeRole { VOLUME_NOTHING = 0, VOLUME_MAPPING, VOLUME_SYSTEM_PATHS } VolumeRole;

typedef struct VolumePlan {
    uint8_t role; // VolumeRole
    int16_t from, to;
} VolumePlan;

extern const Guid volume_events_class;
VolumePlan volumes_plan(const Schema *schema);
// What cannot be taken (malformed, too many) is left out: paths then stay as they are.
void volumes_observe(Volumes *volumes, const VolumePlan *plan, const EventRecord *record,
                     const Schema *schema);

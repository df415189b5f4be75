// The mount table on its way from the thread that asks the system to the loop.
#pragma once

#include "enrich/volumes.h"

typedef struct MountList MountList;

// Asks the system (platform/mounts.h): may take a while. Any thread.
int mount_list_new(MountList **ret);
MountList *mount_list_free(MountList *list);
// Owner of the volumes: what they cannot take is left out.
void mount_list_apply(const MountList *list, Volumes *volumes);

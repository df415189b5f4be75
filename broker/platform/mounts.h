// The mount table: which device stands behind which drive, folder or volume name.
#pragma once

#include "util/err.h"

// Calls each(user, nt_path, dos_path) for every mount that the system knows: drives, network
// drives, volumes in folders, and volumes without any of them (shown as \\?\Volume{…}\). Where a
// volume has several names a drive counts most, and comes last. \??\Volume{…} is told as well, and
// \SystemRoot as the folder of Windows. UTF-8; dos_path ends with a backslash. Only Windows has
// mounts of this kind: elsewhere there are none. May ask drivers, never the network or a medium.
// Any thread.
int plat_mounts(void (*each)(void *user, const char *nt_path, const char *dos_path), void *user);

// Device paths to what people type: \Device\HarddiskVolume2\x -> C:\x, \SystemRoot\, \??\, Mup.
//
// Longest prefix on path boundaries, case-blind (etl-format I.7): Volume1 is no prefix of Volume10. Fed by
// the trace (SysConfigEx 35 and 33), and on a live Windows source by the mount table. Without a mapping a
// path stays as it is. Owner: the loop.
#pragma once

#include "enrich/text.h"

typedef struct Volumes Volumes;

int volumes_new(Volumes **ret);
Volumes *volumes_free(Volumes *volumes);
void volumes_clear(Volumes *volumes);
// A later mapping of the same prefix replaces the earlier one. Texts are UTF-8. At most VOLUMES_MAX.
#define VOLUMES_MAX 512u
int volumes_add(Volumes *volumes, const char *nt_path, const char *dos_path);
// SystemPaths: `\Windows\…` without a device belongs to the drive of windows_folder ("C:\Windows").
int volumes_set_windows(Volumes *volumes, const char *windows_folder);
uint32_t volumes_generation(const Volumes *volumes); // changes with every mapping; never 0
// Volumes asked for and not known: a live source looks at the mount table again when this moves.
uint64_t volumes_unknown(const Volumes *volumes);
// The path as it is to be shown: a new reference to `raw` itself when nothing changes, else a new text
// that carries the generation. NULL: out of memory. Mup: \Device\Mup\server\share -> \\server\share, with
// `;…` components and provider names (DfsClient, LanmanRedirector, WebDavRedirector) taken out.
Text *volumes_map(Volumes *volumes, Text *raw);

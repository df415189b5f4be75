// Device paths to what people type: \Device\HarddiskVolume2\x -> C:\x, \SystemRoot\, \??\, Mup.
//
// Longest prefix on path boundaries, case-blind (etl-format I.7): Volume1 is no prefix of Volume10.
// Fed by the trace (SysConfigEx 35 and 33), and on a live Windows source by the mount table.
// Without a mapping a path stays as it is. Owner: the loop.
#pragma once

#include "enrich/text.h"

typedef struct Volumes Volumes;

int volumes_new(Volumes **ret);
Volumes *volumes_free(Volumes *volumes);
void volumes_clear(Volumes *volumes);
// A later mapping of the same prefix replaces the earlier one. Texts are UTF-8, with or without a
// backslash at their ends; dos_path may be empty. Mappings come from outside: 1 is returned, and
// nothing changes, when one is malformed (nt_path does not begin with a backslash, or is nothing
// else), longer than VOLUMES_PATH_MAX, or beyond VOLUMES_MAX or VOLUMES_BYTES_MAX in all.
#define VOLUMES_MAX       512u
#define VOLUMES_PATH_MAX  32768u               // bytes of either text
#define VOLUMES_BYTES_MAX (4u * 1024u * 1024u) // of all texts
int volumes_add(Volumes *volumes, const char *nt_path, const char *dos_path);
// SystemPaths: `\Windows\…` without a device belongs to the drive of windows_folder ("C:\Windows"),
// and it is what \SystemRoot means without a mapping. 1: not a folder on a drive, or too long;
// nothing changes.
int volumes_set_windows(Volumes *volumes, const char *windows_folder);
// Changes with every mapping that says something new; never 0.
uint32_t volumes_generation(const Volumes *volumes);
// Volumes asked for and not known: a live source looks at the mount table again when this moves.
uint64_t volumes_unknown(const Volumes *volumes);
// The path as it is to be shown: a new reference to `raw` itself when nothing changes, else a new
// text that carries the generation. NULL: out of memory. Mup: \Device\Mup\server\share ->
// \\server\share, with `;…` components and provider names (DfsClient, LanmanRedirector,
// WebDavRedirector) taken out. Also \??\C:\x and \DosDevices\C:\x -> C:\x, \??\UNC\server\share ->
// \\server\share.
Text *volumes_map(Volumes *volumes, Text *raw);

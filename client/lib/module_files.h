// Files of modules on this machine's disks. Implemented in posix/ and windows/.
#pragma once

#include "client/lib/module_path.h"

// What separates the folders of a search path besides ';' on this host: ':' or 0.
char module_list_separator(void);
// Appends the separator and the entry `name` of a folder, as the disk spells it (on Linux an entry
// that differs in case only counts). On Windows a symbolic link counts only with allow_network: in
// the copy of a foreign disk it may lead to a server. False: there is none, path is unchanged; or
// out of memory, which path->failed tells.
bool module_entry(Buf *path, const char *name, bool allow_network);
// The file that the module's own path names on this machine, for candidate 0, 1 …; false: no more.
// An empty *ret_path: not this one. Its failed tells that memory ran out. Nothing outside of this
// machine is touched unless allow_network: neither servers nor mapped drives, nor what symbolic
// links may lead to. On Linux there are none: a Windows path names nothing there.
bool module_local(const ModulePath *module, uint32_t candidate, bool allow_network, Buf *ret_path);

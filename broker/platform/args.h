// The program's surroundings: arguments, console, Ctrl+C. For the main functions of programs; called
// from their main thread at start. All texts are UTF-8 on both systems.
#pragma once

#include "util/base.h"

// Replaces argc and argv by the UTF-8 arguments (Windows: from the wide command line; Linux: as they
// are). They live as long as the process. False: no memory.
bool plat_args(int *argc, char ***argv);
// Standard output and error take UTF-8 and "\n" as they are; colours work where the terminal has them.
void plat_console_utf8(void);
bool plat_is_terminal(int fd);        // 0, 1, 2
uint32_t plat_terminal_columns(void); // of standard output; 80 when it is none
// The value of an environment variable, or NULL; buf holds it.
const char *plat_env(const char *name, char *buf, size_t cap);

// From now on Ctrl+C (SIGINT, SIGTERM; closing the console) makes plat_interrupted true and calls
// wake, which may only call plat_port_wake or plat_channel_cancel: it runs in a signal handler or on a
// thread of its own. A second one ends the process. May be called again to change or clear (NULL) wake.
int plat_on_interrupt(void (*wake)(void *user), void *user);
bool plat_interrupted(void);

// Waitable timers that keep their time to well under a millisecond. Any thread.
#pragma once

#include "platform/windows/win.h"

#include "util/base.h"

// High-resolution where the system has it (Windows 10 1803), else an ordinary one; NULL on failure.
HANDLE timer_new(void);
// Arms it for so many ns from now; apc (may be NULL) is then queued to this thread, with user.
bool timer_arm(HANDLE timer, int64_t ns, PTIMERAPCROUTINE apc, void *user);

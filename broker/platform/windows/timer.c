// Waitable timers.
#include "platform/windows/timer.h"

// mingw-w64 10 has it only with newer targets than we name.
#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x00000002
#endif

#define ACCESS (TIMER_MODIFY_STATE | SYNCHRONIZE)

HANDLE timer_new(void) {
    HANDLE timer =
        CreateWaitableTimerExW(NULL, NULL, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, ACCESS);
    if (timer == NULL)
        timer = CreateWaitableTimerExW(NULL, NULL, 0, ACCESS);
    return timer;
}

bool timer_arm(HANDLE timer, int64_t ns, PTIMERAPCROUTINE apc, void *user) {
    // Negative: relative, in 100 ns; rounded up, so that it is never early.
    LARGE_INTEGER due = {.QuadPart = -(ns / 100 + (ns % 100 != 0))};
    if (due.QuadPart == 0)
        due.QuadPart = -1;
    return SetWaitableTimer(timer, &due, 0, apc, user, FALSE) != 0;
}

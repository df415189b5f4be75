// Clocks and small facts about this process on Windows.
#include "platform/clock.h"

#include "platform/windows/win.h"
// after windows.h
#include <bcrypt.h>
#include <psapi.h>

#include "platform/windows/timer.h"

static int64_t filetime_ns(FILETIME t) {
    return (int64_t)((uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime) * 100;
}

int64_t plat_now_ns(void) {
    static LONG64 frequency; // fixed at boot: racing threads store the same
    LONG64 f = InterlockedOr64(&frequency, 0);
    LARGE_INTEGER value;
    if (f == 0) {
        QueryPerformanceFrequency(&value);
        f = value.QuadPart;
        InterlockedExchange64(&frequency, f);
    }
    QueryPerformanceCounter(&value);
    // Split: the plain product leaves 64 bits after 15 minutes at 10 MHz.
    return value.QuadPart / f * 1000000000 + value.QuadPart % f * 1000000000 / f;
}

int64_t plat_filetime_now(void) {
    FILETIME t;
    GetSystemTimePreciseAsFileTime(&t);
    return (int64_t)((uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime);
}

int64_t plat_cpu_ns(void) {
    FILETIME created, ended, kernel, user;
    if (!GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user))
        return 0;
    return filetime_ns(kernel) + filetime_ns(user);
}

int64_t plat_thread_cpu_ns(void) {
    FILETIME created, ended, kernel, user;
    if (!GetThreadTimes(GetCurrentThread(), &created, &ended, &kernel, &user))
        return 0;
    return filetime_ns(kernel) + filetime_ns(user);
}

void plat_sleep_ns(int64_t ns) {
    if (ns <= 0)
        return;
    HANDLE timer = timer_new();
    if (timer != NULL && timer_arm(timer, ns, NULL, NULL))
        WaitForSingleObject(timer, INFINITE);
    else
        Sleep((DWORD)(ns / 1000000 + 1));
    if (timer != NULL)
        CloseHandle(timer);
}

size_t plat_memory_bytes(void) {
    PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};
    if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters))
        return 0;
    return counters.WorkingSetSize;
}

uint32_t plat_pid(void) {
    return GetCurrentProcessId();
}

bool plat_random(void *out, size_t bytes) {
    uint8_t *to = out;
    while (bytes != 0) {
        ULONG n = (ULONG)MIN_OF(bytes, (size_t)1 << 20);
        if (BCryptGenRandom(NULL, to, n, BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
            return false;
        to += n;
        bytes -= n;
    }
    return true;
}

uint32_t plat_processors(void) {
    DWORD_PTR ours = 0, all = 0;
    uint32_t n = 0;
    if (GetProcessAffinityMask(GetCurrentProcess(), &ours, &all)) {
        for (; ours != 0; ours &= ours - 1)
            n++;
    }
    return n != 0 ? n : 1;
}

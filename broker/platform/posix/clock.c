// Clocks and small facts about this process on Linux.
#include "platform/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

// 1601-01-01 to 1970-01-01 in FILETIME units of 100 ns.
#define FILETIME_EPOCH INT64_C(116444736000000000)

static int64_t read_clock(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t) != 0)
        return 0;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t plat_now_ns(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t plat_filetime_now(void) {
    return FILETIME_EPOCH + read_clock(CLOCK_REALTIME) / 100;
}

int64_t plat_cpu_ns(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t plat_thread_cpu_ns(void) {
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void plat_sleep_ns(int64_t ns) {
    if (ns <= 0)
        return;
    struct timespec left = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        ;
}

size_t plat_memory_bytes(void) {
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    char text[128];
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    // "total resident shared …", in pages.
    char *resident = strchr(text, ' ');
    if (resident == NULL)
        return 0;
    return (size_t)strtoull(resident, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

uint32_t plat_pid(void) {
    return (uint32_t)getpid();
}

bool plat_random(void *out, size_t bytes) {
    uint8_t *to = out;
    while (bytes != 0) {
        ssize_t n = getrandom(to, bytes, 0);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        to += n;
        bytes -= (size_t)n;
    }
    return true;
}

uint32_t plat_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (uint32_t)CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

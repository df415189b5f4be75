// A test's process on Windows, and so under Wine (runner.h).
#include "shim/runner.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

const char *const process_null_file = "NUL";

static HANDLE g_reason_pipe = INVALID_HANDLE_VALUE; // in a child

void process_begin(const char *pipe_text) {
    // No dialogs: a crash ends the process.
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    g_reason_pipe = (HANDLE)(uintptr_t)strtoull(pipe_text, NULL, 10);
}

void process_end(int exit_code, const char *reason) {
    DWORD written = 0;

    fflush(stdout);
    fflush(stderr);
    WriteFile(g_reason_pipe, reason, (DWORD)strlen(reason), &written, NULL);
    TerminateProcess(GetCurrentProcess(), (UINT)exit_code);
    for (;;) {
        Sleep(INFINITE);
    }
}

static int fail_start(const char *what) {
    fprintf(stderr, "shim: %s: error %lu\n", what, GetLastError());
    return -1;
}

static void read_reason(HANDLE pipe, struct Outcome *outcome) {
    DWORD available = 0;
    DWORD got = 0;

    outcome->reason[0] = '\0';
    if (PeekNamedPipe(pipe, NULL, 0, NULL, &available, NULL) && available > 0 &&
        ReadFile(pipe, outcome->reason, REASON_BYTES - 1, &got, NULL)) {
        outcome->reason[got] = '\0';
    }
}

int process_run(unsigned index, unsigned limit_ms, struct Outcome *ret_outcome) {
    SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    STARTUPINFOW start = {.cb = sizeof start};
    PROCESS_INFORMATION child = {0};
    struct Outcome outcome = {.kind = TIMED_OUT};
    wchar_t exe[1024];
    wchar_t command[1200];
    HANDLE pipe_in = NULL;
    HANDLE pipe_out = NULL;
    HANDLE job = NULL;
    DWORD exit_code = 0;
    ULONGLONG began = GetTickCount64();
    int r = -1;

    if (!CreatePipe(&pipe_in, &pipe_out, &inherit, 2 * REASON_BYTES)) {
        return fail_start("CreatePipe");
    }
    SetHandleInformation(pipe_in, HANDLE_FLAG_INHERIT, 0);
    GetModuleFileNameW(NULL, exe, 1024);
    _snwprintf(command, 1199, L"\"%ls\" --shim-run %u %llu", exe, index,
               (unsigned long long)(uintptr_t)pipe_out);
    command[1199] = L'\0';

    // Suspended until it is in the job, so that whatever it starts is there too and ends with it.
    job = CreateJobObjectW(NULL, NULL);
    if (job == NULL) {
        r = fail_start("CreateJobObject");
        goto out_pipe;
    }
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
    // Seen once in thousands of starts on a loaded machine: Wine answers ERROR_INTERNAL_ERROR for a
    // process that starts a moment later. The test itself has not begun, so trying again hides nothing.
    BOOL started = FALSE;
    for (int i = 0; i < 3 && !started; i++) {
        if (i > 0)
            Sleep(200);
        started = CreateProcessW(exe, command, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL,
                                 &start, &child);
        if (!started && GetLastError() != ERROR_INTERNAL_ERROR)
            break;
    }
    if (!started) {
        r = fail_start("CreateProcess");
        goto out_job;
    }
    AssignProcessToJobObject(job, child.hProcess);
    ResumeThread(child.hThread);
    if (WaitForSingleObject(child.hProcess, limit_ms) == WAIT_OBJECT_0) {
        GetExitCodeProcess(child.hProcess, &exit_code);
        outcome.exit_code = exit_code;
        outcome_from_exit(&outcome);
    } else {
        TerminateProcess(child.hProcess, EXIT_FAILED);
        WaitForSingleObject(child.hProcess, 10000);
    }
    read_reason(pipe_in, &outcome);
    outcome.seconds = (double)(GetTickCount64() - began) / 1000;
    CloseHandle(child.hThread);
    CloseHandle(child.hProcess);
    *ret_outcome = outcome;
    r = 0;
out_job:
    CloseHandle(job);
out_pipe:
    CloseHandle(pipe_out);
    CloseHandle(pipe_in);
    return r;
}

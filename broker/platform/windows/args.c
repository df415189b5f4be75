// Arguments, console and Ctrl+C on Windows.
#include "platform/args.h"

#include "platform/windows/win.h"
#include <fcntl.h>
#include <io.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/windows/command_line.h"
#include "platform/windows/text.h"
#include "util/err.h"
#include "util/mem.h"
#include "util/utf.h"

#ifndef ENABLE_VIRTUAL_TERMINAL_PROCESSING
#define ENABLE_VIRTUAL_TERMINAL_PROCESSING 0x0004
#endif
#define UTF8_CODE_PAGE 65001u
// How long a closed console waits for the program to end by itself; Windows itself waits 5 s.
#define CLOSE_WAIT_MS 4500u

static UINT old_code_page;

bool plat_args(int *argc, char ***argv) {
    int n = 0;
    char **arguments = command_line_split(GetCommandLineW(), &n);
    if (arguments == NULL)
        return false;
    *argc = n;
    *argv = arguments;
    return true;
}

static void restore_code_page(void) {
    SetConsoleOutputCP(old_code_page);
}

static HANDLE std_handle(int fd) {
    static const DWORD names[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    return fd >= 0 && fd <= 2 ? GetStdHandle(names[fd]) : INVALID_HANDLE_VALUE;
}

void plat_console_utf8(void) {
    // "\n" stays one byte: what a program writes is the same on both systems.
    fflush(stdout);
    fflush(stderr);
    _setmode(_fileno(stdout), _O_BINARY);
    _setmode(_fileno(stderr), _O_BINARY);
    for (int fd = 1; fd <= 2; fd++) {
        DWORD mode;
        if (GetConsoleMode(std_handle(fd), &mode))
            SetConsoleMode(std_handle(fd), mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    }
    UINT page = GetConsoleOutputCP();
    if (page != 0 && page != UTF8_CODE_PAGE && SetConsoleOutputCP(UTF8_CODE_PAGE)) {
        // The console outlives the program, and its code page with it.
        old_code_page = page;
        atexit(restore_code_page);
    }
}

bool plat_is_terminal(int fd) {
    DWORD mode;
    return GetConsoleMode(std_handle(fd), &mode) != 0;
}

uint32_t plat_terminal_columns(void) {
    CONSOLE_SCREEN_BUFFER_INFO info;
    if (!GetConsoleScreenBufferInfo(std_handle(1), &info))
        return 80;
    int columns = info.srWindow.Right - info.srWindow.Left + 1;
    return columns > 0 ? (uint32_t)columns : 80;
}

const char *plat_env(const char *name, char *buf, size_t cap) {
    wchar_t *wide_name = text_wide(name);
    if (wide_name == NULL)
        return NULL;
    const char *result = NULL;
    DWORD units = GetEnvironmentVariableW(wide_name, NULL, 0);
    wchar_t *value = units != 0 ? mem_array(units, sizeof *value) : NULL;
    if (value != NULL) {
        DWORD n = GetEnvironmentVariableW(wide_name, value, units);
        if (n < units && utf16_to_utf8_fixed(buf, cap, value, n) < cap)
            result = buf;
    }
    mem_free(value);
    mem_free(wide_name);
    return result;
}

static atomic_bool interrupted, handler_set;
static SRWLOCK wake_lock = SRWLOCK_INIT;
static void (*on_wake)(void *user);
static void *on_wake_user;

// Runs on a thread that Windows makes for it.
static BOOL WINAPI handle_control(DWORD type) {
    if (type != CTRL_C_EVENT && type != CTRL_BREAK_EVENT && type != CTRL_CLOSE_EVENT)
        return FALSE;
    if (atomic_exchange(&interrupted, true))
        return FALSE; // the second one: let Windows end the process
    AcquireSRWLockExclusive(&wake_lock);
    if (on_wake != NULL)
        on_wake(on_wake_user);
    ReleaseSRWLockExclusive(&wake_lock);
    if (type == CTRL_CLOSE_EVENT)
        Sleep(CLOSE_WAIT_MS); // the process ends when this returns
    return TRUE;
}

int plat_on_interrupt(void (*wake)(void *user), void *user) {
    AcquireSRWLockExclusive(&wake_lock);
    on_wake = wake;
    on_wake_user = user;
    ReleaseSRWLockExclusive(&wake_lock);
    if (atomic_exchange(&handler_set, true))
        return 0;
    return SetConsoleCtrlHandler(handle_control, TRUE) ? 0 : -STATUS_IO;
}

bool plat_interrupted(void) {
    return atomic_load(&interrupted);
}

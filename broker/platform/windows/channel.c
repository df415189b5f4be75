// The client's side of a connection on Windows.
//
// One read into a buffer of our own is under way at all times: a timeout or a cancel then only stops
// waiting for it, nothing of the stream is lost, and its event is the handle that says "there is data".
#include <stdatomic.h>
#include <stdio.h>

#include "platform/clock.h"
#include "platform/port.h"
#include "platform/windows/endpoint.h"
#include "platform/windows/pipe_ops.h"
#include "platform/windows/text.h"
#include "platform/windows/token.h"
#include "platform/windows/win.h"
#include "util/mem.h"

#define BUFFER_BYTES (128u * 1024u)
#define RETRY_MS     20u

struct PlatChannel {
    HANDLE pipe;
    HANDLE cancel_event, read_event, write_event; // manual reset
    atomic_bool cancelled;
    OVERLAPPED read, write;
    bool reading;    // the read is under way
    DWORD read_code; // of the read that has ended; 0: the buffer counts
    uint8_t *buffer;
    size_t at, end;
};

static int64_t due_at(int64_t timeout_ns) {
    return timeout_ns < 0 ? -1 : plat_now_ns() + timeout_ns;
}

static DWORD ms_until(int64_t due_ns) {
    if (due_ns < 0)
        return INFINITE;
    int64_t left = due_ns - plat_now_ns();
    if (left <= 0)
        return 0;
    int64_t ms = left / 1000000 + (left % 1000000 != 0);
    return ms < INT32_MAX ? (DWORD)ms : (DWORD)INT32_MAX;
}

// Waits for the event: 0, -STATUS_TIMEOUT, -STATUS_CANCELLED, -STATUS_IO.
static int wait_event(PlatChannel *channel, HANDLE event, int64_t due_ns) {
    HANDLE events[2] = {channel->cancel_event, event}; // the first one signalled wins
    switch (WaitForMultipleObjects(2, events, FALSE, ms_until(due_ns))) {
    case WAIT_OBJECT_0:
        return -STATUS_CANCELLED;
    case WAIT_OBJECT_0 + 1:
        return 0;
    case WAIT_TIMEOUT:
        return -STATUS_TIMEOUT;
    default:
        return -STATUS_IO;
    }
}

static bool is_end(DWORD code) {
    return code == ERROR_BROKEN_PIPE || code == ERROR_PIPE_NOT_CONNECTED || code == ERROR_NO_DATA ||
           code == ERROR_HANDLE_EOF;
}

static void start_read(PlatChannel *channel) {
    channel->at = channel->end = 0;
    memset(&channel->read, 0, sizeof channel->read);
    channel->read.hEvent = channel->read_event;
    channel->read_code = 0;
    BOOL done = ReadFile(channel->pipe, channel->buffer, BUFFER_BYTES, NULL, &channel->read);
    DWORD code = done ? 0 : GetLastError();
    channel->reading = code == 0 || code == ERROR_IO_PENDING;
    if (!channel->reading) {
        channel->read_code = code;
        SetEvent(channel->read_event); // the end is something to read, too
    }
}

// The event of the read is signalled: takes what it brought.
static void end_read(PlatChannel *channel) {
    DWORD bytes = 0;
    BOOL ok = GetOverlappedResult(channel->pipe, &channel->read, &bytes, TRUE);
    channel->read_code = ok ? 0 : GetLastError();
    channel->reading = false;
    channel->end = ok ? bytes : 0;
}

int plat_channel_read(PlatChannel *channel, void *buffer, size_t capacity, int64_t timeout_ns,
                      size_t *ret_bytes) {
    if (capacity == 0)
        return -STATUS_INVALID_ARGUMENT;
    if (atomic_load_explicit(&channel->cancelled, memory_order_acquire))
        return -STATUS_CANCELLED;
    if (channel->reading) {
        int result = wait_event(channel, channel->read_event, due_at(timeout_ns));
        if (result < 0)
            return result;
        end_read(channel);
    }
    if (channel->read_code != 0) {
        if (!is_end(channel->read_code))
            return -STATUS_IO;
        *ret_bytes = 0;
        return 0;
    }
    size_t bytes = MIN_OF(capacity, channel->end - channel->at);
    memcpy(buffer, channel->buffer + channel->at, bytes);
    channel->at += bytes;
    // Only when all is taken: until then the event stays signalled.
    if (channel->at == channel->end)
        start_read(channel);
    *ret_bytes = bytes;
    return 0;
}

int plat_channel_write(PlatChannel *channel, const void *data, size_t bytes, int64_t timeout_ns) {
    int64_t due_ns = due_at(timeout_ns);
    const uint8_t *from = data;
    while (!atomic_load_explicit(&channel->cancelled, memory_order_acquire)) {
        if (bytes == 0)
            return 0;
        DWORD n = (DWORD)MIN_OF(bytes, (size_t)1 << 20), written = 0;
        memset(&channel->write, 0, sizeof channel->write);
        channel->write.hEvent = channel->write_event;
        BOOL done = WriteFile(channel->pipe, from, n, NULL, &channel->write);
        DWORD code = done ? 0 : GetLastError();
        int result = 0;
        if (code == 0 || code == ERROR_IO_PENDING) {
            result = wait_event(channel, channel->write_event, due_ns);
            if (result < 0)
                CancelIoEx(channel->pipe, &channel->write);
            // In any case: the system must be done with our memory.
            code = GetOverlappedResult(channel->pipe, &channel->write, &written, TRUE)
                       ? 0
                       : GetLastError();
        }
        if (code == 0) {
            from += written;
            bytes -= written;
            if (bytes == 0)
                return 0;
        }
        if (result < 0)
            return result;
        if (code != 0)
            return is_end(code) ? -STATUS_CLOSED : -STATUS_IO;
    }
    return -STATUS_CANCELLED;
}

void plat_channel_cancel(PlatChannel *channel) {
    atomic_store_explicit(&channel->cancelled, true, memory_order_release);
    SetEvent(channel->cancel_event);
}

intptr_t plat_channel_wait_handle(PlatChannel *channel) {
    return (intptr_t)channel->read_event;
}

// ---- Opening

static bool is_well_known(PSID sid, WELL_KNOWN_SID_TYPE type) {
    return IsWellKnownSid(sid, type) != 0;
}

static bool is_own(PSID sid) {
    HANDLE token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    union {
        TOKEN_USER user;
        BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
    } data;
    DWORD bytes;
    bool same = GetTokenInformation(token, TokenUser, &data, sizeof data, &bytes) &&
                EqualSid(data.user.User.Sid, sid);
    CloseHandle(token);
    return same;
}

// Whoever is first to make a pipe owns its name: the owner says whether it is the broker's.
static int check_owner(HANDLE pipe, bool named, const char *path, Err *err) {
    union {
        SECURITY_DESCRIPTOR descriptor;
        BYTE room[1024];
    } data;
    DWORD bytes = 0;
    PSID owner = NULL;
    BOOL defaulted;
    char text[300];
    if (!pipe_ops.object_security(pipe, OWNER_SECURITY_INFORMATION, &data, sizeof data, &bytes) ||
        !GetSecurityDescriptorOwner(&data, &owner, &defaulted) || owner == NULL)
        return err_set(err, STATUS_DENIED, "cannot read who owns the pipe %s: %s", path,
                       text_error(GetLastError(), text, sizeof text));
    if (is_well_known(owner, WinLocalSystemSid))
        return 0;
    if (named && (is_well_known(owner, WinBuiltinAdministratorsSid) || is_own(owner)))
        return 0;
    return err_set(err, STATUS_DENIED, "the pipe %s does not belong to %s: %s", path,
                   named ? "the system, an administrator or this user" : "the system",
                   named ? "another user's program answers there"
                         : "name the endpoint if it is a broker of your own that you trust");
}

static HANDLE open_pipe(const wchar_t *path) {
    return pipe_ops.create_file(
        path, PIPE_CLIENT_ACCESS, 0, NULL, OPEN_EXISTING,
        FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
}

static int open_error(DWORD code, const char *path, Err *err) {
    char text[300];
    switch (code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return err_set(err, STATUS_UNAVAILABLE, "nothing listens at %s", path);
    case ERROR_ACCESS_DENIED:
        return err_set(err, STATUS_DENIED, "this user may not connect to %s", path);
    case ERROR_PIPE_BUSY:
        return err_set(err, STATUS_TIMEOUT, "the broker at %s did not take the connection in time",
                       path);
    default:
        return err_set(err, STATUS_IO, "cannot connect to %s: %s", path,
                       text_error(code, text, sizeof text));
    }
}

static int connect_pipe(PlatChannel *channel, const char *endpoint, int64_t due_ns, Err *err) {
    char path[300] = "";
    wchar_t *wide = NULL;
    bool named = false;
    int result = plat_endpoint_path(endpoint, path, sizeof path, err);
    if (result == 0)
        result = endpoint_resolve(endpoint, &wide, &named, err);
    if (result < 0)
        return result;
    for (;;) {
        channel->pipe = open_pipe(wide);
        DWORD code = channel->pipe == INVALID_HANDLE_VALUE ? GetLastError() : 0;
        if (code == 0) {
            result = check_owner(channel->pipe, named, path, err);
            break;
        }
        DWORD left = ms_until(due_ns);
        if (code != ERROR_PIPE_BUSY || left == 0) {
            result = open_error(code, path, err);
            break;
        }
        // Until an instance is free; 0 would stand for a default time.
        WaitNamedPipeW(wide, MIN_OF(left, RETRY_MS));
    }
    mem_free(wide);
    return result;
}

int plat_channel_open(const char *endpoint, int64_t timeout_ns, PlatChannel **ret, Err *err) {
    PlatChannel *channel = mem_zalloc(sizeof *channel);
    if (channel == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a connection");
    channel->pipe = INVALID_HANDLE_VALUE;
    atomic_init(&channel->cancelled, false);
    channel->buffer = mem_alloc(BUFFER_BYTES);
    channel->cancel_event = CreateEventW(NULL, TRUE, FALSE, NULL);
    channel->read_event = CreateEventW(NULL, TRUE, FALSE, NULL);
    channel->write_event = CreateEventW(NULL, TRUE, FALSE, NULL);
    int result = 0;
    if (channel->buffer == NULL || channel->cancel_event == NULL || channel->read_event == NULL ||
        channel->write_event == NULL)
        result = err_set(err, STATUS_NO_MEMORY, "no memory for a connection");
    if (result == 0)
        result = connect_pipe(channel, endpoint, due_at(timeout_ns), err);
    if (result < 0) {
        plat_channel_close(channel);
        return result;
    }
    start_read(channel);
    *ret = channel;
    return 0;
}

PlatChannel *plat_channel_close(PlatChannel *channel) {
    if (channel == NULL)
        return NULL;
    if (channel->reading) {
        DWORD bytes;
        CancelIoEx(channel->pipe, &channel->read);
        GetOverlappedResult(channel->pipe, &channel->read, &bytes, TRUE);
    }
    if (channel->pipe != INVALID_HANDLE_VALUE)
        CloseHandle(channel->pipe);
    if (channel->cancel_event != NULL)
        CloseHandle(channel->cancel_event);
    if (channel->read_event != NULL)
        CloseHandle(channel->read_event);
    if (channel->write_event != NULL)
        CloseHandle(channel->write_event);
    mem_free(channel->buffer);
    mem_free(channel);
    return NULL;
}

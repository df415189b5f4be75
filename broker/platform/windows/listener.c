// Listening named pipes.
//
// Some instances wait for clients at all times; an instance that got one becomes a stream only after
// its replacement is open. Where none can be had, the client is turned away and the instance waits
// again, so that the name never falls free.
#include <stdio.h>

#include "platform/port.h"
#include "platform/windows/endpoint.h"
#include "platform/windows/pipe_ops.h"
#include "platform/windows/port_parts.h"
#include "platform/windows/text.h"
#include "util/mem.h"

// Batches of 64 KiB should be taken at once; requests are small.
#define OUT_BYTES (256u * 1024u)
#define IN_BYTES  (64u * 1024u)

#define OPEN_MODE (PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED)
#define PIPE_MODE (PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS)

static HANDLE open_instance(PlatListener *listener, bool first) {
    SECURITY_ATTRIBUTES security = {sizeof security, listener->security, FALSE};
    DWORD mode = OPEN_MODE | (first ? (DWORD)FILE_FLAG_FIRST_PIPE_INSTANCE : 0);
    HANDLE pipe =
        pipe_ops.create_named_pipe(listener->path, mode, PIPE_MODE, PIPE_UNLIMITED_INSTANCES,
                                   OUT_BYTES, IN_BYTES, 0, &security);
    if (pipe == INVALID_HANDLE_VALUE)
        return INVALID_HANDLE_VALUE;
    if (CreateIoCompletionPort(pipe, listener->port->iocp, 1, 0) == NULL) {
        DWORD code = GetLastError();
        CloseHandle(pipe);
        SetLastError(code);
        return INVALID_HANDLE_VALUE;
    }
    // The handle knows nothing of `security` any more.
    // cppcheck-suppress returnDanglingLifetime
    return pipe;
}

// Starts waiting for a client; false when the instance is of no use any more.
static bool await_client(PipeInstance *instance) {
    // A client that came and went in between leaves ERROR_NO_DATA: the instance is used again.
    for (int i = 0; i < 3; i++) {
        memset(&instance->connect.overlapped, 0, sizeof instance->connect.overlapped);
        instance->posted = false;
        DWORD code =
            ConnectNamedPipe(instance->pipe, &instance->connect.overlapped) ? 0 : GetLastError();
        if (code == 0 || code == ERROR_IO_PENDING) {
            instance->pending = true;
            return true;
        }
        if (code == ERROR_PIPE_CONNECTED) { // already: nothing will come by itself
            instance->posted = true;
            instance->pending = PostQueuedCompletionStatus(instance->listener->port->iocp, 0, 1,
                                                           &instance->connect.overlapped) != 0;
            return instance->pending;
        }
        if (code != ERROR_NO_DATA)
            return false;
        DisconnectNamedPipe(instance->pipe);
    }
    return false;
}

static void open_and_await(PipeInstance *instance) {
    if (instance->pipe == INVALID_HANDLE_VALUE)
        instance->pipe = open_instance(instance->listener, false);
    if (instance->pipe != INVALID_HANDLE_VALUE && !await_client(instance)) {
        CloseHandle(instance->pipe);
        instance->pipe = INVALID_HANDLE_VALUE;
    }
}

// Instances that could not be opened are tried again whenever a client comes.
static void refill(PlatListener *listener) {
    for (size_t i = 0; i < LISTENING_INSTANCES; i++) {
        if (listener->instances[i].pipe == INVALID_HANDLE_VALUE)
            open_and_await(&listener->instances[i]);
    }
}

static void hand_over(PlatListener *listener, HANDLE take_pipe) {
    PlatStream *stream = stream_new(listener->port, take_pipe);
    if (stream == NULL)
        return;
    stream->listener = listener;
    stream->state.listener_user = listener->user;
    completions_add(&listener->port->done, &stream->state, READY_ACCEPTED);
}

void listener_completed(PipeInstance *instance) {
    PlatListener *listener = instance->listener;
    instance->pending = false;
    if (listener->closed)
        return;
    DWORD bytes;
    bool connected =
        instance->posted ||
        GetOverlappedResult(instance->pipe, &instance->connect.overlapped, &bytes, FALSE);
    HANDLE fresh = connected ? open_instance(listener, false) : INVALID_HANDLE_VALUE;
    if (fresh != INVALID_HANDLE_VALUE) {
        HANDLE taken = instance->pipe;
        instance->pipe = fresh;
        open_and_await(instance);
        hand_over(listener, taken);
    } else {
        DisconnectNamedPipe(instance->pipe);
        open_and_await(instance);
    }
    refill(listener);
}

bool listener_busy(const PlatListener *listener) {
    for (size_t i = 0; i < LISTENING_INSTANCES; i++) {
        if (listener->instances[i].pending)
            return true;
    }
    return false;
}

void listener_free(PlatListener *listener) {
    for (size_t i = 0; i < LISTENING_INSTANCES; i++) {
        if (listener->instances[i].pipe != INVALID_HANDLE_VALUE)
            CloseHandle(listener->instances[i].pipe);
    }
    if (listener->security != NULL)
        LocalFree(listener->security);
    mem_free(listener->path);
    mem_free(listener);
}

static int open_error(DWORD code, const char *endpoint, Err *err) {
    char text[300];
    // With FIRST_PIPE_INSTANCE "access denied" says that the name is taken, whoever took it.
    if (code == ERROR_ACCESS_DENIED || code == ERROR_PIPE_BUSY || code == ERROR_ALREADY_EXISTS)
        return err_set(
            err, STATUS_CONFLICT,
            "another process listens at the pipe \"%s\": stop it, or choose another endpoint",
            endpoint);
    return err_set(err, STATUS_IO, "cannot make the pipe \"%s\": %s", endpoint,
                   text_error(code, text, sizeof text));
}

int plat_listen(PlatPort *port, const char *endpoint, const char *sddl, uint32_t mode, void *user,
                PlatListener **ret, Err *err) {
    (void)mode;
    PlatListener *listener = mem_zalloc(sizeof *listener);
    if (listener == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a listener");
    listener->port = port;
    listener->user = user;
    for (size_t i = 0; i < LISTENING_INSTANCES; i++) {
        PipeInstance *instance = &listener->instances[i];
        instance->connect.kind = OP_CONNECT;
        instance->connect.owner = instance;
        instance->listener = listener;
        instance->pipe = INVALID_HANDLE_VALUE;
    }
    bool named;
    int result = endpoint_resolve(endpoint, &listener->path, &named, err);
    if (result == 0)
        result = endpoint_security(sddl, &listener->security, err);
    if (result < 0) {
        listener_free(listener);
        return result;
    }
    listener->instances[0].pipe = open_instance(listener, true);
    if (listener->instances[0].pipe == INVALID_HANDLE_VALUE) {
        result = open_error(GetLastError(), named ? endpoint : "etwbroker", err);
        listener_free(listener);
        return result;
    }
    listener->next = port->listeners;
    port->listeners = listener;
    for (size_t i = 0; i < LISTENING_INSTANCES; i++)
        open_and_await(&listener->instances[i]);
    if (!listener_busy(listener)) {
        plat_listener_close(listener);
        return err_set(err, STATUS_IO, "the pipe \"%s\" does not listen",
                       named ? endpoint : "etwbroker");
    }
    *ret = listener;
    return 0;
}

PlatListener *plat_listener_close(PlatListener *listener) {
    if (listener == NULL)
        return NULL;
    PlatPort *port = listener->port;
    // Connections that the owner has not seen yet go with it: they would name a user that is gone.
    for (PlatStream *stream = port->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->listener == listener && (stream->state.ready & READY_ACCEPTED) != 0)
            stream_free(stream);
    }
    PlatListener **link = &port->listeners;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    listener->closed = true;
    for (size_t i = 0; i < LISTENING_INSTANCES; i++) {
        PipeInstance *instance = &listener->instances[i];
        if (instance->pipe == INVALID_HANDLE_VALUE)
            continue;
        if (instance->pending)
            CancelIoEx(instance->pipe, &instance->connect.overlapped);
        CloseHandle(instance->pipe); // now, so that the name is free
        instance->pipe = INVALID_HANDLE_VALUE;
    }
    if (listener_busy(listener)) {
        listener->next = port->closing;
        port->closing = listener;
    } else {
        listener_free(listener);
    }
    return NULL;
}

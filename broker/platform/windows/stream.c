// Streams of the port on Windows: connected instances of a named pipe, in byte mode.
//
// The spans of a write are queued as one overlapped write each; the system takes them in order, and the
// write is complete when the last one is. A write that the pipe's buffer cannot take completes when the
// reader has read it.
#include "platform/windows/port_parts.h"

#include <stdio.h>

#include "platform/port.h"
#include "platform/windows/pipe_ops.h"
#include "platform/windows/text.h"
#include "platform/windows/token.h"
#include "util/mem.h"

PlatStream *stream_new(PlatPort *port, HANDLE take_pipe) {
    PlatStream *stream = mem_zalloc(sizeof *stream);
    if (stream == NULL) {
        CloseHandle(take_pipe);
        return NULL;
    }
    stream->port = port;
    stream->pipe = take_pipe;
    stream->state.stream = stream;
    stream->read.kind = OP_READ;
    stream->read.owner = stream;
    for (size_t i = 0; i < PORT_SPANS_MAX; i++) {
        stream->writes[i].kind = OP_WRITE;
        stream->writes[i].owner = stream;
    }
    stream->next = port->streams;
    if (port->streams != NULL)
        port->streams->previous = stream;
    port->streams = stream;
    return stream;
}

void stream_free(PlatStream *stream) {
    PlatPort *port = stream->port;
    completions_remove(&port->done, &stream->state);
    if (stream->pipe != INVALID_HANDLE_VALUE)
        CloseHandle(stream->pipe);
    stream->pipe = INVALID_HANDLE_VALUE;
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        port->streams = stream->next;
    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    // The caller may still hold the event that names it.
    stream->next = port->dead;
    port->dead = stream;
}

// The other side is gone, or has closed its end.
static bool is_end(DWORD code) {
    return code == ERROR_BROKEN_PIPE || code == ERROR_PIPE_NOT_CONNECTED || code == ERROR_NO_DATA ||
           code == ERROR_HANDLE_EOF;
}

static void read_done(PlatStream *stream, size_t bytes, DWORD code) {
    stream->state.read_bytes = code == 0 ? bytes : 0;
    stream->state.read_error = is_end(code) ? 0 : (int)code;
    completions_add(&stream->port->done, &stream->state, READY_READ);
}

static void write_done(PlatStream *stream) {
    completions_add(&stream->port->done, &stream->state, READY_WRITTEN);
}

static void finish_close(PlatStream *stream) {
    if (stream->read_pending || stream->n_writes_pending != 0)
        return;
    // What the pipe has taken can still be read by the client.
    CloseHandle(stream->pipe);
    stream->pipe = INVALID_HANDLE_VALUE;
    completions_add(&stream->port->done, &stream->state, READY_CLOSED);
}

void stream_completed(PlatStream *stream, PipeOp *op) {
    DWORD bytes = 0;
    DWORD code =
        GetOverlappedResult(stream->pipe, &op->overlapped, &bytes, FALSE) ? 0 : GetLastError();
    if (op->kind == OP_READ) {
        stream->read_pending = false;
        if (!stream->state.closed)
            read_done(stream, bytes, code);
    } else {
        stream->n_writes_pending--;
        stream->state.written += bytes;
        if (code != 0 && stream->state.write_error == 0)
            stream->state.write_error = (int)code;
        if (!stream->state.closed && stream->n_writes_pending == 0)
            write_done(stream);
    }
    if (stream->state.closed)
        finish_close(stream);
}

void plat_stream_set_user(PlatStream *stream, void *user) {
    stream->state.user = user;
}

int plat_stream_read(PlatStream *stream, void *buffer, size_t capacity) {
    if (stream->state.closed)
        return -STATUS_CLOSED;
    if (stream->state.reading || capacity == 0)
        return -STATUS_INVALID_ARGUMENT;
    stream->state.reading = true;
    memset(&stream->read.overlapped, 0, sizeof stream->read.overlapped);
    DWORD n = (DWORD)MIN_OF(capacity, (size_t)1 << 30);
    DWORD code =
        ReadFile(stream->pipe, buffer, n, NULL, &stream->read.overlapped) ? 0 : GetLastError();
    if (code == 0 || code == ERROR_IO_PENDING)
        stream->read_pending = true; // its completion comes in either case
    else
        read_done(stream, 0, code);
    return 0;
}

int plat_stream_write(PlatStream *stream, const PortSpan *spans, int n) {
    if (stream->state.closed)
        return -STATUS_CLOSED;
    if (stream->state.writing || n < 0 || n > PORT_SPANS_MAX)
        return -STATUS_INVALID_ARGUMENT;
    stream->state.writing = true;
    stream->state.written = 0;
    stream->state.write_error = 0;
    for (int i = 0; i < n; i++) {
        if (spans[i].bytes == 0) // would read as an end on the other side
            continue;
        DWORD code = ERROR_INVALID_PARAMETER;
        PipeOp *op = &stream->writes[i];
        memset(&op->overlapped, 0, sizeof op->overlapped);
        if (spans[i].bytes <= UINT32_MAX)
            code =
                WriteFile(stream->pipe, spans[i].data, (DWORD)spans[i].bytes, NULL, &op->overlapped)
                    ? 0
                    : GetLastError();
        if (code != 0 && code != ERROR_IO_PENDING) {
            stream->state.write_error = (int)code;
            break; // those that were queued before it come back
        }
        stream->n_writes_pending++;
    }
    if (stream->n_writes_pending == 0)
        write_done(stream);
    return 0;
}

void plat_stream_close(PlatStream *stream) {
    if (stream->state.closed)
        return;
    stream->state.closed = true;
    stream->state.ready = 0;
    if (stream->read_pending || stream->n_writes_pending != 0)
        CancelIoEx(stream->pipe, NULL);
    finish_close(stream);
}

int plat_stream_peer(PlatStream *stream, PlatPeer *ret, Err *err) {
    if (stream->state.closed)
        return err_set(err, STATUS_CLOSED, "the connection is closed");
    char text[300];
    // Before the first read this fails with 1368 (ERROR_CANNOT_IMPERSONATE): then it is refused.
    if (!pipe_ops.impersonate(stream->pipe))
        return err_set(err, STATUS_DENIED, "cannot take the identity of a client: %s",
                       text_error(GetLastError(), text, sizeof text));
    HANDLE token = NULL;
    // As the process itself: at identification level the thread may open nothing.
    BOOL opened = pipe_ops.open_thread_token(GetCurrentThread(), TOKEN_QUERY, TRUE, &token);
    DWORD code = GetLastError();
    if (!pipe_ops.revert()) {
        pipe_ops.fatal("cannot end the impersonation of a client");
        if (opened)
            CloseHandle(token);
        return err_set(err, STATUS_DENIED, "cannot end the impersonation of a client");
    }
    if (!opened)
        return err_set(err, STATUS_DENIED, "cannot open the token of a client: %s",
                       text_error(code, text, sizeof text));
    int result = token_peer(token, ret, err);
    CloseHandle(token);
    if (result < 0)
        return result;
    ULONG pid = 0;
    if (GetNamedPipeClientProcessId(stream->pipe, &pid))
        ret->pid = pid;
    return 0;
}

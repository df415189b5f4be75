// The transport seam: a completion port (epoll | IOCP) with byte streams (Unix sockets | named
// pipes).
//
// Proactor style: operations are started and their completions are taken from plat_port_wait, on
// the one thread that owns the port (the loop). Only plat_port_wake may be called from other
// threads. At most one read and one write are outstanding on a stream; buffers belong to the caller
// and must live until their completion. After plat_stream_close no completion for that stream
// arrives except one PORT_CLOSED, after which the stream is gone and its buffers may be freed.
#pragma once

#include "util/err.h"

typedef struct PlatPort PlatPort;
typedef struct PlatListener PlatListener;
typedef struct PlatStream PlatStream;

typedef enum PortEventKind {
    PORT_ACCEPTED = 1, // user = the listener's; stream = the new connection (set its user at once)
    PORT_READ,         // bytes read; 0 = end of stream
    PORT_WRITTEN,      // all spans are taken by the system; bytes = their sum
    PORT_FAILED,       // the outstanding read or write failed: close the stream; error =
                       // errno/GetLastError
    PORT_CLOSED,       // the stream is gone
    PORT_WOKEN,        // plat_port_wake was called (coalesced)
} PortEventKind;

typedef struct PortEvent {
    uint8_t kind; // PortEventKind
    bool write;   // PORT_FAILED: of the write
    int error;
    size_t bytes;
    void *user; // of the stream or listener
    PlatStream *stream;
} PortEvent;

typedef struct PortSpan {
    const void *data;
    size_t bytes;
} PortSpan;
#define PORT_SPANS_MAX 16

// Who is on the other side, taken by the system. Windows: after the first complete read, by
// impersonation at identification level (security.md, threat 3).
#define PLAT_GROUPS_MAX 1024 // of one token; Windows has the same limit
typedef struct PlatPeer {
    char sid[192];      // "S-1-22-1-1000" on Linux, the token's user on Windows
    char name[128];     // account name when it is cheap to get, else ""
    uint32_t pid;       // for logs and the profile only
    bool administrator; // root, SYSTEM or a member of Administrators (deny-only respected), or the
                        // broker's own user
    bool own_user;      // administrator by being the broker's own user, and by nothing else
    bool restricted;    // restricted, AppContainer or low-integrity token
    // Enabled groups, then those that count only where something is denied: SIDs ("S-1-22-2-gid" on
    // Linux), each with its NUL, one behind the other. On the heap; read with plat_peer_group.
    uint32_t n_groups, n_deny_groups;
    char *groups;
} PlatPeer;
void plat_peer_deinit(PlatPeer *peer);
// Steps through all n_groups + n_deny_groups: const char *sid = NULL; uint32_t i = 0;
// while (plat_peer_group(&peer, &i, &sid)) { bool deny_only = i > peer.n_groups; … }
bool plat_peer_group(const PlatPeer *peer, uint32_t *i, const char **sid);

int plat_port_new(PlatPort **ret, Err *err);
PlatPort *plat_port_free(PlatPort *port);
// Waits until something has completed or timeout_ns passed (< 0: forever). Timeouts are honoured to
// well under a millisecond (high-resolution waitable timer on Windows). Returns the number of
// events.
int plat_port_wait(PlatPort *port, int64_t timeout_ns, PortEvent *events, int capacity);
void plat_port_wake(PlatPort *port); // any thread

// Endpoint names: docs/PROTOCOL.md. NULL or "" = the default. "name" = that pipe (\\.\pipe\name |
// <runtime dir>/name.sock); a text with a slash or backslash is taken as it is. CONFLICT when
// another process listens there; a stale socket file is replaced.
int plat_endpoint_path(const char *endpoint, char *buf, size_t cap, Err *err);
// sddl: security of the pipe (Windows; NULL = owner and administrators), mode: of the socket
// (Linux).
int plat_listen(PlatPort *port, const char *endpoint, const char *sddl, uint32_t mode, void *user,
                PlatListener **ret, Err *err);
PlatListener *plat_listener_close(PlatListener *listener);

void plat_stream_set_user(PlatStream *stream, void *user);
int plat_stream_read(PlatStream *stream, void *buffer, size_t capacity);
int plat_stream_write(PlatStream *stream, const PortSpan *spans, int n);
void plat_stream_close(PlatStream *stream);
int plat_stream_peer(PlatStream *stream, PlatPeer *ret, Err *err);

// Client side: blocking, with a timeout and a cancel from any thread. One reader and one writer
// thread.
typedef struct PlatChannel PlatChannel;
int plat_channel_open(const char *endpoint, int64_t timeout_ns, PlatChannel **ret, Err *err);
PlatChannel *plat_channel_close(PlatChannel *channel);
// *ret_bytes > 0, or 0 at the end of the stream. -STATUS_TIMEOUT, -STATUS_CANCELLED,
// -STATUS_CLOSED, -STATUS_IO.
int plat_channel_read(PlatChannel *channel, void *buffer, size_t capacity, int64_t timeout_ns,
                      size_t *ret_bytes);
int plat_channel_write(PlatChannel *channel, const void *data, size_t bytes, int64_t timeout_ns);
void plat_channel_cancel(
    PlatChannel *channel); // sticky: the running and all later reads and writes end with CANCELLED
// A handle that is signalled while data may be read: a file descriptor | an event HANDLE.
intptr_t plat_channel_wait_handle(PlatChannel *channel);

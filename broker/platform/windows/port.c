// The port on Windows: an I/O completion port, a timer beside it, and waking.
//
// GetQueuedCompletionStatusEx keeps its own timeouts to a tick of 15.6 ms only. So it waits alertably
// without one, and a high-resolution timer ends the wait with an APC. The timer stays armed over waits
// that end early: a wait that finds it armed for a moment before its own end costs no call.
#include "platform/windows/port_parts.h"

#include "platform/clock.h"
#include "platform/port.h"
#include "platform/windows/text.h"
#include "platform/windows/timer.h"
#include "util/mem.h"

#define EVENTS_AT_ONCE 64
// Completions that need no system call must not keep new input and connections waiting for ever.
#define UNPOLLED_MAX 16u
// Behind the timer, in case that it fails.
#define NET_MS 100
// How long plat_port_free waits for cancelled operations.
#define DRAIN_MS 5000u

int plat_port_new(PlatPort **ret, Err *err) {
    PlatPort *port = mem_zalloc(sizeof *port);
    if (port == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a port");
    atomic_init(&port->waking, false);
    port->iocp = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
    port->timer = timer_new();
    if (port->iocp == NULL || port->timer == NULL) {
        char text[300];
        text_error(GetLastError(), text, sizeof text);
        plat_port_free(port);
        return err_set(err, STATUS_IO, "cannot make a completion port: %s", text);
    }
    *ret = port;
    return 0;
}

static void bury(PlatPort *port) {
    while (port->dead != NULL) {
        PlatStream *stream = port->dead;
        port->dead = stream->next;
        mem_free(stream);
    }
}

void plat_port_wake(PlatPort *port) {
    if (!atomic_exchange_explicit(&port->waking, true, memory_order_acq_rel))
        PostQueuedCompletionStatus(port->iocp, 0, 0, NULL);
}

static void dispatch(PlatPort *port, const OVERLAPPED_ENTRY *entry) {
    PipeOp *op = (PipeOp *)(void *)entry->lpOverlapped;
    if (op == NULL) {
        // A read-modify-write, so that what was stored before the wake is seen after it.
        atomic_exchange_explicit(&port->waking, false, memory_order_acq_rel);
        port->done.woken = true;
    } else if (op->kind == OP_CONNECT) {
        listener_completed(op->owner);
    } else {
        stream_completed(op->owner, op);
    }
}

static void dispatch_all(PlatPort *port, const OVERLAPPED_ENTRY *entries, ULONG n) {
    for (ULONG i = 0; i < n; i++)
        dispatch(port, &entries[i]);
    for (PlatListener **link = &port->closing; *link != NULL;) {
        PlatListener *listener = *link;
        if (listener_busy(listener)) {
            link = &listener->next;
        } else {
            *link = listener->next;
            listener_free(listener);
        }
    }
}

static void CALLBACK timer_due(void *user, DWORD low, DWORD high) {
    (void)low;
    (void)high;
    PlatPort *port = user;
    port->armed = false;
}

// Makes sure that an APC comes at due_ns or before.
static void arm_timer(PlatPort *port, int64_t due_ns, int64_t timeout_ns) {
    if (port->armed && port->due_ns <= due_ns)
        return;
    port->armed = timer_arm(port->timer, timeout_ns, timer_due, port);
    port->due_ns = due_ns;
}

static void ask_system(PlatPort *port, int64_t due_ns, int64_t timeout_ns) {
    OVERLAPPED_ENTRY entries[EVENTS_AT_ONCE];
    ULONG n = 0;
    DWORD ms = timeout_ns < 0 ? INFINITE : 0;
    BOOL alertable = FALSE;
    if (timeout_ns > 0) {
        arm_timer(port, due_ns, timeout_ns);
        int64_t net = timeout_ns / 1000000 + NET_MS;
        ms = net < INT32_MAX ? (DWORD)net : (DWORD)INT32_MAX;
        alertable = TRUE;
    }
    port->n_unpolled = 0;
    if (GetQueuedCompletionStatusEx(port->iocp, entries, EVENTS_AT_ONCE, &n, ms, alertable))
        dispatch_all(port, entries, n);
}

int plat_port_wait(PlatPort *port, int64_t timeout_ns, PortEvent *events, int capacity) {
    bury(port);
    if (port->done.first != NULL) {
        timeout_ns = 0;
        if (++port->n_unpolled < UNPOLLED_MAX)
            return completions_take(&port->done, events, capacity, stream_free);
    }
    int64_t due_ns = timeout_ns > 0 ? plat_now_ns() + timeout_ns : 0;
    for (;;) {
        ask_system(port, due_ns, timeout_ns);
        int n = completions_take(&port->done, events, capacity, stream_free);
        if (n > 0 || timeout_ns == 0 || capacity <= 0)
            return n;
        // The timer of an earlier wait, or something that ends unseen.
        if (timeout_ns > 0) {
            timeout_ns = due_ns - plat_now_ns();
            if (timeout_ns <= 0)
                return 0;
        }
    }
}

static bool busy(const PlatPort *port) {
    if (port->closing != NULL)
        return true;
    for (const PlatStream *stream = port->streams; stream != NULL; stream = stream->next) {
        if (stream->read_pending || stream->n_writes_pending != 0)
            return true;
    }
    return false;
}

PlatPort *plat_port_free(PlatPort *port) {
    if (port == NULL)
        return NULL;
    while (port->listeners != NULL)
        plat_listener_close(port->listeners);
    for (PlatStream *stream = port->streams; stream != NULL; stream = stream->next)
        plat_stream_close(stream);
    // The system still writes to the operations: they must come back before their memory goes.
    bool drained = true;
    while (drained && busy(port)) {
        OVERLAPPED_ENTRY entries[EVENTS_AT_ONCE];
        ULONG n = 0;
        drained =
            GetQueuedCompletionStatusEx(port->iocp, entries, EVENTS_AT_ONCE, &n, DRAIN_MS, FALSE);
        dispatch_all(port, entries, n);
    }
    if (!drained)
        return NULL; // leaked on purpose: see above
    while (port->streams != NULL)
        stream_free(port->streams);
    bury(port);
    if (port->timer != NULL) {
        CancelWaitableTimer(port->timer);
        // An APC that is already queued names the port.
        SleepEx(0, TRUE);
        CloseHandle(port->timer);
    }
    if (port->iocp != NULL)
        CloseHandle(port->iocp);
    mem_free(port);
    return NULL;
}

// A connection: handshake, identity, requests in, replies and the frames of one subscription out.
//
// Owner: the loop. Identity is taken once, after the first complete HELLO, and bound for life. At
// most one read and one write are outstanding. Order out: replies, then GAP, SCHEMA, EVENTS … of
// the subscription. A connection is freed when the port has told that its stream is gone.
#pragma once

#include "platform/port.h"
#include "watch/hub.h"
#include "wire/frame.h"

struct Server;

#define CONN_BATCHES     7               // batches in one write: each takes two spans
#define CONN_REPLY_PAUSE (1024u * 1024u) // unread replies beyond which requests are not read

typedef enum ConnState {
    CONN_HELLO = 0, // waiting for HELLO
    CONN_READY,
    CONN_CLOSING, // write what is there, then close
    CONN_CLOSED,  // the stream is being torn down
} ConnState;

typedef struct Conn {
    struct Server *server;
    PlatStream *stream;
    ConnState state;
    PlatPeer *peer; // after HELLO
    User *user;
    bool administrator;
    char agent[WIRE_HELLO_AGENT_BYTES + 1];
    FrameReader reader;
    bool reading, writing;
    bool pending; // complete requests wait for the next round
    bool listed;  // in the server's list of connections with something to do

    Buf out;  // replies waiting
    Buf lead; // small frames of the write under way
    WatchEntry inflight[CONN_BATCHES + 1];
    uint32_t n_inflight;
    uint8_t *types_sent; // bitmap by type id
    uint32_t types_sent_bytes;

    bool has_watch;
    bool end_sent;
    Watch watch;
    int64_t opened_ns;
    int64_t idle_ns; // when the end was sent, or the last request came
    uint32_t index;  // in the server's table
} Conn;

int conn_new(struct Server *server, PlatStream *stream, int64_t now_ns, Conn **ret);
void conn_start(Conn *conn); // begins to read
void conn_event(Conn *conn, const PortEvent *event);
// Starts a write when there is something to send and none is under way.
void conn_pump(Conn *conn);
// Deadlines: handshake, stalled and slow readers, lingering after the end.
void conn_tick(Conn *conn, int64_t now_ns);
// Queues a REPLY frame: a complete JSON text.
void conn_reply(Conn *conn, uint32_t request, uint32_t subscription, const char *json,
                size_t bytes);
void conn_reply_error(Conn *conn, uint32_t request, int status, const char *message);
void conn_close_soon(Conn *conn); // after what is queued has been written
void conn_close(Conn *conn);      // now
Conn *conn_free(Conn *conn);      // after PORT_CLOSED; returns NULL

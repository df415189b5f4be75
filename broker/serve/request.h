// Requests: the methods of the control protocol (docs/PROTOCOL.md), each a function from params to
// a result.
#pragma once

#include "serve/server.h"

// Parses and carries out one REQUEST frame; always queues exactly one reply.
void request_take(Conn *conn, const Frame *frame);

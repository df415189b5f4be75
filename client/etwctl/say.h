// What the program tells its user beside the output, on standard error, and its exit codes.
#pragma once

#include "client/etwclient.h"
#include "util/err.h"

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_DAMAGED = 3, // dump --strict: something in the file was wrong
    EXIT_INTERRUPTED = 130,
};

// "etwctl: text" and a line feed.
void say(const char *format, ...) ETW_PRINTF(1, 2);
// The error and, when there is one, what to do. Returns the exit code: EXIT_USAGE for arguments that the
// program itself has found wrong, else EXIT_FAILED.
int say_error(const Err *err);
int say_usage(const Err *err, const char *command);
// The last failure of a connection.
int say_client(EtwClient *client, int32_t status);

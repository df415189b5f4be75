// Status codes and the error detail that travels with them.
//
// A function that can fail for a reason worth telling takes `Err *err` (may be NULL), fills it and
// returns the negative status: 0 ok, < 0 fatal (-(int)status), > 0 the module's own condition.
// Text is UTF-8 and one line: what, where, what to do. Any thread; an Err belongs to its caller.
#pragma once

#include "util/base.h"

typedef enum Status {
#define STATUS(name, number, text, remedy) STATUS_##name = number,
#include "idl/status.def"
#undef STATUS
} Status;

typedef struct Err {
    int status; // a Status; 0 when nothing went wrong
    char text[512];
} Err;

#define ERR_INIT                                                                                   \
    {                                                                                              \
        0, {                                                                                       \
            0                                                                                      \
        }                                                                                          \
    }

// Sets err (when not NULL) and returns -(int)status, so that `return err_set(…)` is the idiom.
int err_set(Err *err, Status status, const char *format, ...) ETW_PRINTF(3, 4);
// Puts "prefix: " in front of the text that err has; returns result unchanged.
int err_prefix(Err *err, int result, const char *format, ...) ETW_PRINTF(3, 4);

const char *status_name(int status);   // "NOT_FOUND"; "UNKNOWN" for no such code
const char *status_text(int status);   // never NULL
const char *status_remedy(int status); // "" when there is none

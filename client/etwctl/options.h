// Command-line options from one table: parsing, help and completion all read it.
//
// --name VALUE and --name=VALUE, unique beginnings of names, any case (-EventId is --event-id),
// options and operands in any order, "--" ends the options. An unknown name is answered with the
// nearest one. Main thread.
#pragma once

#include "client/etwctl/words.h"
#include "util/buf.h"
#include "util/err.h"

typedef enum OptionKind {
    OPTION_FLAG,           // bool
    OPTION_TEXT,           // const char * (of the command line)
    OPTION_LIST,           // Words; commas separate, repeating adds
    OPTION_NUMBER,         // OptionNumber
    OPTION_DURATION,       // OptionNumber, milliseconds
    OPTION_BYTES,          // OptionNumber
    OPTION_MAYBE_DURATION, // OptionNumber; the value may be left out and is 0 then
    OPTION_MAYBE_TEXT,     // const char *; --name=VALUE, or --name alone for ""
} OptionKind;

typedef struct OptionNumber {
    uint64_t value;
    bool set;
} OptionNumber;

typedef struct Option {
    const char *name;  // NULL ends a table
    const char *alias; // another spelling, not in the help; or NULL
    uint8_t kind;      // OptionKind
    size_t at;         // of its variable in the group's structure
    const char *value; // placeholder; words that it takes are written a|b|c
    const char *help;
} Option;

typedef struct OptionGroup {
    const char *title;
    const Option *options; // NULL ends the list of groups
    size_t at;             // of the group's structure in the command's
} OptionGroup;

#define OPTIONS_HELP    1 // options_parse: --help was asked for
#define OPTIONS_UNKNOWN 2 // an option that is none; err tells

// target: the command's structure, zeroed. operands: what is no option.
int options_parse(const OptionGroup *groups, int argc, char **argv, void *target, Words *operands,
                  Err *err);
// The first word that is an option of another command and none of this one; NULL: there is none.
const char *options_foreign(const OptionGroup *own, const OptionGroup *other, int argc,
                            char **argv);
void options_deinit(const OptionGroup *groups, void *target);
void options_help(const OptionGroup *groups, Buf *out);

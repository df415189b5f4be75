// A command of etwctl: its name, help, options and what it runs. One file each.
#pragma once

#include "client/etwctl/options.h"
#include "client/etwctl/say.h"

typedef struct Command {
    const char *name;
    const char *summary;  // one line
    const char *operands; // "[PROVIDER...]", "" when it takes none
    const char *details;  // paragraphs and examples, each line ended
    const OptionGroup *groups;
    size_t options_bytes;
    uint32_t least, most; // operands
    // options: the parsed structure of options_bytes. Returns an exit code.
    int (*run)(void *options, const Words *operands);
} Command;

extern const Command *const commands[]; // NULL at the end

const Command *command_find(const char *name); // NULL when there is none
const char *command_nearest(const char *name); // NULL when nothing is near
void command_help(const Command *command, Buf *out);

#include "client/etwctl/command.h"

#include "client/etwctl/completion.h"
#include "client/etwctl/dump.h"
#include "client/etwctl/explain.h"
#include "client/etwctl/ping.h"
#include "client/etwctl/profile.h"
#include "client/etwctl/providers.h"
#include "client/etwctl/sessions.h"
#include "client/etwctl/set.h"
#include "client/etwctl/stop.h"
#include "client/etwctl/subscriptions.h"
#include "client/etwctl/text.h"
#include "client/etwctl/watch.h"

const Command *const commands[] = {
    &watch_command,         &profile_command,   &set_command,        &stop_command,
    &subscriptions_command, &providers_command, &sessions_command,   &explain_command,
    &ping_command,          &dump_command,      &completion_command, NULL,
};

const Command *command_find(const char *name) {
    for (const Command *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

const char *command_nearest(const char *name) {
    const char *best = NULL;
    uint32_t least = 3;
    for (const Command *const *c = commands; *c; c++) {
        uint32_t distance = text_distance(name, (*c)->name);
        if (distance < least) {
            least = distance;
            best = (*c)->name;
        }
    }
    return best;
}

void command_help(const Command *command, Buf *out) {
    buf_printf(out, "etwctl %s - %s\n\nUsage:\n  etwctl %s%s%s [options]\n", command->name,
               command->summary, command->name, command->operands[0] ? " " : "", command->operands);
    options_help(command->groups, out);
    buf_char(out, '\n');
    buf_text(out, command->details);
}

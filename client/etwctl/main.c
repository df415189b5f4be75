// etwctl: watching, tuning and reading events from the command line.
#include <signal.h>
#include <stdio.h>

#include "client/etwctl/command.h"
#include "client/etwctl/dump.h"
#include "client/etwctl/out.h"
#include "client/etwctl/text.h"
#include "client/etwctl/want.h"
#include "platform/args.h"
#include "platform/clock.h"
#include "util/map.h"
#include "util/mem.h"
#include "wire/json.h"

static void main_help(Buf *out) {
    buf_text(out,
             "etwctl " ETW_VERSION " - events of Windows, from the EtwBroker or from .etl files\n\n"
             "Usage:\n  etwctl COMMAND [options]\n\nCommands:\n");
    for (const Command *const *c = commands; *c; c++) {
        buf_printf(out, "  %-15s %s\n", (*c)->name, (*c)->summary);
    }
    buf_text(out, "\nExamples:\n"
                  "  etwctl watch DNS-Client --id 3008\n"
                  "  etwctl watch --kernel Process --event-name Process/Start --json\n"
                  "  etwctl profile --live\n"
                  "  etwctl set 3 --add-keyword 0x40 --what-if\n"
                  "  etwctl dump boot.etl --summary\n"
                  "\n'etwctl COMMAND --help' has each command's options and more examples.\n"
                  "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 damaged input (dump --strict), "
                  "130 interrupted.\n");
}

static int help_of(const Command *command) {
    Buf text = BUF_INIT;
    if (command)
        command_help(command, &text);
    else
        main_help(&text);
    int code = out_text(buf_str(&text), text.bytes);
    buf_deinit(&text);
    return code;
}

// An unknown option may be another command's. Files are filtered by replaying them.
static int name_owner(const Command *command, int argc, char **argv, Err *err) {
    const OptionGroup wants[] = {{"", want_options, 0}, {0}};
    const char *option = options_foreign(command->groups, wants, argc, argv);
    if (command == &dump_command && option)
        return err_set(err, STATUS_INVALID_ARGUMENT,
                       "dump has no %.*s; 'etwbroker --replay FILE --start 1 &' serves a file to "
                       "'etwctl watch', which has",
                       (int)MIN_OF(strcspn(option, "="), (size_t)40), option);
    for (const Command *const *c = commands; *c; c++) {
        option = options_foreign(command->groups, (*c)->groups, argc, argv);
        if (option)
            return err_set(err, STATUS_INVALID_ARGUMENT, "%s has no %.*s; 'etwctl %s' has",
                           command->name, (int)MIN_OF(strcspn(option, "="), (size_t)40), option,
                           (*c)->name);
    }
    return -STATUS_INVALID_ARGUMENT; // as it was told
}

static int run_command(const Command *command, int argc, char **argv) {
    Err err = ERR_INIT;
    Words operands = {0};
    int code = EXIT_FAILED;
    void *options = mem_zalloc(command->options_bytes);
    if (!options) {
        err_set(&err, STATUS_NO_MEMORY, "no memory to start");
        return say_error(&err);
    }
    int r = options_parse(command->groups, argc, argv, options, &operands, &err);
    if (r == OPTIONS_UNKNOWN)
        r = name_owner(command, argc, argv, &err);
    if (r == 0 && operands.n < command->least)
        r = err_set(&err, STATUS_INVALID_ARGUMENT, "%s needs %s", command->name, command->operands);
    if (r == 0 && operands.n > command->most)
        r = err_set(&err, STATUS_INVALID_ARGUMENT, "%s does not take '%.80s'", command->name,
                    operands.items[command->most]);
    if (r == OPTIONS_HELP)
        code = help_of(command);
    else if (r < 0)
        code = r == -STATUS_NO_MEMORY ? say_error(&err) : say_usage(&err, command->name);
    else
        code = command->run(options, &operands);
    options_deinit(command->groups, options);
    words_deinit(&operands);
    mem_free(options);
    return code;
}

static int unknown_command(const char *name) {
    Err err = ERR_INIT;
    const char *near = command_nearest(name);
    if (near)
        err_set(&err, STATUS_INVALID_ARGUMENT, "there is no command '%.60s'; did you mean '%s'?",
                name, near);
    else
        err_set(&err, STATUS_INVALID_ARGUMENT, "there is no command '%.60s'", name);
    return say_usage(&err, "");
}

int main(int argc, char **argv) {
    uint8_t key[16];
    if (!plat_args(&argc, &argv))
        return EXIT_FAILED;
    plat_console_utf8();
    json_use_mem();
    if (plat_random(key, sizeof key))
        map_seed(key);
#ifdef SIGPIPE
    // A reader that goes away shall be seen as a failed write.
    signal(SIGPIPE, SIG_IGN);
#endif
    const char *name = argc > 1 ? argv[1] : "";
    if (name[0] == '\0') {
        help_of(NULL);
        return EXIT_USAGE;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        static const char version[] = "etwctl " ETW_VERSION "\n";
        return out_text(version, sizeof version - 1);
    }
    bool help = strcmp(name, "help") == 0;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (help && argc == 2))
        return help_of(NULL);
    const Command *command = command_find(help ? argv[2] : name);
    if (!command)
        return unknown_command(help ? argv[2] : name);
    return help ? help_of(command) : run_command(command, argc - 2, argv + 2);
}

#include "client/etwctl/say.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/etwctl/text.h"

static void say_line(const char *text) {
    Buf line = BUF_INIT;
    buf_text(&line, "etwctl: ");
    // Messages may quote names that came with events.
    text_clean(&line, text, strlen(text), 0);
    buf_char(&line, '\n');
    fflush(stdout);
    fputs(buf_str(&line), stderr);
    buf_deinit(&line);
}

void say(const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    say_line(text);
}

// Most messages say themselves what to do, behind a semicolon.
static void say_remedy(const char *message, const char *remedy) {
    if (remedy[0] && !strstr(message, "; ") && strncmp(remedy, "see the message", 15) != 0)
        say("%s", remedy);
}

int say_error(const Err *err) {
    say_line(err->text[0] ? err->text : status_text(err->status));
    // Only this remedy says more than the messages of this program's own errors do.
    if (err->status == STATUS_NO_MEMORY)
        say_remedy(err->text, status_remedy(err->status));
    return EXIT_FAILED;
}

int say_usage(const Err *err, const char *command) {
    say_line(err->text);
    if (command[0])
        say("'etwctl %s --help' lists the options", command);
    else
        say("'etwctl --help' lists the commands");
    return EXIT_USAGE;
}

int say_client(EtwClient *client, int32_t status) {
    EtwError error = {.struct_size = sizeof error};
    if (client && etw_error(client, &error) == ETW_STATUS_OK && error.status == status &&
        error.message[0]) {
        say_line(error.message);
        say_remedy(error.message, error.remedy);
    } else {
        say_line(etw_status_text(status));
        say_remedy("", etw_status_remedy(status));
    }
    return EXIT_FAILED;
}

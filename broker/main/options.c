#include "main/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "etwbroker " ETW_VERSION " - owns Event Tracing for Windows sessions and serves subscriptions\n"
    "\n"
    "Usage:\n"
    "  etwbroker --replay FILE [options]     serve the events of an .etl file\n"
    "\n"
    "Options:\n"
    "  --replay FILE          the trace to replay\n"
    "  --speed SPEED          max (default): as fast as the watchers take it; realtime; or 2x, "
    "0.5x ...\n"
    "  --lossless             a full queue holds the replay instead of dropping events\n"
    "  --start immediate|N    begin at once (default), or when N watchers have subscribed\n"
    "  --knowledge file|live  what names and stacks are known: all that the file tells (file,\n"
    "                         default; it is read twice), or only what came before (live)\n"
    "  --loop                 begin again at the end; each round is a new epoch\n"
    "  --keep                 stay after the last watcher has left\n"
    "  --manifests PATH       a .man file, or a folder of them, to decode manifest events with\n"
    "  --endpoint NAME        where to listen: a name, or the path of a pipe or socket\n"
    "  --config FILE          settings and limits (INI; docs/POLICY.md)\n"
    "  --quiet                say nothing but errors\n"
    "  --help, --version\n"
    "\n"
    "Examples:\n"
    "  etwbroker --replay boot.etl --loop --keep --speed realtime\n"
    "  etwbroker --replay boot.etl --lossless --start 1 --endpoint lab\n"
    "  etwctl watch --kernel Process --endpoint lab\n"
    "\n"
    "Without --keep the broker ends when the trace has ended and its last client has gone. At\n"
    "full speed a trace is over in a moment: --start holds it until the watchers are there.\n";

static int parse_speed(const char *text, double *ret, Err *err) {
    if (strcmp(text, "max") == 0) {
        *ret = 0;
        return 0;
    }
    if (strcmp(text, "realtime") == 0) {
        *ret = 1;
        return 0;
    }
    char *end;
    double v = strtod(text, &end);
    if (end == text || (strcmp(end, "x") != 0 && *end != 0) || !(v >= 0.001 && v <= 100000))
        return err_set(
            err, STATUS_INVALID_ARGUMENT,
            "--speed %s: it takes max, realtime, or a factor like 2x (0.001x to 100000x)", text);
    *ret = v;
    return 0;
}

static int parse_start(const char *text, uint32_t *ret, Err *err) {
    if (strcmp(text, "immediate") == 0) {
        *ret = 0;
        return 0;
    }
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (end == text || *end != 0 || v < 1 || v > 100000)
        return err_set(err, STATUS_INVALID_ARGUMENT,
                       "--start %s: it takes immediate, or a number of watchers from 1 to 100000",
                       text);
    *ret = (uint32_t)v;
    return 0;
}

static int parse_knowledge(const char *text, bool *ret_live, Err *err) {
    *ret_live = strcmp(text, "live") == 0;
    if (*ret_live || strcmp(text, "file") == 0)
        return 0;
    return err_set(err, STATUS_INVALID_ARGUMENT,
                   "--knowledge %s: it takes file (all that the file tells) or live (what came "
                   "before)",
                   text);
}

int options_parse(int argc, char **argv, Options *ret, Err *err) {
    enum {
        REPLAY = 256,
        SPEED,
        LOSSLESS,
        START,
        KNOWLEDGE,
        LOOP,
        KEEP,
        MANIFESTS,
        ENDPOINT,
        CONFIG,
        QUIET,
        HELP,
        VERSION
    };
    static const struct option table[] = {
        {"replay", required_argument, NULL, REPLAY},
        {"speed", required_argument, NULL, SPEED},
        {"lossless", no_argument, NULL, LOSSLESS},
        {"start", required_argument, NULL, START},
        {"knowledge", required_argument, NULL, KNOWLEDGE},
        {"loop", no_argument, NULL, LOOP},
        {"keep", no_argument, NULL, KEEP},
        {"manifests", required_argument, NULL, MANIFESTS},
        {"endpoint", required_argument, NULL, ENDPOINT},
        {"config", required_argument, NULL, CONFIG},
        {"quiet", no_argument, NULL, QUIET},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION},
        {NULL, 0, NULL, 0},
    };
    *ret = (Options){0};
    opterr = 0;
    int c;
    int r = 0;
    while (r == 0 && (c = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
        // The next option is no value of this one, unless it is written as --option=--value.
        const char *last = argv[optind - 1];
        if (optarg == last && strncmp(last, "--", 2) == 0)
            return err_set(err, STATUS_INVALID_ARGUMENT,
                           "%s needs a value, and %s is an option; see etwbroker --help",
                           argv[optind - 2], last);
        switch (c) {
        case REPLAY:
            ret->replay = optarg;
            break;
        case SPEED:
            r = parse_speed(optarg, &ret->speed, err);
            break;
        case LOSSLESS:
            ret->lossless = true;
            break;
        case START:
            r = parse_start(optarg, &ret->start_count, err);
            break;
        case KNOWLEDGE:
            r = parse_knowledge(optarg, &ret->live_knowledge, err);
            break;
        case LOOP:
            ret->loop = true;
            break;
        case KEEP:
            ret->keep = true;
            break;
        case MANIFESTS:
            ret->manifests = optarg;
            break;
        case ENDPOINT:
            ret->endpoint = optarg;
            break;
        case CONFIG:
            ret->config = optarg;
            break;
        case QUIET:
            ret->quiet = true;
            break;
        case HELP:
        case 'h':
            fputs(help, stdout);
            return OPTIONS_DONE;
        case VERSION:
            puts("etwbroker " ETW_VERSION);
            return OPTIONS_DONE;
        case ':':
            return err_set(err, STATUS_INVALID_ARGUMENT, "%s needs a value; see etwbroker --help",
                           argv[optind - 1]);
        default:
            return err_set(err, STATUS_INVALID_ARGUMENT,
                           "there is no option '%s'; see etwbroker --help", argv[optind - 1]);
        }
    }
    if (r < 0)
        return r;
    if (optind < argc)
        return err_set(err, STATUS_INVALID_ARGUMENT,
                       "'%s' is not an option; to replay a file: etwbroker --replay %s",
                       argv[optind], argv[optind]);
    if (!ret->replay)
        return err_set(
            err, STATUS_INVALID_ARGUMENT,
            "no source: give --replay FILE (live sessions are not part of this version)");
    return OPTIONS_RUN;
}

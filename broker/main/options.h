// Command line of etwbroker.
#pragma once

#include "util/err.h"

typedef struct Options {
    const char *replay; // .etl file
    double speed;       // 0 = as fast as it is taken
    bool lossless;
    uint32_t start_count; // subscribers to wait for; 0 = immediate
    bool keep;
    bool loop;
    bool quiet;
    bool live_knowledge;  // --knowledge live: no scan of the file before its events
    const char *endpoint; // NULL = from the configuration, else the default
    const char *config;
    const char *manifests;
} Options;

typedef enum OptionsResult {
    OPTIONS_RUN = 0,
    OPTIONS_DONE, // --help or --version was printed
} OptionsResult;

// < 0: not usable, err says what and where; else OptionsResult.
int options_parse(int argc, char **argv, Options *ret, Err *err);

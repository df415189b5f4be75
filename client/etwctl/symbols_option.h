// --symbols[=PATH] of dump and watch. Main thread.
#pragma once

#include "client/etwclient.h"
#include "util/err.h"

// path "": none was given, that of the environment counts.
int symbols_option_open(const char *path, EtwSymbols **ret, Err *err);

// etwctl providers: known providers, or one with its keywords and events.
#pragma once

#include "client/etwctl/command.h"

extern const Command providers_command;

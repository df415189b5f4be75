// etwctl sessions: the broker's sources.
#pragma once

#include "client/etwctl/command.h"

extern const Command sessions_command;

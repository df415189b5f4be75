// etwctl profile: who watches what, at what cost, and what was lost.
#pragma once

#include "client/etwctl/command.h"

extern const Command profile_command;

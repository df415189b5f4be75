// etwctl ping: whether the broker answers, and who it takes its caller for.
#pragma once

#include "client/etwctl/command.h"

extern const Command ping_command;

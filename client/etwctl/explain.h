// etwctl explain: the union of all wants, which is what the source is asked for.
#pragma once

#include "client/etwctl/command.h"

extern const Command explain_command;

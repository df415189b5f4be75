// etwctl completion: prints a completion script for a shell.
#pragma once

#include "client/etwctl/command.h"

extern const Command completion_command;

// etwctl watch: subscribes and prints events as they come.
#pragma once

#include "client/etwctl/command.h"

extern const Command watch_command;

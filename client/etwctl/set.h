// etwctl set: changes a subscription while it runs.
#pragma once

#include "client/etwctl/command.h"

extern const Command set_command;

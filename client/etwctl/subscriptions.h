// etwctl subscriptions: who watches what.
#pragma once

#include "client/etwctl/command.h"

extern const Command subscriptions_command;

// etwctl stop: ends subscriptions.
#pragma once

#include "client/etwctl/command.h"

extern const Command stop_command;

// etwctl dump: reads .etl files without a broker.
#pragma once

#include "client/etwctl/command.h"

extern const Command dump_command;

// Why a subscription has had no events: one line for its user. Main thread.
#pragma once

#include "client/etwclient.h"

#define SILENCE_MS 10000

void silence_explain(EtwClient *client, uint32_t id);

// Adding to and taking from the keyword mask of a want, whose words may be names or numbers. Main thread.
#pragma once

#include "client/etwctl/broker.h"

// want: of the broker's JSON, changed in place ("any"). CONFLICT when the result would mean its opposite: a mask of 0
// passes every event.
int keywords_edit(EtwClient *client, cJSON *want, const Words *add, const Words *remove, Err *err);

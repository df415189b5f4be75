// The options of a subscription, and the spec that they make (docs/PROTOCOL.md).
#pragma once

#include "client/etwctl/want.h"

typedef struct SpecOptions {
    WantOptions want;
    const char *spec, *name, *queue_policy, *enrich;
    Words stacks;
    OptionNumber queue;
    bool include_rundown, include_self;
} SpecOptions;

extern const Option spec_options[]; // of SpecOptions, without the want's

// JSON text of the spec: from the options, or what --spec gives. STATUS_INVALID_ARGUMENT when they
// clash; IO and others when its file cannot be read.
int spec_text(const SpecOptions *options, Buf *out, Err *err);

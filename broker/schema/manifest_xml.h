// Reads instrumentation manifests (.man files, EventSource's in-stream XML) through expat.
//
// The text is taken as hostile: at most MANIFEST_MAX_BYTES, doctype and entity declarations are
// refused, nesting is bounded, expat's memory comes from the accounting allocator. No state.
#pragma once

#include "schema/manifest.h"

#define MANIFEST_MAX_BYTES     (16u * 1024u * 1024u)
#define MANIFEST_MAX_DEPTH     32
#define MANIFEST_MAX_PROVIDERS 256

// Gives each provider of the text to `take`, which owns it from then on (also when it fails; a
// negative result ends the parse and is returned). Errors: FORMAT (err has line and reason),
// OVERSIZE, NO_MEMORY. Nothing is given when the text as a whole is malformed.
int manifest_parse(const char *xml_untrusted, size_t bytes, bool event_source,
                   int (*take)(void *user, Manifest *take_manifest), void *user, Err *err);

// How wants turn words into GUIDs and masks: callbacks to whoever knows providers and keywords (the
// schema store in replay, the registry and TDH as well on a live machine), and nearest-name help.
// Owner: the loop.
#pragma once

#include "route/kernel.h"
#include "schema/store.h"
#include "util/buf.h"

typedef void (*NamesProvider)(void *user, const Guid *guid, const char *name);
typedef void (*NamesKeyword)(void *user, uint64_t mask, const char *name);

typedef struct RouteNames {
    void *user;
    // Providers by exact name (case-blind), without "Microsoft-Windows-" or "Microsoft-", or by
    // glob; "*" lists all. Returns the number of matches.
    uint32_t (*providers)(void *user, const char *pattern, NamesProvider each, void *each_user);
    // Keywords of a provider; returns how many.
    uint32_t (*keywords)(void *user, const Guid *provider, NamesKeyword each, void *each_user);
    // Name of a provider, or NULL; may be NULL itself.
    const char *(*provider_name)(void *user, const Guid *provider);
    // Known event types of a provider, each only for the call; returns how many; may be NULL
    // itself.
    uint32_t (*events)(void *user, const Guid *provider,
                       void (*each)(void *each_user, const Schema *schema), void *each_user);
} RouteNames;

RouteNames names_of_store(SchemaStore *store);

#define NAMES_NEAREST 3u
// Writes up to NAMES_NEAREST known names nearest to `name` by edit distance, best first, as
// "A, B, C"; nothing when none is near (distance over a third of the length). Case-blind, and
// without the usual prefixes on either side.
void names_nearest(const RouteNames *names, const char *name, Buf *out);
// The same among a provider's keywords.
void names_nearest_keyword(const RouteNames *names, const Guid *provider, const char *name,
                           Buf *out);
// Says that a word is no kernel type, which one is near it, and which there are.
int names_no_kernel_type(const char *word, Err *err);
typedef enum NamesField {
    NAMES_FIELD_KNOWN = 0, // some known event has it
    NAMES_FIELD_UNKNOWN,   // events are known, and none has it: *nearest gets names near it
    NAMES_FIELD_NO_EVENTS, // nothing is known of the events
} NamesField;
// Is `name` (up to a first dot) a payload field of the provider's events? Names near it are those
// of the payload, of the header and of enrichment.
NamesField names_field(const RouteNames *names, const Guid *provider, const char *name,
                       Buf *nearest);
// The same of the events that kernel types cover.
NamesField names_kernel_field(const RouteNames *names, KernelSet types, const char *name,
                              Buf *nearest);
// Does the glob match the name of an event of the provider, or of the kernel types?
NamesField names_event(const RouteNames *names, const Guid *provider, const char *glob,
                       Buf *nearest);
NamesField names_kernel_event(const RouteNames *names, KernelSet types, const char *glob,
                              Buf *nearest);
// Mask of a keyword word for a provider: a number ("0x10", "16"), a name, a name without the prefix
// that all of the provider's keywords share, or a glob over either. False when nothing matches.
bool names_keyword(const RouteNames *names, const Guid *provider, const char *word, uint64_t *ret);
bool names_parse_mask(const char *text, uint64_t *ret); // "0x10", "16", whole text

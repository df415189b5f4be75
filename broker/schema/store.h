// Everything that is known about how events look: fed with metadata records, manifests and the
// built-in kernel classes, asked once for each event type.
//
// Owner: the loop (or dump). Not thread-safe. Definitions are kept in compact form and compiled on
// demand; hostile ones are bounded (SCHEMA_MAX_*) and reported, never fatal.
#pragma once

#include "event/schema.h"

typedef struct SchemaStore SchemaStore;

typedef struct SchemaStoreStats {
    uint64_t event_infos, map_infos, manifests, manifest_chunks, rejected, bytes;
} SchemaStoreStats;

#define SCHEMA_STORE_LIMIT                                                                         \
    (64u * 1024u * 1024u) // bytes of definitions; beyond it they are `rejected`

int schema_store_new(SchemaStore **ret);
SchemaStore *schema_store_free(SchemaStore *store);
void schema_store_set_limit(SchemaStore *store, size_t bytes);
// Learns from an EVENT_SCHEMA_DATA record (EventInfo, EventMapInfo, EventSource manifest chunk).
// 1: something new is known for provider *ret_provider (types of it must be looked up again);
// 0: nothing new; < 0 no memory. Malformed data counts as `rejected` and returns 0.
int schema_store_feed(SchemaStore *store, const EventRecord *record, Guid *ret_provider);
// Is this record schema data? (The reader sets EVENT_SCHEMA_DATA by the same rule.)
// An instrumentation manifest: one file, or every *.man / *.xml of a folder (all good ones are loaded;
// the first error of a bad one is returned).
int schema_store_load(SchemaStore *store, const char *path, Err *err);
int schema_store_xml(SchemaStore *store, const char *xml_untrusted, size_t bytes, Err *err);
// Compiles what describes this record's type. Always gives a schema (SCHEMA_NONE with the reason
// when nothing does); < 0 only for no memory. The caller owns one reference.
int schema_store_find(SchemaStore *store, const EventRecord *record, Schema **ret);
// Name of a provider, from definitions, then from the built-in table; NULL when unknown.
const char *schema_store_provider_name(const SchemaStore *store, const Guid *guid);
// Provider by name: exact (case-blind), without "Microsoft-Windows-" or "Microsoft-", or a glob.
// Calls back for each match; returns the number of matches.
uint32_t schema_store_providers(const SchemaStore *store, const char *pattern,
                                void (*each)(void *user, const Guid *guid, const char *name),
                                void *user);
// Keywords and levels that definitions give for a provider (for `etwctl providers NAME` and names in
// subscriptions): each(user, mask, name).
uint32_t schema_store_keywords(const SchemaStore *store, const Guid *provider,
                               void (*each)(void *user, uint64_t mask, const char *name),
                               void *user);
// Known event types of a provider: each gets a compiled schema that lives only for the call.
uint32_t schema_store_events(SchemaStore *store, const Guid *provider,
                             void (*each)(void *user, const Schema *schema), void *user);
SchemaStoreStats schema_store_stats(const SchemaStore *store);

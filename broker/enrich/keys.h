// Registry keys by KCB (etl-format H.6, I.5): KeyHandle -> full path with intervals, and what an
// operation's key is called. Classic Registry events and Microsoft-Windows-Kernel-Registry.
// Owner: the loop.
#pragma once

#include "enrich/facts.h"
#include "enrich/history.h"

typedef struct Keys Keys;

typedef struct KeysOptions {
    uint32_t max_keys;
    size_t max_bytes;
    bool looks_ahead;
} KeysOptions;

int keys_new(const KeysOptions *options, Keys **ret);
Keys *keys_free(Keys *keys);
void keys_clear(Keys *keys);

typedef enum KeyRole {
    KEY_NOTHING = 0,
    KEY_KCB_OPEN,  // KCBCreate
    KEY_KCB_CLOSE, // KCBDelete
    KEY_KCB_STATE, // KCBRundownBegin, KCBRundownEnd
    KEY_OPEN,      // Create, Open (classic): relative to KeyHandle, or absolute
    KEY_VALUE,     // SetValue, DeleteValue, QueryValue: KeyName is the value's name
    KEY_OTHER,     // the handle's key, with KeyName behind it when that is not empty
    KEY_MANIFEST_OPEN, // CreateKey, OpenKey: BaseObject, BaseName, RelativeName; KeyObject is the result
    KEY_MANIFEST_CLOSE, // CloseKey
    KEY_MANIFEST_OTHER, // KeyObject, KeyName
} KeyRole;

typedef struct KeyPlan {
    uint8_t role; // KeyRole
    PayloadRef handle, result, status;
    int16_t name, base_name;
} KeyPlan;

KeyPlan keys_plan(const Schema *schema);
void keys_observe(Keys *keys, const KeyPlan *plan, const EventRecord *record, const Schema *schema);
// The key's path for display: HKLM\…, HKU\…, HKCU\… when it is the hive of sid (the SID of the event's
// process; may be NULL), HKCU\Software\Classes for its _Classes hive; app hives and silos as they are
// (\REGISTRY\A\{…}\…). Appends to out; false: not known (a relative name alone is appended as a guess).
bool keys_path(Keys *keys, const KeyPlan *plan, const EventRecord *record, const Schema *schema,
               const uint8_t *sid, size_t sid_bytes, Buf *out, uint8_t *ret_provenance);
uint32_t keys_stats(const Keys *keys, CacheStats ret[1]);

// I/O requests that have begun and not ended, by IRP. An IRP's address is used again at once, so a
// new request takes the place of one whose end was not seen. Bounded; the least recent goes first
// (true LRU). Owner: the loop.
#pragma once

#include "enrich/history.h"
#include "enrich/text.h"

typedef struct Requests Requests;

typedef struct Request {
    uint64_t irp; // 0: none
    uint64_t object, key;
    uint64_t ordinal; // of the event that began it
    int64_t time;
    const Text *event_name; // borrowed from whoever put it in; NULL: no memory
    Text *new_name;         // of a rename that counts once it has succeeded; NULL: no rename
    uint8_t part;           // of whoever put it in
    uint16_t number;        // of the event type: opcode or id
} Request;

// max: at least 1, and as many as max_bytes (0: no limit of its own) hold, their new names aside.
int requests_new(uint32_t max, size_t max_bytes, Requests **ret);
Requests *requests_free(Requests *requests);
void requests_clear(Requests *requests); // counters stay
// The place of a new request, all zero but for irp (not 0). *ret_old is what had to go for it: an
// earlier one of the same IRP, or the least recent; its irp is 0 when there was none. The caller
// owns its new_name. NULL: out of memory, and nothing has changed.
Request *requests_begin(Requests *requests, uint64_t irp, Request *ret_old);
Request *requests_find(Requests *requests, uint64_t irp); // not counted; NULL: none
// Takes it out. Counts a retrieval, and a hit or a miss. The caller owns its new_name.
bool requests_end(Requests *requests, uint64_t irp, Request *ret);
CacheStats requests_stats(const Requests *requests);

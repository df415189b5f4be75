// See ring.h. One span of memory with two counters that only grow: `head` (bytes put) by the
// producer, `tail` (bytes given back) by the consumer. An item never crosses the end of the span;
// what is left there is filled by a skip item. Data are ordered by release and acquire on the
// counters alone.
//
// Waiting uses a lock, taken only when one side has announced that it sleeps. The announcement and
// the look at the other's counter are sequentially consistent on both sides, so that one of them
// always sees the other (Dekker): no wake-up is lost, and none is sent while nobody sleeps.
#include "source/ring.h"

#include <stdatomic.h>

#include "platform/clock.h"
#include "platform/thread.h"
#include "util/mem.h"

#define RING_BYTES ((uint64_t)RING_BLOCKS * RING_BLOCK_BYTES)
// A producer that found the ring full sleeps until this much is free: one wake-up for many items.
#define RING_REFILL (RING_BYTES / 4)
#define ITEM_HEAD   8u
#define KIND_SKIP   0u
// A record is stored without its two pointers; ext and payload follow, each on 8 bytes.
#define RECORD_FIXED ((uint32_t)offsetof(EventRecord, ext))
#define RECORD_BYTES ((uint32_t)ALIGN8(RECORD_FIXED))

_Static_assert((RING_BYTES & (RING_BYTES - 1)) == 0,
               "positions are taken modulo the ring by a mask");
_Static_assert(RING_MAX_RECORD + 1024 < RING_BLOCK_BYTES, "the largest item fits a block");

struct Ring {
    uint8_t *data;
    void (*wake)(void *user);
    void *user;
    PlatMutex *mutex;
    PlatCond *cond;
    // The producer's own line.
    char pad0[64];
    _Atomic uint64_t head;
    uint64_t tail_seen; // producer's copy of tail
    uint64_t announced; // head when the consumer was last looked at
    _Atomic uint64_t wait_ns;
    _Atomic int64_t waiting_since; // 0: not waiting at this moment
    // The consumer's own line.
    char pad1[64];
    _Atomic uint64_t tail;
    uint64_t read;      // taken up to here
    uint64_t head_seen; // consumer's copy of head
    // Written by both, rarely.
    char pad2[64];
    _Atomic uint32_t empty;   // the consumer found nothing: the next announcement wakes it
    _Atomic uint32_t waiting; // the producer sleeps
    _Atomic uint32_t closed;
};

int ring_new(void (*wake)(void *user), void *user, Ring **ret) {
    Ring *ring = mem_zalloc(sizeof *ring);
    if (ring == NULL)
        return -(int)STATUS_NO_MEMORY;
    ring->data = mem_alloc((size_t)RING_BYTES);
    ring->mutex = plat_mutex_new();
    ring->cond = plat_cond_new();
    if (ring->data == NULL || ring->mutex == NULL || ring->cond == NULL) {
        ring_free(ring);
        return -(int)STATUS_NO_MEMORY;
    }
    ring->wake = wake;
    ring->user = user;
    atomic_init(&ring->empty, 1);
    *ret = ring;
    return 0;
}

Ring *ring_free(Ring *ring) {
    if (ring != NULL) {
        if (ring->cond != NULL)
            plat_cond_free(ring->cond);
        if (ring->mutex != NULL)
            plat_mutex_free(ring->mutex);
        mem_free(ring->data);
        mem_free(ring);
    }
    return NULL;
}

// ---- Producer

static bool has_room(Ring *ring, uint64_t head, uint64_t need) {
    if (RING_BYTES - (head - ring->tail_seen) >= need)
        return true;
    ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return RING_BYTES - (head - ring->tail_seen) >= need;
}

// Makes what was published known to a consumer that sleeps.
static void announce(Ring *ring, uint64_t head) {
    ring->announced = head;
    atomic_store(&ring->head, head); // ordered before the look at `empty`
    if (atomic_load(&ring->empty) && atomic_exchange(&ring->empty, 0) && ring->wake != NULL)
        ring->wake(ring->user);
}

static int wait_for_room(Ring *ring, uint64_t head, uint64_t need) {
    announce(ring, head);
    int64_t since = plat_now_ns();
    uint64_t enough = MAX_OF(need, RING_REFILL);
    atomic_store_explicit(&ring->waiting_since, since, memory_order_relaxed);
    plat_mutex_lock(ring->mutex);
    atomic_store(&ring->waiting, 1);
    for (;;) {
        ring->tail_seen = atomic_load(&ring->tail);
        if (atomic_load(&ring->closed) || RING_BYTES - (head - ring->tail_seen) >= enough)
            break;
        plat_cond_wait(ring->cond, ring->mutex, -1);
    }
    atomic_store(&ring->waiting, 0);
    plat_mutex_unlock(ring->mutex);
    atomic_store_explicit(&ring->waiting_since, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&ring->wait_ns, (uint64_t)(plat_now_ns() - since),
                              memory_order_relaxed);
    return atomic_load(&ring->closed) ? -(int)STATUS_CANCELLED : 0;
}

// Finds room for an item of `bytes` (a multiple of 8). *ret_head: what to publish afterwards.
static int begin(Ring *ring, uint32_t bytes, RingKind kind, uint8_t **ret, uint64_t *ret_head) {
    if (atomic_load_explicit(&ring->closed, memory_order_relaxed))
        return -(int)STATUS_CANCELLED;
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t at = head & (RING_BYTES - 1);
    uint64_t skip = RING_BYTES - at < bytes ? RING_BYTES - at : 0;
    if (!has_room(ring, head, skip + bytes)) {
        int result = wait_for_room(ring, head, skip + bytes);
        if (result < 0)
            return result;
    }
    if (skip > 0) {
        store_u32(ring->data + at, (uint32_t)skip);
        store_u32(ring->data + at + 4, KIND_SKIP);
        at = 0;
    }
    uint8_t *p = ring->data + at;
    store_u32(p, bytes);
    store_u32(p + 4, (uint32_t)kind);
    *ret = p + ITEM_HEAD;
    *ret_head = head + skip + bytes;
    return 0;
}

// A consumer woken for each record would drain it, sleep and be woken again, at the price of a
// system call on both sides; what ends a group of records wakes it, or a good deal of them.
static void publish(Ring *ring, RingKind kind, uint64_t head) {
    bool record = kind == RING_RECORD || kind == RING_KNOWLEDGE;
    if (!record || head - ring->announced >= RING_WAKE_BYTES)
        announce(ring, head);
    else
        atomic_store_explicit(&ring->head, head, memory_order_release);
}

int ring_put_record(Ring *ring, const EventRecord *record, RingKind kind) {
    uint64_t data = (uint64_t)ALIGN8((uint64_t)record->ext_bytes) + record->payload_bytes;
    if (data > RING_MAX_RECORD)
        return RING_OVERSIZE;
    uint32_t bytes = ITEM_HEAD + RECORD_BYTES + 8 + (uint32_t)ALIGN8(data);
    uint8_t *p;
    uint64_t head;
    int result = begin(ring, bytes, kind, &p, &head);
    if (result < 0)
        return result;
    memcpy(p, record, RECORD_FIXED);
    p += RECORD_BYTES;
    store_u32(p, record->ext_bytes);
    store_u32(p + 4, record->payload_bytes);
    p += 8;
    if (record->ext_bytes > 0)
        memcpy(p, record->ext, record->ext_bytes);
    if (record->payload_bytes > 0)
        memcpy(p + ALIGN8((size_t)record->ext_bytes), record->payload, record->payload_bytes);
    publish(ring, kind, head);
    return 0;
}

static int put_small(Ring *ring, RingKind kind, const void *data, uint32_t bytes) {
    uint8_t *p;
    uint64_t head;
    int result = begin(ring, ITEM_HEAD + (uint32_t)ALIGN8(bytes), kind, &p, &head);
    if (result < 0)
        return result;
    if (bytes > 0)
        memcpy(p, data, bytes);
    publish(ring, kind, head);
    return 0;
}

int ring_put_loss(Ring *ring, const RingLoss *loss) {
    return put_small(ring, RING_LOSS, loss, sizeof *loss);
}

int ring_put_mark(Ring *ring, int64_t now_ns) {
    return put_small(ring, RING_MARK, &now_ns, sizeof now_ns);
}

int ring_put_epoch(Ring *ring, const RingEpoch *epoch) {
    return put_small(ring, RING_EPOCH, epoch, sizeof *epoch);
}

int ring_put_learned(Ring *ring) {
    return put_small(ring, RING_LEARNED, NULL, 0);
}

int ring_put_end(Ring *ring, int status) {
    return put_small(ring, RING_END, &status, sizeof status);
}

uint64_t ring_wait_ns(const Ring *ring) {
    // A wait that is still going on counts: it may last as long as a reader likes.
    int64_t since = atomic_load_explicit(&ring->waiting_since, memory_order_relaxed);
    uint64_t done = atomic_load_explicit(&ring->wait_ns, memory_order_relaxed);
    int64_t now = since != 0 ? plat_now_ns() : 0;
    return done + (now > since ? (uint64_t)(now - since) : 0);
}

// ---- Consumer

bool ring_take(Ring *ring, RingItem *ret) {
    for (;;) {
        if (ring->read == ring->head_seen) {
            ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
            if (ring->read == ring->head_seen) {
                // Announce the sleep, then look again: an item that came between must not be
                // missed.
                atomic_store(&ring->empty, 1);
                ring->head_seen = atomic_load(&ring->head);
                if (ring->read == ring->head_seen)
                    return false;
                atomic_store(&ring->empty, 0);
            }
        }
        const uint8_t *p = ring->data + (ring->read & (RING_BYTES - 1));
        uint32_t kind = load_u32(p + 4);
        ring->read += load_u32(p);
        p += ITEM_HEAD;
        ret->kind = (uint8_t)kind;
        switch (kind) {
        case KIND_SKIP:
            continue;
        case RING_RECORD:
        case RING_SCHEMA:
        case RING_KNOWLEDGE:
            memcpy(&ret->record, p, RECORD_FIXED);
            p += RECORD_BYTES;
            ret->record.ext_bytes = load_u32(p);
            ret->record.payload_bytes = load_u32(p + 4);
            ret->record.ext = p + 8;
            ret->record.payload = p + 8 + ALIGN8((size_t)ret->record.ext_bytes);
            return true;
        case RING_LOSS:
            memcpy(&ret->loss, p, sizeof ret->loss);
            return true;
        case RING_MARK:
            memcpy(&ret->mark_ns, p, sizeof ret->mark_ns);
            return true;
        case RING_EPOCH:
            memcpy(&ret->epoch, p, sizeof ret->epoch);
            return true;
        case RING_LEARNED:
            return true;
        default:
            memcpy(&ret->status, p, sizeof ret->status);
            return true;
        }
    }
}

void ring_release(Ring *ring) {
    if (ring->read == atomic_load_explicit(&ring->tail, memory_order_relaxed))
        return;
    atomic_store(&ring->tail, ring->read);
    if (!atomic_load(&ring->waiting))
        return;
    // Below the refill mark the producer would only go to sleep again.
    uint64_t used = atomic_load(&ring->head) - ring->read;
    if (RING_BYTES - used < RING_REFILL)
        return;
    plat_mutex_lock(ring->mutex);
    plat_cond_signal(ring->cond);
    plat_mutex_unlock(ring->mutex);
}

size_t ring_pending_bytes(const Ring *ring) {
    // The tail first: read the other way round, it could overtake an old head.
    uint64_t tail = atomic_load(&ring->tail);
    return (size_t)(atomic_load(&ring->head) - tail);
}

void ring_close(Ring *ring) {
    plat_mutex_lock(ring->mutex);
    atomic_store(&ring->closed, 1);
    plat_cond_broadcast(ring->cond);
    plat_mutex_unlock(ring->mutex);
}

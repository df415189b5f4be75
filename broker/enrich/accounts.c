// See accounts.h. The cache is a History whose values never end; the SID is hashed with a key of
// its own and compared. The thread and the loop share `queue` and `answers`, under one lock;
// `n_answers` is looked at without it.
#include "enrich/accounts.h"

#include <stdatomic.h>
#include <stdio.h>

#include "enrich/well_known.h"
#include "platform/account.h"
#include "platform/clock.h"
#include "platform/thread.h"
#include "util/map.h"
#include "util/mem.h"

#define QUEUE_MAX 64u // questions asked and not yet taken back
#define RETRY_NS  (INT64_C(60) * 1000000000)

typedef enum AccountState {
    ACCOUNT_KNOWN = 1,
    ACCOUNT_NONE,
    ACCOUNT_ASKED,
    ACCOUNT_FAILED
} AccountState;

typedef struct Account {
    uint8_t state;
    uint8_t sid_bytes;
    uint8_t sid[SID_MAX_BYTES];
    int64_t retry_at; // ACCOUNT_FAILED: plat_now_ns from which it is asked for again
    size_t name_bytes;
    char name[];
} Account;

typedef struct Question {
    uint8_t sid_bytes;
    uint8_t sid[SID_MAX_BYTES];
    int status;
    char *name; // of an answer, when status is 0
} Question;

struct Accounts {
    History *names;
    uint32_t generation;
    bool resolve;
    bool turned_away;   // a question found the queue full: it is to be asked again
    PlatThread *thread; // started with the first question
    PlatMutex *mutex;
    PlatCond *asked, *answered;
    _Atomic uint32_t n_answers;
    // Under the mutex:
    bool stop;
    uint32_t n_queue, n_busy;
    Question queue[QUEUE_MAX], answers[QUEUE_MAX];
};

static void account_unref(void *value) {
    mem_free(value);
}

static size_t account_charge(const void *value) {
    return sizeof(Account) + ((const Account *)value)->name_bytes + 1;
}

int accounts_new(bool resolve, Accounts **ret) {
    static const HistoryOptions options = {.name = "Accounts",
                                           .max_entries = ACCOUNTS_MAX,
                                           .unref = account_unref,
                                           .charge = account_charge};
    Accounts *a = mem_zalloc(sizeof *a);
    if (!a)
        return -STATUS_NO_MEMORY;
    a->resolve = resolve;
    a->generation = 1;
    atomic_init(&a->n_answers, 0);
    int r = history_new(&options, &a->names);
    if (r == 0 && resolve) {
        a->mutex = plat_mutex_new();
        a->asked = plat_cond_new();
        a->answered = plat_cond_new();
        if (!a->mutex || !a->asked || !a->answered)
            r = -STATUS_NO_MEMORY;
    }
    if (r < 0) {
        accounts_free(a);
        return r;
    }
    *ret = a;
    return 0;
}

Accounts *accounts_free(Accounts *a) {
    if (!a)
        return NULL;
    if (a->thread) {
        plat_mutex_lock(a->mutex);
        a->stop = true;
        plat_cond_signal(a->asked);
        plat_mutex_unlock(a->mutex);
        plat_thread_join(a->thread);
    }
    for (uint32_t i = 0; i < atomic_load(&a->n_answers); i++)
        mem_free(a->answers[i].name);
    plat_cond_free(a->answered);
    plat_cond_free(a->asked);
    plat_mutex_free(a->mutex);
    history_free(a->names);
    mem_free(a);
    return NULL;
}

// --- the thread --------------------------------------------------------------------------------

static void answer(Question *q) {
    char name[PLAT_ACCOUNT_NAME];
    q->name = NULL;
    q->status = plat_account_name(q->sid, q->sid_bytes, name, sizeof name);
    if (q->status != 0)
        return;
    q->name = mem_strdup(name);
    if (!q->name)
        q->status = -STATUS_NO_MEMORY;
}

static void run(void *user) {
    Accounts *a = user;
    plat_mutex_lock(a->mutex);
    while (!a->stop) {
        if (a->n_queue == 0) {
            (void)plat_cond_wait(a->asked, a->mutex, -1);
            continue;
        }
        Question q = a->queue[0];
        a->n_queue--;
        memmove(a->queue, a->queue + 1, a->n_queue * sizeof q);
        a->n_busy++;
        plat_mutex_unlock(a->mutex);
        answer(&q);
        plat_mutex_lock(a->mutex);
        a->n_busy--;
        // There is room: what is queued, busy and answered was counted when it was asked.
        uint32_t n = atomic_load_explicit(&a->n_answers, memory_order_relaxed);
        a->answers[n] = q;
        atomic_store_explicit(&a->n_answers, n + 1, memory_order_release);
        plat_cond_broadcast(a->answered);
    }
    plat_mutex_unlock(a->mutex);
}

// --- the loop's side ---------------------------------------------------------------------------

static HistoryKey key_of(const uint8_t *sid, size_t bytes) {
    // Two halves of one hash; what is found is compared as well.
    static const uint8_t key_a[16] = {1}, key_b[16] = {2};
    return (HistoryKey){siphash13(sid, bytes, key_a), siphash13(sid, bytes, key_b)};
}

static Account *find(Accounts *a, const uint8_t *sid, size_t bytes) {
    Account *account = history_find(a->names, key_of(sid, bytes), 0, NULL, NULL);
    bool fits = account && account->sid_bytes == bytes && memcmp(account->sid, sid, bytes) == 0;
    return fits ? account : NULL;
}

static const Account *put(Accounts *a, const uint8_t *sid, size_t bytes, AccountState state,
                          const char *name) {
    size_t n = strlen(name);
    Account *account = mem_alloc(sizeof *account + n + 1);
    if (!account)
        return NULL;
    *account = (Account){.state = (uint8_t)state, .sid_bytes = (uint8_t)bytes, .name_bytes = n};
    memcpy(account->sid, sid, bytes);
    memcpy(account->name, name, n + 1);
    if (state == ACCOUNT_FAILED)
        account->retry_at = plat_now_ns() + RETRY_NS;
    a->generation += state == ACCOUNT_KNOWN;
    if (history_open(a->names, key_of(sid, bytes), 0, account, PROVENANCE_LIVE) < 0)
        return NULL;
    return account;
}

static void take_answers(Accounts *a) {
    if (atomic_load_explicit(&a->n_answers, memory_order_acquire) == 0)
        return;
    Question answers[QUEUE_MAX];
    plat_mutex_lock(a->mutex);
    uint32_t n = atomic_load_explicit(&a->n_answers, memory_order_relaxed);
    memcpy(answers, a->answers, n * sizeof *answers);
    atomic_store_explicit(&a->n_answers, 0, memory_order_relaxed);
    plat_mutex_unlock(a->mutex);
    a->generation += a->turned_away;
    a->turned_away = false;
    for (uint32_t i = 0; i < n; i++) {
        Question *q = &answers[i];
        AccountState state = q->status == 0                   ? ACCOUNT_KNOWN
                             : q->status == -STATUS_NOT_FOUND ? ACCOUNT_NONE
                                                              : ACCOUNT_FAILED;
        const Account *known = find(a, q->sid, q->sid_bytes);
        if (!known || known->state != ACCOUNT_KNOWN) // a service may have told it meanwhile
            (void)put(a, q->sid, q->sid_bytes, state, q->name ? q->name : "");
        mem_free(q->name);
    }
}

// False: the queue is full, or there is no thread; it may be asked for later.
static bool ask(Accounts *a, const uint8_t *sid, size_t bytes) {
    if (!a->thread && plat_thread_start(&a->thread, run, a) < 0) {
        a->thread = NULL;
        return false;
    }
    plat_mutex_lock(a->mutex);
    uint32_t n = a->n_queue + a->n_busy + atomic_load_explicit(&a->n_answers, memory_order_relaxed);
    bool room = n < QUEUE_MAX;
    if (room) {
        Question *q = &a->queue[a->n_queue++];
        *q = (Question){.sid_bytes = (uint8_t)bytes};
        memcpy(q->sid, sid, bytes);
        plat_cond_signal(a->asked);
    }
    plat_mutex_unlock(a->mutex);
    return room;
}

const char *accounts_name(Accounts *a, const uint8_t *sid, size_t sid_bytes) {
    char name[WELL_KNOWN_NAME];
    size_t bytes = sid_length(sid, sid_bytes);
    if (bytes == 0 || bytes > SID_MAX_BYTES)
        return "";
    take_answers(a);
    const Account *account = find(a, sid, bytes);
    if (!account && well_known_name(sid, bytes, name))
        account = put(a, sid, bytes, ACCOUNT_KNOWN, name);
    else if (!account && !a->resolve)
        account = put(a, sid, bytes, ACCOUNT_NONE, "");
    else if (a->resolve && (!account || (account->state == ACCOUNT_FAILED &&
                                         plat_now_ns() >= account->retry_at))) {
        if (ask(a, sid, bytes))
            (void)put(a, sid, bytes, ACCOUNT_ASKED, "");
        else
            a->turned_away = true;
        account = NULL;
    }
    return account && account->state == ACCOUNT_KNOWN ? account->name : "";
}

uint32_t accounts_generation(Accounts *a) {
    take_answers(a);
    return a->generation;
}

void accounts_service(Accounts *a, const char *service) {
    uint8_t sid[SID_MAX_BYTES];
    size_t bytes = service_sid(service, sid);
    const Account *account = bytes != 0 ? find(a, sid, bytes) : NULL;
    if (bytes == 0 || (account && account->state == ACCOUNT_KNOWN))
        return;
    Buf name = BUF_INIT;
    buf_printf(&name, "NT SERVICE\\%s", service);
    if (!name.failed)
        (void)put(a, sid, bytes, ACCOUNT_KNOWN, buf_str(&name));
    buf_deinit(&name);
}

void accounts_settle(Accounts *a, uint32_t timeout_ms) {
    if (!a->thread)
        return;
    int64_t deadline = plat_now_ns() + (int64_t)timeout_ms * 1000000;
    plat_mutex_lock(a->mutex);
    while (a->n_queue + a->n_busy > 0) {
        int64_t left = deadline - plat_now_ns();
        if (left <= 0)
            break;
        (void)plat_cond_wait(a->answered, a->mutex, left);
    }
    plat_mutex_unlock(a->mutex);
    take_answers(a);
}

uint32_t accounts_stats(const Accounts *a, CacheStats ret[1]) {
    ret[0] = history_stats(a->names);
    return 1;
}

#include "client/lib/internal.h"

#include <stdio.h>

#include "platform/clock.h"
#include "util/mem.h"

const char *etw_status_name(int32_t status) {
    return status_name(status);
}

const char *etw_status_text(int32_t status) {
    return status_text(status);
}

const char *etw_status_remedy(int32_t status) {
    return status_remedy(status);
}

const char *etw_version(void) {
    return ETW_VERSION;
}

void etw_free(void *memory) {
    mem_free(memory);
}

ErrorBox *error_box_new(void) {
    ErrorBox *box = mem_zalloc(sizeof *box);
    if (!box)
        return NULL;
    box->refs = 1;
    box->mutex = plat_mutex_new();
    if (!box->mutex) {
        mem_free(box);
        return NULL;
    }
    return box;
}

ErrorBox *error_box_ref(ErrorBox *box) {
    plat_mutex_lock(box->mutex);
    box->refs++;
    plat_mutex_unlock(box->mutex);
    return box;
}

ErrorBox *error_box_unref(ErrorBox *box) {
    if (!box)
        return NULL;
    plat_mutex_lock(box->mutex);
    uint32_t left = --box->refs;
    plat_mutex_unlock(box->mutex);
    if (left == 0) {
        plat_mutex_free(box->mutex);
        mem_free(box);
    }
    return NULL;
}

int32_t error_box_set(ErrorBox *box, int result, const Err *err, const char *remedy) {
    int32_t status = result < 0 ? -result : result;
    plat_mutex_lock(box->mutex);
    box->err = *err;
    box->err.status = status;
    if (!box->err.text[0])
        snprintf(box->err.text, sizeof box->err.text, "%s", status_text(status));
    snprintf(box->remedy, sizeof box->remedy, "%s",
             remedy && remedy[0] ? remedy : status_remedy(status));
    plat_mutex_unlock(box->mutex);
    return status;
}

int32_t etw_error(EtwClient *client, EtwError *error) {
    if (!client || !error || !struct_ok(error->struct_size, sizeof *error))
        return ETW_STATUS_INVALID_ARGUMENT;
    ErrorBox *box = client->error;
    plat_mutex_lock(box->mutex);
    error->status = box->err.status;
    memcpy(error->message, box->err.text, sizeof error->message);
    memcpy(error->remedy, box->remedy, sizeof error->remedy);
    plat_mutex_unlock(box->mutex);
    return ETW_STATUS_OK;
}

bool struct_ok(uint32_t given, size_t known) {
    // Structures only ever grow at their end; this version fills what it knows and needs it all.
    return given >= known;
}

int64_t deadline_of(uint32_t timeout_ms, uint32_t default_ms) {
    if (timeout_ms == UINT32_MAX)
        return -1;
    return plat_now_ns() + (int64_t)(timeout_ms ? timeout_ms : default_ms) * 1000000;
}

int32_t text_out(const char *text, size_t bytes, char *buf, size_t cap, size_t *need) {
    if (need)
        *need = bytes + 1;
    if (cap == 0)
        return ETW_STATUS_OVERSIZE;
    size_t n = MIN_OF(bytes, cap - 1);
    // Never cut inside a character.
    while (n < bytes && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    memcpy(buf, text, n);
    buf[n] = 0;
    return n == bytes ? ETW_STATUS_OK : ETW_STATUS_OVERSIZE;
}

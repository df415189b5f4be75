// Bodies of EVENTS frames.
#include "wire/wire_batch.h"

#include "wire/frame.h"

void wire_batch_begin(BatchWriter *batch, uint8_t *body, uint32_t capacity) {
    batch->body = body;
    batch->capacity = MIN_OF(capacity, WIRE_MAX_BODY);
    batch->bytes = WIRE_BODY_HEAD;
    batch->n = 0;
    batch->first_time = INT64_MAX;
    batch->last_time = INT64_MIN;
}

bool wire_batch_append(BatchWriter *batch, uint32_t bytes, uint32_t table_bytes,
                       const EventRecord *event, uint32_t type, const WireExtra *extra,
                       uint8_t **ret_record) {
    // bytes and table_bytes are below 2^18 each, so that the sum cannot wrap.
    if (table_bytes > batch->capacity || bytes > WIRE_MAX_RECORD ||
        batch->bytes + bytes + table_bytes > batch->capacity)
        return false;
    uint8_t *to = batch->body + batch->bytes;
    wire_record_put(to, bytes, event, type, extra);
    batch->bytes += bytes;
    batch->n++;
    if (event->time < batch->first_time)
        batch->first_time = event->time;
    if (event->time > batch->last_time)
        batch->last_time = event->time;
    if (ret_record != NULL)
        *ret_record = to;
    return true;
}

uint32_t wire_batch_seal(BatchWriter *batch, const uint8_t *table, uint32_t table_bytes) {
    uint8_t *body = batch->body;
    if (batch->n == 0)
        batch->first_time = batch->last_time = 0;
    store_u32(body + WIRE_BODY_COUNT, batch->n);
    store_u32(body + WIRE_BODY_TABLE, table_bytes != 0 ? batch->bytes : 0);
    store_i64(body + WIRE_BODY_FIRST_TIME, batch->first_time);
    store_i64(body + WIRE_BODY_LAST_TIME, batch->last_time);
    if (table_bytes != 0)
        memcpy(body + batch->bytes, table, table_bytes);
    batch->bytes += table_bytes;
    return batch->bytes;
}

void wire_private_put(uint8_t *to, uint32_t body_bytes, uint32_t subscription, uint64_t first) {
    frame_head_put(to, WIRE_EVENTS, WIRE_EVENTS_PRIVATE + body_bytes, subscription, 0);
    store_u64(to + WIRE_HEAD_BYTES, first);
}

// Data of an entry are checked by who reads that kind; here only that the chain is whole.
static int check_table(BatchReader *batch, Err *err) {
    uint32_t at = 0;
    batch->n_table = 0;
    while (at < batch->table_bytes) {
        uint32_t left = batch->table_bytes - at;
        uint32_t bytes = left >= WIRE_TABLE_HEAD ? load_u32(batch->table + at + 4) : 0;
        if (bytes < WIRE_TABLE_HEAD || bytes > left || ALIGN8(bytes) > left)
            return err_set(err, STATUS_PROTOCOL, "entry %u of a batch's table is cut",
                           (unsigned)batch->n_table);
        at += (uint32_t)ALIGN8(bytes);
        batch->n_table++;
    }
    return 0;
}

bool wire_table_next(const BatchReader *batch, uint32_t *at, WireTableEntry *ret) {
    if (*at >= batch->table_bytes)
        return false;
    const uint8_t *entry = batch->table + *at;
    uint32_t bytes = load_u32(entry + 4);
    ret->kind = load_u16(entry);
    ret->bytes = bytes - WIRE_TABLE_HEAD;
    ret->data = entry + WIRE_TABLE_HEAD;
    *at += (uint32_t)ALIGN8(bytes);
    return true;
}

int wire_batch_open(const uint8_t *body_untrusted, size_t bytes, BatchReader *ret, Err *err) {
    if (bytes < WIRE_BODY_HEAD || bytes > WIRE_MAX_BODY)
        return err_set(err, STATUS_PROTOCOL, "a batch has %zu bytes", bytes);
    BatchReader batch;
    memset(&batch, 0, sizeof batch);
    batch.n = batch.left = load_u32(body_untrusted + WIRE_BODY_COUNT);
    batch.first_time = load_i64(body_untrusted + WIRE_BODY_FIRST_TIME);
    batch.last_time = load_i64(body_untrusted + WIRE_BODY_LAST_TIME);
    uint32_t table_at = load_u32(body_untrusted + WIRE_BODY_TABLE);
    size_t records_end = table_at != 0 ? table_at : bytes;
    if (records_end < WIRE_BODY_HEAD || records_end > bytes || records_end % 8 != 0)
        return err_set(err, STATUS_PROTOCOL, "the table of a batch of %zu bytes stands at %u",
                       bytes, (unsigned)table_at);
    if (batch.n > (records_end - WIRE_BODY_HEAD) / WIRE_RECORD_FIXED)
        return err_set(err, STATUS_PROTOCOL, "a batch of %zu bytes says it has %u records", bytes,
                       (unsigned)batch.n);
    batch.at = body_untrusted + WIRE_BODY_HEAD;
    batch.end = body_untrusted + records_end;
    batch.table = batch.end;
    batch.table_bytes = (uint32_t)(bytes - records_end);
    int result = check_table(&batch, err);
    if (result == 0)
        *ret = batch;
    return result;
}

int wire_batch_next(BatchReader *batch, WireRecord *ret, Err *err) {
    size_t room = (size_t)(batch->end - batch->at);
    if (batch->left == 0) {
        if (room == 0)
            return 0;
        return err_set(err, STATUS_PROTOCOL, "%zu bytes stand behind the last record of a batch",
                       room);
    }
    WireRecord record;
    int result = wire_record_get(batch->at, room, &record, err);
    if (result < 0)
        return result;
    if (record.process > batch->n_table || record.stack > batch->n_table)
        return err_set(err, STATUS_PROTOCOL, "a record names an entry beyond its batch's table");
    for (uint16_t i = 0; i < record.n_enriched; i++) {
        if (wire_record_enriched(&record, i).entry >= batch->n_table)
            return err_set(err, STATUS_PROTOCOL,
                           "an enriched field names an entry beyond its batch's table");
    }
    batch->at += record.bytes;
    batch->left--;
    *ret = record;
    return 1;
}

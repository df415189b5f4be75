// The "Enriched" member of an event's JSON; docs/EVENT.md is the contract.
#include "event/enriched.h"
#include "event/put.h"

// In the order in which they are written. The stack and the provenances follow.
static const uint8_t order[] = {
    ENRICHED_PROCESS_NAME,
    ENRICHED_PROCESS_PATH,
    ENRICHED_COMMAND_LINE,
    ENRICHED_USER,
    ENRICHED_USER_SID,
    ENRICHED_SESSION_ID,
    ENRICHED_IS_ELEVATED,
    ENRICHED_IS_WOW64,
    ENRICHED_IS_PROTECTED,
    ENRICHED_PARENT_PROCESS_ID,
    ENRICHED_PARENT_PROCESS_NAME,
    ENRICHED_PARENT_PROCESS_PATH,
    ENRICHED_PARENT_COMMAND_LINE,
    ENRICHED_CALL_CHAIN,
    ENRICHED_CREATOR_PROCESS_ID,
    ENRICHED_CREATOR_PROCESS_NAME,
    ENRICHED_CREATOR_PROCESS_PATH,
    ENRICHED_CREATOR_COMMAND_LINE,
    ENRICHED_TARGET_PROCESS_NAME,
    ENRICHED_TARGET_PROCESS_PATH,
    ENRICHED_TARGET_COMMAND_LINE,
    ENRICHED_CLIENT_PROCESS_NAME,
    ENRICHED_CLIENT_PROCESS_PATH,
    ENRICHED_CLIENT_COMMAND_LINE,
    ENRICHED_CREATED_PROCESS_NAME,
    ENRICHED_CREATED_PROCESS_PATH,
    ENRICHED_CREATED_COMMAND_LINE,
    ENRICHED_FILE_NAME,
    ENRICHED_REGISTRY_PATH,
    ENRICHED_VALUE_NAME,
    ENRICHED_DATA,
    ENRICHED_LOCAL_ADDRESS,
    ENRICHED_LOCAL_PORT,
    ENRICHED_REMOTE_ADDRESS,
    ENRICHED_REMOTE_PORT,
    ENRICHED_DIRECTION,
    ENRICHED_SERVICE_NAME,
    ENRICHED_OBJECT_TYPE,
    ENRICHED_OBJECT_NAME,
    ENRICHED_OPERATION,
    ENRICHED_DURATION,
};
_Static_assert(ARRAY_COUNT(order) == ENRICHED_N - 1, "every field has its place");

static void write_hex(JsonWriter *w, const char *key, uint64_t v) {
    char local[PUT_HEX + 2], *p = local;
    *p++ = '"';
    p = put_hex(p, v, 1);
    *p++ = '"';
    jsonw_key(w, key);
    jsonw_raw(w, local, (size_t)(p - local));
}

static void write_frame(JsonWriter *w, const FrameView *frame, Buf *name) {
    jsonw_object(w);
    if (frame->module) {
        jsonw_key(w, "Module");
        jsonw_text(w, frame->module->path);
        write_hex(w, "Offset", frame->offset);
    } else {
        write_hex(w, "Address", frame->address);
    }
    if (name) {
        jsonw_key(w, "Symbol");
        jsonw_string(w, (const char *)name->data, name->bytes);
    }
    if (!frame->module && (frame->flags & FRAME_KERNEL)) {
        jsonw_key(w, "Kernel");
        jsonw_bool(w, true);
    }
    jsonw_object_end(w);
}

static void write_stack(JsonWriter *w, const StackView *stack,
                        bool (*symbol)(void *user, const FrameView *frame, Buf *out), void *user) {
    Buf name = BUF_INIT;
    if (stack->n > 0) {
        jsonw_key(w, "Stack");
        jsonw_array(w);
        for (uint32_t i = 0; i < stack->n; i++) {
            buf_clear(&name);
            bool named = symbol && symbol(user, &stack->frames[i], &name) && name.bytes > 0;
            w->out->failed |= name.failed;
            write_frame(w, &stack->frames[i], named ? &name : NULL);
        }
        jsonw_array_end(w);
    }
    if (stack->incomplete) {
        jsonw_key(w, "StackIncomplete");
        jsonw_bool(w, true);
    }
    buf_deinit(&name);
}

// ---- Provenance ----

static void write_provenance_of(JsonWriter *w, bool *any, const char *key, uint8_t provenance) {
    const char *name = provenance_name(provenance);
    if (!name[0])
        return;
    if (!*any) {
        jsonw_key(w, "Provenance");
        jsonw_object(w);
    }
    *any = true;
    jsonw_key(w, key);
    jsonw_text(w, name);
}

static void write_provenance(JsonWriter *w, const EnrichedView *view) {
    static const char *const roles[CHAIN_N] = {"Process", "Creator", "Target", "Client", "Created"};
    bool any = false;
    for (uint32_t i = 0; i < CHAIN_N; i++)
        if (view->chains[i].process)
            write_provenance_of(w, &any, roles[i], view->chains[i].process->provenance);
    for (uint32_t i = 0; i < MIN_OF(view->n_values, ENRICHED_MAX_VALUES); i++)
        write_provenance_of(w, &any, enriched_field_name((EnrichedField)view->values[i].field),
                            view->values[i].provenance);
    if (any)
        jsonw_object_end(w);
}

// ---- All ----

static void write_id(JsonWriter *w, const char *key, uint32_t effective, uint32_t header) {
    if (effective == header || effective == UINT32_MAX)
        return;
    jsonw_key(w, key);
    jsonw_u64(w, effective);
}

void enriched_json(Buf *out, const EnrichedView *view, const EventRecord *record,
                   const Schema *schema,
                   bool (*symbol)(void *user, const FrameView *frame, Buf *out), void *user) {
    size_t mark = out->bytes;
    BUF_LITERAL(out, ",\"Enriched\":");
    JsonWriter w = jsonw(out);
    jsonw_object(&w);
    size_t begun = out->bytes;
    write_id(&w, "ProcessId", view->pid, record->pid);
    write_id(&w, "ThreadId", view->tid, record->tid);
    Buf scratch = BUF_INIT;
    Payload none = {.pointer_size = event_pointer_size(record)};
    for (uint32_t i = 0; i < ARRAY_COUNT(order); i++) {
        Value v;
        buf_clear(&scratch);
        if (!enriched_value(view, record, schema, (EnrichedField)order[i], &scratch, &v)) {
            out->failed |= scratch.failed;
            continue;
        }
        jsonw_key(&w, enriched_field_name((EnrichedField)order[i]));
        value_json(&w, &none, &v, 0);
    }
    buf_deinit(&scratch);
    if (view->stack)
        write_stack(&w, view->stack, symbol, user);
    write_provenance(&w, view);
    if (out->bytes == begun && !out->failed) { // nothing to say
        out->bytes = mark;
        out->data[mark] = 0;
        return;
    }
    jsonw_object_end(&w);
}

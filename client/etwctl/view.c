#include "client/etwctl/view.h"

#include "client/etwctl/row.h"
#include "client/etwctl/text.h"
#include "util/jsonw.h"
#include "util/timefmt.h"

#define TEXT_ROOM 2048 // enough for most events

static void append_text(View *v, Buf *out, const EtwEvent *event, EtwTextKind kind) {
    size_t room = TEXT_ROOM, need = 0;
    int32_t status = ETW_STATUS_OVERSIZE;
    for (int tries = 0; tries < 2 && status == ETW_STATUS_OVERSIZE; tries++) {
        if (!buf_reserve(out, room))
            return; // out has failed, and says so when it is written
        room = out->capacity - out->bytes;
        char *to = (char *)out->data + out->bytes;
        status = kind == ETW_TEXT_JSON ? etw_event_json(event, v->symbols, to, room, &need)
                                       : etw_event_text(event, kind, to, room, &need);
        room = need;
    }
    if (status == ETW_STATUS_OK)
        out->bytes += need - 1; // without the NUL
    else
        v->failed = status;
}

static void write_row(View *v, const EtwEvent *event) {
    EtwHeader header = {.struct_size = sizeof header};
    if (etw_event_header(event, &header) != ETW_STATUS_OK)
        return;
    buf_clear(&v->label);
    buf_clear(&v->summary);
    append_text(v, &v->label, event, ETW_TEXT_LABEL);
    append_text(v, &v->summary, event, ETW_TEXT_SUMMARY);
    // The event's process: not always the one of the header (kernel events often have none there).
    EtwProcess process = {.struct_size = sizeof process};
    bool known = etw_process(event, ETW_PROCESS_EVENT, 0, &process) == ETW_STATUS_OK;
    row_write(v->out, header.time, known ? process.process_id : header.process_id,
              known ? process.name : "", buf_str(&v->label), v->label.bytes, buf_str(&v->summary),
              v->summary.bytes, v->columns);
}

static void time_member(JsonWriter *w, const char *key, int64_t time) {
    char text[FILETIME_TEXT];
    if (time == 0)
        return;
    jsonw_key(w, key);
    jsonw_text(w, filetime_format(time, text));
}

static void number_member(JsonWriter *w, const char *key, uint64_t v) {
    jsonw_key(w, key);
    jsonw_u64(w, v);
}

static void reason_member(JsonWriter *w, const EtwItem *item) {
    jsonw_key(w, "Reason");
    jsonw_text(w, etw_reason_text(item->kind, item->reason));
}

static void write_notice_json(View *v, const EtwItem *item) {
    JsonWriter w = jsonw(v->out);
    jsonw_object(&w);
    switch (item->kind) {
    case ETW_ITEM_GAP:
        jsonw_key(&w, "Gap");
        jsonw_object(&w);
        number_member(&w, "First", item->number);
        jsonw_key(&w, "Count");
        if (item->gap_count == UINT64_MAX)
            jsonw_null(&w); // unknown
        else
            jsonw_u64(&w, item->gap_count);
        reason_member(&w, item);
        time_member(&w, "From", item->from);
        time_member(&w, "To", item->to);
        break;
    case ETW_ITEM_CHANGED:
        jsonw_key(&w, "Changed");
        jsonw_object(&w);
        number_member(&w, "First", item->number);
        number_member(&w, "Generation", item->generation);
        break;
    case ETW_ITEM_EPOCH:
        jsonw_key(&w, "Epoch");
        jsonw_object(&w);
        number_member(&w, "Number", item->generation);
        reason_member(&w, item);
        jsonw_key(&w, "Clean");
        jsonw_bool(&w, (item->flags & 1) == 0);
        time_member(&w, "Time", item->from);
        break;
    default:
        jsonw_key(&w, "End");
        jsonw_object(&w);
        reason_member(&w, item);
        number_member(&w, "Numbered", item->ledger.numbered);
        number_member(&w, "Sent", item->ledger.sent);
        break;
    }
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    buf_char(v->out, '\n');
}

void view_gap_text(const EtwItem *gap, Buf *out) {
    char number[NUMBER_TEXT];
    if (gap->gap_count == UINT64_MAX)
        buf_text(out, "an unknown number of events");
    else
        buf_printf(out, "%s event%s", number_text(gap->gap_count, number),
                   gap->gap_count == 1 ? "" : "s");
    buf_printf(out, " missing (%s)", etw_reason_text(ETW_ITEM_GAP, gap->reason));
}

static void write_notice(View *v, const EtwItem *item) {
    buf_text(v->out, "-- ");
    switch (item->kind) {
    case ETW_ITEM_GAP:
        view_gap_text(item, v->out);
        break;
    case ETW_ITEM_CHANGED:
        buf_printf(v->out, "the subscription was changed (generation %u)", item->generation);
        break;
    case ETW_ITEM_EPOCH:
        buf_printf(v->out, "epoch %u: %s%s", item->generation,
                   etw_reason_text(ETW_ITEM_EPOCH, item->reason),
                   item->flags & 1 ? ", not cleanly" : "");
        break;
    default:
        buf_printf(v->out, "end: %s", etw_reason_text(ETW_ITEM_END, item->reason));
        break;
    }
    buf_char(v->out, '\n');
}

void view_begin(View *view, Buf *out, bool json, bool notices, bool epochs, size_t columns,
                EtwSymbols *symbols) {
    *view = (View){.out = out,
                   .json = json,
                   .notices = notices,
                   .epochs = epochs,
                   .columns = columns,
                   .symbols = symbols};
    if (!json)
        row_header(out, columns);
}

void view_end(View *view) {
    buf_deinit(&view->label);
    buf_deinit(&view->summary);
}

void view_item(View *view, const EtwItem *item) {
    if (item->kind != ETW_ITEM_EVENT) {
        if (view->notices && view->json)
            write_notice_json(view, item);
        else if (view->notices)
            write_notice(view, item);
        else if (item->kind == ETW_ITEM_EPOCH && view->rows)
            view->epoch = *item; // told when something follows
    } else if (view->json) {
        append_text(view, view->out, item->event, ETW_TEXT_JSON);
        buf_char(view->out, '\n');
    } else {
        if (view->epoch.kind != 0 && view->epochs) // times may go back here
            write_notice(view, &view->epoch);
        view->epoch = (EtwItem){0};
        view->rows = true;
        write_row(view, item->event);
    }
}

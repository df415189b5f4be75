// What `watch` prints for the items of a subscription: table rows or JSON lines. One owner, main thread.
#pragma once

#include "client/etwclient.h"
#include "util/buf.h"

typedef struct View {
    Buf *out;
    bool json;
    bool notices;   // gaps, changes, epochs in the output
    size_t columns; // of the terminal; 0: lines are not cut
    Buf label, summary;
} View;

void view_begin(View *view, Buf *out, bool json, bool notices,
                size_t columns); // with the table's header
void view_end(View *view);
void view_item(View *view, const EtwItem *item);
// "1,204 events missing (the watcher was too slow)"
void view_gap_text(const EtwItem *gap, Buf *out);

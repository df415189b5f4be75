// What `watch` prints for the items of a subscription: table rows or JSON lines. One owner, main
// thread.
#pragma once

#include "client/etwclient.h"
#include "util/buf.h"

typedef struct View {
    Buf *out;
    bool json;
    bool notices;        // gaps, changes, epochs in the output
    bool epochs;         // in the table, epochs between rows in any case: times may go back there
    bool rows;           // some have been written
    EtwItem epoch;       // since the last row; kind 0: none
    size_t columns;      // of the terminal; 0: lines are not cut
    EtwSymbols *symbols; // JSON: names of functions in stacks; NULL: none
    int32_t failed;      // status of an event that could not be shown
    Buf label, summary;
} View;

void view_begin(View *view, Buf *out, bool json, bool notices, bool epochs, size_t columns,
                EtwSymbols *symbols); // with the table's header
void view_end(View *view);
void view_item(View *view, const EtwItem *item);
// "1,204 events missing (the watcher was too slow)"
void view_gap_text(const EtwItem *gap, Buf *out);

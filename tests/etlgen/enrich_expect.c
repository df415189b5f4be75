#include "tests/etlgen/enrich_expect.h"

#include <stdio.h>

void enrich_expect_init(EnrichExpect *e) {
    *e = (EnrichExpect){0};
}

void enrich_expect_deinit(EnrichExpect *e) {
    buf_deinit(&e->lines[0]);
    buf_deinit(&e->lines[1]);
}

static void close_line(EnrichExpect *e, int i) {
    if (e->open[i])
        buf_text(&e->lines[i], "}\n");
    e->open[i] = false;
}

void enrich_expect_end(EnrichExpect *e) {
    close_line(e, 0);
    close_line(e, 1);
}

// The line of the event, opened when needed; the member's name is written.
static Buf *member_of(EnrichExpect *e, uint64_t n, int i, const char *member) {
    Buf *line = &e->lines[i];
    if (!e->open[i] || e->at[i] != n) {
        close_line(e, i);
        buf_printf(line, "{\"n\":%llu", (unsigned long long)n);
        e->open[i] = true;
        e->at[i] = n;
    }
    buf_printf(line, ",\"%s\":", member);
    return line;
}

static bool in(Knowledge k, int i) {
    return (k & (1 << i)) != 0;
}

void enrich_text(EnrichExpect *e, uint64_t n, Knowledge k, const char *member, const char *value) {
    for (int i = 0; e != NULL && i < 2; i++) {
        if (!in(k, i))
            continue;
        JsonWriter w = jsonw(member_of(e, n, i, member));
        jsonw_text(&w, value);
    }
}

void enrich_number(EnrichExpect *e, uint64_t n, Knowledge k, const char *member, uint64_t value) {
    for (int i = 0; e != NULL && i < 2; i++)
        if (in(k, i))
            buf_printf(member_of(e, n, i, member), "%llu", (unsigned long long)value);
}

void enrich_true(EnrichExpect *e, uint64_t n, Knowledge k, const char *member) {
    for (int i = 0; e != NULL && i < 2; i++)
        if (in(k, i))
            buf_text(member_of(e, n, i, member), "true");
}

void enrich_stack(EnrichExpect *e, uint64_t n, Knowledge k, const EnrichFrame *frames,
                  uint32_t n_frames) {
    for (int i = 0; e != NULL && i < 2; i++) {
        if (!in(k, i))
            continue;
        JsonWriter w = jsonw(member_of(e, n, i, "Stack"));
        jsonw_array(&w);
        for (uint32_t f = 0; f < n_frames; f++) {
            char number[24];
            snprintf(number, sizeof number, "0x%llX", (unsigned long long)frames[f].offset);
            jsonw_object(&w);
            if (frames[f].module != NULL) {
                jsonw_key(&w, "Module");
                jsonw_text(&w, frames[f].module);
            }
            jsonw_key(&w, frames[f].module != NULL ? "Offset" : "Address");
            jsonw_text(&w, number);
            jsonw_object_end(&w);
        }
        jsonw_array_end(&w);
    }
}

#include "client/etwctl/progress.h"

#include <stdio.h>

#include "client/etwctl/text.h"
#include "platform/args.h"
#include "platform/clock.h"

#define FIRST_NS INT64_C(500000000)
#define EACH_NS  INT64_C(100000000)
#define BAR      30
#define NAME     30

void progress_begin(Progress *p, const char *name, bool allowed) {
    *p =
        (Progress){.name = name, .on = allowed && plat_is_terminal(2), .started_ns = plat_now_ns()};
}

void progress_step(Progress *p, double share, uint64_t events) {
    if (!p->on)
        return;
    int64_t now = plat_now_ns();
    if (now - p->started_ns < FIRST_NS || now - p->shown_ns < EACH_NS)
        return;
    char bar[BAR + 1], number[NUMBER_TEXT];
    share = share > 0 ? MIN_OF(share, 1.0) : 0;
    int full = (int)(share * BAR);
    memset(bar, '.', BAR);
    memset(bar, '#', (size_t)full);
    bar[BAR] = '\0';
    Buf line = BUF_INIT;
    text_clean_tail(&line, p->name, strlen(p->name), NAME);
    fprintf(stderr, "\r%s [%s] %3.0f %%  %s events", buf_str(&line), bar, share * 100,
            number_text(events, number));
    fflush(stderr);
    buf_deinit(&line);
    p->shown_ns = now;
    p->shown = true;
}

void progress_end(Progress *p) {
    if (p->shown)
        fprintf(stderr, "\r%*s\r", NAME + BAR + 40, "");
    p->shown = false;
}

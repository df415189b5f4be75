#include "client/etwctl/silence.h"

#include "client/etwctl/broker.h"
#include "client/etwctl/text.h"
#include "client/etwctl/want.h"

#define ASK_MS 2000

// A reply or NULL: a hint is not worth an error message.
static cJSON *ask(EtwClient *client, const char *method) {
    char *text = NULL;
    if (etw_request(client, method, NULL, ASK_MS, &text) != ETW_STATUS_OK)
        return NULL;
    cJSON *reply = cJSON_Parse(text);
    etw_free(text);
    return reply;
}

static bool list_has(const cJSON *list, const char *word) {
    const cJSON *v;
    cJSON_ArrayForEach(v, list) {
        if (cJSON_IsString(v) && strcmp(v->valuestring, word) == 0)
            return true;
    }
    return false;
}

static bool spec_names(const cJSON *spec, const cJSON *row) {
    const cJSON *want;
    cJSON_ArrayForEach(want, reply_member(spec, "wants")) {
        const cJSON *kernel = reply_member(want, "kernel"),
                    *providers = reply_member(want, "providers");
        if (reply_text(row, "kernel")[0]) {
            if (list_has(kernel, reply_text(row, "kernel")) || list_has(kernel, "*"))
                return true;
        } else if (list_has(providers, reply_text(row, "name")) ||
                   list_has(providers, reply_text(row, "guid"))) {
            return true;
        }
    }
    return false;
}

// Events of the named providers that the source has delivered to anybody; UINT64_MAX: not told to this user.
static uint64_t events_of(const cJSON *profile, const cJSON *spec) {
    uint64_t n = 0;
    bool told = false;
    const cJSON *session, *row;
    cJSON_ArrayForEach(session, reply_member(profile, "sessions")) {
        const cJSON *rows = reply_member(session, "providers");
        told = told || cJSON_IsArray(rows);
        cJSON_ArrayForEach(row, rows) {
            if (spec_names(spec, row))
                n += reply_u64(row, "events");
        }
    }
    return told ? n : UINT64_MAX;
}

static void explain(const cJSON *subscription, const cJSON *profile) {
    char number[NUMBER_TEXT];
    const cJSON *ledger = reply_member(subscription, "ledger");
    const cJSON *spec = reply_member(subscription, "spec");
    uint64_t offered = reply_u64(ledger, "offered"), filtered = reply_u64(ledger, "filtered");
    const char *state = reply_text(reply_member(profile, "broker"), "state");
    if (strcmp(state, "waiting") == 0) {
        say("no event yet: the replay waits for more watchers (etwbroker --start)");
        return;
    }
    if (filtered > 0 && filtered == offered) {
        say("no event yet: %s came, all stopped by the filter", number_text(filtered, number));
        return;
    }
    if (offered > filtered) {
        say("no event yet: %s came, and none of them may be shown here; 'etwctl subscriptions "
            "--json' tells why",
            number_text(offered, number));
        return;
    }
    uint64_t events = events_of(profile, spec);
    if (events == UINT64_MAX)
        say("no event yet of what was asked for");
    else if (events > 0)
        say("no event yet: %s of these providers came, but keywords, level, ids or names pass none "
            "of them",
            number_text(events, number));
    else
        say("no event yet: what was asked for has sent none; 'etwctl providers NAME' shows whether "
            "it is known");
}

void silence_explain(EtwClient *client, uint32_t id) {
    cJSON *list = ask(client, "subscriptions");
    cJSON *profile = ask(client, "profile");
    const cJSON *subscription;
    cJSON_ArrayForEach(subscription, list) {
        if (reply_u64(subscription, "id") == id && profile) {
            explain(subscription, profile);
            break;
        }
    }
    cJSON_Delete(list);
    cJSON_Delete(profile);
}

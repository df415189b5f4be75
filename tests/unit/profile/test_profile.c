#include <criterion/criterion.h>
#include <stdlib.h>

#include "profile/profile.h"
#include "util/mem.h"
#include "wire/json.h"

static const Guid provider = GUID_INIT(0x11111111u, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
static const Guid file_io =
    GUID_INIT(0x90cbdc39u, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3);
#define PROVIDER "\"{11111111-0001-0001-0101-010101010101}\""

static int64_t clock_ns;
static SchemaStore *store;
static Hub *hub;
static RouteNames names;
static User *root, *ana, *bo;
static Watch of_root, of_ana, of_bo;

static int64_t fake_now(void *unused) {
    (void)unused;
    return clock_ns;
}

static User *user_of(const char *sid, const char *name, bool administrator) {
    PlatPeer peer = {.administrator = administrator};
    User *user;
    memcpy(peer.sid, sid, strlen(sid));
    memcpy(peer.name, name, strlen(name));
    cr_assert_eq(user_connect(hub_users(hub), &peer, &user, NULL), 0);
    return user;
}

static void subscribe(User *user, Watch *watch, const char *text) {
    cJSON *json = NULL;
    Spec *spec = NULL;
    Buf warnings = BUF_INIT;
    Err err = ERR_INIT;
    cr_assert_eq(json_parse(text, strlen(text), &json, &err), 0, "%s", err.text);
    cr_assert_eq(spec_from_json(json, &names, &spec, &warnings, &err), 0, "%s", err.text);
    cr_assert_eq(hub_subscribe(hub, user, spec, false, watch, &err), 0, "%s", err.text);
    spec_unref(spec);
    json_free(json);
    buf_deinit(&warnings);
}

static void event(const Guid *guid, uint16_t id, uint8_t opcode, uint16_t flags) {
    static const uint8_t payload[8] = {0};
    RingItem item = {.kind = RING_RECORD};
    item.record = (EventRecord){.provider = *guid,
                                .desc = {.id = id, .opcode = opcode, .level = 4, .version = 2},
                                .time = 130000000000000000,
                                .flags = flags,
                                .pid = 5,
                                .payload = payload,
                                .payload_bytes = sizeof payload};
    hub_item(hub, &item);
}

static void setup(void) {
    clock_ns = 5000000000;
    cr_assert_eq(schema_store_new(&store), 0);
    HubOptions options = {.now = fake_now, .store = store, .limits = user_limits_default()};
    cr_assert_eq(hub_new(&options, &hub), 0);
    names = names_of_store(store);
    root = user_of("S-1-22-1-0", "root", true);
    ana = user_of("S-1-22-1-1000", "ana", false);
    bo = user_of("S-1-22-1-1001", "bo", false);
    subscribe(root, &of_root, "{\"wants\":[{\"provider\":" PROVIDER "}],\"name\":\"all\"}");
    subscribe(ana, &of_ana,
              "{\"wants\":[{\"provider\":" PROVIDER
              ",\"filter\":\"Id -eq 7\"}],\"name\":\"canary-ana\"}");
    subscribe(bo, &of_bo, "{\"wants\":[{\"kernel\":[\"File\"]}],\"name\":\"canary-bo\"}");
    for (uint16_t id = 1; id <= 10; id++)
        event(&provider, id, 0, 0);
    for (int i = 0; i < 30; i++)
        event(&file_io, 0, 67, EVENT_CLASSIC); // Read
}

static void teardown(void) {
    hub_unsubscribe(hub, &of_root);
    hub_unsubscribe(hub, &of_ana);
    hub_unsubscribe(hub, &of_bo);
    user_disconnect(root, true);
    user_disconnect(ana, false);
    user_disconnect(bo, false);
    hub_free(hub);
    schema_store_free(store);
}

static cJSON *profile_for(const User *user, bool administrator, Buf *text) {
    ProfileFacts facts = {.version = "1",
                          .source_kind = "replay",
                          .source_name = "x.etl",
                          .source_state = "running",
                          .clock = "QPC",
                          .progress = 0.5};
    ProfileViewer viewer = {.user = user, .administrator = administrator};
    JsonWriter w = jsonw(text);
    profile_json(hub, &facts, &viewer, &w);
    cr_assert_not(text->failed);
    cJSON *json = cJSON_Parse(buf_str(text));
    cr_assert_not_null(json, "%s", buf_str(text));
    return json;
}

static const cJSON *member(const cJSON *json, const char *key) {
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(json, key);
    cr_assert_not_null(m, "no member %s", key);
    return m;
}

static uint64_t counter(const cJSON *json, const char *key) {
    const char *text = cJSON_GetStringValue(member(json, key));
    cr_assert_not_null(text, "%s is not a text: 64-bit values are strings", key);
    return strtoull(text, NULL, 10);
}

static const cJSON *row_named(const cJSON *profile, const char *key, const char *value) {
    const cJSON *row;
    cJSON_ArrayForEach(row,
                       member(cJSON_GetArrayItem(member(profile, "sessions"), 0), "providers")) {
        const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, key));
        if (text && strcmp(text, value) == 0)
            return row;
    }
    cr_assert(false, "no row with %s %s", key, value);
    return NULL;
}

Test(profile, a_cache_that_only_bytes_bound_has_no_limit) {
    Enricher *enricher;
    EnrichOptions enrich = {.limits = enrich_limits_default(), .file_knowledge = true};
    cr_assert_eq(enricher_new(&enrich, &enricher), 0);
    CacheStats stats[ENRICH_STATS_MAX];
    uint32_t n = enricher_stats(enricher, stats, ENRICH_STATS_MAX);
    for (uint32_t i = 0; i < n; i++)
        cr_assert_lt(stats[i].limit, UINT32_MAX, "%s", stats[i].name);
    cr_assert_eq(stats[0].limit, 0);
    enricher_free(enricher);
}

Test(profile, caches_have_rows_and_reasons) {
    size_t before = mem_in_use();
    Enricher *enricher;
    EnrichOptions enrich = {.limits = enrich_limits_default()};
    cr_assert_eq(enricher_new(&enrich, &enricher), 0);
    clock_ns = 5000000000;
    cr_assert_eq(schema_store_new(&store), 0);
    HubOptions options = {
        .now = fake_now, .store = store, .limits = user_limits_default(), .enricher = enricher};
    cr_assert_eq(hub_new(&options, &hub), 0);
    names = names_of_store(store);
    root = user_of("S-1-22-1-0", "root", true);
    ana = user_of("S-1-22-1-1000", "ana", false);
    subscribe(root, &of_root, "{\"wants\":[{\"kernel\":[\"DiskIO\"]}]}");
    CacheStats stats[32];
    uint32_t n = enricher_stats(enricher, stats, 32);
    cr_assert_gt(n, 0);
    Buf text = BUF_INIT;
    cJSON *json = profile_for(root, true, &text);
    const cJSON *caches = member(json, "caches"), *row = caches->child;
    cr_assert_eq(cJSON_GetArraySize(caches), (int)n);
    static const char *const counters[] = {"size",       "limit", "bytes",   "bytes_limit",
                                           "retrievals", "hits",  "misses",  "inserted",
                                           "evicted",    "live",  "rundown", "guess"};
    cr_assert_str_eq(cJSON_GetStringValue(member(row, "name")), stats[0].name);
    for (size_t i = 0; i < ARRAY_COUNT(counters); i++)
        counter(row, counters[i]);
    cr_assert_eq(counter(row, "limit"), stats[0].limit);
    row = row_named(json, "kernel", "Process");
    cr_assert(cJSON_IsTrue(member(row, "caches")));
    cr_assert_eq(member(row, "watchers")->valueint, 0);
    cr_assert_eq(counter(row, "observed"), 0);
    row = row_named(json, "kernel", "File"); // in whose row FileName's events are counted
    cr_assert(cJSON_IsTrue(member(row, "caches")));
    row = row_named(json, "kernel", "DiskIO");
    cr_assert(cJSON_IsFalse(member(row, "caches")));
    counter(member(json, "stacks"), "attached");
    cJSON_Delete(json);
    buf_clear(&text);
    json = profile_for(ana, false, &text);
    cr_assert_eq(cJSON_GetArraySize(member(json, "caches")), 0, "no totals about others");
    cr_assert_null(cJSON_GetObjectItemCaseSensitive(json, "stacks"));
    cJSON_Delete(json);
    buf_clear(&text);
    JsonWriter w = jsonw(&text);
    explain_json(hub, &w);
    json = cJSON_Parse(buf_str(&text));
    caches = member(json, "caches");
    cr_assert_eq(cJSON_GetArraySize(caches), 3);
    cr_assert_str_eq(cJSON_GetStringValue(member(caches->child, "kernel")), "Process");
    cr_assert_str_eq(cJSON_GetStringValue(member(caches->child, "reason")), "names of processes");
    cr_assert(cJSON_IsTrue(member(member(json, "kernel"), "caches")));
    cJSON_Delete(json);
    buf_deinit(&text);
    hub_unsubscribe(hub, &of_root);
    user_disconnect(root, true);
    user_disconnect(ana, false);
    hub_free(hub);
    schema_store_free(store);
    enricher_free(enricher);
    cr_assert_eq(mem_in_use(), before);
}

Test(profile, rows_count_what_came_and_for_whom, .init = setup, .fini = teardown) {
    Buf text = BUF_INIT;
    cJSON *json = profile_for(root, true, &text);
    const cJSON *row = row_named(json, "guid", "11111111-0001-0001-0101-010101010101");
    cr_assert_eq(counter(row, "events"), 10);
    cr_assert_eq(counter(row, "wanted"), 10);
    cr_assert_eq(counter(row, "delivered"), 11, "ten to root, one to ana");
    cr_assert_eq(counter(row, "unmatched"), 0);
    cr_assert_eq(member(row, "watchers")->valueint, 2);
    cr_assert_str_eq(cJSON_GetStringValue(member(row, "any")), "0xffffffffffffffff");
    row = row_named(json, "kernel", "File");
    cr_assert_eq(counter(row, "events"), 30);
    cr_assert_eq(member(row, "watchers")->valueint, 1);
    const cJSON *ledger = member(cJSON_GetArrayItem(member(json, "sessions"), 0), "ledger");
    cr_assert_eq(counter(ledger, "received"), 40);
    cr_assert(cJSON_IsTrue(member(ledger, "balanced")));
    cr_assert_eq(cJSON_GetArraySize(member(json, "subscriptions")), 3);
    cJSON_Delete(json);
    buf_deinit(&text);
}

Test(profile, unwanted_is_what_went_to_nobody, .init = setup, .fini = teardown) {
    hub_unsubscribe(hub, &of_root);
    for (uint16_t id = 1; id <= 10; id++)
        event(&provider, id, 0, 0);
    Buf text = BUF_INIT;
    cJSON *json = profile_for(ana, true, &text);
    const cJSON *row = row_named(json, "guid", "11111111-0001-0001-0101-010101010101");
    cr_assert_eq(counter(row, "events"), 20);
    cr_assert_eq(counter(row, "unmatched"), 9, "of the second ten only id 7 matched ana's filter");
    cr_assert_float_eq(member(row, "unwanted_share")->valuedouble, 9.0 / 20, 1e-9);
    cJSON_Delete(json);
    buf_deinit(&text);
    subscribe(root, &of_root, "{\"wants\":[{\"provider\":" PROVIDER "}]}");
}

Test(profile, others_see_their_own_only, .init = setup, .fini = teardown) {
    Buf text = BUF_INIT;
    cJSON *json = profile_for(ana, false, &text);
    cr_assert_not_null(strstr(buf_str(&text), "canary-ana"));
    cr_assert_null(strstr(buf_str(&text), "canary-bo"));
    cr_assert_null(strstr(buf_str(&text), "root"));
    const cJSON *session = cJSON_GetArrayItem(member(json, "sessions"), 0);
    cr_assert_null(cJSON_GetObjectItemCaseSensitive(session, "providers"),
                   "no totals about others");
    cr_assert_null(cJSON_GetObjectItemCaseSensitive(session, "ledger"));
    const cJSON *broker = member(json, "broker");
    cr_assert_null(cJSON_GetObjectItemCaseSensitive(broker, "subscriptions"));
    cr_assert_null(cJSON_GetObjectItemCaseSensitive(broker, "memory_bytes"));
    const cJSON *own = cJSON_GetArrayItem(member(json, "subscriptions"), 0);
    const cJSON *ledger = member(own, "ledger");
    cr_assert_eq(counter(ledger, "numbered"), 1);
    cr_assert_null(cJSON_GetObjectItemCaseSensitive(ledger, "offered"),
                   "offered tells what one may not see");
    cr_assert_null(cJSON_GetObjectItemCaseSensitive(ledger, "filtered"));
    cJSON_Delete(json);
    buf_deinit(&text);
}

Test(profile, rates_are_of_the_last_full_window, .init = setup, .fini = teardown) {
    clock_ns += 2000000000;
    Buf text = BUF_INIT;
    cJSON *json = profile_for(root, true, &text);
    const cJSON *row = row_named(json, "kernel", "File");
    cr_assert_float_eq(member(row, "rate")->valuedouble, 15.0, 1e-6, "30 events in 2 s");
    cJSON_Delete(json);
    buf_clear(&text);
    clock_ns += 100000000; // the window is not full: the last figure stays
    json = profile_for(root, true, &text);
    cr_assert_float_eq(member(row_named(json, "kernel", "File"), "rate")->valuedouble, 15.0, 1e-6);
    cJSON_Delete(json);
    buf_clear(&text);
    clock_ns += 1000000000;
    json = profile_for(root, true, &text);
    cr_assert_float_eq(member(row_named(json, "kernel", "File"), "rate")->valuedouble, 0, 1e-6);
    cJSON_Delete(json);
    buf_deinit(&text);
}

Test(profile, explain_shows_the_union, .init = setup, .fini = teardown) {
    Buf text = BUF_INIT;
    JsonWriter w = jsonw(&text);
    explain_json(hub, &w);
    cJSON *json = cJSON_Parse(buf_str(&text));
    const cJSON *p = cJSON_GetArrayItem(member(json, "providers"), 0);
    cr_assert_str_eq(cJSON_GetStringValue(member(p, "guid")),
                     "11111111-0001-0001-0101-010101010101");
    cr_assert_eq(member(p, "watchers")->valueint, 2);
    cr_assert_str_eq(
        cJSON_GetStringValue(cJSON_GetArrayItem(member(member(json, "kernel"), "types"), 0)),
        "File");
    cJSON_Delete(json);
    buf_deinit(&text);
}

#include "client/etwctl/keywords.h"

#include <stdio.h>

#include "client/etwctl/text.h"
#include "util/jsonw.h"
#include "util/utf.h"

// The keywords of the want's provider, or NULL: several providers give one name several meanings.
static cJSON *ask_keywords(EtwClient *client, const cJSON *want) {
    const cJSON *providers = reply_member(want, "providers");
    if (cJSON_GetArraySize(providers) != 1 || !cJSON_IsString(providers->child))
        return NULL;
    Buf params = BUF_INIT;
    JsonWriter w = jsonw(&params);
    jsonw_object(&w);
    jsonw_key(&w, "name");
    jsonw_text(&w, providers->child->valuestring);
    jsonw_key(&w, "detail");
    jsonw_bool(&w, true);
    jsonw_object_end(&w);
    char *text = NULL;
    cJSON *reply = NULL;
    // A provider that the broker does not know has no names for its keywords.
    if (etw_request(client, "providers", buf_str(&params), 0, &text) == ETW_STATUS_OK)
        reply = cJSON_Parse(text);
    etw_free(text);
    buf_deinit(&params);
    return reply;
}

// A whole name, or what follows the prefix that all of a provider's keywords share.
static bool is_keyword(const char *name, const char *word) {
    size_t n = strlen(name), m = strlen(word);
    if (fold_equal(name, word))
        return true;
    return n > m && (name[n - m - 1] == '_' || name[n - m - 1] == ':') &&
           fold_equal(name + (n - m), word);
}

static bool mask_of(const cJSON *keywords, const char *word, uint64_t *mask) {
    uint64_t v;
    if (parse_u64(word, &v)) {
        *mask |= v;
        return true;
    }
    const cJSON *k;
    bool found = false;
    cJSON_ArrayForEach(k, keywords) {
        if (is_keyword(reply_text(k, "name"), word)) {
            *mask |= reply_u64(k, "mask");
            found = true;
        }
    }
    return found;
}

static bool masks_of_words(const cJSON *keywords, const Words *words, uint64_t *mask) {
    for (uint32_t i = 0; i < words->n; i++)
        if (!mask_of(keywords, words->items[i], mask))
            return false;
    return true;
}

static bool masks_of_list(const cJSON *keywords, const cJSON *list, uint64_t *mask) {
    const cJSON *v;
    cJSON_ArrayForEach(v, list) {
        if (!cJSON_IsString(v) || !mask_of(keywords, v->valuestring, mask))
            return false;
    }
    return true;
}

static int set_mask(cJSON *want, uint64_t mask) {
    char text[24];
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)mask);
    cJSON_DeleteItemFromObjectCaseSensitive(want, "any");
    cJSON *list = cJSON_AddArrayToObject(want, "any");
    cJSON *word = cJSON_CreateString(text);
    if (!list || !cJSON_AddItemToArray(list, word)) {
        cJSON_Delete(word);
        return -STATUS_NO_MEMORY;
    }
    return 0;
}

static int find_word(const cJSON *list, const char *word) {
    const cJSON *v;
    int i = 0;
    cJSON_ArrayForEach(v, list) {
        if (cJSON_IsString(v) && fold_equal(v->valuestring, word))
            return i;
        i++;
    }
    return -1;
}

// Names that nobody here can resolve are edited as words.
static int edit_words(cJSON *list, const Words *add, const Words *remove, Err *err) {
    for (uint32_t i = 0; i < remove->n; i++) {
        int at = find_word(list, remove->items[i]);
        if (at < 0)
            return err_set(err, STATUS_NOT_FOUND,
                           "--remove-keyword %.60s: it is not among the words of the subscription; "
                           "set the whole mask with "
                           "--any-keyword",
                           remove->items[i]);
        cJSON_DeleteItemFromArray(list, at);
    }
    for (uint32_t i = 0; i < add->n; i++) {
        cJSON *word = find_word(list, add->items[i]) < 0 ? cJSON_CreateString(add->items[i]) : NULL;
        if (word && !cJSON_AddItemToArray(list, word)) {
            cJSON_Delete(word);
            return err_set(err, STATUS_NO_MEMORY, "no memory to change keywords");
        }
    }
    return 0;
}

int keywords_edit(EtwClient *client, cJSON *want, const Words *add, const Words *remove, Err *err) {
    cJSON *reply = ask_keywords(client, want);
    const cJSON *keywords = reply_member(reply, "keywords");
    cJSON *list = cJSON_GetObjectItemCaseSensitive(want, "any");
    uint64_t now = 0, plus = 0, minus = 0;
    bool known = masks_of_list(keywords, list, &now) && masks_of_words(keywords, add, &plus) &&
                 masks_of_words(keywords, remove, &minus);
    cJSON_Delete(reply);
    if (cJSON_GetArraySize(list) == 0 || (known && now == 0))
        return err_set(err, STATUS_CONFLICT,
                       "the subscription takes every keyword, so there is no mask to add to or "
                       "remove from; set one with "
                       "--any-keyword");
    if (!known) {
        int r = edit_words(list, add, remove, err);
        if (r < 0 || cJSON_GetArraySize(list) > 0)
            return r;
    } else if (((now | plus) & ~minus) != 0) {
        int r = set_mask(want, (now | plus) & ~minus);
        return r < 0 ? err_set(err, STATUS_NO_MEMORY, "no memory to change keywords") : 0;
    }
    return err_set(err, STATUS_CONFLICT,
                   "this would leave no keyword, and no keyword passes every event; say "
                   "--any-keyword 0 if that is meant, or "
                   "'etwctl stop' to end the subscription");
}

// Parsing and typed access.
#include "wire/json.h"

#include "util/mem.h"
#include "wire/json_scan.h"

// 2^53: from here on a double may stand for another integer than the one that was written.
#define FIRST_INEXACT 9007199254740992.0

void json_use_mem(void) {
    cJSON_Hooks hooks = {mem_alloc, mem_free};
    cJSON_InitHooks(&hooks);
}

// Keys are compared after parsing, so that "a" and "\u0061" are the same. Members are few by the cap.
static int check_members(const cJSON *object, Err *err) {
    uint32_t n = 0;
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        if (++n > JSON_MAX_MEMBERS)
            return err_set(err, STATUS_INVALID_ARGUMENT, "JSON: an object has more than %u members",
                           JSON_MAX_MEMBERS);
        for (const cJSON *other = object->child; other != member; other = other->next) {
            if (strcmp(other->string, member->string) == 0)
                return err_set(err, STATUS_INVALID_ARGUMENT, "JSON: the key \"%.80s\" stands twice",
                               member->string);
        }
    }
    return 0;
}

// Recursion is bounded: the scanner has checked the depth.
static int check_tree(const cJSON *value, Err *err) {
    // "x - x" is 0 for all but infinities and NaN.
    if (cJSON_IsNumber(value) && !(value->valuedouble - value->valuedouble == 0))
        return err_set(err, STATUS_INVALID_ARGUMENT, "JSON: a number is too large");
    if (cJSON_IsObject(value)) {
        int result = check_members(value, err);
        if (result < 0)
            return result;
    }
    for (const cJSON *child = value->child; child != NULL; child = child->next) {
        int result = check_tree(child, err);
        if (result < 0)
            return result;
    }
    return 0;
}

int json_parse(const char *text_untrusted, size_t bytes, cJSON **ret, Err *err) {
    int result = json_scan(text_untrusted, bytes, err);
    if (result < 0)
        return result;
    const char *end = NULL;
    // Without "require null terminated": the text is a part of a frame. The scanner has seen its end.
    cJSON *json = cJSON_ParseWithLengthOpts(text_untrusted, bytes, &end, 0);
    if (json == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a JSON text of %zu bytes", bytes);
    result = check_tree(json, err);
    if (result < 0) {
        cJSON_Delete(json);
        return result;
    }
    *ret = json;
    return 0;
}

cJSON *json_free(cJSON *json) {
    cJSON_Delete(json);
    return NULL;
}

const cJSON *json_member(const cJSON *object, const char *key) {
    if (!cJSON_IsObject(object))
        return NULL;
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        if (strcmp(member->string, key) == 0)
            return cJSON_IsNull(member) ? NULL : member;
    }
    return NULL;
}

static int wrong(const char *what, const char *wanted, Err *err) {
    return err_set(err, STATUS_INVALID_ARGUMENT, "\"%.80s\" must be %s", what, wanted);
}

int json_get_string(const cJSON *object, const char *key, const char **ret, Err *err) {
    const cJSON *value = json_member(object, key);
    if (value == NULL)
        return JSON_ABSENT;
    if (!cJSON_IsString(value))
        return wrong(key, "a string", err);
    *ret = value->valuestring;
    return 0;
}

int json_get_bool(const cJSON *object, const char *key, bool *ret, Err *err) {
    const cJSON *value = json_member(object, key);
    if (value == NULL)
        return JSON_ABSENT;
    if (!cJSON_IsBool(value))
        return wrong(key, "true or false", err);
    *ret = cJSON_IsTrue(value) != 0;
    return 0;
}

static bool text_u64(const char *text, uint64_t *ret) {
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const uint64_t base = hex ? 16 : 10;
    uint64_t value = 0;
    const char *p = hex ? text + 2 : text;
    if (*p == '\0')
        return false;
    for (; *p != '\0'; p++) {
        uint64_t digit;
        if (*p >= '0' && *p <= '9')
            digit = (uint64_t)(*p - '0');
        else if (hex && *p >= 'a' && *p <= 'f')
            digit = (uint64_t)(*p - 'a') + 10;
        else if (hex && *p >= 'A' && *p <= 'F')
            digit = (uint64_t)(*p - 'A') + 10;
        else
            return false;
        if (value > (UINT64_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    *ret = value;
    return true;
}

int json_value_u64(const cJSON *value, const char *what, uint64_t *ret, Err *err) {
    if (cJSON_IsString(value)) {
        if (text_u64(value->valuestring, ret))
            return 0;
        return wrong(what, "a 64-bit number: \"123\" or \"0x7b\"", err);
    }
    if (!cJSON_IsNumber(value) || value->valuedouble < 0)
        return wrong(what, "a number from 0 on", err);
    if (value->valuedouble >= FIRST_INEXACT)
        return wrong(what, "a string when it is 2^53 or more: \"0x8000000000000000\"", err);
    uint64_t whole = (uint64_t)value->valuedouble;
    if ((double)whole != value->valuedouble)
        return wrong(what, "a whole number", err);
    *ret = whole;
    return 0;
}

int json_get_u64(const cJSON *object, const char *key, uint64_t *ret, Err *err) {
    const cJSON *value = json_member(object, key);
    return value == NULL ? JSON_ABSENT : json_value_u64(value, key, ret, err);
}

int json_get_u32(const cJSON *object, const char *key, uint32_t *ret, Err *err) {
    uint64_t value = 0;
    int result = json_get_u64(object, key, &value, err);
    if (result != 0)
        return result;
    if (value > UINT32_MAX)
        return wrong(key, "at most 4294967295", err);
    *ret = (uint32_t)value;
    return 0;
}

int json_get_array(const cJSON *object, const char *key, const cJSON **ret, Err *err) {
    const cJSON *value = json_member(object, key);
    if (value == NULL)
        return JSON_ABSENT;
    if (!cJSON_IsArray(value))
        return wrong(key, "an array", err);
    *ret = value;
    return 0;
}

int json_get_object(const cJSON *object, const char *key, const cJSON **ret, Err *err) {
    const cJSON *value = json_member(object, key);
    if (value == NULL)
        return JSON_ABSENT;
    if (!cJSON_IsObject(value))
        return wrong(key, "an object", err);
    *ret = value;
    return 0;
}

int json_refuse_unknown(const cJSON *object, const char *const *allowed, Err *err) {
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        const char *const *name = allowed;
        while (*name != NULL && strcmp(*name, member->string) != 0)
            name++;
        if (*name == NULL)
            return err_set(err, STATUS_INVALID_ARGUMENT, "\"%.80s\" is not known here",
                           member->string);
    }
    return 0;
}

#include "client/etwctl/broker.h"

#include "client/etwctl/out.h"
#include "client/etwctl/text.h"

const Option broker_options[] = {
    {"endpoint", NULL, OPTION_TEXT, offsetof(BrokerOptions, endpoint), "NAME",
     "the broker's endpoint: a name, or the path of a pipe or socket"},
    {"json", "as-json", OPTION_FLAG, offsetof(BrokerOptions, json), NULL,
     "the broker's answer as JSON"},
    {0},
};

const OptionGroup broker_only_groups[] = {{"Options", broker_options, 0}, {0}};

EtwClient *broker_connect(const char *endpoint) {
    EtwConnectOptions options = {
        .struct_size = sizeof options, .endpoint = endpoint, .agent = "etwctl " ETW_VERSION};
    EtwClient *client = NULL;
    int32_t status = etw_connect(&options, &client);
    if (status == ETW_STATUS_OK)
        return client;
    say_client(client, status);
    etw_disconnect(client);
    return NULL;
}

bool broker_request(EtwClient *client, const char *method, const char *params, char **ret_text,
                    cJSON **ret) {
    char *text = NULL;
    int32_t status = etw_request(client, method, params, 0, &text);
    if (status != ETW_STATUS_OK) {
        say_client(client, status);
        return false;
    }
    cJSON *tree = NULL;
    if (ret) {
        tree = cJSON_Parse(text);
        if (!tree) {
            say("the broker's answer to '%s' is not JSON; use an etwctl and a broker of the same "
                "version",
                method);
            etw_free(text);
            return false;
        }
        *ret = tree;
    }
    if (ret_text)
        *ret_text = text;
    else
        etw_free(text);
    return true;
}

int broker_ask(const BrokerOptions *options, const char *method, const char *params,
               void (*print)(const cJSON *reply, Buf *out)) {
    EtwClient *client = broker_connect(options->endpoint);
    if (!client)
        return EXIT_FAILED;
    char *text = NULL;
    cJSON *reply = NULL;
    int code = EXIT_FAILED;
    if (broker_request(client, method, params, &text, options->json ? NULL : &reply)) {
        Buf out = BUF_INIT;
        if (options->json) {
            buf_text(&out, text);
            buf_char(&out, '\n');
        } else {
            print(reply, &out);
        }
        code = out_text(buf_str(&out), out.bytes);
        buf_deinit(&out);
    }
    cJSON_Delete(reply);
    etw_free(text);
    etw_disconnect(client);
    return code;
}

const cJSON *reply_member(const cJSON *object, const char *key) {
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

uint64_t reply_u64(const cJSON *object, const char *key) {
    const cJSON *v = reply_member(object, key);
    uint64_t n = 0;
    if (cJSON_IsString(v) && parse_u64(v->valuestring, &n))
        return n;
    if (cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble < 18446744073709549568.0)
        return (uint64_t)v->valuedouble;
    return 0;
}

double reply_double(const cJSON *object, const char *key) {
    const cJSON *v = reply_member(object, key);
    return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

const char *reply_text(const cJSON *object, const char *key) {
    const cJSON *v = reply_member(object, key);
    return cJSON_IsString(v) ? v->valuestring : "";
}

bool reply_bool(const cJSON *object, const char *key) {
    return cJSON_IsTrue(reply_member(object, key));
}

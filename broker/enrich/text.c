#include "enrich/text.h"

#include "util/mem.h"
#include "util/utf.h"

uint64_t serial_next(void) {
    static uint64_t last;
    return ++last;
}

static Text *make(size_t bytes) {
    if (bytes > UINT32_MAX - sizeof(Text) - 1)
        return NULL;
    Text *text = mem_alloc(sizeof *text + bytes + 1);
    if (!text)
        return NULL;
    *text = (Text){.refs = 1, .bytes = (uint32_t)bytes, .serial = serial_next()};
    text->s[bytes] = 0;
    return text;
}

Text *text_new(const char *utf8, size_t bytes) {
    Text *text = make(bytes);
    if (text)
        memcpy(text->s, utf8, bytes);
    return text;
}

Text *text_from_utf16(const uint8_t *units, size_t bytes) {
    size_t n = utf16_length(units, bytes / 2);
    Buf out = BUF_INIT;
    utf16_to_utf8(&out, units, n);
    Text *text = out.failed ? NULL : text_new(buf_str(&out), out.bytes);
    buf_deinit(&out);
    return text;
}

Text *text_ref(Text *text) {
    text->refs++;
    return text;
}

Text *text_unref(Text *text) {
    if (text && --text->refs == 0)
        mem_free(text);
    return NULL;
}

size_t text_charge(const Text *text) {
    return text ? sizeof *text + text->bytes + 1 : 0;
}

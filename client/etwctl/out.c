#include "client/etwctl/out.h"

#include <errno.h>

#include "client/etwctl/say.h"

int out_open(Out *out, const char *path, Err *err) {
    *out = (Out){.buf = BUF_INIT, .file = stdout};
    if (path && strcmp(path, "-") != 0) {
        out->path = path;
        out->file = fopen(path, "wb");
        if (!out->file)
            return err_set(err, STATUS_IO, "cannot write %.300s: %s", path, strerror(errno));
    }
    setvbuf(out->file, NULL, _IONBF, 0); // the buffer is ours
    return 0;
}

int out_flush(Out *out, Err *err) {
    if (out->closed)
        return OUT_CLOSED;
    if (out->buf.failed)
        return err_set(err, STATUS_NO_MEMORY, "no memory for output");
    errno = 0;
    size_t bytes = out->buf.bytes;
    bool good = bytes == 0 || fwrite(out->buf.data, 1, bytes, out->file) == bytes;
    int code = errno;
    buf_clear(&out->buf);
    if (good)
        return 0;
    // Windows reports a closed pipe as EINVAL.
    if (!out->path && (code == EPIPE || code == EINVAL)) {
        out->closed = true;
        return OUT_CLOSED;
    }
    return err_set(err, STATUS_IO, "cannot write to %.300s: %s",
                   out->path ? out->path : "standard output", strerror(code));
}

int out_close(Out *out, Err *err) {
    if (!out->file)
        return 0;
    int r = out_flush(out, err);
    if (out->path && fclose(out->file) != 0 && r == 0)
        r = err_set(err, STATUS_IO, "cannot write to %.300s: %s", out->path, strerror(errno));
    out->file = NULL;
    buf_deinit(&out->buf);
    return r;
}

int out_text(const char *text, size_t bytes) {
    Err err = ERR_INIT;
    Out out;
    int r = out_open(&out, NULL, &err);
    buf_append(&out.buf, text, bytes);
    if (r == 0)
        r = out_close(&out, &err);
    return r < 0 ? say_error(&err) : EXIT_OK;
}

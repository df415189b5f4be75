#include "enrich/instance.h"

#include "enrich/text.h"
#include "util/mem.h"
#include "util/utf.h"

void facts_init(Facts *facts, uint32_t pid) {
    *facts = (Facts){.pid = pid,
                     .parent_pid = UINT32_MAX,
                     .session = UINT32_MAX,
                     .name = "",
                     .command_line = "",
                     .raw_path = "",
                     .path = "",
                     .user = ""};
}

const char *facts_base_name(const char *path) {
    const char *base = path;
    for (const char *p = path; *p; p++)
        if (*p == '\\' || *p == '/')
            base = p + 1;
    return base;
}

bool facts_name_fits(const char *name, const char *base) {
    const char *n = name, *n_end = name + strlen(name), *b = base, *b_end = base + strlen(base);
    size_t characters = 0;
    for (; n < n_end && b < b_end; characters++) {
        uint32_t cn, cb;
        n += utf8_next(n, n_end, &cn);
        b += utf8_next(b, b_end, &cb);
        // What has no 8-bit form, or another in the kernel's code page, fits everything.
        if (cn < 0x80 && cn != '?' && fold_char(cn) != fold_char(cb))
            return false;
    }
    if (n < n_end || characters == 0)
        return false;
    return b == b_end || characters == 14 || characters == 15;
}

static bool names_agree(const char *a, const char *b) {
    return !a[0] || !b[0] || facts_name_fits(a, b) || facts_name_fits(b, a);
}

bool facts_agree(const Facts *a, const Facts *b) {
    if (!names_agree(a->name, b->name))
        return false;
    if (a->key != 0 && b->key != 0)
        return a->key == b->key;
    if (a->sequence != 0 && b->sequence != 0)
        return a->sequence == b->sequence;
    if (a->exact_start && b->exact_start && a->start_time != b->start_time)
        return false;
    return a->parent_pid == UINT32_MAX || b->parent_pid == UINT32_MAX ||
           a->parent_pid == b->parent_pid;
}

static bool take_u32(uint32_t *to, uint32_t from) {
    if (*to != UINT32_MAX || from == UINT32_MAX)
        return false;
    *to = from;
    return true;
}

static bool take_u64(uint64_t *to, uint64_t from) {
    if (*to != 0 || from == 0)
        return false;
    *to = from;
    return true;
}

static bool take_text(const char **to, const char *from) {
    if ((*to)[0] || !from[0])
        return false;
    *to = from;
    return true;
}

static bool merge_flags(Facts *facts, const Facts *more) {
    uint8_t flags = facts->flags;
    if (!(flags & PROCESS_FLAGS_KNOWN))
        flags |= more->flags & (PROCESS_FLAGS_KNOWN | PROCESS_WOW64 | PROCESS_PROTECTED);
    if (!(flags & PROCESS_ELEVATION_KNOWN))
        flags |= more->flags & (PROCESS_ELEVATION_KNOWN | PROCESS_ELEVATED);
    flags |= more->flags & PROCESS_PACKAGED;
    if (flags == facts->flags)
        return false;
    facts->flags = flags;
    return true;
}

bool facts_merge(Facts *facts, const Facts *more) {
    bool changed = take_u32(&facts->parent_pid, more->parent_pid);
    changed |= take_u32(&facts->session, more->session);
    changed |= take_u64(&facts->key, more->key);
    changed |= take_u64(&facts->sequence, more->sequence);
    changed |= take_text(&facts->command_line, more->command_line);
    changed |= merge_flags(facts, more);
    if (more->start_time != 0 &&
        (facts->start_time == 0 || (more->exact_start && !facts->exact_start))) {
        changed |= facts->start_time != more->start_time;
        facts->start_time = more->start_time;
        facts->exact_start = more->exact_start;
    }
    if (facts->sid_bytes == 0 && more->sid_bytes != 0) {
        facts->sid = more->sid;
        facts->sid_bytes = more->sid_bytes;
        changed = true;
    }
    bool longer = strlen(more->name) > strlen(facts->name);
    if (more->name[0] &&
        (!facts->name[0] || (longer && facts_name_fits(facts->name, more->name)))) {
        facts->name = more->name;
        changed = true;
    }
    if (more->path_rank > facts->path_rank) {
        facts->raw_path = more->raw_path;
        facts->path_rank = more->path_rank;
        changed = true;
    }
    facts->told |= more->told;
    return changed;
}

// --- command lines -----------------------------------------------------------------------------

static size_t starts(const char *text, const char *with) {
    size_t n = strlen(with);
    return strlen(text) >= n && fold_compare(text, n, with, n) == 0 ? n : 0;
}

// An absolute path as it stands, or one of the forms in which the system starts its own.
static bool is_absolute(const char *text) {
    char drive = (char)(text[0] | 0x20);
    if (drive >= 'a' && drive <= 'z' && text[1] == ':' && text[2] == '\\')
        return true;
    return starts(text, "\\\\") || starts(text, "\\??\\") || starts(text, "\\SystemRoot\\") ||
           starts(text, "\\Device\\");
}

static bool try_path(const char *text, size_t bytes, const char *name, Buf *out) {
    size_t begin = out->bytes;
    buf_append(out, text, bytes);
    if (!out->failed && is_absolute(buf_str(out) + begin) &&
        facts_name_fits(name, facts_base_name(buf_str(out) + begin)))
        return true;
    out->bytes = begin;
    return false;
}

bool facts_command_path(const char *command_line, const char *name, Buf *out) {
#define BLANKS_MAX 16 // a path without quotes may hold blanks: each is tried as its end
    const char *text = command_line;
    while (*text == ' ')
        text++;
    bool quoted = *text == '"';
    text += quoted;
    size_t begin = out->bytes;
    size_t variable = starts(text, "%SystemRoot%\\");
    if (variable == 0)
        variable = starts(text, "%windir%\\");
    Buf whole = BUF_INIT;
    if (variable != 0)
        buf_text(&whole, "\\SystemRoot\\");
    buf_text(&whole, text + variable);
    text = buf_str(&whole);
    bool found = false;
    const char *end = text;
    for (int i = 0; i < BLANKS_MAX && !found; i++) {
        const char *stop = strchr(end, quoted ? '"' : ' ');
        size_t bytes = stop ? (size_t)(stop - text) : strlen(text);
        found = bytes > 0 && try_path(text, bytes, name, out);
        if (!stop || quoted)
            break;
        end = stop + 1;
    }
    buf_deinit(&whole);
    if (!found)
        out->bytes = begin;
    return found;
}

// --- instances ---------------------------------------------------------------------------------

static const char *put(char **at, const char *text) {
    size_t bytes = strlen(text) + 1;
    const char *to = memcpy(*at, text, bytes);
    *at += bytes;
    return to;
}

Instance *instance_new(const Facts *facts) {
    size_t texts = strlen(facts->name) + strlen(facts->command_line) + strlen(facts->raw_path) +
                   strlen(facts->path) + strlen(facts->user) + 5 + facts->sid_bytes;
    Instance *instance = mem_alloc(sizeof *instance + texts);
    if (!instance)
        return NULL;
    *instance = (Instance){.refs = 1, .bytes = sizeof *instance + texts, .facts = *facts};
    char *at = (char *)(instance + 1);
    Facts *f = &instance->facts;
    f->name = put(&at, facts->name);
    f->command_line = put(&at, facts->command_line);
    f->raw_path = put(&at, facts->raw_path);
    f->path = put(&at, facts->path);
    f->user = put(&at, facts->user);
    instance->has_path = f->raw_path[0] != 0;
    instance->lacks_user = f->sid_bytes != 0 && f->user[0] == 0;
    f->sid = facts->sid_bytes ? memcpy(at, facts->sid, facts->sid_bytes) : NULL;
    instance->view = (ProcessView){.serial = serial_next(),
                                   .pid = f->pid,
                                   .parent_pid = f->parent_pid,
                                   .session = f->session,
                                   .provenance = f->provenance,
                                   .flags = f->flags,
                                   .sid_bytes = f->sid_bytes,
                                   .start_key = f->key,
                                   .start_time = f->start_time,
                                   .sid = f->sid,
                                   .name = f->name,
                                   .path = f->path,
                                   .command_line = f->command_line,
                                   .user = f->user};
    return instance;
}

void instance_unref(void *value) {
    Instance *instance = value;
    if (instance && --instance->refs == 0) {
        mem_free(instance->guess);
        mem_free(instance);
    }
}

size_t instance_charge(const void *value) {
    return ((const Instance *)value)->bytes + sizeof(ProcessView); // with the guess, if it comes
}

const ProcessView *instance_guess(Instance *instance) {
    if (instance->view.provenance == PROVENANCE_GUESS)
        return &instance->view;
    if (!instance->guess) {
        instance->guess = mem_dup(&instance->view, sizeof instance->view);
        if (!instance->guess)
            return &instance->view;
        instance->guess->serial = serial_next();
        instance->guess->provenance = PROVENANCE_GUESS;
    }
    return instance->guess;
}

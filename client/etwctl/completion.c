#include "client/etwctl/completion.h"

#include "client/etwctl/out.h"

typedef struct CompletionOptions {
    bool none;
} CompletionOptions;

static const Option no_options[] = {{0}};
static const OptionGroup groups[] = {{"Options", no_options, 0}, {0}};

static bool is_path(const Option *o) {
    return strcmp(o->name, "output") == 0 || strcmp(o->name, "manifests") == 0;
}

// The words that a placeholder like "text|json|tsv" or "up to A|B" stands for; not those of
// "JSON|@FILE" and "TYPE|PROVIDER,...".
static bool has_choices(const Option *o) {
    return o->value && strchr(o->value, '|') && !strpbrk(o->value, "@,");
}

// Does its value come in the next word?
static bool takes_word(const Option *o) {
    return o->kind != OPTION_FLAG && o->kind != OPTION_MAYBE_DURATION &&
           o->kind != OPTION_MAYBE_TEXT;
}

static void choices(const Option *o, Buf *out) {
    for (const char *p = o->value; *p; p++)
        buf_char(out, *p == '|' ? ' ' : *p);
}

static void command_case(const Command *c, Buf *out) {
    buf_printf(out, "    %s)\n        case \"$before\" in\n", c->name);
    for (const OptionGroup *g = c->groups; g->options; g++) {
        for (const Option *o = g->options; o->name; o++) {
            if (!takes_word(o))
                continue;
            buf_printf(out, "        --%s) ", o->name);
            if (is_path(o)) {
                buf_text(out, "COMPREPLY=($(compgen -f -- \"$word\"))");
            } else if (has_choices(o)) {
                buf_text(out, "COMPREPLY=($(compgen -W \"");
                choices(o, out);
                buf_text(out, "\" -- \"$word\"))");
            } else {
                buf_text(out, "COMPREPLY=()");
            }
            buf_text(out, "; return ;;\n");
        }
    }
    buf_text(out, "        esac\n        words=\"--help");
    for (const OptionGroup *g = c->groups; g->options; g++)
        for (const Option *o = g->options; o->name; o++)
            buf_printf(out, " --%s", o->name);
    buf_text(out, "\" ;;\n");
}

static void bash_script(Buf *out) {
    buf_text(out, "# bash completion for etwctl:  source <(etwctl completion bash)\n"
                  "_etwctl() {\n"
                  "    local word=\"${COMP_WORDS[COMP_CWORD]}\" "
                  "before=\"${COMP_WORDS[COMP_CWORD-1]}\" words=\n"
                  "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                  "        COMPREPLY=($(compgen -W \"help --help --version");
    for (const Command *const *c = commands; *c; c++)
        buf_printf(out, " %s", (*c)->name);
    buf_text(out, "\" -- \"$word\"))\n        return\n    fi\n    case \"${COMP_WORDS[1]}\" in\n");
    for (const Command *const *c = commands; *c; c++)
        command_case(*c, out);
    buf_text(out, "    esac\n"
                  "    case \"${COMP_WORDS[1]}:$word\" in\n"
                  "    *:-*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
                  "    dump:*) COMPREPLY=($(compgen -f -X '!*.@(etl|ETL)' -- \"$word\") $(compgen "
                  "-d -- \"$word\")) ;;\n"
                  "    completion:*) COMPREPLY=($(compgen -W bash -- \"$word\")) ;;\n"
                  "    providers:* | watch:*)\n"
                  "        COMPREPLY=($(compgen -W \"$(etwctl providers 2>/dev/null | awk 'NR > 1 "
                  "{ print $1 }')\" -- \"$word\")) ;;\n"
                  "    esac\n"
                  "}\n"
                  "shopt -s extglob\n"
                  "complete -F _etwctl etwctl etwctl.exe\n");
}

static int run(void *options, const Words *operands) {
    (void)options;
    if (strcmp(operands->items[0], "bash") != 0) {
        Err err = ERR_INIT;
        err_set(&err, STATUS_INVALID_ARGUMENT, "'%.40s': only bash is known", operands->items[0]);
        return say_usage(&err, "completion");
    }
    Buf text = BUF_INIT;
    bash_script(&text);
    int code = out_text(buf_str(&text), text.bytes);
    buf_deinit(&text);
    return code;
}

const Command completion_command = {
    .name = "completion",
    .summary = "print a completion script for a shell",
    .operands = "bash",
    .groups = groups,
    .options_bytes = sizeof(CompletionOptions),
    .least = 1,
    .most = 1,
    .run = run,
    .details = "Examples:\n"
               "  source <(etwctl completion bash)\n"
               "  etwctl completion bash >/etc/bash_completion.d/etwctl\n",
};

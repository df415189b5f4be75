// Command lines, by the rules of the Microsoft C run-time (its documented examples are among these).
#include <criterion/criterion.h>
#include <stdio.h>

#include "platform/windows/command_line.h"
#include "util/mem.h"

typedef struct LineCase {
    const wchar_t *line;
    const char *arguments; // each in brackets
} LineCase;

static const LineCase cases[] = {
    {L"", "[]"},
    {L"prog", "[prog]"},
    {L"prog a  b\tc", "[prog][a][b][c]"},
    {L"\"C:\\Program Files\\x.exe\" a", "[C:\\Program Files\\x.exe][a]"},
    {L"C:\\a\\\"b c\"\\d e", "[C:\\a\\b c\\d][e]"}, // no escapes in the program's name
    {L"p \"a b c\" d e", "[p][a b c][d][e]"},
    {L"p \"ab\\\"c\" \"\\\\\" d", "[p][ab\"c][\\][d]"},
    {L"p a\\\\\\b d\"e f\"g h", "[p][a\\\\\\b][de fg][h]"},
    {L"p a\\\\\\\"b c d", "[p][a\\\"b][c][d]"},
    {L"p a\\\\\\\\\"b c\" d e", "[p][a\\\\b c][d][e]"},
    {L"p a\"b\"\" c d", "[p][ab\" c d]"},
    {L"p \"\" x", "[p][][x]"},
    {L"p \"unclosed  arg", "[p][unclosed  arg]"},
    {L"p a\\", "[p][a\\]"},
    {L"p \x00e4\x20ac", "[p][\xc3\xa4\xe2\x82\xac]"},
    {L"p \xd83d\xde00", "[p][\xf0\x9f\x98\x80]"},
    {L"p   ", "[p]"},
};

Test(command_line, cases, .timeout = 60) {
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char got[256];
        size_t at = 0;
        int n = -1;
        char **arguments = command_line_split(cases[i].line, &n);
        cr_assert_not_null(arguments);
        for (int a = 0; a < n; a++)
            at += (size_t)snprintf(got + at, sizeof got - at, "[%s]", arguments[a]);
        cr_assert_str_eq(got, cases[i].arguments, "case %zu", i);
        cr_assert(arguments[n] == NULL);
        mem_free(arguments);
    }
    cr_assert_eq(mem_in_use(), 0);
}

// Criterion's macros for test programs where Criterion itself cannot be: under Wine, for which
// there is no build of it, and with the thread sanitizer, whose memory map has no place for its
// arena.
//
// Those configurations find this header in the place of the real <criterion/criterion.h>. It has
// what our tests use and no more: Test and TestSuite with .init, .fini, .timeout, .disabled and
// .description; the cr_assert family below, each with an optional message in printf's form; and
// cr_skip_test. runner.c runs each test in a process of its own, so that a crash or a hang costs
// one test.
//
// An assertion ends the process of its test, from any thread. Other than with Criterion, .fini does
// not run after a failed assertion: what the test held dies with its process.
#ifndef ETW_TESTS_SHIM_CRITERION_H
#define ETW_TESTS_SHIM_CRITERION_H

// As Criterion's own header is one: what our macros compare is the test's affair (x >= 0, int with
// size_t), so that a test that compiles on Linux compiles here.
#pragma GCC system_header

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

// Named as Criterion names it, because tests may name its fields.
struct criterion_test_extra_data {
    int sentinel_;
    void (*init)(void);
    void (*fini)(void);
    double timeout; // seconds
    bool disabled;
    const char *description;
};

struct shim_test {
    const char *suite;
    const char *name; // NULL: these are the defaults of a suite
    void (*run)(void);
    struct criterion_test_extra_data data;
    struct shim_test *next;
};

void shim_register(struct shim_test *test);

// printf's format, as the host's compiler calls the one that knows %zu and %llu.
#ifdef __MINGW32__
#define SHIM_PRINTF(Format, Args) __attribute__((format(gnu_printf, Format, Args)))
#else
#define SHIM_PRINTF(Format, Args) __attribute__((format(printf, Format, Args)))
#endif

// End the test. What names the condition; the message is the test's own, behind one blank.
_Noreturn void shim_fail(const char *file, int line, const char *what, const char *message, ...)
    SHIM_PRINTF(4, 5);
_Noreturn void shim_skip(const char *message, ...) SHIM_PRINTF(1, 2);
void shim_note_strings(const char *actual, const char *expected);

#define SHIM_REGISTER(Id, Suite, Name, Run, ...)                                                   \
    static struct shim_test shim_test_##Id = {Suite, Name, Run, {__VA_ARGS__}, NULL};              \
    __attribute__((constructor)) static void shim_register_##Id(void) {                            \
        shim_register(&shim_test_##Id);                                                            \
    }

#define SHIM_TEST(Suite, Name, ...)                                                                \
    void Suite##_##Name##_impl(void);                                                              \
    SHIM_REGISTER(Suite##_##Name, #Suite, #Name, Suite##_##Name##_impl, __VA_ARGS__)               \
    void Suite##_##Name##_impl(void)
#define Test(...)              SHIM_TEST(__VA_ARGS__, .sentinel_ = 0)

#define SHIM_SUITE(Suite, ...) SHIM_REGISTER(suite_##Suite, #Suite, NULL, NULL, __VA_ARGS__)
#define TestSuite(...)         SHIM_SUITE(__VA_ARGS__, .sentinel_ = 0)

// Each assertion takes its operands, then optionally a message: the message is told from the
// operands by position. " " before __VA_ARGS__ joins with a literal message, and spares the warning
// that an empty format would give.
#define SHIM_CHECK(Condition, Text, ...)                                                           \
    do {                                                                                           \
        if (!(Condition)) {                                                                        \
            shim_fail(__FILE__, __LINE__, Text, " " __VA_ARGS__);                                  \
        }                                                                                          \
    } while (0)

#define cr_assert(Condition, ...)     SHIM_CHECK(Condition, #Condition, __VA_ARGS__)
#define cr_assert_not(Condition, ...) SHIM_CHECK(!(Condition), "!(" #Condition ")", __VA_ARGS__)
#define cr_assert_fail(...)           shim_fail(__FILE__, __LINE__, "told to", " " __VA_ARGS__)
#define cr_fatal(...)                 cr_assert_fail(__VA_ARGS__)
#define cr_skip_test(...)             shim_skip(" " __VA_ARGS__)
#define cr_skip(...)                  shim_skip(" " __VA_ARGS__)

#define SHIM_OP(A, Op, B, ...)        SHIM_CHECK((A)Op(B), #A " " #Op " " #B, __VA_ARGS__)
#define cr_assert_eq(A, B, ...)       SHIM_OP(A, ==, B, __VA_ARGS__)
#define cr_assert_neq(A, B, ...)      SHIM_OP(A, !=, B, __VA_ARGS__)
#define cr_assert_lt(A, B, ...)       SHIM_OP(A, <, B, __VA_ARGS__)
#define cr_assert_leq(A, B, ...)      SHIM_OP(A, <=, B, __VA_ARGS__)
#define cr_assert_gt(A, B, ...)       SHIM_OP(A, >, B, __VA_ARGS__)
#define cr_assert_geq(A, B, ...)      SHIM_OP(A, >=, B, __VA_ARGS__)
#define cr_assert_null(A, ...)        SHIM_CHECK((A) == NULL, #A " is NULL", __VA_ARGS__)
#define cr_assert_not_null(A, ...)    SHIM_CHECK((A) != NULL, #A " is not NULL", __VA_ARGS__)

#define SHIM_NEAR(A, B, E)            ((A) - (B) <= (E) && (B) - (A) <= (E))
#define cr_assert_float_eq(A, B, E, ...)                                                           \
    SHIM_CHECK(SHIM_NEAR(A, B, E), #A " is near " #B, __VA_ARGS__)
#define cr_assert_float_neq(A, B, E, ...)                                                          \
    SHIM_CHECK(!SHIM_NEAR(A, B, E), #A " is not near " #B, __VA_ARGS__)

// Strings: the values are evaluated once, and told when they differ.
#define SHIM_STR(A, Op, B, ...)                                                                    \
    do {                                                                                           \
        const char *shim_a = (A);                                                                  \
        const char *shim_b = (B);                                                                  \
        if (!(strcmp(shim_a, shim_b) Op 0)) {                                                      \
            shim_note_strings(shim_a, shim_b);                                                     \
            shim_fail(__FILE__, __LINE__, #A " " #Op " " #B, " " __VA_ARGS__);                     \
        }                                                                                          \
    } while (0)
#define cr_assert_str_eq(A, B, ...)     SHIM_STR(A, ==, B, __VA_ARGS__)
#define cr_assert_str_neq(A, B, ...)    SHIM_STR(A, !=, B, __VA_ARGS__)
#define cr_assert_str_lt(A, B, ...)     SHIM_STR(A, <, B, __VA_ARGS__)
#define cr_assert_str_leq(A, B, ...)    SHIM_STR(A, <=, B, __VA_ARGS__)
#define cr_assert_str_gt(A, B, ...)     SHIM_STR(A, >, B, __VA_ARGS__)
#define cr_assert_str_geq(A, B, ...)    SHIM_STR(A, >=, B, __VA_ARGS__)
#define cr_assert_str_empty(A, ...)     SHIM_CHECK(*(A) == '\0', #A " is empty", __VA_ARGS__)
#define cr_assert_str_not_empty(A, ...) SHIM_CHECK(*(A) != '\0', #A " is not empty", __VA_ARGS__)
#define cr_assert_wcs_eq(A, B, ...)     SHIM_CHECK(wcscmp(A, B) == 0, #A " == " #B, __VA_ARGS__)
#define cr_assert_wcs_neq(A, B, ...)    SHIM_CHECK(wcscmp(A, B) != 0, #A " != " #B, __VA_ARGS__)

// Memory: the size is in bytes.
#define cr_assert_arr_eq(A, B, Size, ...)                                                          \
    SHIM_CHECK(memcmp(A, B, Size) == 0, #A " and " #B " hold the same", __VA_ARGS__)
#define cr_assert_arr_neq(A, B, Size, ...)                                                         \
    SHIM_CHECK(memcmp(A, B, Size) != 0, #A " and " #B " differ", __VA_ARGS__)

#endif

// A DLL whose functions stand in its export table, between others that do not. Built by symbols.sh
// with mingw.
#define EXPORT __declspec(dllexport) __attribute__((noinline))
#define HIDDEN static __attribute__((noinline))

EXPORT volatile int shared_data = 1; // exported, and no code

EXPORT int first_function(int x) {
    for (int i = 0; i < x; i++)
        shared_data += i * x;
    return shared_data;
}

HIDDEN int hidden_one(int x) {
    for (int i = 0; i < x; i++)
        shared_data ^= i + x;
    return shared_data + first_function(x);
}

EXPORT int second_function(int x) {
    return hidden_one(x + 1) * first_function(x) + hidden_one(x * 3);
}

HIDDEN int hidden_two(int x) {
    int local[64];
    for (int i = 0; i < 64; i++)
        local[i] = shared_data + second_function(i);
    return local[x & 63];
}

EXPORT int third_function(int x) {
    return hidden_two(x) + hidden_two(x + 1);
}

// Exported by its ordinal only.
__attribute__((noinline)) int unnamed_function(int x) {
    return third_function(x) - hidden_one(x);
}

int __stdcall DllMainCRTStartup(void *module, unsigned reason, void *reserved) {
    (void)module;
    (void)reserved;
    return (int)reason >= 0;
}

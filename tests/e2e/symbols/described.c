// A DLL with a PDB. Built by symbols.sh with clang and lld, for several machines.
#define EXPORT __declspec(dllexport) __attribute__((noinline))
#define HIDDEN static __attribute__((noinline))

volatile int described_data;

HIDDEN int inner_loop(int x) {
    for (int i = 0; i < x; i++)
        described_data += i * x;
    return described_data;
}

EXPORT int described_one(int x) {
    return inner_loop(x + 1) + inner_loop(x * 3);
}

HIDDEN int inner_sum(int x) {
    return described_one(x) + described_one(x + described_data);
}

EXPORT int described_two(int x) {
    return inner_sum(x) * inner_sum(x - 1);
}

#include "CRWasm.h"

int rwasm_processor_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt")) return 1;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2") ||
        !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("lzcnt") || !__builtin_cpu_supports("movbe") ||
        !__builtin_cpu_supports("f16c"))
        return 2;
    return 3;
#else
    return 0;
#endif
}

/* In the place of src/thread/ARCH/__set_thread_area.s: the thread pointer without a system call. */
__attribute__((visibility("hidden"))) int __set_thread_area(void *pointer)
{
#if defined(__x86_64__)
    __asm__ volatile("wrfsbase %0" : : "r"(pointer) : "memory");
#elif defined(__aarch64__)
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(pointer) : "memory");
#else
#error "no way to set the thread pointer on this architecture"
#endif
    return 0;
}

/* EL1: serves requests, and does what Linux does for a process: page rights, signals, the timer, the seccomp filter. */
#include "machine.h"

#include <stddef.h>

uint64_t semihost(uint64_t operation, const void *arguments);
void kernel_return_to(uint64_t pc, uint64_t sp);
extern char signal_stack_top[];
extern struct cheri_frame host_frame;
extern struct cheri_call host_call;
extern void cheri_unwind(uint64_t, uint64_t);

static uint64_t input, output;
static struct request request;
static struct range maps[64];
static struct response response;

void *memset(void *to, int byte, size_t length) {
    for (size_t i = 0; i < length; i++) ((volatile char *)to)[i] = (char)byte;
    return to;
}

void *memcpy(void *to, const void *from, size_t length) {
    for (size_t i = 0; i < length; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

/* ---- Semihosting ---- */

static uint64_t open(const char *name, uint64_t mode) {
    uint64_t length = 0;
    while (name[length]) length++;
    uint64_t arguments[] = {(uint64_t)name, mode, length};
    return semihost(1, arguments);
}

__attribute__((noreturn)) static void leave(uint64_t code) {
    uint64_t arguments[] = {0x20026, code};
    semihost(0x20, arguments);
    for (;;) {}
}

static void get(void *to, uint64_t bytes) {
    while (bytes > 0) {
        uint64_t piece = bytes < 65536 ? bytes : 65536, arguments[] = {input, (uint64_t)to, piece};
        uint64_t left = semihost(6, arguments);
        if (left >= piece) leave(0); /* the other side is gone */
        to = (char *)to + (piece - left);
        bytes -= piece - left;
    }
}

static void put(const void *from, uint64_t bytes) {
    while (bytes > 0) {
        uint64_t piece = bytes < 65536 ? bytes : 65536, arguments[] = {output, (uint64_t)from, piece};
        uint64_t left = semihost(5, arguments);
        if (left > piece) leave(3);
        from = (const char *)from + (piece - left);
        bytes -= piece - left;
    }
}

/* ---- Timer: virtual timer, interrupt 27 of a GICv2 ---- */

static volatile uint32_t *const distributor = (uint32_t *)0x08000000, *const interface = (uint32_t *)0x08010000;

void kernel_init(void) {
    distributor[0] = 1;
    distributor[0x100 / 4] = 1u << 27;
    interface[0] = 1;
    interface[1] = 0xff;
    __asm__ volatile("msr cntkctl_el1, %0" ::"r"(3ull));
    input = open("requests", 0);
    output = open("responses", 4);
    if (input == ~0ull || output == ~0ull) leave(2);
}

static void arm(uint64_t ns) {
    uint64_t frequency;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(frequency));
    __asm__ volatile("msr cntv_tval_el0, %0\n msr cntv_ctl_el0, %1" ::"r"(frequency / 1000000 * (ns / 1000 + 1)), "r"(ns != 0 ? 1ull : 0ull));
    __asm__ volatile("isb");
}

/* ---- Requests ---- */

static uint8_t *context(uint64_t offset) { return (uint8_t *)(CONTEXT_BASE + ALIAS + offset); }

static int is_zero(const uint8_t *page) {
    const uint64_t *words = (const uint64_t *)page;
    for (uint64_t i = 0; i < PAGE / 8; i++)
        if (words[i]) return 0;
    return 1;
}

static void answer(void) {
    put(&response, sizeof response);
    uint64_t size = request.op == OP_RUN ? request.call.data_bytes : 0;
    for (uint64_t at = 0; at < size;) {
        uint64_t end = at;
        while (end < size && !is_zero(context(end))) end += PAGE;
        if (end > at) {
            struct extent extent = {at, end - at};
            put(&extent, sizeof extent);
            put(context(at), end - at);
        }
        at = end + PAGE;
    }
    struct extent last = {0, 0};
    put(&last, sizeof last);
}

/* Takes the next request to run; answers others. */
static void next(struct trap_frame *frame) {
    get(&request, sizeof request);
    if (request.op != OP_RUN && request.op != OP_REPRESENTABLE) leave(4);
    if (request.maps > 64 || (request.op == OP_RUN && request.call.data_bytes > CONTEXT_MAX)) leave(5);
    get(maps, request.maps * sizeof *maps);
    /* Written anew, so that no tag of an earlier function stays. */
    for (uint64_t at = 0; at < request.call.data_bytes && request.op == OP_RUN; at += 16)
        *(volatile __uint128_t *)context(at) = 0;
    for (uint64_t i = 0; i < request.extents; i++) {
        struct extent extent;
        get(&extent, sizeof extent);
        if (extent.offset + extent.bytes > CONTEXT_MAX) leave(6);
        get(context(extent.offset), extent.bytes);
    }
    response = (struct response){0};
    if (request.op == OP_RUN) {
        pages_map(maps, request.maps);
        request.call.base = CONTEXT_BASE;
        host_call = request.call;
        arm(request.time_ns);
    }
    frame->c[0].value = request.op;
    frame->c[1].value = request.op == OP_RUN ? request.rounds : request.call.data_bytes;
}

/* The host's only call: x0 status, x1 damage, x2 rounds done, of the request before, if x3 is set. */
static void served(struct trap_frame *frame) {
    arm(0);
    if (frame->c[3].value) {
        response.status = (int64_t)frame->c[0].value;
        response.damage = frame->c[1].value;
        response.rounds = frame->c[2].value;
        answer();
    }
    next(frame);
}

/* ---- Signals ---- */

enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGSEGV = 11, SIGSYS = 31 };

/* As arch/arm64/mm/fault.c and arch/arm64/kernel/traps.c, with the codes of Documentation/arm64/morello.rst. */
static struct cheri_fault signal_for(uint64_t syndrome, uint64_t pc, uint64_t address, const struct trap_frame *frame) {
    struct cheri_fault fault = {.pc = pc, .address = pc, .code = 1};
    uint64_t status = syndrome & 0x3f;
    switch (syndrome >> 26) {
    case 0x15:
        fault.signal = SIGSYS;
        fault.call = (int64_t)frame->c[8].value;
        break;
    case 0x20:
    case 0x24:
        fault.address = address;
        fault.syndrome = syndrome;
        fault.signal = SIGSEGV;
        if (status >= 0x28 && status <= 0x2c) fault.code = 10 + (int32_t)(status - 0x28);
        else if (status >= 0x0d && status <= 0x0f) fault.code = 2;
        else if (status == 0x21) fault.signal = SIGBUS;
        break;
    case 0x22:
    case 0x26: fault.signal = SIGBUS; break;
    case 0x2c: fault.signal = SIGFPE; break;
    case 0x3c: fault.signal = SIGTRAP; break;
    default: fault.signal = SIGILL; break;
    }
    return fault;
}

static void unwind(struct trap_frame *frame, int64_t result) {
    frame->c[0].value = (uint64_t)&host_frame;
    frame->c[1].value = (uint64_t)result;
    kernel_return_to((uint64_t)cheri_unwind, (uint64_t)signal_stack_top);
}

void kernel_sync(struct trap_frame *frame) {
    uint64_t syndrome, pc, address;
    __asm__ volatile("mrs %0, esr_el1\n mrs %1, elr_el1\n mrs %2, far_el1" : "=r"(syndrome), "=r"(pc), "=r"(address));
    int inside = host_frame.inside != 0;
    int in_arena = pc >= CONTEXT_BASE && pc < CONTEXT_BASE + CONTEXT_MAX;
    if (syndrome >> 26 == 0x15 && !in_arena) return served(frame);
    response.fault = signal_for(syndrome, pc, address, frame);
    response.raw_syndrome = syndrome;
    if (inside) return unwind(frame, CHERI_FAULTED);
    response.status = STATUS_CRASHED;
    answer();
    leave(1);
}

void kernel_irq(struct trap_frame *frame) {
    uint32_t number = interface[3];
    arm(1000000);
    interface[4] = number;
    if (host_frame.inside) unwind(frame, CHERI_STOPPED);
}

void kernel_broken(uint64_t syndrome, uint64_t pc, uint64_t address) {
    response.status = STATUS_CRASHED;
    response.raw_syndrome = syndrome;
    response.fault = (struct cheri_fault){.pc = pc, .address = address};
    answer();
    leave(1);
}

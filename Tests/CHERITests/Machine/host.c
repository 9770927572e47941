/* EL0: the program that enters functions, as an engine's thread does, and looks afterwards whether it is still itself. */
#include "machine.h"

struct cheri_frame host_frame;
struct cheri_call host_call;

/* Capabilities of the host's state, then numbers (host_entry.S). */
struct state { struct { uint64_t value, upper; } c[7]; uint64_t n[4]; } __attribute__((aligned(16)));
static struct state before, after;

void host_capture(struct state *state);
/* Calls cheri_enter with known values in all callee-saved registers; *damage gets DAMAGE_* of those that changed. */
int64_t host_enter(uint64_t call, uint64_t frame, uint64_t *damage);
uint64_t host_tag(const void *place);
uint64_t host_rrlen(uint64_t length);
uint64_t host_rrmask(uint64_t length);
void cheri_sync_code(uint64_t begin, uint64_t end);

struct order { uint64_t op, argument; };
struct order host_serve(int64_t status, uint64_t damage, uint64_t rounds, uint64_t answers);

static int differs(int index) {
    return before.c[index].value != after.c[index].value || before.c[index].upper != after.c[index].upper
        || host_tag(&before.c[index]) != host_tag(&after.c[index]);
}

static uint64_t damage_of_state(void) {
    uint64_t damage = 0;
    if (differs(0)) damage |= DAMAGE_DDC;
    if (differs(1)) damage |= DAMAGE_PCC;
    for (int i = 2; i < 7; i++)
        if (differs(i)) damage |= DAMAGE_BANK;
    if (before.n[0] != after.n[0]) damage |= DAMAGE_CCTLR;
    if (before.n[1] != after.n[1] || before.n[2] != after.n[2]) damage |= DAMAGE_CONTROL;
    if (before.n[3] != after.n[3]) damage |= DAMAGE_STACK;
    const uint64_t *slot = (const uint64_t *)(host_call.base + host_call.slot);
    if (slot[0] || slot[1] || host_tag(slot)) damage |= DAMAGE_SLOT;
    if (host_frame.inside) damage |= DAMAGE_INSIDE;
    return damage;
}

void host_main(void) {
    int64_t status = 0;
    uint64_t damage = 0, rounds = 0, answers = 0;
    for (;;) {
        struct order order = host_serve(status, damage, rounds, answers);
        answers = 1;
        damage = rounds = 0;
        status = 0;
        if (order.op == OP_REPRESENTABLE) {
            status = (int64_t)host_rrlen(order.argument);
            damage = host_rrmask(order.argument);
            continue;
        }
        cheri_sync_code(host_call.base, host_call.base + host_call.code_bytes);
        while (rounds < order.argument && status == 0 && damage == 0) {
            host_capture(&before);
            status = host_enter((uint64_t)&host_call, (uint64_t)&host_frame, &damage);
            host_capture(&after);
            damage |= damage_of_state();
            rounds++;
        }
    }
}

/* Calls between a module and the one that serves its imports. What the generated code of either passes is checked: a wrong
 * number or address ends the run or is answered by an error, and touches nothing. */
#include "CRWasm.h"

#include <string.h>

enum { MEMORY_BOUNDS = 2, INDIRECT_CALL_TYPE = 5 }; /* traps, Crate/lib.rs */
enum { FAULT = 21, NO_SPACE = 51 };                 /* error numbers of WASI preview 1 */

uint32_t rwasm_serve(void *host, uint64_t reference, uint32_t kind, struct rwasm_value *arguments, size_t count) {
    struct rwasm_served *served = host;
    uint32_t import = (uint32_t)reference;
    (void)kind;
    if (!(reference >> 63) || import >= served->count) return INDIRECT_CALL_TYPE;
    served->inside = 1;
    served->code->call(served->instance, served->functions[import], arguments, count);
    served->inside = 0;
    return 0;
}

static int holds(const struct rwasm_memory *memory, uint32_t address, uint32_t count) {
    return memory && (uint64_t)address + count <= memory->bytes;
}

/* `ours` is the server's address: one that it does not have is its own mistake. */
static uint32_t copy(struct rwasm_served *served, int to_guest, uint32_t theirs, uint32_t ours, struct rwasm_value *counted) {
    uint32_t count = (uint32_t)counted[2].low;
    if (!holds(served->memory, ours, count)) return MEMORY_BOUNDS;
    counted[0].low = holds(served->guest, theirs, count) ? 0 : FAULT;
    if (counted[0].low != 0 || count == 0) return 0;
    if (to_guest) memcpy(served->guest->base + theirs, served->memory->base + ours, count);
    else memcpy(served->memory->base + ours, served->guest->base + theirs, count);
    return 0;
}

static void claim(struct rwasm_memory *guest, struct rwasm_value *bytes) {
    uint64_t wanted = (uint32_t)bytes->low;
    int fits = wanted <= *guest->room;
    if (fits) *guest->room -= wanted;
    bytes->low = fits ? 0 : NO_SPACE;
}

uint32_t rwasm_reach(void *host, uint64_t reference, uint32_t kind, struct rwasm_value *arguments, size_t count) {
    struct rwasm_served *served = host;
    uint32_t import = (uint32_t)reference;
    (void)kind;
    if (!(reference >> 63) || import >= served->reach_count || count < 1) return INDIRECT_CALL_TYPE;
    uint32_t first = (uint32_t)arguments[0].low, second = count > 1 ? (uint32_t)arguments[1].low : 0;
    switch (served->reach[import]) {
    case RWASM_REACH_LOAD: return count < 3 ? INDIRECT_CALL_TYPE : copy(served, 0, second, first, arguments);
    case RWASM_REACH_STORE: return count < 3 ? INDIRECT_CALL_TYPE : copy(served, 1, first, second, arguments);
    default:
        claim(served->guest, arguments);
        return 0;
    }
}

/* The memory functions of <dandelion/function.h> over the pages that malloc takes from too. */
#include "../../freestanding/runtime.h"
#include "../core/memory.h"
#include <string.h>

static char *outputs; /* reserved for the table of output items */
static size_t outputs_size, outputs_room;

size_t dandelion_available(void) { return hl_pages_free() * HL_PAGE; }

void *dandelion_allocate(size_t size) {
    void *block = size < HL_PAGE ? hl_block_take(size) : hl_pages_take(hl_pages_for(size), true);
    if (block && size < HL_PAGE) memset(block, 0, size);
    return block;
}

int dandelion_reserve(size_t size) {
    size_t needed = outputs_size + size;
    if (needed > outputs_room) {
        size_t pages = hl_pages_for(outputs_room), more = pages > 0 ? pages * 2 : 1;
        if (pages == 0 || !hl_pages_extend(outputs, pages, more, false)) {
            char *larger = hl_pages_take(more, false);
            if (!larger) return -1;
            hl_pages_give(outputs, pages);
            outputs = larger;
        }
        outputs_room = more * HL_PAGE;
    }
    outputs_size = needed;
    return 0;
}

void *dandelion_take_reserved(void) { return outputs; }

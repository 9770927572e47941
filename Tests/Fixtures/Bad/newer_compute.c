/* Nothing is wrong: built for a newer minor, its table has slots that this host does not know. */
#include "wrapped.h"
static void replace(void) {
    plugin.abi_minor = DN_ABI_MINOR + 1;
    changed.struct_size = sizeof grown;
    memset(grown.newer, 0xff, sizeof grown.newer);
}

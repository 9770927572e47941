/* Reverses its input, through a function that is called by pointer, into memory behind the inputs. */
#include "guest.h"

static unsigned char plain(unsigned char byte) { return byte; }
static unsigned char upper(unsigned char byte) { return byte >= 'a' && byte <= 'z' ? byte - 32 : byte; }
static unsigned char (*const maps[])(unsigned char) = {plain, upper};

void EXPORT("_start") _start(void) {
    const dn_guest_item32 *item = input(0, 0);
    const unsigned char *from = (const unsigned char *)item->data;
    unsigned char *to = (unsigned char *)__dandelion_system_data.heap_begin;
    for (unsigned i = 0; i < item->data_len; i++) to[i] = maps[item->key & 1](from[item->data_len - 1 - i]);
    output(to, item->data_len);
}

/* upper: hands every item of the input set on with its letters in capitals. */
#include <dandelion/function.h>

int main(void) {
    for (size_t i = 0; i < dandelion_input_count(0); i++) {
        dandelion_item *item = dandelion_input(0, i); /* the function's own copy */
        char *text = item->data;
        for (size_t at = 0; at < item->length; at++)
            if (text[at] >= 'a' && text[at] <= 'z') text[at] -= 'a' - 'A';
        if (dandelion_output(0, item) != 0) return 1;
    }
    return 0;
}

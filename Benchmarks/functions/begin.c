/* The least that an invocation from a snapshot can do: it begins there, and hands its input item on. */
#include <dandelion/function.h>
#include <dandelion/program.h>

int main(int argc, char **argv) {
    dandelion_snapshot(&argc, &argv);
    const dandelion_item *item = dandelion_input(0, 0);
    return item && dandelion_output(0, item) == 0 ? 0 : 1;
}

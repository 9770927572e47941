/* echo: hands every item of input set i on as an item of output set i, without copying it.
 *
 * Exit codes: 0, 1 (an input set has no output set to go to), 2 (no memory).
 */
#include <dandelion/function.h>

int main(void) {
    for (size_t set = 0; set < dandelion_input_set_count(); set++) {
        if (dandelion_input_count(set) > 0 && set >= dandelion_output_set_count()) return 1;
        for (size_t i = 0; i < dandelion_input_count(set); i++)
            if (dandelion_output(set, dandelion_input(set, i)) != 0) return 2;
    }
    return 0;
}

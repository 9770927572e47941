#include "FuzzDriver.h"

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*body)(const uint8_t *data, size_t size));

int fuzz_run(int argc, char **argv, int (*body)(const uint8_t *data, size_t size)) {
    return LLVMFuzzerRunDriver(&argc, &argv, body);
}

/* libFuzzer as a library: its own main would be the program's. */
#ifndef FUZZ_DRIVER_H
#define FUZZ_DRIVER_H

#include <stddef.h>
#include <stdint.h>

/* Runs the fuzzer with the arguments of main; body is called for each input and returns 0. */
int fuzz_run(int argc, char **argv, int (*body)(const uint8_t *data, size_t size));

#endif

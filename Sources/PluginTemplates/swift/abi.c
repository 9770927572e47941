/* A C target needs a source file: this one checks that the headers compile. */
#include <dandelion/abi.h>

/* What leaves a plugin in C++ that catches nothing. */
#include <stdexcept>
extern "C" void throws(void) { throw std::runtime_error("thrown"); }

// What a program with exceptions needs beside libunwind. WebAssembly unwinds without asking first whether anybody catches,
// so that an exception would leave the program as a trap: main runs in a function that ends it as C++ wants it.
#include <exception>
#include <unwind.h>

extern "C" _Unwind_Reason_Code dandelion_raise(_Unwind_Exception *exception);
extern "C" int __main_void();

extern "C" _Unwind_Reason_Code _Unwind_RaiseException(_Unwind_Exception *exception) { return dandelion_raise(exception); }

// Called in place of main when it is linked (program.c).
extern "C" int dandelion_main_catching() {
    try {
        return __main_void();
    } catch (...) {
        std::terminate();
    }
}

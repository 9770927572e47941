/* Takes the place of CPython's header of this name, which has the interpreter's loop call something now and then: there it
 * notes where the program is (where.c). */
#ifndef Py_EMSCRIPTEN_SIGNAL_H
#define Py_EMSCRIPTEN_SIGNAL_H

extern int dandelion_ticks;
void dandelion_tick(void);

#define _Py_CHECK_EMSCRIPTEN_SIGNALS()
#define _Py_CHECK_EMSCRIPTEN_SIGNALS_PERIODICALLY() ((void)(--dandelion_ticks <= 0 ? dandelion_tick() : (void)0))

#endif

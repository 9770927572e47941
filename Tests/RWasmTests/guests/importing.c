/* Imports one function. */
__attribute__((import_module(MODULE), import_name(NAME))) int imported(void);
__attribute__((export_name("_start"))) void _start(void) { imported(); }

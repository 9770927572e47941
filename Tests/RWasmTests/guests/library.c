/* A module without an entry of the usual names. */
__attribute__((import_module("wasi_snapshot_preview1"), import_name("sched_yield"))) int sched_yield(void);
__attribute__((export_name("delayed_start"))) int delayed_start(void) { return sched_yield() + 5; }
__attribute__((export_name("other"))) int other(void) { return 6; }
__attribute__((export_name("takes"))) int takes(double value) { return (int)value; }

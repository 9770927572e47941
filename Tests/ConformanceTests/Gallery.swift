/// Plugins with one fault each (Tests/Fixtures/Bad), and what the kit must say of them.
struct Faulty: Sendable {
    let name: String
    /// "failed", "crashed" or "hung".
    let verdict: String
    /// The checks that must say so.
    let checks: Set<String>
    /// What one of the reasons must have.
    var reason = ""
    /// A fault that no call escapes is found by others too.
    var isEverywhere = false

    private static func one(_ name: String, _ check: String, _ reason: String = "") -> Faulty {
        Faulty(name: name, verdict: "failed", checks: [check], reason: reason)
    }

    private static func everywhere(_ name: String, _ verdict: String, _ check: String, _ reason: String) -> Faulty {
        Faulty(name: name, verdict: verdict, checks: [check], reason: reason, isEverywhere: true)
    }

    /// Those that keep a check waiting up to its limit.
    static let slow: Set = [
        "ignores_deadline", "cancel_waits", "closes_others_in_run", "poll_waits", "never_completes",
        "snapshot_too_long", "fleet_waits",
    ]

    static let all: [Faulty] =
        files + ends + state + threads + processes + requests + answers + memory + reactors + pace + functions + host
        + fleets

    private static let files: [Faulty] = [
        one("bad_version", "descriptor-texts"), one("bad_schema", "config-schema"), one("moody_probe", "probe-repeats"),
        one("leaks_fd_in_probe", "probe-leaks-nothing"), one("leaks_fd_in_start", "start-stop-leaks-nothing"),
        one("no_interface", "interface-stable"), one("one_generation", "two-generations"),
        one("translates_noise", "translate-refuses"),
    ]

    /// Whoever ends the process with success has not passed.
    private static let ends: [Faulty] = [
        everywhere("exit_in_constructor", "crashed", "entry-loads", "status 0 in the load of its file"),
        everywhere("exit_in_entry", "crashed", "entry-loads", "status 0 in the load of its file"),
        everywhere("exit_in_probe", "crashed", "probe-repeats", "status 0 in probe"),
        everywhere("exit_in_start", "crashed", "two-instances", "status 0 in start"),
        everywhere("exit_in_submit", "crashed", "comm-exactly-once", "status 0 in submit"),
        everywhere("quiet_exit_in_submit", "crashed", "comm-exactly-once", "status 0 in submit"),
        everywhere("quiet_exit_in_poll", "crashed", "comm-exactly-once", "status 3 in poll"),
        everywhere("exit_in_stop", "crashed", "two-instances", "status 0 in stop"),
        everywhere("exit_in_run", "crashed", "run-exit", "status 0 in run"),
        everywhere("kill_in_submit", "crashed", "comm-exactly-once", "Killed in submit"),
        everywhere("abort_in_validate", "crashed", "comm-validate", "Aborted in validate"),
        everywhere("throws_in_validate", "crashed", "comm-validate", "exception or panic"),
        everywhere("throws_in_cancel", "crashed", "comm-cancel", "Aborted in cancel"),
    ]

    private static let state: [Faulty] =
        [
            ("handler_in_start", "start changed the handler of signal 10"),
            ("handler_in_constructor", "load of its file changed the handler of signal 10"),
            ("handler_in_submit", "submit changed the handler of signal 10"),
            ("fault_handler_in_poll", "poll changed the handler of signal 11"),
            ("mask_in_start", "start changed the signal mask"),
            ("mask_in_submit", "submit changed the signal mask: [12] are blocked now"),
            ("unblocks_in_poll", "[15] are blocked no more"), ("umask_in_start", "start changed the umask: it was"),
            ("umask_in_submit", "submit changed the umask"), ("umask_in_cancel", "cancel changed the umask"),
            ("directory_in_start", "working directory"),
            ("directory_in_submit", "submit changed the working directory"),
            ("directory_in_validate", "validate changed the working directory"),
            ("locale_in_submit", "submit changed the locale"), ("thread_locale_in_submit", "locale of the thread"),
            ("environment_in_start", "environment's DANDELION_FIXTURE"),
            ("environment_in_submit", "submit changed the environment's DANDELION_FIXTURE"),
            ("limit_in_start", "start changed the resource limit 7"),
            ("limit_in_submit", "submit changed the resource limit 7"),
            ("affinity_in_start", "CPUs"), ("affinity_in_submit", "submit changed the set of CPUs"),
            ("rounding_in_submit", "submit changed the rounding mode"),
            ("flushes_denormals_in_poll", "poll changed the rounding"),
            ("x87_in_submit", "rounding mode"), ("alarm_in_submit", "timer of alarm(2)"),
            ("nice_in_submit", "nice value"),
            ("privileges_in_submit", "NoNewPrivs"), ("dumpable_in_start", "dumpable"),
            ("closes_others_in_start", "descriptor 3, which was open before: it is closed"),
            ("closes_others_in_submit", "descriptor 3, which was open before: it is closed"),
            ("closes_one_in_poll", "poll changed descriptor 5"),
            ("replaces_input_in_poll", "poll changed descriptor 0, which was open before: it is another file"),
            ("blocking_error_in_submit", "has other flags"), ("umask_in_run", "run changed the umask"),
            ("cpu_timer_in_submit", "submit changed the timer of setitimer(2) for CPU time"),
            ("profiling_timer_in_start", "start changed the timer of setitimer(2) for profiling"),
            ("signal_timer_in_submit", "submit changed the number of timers of timer_create(2)"),
            ("name_in_submit", "submit changed the name of the thread"),
            ("name_in_run", "run changed the name of the thread"),
            ("personality_in_start", "personality(2)"), ("adopts_in_start", "adoption of orphans"),
            ("locks_memory_in_start", "mlockall(2)"), ("score_in_submit", "score for the killer"),
            ("keyring_in_submit", "session keyring"), ("slack_in_poll", "poll changed the timer slack"),
            ("death_signal_in_start", "parent's death"), ("disk_priority_in_submit", "priority of input and output"),
            ("huge_pages_in_start", "huge pages"), ("filter_in_start", "start changed the process's NoNewPrivs"),
            ("namespace_in_submit", "namespace ipc"), ("handler_flags_in_start", "handler of signal 13"),
            ("mask_in_run", "run changed the signal mask"), ("rounding_in_run", "run changed the rounding mode"),
        ].map { one($0.0, "process-kept", $0.1) } + [
            everywhere("closes_others_in_run", "failed", "process-kept", "run changed descriptor 3"),
            // Whoever opens something next finds it in the place of the output.
            everywhere("closes_output_in_submit", "failed", "process-kept", "descriptor 1, which was open before"),
        ]

    private static let threads: [Faulty] = [
        Faulty(
            name: "leaks_thread_in_start", verdict: "failed", checks: ["start-stop-leaks-nothing", "threads-ended"],
            reason: "go on after stop"),
        one("thread_in_constructor", "threads-ended", "its load left 1 threads"),
        one("thread_in_probe", "threads-ended", "its probe left 1 threads"),
        one("thread_in_submit", "threads-ended", "go on after stop"),
        one("thread_takes_signals", "threads-ended", "[15, 2, 3, 1] unblocked"),
    ]

    private static let processes: [Faulty] = [
        one("child_in_submit", "children-ended", "is left after stop"),
        one("zombie_in_start", "children-ended", "is left after stop, living or not reaped"),
        one("daemon_in_start", "children-ended", "goes on after stop"),
        one("exit_handler_hangs", "exit-quiet", "did not end the process"),
        one("exit_handler_crashes", "exit-quiet", "signal 11"), one("exit_handler_leaves", "exit-quiet", "status 9"),
    ]

    private static let requests: [Faulty] = [
        everywhere("writes_input", "crashed", "comm-exactly-once", "wrote to byte 0 of a request's input"),
        everywhere("writes_input_in_validate", "crashed", "comm-validate", "wrote to byte 0 of a request's input"),
        everywhere("frees_input", "crashed", "comm-exactly-once", "in submit"),
        everywhere(
            "reads_behind_input", "crashed", "comm-exactly-once", "it read byte 1 of a request's input of 1 bytes"),
        everywhere("keeps_input", "crashed", "comm-cancel-race", "input when that was over"),
        one("moody_validate", "comm-validate"), one("submit_takes_refused", "comm-validate", "that validate refuses"),
        one("wrong_body", "comm-validate", "the body of 1 bytes begins at 2"),
        one("wrong_offset", "comm-validate", "refuses byte 1048576"), one("endless_target", "comm-validate", "no NUL"),
        one("racy_cancel", "comm-cancel-race"), one("one_thread", "comm-threads"),
        one("refuses_within_limit", "comm-inflight", "not with DN_BUSY"),
    ]

    private static let answers: [Faulty] = [
        everywhere("completes_twice", "failed", "comm-exactly-once", "has no open request"),
        everywhere("never_completes", "failed", "comm-exactly-once", "never completed"),
        everywhere("unknown_token", "failed", "comm-exactly-once", "has no open request"),
        everywhere("too_many_completions", "failed", "comm-exactly-once", "33 completions, asked for were 32"),
        everywhere("no_outputs", "failed", "comm-exactly-once", "with 0 outputs, its signature has 1"),
        everywhere("two_outputs", "failed", "comm-exactly-once", "with 2 outputs, its signature has 1"),
        everywhere("null_outputs", "failed", "comm-exactly-once", "outputs at an address that is no memory"),
        everywhere("null_output", "failed", "comm-exactly-once", "8 bytes, which are not all memory"),
        everywhere("wild_output", "failed", "comm-exactly-once", "8 bytes, which are not all memory"),
        everywhere("huge_output", "failed", "comm-exactly-once", "more than the 1048576 bytes"),
        everywhere("wrapping_output", "failed", "comm-exactly-once", "more than the 1048576 bytes"),
        one("oversize_answer", "comm-oversize"), everywhere("long_output", "failed", "memory-bounds", "not all memory"),
        one("longer_output", "memory-bounds", "beyond the block that holds it"),
    ]

    private static let memory: [Faulty] = [
        everywhere("overflows_heap", "crashed", "memory-bounds", "behind the end of a block of"),
        everywhere("underflows_heap", "failed", "memory-bounds", "wrote before the begin of a block of 24 bytes"),
        everywhere(
            "overflows_heap_in_start", "crashed", "memory-bounds", "200 bytes behind the end of a block of 100 bytes"),
        everywhere("uses_freed_block", "crashed", "memory-bounds", "a block of 64 bytes that it had freed"),
        everywhere("frees_twice", "failed", "memory-bounds", "freed twice a block of 64 bytes"),
    ]

    private static let reactors: [Faulty] = [
        everywhere("no_reactor_fd", "failed", "comm-descriptor", "gave descriptor -1"),
        everywhere("input_descriptor", "failed", "comm-descriptor", "gave descriptor 0"),
        one("closed_descriptor", "comm-descriptor", "is closed"),
        one("file_descriptor", "comm-descriptor", "epoll(7) does not take descriptor"),
        one("shared_descriptor", "comm-descriptor", "two reactors have one descriptor"),
        one("moving_descriptor", "comm-descriptor", "later"),
        one("silent_descriptor", "comm-readable", "2 s after wake"),
        one("leaks_fd_in_reactor", "comm-leaks-nothing"),
    ]

    private static let pace: [Faulty] = [
        everywhere("submit_waits", "failed", "comm-never-blocks", "submit kept its thread for"),
        everywhere("submit_spins", "failed", "comm-never-blocks", "submit kept its thread for"),
        everywhere("validate_waits", "failed", "comm-never-blocks", "validate kept its thread for"),
        everywhere("cancel_waits", "failed", "comm-never-blocks", "cancel kept its thread for"),
        everywhere("poll_waits", "failed", "comm-never-blocks", "poll kept its thread for"),
        one("interrupt_waits", "interrupt-never-blocks", "interrupt kept its thread for"),
    ]

    private static let functions: [Faulty] = [
        everywhere("ignores_deadline", "hung", "run-deadline", "in run"),
        one("deadline_as_cancel", "run-deadline", "outcome cancelled"),
        Faulty(name: "ignores_interrupt", verdict: "failed", checks: ["interrupt-during", "interrupt-before"]),
        one("stale_interrupt", "interrupt-stale", "outcome cancelled"), one("destroyed_elsewhere", "context-threads"),
        Faulty(
            name: "settle_fails", verdict: "failed", checks: ["context-kept", "files-exported"],
            reason: "context_settle gave DN_ENGINE_DEAD"),
        one("settle_clears", "context-kept", "changed after the run"),
        everywhere("memory_not_zero", "failed", "isolation-zero", "not zero"),
        one("overflow_accepted", "context-bounds", "gave DN_OK"),
        one("wrapping_read", "context-bounds", "context_read at address"),
        one("wrapping_view", "context-bounds", "context_view at address"),
        one("wrapping_write", "context-bounds", "context_write at address"),
        one("wrapping_transfer", "transfer", "gave DN_OK"), one("short_transfer", "transfer"),
        Faulty(
            name: "snapshot_too_long", verdict: "failed", checks: ["snapshot", "snapshot-restore"],
            reason: "data_begin of a snapshot"),
        Faulty(
            name: "snapshot_once", verdict: "failed", checks: ["snapshot", "snapshot-restore"],
            reason: "does not begin with"),
        one("snapshot_anywhere", "snapshot", "gave DN_OK"),
        one("restores_halves", "snapshot-restore", "bytes gave DN_OK"),
        one("saves_on", "snapshot-restore", "whose sink failed gave DN_OK"),
        one("shows_more", "files-mapped"), one("shows_other_part", "files-mapped", "other bytes than the file's"),
        one("maps_anywhere", "files-mapped", "context_map took"),
        one("writes_through", "files-mapped", "in the file"),
        one("leaves_mapped", "files-mapped", "the next context begins with bytes of the file"),
        one("exports_more", "files-exported", "gave"),
        one("exports_other_part", "files-exported", "other bytes than the context"),
        one("leaks_registers", "isolation-registers"), one("leaks_ymm", "isolation-registers"),
        one("leaks_x87", "isolation-registers"), one("leaks_mapping_in_run", "runs-leak-nothing"),
        one("leaks_fd_in_run", "runs-leak-nothing"),
        everywhere("fault_as_exit", "failed", "run-fault", "a wild read ended with outcome exited, not faulted"),
        everywhere("fault_without_kind", "failed", "run-fault", "without its kind"),
        everywhere("unknown_outcome", "failed", "run-exit", "outcome none (7)"),
        one("host_memory_mapped", "isolation-host-memory", "of the host, at address"),
        one("lets_int80_through", "system-calls", "int 0x80 ended with outcome exited"),
        one("lets_sysenter_through", "system-calls", "sysenter ended with outcome exited"),
        one("lets_x32_through", "system-calls", "x32 number ended with outcome exited"),
        one("no_stack_guard", "stack", "calls itself for ever ended with outcome exited"),
        one("stack_as_read", "stack", "fault write (the stack of"),
        one("other_stack_view", "stack", "not in its stack's view"),
        Faulty(
            name: "stack_not_viewable", verdict: "failed", checks: ["context-view", "stack"],
            reason: "context_view of the stack gave DN_OUT_OF_RANGE"),
        one("swapped_faults", "fault-kinds", "a read far above ended with outcome faulted, fault write"),
        one("illegal_as_arithmetic", "fault-kinds", "fault arithmetic, expected was fault illegal-instruction"),
        one("wrong_fault_address", "fault-kinds", "is told as one at"),
        one("wrong_fault_pc", "fault-kinds", "none of the function's"),
        one("wrong_call_number", "fault-kinds", "number 39 is told as number 40"),
        one("endless_run_ns", "run-time", "18446744073709551615"), one("no_run_ns", "run-time", "run_ns is 0"),
        one("context_min_zero", "image-facts", "context_min is 0"),
        one("ignores_entry", "image-entry", "an entry that is not there gave DN_OK, not DN_BAD_IMAGE"),
        one("context_min_large", "image-facts", "bytes, gave DN_LIMIT"),
        one("ignores_context_max", "image-facts", "above context_max gave DN_OK"),
        everywhere("large_limit", "failed", "context-view", "context_info tells of memory"),
    ]

    private static let fleets: [Faulty] = [
        one("fleet_takes_any_name", "fleet-names", "of a key 'a..b' gave DN_OK"),
        everywhere("fleet_waits", "failed", "fleet-away", "get took 3"),
        one("fleet_ignores_revision", "fleet-values", "a revision that is over gave DN_OK"),
        one("fleet_ignores_absence", "fleet-values", "as absent gave DN_OK"),
        Faulty(
            name: "fleet_one_space", verdict: "failed", checks: ["fleet-values", "fleet-lease"],
            reason: "the same value in both spaces"),
        one("fleet_tells_others", "fleet-watch", "elsewhere' is put"),
        one("fleet_never_current", "fleet-watch", "tells nothing where that this is all was due"),
        one("fleet_keeps_leased", "fleet-lease", "long after its lease"),
        one("fleet_forgets_leased", "fleet-lease", "long before its lease ends"),
        Faulty(
            name: "fleet_gives_twice", verdict: "failed", checks: ["fleet-queue", "fleet-settle-time"],
            reason: "that somebody has"),
        one("fleet_takes_twice", "fleet-queue", "of an id that was"),
        one("fleet_gives_done", "fleet-queue", "a message that is done is given"),
        Faulty(
            name: "fleet_numbers_anew", verdict: "failed", checks: ["fleet-queue", "fleet-settle-time"],
            reason: "a message has the number"),
        one("fleet_keeps_given", "fleet-settle-time", "is not given again"),
        one("fleet_forgets_busy", "fleet-settle-time", "whose work goes on is given again"),
        one("fleet_leaks_watch", "fleet-leaks-nothing", "file descriptors are left open"),
    ]

    private static let host: [Faulty] = [
        one("metrics_in_probe", "host-in-probe"), one("logs_after_stop", "host-after-stop"),
        one("keeps_probe_host", "host-after-stop"), one("logs_on_own_thread", "host-threads"),
        one("defines_late", "metrics-in-start"), one("adds_unknown_metric", "metrics-known"),
        one("defines_twice", "metrics-known"), one("attaches_in_start", "signal-thread"),
        one("detaches_elsewhere", "signal-thread"), one("never_detaches", "signal-detached"),
        one("logs_in_handler", "signal-handler"),
    ]
}

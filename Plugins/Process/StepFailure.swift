import CProcess
import Glibc
import PluginABI
import PluginKit

/// A zygote that did not get ready: how far it came, what became of it, and what the operator can do.
struct StepFailure {
    let error: PluginError

    /// - Parameters:
    ///   - end: how its process ended, as `dp_reap_telling` says; nil = it lives.
    ///   - waited: for how long it was waited for, in seconds.
    init(page: dp_zygote, end: Int32?, waited: UInt64) {
        let step = Int32(bitPattern: page.step)
        if page.failure != 0 {
            error = PluginError(
                DN_UNAVAILABLE, "\(StepFailure.advice(step)): \(errorText(page.failure))", errno: page.failure)
        } else if end == SIGSYS {
            // Some filters of services kill instead of refusing.
            error = PluginError(DN_UNAVAILABLE, "\(StepFailure.advice(step)): a filter killed it for a system call")
        } else if let end {
            let how =
                end > 0
                ? "was killed by signal \(end) (\(String(cString: strsignal(end))))"
                : end < 0 ? "left with status \(-1 - end)" : "ended"
            error = PluginError(
                DN_ENGINE_DEAD, "the sandbox process \(how) while it \(StepFailure.doing(step))", retryable: true)
        } else {
            error = PluginError(
                DN_UNAVAILABLE,
                "the sandbox process was not ready after \(waited) s; it is at the step where it "
                    + StepFailure.doing(step), retryable: true)
        }
    }

    private static func advice(_ step: Int32) -> String {
        switch step {
        case DP_STEP_NONE: "the sandbox process could not map its page"
        case DP_STEP_MAP_CONTROL: "the sandbox process could not map its stack"
        case DP_STEP_MAP_CONTEXT:
            "cannot map guest memory at 0x10000; set vm.mmap_min_addr to 65536 or less (sysctl -w vm.mmap_min_addr=65536)"
        case DP_STEP_UNMAP:
            "cannot unmap the kernel's own pages; a kernel with sealed system mappings is not supported"
        case DP_STEP_CLOSE: "no close_range; Linux 5.9 or newer is needed"
        case DP_STEP_RESTRICT:
            "the sandbox process could not give up its rights by capset(2), prctl(2), prlimit(2), mprotect(2) and "
                + "sched_setscheduler(2); a service's system call filter must allow these"
        case DP_STEP_SIGNALS: "the sandbox process could not set its signal handlers"
        case DP_STEP_FILTER:
            "no seccomp filter; the kernel needs CONFIG_SECCOMP_FILTER, and a container or service must allow seccomp(2)"
        default: "the sandbox process failed"
        }
    }

    private static func doing(_ step: Int32) -> String {
        switch step {
        case DP_STEP_NONE: "mapped its page"
        case DP_STEP_MAP_CONTROL: "mapped its stack"
        case DP_STEP_MAP_CONTEXT: "mapped guest memory"
        case DP_STEP_UNMAP: "unmapped the kernel's own pages"
        case DP_STEP_CLOSE: "closed descriptors"
        case DP_STEP_RESTRICT: "gave up its rights"
        case DP_STEP_SIGNALS: "set its signal handlers"
        case DP_STEP_FILTER: "set its system call filter"
        default: "set itself up"
        }
    }
}

import CProcess
import PluginABI
import PluginKit

/// A zygote that could not set itself up: which step failed, and what the operator can do.
struct StepFailure {
    let error: PluginError

    init(page: dp_zygote) {
        let why = page.failure == 0 ? "its process ended" : errorText(page.failure)
        let advice =
            switch Int32(bitPattern: page.step) {
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
        error = PluginError(DN_UNAVAILABLE, "\(advice): \(why)", errno: page.failure)
    }
}

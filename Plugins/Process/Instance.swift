import CProcess
import Glibc
import PluginABI
import PluginKit

/// A started plugin: its settings.
final class Instance: ComputeInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: fixed after init.
    let settings: Settings
    let pages = PageList()
    let holding: Holding

    init(host services: HostServices) throws(PluginError) {
        try Self.checkProcessor()
        settings = try Settings.table.read(services)
        holding = Holding(settings)
        super.init(services)
    }

    override var capabilities: dn_compute_caps {
        var caps = dn_compute_caps()
        caps.isolation = DN_ISOLATION_PROCESS
        caps.flags = DN_COMPUTE_HOST_VISIBLE | DN_COMPUTE_FAULT_ADDRESS | DN_COMPUTE_SYSCALL_NUMBER
        if pages.isUsable { caps.flags |= DN_COMPUTE_MAPS_FILES }
        caps.image_formats = Self.imageFormats
        caps.context_max = settings.contextMax
        caps.contexts_per_engine = UInt64(settings.pool)
        caps.interrupt_latency = 1_000_000
        return caps
    }

    // SAFETY of nonisolated(unsafe): written once, read-only afterwards, never freed.
    private nonisolated(unsafe) static let imageFormats = permanentText("elf-x86_64")

    override func load(_ params: dn_image_params) throws(PluginError) -> ComputeImage {
        try Image(params.file, settings)
    }

    override func makeEngine(_ params: dn_engine_params) throws(PluginError) -> ComputeEngine {
        try Engine(self, pinned: params.core >= 0)
    }

    /// Tries the real thing: one sandbox with a ready child, which is gone again when the probe returns.
    static func probe(_ services: HostServices) throws(PluginError) -> Finding {
        let settings = try Settings.table.read(services)
        do throws(PluginError) {
            try checkProcessor()
            let pages = PageList()
            let sandbox = try Sandbox.make(settings, services, pages, Holding(settings), nil, pinned: false)
            sandbox.askForChild()
            try sandbox.takeChild()
            return finding(pages, sandbox.childPid)
        } catch {
            let isForbidden = error.osErrno == EPERM || error.osErrno == EACCES
            return .notAvailable(
                isForbidden ? DN_REASON_NO_PERMISSION : DN_REASON_NO_KERNEL_FEATURE, error.message)
        }
    }

    private static func finding(_ pages: PageList, _ child: Int32) -> Finding {
        let what = "one process per invocation, system calls filtered by seccomp"
        let refusal = pages.tryReading(child)
        guard !pages.isUsable else { return .available(what) }
        let why =
            refusal.map {
                "sandboxes cannot be read: \(errorText($0)); let the service call process_vm_readv(2), with "
                    + "kernel.yama.ptrace_scope at most 1"
            } ?? "the kernel lacks PAGEMAP_SCAN; Linux 6.7 has it"
        return .degraded(
            refusal == nil ? DN_REASON_NO_KERNEL_FEATURE : DN_REASON_NO_PERMISSION,
            "\(what); large images are copied, because \(why)")
    }

    private static func checkProcessor() throws(PluginError) {
        // Functions of the original's KVM build set their thread pointer by wrfsbase.
        guard dp_has_fsgsbase() != 0 else {
            throw PluginError(DN_UNAVAILABLE, "no FSGSBASE; an x86-64 CPU from 2012 on and Linux 5.9 are needed")
        }
    }
}

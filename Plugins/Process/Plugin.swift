import CProcess
import CVersion
import Glibc
public import PluginABI
import PluginKit

/// The plugin's descriptor (plugin.h).
@c(dn_plugin_entry_v1)
public func processPluginEntry(_ hostMinor: UInt32) -> UnsafePointer<dn_plugin>? { descriptor }

// Written once before it is published, and never freed: the ABI makes it static.
nonisolated(unsafe) private let descriptor: UnsafePointer<dn_plugin> = {
    let plugin = UnsafeMutablePointer<dn_plugin>.allocate(capacity: 1)
    plugin.initialize(to: dn_plugin())
    plugin.pointee.magic = DN_PLUGIN_MAGIC
    plugin.pointee.struct_size = UInt32(MemoryLayout<dn_plugin>.size)
    plugin.pointee.abi_major = DN_ABI_MAJOR
    plugin.pointee.abi_minor = DN_ABI_MINOR
    plugin.pointee.pointer_bytes = UInt32(MemoryLayout<UnsafeRawPointer>.size)
    plugin.pointee.flags = DN_PLUGIN_RELOADABLE
    plugin.pointee.id = text("org.dandelion.process")
    plugin.pointee.name = text("Process")
    plugin.pointee.version = dandelion_version()
    plugin.pointee.vendor = text("Dandelion for Swift")
    plugin.pointee.license = text("Apache-2.0")
    plugin.pointee.description = text("A fresh process for every invocation, without system calls")
    plugin.pointee.config_schema = text(Settings.schema)
    plugin.pointee.probe = probe
    plugin.pointee.start = start
    plugin.pointee.stop = { instance in _ = Handle<Instance>.end(instance) }
    plugin.pointee.get_interface = { id in
        String(cString: id) == DN_COMPUTE_1 ? UnsafeRawPointer(computeTable) : nil
    }
    return UnsafePointer(plugin)
}()

/// A literal as a static C string; Swift ends literals with a NUL.
private func text(_ literal: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
}

/// A started plugin: its settings.
final class Instance: Sendable {
    let settings: Settings
    let services: HostServices

    init(_ host: UnsafePointer<dn_host>) throws(PluginError) {
        services = HostServices(host)
        settings = try Settings(services)
    }
}

/// Tries the real thing: one sandbox with a ready child, which is gone again when the probe returns.
private let probe:
    @convention(c) (
        UnsafePointer<dn_host>, dn_bytes, UnsafeMutablePointer<dn_probe>, UnsafeMutablePointer<dn_error>
    ) -> dn_status = { host, _, out, err in
        answering(err) { () throws(PluginError) in
            let settings = try Settings(HostServices(host))
            do throws(PluginError) {
                try Requirements.check()
                let sandbox = try Sandbox(settings, pinned: false)
                sandbox.askForChild()
                try sandbox.takeChild()
                writeProbe(DN_AVAILABLE, "one process per invocation, system calls filtered by seccomp", to: out)
            } catch {
                let reason = error.osErrno == EPERM || error.osErrno == EACCES
                writeProbe(
                    DN_NOT_AVAILABLE, reason: reason ? DN_REASON_NO_PERMISSION : DN_REASON_NO_KERNEL_FEATURE,
                    error.message, to: out)
            }
        }
    }

private let start:
    @convention(c) (
        UnsafePointer<dn_host>, dn_bytes, UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<dn_error>
    ) -> dn_status = { host, _, out, err in
        answering(err) { () throws(PluginError) in
            try Requirements.check()
            out.pointee = Handle.make(try Instance(host))
        }
    }

/// What the CPU must offer.
enum Requirements {
    static func check() throws(PluginError) {
        // Functions of the original's KVM build set their thread pointer by wrfsbase.
        guard dp_has_fsgsbase() != 0 else {
            throw PluginError(DN_UNAVAILABLE, "no FSGSBASE; an x86-64 CPU from 2012 on and Linux 5.9 are needed")
        }
    }
}

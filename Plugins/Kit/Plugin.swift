public import PluginABI

/// A started plugin (`dn_plugin.start`), which the host's handle owns. Any thread.
open class PluginInstance: @unchecked Sendable {
    // SAFETY of @unchecked Sendable, of subclasses too: fixed after init, or guarded by a lock.
    public let services: HostServices

    public init(_ services: HostServices) { self.services = services }
}

/// A copy of a struct that lives as long as the process, as the ABI wants descriptors and tables.
/// - Parameter size: the struct's; see Structs.swift for why the caller has to say it.
public func permanent<T>(_ value: UnsafePointer<T>, size: Int) -> UnsafePointer<T> {
    let copy = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    copy.copyMemory(from: value, byteCount: size)
    return UnsafePointer(copy.assumingMemoryBound(to: T.self))
}

/// A C text that lives as long as the process.
public func permanentText(_ text: String) -> UnsafePointer<CChar> {
    let bytes = text.utf8CString
    let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    for (index, byte) in bytes.enumerated() { (pointer + index).initialize(to: byte) }
    return UnsafePointer(pointer)
}

public typealias ProbeSlot =
    @convention(c) (
        UnsafePointer<dn_host>, dn_bytes, UnsafeMutablePointer<dn_probe>, UnsafeMutablePointer<dn_error>
    ) -> dn_status
public typealias StartSlot =
    @convention(c) (
        UnsafePointer<dn_host>, dn_bytes, UnsafeMutablePointer<OpaquePointer?>, UnsafeMutablePointer<dn_error>
    ) -> dn_status
public typealias InterfaceSlot = @convention(c) (UnsafePointer<CChar>) -> UnsafeRawPointer?

/// A plugin's descriptor (plugin.h), whose `start` makes a `PluginInstance`.
/// - Parameters:
///   - isReloadable: it keeps no state outside of its instances.
///   - schema: of its configuration; see `SettingTable`.
///   - probe, start: C functions, so that nothing can be captured; `probing` and `starting` are what they call.
public func pluginDescriptor(
    id: String, name: String, version: UnsafePointer<CChar>, vendor: String = "Dandelion for Swift",
    license: String = "Apache-2.0", description: String, isReloadable: Bool = true, schema: String,
    probe: ProbeSlot, start: StartSlot, interface: InterfaceSlot
) -> UnsafePointer<dn_plugin> {
    var plugin = dn_plugin(
        magic: DN_PLUGIN_MAGIC, struct_size: UInt32(MemoryLayout<dn_plugin>.size), abi_major: DN_ABI_MAJOR,
        abi_minor: DN_ABI_MINOR, pointer_bytes: UInt32(MemoryLayout<UnsafeRawPointer>.size),
        flags: isReloadable ? DN_PLUGIN_RELOADABLE : 0, id: permanentText(id), name: permanentText(name),
        version: version, vendor: permanentText(vendor), license: permanentText(license),
        description: permanentText(description), config_schema: permanentText(schema), probe: probe, start: start,
        stop: { _ = Handle<PluginInstance>.end($0) }, get_interface: interface)
    return permanent(&plugin, size: MemoryLayout<dn_plugin>.size)
}

/// The body of a `probe`.
public func probing(
    _ host: UnsafePointer<dn_host>, _ out: UnsafeMutablePointer<dn_probe>,
    _ body: (HostServices) throws(PluginError) -> Finding
) -> dn_status {
    do throws(PluginError) {
        try body(HostServices(host, inProbe: true)).write(to: out)
    } catch {
        let reason = error.status == DN_BAD_CONFIG ? DN_REASON_BAD_CONFIG : DN_REASON_OTHER
        Finding.notAvailable(reason, error.message).write(to: out)
    }
    return DN_OK
}

/// The body of a `start`.
public func starting(
    _ host: UnsafePointer<dn_host>, _ out: UnsafeMutablePointer<OpaquePointer?>, _ err: UnsafeMutablePointer<dn_error>,
    _ make: (HostServices) throws(PluginError) -> PluginInstance
) -> dn_status {
    making(out, err) { () throws(PluginError) in try make(HostServices(host)) }
}

/// What a probe found out about the machine.
public struct Finding: Sendable {
    let availability: Int32
    let reason: Int32
    let message: String

    /// - Parameter message: one sentence that an operator can act on, in all three.
    public static func available(_ message: String) -> Finding {
        Finding(availability: DN_AVAILABLE, reason: DN_REASON_NONE, message: message)
    }

    /// It works, with something missing.
    /// - Parameter reason: DN_REASON_*.
    public static func degraded(_ reason: Int32, _ message: String) -> Finding {
        Finding(availability: DN_DEGRADED, reason: reason, message: message)
    }

    /// - Parameter reason: DN_REASON_*.
    public static func notAvailable(_ reason: Int32, _ message: String) -> Finding {
        Finding(availability: DN_NOT_AVAILABLE, reason: reason, message: message)
    }

    /// Writes it into the caller's memory, only as far as its struct_size goes.
    func write(to out: UnsafeMutablePointer<dn_probe>) {
        var value = dn_probe()
        (value.availability, value.reason) = (availability, reason)
        writeText(message, into: &value.message)
        writeOut(value, to: out)
        endText(of: out, MemoryLayout<dn_probe>.size, textOffset: MemoryLayout.offset(of: \dn_probe.message))
    }
}

import Glibc
import PluginABI

/// A value of the plugin's configuration.
public enum Setting: Sendable {
    case text(String)
    case number(Int64)
    case flag(Bool)
    case list([String])
}

/// Memory that a plugin charges, as the host keeps it.
public final class ChargedMemory: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the plugin under test is driven by one thread.
    public var limit: UInt64
    public private(set) var used: UInt64 = 0
    public private(set) var most: UInt64 = 0
    /// More was given back than was taken.
    public private(set) var isWrong = false
    public let account: UInt64 = 77

    public init(limit: UInt64) { self.limit = limit }

    func charge(_ account: UInt64, _ bytes: UInt64) -> dn_status {
        guard account == self.account else { return DN_INVALID }
        guard bytes <= limit, used <= limit - bytes else { return DN_BUSY }
        used += bytes
        most = max(most, used)
        return DN_OK
    }

    func release(_ account: UInt64, _ bytes: UInt64) {
        isWrong = isWrong || account != self.account || bytes > used
        used -= min(used, bytes)
    }
}

/// The smallest host that the plugin can be started by: dn_host with dn.host.config/1, and dn.host.memory/1 when it is given
/// something to charge.
final class SettingsHost {
    let pointer = UnsafeMutablePointer<dn_host>.allocate(capacity: 1)
    private let settings: [String: Setting]
    private var texts: [String: UnsafeMutableBufferPointer<UInt8>] = [:]

    let memory: ChargedMemory?

    init(_ settings: [String: Setting], _ memory: ChargedMemory? = nil) {
        self.settings = settings
        self.memory = memory
        pointer.initialize(to: dn_host())
        pointer.pointee.struct_size = UInt32(MemoryLayout<dn_host>.size)
        pointer.pointee.abi_major = UInt32(DN_ABI_MAJOR)
        pointer.pointee.host_data = Unmanaged.passUnretained(self).toOpaque()
        pointer.pointee.get_interface = { host, id in
            if strcmp(id, DN_HOST_CONFIG_1) == 0 { return UnsafeRawPointer(SettingsHost.config) }
            guard strcmp(id, DN_HOST_MEMORY_1) == 0, SettingsHost.of(host)?.memory != nil else { return nil }
            return UnsafeRawPointer(SettingsHost.ledger)
        }
        for (key, value) in settings {
            switch value {
            case .text(let text): keep(key, text)
            case .list(let all): for (index, text) in all.enumerated() { keep("\(key).\(index)", text) }
            default: break
            }
        }
    }

    deinit {
        for text in texts.values { text.deallocate() }
        pointer.deallocate()
    }

    private func keep(_ path: String, _ text: String) {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
        _ = copy.initialize(from: text.utf8)
        texts[path] = copy
    }

    private static func of(_ host: UnsafePointer<dn_host>) -> SettingsHost? {
        host.pointee.host_data.map { Unmanaged<SettingsHost>.fromOpaque($0).takeUnretainedValue() }
    }

    nonisolated(unsafe) private static let ledger: UnsafeMutablePointer<dn_host_memory> = {
        let table = UnsafeMutablePointer<dn_host_memory>.allocate(capacity: 1)
        table.initialize(
            to: dn_host_memory(
                struct_size: UInt32(MemoryLayout<dn_host_memory>.size), padding: 0,
                charge: { host, account, bytes in of(host)?.memory?.charge(account, bytes) ?? DN_MISUSE },
                release: { host, account, bytes in of(host)?.memory?.release(account, bytes) },
                room: { host, _ in of(host)?.memory.map { $0.limit - $0.used } ?? 0 }))
        return table
    }()

    nonisolated(unsafe) private static let config: UnsafeMutablePointer<dn_host_config> = {
        let table = UnsafeMutablePointer<dn_host_config>.allocate(capacity: 1)
        table.initialize(
            to: dn_host_config(
                struct_size: UInt32(MemoryLayout<dn_host_config>.size), padding: 0,
                get_string: { host, path, out in
                    guard let me = of(host) else { return DN_MISUSE }
                    let path = String(cString: path)
                    guard let text = me.texts[path] else {
                        return me.settings[path] == nil ? DN_INVALID : DN_BAD_CONFIG
                    }
                    out.pointee = dn_bytes(data: UnsafePointer(text.baseAddress), len: UInt64(text.count))
                    return DN_OK
                },
                get_int: { host, path, out in
                    guard let value = of(host)?.settings[String(cString: path)] else { return DN_INVALID }
                    guard case .number(let number) = value else { return DN_BAD_CONFIG }
                    out.pointee = number
                    return DN_OK
                },
                get_bool: { host, path, out in
                    guard let value = of(host)?.settings[String(cString: path)] else { return DN_INVALID }
                    guard case .flag(let flag) = value else { return DN_BAD_CONFIG }
                    out.pointee = flag ? 1 : 0
                    return DN_OK
                },
                get_count: { host, path, out in
                    guard let value = of(host)?.settings[String(cString: path)] else { return DN_INVALID }
                    guard case .list(let all) = value else { return DN_BAD_CONFIG }
                    out.pointee = UInt64(all.count)
                    return DN_OK
                }))
        return table
    }()
}

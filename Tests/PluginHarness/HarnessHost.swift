import PluginABI
import Synchronization

/// A value of a plugin's configuration, under a dotted key; elements of arrays are keys of their own ("hosts.0").
public enum ConfigValue: Sendable {
    case int(Int64)
    case bool(Bool)
    case string(StaticString)
}

/// The host as a plugin sees it: log, config, signal and jobs services that really work, without any of the node's rooms.
public final class HarnessHost: Sendable {
    nonisolated(unsafe) let pointer: UnsafePointer<dn_host>
    private let config: [String: ConfigValue]
    private let lines = Mutex<[String]>([])

    init(config: [String: ConfigValue]) {
        self.config = config
        let host = UnsafeMutablePointer<dn_host>.allocate(capacity: 1)
        host.initialize(to: dn_host())
        pointer = UnsafePointer(host)
        host.pointee.struct_size = UInt32(MemoryLayout<dn_host>.size)
        host.pointee.abi_major = DN_ABI_MAJOR
        host.pointee.abi_minor = DN_ABI_MINOR
        host.pointee.host_data = Unmanaged.passUnretained(self).toOpaque()
        host.pointee.get_interface = { _, id in HarnessHost.service(String(cString: id)) }
    }

    deinit { pointer.deallocate() }

    /// What the plugin logged, level first.
    public var log: [String] { lines.withLock { $0 } }

    private static func service(_ id: String) -> UnsafeRawPointer? {
        switch id {
        case DN_HOST_LOG_1: UnsafeRawPointer(logService)
        case DN_HOST_CONFIG_1: UnsafeRawPointer(configService)
        case DN_HOST_SIGNAL_1: UnsafeRawPointer(signalService)
        case DN_HOST_JOBS_1: UnsafeRawPointer(jobService)
        default: nil
        }
    }

    fileprivate static func of(_ host: UnsafePointer<dn_host>) -> HarnessHost? {
        // Safe: host_data is set in init and the object outlives every plugin that was given its pointer.
        host.pointee.host_data.map { Unmanaged<HarnessHost>.fromOpaque($0).takeUnretainedValue() }
    }

    fileprivate func append(_ line: String) { lines.withLock { $0.append(line) } }

    fileprivate func int(_ key: String) -> (dn_status, Int64) {
        guard let value = config[key] else { return (DN_INVALID, 0) }
        if case .int(let number) = value { return (DN_OK, number) }
        return (DN_BAD_CONFIG, 0)
    }

    fileprivate func bool(_ key: String) -> (dn_status, Bool) {
        guard let value = config[key] else { return (DN_INVALID, false) }
        if case .bool(let truth) = value { return (DN_OK, truth) }
        return (DN_BAD_CONFIG, false)
    }

    fileprivate func string(_ key: String) -> (dn_status, StaticString) {
        guard let value = config[key] else { return (DN_INVALID, "") }
        if case .string(let text) = value { return (DN_OK, text) }
        return (DN_BAD_CONFIG, "")
    }

    fileprivate func count(_ key: String) -> UInt64 {
        var count: UInt64 = 0
        while config["\(key).\(count)"] != nil { count += 1 }
        return count
    }
}

/// A table that lives as long as the process.
func staticTable<T>(_ value: T) -> UnsafePointer<T> {
    let table = UnsafeMutablePointer<T>.allocate(capacity: 1)
    table.initialize(to: value)
    return UnsafePointer(table)
}

nonisolated(unsafe) private let logService = staticTable(
    dn_host_log(
        struct_size: UInt32(MemoryLayout<dn_host_log>.size), padding: 0,
        enabled: { _, _ in 1 },
        log: { host, level, message in
            let bytes = UnsafeBufferPointer(start: message.data, count: Int(message.len))
            HarnessHost.of(host)?.append("\(level) \(String(decoding: bytes, as: UTF8.self))")
        }))

nonisolated(unsafe) private let configService = staticTable(
    dn_host_config(
        struct_size: UInt32(MemoryLayout<dn_host_config>.size), padding: 0,
        get_string: { host, path, out in
            guard let (status, text) = HarnessHost.of(host)?.string(String(cString: path)) else { return DN_INVALID }
            if status == DN_OK { out.pointee = dn_bytes(data: text.utf8Start, len: UInt64(text.utf8CodeUnitCount)) }
            return status
        },
        get_int: { host, path, out in
            guard let (status, value) = HarnessHost.of(host)?.int(String(cString: path)) else { return DN_INVALID }
            if status == DN_OK { out.pointee = value }
            return status
        },
        get_bool: { host, path, out in
            guard let (status, value) = HarnessHost.of(host)?.bool(String(cString: path)) else { return DN_INVALID }
            if status == DN_OK { out.pointee = value ? 1 : 0 }
            return status
        },
        get_count: { host, path, out in
            out.pointee = HarnessHost.of(host)?.count(String(cString: path)) ?? 0
            return out.pointee == 0 ? DN_INVALID : DN_OK
        }))

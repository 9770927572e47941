public import PluginABI

/// The host's logging and configuration, as a plugin uses them. A service that the host lacks logs nothing and holds no
/// value.
public struct HostServices: @unchecked Sendable {
    // Safe to share: the ABI makes the host and its tables [any-thread] and keeps them until stop returns.
    private let host: UnsafePointer<dn_host>
    private let logTable: UnsafePointer<dn_host_log>?
    private let configTable: UnsafePointer<dn_host_config>?

    public init(_ host: UnsafePointer<dn_host>) {
        self.host = host
        logTable = HostServices.table(host, DN_HOST_LOG_1, slots: MemoryLayout<dn_host_log>.size, as: dn_host_log.self)
        configTable = HostServices.table(
            host, DN_HOST_CONFIG_1, slots: MemoryLayout<dn_host_config>.size, as: dn_host_config.self)
    }

    /// A service table of the host, null when it is not offered or older than what is asked for.
    public static func table<T>(_ host: UnsafePointer<dn_host>, _ id: String, slots size: Int, as type: T.Type)
        -> UnsafePointer<T>?
    {
        guard let table = host.pointee.get_interface?(host, id) else { return nil }
        // Safe: every service table starts with its struct_size.
        guard Int(table.load(as: UInt32.self)) >= size else { return nil }
        return table.assumingMemoryBound(to: type)
    }

    /// Logs a sentence at a level of DN_LOG_*; the text is made only when it is kept.
    public func log(_ level: Int32, _ message: @autoclosure () -> String) {
        guard let table = logTable?.pointee, table.enabled?(host, level) == 1 else { return }
        var text = message()
        text.withUTF8 { bytes in
            table.log?(host, level, dn_bytes(data: bytes.baseAddress, len: UInt64(bytes.count)))
        }
    }

    /// The configured integer, or `fallback` when the key is absent.
    public func integer(_ key: String, default fallback: Int64, in range: ClosedRange<Int64>) throws(PluginError)
        -> Int64
    {
        var value = fallback
        try check(configTable?.pointee.get_int?(host, key, &value), key, "an integer")
        guard range.contains(value) else {
            throw PluginError(
                DN_BAD_CONFIG, "\(key) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// The configured truth value, or `fallback` when the key is absent.
    public func boolean(_ key: String, default fallback: Bool) throws(PluginError) -> Bool {
        var value: Int32 = fallback ? 1 : 0
        try check(configTable?.pointee.get_bool?(host, key, &value), key, "true or false")
        return value != 0
    }

    /// The configured text, or `fallback` when the key is absent.
    public func text(_ key: String, default fallback: String) throws(PluginError) -> String {
        var value = dn_bytes()
        guard try check(configTable?.pointee.get_string?(host, key, &value), key, "a text") else { return fallback }
        // Safe: the ABI keeps the bytes until this instance stops or this probe returns.
        return String(decoding: UnsafeBufferPointer(start: value.data, count: Int(clamping: value.len)), as: UTF8.self)
    }

    /// The number of elements of the configured array, 0 when the key is absent.
    public func count(_ key: String) throws(PluginError) -> Int {
        var value: UInt64 = 0
        try check(configTable?.pointee.get_count?(host, key, &value), key, "an array")
        return Int(clamping: value)
    }

    /// Whether the key has a value.
    @discardableResult
    private func check(_ status: dn_status?, _ key: String, _ expected: String) throws(PluginError) -> Bool {
        switch status {
        case DN_OK: return true
        case nil, DN_INVALID: return false
        default: throw PluginError(DN_BAD_CONFIG, "\(key) must be \(expected)")
        }
    }
}

public import PluginABI

/// The host, as a plugin uses it. A service that it lacks logs nothing and holds no value.
public struct HostServices: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the ABI makes the host and its tables [any-thread] and keeps them until stop returns.
    public let pointer: UnsafePointer<dn_host>
    private let logTable: UnsafePointer<dn_host_log>?
    private let configTable: UnsafePointer<dn_host_config>?
    private let jobsTable: UnsafePointer<dn_host_jobs>?
    private let filesTable: UnsafePointer<dn_host_files>?

    /// - Parameter inProbe: in a probe only log and config may be used; the rest counts as not offered.
    public init(_ host: UnsafePointer<dn_host>, inProbe: Bool = false) {
        pointer = host
        logTable = HostServices.table(host, DN_HOST_LOG_1, MemoryLayout<dn_host_log>.size)
        configTable = HostServices.table(host, DN_HOST_CONFIG_1, MemoryLayout<dn_host_config>.size)
        jobsTable = inProbe ? nil : HostServices.table(host, DN_HOST_JOBS_1, MemoryLayout<dn_host_jobs>.size)
        filesTable = inProbe ? nil : HostServices.table(host, DN_HOST_FILES_1, MemoryLayout<dn_host_files>.size)
    }

    /// Whole 2 MiB of the host's memory files are large pages.
    public var hasLargePages: Bool { filesTable?.pointee.has_large_pages == 1 }

    /// A file of so many zero bytes in memory, which others can map; nil when the host makes none.
    public func memoryFile(_ bytes: UInt64) -> Int32? {
        var file: Int32 = -1
        return filesTable?.pointee.create?(pointer, bytes, &file) == DN_OK ? file : nil
    }

    /// A service table of the host, nil when it is not offered or shorter than asked for.
    /// - Parameter size: the table's; see Structs.swift for why the caller has to say it.
    public func table<Table>(_ id: String, _ size: Int) -> UnsafePointer<Table>? {
        HostServices.table(pointer, id, size)
    }

    private static func table<Table>(
        _ host: UnsafePointer<dn_host>, _ id: String, _ size: Int
    ) -> UnsafePointer<Table>? {
        guard let table = host.pointee.get_interface?(host, id) else { return nil }
        // SAFETY: every service table starts with its struct_size, and the id fixes its type.
        guard Int(table.load(as: UInt32.self)) >= size else { return nil }
        return table.assumingMemoryBound(to: Table.self)
    }

    /// Hands work to the host's helper threads. False when it takes none: nothing was done.
    public func submit(_ job: @escaping @Sendable () -> Void) -> Bool {
        let box = Unmanaged.passRetained(Job(job))
        let status = jobsTable?.pointee.submit?(
            pointer,
            { argument in
                guard let argument else { return }
                // SAFETY: the reference that was retained for this job.
                Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
            }, box.toOpaque())
        if status != DN_OK { box.release() }
        return status == DN_OK
    }

    private final class Job: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Logs a sentence at a level of DN_LOG_*; the text is made only when it is kept.
    public func log(_ level: Int32, _ message: @autoclosure () -> String) {
        guard let table = logTable?.pointee, table.enabled?(pointer, level) == 1 else { return }
        var text = message()
        text.withUTF8 { bytes in
            table.log?(pointer, level, dn_bytes(data: bytes.baseAddress, len: UInt64(bytes.count)))
        }
    }

    // The configuration. Every function gives nil for a key that is absent, and throws DN_BAD_CONFIG for a value of another
    // type.

    func integer(_ key: String, in range: ClosedRange<Int64>) throws(PluginError) -> Int64? {
        var value: Int64 = 0
        guard try check(configTable?.pointee.get_int?(pointer, key, &value), key, "an integer") else { return nil }
        guard range.contains(value) else {
            throw PluginError(
                DN_BAD_CONFIG, "\(key): \(value) is not from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func boolean(_ key: String) throws(PluginError) -> Bool? {
        var value: Int32 = 0
        return try check(configTable?.pointee.get_bool?(pointer, key, &value), key, "true or false") ? value != 0 : nil
    }

    func text(_ key: String) throws(PluginError) -> String? {
        var value = dn_bytes()
        guard try check(configTable?.pointee.get_string?(pointer, key, &value), key, "a text") else { return nil }
        // SAFETY: the ABI keeps the bytes until this instance stops or this probe returns.
        return String(decoding: UnsafeBufferPointer(start: value.data, count: Int(clamping: value.len)), as: UTF8.self)
    }

    func texts(_ key: String) throws(PluginError) -> [String]? {
        var count: UInt64 = 0
        guard try check(configTable?.pointee.get_count?(pointer, key, &count), key, "an array of texts") else {
            return nil
        }
        var all: [String] = []
        for index in 0..<count {
            guard let text = try text("\(key).\(index)") else {
                throw PluginError(DN_BAD_CONFIG, "\(key): must be an array of texts")
            }
            all.append(text)
        }
        return all
    }

    /// Whether the key has a value.
    private func check(_ status: dn_status?, _ key: String, _ expected: String) throws(PluginError) -> Bool {
        switch status {
        case DN_OK: return true
        case nil, DN_INVALID: return false
        default: throw PluginError(DN_BAD_CONFIG, "\(key): must be \(expected)")
        }
    }
}

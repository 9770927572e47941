import Glibc
public import PluginABI
import Testing

/// What the plugin said when it did not return DN_OK.
public struct Refused: Error, CustomStringConvertible {
    public let status: dn_status
    public let offset: UInt64
    public let message: String
    public var description: String { "status \(status) at \(offset): \(message)" }
}

/// The text of a C array of characters.
public func text<Array>(_ array: Array) -> String {
    withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

/// A communication plugin's file, loaded as the host loads it, and one started instance.
public final class CommPlugin {
    public let comm: dn_comm
    public let instance: OpaquePointer
    private let host: SettingsHost
    private let descriptor: dn_plugin

    public static func descriptor(of file: String) throws -> dn_plugin {
        let handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)
        try #require(handle != nil, "\(file): \(dlerror().map { String(cString: $0) } ?? "")")
        let symbol = try #require(dlsym(handle, DN_ENTRY_SYMBOL))
        typealias Entry = @convention(c) (UInt32) -> UnsafePointer<dn_plugin>?
        let descriptor = unsafeBitCast(symbol, to: Entry.self)(UInt32(DN_ABI_MINOR))
        return try #require(descriptor).pointee
    }

    /// What it charges for requests, if the host keeps account.
    public let memory: ChargedMemory?

    /// - Throws: `Refused` when start fails.
    public init(file: String, _ settings: [String: Setting] = [:], memory: ChargedMemory? = nil) throws {
        descriptor = try Self.descriptor(of: file)
        self.memory = memory
        host = SettingsHost(settings, memory)
        var started: OpaquePointer?
        var error = Self.emptyError()
        let status = descriptor.start?(host.pointer, dn_bytes(), &started, &error) ?? DN_FAILED
        guard status == DN_OK else {
            throw Refused(status: status, offset: error.input_offset, message: text(error.message))
        }
        instance = try #require(started)
        let interface = descriptor.get_interface?(DN_COMM_1) ?? nil
        let table = try #require(interface)
        comm = table.assumingMemoryBound(to: dn_comm.self).pointee
    }

    deinit { descriptor.stop?(instance) }

    public static func emptyError() -> dn_error {
        var error = dn_error()
        error.struct_size = UInt32(MemoryLayout<dn_error>.size)
        return error
    }

    public static func probe(file: String, _ settings: [String: Setting]) throws -> dn_probe {
        let host = SettingsHost(settings)
        var report = dn_probe()
        report.struct_size = UInt32(MemoryLayout<dn_probe>.size)
        var error = emptyError()
        let status = try descriptor(of: file).probe?(host.pointer, dn_bytes(), &report, &error)
        try #require(status == DN_OK)
        return report
    }

    public func validate(_ request: [UInt8]) throws -> dn_request_info {
        var info = dn_request_info()
        info.struct_size = UInt32(MemoryLayout<dn_request_info>.size)
        var error = Self.emptyError()
        let status = request.withUnsafeBufferPointer { bytes in
            var input = dn_bytes(data: bytes.baseAddress, len: UInt64(bytes.count))
            return withUnsafePointer(to: &input) { input in
                var request = dn_comm_request(
                    struct_size: UInt32(MemoryLayout<dn_comm_request>.size), protocol: 0, signature: 0, input_count: 1,
                    inputs: input, token: 0, deadline: 0, max_response: 0, account: 0, trace_parent: dn_bytes(),
                    trace_state: dn_bytes(), caller: 0)
                return comm.validate?(instance, &request, &info, &error) ?? DN_FAILED
            }
        }
        guard status == DN_OK else {
            throw Refused(status: status, offset: error.input_offset, message: text(error.message))
        }
        return info
    }

    @discardableResult
    public func validate(_ request: String) throws -> dn_request_info { try validate(Array(request.utf8)) }

    /// What validate says against a request, `nil` when it accepts it.
    public func refusal(_ request: String) -> Refused? {
        do { try validate(request) } catch let refused as Refused { return refused } catch {}
        return nil
    }
}

import Glibc
import PluginABI
import Testing

public func monotonic() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// What became of one request, outputs copied.
public struct Answer {
    public let token: UInt64
    public let outcome: Int32
    public let effect: Int32
    public let status: Int32
    public let message: String
    public let outputs: [[UInt8]]
    public let total: UInt64
    public let sent: UInt64
    public let received: UInt64

    public func text(_ output: Int) -> String {
        outputs.indices.contains(output) ? String(decoding: outputs[output], as: UTF8.self) : ""
    }
}

/// A reactor of a plugin, used as a host uses it.
public final class CommClient {
    public let plugin: CommPlugin
    public let reactor: OpaquePointer
    private var inputs: [UInt64: (UnsafeMutablePointer<dn_bytes>, UnsafeMutableBufferPointer<UInt8>)] = [:]
    private var nextToken: UInt64 = 1
    private var out = [dn_completion](repeating: dn_completion(), count: 64)

    public init(_ plugin: CommPlugin, maxInflight: UInt64 = 0) throws {
        self.plugin = plugin
        var params = dn_reactor_params(
            struct_size: UInt32(MemoryLayout<dn_reactor_params>.size), core: -1, max_inflight: maxInflight)
        var made: OpaquePointer?
        var error = CommPlugin.emptyError()
        try #require(plugin.comm.reactor_create?(plugin.instance, &params, &made, &error) == DN_OK)
        reactor = try #require(made)
        for index in out.indices { out[index].struct_size = UInt32(MemoryLayout<dn_completion>.size) }
    }

    deinit {
        plugin.comm.reactor_destroy?(reactor)
        for token in inputs.keys { drop(token) }
    }

    public var descriptor: Int32 { plugin.comm.reactor_fd?(reactor) ?? -1 }

    private func drop(_ token: UInt64) {
        guard let (input, bytes) = inputs.removeValue(forKey: token) else { return }
        input.deallocate()
        bytes.deallocate()
    }

    /// - Parameter timeout: ns from now, 0 = none.
    @discardableResult
    public func submit(
        _ request: [UInt8], signature: UInt32 = 0, timeout: UInt64 = 0, maxResponse: UInt64 = 0, token: UInt64? = nil,
        trace: (parent: String, state: String)? = nil
    ) throws -> UInt64 {
        let token = token ?? nextToken
        nextToken += 1
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: request.count)
        _ = bytes.initialize(from: request)
        let input = UnsafeMutablePointer<dn_bytes>.allocate(capacity: 1)
        input.initialize(to: dn_bytes(data: UnsafePointer(bytes.baseAddress), len: UInt64(bytes.count)))
        var call = dn_comm_request(
            struct_size: UInt32(MemoryLayout<dn_comm_request>.size), protocol: 0, signature: signature, input_count: 1,
            inputs: input, token: token, deadline: timeout == 0 ? 0 : monotonic() + timeout, max_response: maxResponse,
            account: plugin.memory?.account ?? 0, trace_parent: dn_bytes(), trace_state: dn_bytes(), caller: 0)
        var error = CommPlugin.emptyError()
        let fields = trace.map { (Array($0.parent.utf8), Array($0.state.utf8)) } ?? ([], [])
        let status = fields.0.withUnsafeBufferPointer { parent in
            fields.1.withUnsafeBufferPointer { state in
                call.trace_parent = dn_bytes(data: parent.baseAddress, len: UInt64(parent.count))
                call.trace_state = dn_bytes(data: state.baseAddress, len: UInt64(state.count))
                return plugin.comm.submit?(reactor, &call, &error) ?? DN_FAILED
            }
        }
        guard status == DN_OK else {
            input.deallocate()
            bytes.deallocate()
            throw Refused(status: status, offset: error.input_offset, message: PluginText.of(error.message))
        }
        inputs[token] = (input, bytes)
        return token
    }

    @discardableResult
    public func submit(_ request: String, signature: UInt32 = 0, timeout: UInt64 = 0) throws -> UInt64 {
        try submit(Array(request.utf8), signature: signature, timeout: timeout)
    }

    public func cancel(_ token: UInt64) { plugin.comm.cancel?(reactor, token) }

    /// One call of poll; its completions are released when `releasing`.
    public func poll(_ timeout: UInt64, capacity: Int = 64, releasing: Bool = true) throws -> [Answer] {
        var count: UInt64 = 0
        var error = CommPlugin.emptyError()
        try #require(plugin.comm.poll?(reactor, timeout, &out, UInt64(capacity), &count, &error) == DN_OK)
        return out.prefix(Int(count)).map { completion in
            let answer = Self.copy(completion)
            drop(completion.token)
            if releasing { plugin.comm.release?(reactor, completion.token) }
            return answer
        }
    }

    private static func copy(_ completion: dn_completion) -> Answer {
        let outputs = (0..<Int(completion.output_count)).map { index -> [UInt8] in
            guard let bytes = completion.outputs?[index] else { return [] }
            return Array(UnsafeBufferPointer(start: bytes.data, count: Int(bytes.len)))
        }
        return Answer(
            token: completion.token, outcome: completion.outcome, effect: completion.effect,
            status: completion.protocol_status, message: PluginText.of(completion.message), outputs: outputs,
            total: completion.total_ns, sent: completion.bytes_sent, received: completion.bytes_received)
    }

    /// Polls until `count` answers have come, at most 20 s.
    public func answers(_ count: Int) throws -> [Answer] {
        var all: [Answer] = []
        let end = monotonic() + 20_000_000_000
        while all.count < count {
            try #require(monotonic() < end, "\(all.count) of \(count) answers after 20 s")
            all += try poll(100_000_000)
        }
        return all
    }

    public func perform(
        _ request: String, signature: UInt32 = 0, timeout: UInt64 = 0, maxResponse: UInt64 = 0
    ) throws -> Answer {
        try submit(Array(request.utf8), signature: signature, timeout: timeout, maxResponse: maxResponse)
        return try answers(1)[0]
    }
}

enum PluginText {
    static func of<Array>(_ array: Array) -> String { text(array) }
}

/// Open descriptors of this process.
public func openDescriptors() -> Int {
    guard let folder = opendir("/proc/self/fd") else { return -1 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
}

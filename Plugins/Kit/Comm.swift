import Glibc
public import PluginABI

// What a communication backend is to the host; see Compute.swift for why these are classes.

/// A started communication plugin. Any thread.
open class CommInstance: PluginInstance, @unchecked Sendable {
    // SAFETY of @unchecked Sendable: as `PluginInstance`.
    /// What it speaks; lives as long as the process.
    open var protocols: UnsafeBufferPointer<dn_comm_protocol> { UnsafeBufferPointer(start: nil, count: 0) }

    /// Checks a request without any I/O: what the table's `validate` tells of it.
    /// - Throws: DN_BAD_INPUT with the byte offset in the first input, DN_PERMISSION.
    open func inspect(_ request: dn_comm_request) throws(PluginError) -> dn_request_info {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no validate")
    }

    open func makeReactor(_ params: dn_reactor_params) throws(PluginError) -> CommReactor {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no reactor_create")
    }
}

/// Performs requests. Calls are serial, but for `wake` and `cancel`, which come on any thread.
open class CommReactor {
    public init() {}

    /// What epoll(7) reports readable whenever `poll` has something to do.
    open var descriptor: Int32 { -1 }

    /// When it returns, exactly one completion of the request's token follows; when it throws, none does.
    open func submit(_ request: dn_comm_request) throws(PluginError) {
        throw PluginError(DN_UNSUPPORTED, "this plugin has no submit")
    }

    /// Waits at most `timeout` ns for something to do, and writes up to `capacity` completions.
    /// - Returns: their number.
    open func poll(_ timeout: UInt64, _ out: UnsafeMutablePointer<dn_completion>, _ capacity: Int) -> Int { 0 }

    open func wake() {}
    open func cancel(_ token: UInt64) {}

    /// The outputs of a completed token are not needed any more.
    open func release(_ token: UInt64) {}

    /// All tokens are released; the object ends with it.
    open func close() {}
}

/// The static description of a protocol, for `CommInstance.protocols`.
/// - Parameter signatures: names of the sets of each way to call it, separated by spaces.
public func commProtocol(
    _ name: String, _ signatures: [(inputs: String, outputs: String)]
) -> UnsafeBufferPointer<dn_comm_protocol> {
    let all = UnsafeMutablePointer<dn_comm_signature>.allocate(capacity: signatures.count)
    for (index, one) in signatures.enumerated() {
        (all + index).initialize(
            to: dn_comm_signature(inputs: permanentText(one.inputs), outputs: permanentText(one.outputs)))
    }
    var described = dn_comm_protocol(
        struct_size: UInt32(MemoryLayout<dn_comm_protocol>.size), signature_count: UInt32(signatures.count),
        name: permanentText(name), signatures: UnsafePointer(all))
    return UnsafeBufferPointer(
        start: permanent(&described, size: MemoryLayout<dn_comm_protocol>.size), count: 1)
}

/// The table of dn.comm/1 (comm.h) over these classes.
public func commTable() -> UnsafePointer<dn_comm> {
    var table = dn_comm(
        struct_size: UInt32(MemoryLayout<dn_comm>.size), padding: 0,
        protocols: { handle, out, count, _ in
            let protocols = instance(handle).protocols
            (out.pointee, count.pointee) = (protocols.baseAddress, UInt64(protocols.count))
            return DN_OK
        },
        validate: { handle, request, out, err in
            answering(err) { () throws(PluginError) in
                writeOut(try instance(handle).inspect(readIn(request)), to: out)
            }
        },
        reactor_create: { handle, params, out, err in
            making(out, err) { () throws(PluginError) in try instance(handle).makeReactor(readIn(params)) }
        },
        reactor_destroy: { Handle<CommReactor>.end($0).close() },
        reactor_fd: { reactor($0).descriptor },
        submit: { handle, request, err in
            answering(err) { () throws(PluginError) in try reactor(handle).submit(readIn(request)) }
        },
        poll: { handle, timeout, out, capacity, count, _ in
            count.pointee = UInt64(reactor(handle).poll(timeout, out, Int(clamping: capacity)))
            return DN_OK
        },
        wake: { reactor($0).wake() }, cancel: { reactor($0).cancel($1) }, release: { reactor($0).release($1) })
    return permanent(&table, size: MemoryLayout<dn_comm>.size)
}

private func instance(_ handle: OpaquePointer) -> CommInstance { Handle.borrow(handle) }
private func reactor(_ handle: OpaquePointer) -> CommReactor { Handle.borrow(handle) }

/// The host's request over zeros.
private func readIn(_ request: UnsafePointer<dn_comm_request>) throws(PluginError) -> dn_comm_request {
    let size = Int(UnsafeRawPointer(request).loadUnaligned(as: UInt32.self))
    guard size >= MemoryLayout<dn_comm_request>.offset(of: \.account) ?? .max else {
        throw PluginError(DN_MISUSE, "the request ends before the fields of the first version")
    }
    let layout = MemoryLayout<dn_comm_request>.self
    return withUnsafeTemporaryAllocation(byteCount: layout.size, alignment: layout.alignment) { whole in
        _ = whole.initializeMemory(as: UInt8.self, repeating: 0)
        // SAFETY: the host vouches for `size` bytes, and the copy holds as many as are taken; what may be missing may be zeros.
        whole.copyMemory(from: UnsafeRawBufferPointer(start: request, count: min(size, whole.count)))
        return whole.load(as: dn_comm_request.self)
    }
}

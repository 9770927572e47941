import PluginABI

/// dn.host.egress/1: what the operator lets each caller's requests do. A host that does not offer it bounds nothing.
struct Egress: @unchecked Sendable {
    // SAFETY of @unchecked Sendable: the host's tables are for any thread, and live until the instance stops.
    private let host: UnsafePointer<dn_host>
    private let table: UnsafePointer<dn_host_egress>?

    init(_ host: UnsafePointer<dn_host>) {
        self.host = host
        // SAFETY: the id names this type.
        table = host.pointee.get_interface?(host, DN_HOST_EGRESS_1)?.assumingMemoryBound(to: dn_host_egress.self)
    }

    /// - Throws: DN_PERMISSION with the host's sentence.
    func allow(_ caller: UInt64, _ server: Server, _ command: Command) throws(Refusal) {
        guard let allow = table?.pointee.allow else { return }
        let method = Array(String(decoding: command.name, as: UTF8.self).uppercased().utf8)
        var failure = dn_error()
        failure.struct_size = UInt32(MemoryLayout<dn_error>.size)
        let status = Array(server.host.utf8).withUnsafeBufferPointer { name in
            method.withUnsafeBufferPointer { method in
                var to = dn_egress()
                to.struct_size = UInt32(MemoryLayout<dn_egress>.size)
                to.port = UInt32(server.port)
                to.host = dn_bytes(data: name.baseAddress, len: UInt64(name.count))
                to.method = dn_bytes(data: method.baseAddress, len: UInt64(method.count))
                return allow(host, caller, &to, &failure)
            }
        }
        guard status != DN_OK else { return }
        let message = withUnsafeBytes(of: failure.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        throw Refusal(status, message)
    }
}

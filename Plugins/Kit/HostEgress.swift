internal import PluginABI

/// What the operator lets each caller's requests do, and the secrets that they are sent with (dn.host.egress/1). A host that does
/// not offer it bounds nothing and has no secrets.
public struct HostEgress: @unchecked Sendable {
    // Safe to share: the ABI makes the host and its tables [any-thread] and keeps them until stop returns.
    private let host: UnsafePointer<dn_host>
    private let table: UnsafePointer<dn_host_egress>?

    /// Where a request would go.
    public struct Target {
        /// A name, or an address without brackets.
        public var host: UnsafeRawBufferPointer
        public var port: UInt16
        public var method: UnsafeRawBufferPointer
        public var isSecure: Bool

        public init(host: UnsafeRawBufferPointer, port: UInt16, method: UnsafeRawBufferPointer, isSecure: Bool) {
            (self.host, self.port, self.method, self.isSecure) = (host, port, method, isSecure)
        }

        fileprivate var raw: dn_egress {
            dn_egress(
                struct_size: UInt32(MemoryLayout<dn_egress>.size), is_secure: isSecure ? 1 : 0, port: UInt32(port),
                padding: 0, host: Self.lend(host), method: Self.lend(method))
        }

        private static func lend(_ bytes: UnsafeRawBufferPointer) -> dn_bytes {
            dn_bytes(data: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), len: UInt64(bytes.count))
        }
    }

    public init(_ services: HostServices) {
        host = services.pointer
        table = services.table(DN_HOST_EGRESS_1, MemoryLayout<dn_host_egress>.size)
    }

    /// - Throws: DN_PERMISSION with the host's sentence.
    public func allow(_ caller: UInt64, _ target: Target) throws(PluginError) {
        guard let allow = table?.pointee.allow else { return }
        var raw = target.raw
        var error = dn_error()
        error.struct_size = UInt32(MemoryLayout<dn_error>.size)
        let status = allow(host, caller, &raw, &error)
        guard status != DN_OK else { return }
        let message = withUnsafeBytes(of: error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        throw PluginError(DN_PERMISSION, message.isEmpty ? "the host refuses the request" : message)
    }

    /// Calls `take` with each line, "Name: value", that the request is sent with.
    public func secrets(_ caller: UInt64, _ target: Target, _ take: (UnsafeRawBufferPointer) -> Void) {
        guard let secrets = table?.pointee.secrets else { return }
        var raw = target.raw
        withoutActuallyEscaping(take) { take in
            var box = Box(take: take)
            withUnsafeMutablePointer(to: &box) { box in
                secrets(
                    host, caller, &raw,
                    { argument, line in
                        // SAFETY: argument is the box, which lives until this call of the host's returns.
                        argument?.assumingMemoryBound(to: Box.self).pointee.take(
                            UnsafeRawBufferPointer(start: line.data, count: line.data == nil ? 0 : Int(line.len)))
                    }, box)
            }
        }
    }

    private struct Box {
        let take: (UnsafeRawBufferPointer) -> Void
    }
}

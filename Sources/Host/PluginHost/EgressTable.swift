internal import PluginABI

/// The vtable of dn.host.egress/1.
enum EgressTable {
    // SAFETY of nonisolated(unsafe): written once before any plugin is loaded, read-only afterwards.
    nonisolated(unsafe) static let table: UnsafeMutablePointer<dn_host_egress> = {
        let table = UnsafeMutablePointer<dn_host_egress>.allocate(capacity: 1)
        table.initialize(
            to: dn_host_egress(
                struct_size: UInt32(MemoryLayout<dn_host_egress>.size), padding: 0,
                allow: { _, caller, to, error in
                    guard let target = target(to) else { return DN_MISUSE }
                    guard let reason = Egress.shared.refusal(caller, target) else { return DN_OK }
                    return refuse(reason, error)
                },
                secrets: { _, caller, to, take, argument in
                    guard let target = target(to) else { return }
                    for line in Egress.shared.lines(caller, target) {
                        line.withUnsafeBufferPointer {
                            take(argument, dn_bytes(data: $0.baseAddress, len: UInt64($0.count)))
                        }
                    }
                }))
        return table
    }()

    private static func refuse(_ reason: String, _ error: UnsafeMutablePointer<dn_error>) -> dn_status {
        guard Int(error.pointee.struct_size) >= MemoryLayout<dn_error>.size else { return DN_PERMISSION }
        error.pointee.code = DN_PERMISSION
        error.pointee.input_offset = UInt64.max
        withUnsafeMutableBytes(of: &error.pointee.message) { room in
            // Room for the end stays: the rest of the array is zero.
            room.initializeMemory(as: UInt8.self, repeating: 0)
            UnsafeMutableRawBufferPointer(rebasing: room.dropLast()).copyBytes(from: reason.utf8.prefix(room.count - 1))
        }
        return DN_PERMISSION
    }

    private static func target(_ raw: UnsafePointer<dn_egress>) -> EgressTarget? {
        guard Int(raw.pointee.struct_size) >= MemoryLayout<dn_egress>.size,
            let port = UInt16(exactly: raw.pointee.port)
        else { return nil }
        return EgressTarget(
            host: String(decoding: raw.pointee.host.lent, as: UTF8.self), port: port,
            method: String(decoding: raw.pointee.method.lent, as: UTF8.self), isSecure: raw.pointee.is_secure == 1)
    }
}

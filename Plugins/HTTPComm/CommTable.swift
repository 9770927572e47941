internal import Glibc
internal import PluginABI

/// The vtable of dn.comm/1 (comm.h): turns C arguments into calls of `Instance` and `Reactor`.
enum CommTable {
    // SAFETY of nonisolated(unsafe), here and below: written once by the initialiser, read-only afterwards.
    nonisolated(unsafe) static let pointer = Descriptor.permanent(
        dn_comm(
            struct_size: UInt32(MemoryLayout<dn_comm>.size), padding: 0,
            protocols: { _, out, count, _ in
                out.pointee = UnsafePointer(protocols)
                count.pointee = 1
                return DN_OK
            },
            validate: validate, reactor_create: create,
            reactor_destroy: { reactor in
                // SAFETY: the host gives back what reactor_create gave it, once.
                let reactor = Unmanaged<Reactor>.fromOpaque(UnsafeRawPointer(reactor)).takeRetainedValue()
                reactor.close()
            },
            reactor_fd: { reactor(of: $0).descriptor },
            submit: submit, poll: poll,
            wake: { reactor(of: $0).wake() },
            cancel: { reactor(of: $0).cancel($1) },
            release: { reactor(of: $0).release($1) }))

    static let signatureCount = 2

    /// Both generations of the original's sets.
    private nonisolated(unsafe) static let signatures: UnsafeMutablePointer<dn_comm_signature> = {
        let all = UnsafeMutablePointer<dn_comm_signature>.allocate(capacity: signatureCount)
        all.initialize(
            to: dn_comm_signature(inputs: Descriptor.text("requests"), outputs: Descriptor.text("headers bodies")))
        (all + 1).initialize(
            to: dn_comm_signature(inputs: Descriptor.text("request"), outputs: Descriptor.text("response body")))
        return all
    }()

    private nonisolated(unsafe) static let protocols = Descriptor.permanent(
        dn_comm_protocol(
            struct_size: UInt32(MemoryLayout<dn_comm_protocol>.size), signature_count: UInt32(signatureCount),
            name: Descriptor.text("http"), signatures: UnsafePointer(signatures)))

    private static func instance(of handle: OpaquePointer) -> Instance {
        // SAFETY: the host passes what start gave it, before stop.
        Unmanaged<Instance>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
    }

    private static func reactor(of handle: OpaquePointer) -> Reactor {
        // SAFETY: the host passes what reactor_create gave it, before reactor_destroy.
        Unmanaged<Reactor>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
    }

    /// The host's struct, zeros where it ends before ours.
    private static func normalised(_ request: UnsafePointer<dn_comm_request>) -> dn_comm_request? {
        let size = Int(UnsafeRawPointer(request).loadUnaligned(as: UInt32.self))
        let ofFirstVersion = MemoryLayout<dn_comm_request>.offset(of: \.account) ?? .max
        guard size >= ofFirstVersion else { return nil }
        let layout = MemoryLayout<dn_comm_request>.self
        return withUnsafeTemporaryAllocation(byteCount: layout.size, alignment: layout.alignment) { whole in
            _ = whole.initializeMemory(as: UInt8.self, repeating: 0)
            // SAFETY: the host vouches for `size` bytes, and the copy holds as many as are taken; what may be missing
            // is a number.
            whole.copyMemory(from: Bytes(start: request, count: min(size, whole.count)))
            return whole.load(as: dn_comm_request.self)
        }
    }

    private static let validate:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_comm_request>, UnsafeMutablePointer<dn_request_info>,
            UnsafeMutablePointer<dn_error>
        ) -> dn_status = { handle, request, out, failure in
            guard let request = normalised(request) else { return DN_MISUSE }
            do throws(Refusal) {
                let (item, head) = try instance(of: handle).validate(request)
                out.pointee.idempotent = head.isIdempotent(item) ? DN_IDEMPOTENT_YES : DN_IDEMPOTENT_NO
                out.pointee.body_offset = UInt64(head.body.lowerBound)
                let verb = Text.string(item.part(head.method))
                Text.copy("\(verb) \(Text.string(item.part(head.target.authority)))", to: &out.pointee.target)
                return DN_OK
            } catch { return error.write(to: failure) }
        }

    private static let create:
        @convention(c) (
            OpaquePointer, UnsafePointer<dn_reactor_params>, UnsafeMutablePointer<OpaquePointer?>,
            UnsafeMutablePointer<dn_error>
        ) -> dn_status = { handle, params, out, failure in
            do throws(Refusal) {
                let reactor = try Reactor(instance(of: handle), maxInflight: params.pointee.max_inflight)
                out.pointee = OpaquePointer(Unmanaged.passRetained(reactor).toOpaque())
                return DN_OK
            } catch { return error.write(to: failure) }
        }

    private static let submit:
        @convention(c) (OpaquePointer, UnsafePointer<dn_comm_request>, UnsafeMutablePointer<dn_error>) -> dn_status = {
            handle, request, failure in
            guard let request = normalised(request) else { return DN_MISUSE }
            do throws(Refusal) {
                try reactor(of: handle).submit(request)
                return DN_OK
            } catch { return error.write(to: failure) }
        }

    private static let poll:
        @convention(c) (
            OpaquePointer, UInt64, UnsafeMutablePointer<dn_completion>, UInt64, UnsafeMutablePointer<UInt64>,
            UnsafeMutablePointer<dn_error>
        ) -> dn_status = { handle, timeout, out, capacity, count, _ in
            count.pointee = UInt64(reactor(of: handle).poll(timeout, out, Int(clamping: capacity)))
            return DN_OK
        }
}
